"""Intake: what others write into the journal for the panel to act on. Requests of people, troubles of other processes.

A request is done at most once, and only while it is fresh: a siren silenced a day late is a siren silenced for nobody.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.core.alarm import RESTORES, SIGNALS
from agent.core.backoff import Backoff
from agent.core.chain import Row, Stamp
from agent.core.events import KINDS, Event, Signal
from agent.core.permits import KINDS as PERMITS
from agent.core.rules import FOLLOWED
from agent.panel.commands import Commands
from agent.panel.decide import Decider
from agent.runtime.paths import Paths

if TYPE_CHECKING:
    from agent.journal import Cursor, Journal

log = logging.getLogger(__name__)

FRESH_NS = 60 * 1_000_000_000
FIRST_LOOK = 500  # rows looked back at when there is no mark: a request made just before may be among them
MARK = "requests"
COMMAND = "command.received"
ASKED = ("relay.test_requested", "walk_test.requested")  # of a technician
ANSWERS = ("alarm.acknowledged", "alarm.silenced", "alarm.reset", "point.armed", "point.disarmed")


def wanted_kinds(decider: Decider) -> tuple[str, ...]:
    """Kinds to read: requests, what raises or restores alarms, and what a rule names."""
    kinds = {"panel.requested", "clock.set", "footage.stopped", "trouble.raised"}
    kinds |= {kind for kind in SIGNALS if kind.startswith("camera.")}
    kinds |= {*ASKED, *PERMITS, *RESTORES}
    kinds |= {"pump.test_requested", "pump.explained"}
    kinds |= {kind for kind in KINDS if kind.startswith(FOLLOWED) and decider.response.rules.names(kind)}
    return tuple(sorted(kinds))


class Intake:
    """One thread's work: `run`."""

    def __init__(
        self,
        paths: Paths,
        decider: Decider,
        put: Callable[[Callable[[Stamp], None]], None],
        stamp: Callable[[], Stamp],
        commands: Commands,
    ) -> None:
        self._paths = paths
        self._decider = decider
        self._put = put
        self._stamp = stamp
        self._commands = commands
        self._kinds = wanted_kinds(decider) + ((COMMAND,) if commands.wanted else ())
        self._after = 0
        self._marked = 0
        self._unmarked = 0  # rows up to here were there before there was any mark of ours

    def run(self, tick: Callable[[], None], stop: threading.Event) -> None:
        """Until `stop`. A journal that cannot be read is tried again; requests wait in it."""
        from agent.journal import JournalError

        backoff, told = Backoff(0.4, 5, random.random), ""
        while not stop.is_set():
            tick()
            try:
                self._listen(tick, stop, backoff)
            except JournalError as error:
                if str(error) != told:
                    log.warning("intake: %s", error)
                told = str(error)
                stop.wait(backoff.next())

    def _listen(self, tick: Callable[[], None], stop: threading.Event, backoff: Backoff) -> None:
        from agent.journal import Bell, Cursor, Journal

        if not self._paths.journal.exists():  # the writer is about to make it
            stop.wait(0.1)
            return
        journal, bell, cursor = Journal.open_to_read(self._paths.journal), Bell(self._paths.bell), None
        try:
            cursor = Cursor(self._paths.cursor("panel"))
            self._resume(journal, cursor)
            backoff.reset()
            while not stop.is_set():
                tick()
                self._read(journal, cursor)
                bell.wait(1.0)
                journal.check_moved()
        finally:
            for one in (journal, bell, cursor):
                if one is not None:
                    one.close()

    def _resume(self, journal: Journal, cursor: Cursor) -> None:
        begun, over = journal.last("walk_test.started"), journal.last("walk_test.ended")
        if begun is not None and (over is None or over.seq < begun.seq) and begun.boot != self._stamp().boot:
            self._put(self._cut_off)
        mark = cursor.get(journal.epoch, MARK)
        epoch, seq = self._decider.answered
        self._after = self._marked = max(mark, seq if epoch == journal.epoch else 0)
        if self._after == 0:
            self._unmarked = journal.head()[0]
            self._after = max(0, self._unmarked - FIRST_LOOK)
        if not epoch and self._commands.wanted:
            self._commands.cut_off(journal, self._after)

    def _cut_off(self, now: Stamp) -> None:
        self._decider.response.now = now
        self._decider.commissioning.cut_off()

    def _read(self, journal: Journal, cursor: Cursor) -> None:
        while rows := journal.read(self._after, kinds=self._kinds, limit=100):
            for row in rows:
                self._pass_on(journal, row)
            self._after = rows[-1].seq
        epoch, answered = self._decider.answered
        if epoch == journal.epoch and answered > self._marked:
            cursor.set(journal.epoch, MARK, answered)
            self._marked = answered

    def _pass_on(self, journal: Journal, row: Row) -> None:
        name = (journal.epoch, row.seq)
        if row.kind == COMMAND and self._commands.wanted:
            self._commands.take(journal, row, self._stale(row))
            return
        if row.kind in ASKED:
            self._ask(name, row)
            return
        if row.kind != "panel.requested":
            event = _event(row)
            if event is not None and row.source != "panel" and not (row.seq <= self._unmarked and self._stale(row)):
                written = Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)
                self._put(lambda now: self._decider.heard(name, event, now, written))
            return
        refuse = self._stale(row)
        if refuse and (row.seq <= self._unmarked or _answered(journal, row)):
            return
        values = row.values()
        does, alarm, by = str(values["does"]), str(values["alarm"]), str(values["by"])
        self._put(lambda now: self._decider.request(name, does, alarm, by, refuse, now))

    def _ask(self, name: tuple[str, int], row: Row) -> None:
        event, refuse = _event(row), self._stale(row)
        if event is not None and not (refuse and row.seq <= self._unmarked):
            self._put(lambda now: self._decider.asked(name, event, refuse, now))

    def _stale(self, row: Row) -> str:
        """Why a request comes too late, "" if it does not."""
        now = self._stamp()
        if row.boot != now.boot:
            return "it was made before the board started"
        if now.mono_ns - row.mono_ns > FRESH_NS:
            return f"it is older than {FRESH_NS // 1_000_000_000} s"
        return ""


def _answered(journal: Journal, request: Row) -> bool:
    """True if the journal holds an answer to a request already."""
    by = request.values()["by"]
    for row in journal.read(request.seq, kinds=("panel.refused", *ANSWERS), limit=1000):
        values = row.values()
        if values.get("request") == request.seq or (row.kind in ANSWERS and values.get("by") == by):
            return True
    return False


def _event(row: Row) -> Event | None:
    try:
        data: dict[str, Any] = row.values()
        return KINDS[row.kind](source=row.source, signal=Signal(row.signal), **data)
    except (KeyError, TypeError, ValueError) as error:
        log.warning("row %d: %s cannot be read: %s", row.seq, row.kind, error)
        return None
