"""What the recorder has to say to the journal: noted at once with its time, written by a thread of its own.

The journal's disk may be full or slow; recording does not wait for it. The list is bounded; what does not fit is
counted and owned up to.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from agent.core.chain import Stamp
from agent.core.events import Event, RowsLost, Signal
from agent.journal import Journal, JournalError

log = logging.getLogger(__name__)
NOTES_MAX = 1000
RETRY_S = 1.0
WAIT_S = 10.0  # between two looks when there is nothing to write


class Notes:
    """`source` is the process's name in the journal; `stamp` the clock; `opened` opens the journal, in this thread."""

    def __init__(self, source: str, stamp: Callable[[], Stamp], opened: Callable[[], Journal]) -> None:
        self._source = source
        self._stamp = stamp
        self._opened = opened
        self._waiting: deque[tuple[Event, Stamp]] = deque()
        self._lost: list[Stamp] = []
        self._lost_count = 0
        self._changed = threading.Condition()
        self._awake = False
        self._journal: Journal | None = None

    def add(self, event: Event) -> None:
        """Note an event as of now. Never waits, never fails."""
        with self._changed:
            stamp = self._stamp()
            if len(self._waiting) >= NOTES_MAX:
                self._lost_count += 1
                self._lost = [*self._lost[:1], stamp]
                return
            self._waiting.append((event, stamp))
            self._changed.notify()

    def wake(self) -> None:
        """Look now whether it is all over."""
        with self._changed:
            self._awake = True
            self._changed.notify()

    def write(self, timeout_s: float) -> bool:
        """Wait for notes and write them; False if the journal would not take them (they stay noted)."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._awake, timeout_s)
            batch = list(self._waiting)
            lost = self._lost_row()
        if not batch:
            return True
        events, stamps = zip(*(batch + lost), strict=True)
        try:
            if self._journal is None:
                self._journal = self._opened()
            self._journal.append(*events, stamps=stamps)
        except JournalError as error:  # moved, full or stuck: the notes wait, and the journal is opened anew
            log.warning("%s", error)
            self._close()
            return False
        with self._changed:
            for _ in batch:
                self._waiting.popleft()
            if lost:
                self._lost, self._lost_count = [], 0
        return True

    def run(self, over: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Write notes until `over`, then what is left, for 3 s at most."""
        until: float | None = None
        while self._waiting or until is None:
            if not self.write(WAIT_S):
                time.sleep(RETRY_S)
            tick()
            if until is None and over():
                until = time.monotonic() + 3
            if until is not None and time.monotonic() > until:
                break
        self._close()

    def _lost_row(self) -> list[tuple[Event, Stamp]]:
        if not self._lost:
            return []
        first, last = self._lost[0].mono_ns, self._lost[-1].mono_ns
        event = RowsLost(
            source=self._source,
            signal=Signal.TROUBLE,
            rows=self._lost_count,
            from_mono_ns=first,
            to_mono_ns=last,
            reason="the journal could not be written for too long",
        )
        return [(event, self._stamp())]

    def _close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
