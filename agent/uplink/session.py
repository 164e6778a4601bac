"""The event session: rows, presence and states to the broker; acks and commands from it.

Rules of this file:
- the journal is the queue: a Link is handed what Delivery wants and forgotten when it breaks;
- a session that is lost, refused or half-open ends as a LinkError, is written down by Notes, and is tried again after
  a back-off with full jitter; nothing here ends the process but a bug;
- no decision of its own: what to send and what has arrived is in core/delivery.py.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from agent.config import SiteConfig
from agent.core.backoff import Backoff
from agent.core.chain import Stamp
from agent.core.delivery import Delivery, Verdict, Want
from agent.core.events import ProcessStarted, ProcessStopping
from agent.core.pace import Pace
from agent.core.people import Key
from agent.core.signed import HEAD
from agent.core.wire import BATCH_TYPE, EVENT_TYPE, Presence, Topics, head_fields, presence_payload
from agent.journal import Bell, Cursor, Journal, JournalError, JournalMoved
from agent.journal.restart import restart_epoch
from agent.runtime.keys import Signer
from agent.runtime.paths import Paths
from agent.uplink.feed import Feed, Parcel
from agent.uplink.inbox import Inbox
from agent.uplink.link import BrokerAt, Link, LinkError, Puback, Subscription, Will
from agent.uplink.marks import Marks
from agent.uplink.notes import SOURCE, Notes, gaps
from agent.uplink.states import States
from agent.uplink.view import View

log = logging.getLogger(__name__)

TURN_S = 0.5
LOOK_S = 0.5  # the journal is looked at this often even when no bell rang
STEADY_S = 30.0  # a session that lived so long was a good one
GOODBYE_S = 2.0
HEAD_EVERY_S = 3600.0  # the signed head goes out with each birth, and so often in between
RESTART_AGAIN_NS = 24 * 3600 * 1_000_000_000
KEEP_ROWS = 20_000
FIRST_S, MOST_S = 1.0, 60.0


@dataclass(frozen=True)
class Board:
    """What a session needs to know of its board."""

    config: SiteConfig
    paths: Paths
    broker: BrokerAt
    window: int
    chunk_bytes: int
    stamp: Callable[[], Stamp]
    version: str
    keys: Mapping[str, Key] = field(default_factory=dict)  # of people who may sign commands, by id
    signer: Signer | None = None  # the board's own key, for the head of its chain
    pace: Pace = field(default_factory=Pace)  # of the link, which both sessions share

    @property
    def quiet_s(self) -> float:
        """Something is on its way and no PUBACK came for so long: the link is dead, whatever TCP says."""
        return float(self.broker.keepalive_s)

    @property
    def topics(self) -> Topics:
        return Topics(self.config.site.id, self.config.site.board)

    @property
    def client_id(self) -> str:
        """Ids hold no dots, so two boards never share one."""
        return f"{self.config.site.id}.{self.config.site.board}"


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
                _Keeper(board, journal, view, stop, tick).keep()
                journal.append(ProcessStopping(source=SOURCE, pid=os.getpid()))
        except JournalMoved as error:
            log.warning("%s", error)
        except JournalError as error:
            view.trouble = str(error)
            log.error("%s", error)  # noqa: TRY400 - one line for a person
            stop.wait(wait.next())


class _Keeper:
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
        for lane, span in gaps(journal):
            self._books.excuse(lane, span)
        self._notes = Notes(journal, view)
        self._states = States(board.topics, board.config, journal)
        self._wait = Backoff(FIRST_S, MOST_S, random.random)
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
        session = _Session(self._board, self._journal, self._books, self._notes, self._states, self._view)
        try:
            session.open(self._waiting)
            self._live(session)
        except LinkError as error:
            self._notes.down(error, time.monotonic())
            if session.good or time.monotonic() - started_s > STEADY_S:
                self._wait.reset()
            self._view.link = {"state": error.state, "reason": error.reason}
            self._pause(self._wait.next())
        finally:
            session.close()
            self._save()

    def _waiting(self) -> bool:
        """Asked while a connection is being made: True goes on waiting."""
        self._tick()
        return not self._stop.is_set()

    def _live(self, session: _Session) -> None:
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

    def _look_around(self, session: _Session, now_s: float) -> None:
        """Every LOOK_S: liveness, the journal's place, conflicts, cursors, view."""
        self._tick()
        self._journal.check_moved()
        session.watch(now_s)
        if session.inbox.conflicts:
            self._conflict(session)
        self._save()
        self._view.link = session.view(now_s)

    def _conflict(self, session: _Session) -> None:
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
            self._states.follow(self._journal.head()[0])
            self._stop.wait(min(left, 1.0))


