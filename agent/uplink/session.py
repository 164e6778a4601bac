"""The event session: rows, presence and states to the broker; acks and commands from it.

Rules of this file:
- the journal is the queue: a Link is handed what Delivery wants and forgotten when it breaks;
- no decision of its own: what to send and what has arrived is in core/delivery.py.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from agent.config import SiteConfig
from agent.core.chain import Stamp
from agent.core.delivery import Delivery, Want
from agent.core.homeassistant import DISCOVERY
from agent.core.hours import Allowed, Part, allowed
from agent.core.pace import Pace
from agent.core.people import Key
from agent.core.refused import Verdict
from agent.core.results import seal
from agent.core.signed import HEAD
from agent.core.wire import BATCH_TYPE, EVENT_TYPE, Presence, Topics, head_fields, presence_payload
from agent.journal import Journal
from agent.runtime.keys import BoardSigner, KeysError
from agent.runtime.paths import Paths
from agent.uplink.feed import Feed, Parcel
from agent.uplink.home import Home
from agent.uplink.inbox import Inbox
from agent.uplink.link import BrokerAt, Link, LinkError, Puback, Subscription, Will
from agent.uplink.notes import Notes
from agent.uplink.states import States
from agent.uplink.view import View

log = logging.getLogger(__name__)

TURN_S = 0.5
GOODBYE_S = 2.0
HEAD_EVERY_S = 3600.0  # the signed head goes out with each birth, and so often in between
HOME = "home-assistant"  # what was sent to it: whether the broker takes it is no trouble of ours


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
    signer: BoardSigner | None = None  # the board's own key, for the head of its chain
    pace: Pace = field(default_factory=Pace)  # of the link, which both sessions share
    hours: tuple[Part, ...] = ()
    metered: bool = False
    home_assistant: bool = False
    file_prefix: str = ""  # "$file-async": the broker itself stores files
    files_bytes: int = 1 << 63  # of clips kept for sending

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

    def allowed(self) -> Allowed:
        """What the link may be used for now."""
        stamp, now_min = self.stamp(), None
        if stamp.clock != "unset":
            local = datetime.fromtimestamp(stamp.at_ns / 1e9, ZoneInfo(self.config.site.timezone))
            now_min = local.hour * 60 + local.minute
        return allowed(self.hours, now_min, metered=self.metered)


class Session:
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
        self.inbox = Inbox(
            self._topics, journal, books, notes, board.stamp, board.keys, self._seal, self._ask_installer
        )
        self._home = Home(self._topics, board.broker.url, journal, notes, states)
        will = Will(self._topics.of("presence"), self._presence("offline"))
        # A command comes once or not at all (QoS 0): its sender is told what became of it, or hears nothing.
        subscriptions = [Subscription(self._topics.of("ack")), Subscription(self._topics.of("command"), qos=0)]
        if board.home_assistant:
            subscriptions += self._home.subscriptions
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
        return presence_payload(replace(presence, sig=self._signature(presence)))

    def _signature(self, presence: Presence) -> str:
        """Of the head; "" without a key, or where it cannot be used now: then it goes out unsigned."""
        if self._board.signer is None:
            return ""
        try:
            return self._board.signer.sign(HEAD, head_fields(presence, self._topics))
        except KeysError as error:
            log.warning("%s: the head of the journal goes out unsigned", error)
            return ""

    def _seal(self, told: dict[str, Any]) -> dict[str, Any]:
        """A result with the board's signature. KeysError."""
        signer = self._board.signer
        if signer is None:
            return told
        return seal(told, self._topics.site, self._topics.board, signer.public_text, signer.sign)

    # --- one round ---

    def turn(self, wake: int, now_s: float) -> bool:
        """Read, write, send what may be sent; True if `wake` could be read. Raises LinkError."""
        self._pump(now_s)
        woken = self._link.turn(TURN_S, wake)
        now_s = time.monotonic()
        for puback in self._link.take_pubacks():
            self._puback(puback, now_s)
        for message in self._link.take_messages():
            if not self._home.take(message, now_s):
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

    def _ask_installer(self) -> None:
        try:
            self._board.paths.install_asked.touch()
        except OSError as error:
            log.warning("the installer cannot be asked: %s", error)

    # --- sending ---

    def _pump(self, now_s: float) -> None:
        for _ in range(max(1, self._books.free // 2)):
            state = self._states.next() if self._books.spare > 0 else None
            if state is None:
                break
            self._hand(HOME if state[0].startswith(DISCOVERY) else "state", *state, retain=True)
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
        elif puback.code >= 0x80 and what != HOME:
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
            "rate_kbit_s": round(self._books.pace.rate_bytes_s / 125),
            "rtt_ms": round(self._books.pace.rtt_s * 1000),
            "delivered_rows": self._books.delivered_rows,
            "cursors": self._books.cursors(),
            "other_epoch_acks": self.inbox.strangers,
        }

    def _state(self) -> str:
        if self._books.nobody or (not self._books.heard and self._books.waited):
            return "no-collector"
        return "refused" if self._books.parked else "connected"
