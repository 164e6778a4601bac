"""The journal writer: moves rows from the ring into the journal, exactly once, whatever the disk does.

A stuck or full disk stops this thread and nothing else: rows wait in the ring, and `stuck` tells the alarm loop.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.core.alarm import Alarm, State
from agent.core.backoff import Backoff
from agent.core.chain import Row, Stamp
from agent.core.events import KINDS, Event, Signal
from agent.panel.notes import unpack
from agent.panel.ring import Record, Ring

if TYPE_CHECKING:  # sqlite3 costs time and memory that the first alarm shall not wait for
    from agent.journal import Journal
    from agent.journal.projections import OpenAlarm

log = logging.getLogger(__name__)

BATCH = 64
IDLE_S = 1.0
LINGER_S = 0.005  # what belongs together comes within this: one transaction, and the loop is left alone meanwhile
SILENT_NS = 6_000_000_000  # an append that takes longer: SQLite itself gives up on a lock after 5 s
PAGE = 1000

Fact = tuple[Event, Stamp]
Joined = Callable[[dict[str, bool], list[Alarm], list[Fact], Stamp], None]


class Writer:
    """One thread's work: `run`. `wake` and `stuck` from any thread.

    joined(levels, alarms, facts, now) is put to the loop once the journal is open and holds all that an earlier panel
    noted; facts: permits that stand, which doors are armed, what pumps did last, each with the time of its row;
    moved(now) when a new epoch has begun under us.
    """

    def __init__(
        self,
        ring: Ring,
        open_journal: Callable[[], Journal],
        put: Callable[[Callable[[Stamp], None]], None],
        points: list[str],
        joined: Joined,
        moved: Callable[[Stamp], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._ring = ring
        self._open_journal = open_journal
        self._put = put
        self._points = points
        self._joined = joined
        self._moved = moved
        self._now_ns = now_ns
        self._journal: Journal | None = None
        self._epoch = ""
        self._has_joined = False
        self._wake = threading.Event()
        self._backoff = Backoff(0.4, 2, random.random)
        self._busy_since_ns = 0
        self.error = ""
        self.rows = 0

    def wake(self) -> None:
        """There is something in the ring."""
        self._wake.set()

    def stuck(self, now_ns: int) -> str:
        """What is wrong with the journal, "" if nothing is."""
        if self.error:
            return self.error
        since = self._busy_since_ns
        if since and now_ns - since > SILENT_NS:
            return f"no answer from the disk for {(now_ns - since) // 1_000_000_000} s"
        return ""

    def run(self, tick: Callable[[], None], loop_ended: threading.Event) -> None:
        """Until the alarm loop has ended and the ring is empty, or cannot be emptied (the next panel will)."""
        while True:
            tick()
            ended = loop_ended.is_set()
            if not self._try():
                if ended:
                    break
                loop_ended.wait(self._backoff.next())
            elif not self._ring.waiting():
                if ended:
                    break
                if self._wake.wait(IDLE_S):
                    loop_ended.wait(LINGER_S)
                self._wake.clear()
        if self._journal is not None:
            self._journal.close()

    def _try(self) -> bool:
        """Write one batch; False if the journal cannot be written now."""
        from agent.journal import JournalError, JournalMoved

        self._busy_since_ns = self._now_ns()
        try:
            journal = self._opened()
            self._write(journal, self._ring.pending(BATCH))
            if not self._has_joined and not self._ring.waiting():
                self._join(journal)
        except JournalMoved as error:
            log.warning("%s", error)
            self._journal = None
            return True
        except JournalError as error:
            if not self.error:
                log.warning("journal: %s", error)
            self.error = str(error)
            return False
        finally:
            self._busy_since_ns = 0
        if self.error:
            log.warning("journal: writes again")
        self.error = ""
        self._backoff.reset()
        return True

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = self._open_journal()
            if self._epoch and self._epoch != self._journal.epoch:
                self._put(self._moved)
            self._epoch = self._journal.epoch
        self._journal.check_moved()
        return self._journal

    def _write(self, journal: Journal, records: list[Record]) -> None:
        if not records:
            return
        rows = [row for record in records if (row := _row(record)) is not None]
        attempted = self._ring.attempted()
        if attempted is not None and attempted[0] == journal.epoch:
            there = _recorded(journal, attempted[1])
            rows = [(event, stamp) for event, stamp in rows if _identity(event, stamp) not in there]
        else:
            self._ring.attempt(journal.epoch, journal.head()[0])
        if rows:
            journal.append(*(event for event, _ in rows), stamps=[stamp for _, stamp in rows])
        self.rows += len(rows)
        self._ring.mark(records[-1].number)

    def _join(self, journal: Journal) -> None:
        """Tell the loop what is on record."""
        from agent.journal.projections import first_row, open_alarms, pump_facts, standing

        levels = {}
        for point in self._points:
            row = journal.last("point.changed", "point.found", source=point)
            if row is not None:
                levels[point] = bool(row.values()["closed"])
        alarms = [_alarm(id_, alarm) for id_, alarm in open_alarms(journal).items()]
        self._has_joined = True
        rows = [*first_row(journal), *standing(journal), *pump_facts(journal)]
        facts = [fact for row in rows if (fact := _fact(row)) is not None]
        self._put(lambda now: self._joined(levels, alarms, facts, now))


def _row(record: Record) -> tuple[Event, Stamp] | None:
    try:
        return unpack(record.payload)
    except ValueError as error:
        log.warning("ring: record %d left out: %s", record.number, error)
        return None


def _fact(row: Row) -> Fact | None:
    try:
        data: dict[str, Any] = row.values()
        event = KINDS[row.kind](source=row.source, signal=Signal(row.signal), **data)
    except (KeyError, TypeError, ValueError) as error:
        log.warning("row %d: %s left out: %s", row.seq, row.kind, error)
        return None
    return event, Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)


def _identity(event: Event, stamp: Stamp) -> tuple[str, int, str, str]:
    return stamp.boot, stamp.mono_ns, event.KIND, event.source


def _recorded(journal: Journal, after: int) -> set[tuple[str, int, str, str]]:
    """Identities of all rows past `after`: among them may be rows of a batch whose mark a kill prevented."""
    found: set[tuple[str, int, str, str]] = set()
    while rows := journal.read(after, limit=PAGE):
        found.update((row.boot, row.mono_ns, row.kind, row.source) for row in rows)
        after = rows[-1].seq
    return found


def _alarm(id_: str, alarm: OpenAlarm) -> Alarm:
    values = alarm.raised.values()
    states = {
        (False, False): State.STANDING,
        (True, False): State.ACKNOWLEDGED,
        (False, True): State.GONE,
        (True, True): State.RESTING,
    }
    return Alarm(
        id=id_,
        on=str(values["on"]),
        of=str(values["of"]),
        signal=Signal(alarm.raised.signal),
        state=states[alarm.acknowledged, alarm.restored],
        silenced=alarm.silenced,
        detail=str(values["detail"]),
        first=bool(values.get("first")),
        drill=bool(values.get("drill")),
    )
