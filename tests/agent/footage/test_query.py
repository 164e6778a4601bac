"""A stretch of time asked of index and journal: everything that is there, nothing else, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_footage import NS, fragments, stamp, write_segment

from agent.core.chain import Stamp
from agent.core.events import ClockSet, DoorClosed, DoorOpened, Event, HoldRequested, MotionEnded
from agent.footage.index import Gap, MediaIndex, Segment, segment_path
from agent.footage.query import Between, Footage
from agent.journal import Journal
from agent.journal.prune import prune
from agent.journal.when import LATE_NS, When

BOOTS = [f"{n}1111111-2222-3333-4444-555555555555" for n in range(3)]
DAY = 86_400


def segment(
    seq: int, at_s: int, *, boot: int = 1, clock: str = "synced", camera: str = "yard", state: str = "closed"
) -> Segment:
    """A minute that began so many seconds after the first."""
    start, end = stamp(at_s, boot=BOOTS[boot]), stamp(at_s + 60, boot=BOOTS[boot])
    if clock == "unset":
        start, end = start._replace(at_ns=start.mono_ns), end._replace(at_ns=end.mono_ns)
    told = (BOOTS[boot], clock, start.mono_ns, start.at_ns)
    ends = (None, None, None, None, None) if state == "open" else (end.mono_ns, end.at_ns, 1500, 1000, b"x" * 32)
    return Segment(camera, seq, segment_path(camera, seq, "20261118T000000Z"), state, *told, *ends)


class Place:
    """An index and a journal, and what is asked of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = MediaIndex(folder / "media.db")
        self.now = stamp(10_000, boot=BOOTS[1])
        self.journal = Journal.open(folder / "journal.db", folder / "bell", lambda: self.now)

    def note(self, at: Stamp, *events: Event) -> None:
        self.journal.append(*events, stamps=[at] * len(events))

    @property
    def footage(self) -> Footage:
        return Footage(self.index, self.journal)

    def close(self) -> None:
        self.index.close()
        self.journal.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def between(start_s: float, end_s: float) -> Between:
    return Between(stamp(start_s).at_ns, stamp(end_s).at_ns)


def found(place: Place, start_s: float, end_s: float, camera: str = "yard") -> list[int]:
    return [one.seq for one in place.footage.every_segment(camera, between(start_s, end_s))]


# --- segments ---


def test_what_lies_in_it_if_only_in_part(place: Place) -> None:
    place.index.add([segment(n, 60 * n) for n in range(1, 11)] + [segment(1, 300, camera="gate")])
    assert found(place, 120, 180) == [2]
    assert found(place, 119, 181) == [1, 2, 3]
    assert found(place, 661, 999) == []
    assert found(place, 0, 9999, "gate") == [1]
    assert found(place, 0, 9999, "nowhere") == []
    assert place.footage.cameras() == ["gate", "yard"]


def test_what_is_being_written_is_there_and_what_is_being_deleted_is_not(place: Place) -> None:
    place.index.add([segment(1, 60), segment(2, 120, state="deleting"), segment(3, 180, state="open")])
    assert found(place, 0, 240) == [1, 3]
    assert found(place, 5000, 6000) == [], "an open one begins at most an hour before"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_join_without_a_hole_or_a_double(place: Place, limit: int) -> None:
    rows = [segment(n, 60 * n) for n in range(1, 8)]
    unset = [segment(n, 60 * n, boot=2, clock="unset") for n in range(8, 15)]
    place.index.add(rows + unset)
    place.note(place.now, ClockSet(source="clock", boot=BOOTS[2], mono_ns=0, at_ns=stamp(0).at_ns - 450 * NS, by="ntp"))
    footage, mark, seen = place.footage, None, []
    while True:
        page = footage.segments("yard", between(0, 9999), after=mark, limit=limit)
        assert len(page.items) <= limit
        seen += page.items
        mark = page.next
        if mark is None:
            break
    assert sorted(one.seq for one in seen) == list(range(1, 15))
    assert [one.start_at_ns for one in seen] == sorted(one.start_at_ns for one in seen), "by their corrected times"


