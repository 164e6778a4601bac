"""Files of the boards: chunks onto the disk, the whole checked and put in its place, an answer for every step.

Where: `files/SITE/BOARD/FID/.part` while it grows, `files/SITE/BOARD/FID/NAME` when its SHA-256 is right.
What keeps a kill or a power cut harmless, in this order: bytes written, part synced, ranges committed, answer sent;
and at the end: whole hashed, synced, renamed, folder synced, `done_ns` committed, answer sent. Each step can be
repeated. Hashing a whole file happens in a thread of its own: rows and acks go on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from agent.collector.books import Board, Boards
from agent.core.transfer import (
    PAUSE,
    RESTART,
    STORED,
    Abort,
    Action,
    Answer,
    Fin,
    Info,
    Init,
    Receiver,
    parse_step,
    response_payload,
    split_topic,
)

log = logging.getLogger(__name__)

OPEN_MAX = 32
FINISHING_MAX = 64
PARTS_MAX = 1000
FREE_BYTES_MIN = 64 * 1024 * 1024

Key = tuple[int, str]


@dataclass(eq=False)
class Incoming:
    """One file on its way. fd of its part, -1 while closed; changed: ranges to be made durable."""

    board: Board
    fid: str
    folder: Path
    receiver: Receiver
    fd: int = -1
    changed: bool = False

    @property
    def part(self) -> Path:
        return self.folder / ".part"

    @property
    def final(self) -> Path:
        assert self.receiver.info is not None
        return self.folder / self.receiver.info.name

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@dataclass(frozen=True)
class Reply:
    """An answer to publish for the message on `topic`, once the transaction is committed."""

    board: Board
    topic: str
    payload: bytes


class Files:
    """All files of a store. take() within a transaction, settle() before it is committed, finished() now and then."""

    def __init__(self, db: sqlite3.Connection, folder: Path, boards: Boards) -> None:
        self._db = db
        self._folder = folder
        self._boards = boards
        self._open: OrderedDict[Key, Incoming] = OrderedDict()
        self._finishing: dict[Key, tuple[str, Incoming, Future[bool]]] = {}
        self._hasher = ThreadPoolExecutor(1, "hash")

    def take(self, board: Board, topic: str, payload: bytes) -> Reply | None:
        """One message of a transfer. None if the answer comes later. Raises TransferError, sqlite3.Error."""
        fid, step_text = split_topic(topic)
        step = parse_step(step_text)
        key = (board.id, fid)
        if key in self._finishing and isinstance(step, (Fin, Abort)):
            wait = None if isinstance(step, Fin) else Answer(PAUSE, "its hash is being checked")
            return wait and self._reply(board, topic, wait)
        incoming = self._incoming(key, board, fid)
        if isinstance(step, Init) and incoming.receiver.info is None and (full := self._no_room(board)):
            return self._reply(board, topic, Answer(PAUSE, full))
        before = (incoming.receiver.info, incoming.receiver.stored)
        action = incoming.receiver.receive(step, payload)
        try:
            answer = self._act(key, incoming, action, topic, payload)
        except OSError as error:  # a disk that refuses is the sender's pause, not our end
            incoming.receiver.info, incoming.receiver.stored = before
            log.error("files of %s/%s: %s", board.site, board.board, error)  # noqa: TRY400 - one line for people
            answer = Answer(PAUSE, f"cannot write: {error.strerror}")
        return answer and self._reply(board, topic, answer)

    def _reply(self, board: Board, topic: str, answer: Answer) -> Reply:
        return Reply(board, topic, response_payload(topic, *answer))

    def _act(self, key: Key, incoming: Incoming, action: Action, topic: str, payload: bytes) -> Answer | None:
        """Do what the receiver decided."""
        if action.do == "keep":
            self._keep(incoming)
        elif action.do == "write":
            os.pwrite(self._fd(incoming), payload, action.offset)
            incoming.changed = True
        elif action.do == "drop":
            self._drop(key, incoming)
        elif action.do == "finish":
            return self._finish(key, incoming, topic)
        return action.answer

    # --- reading what is stored ---

    def _incoming(self, key: Key, board: Board, fid: str) -> Incoming:
        incoming = self._open.get(key)
        if incoming is None:
            folder = self._folder / board.site / board.board / fid
            incoming = self._open[key] = Incoming(board, fid, folder, Receiver())
            incoming.receiver = self._stored(incoming)
            self._trim()
        self._open.move_to_end(key)
        return incoming

    def _trim(self) -> None:
        for key in list(self._open)[: max(0, len(self._open) - OPEN_MAX)]:
            if not self._open[key].changed:
                self._open.pop(key).close()

    def _stored(self, incoming: Incoming) -> Receiver:
        """The receiver as the store has it. Bytes that the disk does not hold are not believed."""
        found = self._db.execute(
            "select name, size, sha256, user_data, stored, done_ns from file where board = ? and fid = ?",
            (incoming.board.id, incoming.fid),
        ).fetchone()
        if found is None:
            return Receiver()
        info = Info(found[0], found[1], found[2], json.loads(found[3]))
        stored = [(start, stop) for start, stop in json.loads(found[4])]
        on_disk = _size(incoming.part)
        if not found[5] and on_disk is None and (incoming.folder / info.name).exists():
            stored = [(0, info.size)] if info.size else []  # killed between rename and commit: `fin` will look again
        elif stored and (on_disk is None or on_disk < stored[-1][1]):
            stored = []
        return Receiver(info, stored, done=bool(found[5]))

    def _no_room(self, board: Board) -> str:
        parts = self._db.execute("select count(*) from file where board = ? and done_ns = 0", (board.id,)).fetchone()
        if parts[0] >= PARTS_MAX:
            return f"{PARTS_MAX} unfinished files of this board; finish or abort some"
        free = shutil.disk_usage(self._folder).free
        return f"{free} bytes free at the collector" if free < FREE_BYTES_MIN else ""

    # --- doing ---

    def _keep(self, incoming: Incoming) -> None:
        info = incoming.receiver.info
        assert info is not None
        made = _make_folder(incoming.folder, self._folder)
        self._fd(incoming)
        for folder in (incoming.folder, *made):
            _sync(folder)
        self._db.execute(
            "insert into file (board, fid, name, size, sha256, user_data) values (?, ?, ?, ?, ?, ?)",
            (incoming.board.id, incoming.fid, info.name, info.size, info.sha256, json.dumps(info.user_data)),
        )

    def _fd(self, incoming: Incoming) -> int:
        if incoming.fd < 0:
            incoming.fd = os.open(incoming.part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return incoming.fd

    def _drop(self, key: Key, incoming: Incoming) -> None:
        self._db.execute("delete from file where board = ? and fid = ?", key)
        incoming.part.unlink(missing_ok=True)
        self._forget(key)

    def _forget(self, key: Key) -> None:
        incoming = self._open.pop(key, None)
        if incoming is not None:
            incoming.close()

    def settle(self) -> None:
        """Before the commit: sync the parts, then write down what they hold. OSError or sqlite3.Error: roll back."""
        for key, incoming in self._open.items():
            if incoming.changed:
                if incoming.fd >= 0:
                    os.fdatasync(incoming.fd)
                values = (json.dumps(incoming.receiver.stored), *key)
                self._db.execute("update file set stored = ? where board = ? and fid = ?", values)
                incoming.changed = False

    def forget(self) -> None:
        """The store has gone back to what was last committed: read everything anew."""
        for key in list(self._open):
            self._forget(key)

    # --- finishing ---

    def _finish(self, key: Key, incoming: Incoming, topic: str) -> Answer | None:
        if len(self._finishing) >= FINISHING_MAX:
            return Answer(PAUSE, f"{FINISHING_MAX} files are being checked")
        info = incoming.receiver.info
        assert info is not None
        job = self._hasher.submit(_place, incoming.part, incoming.final, info.sha256)
        self._finishing[key] = (topic, incoming, job)
        return None

    @property
    def busy(self) -> bool:
        """A whole file is being checked: finished() will have something to say."""
        return bool(self._finishing)

    def finished(self) -> list[Reply]:
        """Answers of the checks that are over. Within a transaction."""
        over = [(key, *rest) for key, rest in self._finishing.items() if rest[2].done()]
        return [self._conclude(key, topic, incoming, job) for key, topic, incoming, job in over]

    def _conclude(self, key: Key, topic: str, asked: Incoming, job: Future[bool]) -> Reply:
        del self._finishing[key]
        incoming = self._incoming(key, asked.board, asked.fid)  # not `asked`: a rollback may have been in between
        info = incoming.receiver.info
        if info is None:
            return self._reply(asked.board, topic, Answer(RESTART, "forgotten while it was checked"))
        try:
            answer = incoming.receiver.finished(job.result())
        except OSError as error:
            log.error("%s: %s", asked.folder, error)  # noqa: TRY400 - one line for people
            return self._reply(asked.board, topic, Answer(PAUSE, f"cannot finish: {error.strerror}"))
        incoming.changed = True
        if answer.code == STORED:
            incoming.close()
            self._db.execute("update file set done_ns = ? where board = ? and fid = ?", (time.time_ns(), *key))
            log.info("%s/%s: file %s, %d bytes", asked.board.site, asked.board.board, info.name, info.size)
        else:
            log.warning(
                "%s/%s: file %s is not what it was announced as", asked.board.site, asked.board.board, info.name
            )
        return self._reply(asked.board, topic, answer)

    def close(self) -> None:
        self._hasher.shutdown(cancel_futures=True)
        self.forget()


def _place(part: Path, final: Path, sha256: str) -> bool:
    """The whole has its SHA-256 and lies, synced, in its place; False if its bytes are other ones."""
    source = part if part.exists() else final
    with source.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return False
        os.fsync(file.fileno())
    if source == part:
        part.rename(final)
        _sync(final.parent)
    return True


def _make_folder(folder: Path, top: Path) -> list[Path]:
    """Make it; returns the folders above, up to `top`, whose entries must be synced for it to last."""
    folder.mkdir(parents=True, exist_ok=True)
    return [parent for parent in folder.parents if parent == top or top in parent.parents]


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _size(path: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return None
