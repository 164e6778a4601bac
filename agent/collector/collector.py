"""What runs beside the broker: read, store, commit, and only then answer. One thread, one transaction at a time.

Rules of this file:
- a message is worked on as it is read, into the open transaction; the transaction is committed when nothing more is
  waiting or after COMMIT_S, whichever comes first; acks and file responses go out after the commit, never before;
- so a kill -9 at any point loses nothing that was answered, and what was not answered comes again and is stored once;
- nothing is queued here: while we store, we do not read, and the broker and TCP hold the boards back;
- a message nobody understands costs one line in the log (of a few a minute, the rest counted) and changes nothing.
"""

from __future__ import annotations

import contextlib
import logging
import random
import sqlite3
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

from agent.collector import heads
from agent.collector.books import Board, Boards, StrangerError
from agent.collector.files import Files, Reply
from agent.collector.ledger import Ledger, Outcome
from agent.collector.link import Broker, Link, LinkError, Message
from agent.collector.metrics import STATE_TOPIC, Metrics
from agent.collector.quiet import Quiet
from agent.collector.store import Store
from agent.core.backoff import MINUTES, Backoff
from agent.core.filewire import TransferError
from agent.core.wire import (
    MESSAGE_BYTES_MAX,
    Presence,
    Topics,
    WireError,
    ack_payload,
    board_of,
    parse_presence,
    parse_rows,
    unzip,
)

log = logging.getLogger(__name__)

COMMIT_S = 0.05
COMMIT_BYTES = 8 * 1024 * 1024
ACK_EVERY_S = 0.05
IDLE_S = 0.5
RETRY_FIRST_S, RETRY_MOST_S = 1.0, 60.0
REPLIES_MAX = 4096


