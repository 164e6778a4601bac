"""What comes from the broker on the event session: the collector's acks, and commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agent.core.chain import Stamp, first_hash
from agent.core.commands import Refusal, RefusalMeter, judge, result_payload
from agent.core.delivery import Conflict, Delivery
from agent.core.wire import Ack, Topics, WireError, parse_ack
from agent.journal import Journal
from agent.runtime.clock import OLDEST_BELIEVABLE_NS
from agent.uplink.link import Message
from agent.uplink.notes import Notes

RESULTS_MOST = 16


class Inbox:
    """Messages in; marks into the books, refusals into the journal, results to publish out. One thread.

    `results` are payloads to publish on `result`, bounded; `conflicts` marks of the collector that are not ours.
    """

    def __init__(
        self, topics: Topics, journal: Journal, books: Delivery, notes: Notes, stamp: Callable[[], Stamp]
    ) -> None:
        self.results: deque[bytes] = deque(maxlen=RESULTS_MOST)
        self.conflicts: list[Conflict] = []
        self.strangers = 0  # acks of other epochs: they move nothing
        self._topics = topics
        self._journal = journal
        self._books = books
        self._notes = notes
        self._stamp = stamp
        self._meter = RefusalMeter()
        self._clock_told = False

    def take(self, message: Message, now_s: float) -> None:
        """One message. Never raises for what is in it."""
        if message.topic == self._topics.of("ack"):
            self._ack(message, now_s)
        elif message.topic == self._topics.of("command"):
            self._command(message, now_s)

    def tick(self, now_s: float) -> None:
        """Sum up refusals that went unwritten."""
        if more := self._meter.due(now_s):
            self._notes.command(Refusal("too many refused commands", 0, ""), more)

    def _command(self, message: Message, now_s: float) -> None:
        board = f"{self._topics.site}/{self._topics.board}"
        verdict = judge(message.payload, retained=message.retained, board=board)
        if isinstance(verdict, Refusal) and self._meter.admit(now_s):
            self._notes.command(verdict)
            self.results.append(result_payload(verdict))

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
