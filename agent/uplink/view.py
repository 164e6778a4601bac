"""What the uplink says of itself in run/status-uplink.json: written by one thread, told by the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

from agent.core.wire import LANES
from agent.journal import Journal, JournalError
from agent.runtime import status
from agent.runtime.paths import Paths

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
    """Rows past the cursors and the age of the oldest, counted in the journal: seldom when counting takes long."""

    def __init__(self, paths: Paths, view: View) -> None:
        self._paths = paths
        self._view = view
        self._journal: Journal | None = None
        self._counted: dict[str, Any] = {}
        self._again_s = 0.0

    def count(self, now_s: float) -> dict[str, Any]:
        """lane -> {"rows", "oldest_s"} (null: unknown yet); the last count while it is too early for another."""
        if now_s < self._again_s or not self._view.epoch:
            return self._counted
        try:
            self._counted = self._count(self._opened())
        except JournalError as error:
            self.close()
            return {"trouble": str(error)}
        self._again_s = now_s + 50 * (time.monotonic() - now_s)
        return self._counted

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.open_to_read(self._paths.journal)
        self._journal.check_moved()
        return self._journal

    def _count(self, journal: Journal) -> dict[str, Any]:
        if journal.epoch != self._view.epoch:
            return {}
        return {lane: self._lane(journal, lane, self._view.cursors.get(lane, 0)) for lane in LANES}

    def _lane(self, journal: Journal, lane: str, cursor: int) -> dict[str, Any]:
        rows, _ = journal.count(lane=lane, after=cursor)
        oldest = journal.read(cursor, lane=lane, limit=1)
        age_s = max(0, (time.time_ns() - oldest[0].at_ns) // 1_000_000_000) if oldest else 0
        return {"rows": rows, "oldest_s": age_s}


def run(paths: Paths, view: View, stop: Event, tick: Callable[[], None]) -> None:
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
        except OSError as error:
            view.trouble = f"status file: {error.strerror}"
    queues.close()
