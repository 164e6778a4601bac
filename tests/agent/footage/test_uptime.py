"""Availability by a real index and real files: what is being recorded, what was lost, what expired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_footage import AT_NS, BOOT, NS, fragments, stamp, write_segment

from agent.core.availability import UNKNOWN, Availability, Loss
from agent.core.chain import Stamp
from agent.footage.index import Gap, MediaIndex
from agent.footage.query import Between, Footage
from agent.footage.uptime import NOW, availability


class Yard:
    """A camera that recorded two seconds from each of these on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index = folder / "footage", MediaIndex(folder / "media.db")
        self.seq = 0

    def record(self, start_s: float, *, close: bool = True) -> None:
        self.seq += 1
        parts = fragments(20, start=stamp(start_s), run=self.seq)
        write_segment(self.folder, self.seq, parts, index=self.index, close=close)

    def gap(self, start_s: float, end_s: float, cause: str) -> None:
        a, b = stamp(start_s), stamp(end_s)
        row = Gap("yard", a.boot, a.mono_ns, a.at_ns, b.boot, b.mono_ns, b.at_ns, b.mono_ns - a.mono_ns, cause)
        self.index.add_gap(row)

    def told(self, start_s: float, end_s: float, now: Stamp | None = None) -> Availability:
        between = Between(AT_NS + int(start_s * NS), AT_NS + int(end_s * NS))
        return availability("yard", between, now or stamp(end_s), self.index, Footage(self.index), self.folder)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path)
    yield made
    made.index.close()


def test_two_hundred_seconds_with_one_loss(yard: Yard) -> None:
    yard.record(100)
    yard.record(102)
    yard.gap(104, 124, "camera lost: no route to host")
    yard.record(124)
    told = yard.told(100, 126)
    assert told.missing == {"camera lost": Loss(1, 20 * NS)}
    assert told.ppm == 6 * 1_000_000 // 26


def test_what_is_being_written_counts_as_far_as_it_is(yard: Yard) -> None:
    yard.record(100)
    yard.record(102, close=False)
    assert yard.told(100, 105).ppm == 1_000_000, "a second is gathered before it is written"
    told = yard.told(100, 124)
    assert told.missing == {NOW: Loss(1, 20 * NS)}


def test_what_is_lost_at_either_end_of_the_time_counts(yard: Yard) -> None:
    yard.record(100)
    yard.gap(102, 200, "disk full")
    yard.record(200)
    assert yard.told(150, 202, stamp(202)).missing == {"disk full": Loss(1, 50 * NS)}
    assert yard.told(100, 150, stamp(202)).missing == {"disk full": Loss(1, 48 * NS)}
    assert yard.told(120, 150, stamp(202)).ppm == 0, "nothing at all of it"


def test_no_footage_is_no_data(yard: Yard) -> None:
    assert yard.told(100, 200).ppm is None
    yard.record(300)
    assert yard.told(100, 200).ppm is None, "before the first"


def test_a_camera_that_is_gone_for_good_is_not_available(yard: Yard) -> None:
    yard.record(100)
    told = yard.told(1000, 2000)
    assert (told.ppm, told.missing) == (0, {NOW: Loss(1, 1000 * NS)})


def test_what_expired_in_between_is_told_apart(yard: Yard) -> None:
    for second in (100, 102, 104):
        yard.record(second)
    yard.index.drop("yard", 2)
    told = yard.told(100, 106)
    assert (told.ppm, told.gone_ns, told.missing) == (1_000_000, 2 * NS, {})


def test_a_hole_that_nobody_wrote_down_is_not_hidden(yard: Yard) -> None:
    yard.record(100)
    yard.record(112)
    assert yard.told(100, 114).missing == {UNKNOWN: Loss(1, 10 * NS)}
    assert yard.told(100, 114, stamp(114, boot=BOOT)).ppm == 4 * 1_000_000 // 14