class _Session:
    """One connection's life: birth, rows, states, results; acks and commands."""

    def __init__(
        self, board: Board, journal: Journal, books: Delivery, notes: Notes, states: States, view: View
    ) -> None:
        self._board = board
        self._journal = journal
        self._books = books
        self._notes = notes
        self._states = states
        self._view = view
        self._topics = board.topics
        self._feed = Feed(journal, board.config.site.id, board.config.site.board)
        self.inbox = Inbox(self._topics, journal, books, notes, board.stamp, board.keys)
        will = Will(self._topics.of("presence"), self._presence("offline"))
        # A command comes once or not at all (QoS 0): its sender is told what became of it, or hears nothing.
        subscriptions = [Subscription(self._topics.of("ack")), Subscription(self._topics.of("command"), qos=0)]
        self._link = Link(board.broker, board.client_id, subscriptions, will)
        self._what: dict[int, str] = {}  # token -> what was sent, for refusals; event and replay are "rows"
        self._progress_s = 0.0
        self._head_s = 0.0
        self._rate = (time.monotonic(), books.delivered_rows, 0.0)

    @property
    def good(self) -> bool:
        """The collector was heard: back-off starts anew after this session."""
        return self._books.heard

    def open(self, waiting: Callable[[], bool]) -> None:
        """Connect, birth, states. Raises LinkError."""
        self._link.open(waiting)
        self._notes.up()
        self._books.online(self._journal.head()[0], self._link.receive_maximum, self._link.packet_bytes)
        self._states.birth()
        self._tell_head(time.monotonic())

    def _tell_head(self, now_s: float) -> None:
        self._head_s = now_s
        self._hand("presence", self._topics.of("presence"), self._presence("online"), retain=True)

    def _presence(self, state: str) -> bytes:
        seq, hash_ = self._journal.head()
        stamp, signer = self._board.stamp(), self._board.signer
        presence = Presence(
            state,
            self._journal.epoch,
            seq,
            hash_.hex(),
            stamp.clock,
            stamp.at_ns,
            self._board.version,
            stamp.boot,
            signer.public_text if signer else "",
        )
        sig = signer.sign(HEAD, head_fields(presence, self._topics)) if signer else ""
        return presence_payload(replace(presence, sig=sig))

    # --- one round ---

    def turn(self, wake: int, now_s: float) -> bool:
        """Read, write, send what may be sent; True if `wake` could be read. Raises LinkError."""
        self._pump(now_s)
        woken = self._link.turn(TURN_S, wake)
        now_s = time.monotonic()
        for puback in self._link.take_pubacks():
            self._puback(puback, now_s)
        for message in self._link.take_messages():
            self.inbox.take(message, now_s)
        return woken

    def look(self) -> None:
        """The journal may have grown."""
        head = self._journal.head()[0]
        self._books.seen(head)
        self._states.follow(head)
        self.inbox.follow(head)
        self._feed.follow()

    def watch(self, now_s: float) -> None:
        """Every LOOK_S: send again what nobody acknowledged; end a session in which nothing moves."""
        self.inbox.tick(now_s)
        if now_s - self._head_s >= HEAD_EVERY_S and self._books.free > 0:
            self._tell_head(now_s)
        self._books.expire(now_s)
        if self._books.stalled:
            raise LinkError("unreachable", "the collector has acknowledged nothing for long: a new session is tried")
        quiet_s = now_s - self._progress_s
        if self._books.slots and quiet_s > self._board.quiet_s:
            raise LinkError("unreachable", f"the broker has confirmed nothing for {quiet_s:.0f} s: link taken for dead")

    # --- sending ---

    def _pump(self, now_s: float) -> None:
        for _ in range(max(1, self._books.free // 2)):
            state = self._states.next() if self._books.free > 0 else None
            if state is None:
                break
            self._hand("state", *state, retain=True)
        while self.inbox.results and self._books.free > 0:
            self._hand("result", self._topics.of("result"), self.inbox.results.popleft())
        while (want := self._books.want(now_s)) is not None:
            self._send_live(want, now_s) if want.live else self._send_backlog(want, now_s)

    def _send_live(self, want: Want, now_s: float) -> None:
        parcels = self._feed.live(want)
        if parcels is None:
            self._books.overrun(want)
        elif not parcels:
            self._books.nothing(want)
        else:
            for parcel in parcels:
                self._send(want, parcel, "event", EVENT_TYPE, now_s)

    def _send_backlog(self, want: Want, now_s: float) -> None:
        parcel = self._feed.backlog(want, self._books.pace.rate_bytes_s)
        if parcel is None:
            self._books.nothing(want)
        else:
            self._send(want, parcel, "replay", BATCH_TYPE, now_s)

    def _send(self, want: Want, parcel: Parcel, leaf: str, content_type: str, now_s: float) -> None:
        if len(parcel.payload) > self._link.packet_bytes:
            verdict = self._books.too_large(want, parcel.span, len(parcel.payload), now_s)
            return self._verdict(verdict, "rows", f"more than the broker's {self._link.packet_bytes} bytes", now_s)
        token = self._hand("rows", self._topics.of(leaf), parcel.payload, content_type, parcel.encoding)
        self._books.handed(token, want, parcel.span, parcel.rows, len(parcel.payload), now_s)
        return None

    def _hand(
        self, what: str, topic: str, payload: bytes, content_type: str = "", encoding: str = "", *, retain: bool = False
    ) -> int:
        if not self._books.slots:
            self._progress_s = time.monotonic()
        token = self._link.publish(topic, payload, content_type, encoding, retain=retain)
        self._books.occupied(token)
        self._what[token] = what
        return token

    # --- what came back ---

    def _puback(self, puback: Puback, now_s: float) -> None:
        self._progress_s = now_s
        what = self._what.pop(puback.token, "message")
        verdict = self._books.published(puback.token, puback.code, now_s)
        if verdict is not None:
            self._verdict(verdict, what, puback.reason, now_s)
        elif puback.code >= 0x80:
            self._notes.refused(what, puback.code, puback.reason, now_s)

    def _verdict(self, verdict: Verdict, what: str, reason: str, now_s: float) -> None:
        if verdict.what == "dead":
            self._notes.given_up(verdict.flight, verdict.code, reason)
        else:
            self._notes.refused(what, verdict.code, reason, now_s)

    # --- the end ---

    def goodbye(self) -> None:
        """Told to stop: the presence goes offline and the broker forgets the will."""
        with contextlib.suppress(LinkError):
            token = self._link.publish(self._topics.of("presence"), self._presence("offline"), retain=True)
            end = time.monotonic() + GOODBYE_S
            while time.monotonic() < end and token not in {p.token for p in self._link.take_pubacks()}:
                self._link.turn(0.1)
            self._link.close(goodbye=True)

    def close(self) -> None:
        self._link.close()
        verdict = self._books.offline()
        if verdict is not None:
            self._notes.given_up(verdict.flight, verdict.code, "the broker ends the session over it, again and again")

    def view(self, now_s: float) -> dict[str, Any]:
        """For the status file: state, window, bytes on their way, rows a second delivered since the last look."""
        then_s, then_rows, rate = self._rate
        if now_s - then_s >= 2:
            rate = (self._books.delivered_rows - then_rows) / (now_s - then_s)
            self._rate = (now_s, self._books.delivered_rows, rate)
        return {
            "state": self._state(),
            "window": self._books.window,
            "in_flight": self._books.slots,
            "in_flight_bytes": self._books.in_flight_bytes,
            "rate_rows_s": round(rate),
            "delivered_rows": self._books.delivered_rows,
            "cursors": self._books.cursors(),
            "other_epoch_acks": self.inbox.strangers,
        }

    def _state(self) -> str:
        if self._books.nobody or (not self._books.heard and self._books.waited):
            return "no-collector"
        return "refused" if self._books.parked else "connected"
