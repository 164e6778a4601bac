"""Notes: rows to bytes and back, and a full ring."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.core.chain import Stamp
from agent.core.events import DoorOpened, Event, PointChanged, PumpFailToStart, RelayDriven, Signal
from agent.panel.notes import RESERVED, Lost, Notebook, pack, unpack
from agent.panel.ring import SLOTS, Ring

STAMP = Stamp(1_800_000_000_000_000_001, "boot", 77, "synced")
STATUS = PointChanged(source="gate", closed=True, edge_mono_ns=1 << 62, decided_mono_ns=2)
URGENT = PumpFailToStart(source="p", limit_s=30, signal=Signal.ALARM)


@pytest.mark.parametrize(
    "event",
    [
        STATUS,
        URGENT,
        DoorOpened(source="门-1", found=True),
        RelayDriven(
            source="s", energised=True, reason="é\n", edge_mono_ns=None, settled_mono_ns=1, decided_mono_ns=2,
            written_mono_ns=3,
        ),
    ],
)  # fmt: skip
def test_there_and_back(event: Event) -> None:
    assert unpack(pack(event, STAMP)) == (event, STAMP)


@pytest.mark.parametrize(
    "junk", [b"", b"[]", b"\xff", pack(STATUS, STAMP).replace(b"point.changed", b"point.danced"),
             pack(STATUS, STAMP).replace(b'"closed"', b'"clothed"')],
)  # fmt: skip
def test_not_a_row(junk: bytes) -> None:
    with pytest.raises(ValueError, match="not a noted row"):
        unpack(junk)


def test_rows_of_one_moment_have_times_of_their_own() -> None:
    ring = Ring.without_file()
    book = Notebook(ring, lambda: None)
    book.note([STATUS, STATUS, URGENT], STAMP, lambda lost: b"s")
    book.note([STATUS], STAMP._replace(mono_ns=78), lambda lost: b"s")
    assert [unpack(record.payload)[1].mono_ns for record in ring.pending(9)] == [77, 78, 79, 80]


def test_full_first_for_status_then_for_all_and_counted(tmp_path: Path) -> None:
    ring = Ring.open(tmp_path / "ring")
    woken: list[int] = []
    book = Notebook(ring, lambda: woken.append(1))
    states: list[int] = []

    def state(lost: Lost) -> bytes:
        states.append(lost.rows)
        return b"%d" % lost.rows

    for number in range(SLOTS):
        book.note([STATUS], STAMP._replace(mono_ns=1000 + number), state)
    assert ring.waiting() == SLOTS - RESERVED
    assert (book.lost.rows, book.lost.from_ns) == (RESERVED, 1000 + SLOTS - RESERVED)
    for _ in range(RESERVED + 3):
        book.note([URGENT], STAMP, state)
    assert ring.waiting() == SLOTS
    assert book.lost.rows == RESERVED + 3
    assert book.lost_to_tell() is None, "no room to tell it in"
    assert len(woken) == SLOTS
    ring.close()
    ring = Ring.open(tmp_path / "ring")
    assert ring.state == b"%d" % (RESERVED + 3), "the state is noted even when rows are lost"


def test_lost_is_told_once_there_is_room() -> None:
    ring = Ring.without_file()
    book = Notebook(ring, lambda: None)
    book.lost = Lost(5, 10, 20)
    told = book.lost_to_tell()
    assert told == Lost(5, 10, 20)
    assert book.lost_to_tell() is None
