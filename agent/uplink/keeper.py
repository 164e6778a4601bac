"""Sessions one after another, over one open journal after another; what is between them is waiting.

Rules of this file:
- a session that is lost, refused or half-open ends as a LinkError, is written down by Notes, and is tried again after
  a back-off with full jitter; nothing here ends the process but a bug;
- whether or not a session stands: what was given up is taken out of the books, and the hours of the day are kept to.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
from collections.abc import Callable
from threading import Event

from agent.core.backoff import MINUTES, Backoff
from agent.core.delivery import Delivery
from agent.core.events import ProcessStarted, ProcessStopping
from agent.journal import Bell, Cursor, Journal, JournalError, JournalMoved
from agent.journal.restart import restart_epoch
from agent.uplink.gaps import Gaps
from agent.uplink.link import LinkError
from agent.uplink.marks import Marks
from agent.uplink.notes import REFUSALS, SOURCE, Notes
from agent.uplink.session import Board, Session
from agent.uplink.states import States
from agent.uplink.view import View

log = logging.getLogger(__name__)

LOOK_S = 0.5  # the journal is looked at this often even when no bell rang
STEADY_S = 30.0  # a session that lived so long was a good one
RESTART_AGAIN_NS = 24 * 3600 * 1_000_000_000
KEEP_ROWS = 20_000
FIRST_S, MOST_S = 1.0, 60.0
TELL_S, TELL_METERED_S = 60.0, 600.0  # between two retained states of the uplink itself


def run(board: Board, view: View, stop: Event, tick: Callable[[], None]) -> None:
    """Keep a session until `stop`. A journal moved aside is opened again; one that cannot be opened is tried again."""
    wait = Backoff(FIRST_S, 10.0, random.random)
    said = False
    while not stop.is_set():
        tick()
        try:
            with contextlib.closing(Journal.open(board.paths.journal, board.paths.bell, board.stamp)) as journal:
                wait.reset()
                if not said:
                    journal.append(ProcessStarted(source=SOURCE, version=board.version, pid=os.getpid()))
                    said = True
                Keeper(board, journal, view, stop, tick).keep()
                journal.append(ProcessStopping(source=SOURCE, pid=os.getpid()))
        except JournalMoved as error:
            log.warning("%s", error)
        except JournalError as error:
            view.trouble = str(error)
            log.error("%s", error)  # noqa: TRY400 - one line for a person
            stop.wait(wait.next())


class Keeper:
    """Sessions over one open journal, one after another."""

    def __init__(self, board: Board, journal: Journal, view: View, stop: Event, tick: Callable[[], None]) -> None:
        self._board = board
        self._journal = journal
        self._view = view
        self._stop = stop
        self._tick = tick
        self._bell = Bell(board.paths.bell)
        self._cursor = Cursor(board.paths.cursor("uplink"))
        self._marks = Marks(self._cursor, journal)
        self._books = Delivery(self._marks.load(), random.random, window=board.window, pace=board.pace)
        self._gaps = Gaps(journal)
        self._notes = Notes(journal, view)
        self._states = States(board.topics, board.config, journal, board.version if board.home_assistant else "")
        self._wait = Backoff(FIRST_S, MOST_S, random.random, MINUTES)
        self._told_s = float("-inf")
        self._keep_to()
        view.epoch, view.cursors = journal.epoch, self._books.cursors()

    def keep(self) -> None:
        """Until stop, or until the journal is moved aside (JournalMoved)."""
        try:
            while not self._stop.is_set():
                self._once()
        finally:
            self._bell.close()
            self._cursor.close()

    def _once(self) -> None:
        """One session, from connecting to its end and the wait after it."""
        started_s = time.monotonic()
        session = Session(self._board, self._journal, self._books, self._notes, self._states, self._view)
        try:
            session.open(self._waiting)
            self._live(session)
        except LinkError as error:
            self._notes.down(error, time.monotonic())
            if session.good or time.monotonic() - started_s > STEADY_S:
                self._wait.reset()
            self._view.link = {"state": error.state, "reason": error.reason}
            self._pause(self._wait.next(hurry=error.state not in REFUSALS))
        finally:
            session.close()
            self._save()

    def _waiting(self) -> bool:
        """Asked while a connection is being made: True goes on waiting."""
        self._tick()
        return not self._stop.is_set()

    def _live(self, session: Session) -> None:
        looked_s = 0.0
        self._bell.wait(0)
        while not self._stop.is_set():
            now_s = time.monotonic()
            rung = session.turn(self._bell.fileno(), now_s)
            if rung:
                self._bell.wait(0)
            if rung or now_s - looked_s >= LOOK_S:
                session.look()
            if now_s - looked_s >= LOOK_S:
                looked_s = now_s
                self._look_around(session, now_s)
        session.goodbye()

    def _look_around(self, session: Session, now_s: float) -> None:
        """Every LOOK_S: liveness, the journal's place, conflicts, cursors, view."""
        self._tick()
        self._journal.check_moved()
        self._keep_to()
        self._tell(now_s)
        session.watch(now_s)
        if session.inbox.conflicts:
            self._conflict(session)
        self._save()
        self._view.link = session.view(now_s)

    def _keep_to(self) -> None:
        """To what was given up meanwhile, and to the hours of the day."""
        for gap in self._gaps.new():
            self._books.excuse(gap.lane, gap.span)
        self._board.pace.cap(self._board.allowed().bytes_s)

    def _tell(self, now_s: float) -> None:
        """The uplink's own state, retained, seldom: it goes over the link that it is about."""
        every_s = TELL_METERED_S if self._board.metered else TELL_S
        if self._view.summary and now_s - self._told_s >= every_s:
            self._told_s = now_s
            self._states.tell_uplink({**self._view.summary, "state": "connected"})

    def _conflict(self, session: Session) -> None:
        """The far end holds other rows under our epoch: this journal is a copy that went its own way. A new epoch."""
        for conflict in session.inbox.conflicts[:1]:
            self._notes.conflict(conflict, time.monotonic())
        session.inbox.conflicts.clear()
        self._books.distrust()
        if not self._restarted_lately():
            keep_after = max(0 if self._marks.foreign else self._marks.proven(), self._journal.head()[0] - KEEP_ROWS)
            log.warning("the collector holds other rows under this journal's epoch: beginning a new one")
            restart_epoch(self._board.paths.journal, self._board.stamp, keep_after=keep_after)
            raise JournalMoved(f"{self._board.paths.journal}: a new epoch began")

    def _restarted_lately(self) -> bool:
        """At most one new epoch a day, whatever the far end says: each leaves a file behind."""
        first, now = self._journal.row(1), self._board.stamp()
        if first is None or first.values().get("reason") != "restored":
            return False
        since_ns = now.mono_ns - first.mono_ns if first.boot == now.boot else abs(now.at_ns - first.at_ns)
        return since_ns < RESTART_AGAIN_NS

    def _save(self) -> None:
        self._view.cursors = self._books.cursors()
        try:
            self._marks.save(self._view.cursors)
        except JournalError as error:
            self._view.trouble = str(error)

    def _pause(self, seconds: float) -> None:
        """Wait, ticking, with an eye on the journal's place."""
        end = time.monotonic() + seconds
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            self._tick()
            self._journal.check_moved()
            self._keep_to()
            self._states.follow(self._journal.head()[0])
            self._save()
            self._stop.wait(min(left, 1.0))
