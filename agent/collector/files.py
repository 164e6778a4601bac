"""Files of the boards: what each step of a transfer does, with an answer for every one.

Rules of this file:
- a transaction of its own, after that of the rows, and everything that goes over a network in a thread outside of it:
  an object store that is slow or gone makes no alarm wait;
- payloads are staged by the shelf; then what is known of a file is read under its board's lock, the steps are applied
  in the order they came, ranges are committed, and then the answers go out. So the chunks of one file may come to
  any of several collectors, and a kill at any point costs nothing that was answered;
- a shelf that cannot store answers every step with PAUSE: the board keeps what it has and asks again;
- hashing a whole file happens in a thread of its own, until when `fin` has no answer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from agent.collector.books import Boards, StrangerError
from agent.collector.quiet import Quiet
from agent.collector.shelf import Place, Shelf, ShelfError
from agent.collector.store import DatabaseError, Store
from agent.core.transfer import (
    PAUSE,
    RESTART,
    STORED,
    Abort,
    Action,
    Answer,
    Chunk,
    Fin,
    Info,
    Init,
    Receiver,
    Step,
    parse_step,
    response_payload,
    split_topic,
)

log = logging.getLogger(__name__)

FINISHING_MAX = 64
PARTS_MAX = 1000
TOLD_BYTES_MAX = 32 * 1024 * 1024  # while the shelf stages; what comes beyond is not answered, and comes again


class Told(NamedTuple):
    """One message of a transfer."""

    site: str
    board: str
    topic: str
    fid: str
    step: Step
    payload: bytes


@dataclass(frozen=True)
class Reply:
    """An answer to publish for the message on `topic`, once the transaction is committed."""

    site: str
    board: str
    payload: bytes


@dataclass(eq=False)
class Incoming:
    """One file within this transaction. changed: its ranges are to be written down."""

    at: Place
    receiver: Receiver
    changed: bool = False

    @property
    def key(self) -> tuple[int, str]:
        return self.at.board.id, self.at.fid


class Files:
    """All files of a store. take() what comes; settle() when the rows are committed, while `busy`."""

    def __init__(self, store: Store, shelf: Shelf, boards: Boards) -> None:
        self._store = store
        self._shelf = shelf
        self._boards = boards
        self._told: list[Told] = []
        self._told_bytes = 0
        self._staging: tuple[list[Told], Future[object]] | None = None
        self._finishing: dict[Place, tuple[str, Future[bool]]] = {}
        self._to_finish: dict[Place, tuple[str, Info]] = {}
        self._quiet = Quiet(log)
        self._stager = ThreadPoolExecutor(1, "stage")
        self._hasher = ThreadPoolExecutor(1, "hash")

    def take(self, site: str, board: str, topic: str, payload: bytes) -> None:
        """One message of a transfer. Raises TransferError."""
        fid, step_text = split_topic(topic)
        step = parse_step(step_text)
        if self._told_bytes < TOLD_BYTES_MAX:
            self._told.append(Told(site, board, topic, fid, step, payload))
            self._told_bytes += len(payload) + len(topic)

    @property
    def staging(self) -> bool:
        """The shelf is at work: settle() will have more to say."""
        return self._staging is not None

    @property
    def busy(self) -> bool:
        """There is something to settle, now or before long."""
        return bool(self._told or self._staging or self._finishing)

    def settle(self) -> list[Reply]:
        """What was told and is staged, and the checks that are over: durable, and its answers. DatabaseError."""
        told, ready = self._next_staged()
        try:
            ready()
            return self._settle(told)
        except ShelfError as error:
            self._undo()
            self._quiet.say("shelf", logging.ERROR, "files: %s; boards are asked to wait", error)
            return [_reply(one, Answer(PAUSE, str(error))) for one in told]
        except DatabaseError:
            self._undo()
            raise

    def _next_staged(self) -> tuple[list[Told], Callable[[], None]]:
        """Messages that may be applied now, and what tells the shelf: ShelfError if it could not stage them."""
        if self._staging is None and self._told:
            told, self._told, self._told_bytes = self._told, [], 0
            job = self._shelf.stage([one.payload if isinstance(one.step, Chunk) else b"" for one in told])
            if job is None:
                return told, lambda: None
            self._staging = (told, self._stager.submit(job))
        if self._staging is None or not self._staging[1].done():
            return [], lambda: None
        (told, done), self._staging = self._staging, None
        return told, lambda: self._shelf.staged(done.result())

    def _settle(self, told: list[Told]) -> list[Reply]:
        over = [at for at, (_, job) in self._finishing.items() if job.done()]
        if not told and not over:
            return []
        self._store.begin()
        replies = self._apply(told, over)
        self._shelf.sync()
        jobs = [(at, topic, self._shelf.whole(at, info)) for at, (topic, info) in self._to_finish.items()]
        self._store.commit()
        self._shelf.ended(committed=True)
        for at in over:
            del self._finishing[at]
        for at, topic, job in jobs:
            self._finishing[at] = (topic, self._hasher.submit(job))
        self._to_finish.clear()
        return replies

    def _undo(self) -> None:
        self._store.rollback()
        self._boards.forget()
        self._shelf.ended(committed=False)
        self._to_finish.clear()

    def drop(self) -> None:
        """What was told and is not staged will never be answered: boards ask again."""
        self._told.clear()
        self._told_bytes = 0

    # --- within the transaction ---

    def _apply(self, told: list[Told], over: list[Place]) -> list[Reply]:
        places = dict.fromkeys(over)
        replies: list[Reply] = []
        placed: list[tuple[int, Told, Place]] = []
        in_order = sorted(enumerate(told), key=lambda one: (one[1].site, one[1].board))  # new boards: the same for all
        for number, one in in_order:
            try:
                at = Place(self._boards.board(one.site, one.board), one.fid)
            except StrangerError:
                continue  # nobody who could be answered
            placed.append((number, one, at))
            places[at] = None
        self._store.lock("file", {at.board.id for at in places})
        incoming = {at: Incoming(at, self._stored(at)) for at in places}
        replies += [self._conclude(incoming[at], *self._finishing[at]) for at in over]
        for number, one, at in placed:
            answer = self._step(incoming[at], one, number)
            if answer is not None:
                replies.append(_reply(one, answer))
        self._save(incoming.values())
        return replies

    def _step(self, incoming: Incoming, one: Told, number: int) -> Answer | None:
        checked = incoming.at in self._finishing or incoming.at in self._to_finish
        if checked and isinstance(one.step, (Fin, Abort)):
            return None if isinstance(one.step, Fin) else Answer(PAUSE, "its hash is being checked")
        if isinstance(one.step, Init) and incoming.receiver.info is None and (full := self._no_room(incoming)):
            return Answer(PAUSE, full)
        action = incoming.receiver.receive(one.step, one.payload)
        return self._act(incoming, action, one, number)

    def _act(self, incoming: Incoming, action: Action, one: Told, number: int) -> Answer | None:
        """Do what the receiver decided."""
        if action.do == "keep":
            self._keep(incoming)
        elif action.do == "write":
            self._shelf.write(incoming.at, action.offset, one.payload, number)
            incoming.changed = True
        elif action.do == "drop":
            self._store.execute("delete from file where board = ? and fid = ?", incoming.key)
            self._shelf.drop(incoming.at)
            incoming.changed = False
        elif action.do == "finish":
            return self._finish(incoming, one.topic)
        return action.answer

    def _stored(self, at: Place) -> Receiver:
        """The receiver as the store has it. Bytes that the shelf does not hold are not believed."""
        found = self._store.execute(
            "select name, size, sha256, user_data, stored, done_ns from file where board = ? and fid = ?",
            (at.board.id, at.fid),
        )
        if not found:
            return Receiver()
        name, size, sha256, user_data, stored, done_ns = found[0]
        info = Info(name, size, sha256, json.loads(user_data))
        ranges = [(start, stop) for start, stop in json.loads(stored)]
        return Receiver(info, ranges if done_ns else self._shelf.holds(at, info, ranges), done=bool(done_ns))

    def _no_room(self, incoming: Incoming) -> str:
        ask = "select count(*) from file where board = ? and done_ns = 0"
        if self._store.execute(ask, (incoming.at.board.id,))[0][0] >= PARTS_MAX:
            return f"{PARTS_MAX} unfinished files of this board; finish or abort some"
        return self._shelf.room()

    def _keep(self, incoming: Incoming) -> None:
        info = incoming.receiver.info
        assert info is not None
        self._shelf.keep(incoming.at)
        self._store.execute(
            "insert into file (board, fid, name, size, sha256, user_data) values (?, ?, ?, ?, ?, ?)",
            (*incoming.key, info.name, info.size, info.sha256, json.dumps(info.user_data)),
        )

    def _save(self, all_: Iterable[Incoming]) -> None:
        changed = [(json.dumps(one.receiver.stored), *one.key) for one in all_ if one.changed]
        if changed:
            self._store.many("update file set stored = ? where board = ? and fid = ?", changed)

    # --- finishing ---

    def _finish(self, incoming: Incoming, topic: str) -> Answer | None:
        if len(self._finishing) + len(self._to_finish) >= FINISHING_MAX:
            return Answer(PAUSE, f"{FINISHING_MAX} files are being checked")
        info = incoming.receiver.info
        assert info is not None
        self._to_finish[incoming.at] = (topic, info)
        return None

    def _conclude(self, incoming: Incoming, topic: str, job: Future[bool]) -> Reply:
        """The whole was checked, here; meanwhile another collector may have been quicker, or the file be gone."""
        receiver, board = incoming.receiver, incoming.at.board
        info = receiver.info
        if info is None:
            return _answer(incoming, topic, Answer(RESTART, "forgotten while it was checked"))
        try:
            answer = receiver.finished(receiver.done or job.result())
        except ShelfError as error:
            self._quiet.say("check", logging.ERROR, "files of %s: %s", board, error)
            return _answer(incoming, topic, Answer(PAUSE, f"cannot finish: {error}"))
        if answer.code == STORED:
            done = "update file set done_ns = ? where board = ? and fid = ? and done_ns = 0"
            self._store.execute(done, (self._store.now_ns(), *incoming.key))
            self._shelf.done(incoming.at)
            log.info("%s: file %s, %d bytes", board, info.name, info.size)
        else:
            self._shelf.drop(incoming.at)
            incoming.changed = True
            log.warning("%s: file %s is not what it was announced as", board, info.name)
        return _answer(incoming, topic, answer)

    def close(self) -> None:
        self._stager.shutdown(cancel_futures=True)
        self._hasher.shutdown(cancel_futures=True)
        self._shelf.close()


def _reply(one: Told, answer: Answer) -> Reply:
    return Reply(one.site, one.board, response_payload(one.topic, *answer))


def _answer(incoming: Incoming, topic: str, answer: Answer) -> Reply:
    board = incoming.at.board
    return Reply(board.site, board.board, response_payload(topic, *answer))