def test_pages_join_where_a_clock_gave_many_the_same_time(place: Place) -> None:
    place.index.add([segment(n, 60)._replace(start_mono_ns=n * NS) for n in range(1, 6)])
    footage, mark, seen = place.footage, None, []
    while len(seen) < 9:
        page = footage.segments("yard", between(0, 999), after=mark, limit=2)
        seen += [one.seq for one in page.items]
        mark = page.next
        if mark is None:
            break
    assert seen == [1, 2, 3, 4, 5]


def test_a_clock_that_was_not_set_is_corrected_by_the_anchor_and_only_then(place: Place) -> None:
    place.index.add([segment(1, 100, boot=2, clock="unset"), segment(2, 100, boot=0, clock="unset")])
    assert found(place, 0, 9999) == []
    place.note(place.now, ClockSet(source="clock", boot=BOOTS[2], mono_ns=0, at_ns=stamp(7000).at_ns, by="person"))
    (one,) = place.footage.every_segment("yard", between(7000, 7200))
    assert (one.seq, one.start_at_ns, one.end_at_ns) == (1, stamp(7100).at_ns, stamp(7160).at_ns)
    assert [one.seq for one in place.footage.every_segment("yard", Between(0, 10**12))] == [2]


def test_fragments_of_a_segment(place: Place) -> None:
    write_segment(place.folder / "footage", 1, fragments(20, start=stamp(100)), index=place.index)
    (one,) = place.footage.every_segment("yard", between(0, 999))
    parts = place.footage.fragments(place.folder / "footage", one)
    assert [(part.from_ns, part.to_ns, part.key) for part in parts] == [
        (stamp(100).at_ns, stamp(101).at_ns, True),
        (stamp(101).at_ns, stamp(102).at_ns, True),
    ]


# --- gaps ---


def gap(start_s: int, end_s: int, *, set_: bool = True) -> Gap:
    start, end = stamp(start_s, boot=BOOTS[2]), stamp(end_s, boot=BOOTS[2])
    if not set_:
        start, end = start._replace(at_ns=start.mono_ns), end._replace(at_ns=end.mono_ns)
    ends = (start.boot, start.mono_ns, start.at_ns, end.boot, end.mono_ns, end.at_ns)
    return Gap("yard", *ends, end.mono_ns - start.mono_ns, "camera lost")


