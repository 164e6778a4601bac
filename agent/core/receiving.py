"""The receiver's end of a file's transfer, without any I/O: see transfer.py for both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal, NamedTuple

from agent.core.filewire import (
    CANCEL,
    PAUSE,
    RANGES_MAX,
    RESEND,
    RESTART,
    STORED,
    Abort,
    Chunk,
    Fin,
    Info,
    Init,
    Stat,
    Step,
    TransferError,
    parse_init,
)
from agent.core.ranges import Range, add_range, subtract


class Answer(NamedTuple):
    """What to publish on `file-response` (see response_payload)."""

    code: int
    description: str = ""
    missing: list[Range] | None = None


class Action(NamedTuple):
    """What the shell does, durably, before it publishes `answer`.

    keep: note the file (Receiver.info) · write: the payload at `offset`, and Receiver.stored · finish: check size and
    SHA-256 of the whole, sync, move it to its place, then publish what Receiver.finished() says · drop: forget the
    file and its bytes · none: just answer.
    """

    do: Literal["none", "keep", "write", "finish", "drop"]
    answer: Answer
    offset: int = 0


class Receiver:
    """Receives one file. Built from what is stored of it: info (None: unknown), its byte ranges, and if it is done."""

    def __init__(self, info: Info | None = None, stored: Iterable[Range] = (), *, done: bool = False) -> None:
        self.info = info
        self.stored: list[Range] = list(stored)
        self.done = done

    def receive(self, step: Step, payload: bytes) -> Action:
        """What to do and to answer for one message. Never raises for what came over the wire."""
        match step:
            case Init():
                return self._init(payload)
            case Chunk():
                return self._chunk(step, payload)
            case Fin():
                return self._fin(step)
            case Abort():
                return self._abort()
            case Stat():
                return self._stat()

    def missing(self) -> list[Range]:
        """What is not stored yet; empty for a file that is done."""
        size = self.info.size if self.info else 0
        return [] if self.done or not size else subtract([(0, size)], self.stored)

    def finished(self, good: bool) -> Answer:
        """After `finish`: was it whole? If not, all of it must come again."""
        self.done = good
        if good:
            return Answer(STORED)
        self.stored = []
        return Answer(RESEND, "the whole does not have its SHA-256; send all again")

    def _init(self, payload: bytes) -> Action:
        try:
            info = parse_init(payload)
        except TransferError as error:
            return Action("none", Answer(CANCEL, str(error)))
        if self.info is not None:
            same = (info.name, info.size, info.sha256) == (self.info.name, self.info.size, self.info.sha256)
            wrong = Answer(CANCEL, "this file id stands for another file")
            return Action("none", Answer(STORED, "", self.missing()) if same else wrong)
        self.info = info
        return Action("keep", Answer(STORED, "", self.missing()))

    def _chunk(self, step: Chunk, payload: bytes) -> Action:
        end = step.offset + len(payload)
        if self.info is None:
            return Action("none", Answer(RESTART, "file not known here; init and all chunks, please"))
        if not payload or end > self.info.size:
            return Action("none", Answer(CANCEL, f"bytes {step.offset} to {end} of a file of {self.info.size}"))
        if step.sha256 and hashlib.sha256(payload).hexdigest() != step.sha256:
            return Action("none", Answer(RESEND, "chunk does not have its SHA-256"))
        stored = add_range(self.stored, step.offset, end)
        if self.done or stored == self.stored:
            return Action("none", Answer(STORED))
        if len(stored) > RANGES_MAX:
            return Action("none", Answer(PAUSE, f"more than {RANGES_MAX} pieces; fill the holes first"))
        self.stored = stored
        return Action("write", Answer(STORED), step.offset)

    def _fin(self, step: Fin) -> Action:
        if self.info is None:
            return Action("none", Answer(RESTART, "file not known here; init and all chunks, please"))
        if step.size != self.info.size or step.sha256 not in ("", self.info.sha256):
            return Action("none", Answer(CANCEL, "fin and init do not speak of the same file"))
        if self.done:
            return Action("none", Answer(STORED))
        if missing := self.missing():
            return Action("none", Answer(RESEND, f"{len(missing)} ranges missing", missing))
        return Action("finish", Answer(STORED))

    def _abort(self) -> Action:
        """A file that is done stays: it was delivered."""
        if self.info is None or self.done:
            return Action("none", Answer(STORED))
        self.info, self.stored = None, []
        return Action("drop", Answer(STORED))

    def _stat(self) -> Action:
        if self.info is None:
            return Action("none", Answer(RESTART, "file not known here"))
        return Action("none", Answer(STORED, "", self.missing()))
