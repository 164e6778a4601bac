"""Zones and masks of a camera: what is refused, what is warned of, and that a mask nobody paints is never accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import check

HEAD = '[site]\nid = "a"\nboard = "b"\n[[camera]]\nid = "yard"\nsource = "{source}"\n{keys}\n'
MASK = '[[camera.mask]]\ncorners = ["0,0", "50,0", "50,50"]\n'
ZONE = '[[camera.zone]]\nid = "gate"\ncorners = ["0,0", "100,0", "50, 50"]\n'


def looked(
    tmp_path: Path, text: str, source: str = "rtsp://10.0.0.7/main", keys: str = ""
) -> tuple[list[str], list[str]]:
    file = tmp_path / "site.toml"
    file.write_text(HEAD.format(source=source, keys=keys) + text)
    checked = check(file, "en")
    return [str(problem) for problem in checked.problems], [str(warning) for warning in checked.warnings]


def test_a_mask_that_nobody_can_paint_is_an_error(tmp_path: Path) -> None:
    problems, _ = looked(tmp_path, MASK)
    assert len(problems) == 1
    assert "re-encode" in problems[0]


@pytest.mark.parametrize("source", ["testcard:", "/dev/video0"])
def test_where_we_encode_a_mask_needs_no_word(tmp_path: Path, source: str) -> None:
    assert looked(tmp_path, MASK, source) == ([], [])


def test_re_encoding_is_done_and_its_price_told(tmp_path: Path) -> None:
    problems, (warning,) = looked(tmp_path, MASK, keys='mask_by = "re-encode"')
    assert problems == []
    assert "60 times at 1080p" in " ".join(warning.split())


def test_the_cameras_own_mask_is_believed_while_it_is_watched(tmp_path: Path) -> None:
    assert looked(tmp_path, MASK, keys='mask_by = "camera"') == ([], [])
    problems, _ = looked(tmp_path, "[camera.health]\nwatch = false\n" + MASK, keys='mask_by = "camera"')
    assert ["health.watch" in problem for problem in problems] == [True]
    problems, _ = looked(tmp_path, "", keys='mask_by = "camera"')
    assert ["camera.mask" in problem for problem in problems] == [True], "there is no mask at all"


def test_zones_serve_motion_and_have_names_of_their_own(tmp_path: Path) -> None:
    assert looked(tmp_path, "[camera.motion]\n" + ZONE) == ([], [])
    assert len(looked(tmp_path, ZONE)[0]) == 1
    assert len(looked(tmp_path, "[camera.motion]\n" + ZONE + ZONE)[0]) == 1


@pytest.mark.parametrize("corner", ["101,0", "1", "a,b", "1,2,3", "-1,5", ""])
def test_a_corner_that_is_none_is_told_with_its_place(tmp_path: Path, corner: str) -> None:
    (problem,), _ = looked(tmp_path, f'[[camera.mask]]\ncorners = ["0,0", "{corner}", "50,50"]\n', "testcard:")
    assert 'camera[1] "yard".mask[1].corners[2]' in problem
    assert "50,100" in problem
