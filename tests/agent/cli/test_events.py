"""standpipe events: which rows, in which words, and --follow through everything."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Callable

import pytest
from sp_cli import Board, Said

from agent.core.chain import Stamp
from agent.core.events import (
    ClipReady,
    ClockSet,
    DoorClosed,
    DoorHeldOpen,
    DoorOpened,
    PointChanged,
    ProcessStarted,
    RelayDriven,
    Signal,
    TroubleRaised,
)
from agent.runtime.clock import SystemClock

Standpipe = Callable[..., Said]
Command = Callable[..., "subprocess.Popen[str]"]
NOON = 1_795_320_000_000_000_000  # 2026-11-22 04:00:00 UTC, noon in Shanghai


def rows(said: Said) -> list[str]:
    """The lines after the heading."""
    assert said.code == 0, said.err
    return said.out.splitlines()[1:]


def stamp(seconds: int = 0, clock: str = "synced", boot: str = "b") -> Stamp:
    return Stamp(NOON + seconds * 10**9, boot, seconds * 10**9, clock)


def test_line_has_number_local_time_class_kind_source_and_words(board: Board, standpipe: Standpipe) -> None:
    board.note(DoorHeldOpen(source="gate", limit_s=120, signal=Signal.SUPERVISORY), stamps=[stamp(5)])
    assert rows(standpipe("events"))[-1].split() == [
        "2", "2026-11-22", "12:00:05", "supervisory", "door.held_open", "gate", "limit", "2", "min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (PointChanged(source="x", closed=True, edge_mono_ns=1, decided_mono_ns=2), "contact closed"),
        (PointChanged(source="x", closed=False, edge_mono_ns=1, decided_mono_ns=2), "contact open"),
        (DoorClosed(source="x", open_ms=183_000), "open 3 min 3 s"),
        (DoorClosed(source="x", open_ms=None), ""),
        (DoorOpened(source="x", found=True), "found"),
        (
            RelayDriven(
                source="x", energised=True, reason="limit", edge_mono_ns=None, settled_mono_ns=None,
                decided_mono_ns=1, written_mono_ns=2,
            ),
            "energised, limit",
        ),
        (
            ClipReady(
                source="x", clip="c", path="p", bytes=3_456_789, sha256="ab" * 32, from_ns=NOON, to_ns=NOON, short_ms=0
            ),
            "clip c, path p, 3.5 MB, sha256 abababababab, from 2026-11-22 12:00:00, to 2026-11-22 12:00:00",
        ),
        (ProcessStarted(source="x", version="1", pid=7), "version 1, pid 7"),
        (TroubleRaised(source="x", what="disk", detail="a\n\x1b[31mb"), "what disk, a \\x1b[31mb"),
    ],
)  # fmt: skip
def test_data_in_words(board: Board, standpipe: Standpipe, event: object, words: str) -> None:
    board.note(event)  # type: ignore[arg-type]
    assert rows(standpipe("events"))[-1].partition(" x ")[2].strip() == words


def test_times_of_an_unset_clock_are_corrected_once_known(board: Board, standpipe: Standpipe) -> None:
    board.note(DoorOpened(source="gate"), stamps=[Stamp(0, "boot-1", 90 * 10**9, "unset")])
    assert "? boot+1 min 30 s" in rows(standpipe("events"))[-1]
    assert "at" not in json.loads(standpipe("events", "--json").out.splitlines()[-1])
    board.note(ClockSet(source="clock", boot="boot-1", mono_ns=100 * 10**9, at_ns=NOON, by="person"))
    assert "2026-11-22 11:59:50" in rows(standpipe("events"))[1]
    assert json.loads(standpipe("events", "--json").out.splitlines()[1])["at"] == "2026-11-22T03:59:50.000000Z"


def test_a_clock_that_nothing_kept_is_marked(board: Board, standpipe: Standpipe) -> None:
    board.note(DoorOpened(source="gate"), DoorOpened(source="gate"), stamps=[stamp(clock="rtc"), stamp(clock="synced")])
    first, second = rows(standpipe("events"))[-2:]
    assert "~2026" in first
    assert "~" not in second


def seqs(said: Said) -> list[int]:
    return [json.loads(line)["seq"] for line in said.out.splitlines()]


def test_which_rows(board: Board, standpipe: Standpipe) -> None:
    other = ProcessStarted(source="panel", version="1", pid=1)  # row 1 opens the journal; doors have even numbers
    board.note(*[event for i in range(300) for event in (DoorOpened(source=f"gate-{i % 3}"), other)])
    assert seqs(standpipe("events", "--json")) == list(range(552, 602))
    assert seqs(standpipe("events", "--json", "--limit", "3")) == [599, 600, 601]
    assert seqs(standpipe("events", "--json", "--limit", "0")) == []
    assert seqs(standpipe("events", "--json", "--limit", "3", "--kind", "door.*")) == [596, 598, 600]
    assert seqs(standpipe("events", "--json", "--limit", "2", "--source", "gate-0")) == [590, 596]
    assert seqs(standpipe("events", "--json", "--since", "0", "--kind", "journal.opened")) == [1]
    assert seqs(standpipe("events", "--json", "--limit", "9", "--kind", "journal.opened")) == [1]
    assert seqs(standpipe("events", "--json", "--since", "0")) == list(range(1, 602))
    assert seqs(standpipe("events", "--json", "--since", "590", "--limit", "2")) == [591, 592]
    assert seqs(
        standpipe("events", "--json", "--since", "0", "--limit", "700", "--kind", "door.opened", "--kind", "journal.*")
    ) == [
        1,
        *range(2, 602, 2),
    ]


def test_unknown_kind_is_a_usage_error(board: Board, standpipe: Standpipe) -> None:
    board.note()
    said = standpipe("events", "--kind", "door.opend")
    assert said.code == 2
    assert "did you mean door.opened?" in said.err


def test_json_leaves_nothing_out(board: Board, standpipe: Standpipe) -> None:
    board.note(DoorHeldOpen(source="gate", limit_s=120), stamps=[stamp(5)])
    row = json.loads(standpipe("events", "--json").out.splitlines()[-1])
    assert len(row.pop("hash")) == 64
    assert row == {
        "seq": 2, "at": "2026-11-22T04:00:05.000000Z", "at_ns": NOON + 5 * 10**9, "clock": "synced", "boot": "b",
        "mono_ns": 5 * 10**9, "lane": "status", "kind": "door.held_open", "source": "gate", "class": "status",
        "data": {"limit_s": 120},
    }  # fmt: skip


class Follower:
    """The real command with --follow, its lines as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def kind(self) -> str:
        """The next row's kind, within 20 s."""
        return str(json.loads(self._lines.get(timeout=20))["kind"])


def test_follow_goes_on_into_a_new_journal_until_ctrl_c(board: Board, command: Command) -> None:
    board.note(DoorOpened(source="gate"))
    process = command("events", "--follow", "--json", "--kind", "door.*")
    follower = Follower(process)
    assert follower.kind() == "door.opened"
    board.note(ProcessStarted(source="panel", version="1", pid=1), DoorClosed(source="gate"))
    assert follower.kind() == "door.closed"
    board.paths.journal.rename(board.paths.journal.with_suffix(".moved"))
    for suffix in ("-wal", "-shm"):
        board.paths.journal.with_name(f"journal.db{suffix}").unlink(missing_ok=True)
    board.note(DoorHeldOpen(source="gate", limit_s=9))
    assert follower.kind() == "door.held_open"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert process.stderr
    told = process.stderr.read()
    assert told.startswith("standpipe: a new journal begins")
    assert len(told.splitlines()) == 1


def test_stamps_of_the_real_clock_are_shown(board: Board, standpipe: Standpipe) -> None:
    now = SystemClock().stamp()
    board.note(DoorOpened(source="gate"), stamps=[now])
    assert json.loads(standpipe("events", "--json").out.splitlines()[-1])["at_ns"] == now.at_ns
