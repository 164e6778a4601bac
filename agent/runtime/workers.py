"""The threads of a process: a dead one ends the process, and systemd is told that all is well only while all tick."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.runtime.notify import notifier, watchdog_s

log = logging.getLogger(__name__)

Tick = Callable[[], None]
JOIN_S = 8.0
FEED_S = 1.0
LATE_MAX_S = 30.0  # where no systemd watches, a worker stuck for so long beyond its limit ends the process all the same


@dataclass
class _Worker:
    name: str
    limit_s: float | None
    thread: threading.Thread | None = None
    ticked: float = field(default_factory=time.monotonic)

    def tick(self) -> None:
        self.ticked = time.monotonic()

    def late_s(self, now: float) -> float:
        """By how much this worker has overstayed its limit; <= 0 while it is well."""
        return now - self.ticked - self.limit_s if self.limit_s is not None else 0.0


class Workers:
    """Start threads with `start`, then `run` in the main thread until told to stop or until one of them dies."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.stop = threading.Event()
        self._wake = threading.Event()
        self._workers: list[_Worker] = []
        self._failed = False
        self._notify = notifier()

    def start(self, name: str, target: Callable[[Tick], None], *, limit_s: float | None = 15) -> None:
        """Run `target(tick)` in a thread. It calls tick() at least every `limit_s` and returns soon after stop is set.

        An exception in it, or its return before stop, ends the process with exit 1. limit_s=None: never judged late.
        """
        worker = _Worker(name, limit_s)
        worker.thread = threading.Thread(target=self._guard, args=(worker, target), name=name, daemon=True)
        self._workers.append(worker)
        worker.thread.start()

    def _guard(self, worker: _Worker, target: Callable[[Tick], None]) -> None:
        try:
            target(worker.tick)
            if not self.stop.is_set():
                log.error("%s: thread %s ended by itself", self.process, worker.name)
                self._failed = True
        except Exception:
            log.exception("%s: thread %s failed", self.process, worker.name)
            self._failed = True
        finally:
            if self._failed:
                self.stop.set()
            self._wake.set()

    def run(self, ready: Callable[[], None] | None = None) -> int:
        """Tell systemd READY, then feed its watchdog while every worker ticks. Returns the process's exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._asked())
        if ready is not None:
            ready()
        self._notify("READY=1")
        watched = watchdog_s() is not None
        while not self.stop.is_set():
            self._wake.wait(FEED_S)
            self._feed(watched)
        self._notify("STOPPING=1")
        return self._join()

    def _feed(self, watched: bool) -> None:
        """Tell the watchdog that all is well, if it is. Unwatched, leave rather than hang for ever."""
        now = time.monotonic()
        late = self._latest()
        if late is None:
            if watched:
                self._notify("WATCHDOG=1")
            return
        log.error("%s: thread %s has been stuck for %.0f s", self.process, late.name, now - late.ticked)
        if not watched and late.late_s(now) > LATE_MAX_S:
            _leave_at_once()

    def _asked(self) -> None:
        self.stop.set()
        self._wake.set()

    def _latest(self) -> _Worker | None:
        """The worker furthest beyond its limit, if any is."""
        now = time.monotonic()
        late = [worker for worker in self._workers if worker.late_s(now) > 0]
        return max(late, key=lambda worker: worker.late_s(now), default=None)

    def _join(self) -> int:
        deadline = time.monotonic() + JOIN_S
        for worker in self._workers:
            if worker.thread is not None and worker.thread is not threading.current_thread():
                worker.thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [w.name for w in self._workers if w.thread is not None and w.thread.is_alive()]
        if stuck:
            log.error("%s: leaving with stuck threads: %s", self.process, ", ".join(stuck))
            _leave_at_once()
        return 1 if self._failed else 0


def _leave_at_once() -> None:
    """Exit 1 without waiting for threads: one in the kernel would keep a clean exit waiting for ever."""
    logging.shutdown()
    os._exit(1)
