"""What comes from the broker on the event session: the collector's acks, and signed commands."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

from agent.core.answers import received, refused
from agent.core.chain import Stamp, first_hash
from agent.core.commands import INSTALLER, OPS, Envelope, Here, Now, Refusal, judge
from agent.core.delivery import Conflict, Delivery
from agent.core.events import CommandRefused
from agent.core.meter import RefusalMeter
from agent.core.people import Key
from agent.core.results import STATES, Seal, result_payload
from agent.core.wire import Ack, Topics, WireError, parse_ack
from agent.journal import Journal
from agent.journal.projections import command_counters, told_time, unended_commands
from agent.runtime.clock import OLDEST_BELIEVABLE_NS
from agent.runtime.keys import KeysError, verify_apart
from agent.uplink.link import Message
from agent.uplink.notes import SOURCE, Notes

log = logging.getLogger(__name__)

RESULTS_MOST = 64
LOOK_BACK = 200  # rows looked back at when a session begins: a command's end may have come while there was none
VERIFY_MOST, MINUTE_S = 60, 60.0  # signatures looked at
FRESH_NS = 120 * 1_000_000_000
BY_INSTALLER = tuple(name for name, op in OPS.items() if op.does == INSTALLER)


class Inbox:
    """Messages in; marks into the books, commands and refusals into the journal, results to publish out. One thread.

    `results` are payloads to publish on `result`, bounded; `conflicts` marks of the collector that are not ours.
    """

    def __init__(
        self,
        topics: Topics,
        journal: Journal,
        books: Delivery,
        notes: Notes,
        stamp: Callable[[], Stamp],
        keys: Mapping[str, Key] | None = None,
        seal: Seal | None = None,
        ask_installer: Callable[[], None] = lambda: None,
    ) -> None:
        self.results: deque[bytes] = deque(maxlen=RESULTS_MOST)
        self.conflicts: list[Conflict] = []
        self.strangers = 0  # acks of other epochs: they move nothing
        self._topics = topics
        self._journal = journal
        self._books = books
        self._notes = notes
        self._stamp = stamp
        self._seal = seal
        self._ask_installer = ask_installer
        self._here = Here(topics.site, topics.board, keys or {}, self._verified)
        self._counters = command_counters(journal, "command.received", "command.started") if keys else {}
        self._seen = max(0, journal.head()[0] - LOOK_BACK)
        self._meter = RefusalMeter()
        self._looked: deque[float] = deque()
        self._clock_told = False
        if keys and unended_commands(journal, *BY_INSTALLER, begun="command.received"):
            ask_installer()  # of before a power cut, however many rows ago: its sender is owed an answer

    def take(self, message: Message, now_s: float) -> None:
        """One message. Never raises for what is in it."""
        if message.topic == self._topics.of("ack"):
            self._ack(message, now_s)
        elif message.topic == self._topics.of("command"):
            self._command(message, now_s)

    def tick(self, now_s: float) -> None:
        """Sum up refusals that went unwritten."""
        if more := self._meter.due(now_s):
            self._notes.refused_commands(more)

    # --- commands ---

    def _command(self, message: Message, now_s: float) -> None:
        try:
            verdict = judge(message.payload, self._here, self._now(), self._counters, retained=message.retained)
        except KeysError as error:
            digest = hashlib.sha256(message.payload).hexdigest()
            verdict = Refusal("unverified", f"its signature cannot be looked at: {error}", len(message.payload), digest)
        if isinstance(verdict, Envelope):
            self._accept(verdict)
        elif self._meter.admit(now_s):
            self._tell(refused(SOURCE, verdict))

    def _verified(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Each costs a process: only so many a minute, or bad signatures could keep the session busy. KeysError."""
        now_s = time.monotonic()
        while self._looked and now_s - self._looked[0] > MINUTE_S:
            self._looked.popleft()
        if len(self._looked) >= VERIFY_MOST:
            raise KeysError(f"more than {VERIFY_MOST} commands in a minute: send it again later")
        self._looked.append(now_s)
        return verify_apart(public, signature, message)

    def _now(self) -> Now:
        stamp = told_time(self._journal, self._stamp())
        return Now(stamp.at_ns // 1_000_000_000, stamp.clock, stamp.boot)

    def _accept(self, envelope: Envelope) -> None:
        """Write it down; from there on it is the panel's. What cannot be written down is not done."""
        if self._notes.write(received(SOURCE, envelope)):
            self._counters[envelope.key] = envelope.ctr
            return
        reason = {"code": "journal", "reason": "the board cannot write its journal: nothing was done"}
        self.results.append(self._result("refused", {"command": envelope.id, "op": envelope.op, **reason}))

    def _tell(self, row: CommandRefused) -> None:
        """A row, of which the result is made; the result alone if the disk takes no row."""
        if not self._notes.write(row):
            self.results.append(self._result("refused", row.data()))

    def _result(self, state: str, values: Mapping[str, object]) -> bytes:
        """Signed, if it is the last word on a command; unsigned where the key cannot be used now."""
        try:
            return result_payload(state, values, self._seal)
        except KeysError as error:
            log.warning("%s: the result of a command goes out unsigned", error)
            return result_payload(state, values)

    def follow(self, head: int) -> None:
        """Make results of the rows that were committed up to `head`."""
        now = self._stamp()
        while self._seen < head:
            rows = self._journal.read(self._seen, kinds=tuple(STATES), limit=100)
            for row in rows:
                if row.kind == "command.received" and row.values()["op"] in BY_INSTALLER:
                    self._ask_installer()
                if row.boot == now.boot and now.mono_ns - row.mono_ns < FRESH_NS:
                    self.results.append(self._result(STATES[row.kind], row.values()))
            self._seen = rows[-1].seq if rows else head

    # --- acks ---

    def _ack(self, message: Message, now_s: float) -> None:
        if message.retained:
            return
        try:
            ack = parse_ack(message.payload)
        except WireError as error:
            self._notes.refused("ack", 0, f"the collector's ack cannot be read: {error}", now_s)
            return
        if ack.epoch != self._journal.epoch:
            self.strangers += 1
            return
        self._books.seen(self._journal.head()[0])
        self.conflicts += self._books.acknowledged(ack, self._hash_of)
        self.conflicts += [self._disagreed(seq, theirs) for seq, theirs in ack.conflicts[:1]]
        self._set_clock(ack)

    def _hash_of(self, lane: str, seq: int) -> str | None:
        if seq == 0:
            return first_hash(self._journal.epoch).hex()
        row = self._journal.row(seq)
        return row.hash.hex() if row is not None and row.lane == lane else None

    def _disagreed(self, seq: int, theirs: str) -> Conflict:
        row = self._journal.row(seq)
        return Conflict(row.lane if row else "", seq, row.hash.hex() if row else "", theirs)

    def _set_clock(self, ack: Ack) -> None:
        if self._clock_told or ack.at_ns < OLDEST_BELIEVABLE_NS:
            return
        stamp = self._stamp()
        if stamp.clock == "unset":
            self._notes.clock(stamp, ack.at_ns)
        self._clock_told = True
