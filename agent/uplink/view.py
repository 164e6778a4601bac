"""What the uplink says of itself in run/status-uplink.json: written by one thread, told by the others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Event
from typing import Any

from agent.core.budget import cost
from agent.core.wire import LANES
from agent.journal import Journal, JournalError
from agent.runtime import status
from agent.runtime.paths import Paths
from agent.uplink.gaps import Gaps, Given

EVERY_S = 2.0
CHANGED_S = 0.4
LOOK_S = 0.2


class View:
    """Threads put whole values in; nobody holds a lock. `link` is told by the session, `files` by the bulk session."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.link: dict[str, Any] = {"state": "starting"}
        self.files: dict[str, Any] = {"state": "idle"}
        self.cursors: dict[str, int] = {}
        self.epoch = ""
        self.last_refusal = ""
        self.trouble = ""
        self.counted: tuple[int, dict[str, Any]] = (
            -1,
            {},
        )  # (the journal's head, lane -> what waits) when last counted
        self.summary: dict[str, Any] = {}  # for the retained state
        self.unsigned = ""  # why presence goes out without the board's signature

    def now(self) -> dict[str, Any]:
        """Everything but the queues."""
        return {
            "broker": self.broker,
            **self.link,
            "files": self.files,
            "last_refusal": self.last_refusal,
            "trouble": self.trouble or self.unsigned,
        }


class Queues:
    """What waits past the cursors, counted in the journal: seldom when counting takes long."""

    def __init__(self, paths: Paths, view: View) -> None:
        self._paths = paths
        self._view = view
        self._journal: Journal | None = None
        self._gaps: Gaps | None = None
        self._given: list[Given] = []
        self._again_s = 0.0

    def count(self, now_s: float) -> dict[str, Any]:
        """lane -> {"rows", "bytes", "oldest_s"}; the last count while it is too early for another."""
        if now_s < self._again_s or not self._view.epoch:
            return self._view.counted[1]
        try:
            self._view.counted = self._count(self._opened())
        except JournalError as error:
            self.close()
            return {"trouble": str(error)}
        self._again_s = now_s + 50 * (time.monotonic() - now_s)
        return self._view.counted[1]

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        self._journal, self._gaps, self._given = None, None, []

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.open_to_read(self._paths.journal)
            self._gaps = Gaps(self._journal)
        self._journal.check_moved()
        return self._journal

    def _count(self, journal: Journal) -> tuple[int, dict[str, Any]]:
        if journal.epoch != self._view.epoch or self._gaps is None:
            return -1, {}
        head = journal.head()[0]
        self._given += self._gaps.new()
        return head, {lane: self._lane(journal, lane, self._view.cursors.get(lane, 0)) for lane in LANES}

    def _lane(self, journal: Journal, lane: str, cursor: int) -> dict[str, Any]:
        """Without what was given up: it waits no longer."""
        rows, data_bytes = journal.count(lane=lane, after=cursor)
        given = [gap for gap in self._given if gap.lane == lane and gap.span[0] > cursor]
        oldest = journal.read(cursor, lane=lane, limit=1)
        age_s = max(0, (time.time_ns() - oldest[0].at_ns) // 1_000_000_000) if oldest else 0
        bytes_ = max(0, cost(rows, data_bytes) - sum(gap.bytes for gap in given))
        return {"rows": max(0, rows - sum(gap.rows for gap in given)), "bytes": bytes_, "oldest_s": age_s}


def summary(view: View, free_mb: int, free_days: int | None) -> dict[str, Any]:
    """The retained state of the uplink: whole numbers, null where nobody knows."""
    lanes = view.counted[1].values()
    return {
        "queue_rows": sum(lane["rows"] for lane in lanes),
        "queue_bytes": sum(lane["bytes"] for lane in lanes),
        "oldest_s": max((lane["oldest_s"] for lane in lanes), default=0),
        "lanes": view.counted[1],
        "clips": view.files.get("pending", 0),
        "clips_bytes": view.files.get("pending_bytes", 0),
        "rate_kbit_s": view.link.get("rate_kbit_s", 0),
        "rtt_ms": view.link.get("rtt_ms", 0),
        "last_refusal": view.last_refusal,
        "free_mb": free_mb,
        "free_days": free_days,
    }


def storage(paths: Paths, reserve_mb: int) -> tuple[int, int | None]:
    """(free megabytes, days until recording has used all but the reserve; None if nothing is being recorded)."""
    found = os.statvfs(paths.data)
    free_bytes = found.f_bavail * found.f_frsize
    recorders = [one for name, one in status.read_all(paths).items() if name.startswith("recorder@") and one["alive"]]
    bytes_day = sum(int(one.get("kbit_s") or 0) for one in recorders) * 125 * 86_400
    left = max(0, free_bytes - reserve_mb * 1_000_000)
    return free_bytes // 1_000_000, left // bytes_day if bytes_day else None


def run(paths: Paths, view: View, reserve_mb: int, stop: Event, tick: Callable[[], None]) -> None:
    """Write the status file each EVERY_S, sooner when something changed. A full /run costs the view, not the uplink."""
    queues, written_s = Queues(paths, view), float("-inf")
    shown: tuple[object, ...] = ()
    while not stop.wait(LOOK_S):
        tick()
        now_s, state = time.monotonic(), (view.link.get("state"), *view.cursors.values())
        if now_s - written_s < (EVERY_S if state == shown else CHANGED_S):
            continue
        shown, written_s = state, now_s
        try:
            status.write(paths, "uplink", {**view.now(), "queue": queues.count(now_s)})
            view.summary = summary(view, *storage(paths, reserve_mb))
        except OSError as error:
            view.trouble = f"status file: {error.strerror}"
    queues.close()