def test_gaps_with_their_reason_and_their_corrected_times(place: Place) -> None:
    for one in (gap(100, 110), gap(200, 210, set_=False), gap(300, 310)):
        place.index.add_gap(one)
    place.note(place.now, ClockSet(source="clock", boot=BOOTS[2], mono_ns=0, at_ns=stamp(0).at_ns, by="person"))
    assert [one.from_mono_ns // NS for one in place.footage.gaps("yard", between(105, 305)).items] == [100, 200, 300]
    (one,) = place.footage.gaps("yard", between(195, 205)).items
    assert (one.from_at_ns, one.cause) == (stamp(200).at_ns, "camera lost")
    page = place.footage.gaps("yard", between(0, 999), limit=2)
    assert len(page.items) == 2
    assert [one.from_mono_ns // NS for one in place.footage.gaps("yard", between(0, 999), after=page.next).items] == [
        300
    ]


# --- rows by their time ---


def test_rows_of_a_time_in_any_boot(place: Place) -> None:
    for boot, at_offset_s in ((0, 0), (1, DAY), (2, 2 * DAY)):
        stamps = [stamp(60 * n, boot=BOOTS[boot], at_offset_s=at_offset_s) for n in range(50)]
        place.journal.append(*(DoorOpened(source=f"d{boot}-{n}") for n in range(50)), stamps=stamps)
    sources = [row.source for row in place.footage.events(between(DAY + 600, DAY + 780)).items]
    assert sources == ["d1-10", "d1-11", "d1-12"]
    assert [row.source for row in place.footage.events(between(0, 3 * DAY), source="d2-7").items] == ["d2-7"]
    seen, mark = [], None
    while True:
        page = place.footage.events(between(-DAY, 3 * DAY), kinds="door.", after=mark, limit=7)
        seen += [row.seq for row in page.items]
        mark = page.next
        if mark is None:
            break
    assert len(seen) == len(set(seen)) == 150


def test_a_row_that_was_written_late_is_found_by_when_it_was_noted(place: Place) -> None:
    stamps = [stamp(60 * n, boot=BOOTS[1]) for n in range(100)]
    place.journal.append(*[DoorOpened(source="door")] * 100, stamps=stamps)
    place.note(stamp(5940 - LATE_NS // NS + 1, boot=BOOTS[1]), DoorClosed(source="late"))
    at = 5940 - LATE_NS / NS
    assert [row.source for row in place.footage.events(between(at, at + 2), kinds="door.closed").items] == ["late"]


def test_a_boot_without_a_clock_is_found_by_its_anchor(place: Place) -> None:
    for n in range(10):
        at = stamp(60 * n, boot=BOOTS[2], clock="unset")._replace(at_ns=60 * n * NS)
        place.note(at, DoorOpened(source=f"d{n}"))
    place.note(
        stamp(700, boot=BOOTS[2], clock="unset")._replace(at_ns=700 * NS),
        ClockSet(source="clock", boot=BOOTS[2], mono_ns=0, at_ns=stamp(5000).at_ns, by="person"),
    )
    rows = place.footage.events(between(5060, 5180), kinds="door.opened").items
    assert [row.source for row in rows] == ["d1", "d2"]


def test_what_was_carried_is_not_taken_for_the_time_it_was_carried_in(place: Place) -> None:
    old = stamp(0, boot=BOOTS[0], at_offset_s=-9 * DAY)
    hold = HoldRequested(source="cli", hold="h-1", cameras=["yard"], from_ns=1, to_ns=2, reason="x", by="anna")
    place.note(old, hold, *(DoorOpened(source="old") for _ in range(20)))
    place.note(stamp(100, boot=BOOTS[1]), DoorOpened(source="new"))
    head = place.journal.head()[0]
    prune(place.journal, head - 1, cursors={}, verified_upto=head, floor_seq=head)
    when = When(place.journal)
    assert [boot.name for boot in when.boots] == [BOOTS[1]]
    assert [row.kind for row in place.footage.events(between(50, 150)).items] == ["door.opened"]
    assert [one.id for one in place.footage.holds("yard", Between(0, 5))] == ["h-1"]


# --- all of it ---


def test_an_overview_has_everything_of_a_camera_and_says_where_there_is_more(place: Place) -> None:
    place.index.add([segment(n, 60 * n) for n in range(1, 6)])
    place.index.add_gap(gap(100, 110))
    moved = MotionEnded(source="yard", motion="m-1", zones=["all"], size=1, lasted_ms=1)
    for n in range(4):
        place.note(stamp(100 + n, boot=BOOTS[1]), moved, DoorOpened(source="door"))
    start, end = stamp(100).at_ns, stamp(200).at_ns
    held = {"hold": "h-1", "cameras": ["yard"], "reason": "x", "by": "anna"}
    place.note(place.now, HoldRequested(source="cli", from_ns=start, to_ns=end, **held))
    seen = place.footage.overview("yard", between(0, 300), limit=4)
    assert [one.seq for one in seen.segments] == [1, 2, 3, 4]
    assert [row.kind for row in seen.motion] == ["motion.ended"] * 4
    assert (len(seen.gaps), len(seen.events), [one.id for one in seen.holds]) == (1, 4, ["h-1"])
    assert seen.more == ("events",)
    assert json.loads(seen.motion[0].data)


def test_without_a_journal_there_is_footage_all_the_same(place: Place) -> None:
    place.index.add([segment(1, 60)])
    alone = Footage(place.index)
    assert [one.seq for one in alone.every_segment("yard", between(0, 999))] == [1]
    assert alone.events(between(0, 999)).items == []
    assert alone.holds("yard", between(0, 999)) == []
