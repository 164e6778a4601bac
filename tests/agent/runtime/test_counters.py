"""Counters that outlive the journal: they only grow, and a lost file is no empty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.core.commands import AHEAD_MAX_S, Now
from agent.core.signed import NUMBER_MAX
from agent.runtime.counters import KEYS_MOST, Counters

NOW = Now(1_800_000_000, "synced", "boot")


def test_they_outlive_the_process_and_only_grow(tmp_path: Path) -> None:
    path = tmp_path / "counters.json"
    first = Counters(path, fresh=True)
    assert first.moment(NOW) == NOW
    first.keep("k1", 10)
    first.keep("k1", 4)
    first.keep("k2", 1)
    again = Counters(path, fresh=False)
    assert again.merged({}) == {"k1": 10, "k2": 1}
    assert again.merged({"k1": 3, "k2": 5, "k3": 2}) == {"k1": 10, "k2": 5, "k3": 2}
    assert again.moment(NOW).since_s == 0


@pytest.mark.parametrize(
    "left", [None, b"", b"{", b"[]", b'{"v": 1}', b'{"v": 1, "since_s": 0, "counters": {"k": "1"}}']
)
def test_a_lost_or_broken_file_bars_all_that_was_signed_before(tmp_path: Path, left: bytes | None) -> None:
    path = tmp_path / "counters.json"
    if left is not None:
        path.write_bytes(left)
    lost = Counters(path, fresh=left is not None)
    since_s = NOW.at_s + AHEAD_MAX_S
    assert lost.moment(NOW._replace(clock="unset")).since_s == NUMBER_MAX, "no clock: nobody can tell"
    assert lost.moment(NOW._replace(clock="told")).since_s == NUMBER_MAX
    assert lost.moment(NOW).since_s == since_s
    assert lost.moment(NOW._replace(at_s=NOW.at_s + 1000)).since_s == since_s, "it does not move on"
    assert Counters(path, fresh=False).moment(NOW).since_s == since_s, "and is remembered"


def test_a_bounded_number_of_keys_is_kept_the_latest(tmp_path: Path) -> None:
    kept = Counters(tmp_path / "c", fresh=True)
    for n in range(KEYS_MOST + 10):
        kept.keep(f"k{n}", 1)
    kept.keep("k20", 2)
    assert len(kept.merged({})) == KEYS_MOST
    assert kept.merged({})["k20"] == 2
    assert "k0" not in kept.merged({})


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"counters"):
        Counters(tmp_path / "no-such-folder/counters", fresh=True).keep("k", 1)