class Collector:
    """Stores what boards send to `broker` into `folder`. run() until `stop` says so.

    metrics: is told what boards say of their uplinks, if anybody wants figures.
    """

    def __init__(self, broker: Broker, folder: Path, sites: list[str], metrics: Metrics | None = None) -> None:
        self._metrics = metrics
        self._broker = broker
        self._sites = sites
        self._store = Store(folder)
        self._boards = Boards(self._store.db)
        self._ledger = Ledger(self._store.db, self._boards)
        self._files = Files(self._store.db, self._store.files, self._boards)
        self._store.on_rollback(self._boards.forget)
        self._store.on_rollback(self._files.forget)
        self._quiet = Quiet(log)
        self._replies: deque[Reply] = deque()
        self._to_ack: OrderedDict[tuple[Board, str], None] = OrderedDict()
        self._acked_s: dict[Board, float] = {}

    def run(self, stop: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Until stop(); tick() is called at least every few seconds. Raises sqlite3.Error only for a broken store."""
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S, random.random, MINUTES)
        try:
            while not stop():
                try:
                    self._session(stop, tick, backoff)
                except LinkError as error:
                    wait_s = backoff.next()
                    log.warning("%s; again in %.1f s", error, wait_s)
                    self._wait(wait_s, stop, tick)
        finally:
            self.close()

    def _wait(self, wait_s: float, stop: Callable[[], bool], tick: Callable[[], None]) -> None:
        end = time.monotonic() + wait_s
        while not stop() and (left := end - time.monotonic()) > 0:
            tick()
            time.sleep(min(0.2, left))

    def _session(self, stop: Callable[[], bool], tick: Callable[[], None], backoff: Backoff) -> None:
        tick()
        link = Link(self._broker, self._sites, [STATE_TOPIC] if self._metrics else [])
        try:
            link.open()
            log.info("connected to %s, listening to %s", self._broker, ", ".join(self._sites) or "all sites")
            backoff.reset()
            while not stop():
                tick()
                self._read(link)
                self._save()
                self._answer(link)
        finally:
            self._drop_unsaved()
            link.close()

    def _drop_unsaved(self) -> None:
        """The session is over: answers that were not sent never will be; boards ask again."""
        self._store.rollback()
        self._replies.clear()
        self._to_ack.clear()

    # --- reading ---

    def _read(self, link: Link) -> None:
        """Take what comes, until nothing more waits or the transaction is large or old enough."""
        end, taken = time.monotonic() + COMMIT_S, 0
        messages = link.turn(self._patience_s())
        while messages:
            for message in messages:
                taken += len(message.payload)
                self._take(message)
            if taken >= COMMIT_BYTES or len(self._replies) >= REPLIES_MAX or time.monotonic() >= end:
                return
            messages = link.turn(0)

    def _patience_s(self) -> float:
        return ACK_EVERY_S if self._to_ack or self._replies or self._files.busy else IDLE_S

    def _take(self, message: Message) -> None:
        """One message of a board. Whatever is wrong with it, or with our disk, ends here."""
        try:
            self._store.begin()
            site, board, rest = _place_of(message.topic)
            try:
                self._sort(site, board, rest, message)
            except (WireError, TransferError, StrangerError) as error:
                self._refuse(self._boards.known(site, board), message.topic, [str(error)])
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def _sort(self, site: str, board: str, rest: str, message: Message) -> None:
        if len(message.payload) > MESSAGE_BYTES_MAX:
            raise WireError(f"{len(message.payload)} bytes in one message, {MESSAGE_BYTES_MAX} allowed")
        if rest in ("event", "replay"):
            rows = parse_rows(unzip(message.payload) if message.encoding == "gzip" else message.payload)
            sender = self._boards.board(site, board)
            self._took(sender, message.topic, self._ledger.take(sender, rows))
        elif rest == "presence" and message.payload:  # empty: somebody cleared the retained message
            presence = parse_presence(message.payload)
            self._present(self._boards.board(site, board), presence)
        elif rest == STATE_TOPIC and self._metrics:
            self._metrics.told(site, board, message.payload)
        elif rest.startswith("file/"):
            reply = self._files.take(self._boards.board(site, board), message.topic, message.payload)
            if reply is not None:
                self._replies.append(reply)

    def _took(self, board: Board, topic: str, outcome: Outcome) -> None:
        for epoch in outcome.epochs:
            self._to_ack[board, epoch] = None
        if outcome.refused:
            self._refuse(board, topic, outcome.refused)
        if outcome.conflicts:
            text = "%s/%s: %d rows under numbers that other rows have here: kept aside, not acknowledged"
            self._quiet.say("conflict", logging.ERROR, text, board.site, board.board, outcome.conflicts)

    def _present(self, board: Board, presence: Presence) -> None:
        """A birth or a will. A birth is answered with what we have, so that the board knows where to go on."""
        self._boards.present(board, presence)
        who = f"{board.site}/{board.board}"
        log.info("%s is %s (epoch %s, row %d)", who, presence.state, presence.epoch, presence.head_seq)
        if reason := heads.look(self._store.db, board, presence):
            self._quiet.say(f"key {who}", logging.ERROR, "%s: %s: standpipe collect report", who, reason)
        if presence.state == "online":
            self._boards.book(board, presence.epoch).dirty = True
            self._to_ack[board, presence.epoch] = None

    def _refuse(self, board: Board | None, topic: str, reasons: list[str]) -> None:
        self._quiet.say("refused", logging.WARNING, "refused %d on %.200r: %.300s", len(reasons), topic, reasons[0])
        if board is not None:
            self._boards.refused(board, len(reasons), reasons[0])

    # --- saving and answering ---

    def _save(self) -> None:
        """Make everything since the last commit durable. What could not be saved is forgotten, and not answered."""
        try:
            if self._files.busy:
                self._store.begin()
                self._replies += self._files.finished()
            if self._store.db.in_transaction:
                self._files.settle()
                self._ledger.settle()
                self._store.commit()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """The disk is full or broken: nothing of this transaction is answered, and the boards keep it."""
        self._quiet.say("store", logging.ERROR, "cannot store: %s; boards keep what they have", error)
        self._drop_unsaved()
        time.sleep(IDLE_S)

    def _answer(self, link: Link) -> None:
        """After the commit: file responses at once, acks of a board at most every ACK_EVERY_S."""
        while self._replies:
            reply = self._replies[0]
            if not link.publish(Topics(reply.board.site, reply.board.board).of("file-response"), reply.payload):
                break
            self._replies.popleft()
        try:
            self._acknowledge(link)
        except sqlite3.Error as error:
            self._failed(error)
        if link.refused:
            self._quiet.say("answer", logging.ERROR, "the broker refuses our answers: %s", link.refused)
            link.refused = ""

    def _acknowledge(self, link: Link) -> None:
        now = time.monotonic()
        for board, epoch in list(self._to_ack):
            if now - self._acked_s.get(board, 0) < ACK_EVERY_S:
                continue
            ack = ack_payload(self._boards.ack(self._boards.book(board, epoch)))
            if not link.publish(Topics(board.site, board.board).of("ack"), ack):
                return
            del self._to_ack[board, epoch]
            self._acked_s[board] = now

    def close(self) -> None:
        """Leave the store as last committed."""
        self._files.close()
        with contextlib.suppress(sqlite3.Error):  # nothing that matters is open any more
            self._store.close()


def _place_of(topic: str) -> tuple[str, str, str]:
    """(site, board, rest) of a topic; empty names, which no board has, for one that is none of ours."""
    try:
        return board_of(topic)
    except WireError:
        return "", "", ""
