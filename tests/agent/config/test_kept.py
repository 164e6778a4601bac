"""The last good site file: used when the present one is wrong, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import ConfigError, keep, load_or_kept
from agent.config.kept import NAME

GOOD = '[site]\nid = "plant"\nboard = "b-1"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(GOOD)
    return path


def test_a_good_file_is_used_and_kept(site: Path, tmp_path: Path) -> None:
    config, mistake = load_or_kept(site, tmp_path / "data")
    assert (config.site.board, mistake) == ("b-1", "")
    keep(site, tmp_path / "data")
    assert (tmp_path / "data" / NAME).read_text() == GOOD
    site.write_text(GOOD.replace("b-1", "b-2"))
    keep(site, tmp_path / "data")
    assert "b-2" in (tmp_path / "data" / NAME).read_text()
    assert [p.name for p in (tmp_path / "data").iterdir()] == [NAME]


def test_a_truncated_file_falls_back_to_the_last_good_one(site: Path, tmp_path: Path) -> None:
    keep(site, tmp_path / "data")
    site.write_text(GOOD[:25])
    config, mistake = load_or_kept(site, tmp_path / "data")
    assert config.site.board == "b-1"
    assert str(site) in mistake
    assert "standpipe check" in mistake
    assert "\n" not in mistake


def test_without_a_good_copy_the_mistakes_are_told(site: Path, tmp_path: Path) -> None:
    site.write_text(GOOD + "x = 1\n[relayy]\n")
    with pytest.raises(ConfigError) as caught:
        load_or_kept(site, tmp_path / "data")
    assert len(caught.value.problems) == 2
    assert caught.value.first().endswith("(and 1 more)")
