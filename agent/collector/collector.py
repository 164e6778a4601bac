"""What runs beside the broker: read, store, commit, and only then answer. One thread, one transaction at a time.

Rules of this file:
- messages are read, parsed and their hashes checked as they come; what they say goes into the store in one transaction
  when nothing more is waiting or after COMMIT_S, whichever comes first; acks go out after the commit, never before;
  files have a transaction of their own behind it (files.py), so that no alarm waits for an object store;
- so a kill -9 at any point loses nothing that was answered, and what was not answered comes again and is stored once;
- nothing is queued here: while we store, we do not read, and the broker and TCP hold the boards back;
- a message nobody understands costs one line in the log (of a few a minute, the rest counted) and changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from agent.collector.batch import Batch
from agent.collector.books import Board, Boards, StrangerError, check_names
from agent.collector.files import Files, Reply
from agent.collector.ledger import Ledger, Outcome
from agent.collector.link import Broker, Link, LinkError, Message
from agent.collector.metrics import STATE_TOPIC, Metrics
from agent.collector.quiet import Quiet
from agent.collector.shelf import Shelf
from agent.collector.store import DatabaseError, Store
from agent.core.backoff import MINUTES, Backoff
from agent.core.filewire import TransferError
from agent.core.wire import (
    MESSAGE_BYTES_MAX,
    Ack,
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
BOARDS_MOST = 200  # in one transaction: each is a lock at the server


class Collector:
    """Stores what boards send to `broker` into `store` and `shelf`. run() until `stop` says so.

    share: the group of collectors that divide the boards' messages among them, "" for one that reads them all.
    metrics: is told what boards say of their uplinks, if anybody wants figures.
    """

    def __init__(
        self,
        broker: Broker,
        store: Store,
        shelf: Shelf,
        sites: list[str],
        *,
        share: str = "",
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._broker = broker
        self._sites = sites
        self._share = share
        self._store = store
        self._boards = Boards(store)
        self._ledger = Ledger(store, self._boards)
        self._files = Files(store, shelf, self._boards)
        self._quiet = Quiet(log)
        self._batch = Batch()
        self._replies: deque[Reply] = deque(maxlen=REPLIES_MAX)  # beyond: the oldest; boards ask again
        self._to_ack: OrderedDict[tuple[Board, str], Ack] = OrderedDict()
        self._acked_s: OrderedDict[Board, float] = OrderedDict()

    def run(self, stop: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Until stop(); tick() is called at least every few seconds."""
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
        link = Link(self._broker, self._sites, [STATE_TOPIC] if self._metrics else [], self._share)
        try:
            link.open()
            group = f", sharing as {self._share}" if link.shared else ""
            log.info("connected to %s, listening to %s%s", self._broker, ", ".join(self._sites) or "all sites", group)
            if self._share and not link.shared:
                log.warning(
                    "the broker has no shared subscriptions: each collector here reads all of it (--site-filter)"
                )
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
        """What is not committed is forgotten, and answers that were not sent never will be; boards ask again."""
        self._store.rollback()
        self._boards.forget()
        self._files.drop()
        self._batch = Batch()
        self._replies.clear()
        self._to_ack.clear()

    # --- reading ---

    def _read(self, link: Link) -> None:
        """Take what comes, until nothing more waits or there is enough for a transaction."""
        end, taken = time.monotonic() + COMMIT_S, 0
        messages = link.turn(self._patience_s())
        while messages:
            for message in messages:
                taken += len(message.payload)
                self._take(message)
            if taken >= COMMIT_BYTES or len(self._batch.boards) >= BOARDS_MOST or time.monotonic() >= end:
                return
            messages = link.turn(0)

    def _patience_s(self) -> float:
        return ACK_EVERY_S if self._to_ack or self._replies or self._files.busy else IDLE_S

    def _take(self, message: Message) -> None:
        """One message of a board. Whatever is wrong with it ends here."""
        site, board, rest = _place_of(message.topic)
        try:
            check_names(site, board)
            self._sort(site, board, rest, message)
        except (WireError, TransferError, StrangerError) as error:
            self._quiet.say("refused", logging.WARNING, "refused on %.200r: %.300s", message.topic, error)
            if not isinstance(error, StrangerError):
                self._batch.of(site, board).refused.append(str(error))

    def _sort(self, site: str, board: str, rest: str, message: Message) -> None:
        if len(message.payload) > MESSAGE_BYTES_MAX:
            raise WireError(f"{len(message.payload)} bytes in one message, {MESSAGE_BYTES_MAX} allowed")
        if rest in ("event", "replay"):
            rows = parse_rows(unzip(message.payload) if message.encoding == "gzip" else message.payload)
            self._batch.of(site, board).rows.extend(rows)
        elif rest == "presence" and message.payload:  # empty: somebody cleared the retained message
            presence = parse_presence(message.payload)
            self._batch.of(site, board).presences.append(presence)
            log.info("%s/%s is %s (epoch %s, row %d)", site, board, presence.state, presence.epoch, presence.head_seq)
        elif rest == STATE_TOPIC and self._metrics:
            self._metrics.told(site, board, message.payload)
        elif rest.startswith("file/"):
            self._files.take(site, board, message.topic, message.payload)

    # --- saving and answering ---

    def _save(self) -> None:
        """Make what came durable. What could not be saved is forgotten, and not answered."""
        try:
            if self._batch.boards:
                self._save_rows()
        except DatabaseError as error:
            self._drop_unsaved()
            self._failed(error)
            return
        try:
            if self._files.busy:
                self._replies += self._files.settle()
        except DatabaseError as error:  # of files alone: what was stored of rows is acknowledged all the same
            self._failed(error)

    def _failed(self, error: DatabaseError) -> None:
        self._quiet.say("store", logging.ERROR, "cannot store: %s; boards keep what they have", error)
        time.sleep(IDLE_S)

    def _save_rows(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._store.begin()
        outcome = self._ledger.store(batch)
        self._store.commit()
        for board, ack in outcome.acks:
            self._to_ack[board, ack.epoch] = ack
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        """People, by the log."""
        for who, why in outcome.refused:
            self._quiet.say("refused", logging.WARNING, "refused of %s: %.300s", who, why)
        for board, count in outcome.conflicts.items():
            text = "%s: %d rows under numbers that other rows have here: kept aside, not acknowledged"
            self._quiet.say("conflict", logging.ERROR, text, board, count)
        for board, reason in outcome.keys:
            self._quiet.say(f"key {board}", logging.ERROR, "%s: %s: standpipe collect report", board, reason)

    def _answer(self, link: Link) -> None:
        """After the commit: file responses at once, acks of a board at most every ACK_EVERY_S."""
        while self._replies:
            reply = self._replies[0]
            if not link.publish(Topics(reply.site, reply.board).of("file-response"), reply.payload):
                break
            self._replies.popleft()
        self._acknowledge(link)
        if link.refused:
            self._quiet.say("answer", logging.ERROR, "the broker refuses our answers: %s", link.refused)
            link.refused = ""

    def _acknowledge(self, link: Link) -> None:
        now = time.monotonic()
        while self._acked_s and now - next(iter(self._acked_s.values())) >= ACK_EVERY_S:
            self._acked_s.popitem(last=False)
        for (board, epoch), ack in list(self._to_ack.items()):
            if board in self._acked_s:
                continue
            if not link.publish(Topics(board.site, board.board).of("ack"), ack_payload(ack)):
                return
            del self._to_ack[board, epoch]
            self._acked_s[board] = now

    def close(self) -> None:
        """Leave the store as last committed."""
        self._files.close()
        self._store.close()


def _place_of(topic: str) -> tuple[str, str, str]:
    """(site, board, rest) of a topic; empty names, which no board has, for one that is none of ours."""
    try:
        return board_of(topic)
    except WireError:
        return "", "", ""
