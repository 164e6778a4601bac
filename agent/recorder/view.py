"""The status file of a recorder: what it does just now, every two seconds."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from agent.recorder.flow import FragmentQueue, Shown
from agent.runtime import status
from agent.runtime.paths import Paths

EVERY_S = 2.0


class View:
    """Rates between two looks."""

    def __init__(self, shown: Shown, queue: FragmentQueue) -> None:
        self._shown = shown
        self._queue = queue
        self._before = (time.monotonic(), 0, 0)

    def values(self) -> dict[str, Any]:
        """state: recording / connecting / lost / stopped; rates since the last look."""
        shown, queue = self._shown, self._queue
        then_s, frames, received = self._before
        self._before = (time.monotonic(), shown.frames, shown.received_bytes)
        seconds = max(0.001, self._before[0] - then_s)
        last_ns = shown.last_packet_ns
        state = "stopped" if shown.stopped else "recording" if shown.state == "receiving" else shown.state
        return {
            "state": state,
            "reason": shown.stopped or shown.reason,
            "about": shown.about,
            "fps": round((shown.frames - frames) / seconds, 1),
            "kbit_s": round((shown.received_bytes - received) * 8 / 1000 / seconds),
            "faults": [*shown.faults, *(["unwatched"] if shown.unwatched else [])],
            "figures": shown.look,
            "clock_off_ms": shown.clock_off_ms,
            "looks": shown.looks,
            "unlooked_packets": shown.unlooked,
            "segment": shown.segment,
            "queue_bytes": queue.bytes,
            "dropped_fragments": queue.dropped,
            "last_packet_age_ms": None if last_ns is None else (time.monotonic_ns() - last_ns) // 1_000_000,
        }


def run(paths: Paths, process: str, view: View, stop: threading.Event, tick: Callable[[], None]) -> None:
    """Until stop."""
    while not stop.wait(EVERY_S):
        tick()
        with contextlib.suppress(OSError):  # a full /run costs the view, not the footage
            status.write(paths, process, view.values())
