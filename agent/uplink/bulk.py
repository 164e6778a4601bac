"""The bulk session: clips and pictures to the far end in chunks, beside the event session: no alarm queues behind them.

Rules of this file:
- what is to be sent is in the journal (clip.ready without clip.delivered, pictures the same), what has arrived is
  known at the far end: nothing of a transfer is kept here, a restart of either side asks (`stat`) and sends the rest;
- a clip is delivered when `fin` was answered with success, and only then the row is written; the file is left alone;
- connected only while there is something to send.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import BinaryIO

from agent.core.backoff import MINUTES, Backoff
from agent.core.budget import clips_to_give_up
from agent.core.chain import Row
from agent.core.pace import FILES, Pace
from agent.core.ranges import Range
from agent.core.transfer import Message, Sender, TransferError, chunk_step, file_id, parse_response
from agent.journal import Bell, Journal, JournalError, JournalMoved
from agent.uplink.keeper import FIRST_S, MOST_S
from agent.uplink.link import Link, LinkError
from agent.uplink.notes import REFUSALS, Notes
from agent.uplink.pending import SORTS, Pending, delivered, given_up, id_of
from agent.uplink.pictures import Picture, Pictures
from agent.uplink.session import Board
from agent.uplink.view import View

log = logging.getLogger(__name__)

WINDOW = 8
CHUNK_LEAST = 4 * 1024
IDLE_S = 60.0
LOOK_S = 0.2
ANSWER_S, PAUSE_S, WAIT_MOST_S = 10.0, 2.0, 60.0
RESPONSES = "$file-response"  # where an EMQX broker answers, with our client id behind it


class _StopError(Exception):
    """Told to stop in the middle of a transfer."""


def run(board: Board, view: View, stop: Event, tick: Callable[[], None]) -> None:
    """Send clips until `stop`. A journal that was moved aside, or cannot be read now, is opened again."""
    wait = Backoff(FIRST_S, 10.0, random.random)
    while not stop.is_set():
        tick()
        try:
            with contextlib.closing(Journal.open(board.paths.journal, board.paths.bell, board.stamp)) as journal:
                _Clips(board, journal, view, stop, tick).keep()
        except _StopError:
            return
        except JournalError as error:
            if not isinstance(error, JournalMoved):
                view.files = {"state": "waiting", "reason": str(error)}
            stop.wait(wait.next())


class _Clips:
    """Transfers over one open journal."""

    def __init__(self, board: Board, journal: Journal, view: View, stop: Event, tick: Callable[[], None]) -> None:
        self._board = board
        self._journal = journal
        self._view = view
        self._stop = stop
        self._tick = tick
        self._notes = Notes(journal, view)
        self._pending = Pending(journal)
        self._pictures = Pictures(journal, board.topics, board.paths.data) if board.home_assistant else None
        self._pace = board.pace
        self._link: Link | None = None
        self._used_s = 0.0
        self._had: dict[str, list[Range]] = {}  # of the last clip that was cut off
        self._wait = Backoff(FIRST_S, MOST_S, random.random, MINUTES)

    def keep(self) -> None:
        """Until stop (_StopError), or the journal is moved aside (JournalMoved)."""
        with contextlib.closing(Bell(self._board.paths.bell)) as bell:
            try:
                while True:
                    self._pending.look()
                    self._keep_to_budget()
                    row = self._pending.next(time.monotonic(), self._board.allowed().files)
                    try:
                        self._show_pictures()
                        self._idle(bell) if row is None else self._one(row)
                        if row is not None:
                            self._wait.reset()
                    except LinkError as error:
                        self._hang_up()
                        self._show("waiting", reason=error.reason)
                        self._pause(self._wait.next(hurry=error.state not in REFUSALS))
            finally:
                self._hang_up()

    def _keep_to_budget(self) -> None:
        """Clips beyond it are given up, each told by a row; their files stay."""
        for clip in clips_to_give_up(self._pending.waiting(), self._board.files_bytes):
            row = self._pending.row(clip.seq)
            self._journal.append(given_up(row, clip.bytes, "more clips wait than the byte budget of files"))
            self._pending.look()

    def _going_on(self) -> bool:
        self._tick()
        return not self._stop.is_set()

    def _check(self) -> None:
        """Often: still wanted, the journal in its place."""
        if not self._going_on():
            raise _StopError
        self._journal.check_moved()

    def _show_pictures(self) -> None:
        """The newest picture of each camera, retained for Home Assistant, once a process and picture."""
        while self._pictures is not None and (picture := self._pictures.next()) is not None:
            self._retain(picture)
            self._pictures.shown(picture)

    def _retain(self, picture: Picture) -> None:
        """LinkError if the broker does not confirm it; whether it takes it is no trouble of ours."""
        link, start_s = self._linked(), time.monotonic()
        if len(picture.payload) > link.packet_bytes:
            return
        while not self._pace.room(FILES, len(picture.payload), time.monotonic()):
            self._check()
            link.turn(0.2)
        token = link.publish(picture.topic, picture.payload, retain=True)
        while token not in {puback.token for puback in link.take_pubacks()}:
            self._check()
            link.turn(0.5)
            if time.monotonic() - start_s > self._board.quiet_s:
                raise LinkError("unreachable", f"a picture was not confirmed for {self._board.quiet_s:.0f} s")
        self._used_s = time.monotonic()

    def _idle(self, bell: Bell) -> None:
        self._check()
        self._show("idle")
        if self._link is None:
            bell.wait(1.0)
            return
        if time.monotonic() - self._used_s > IDLE_S:
            self._hang_up()
        elif self._link.turn(0.5, bell.fileno()):
            bell.wait(0)

    def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the event session finds the broker again; it may lose it after us."""
        end, up = time.monotonic() + seconds, self._broker_is_up()
        while (left := end - time.monotonic()) > 0:
            was_up, up = up, self._broker_is_up()
            if up and not was_up:
                return
            self._check()
            self._stop.wait(min(left, LOOK_S))

    def _broker_is_up(self) -> bool:
        return self._view.link.get("state") == "connected"

    def _hang_up(self) -> None:
        self._pace.dropped(FILES)
        if self._link is not None:
            self._link.close(goodbye=True)
            self._link = None

    def _linked(self) -> Link:
        if self._link is None:
            client_id = f"{self._board.client_id}-bulk"
            responses = f"{RESPONSES}/{client_id}" if self._emqx else self._board.topics.of("file-response")
            link = Link(self._board.broker, client_id, [responses])
            link.open(self._going_on)
            self._link = link
        return self._link

    def _show(self, state: str, **more: object) -> None:
        files = {"pending": len(self._pending), "pending_bytes": self._pending.bytes}
        self._view.files = {"state": state, **files, **more}

    @property
    def _emqx(self) -> bool:
        return bool(self._board.file_prefix)

    # --- one clip ---

    def _one(self, row: Row) -> None:
        """Send this clip, or postpone it and say why. LinkError when the link breaks."""
        values = row.values()
        path = self._board.paths.data / str(values["path"])
        try:
            with path.open("rb") as file:
                if path.stat().st_size != values["bytes"]:
                    raise OSError(f"has {path.stat().st_size} bytes, {values['bytes']} when it was made")
                failure = self._send(row, path, file)
        except OSError as error:
            failure = f"{values['path']}: {error.strerror or error}"
        if failure:
            self._pending.postpone(row, time.monotonic())
            name = f"{SORTS[row.kind].name} {id_of(row)} of {row.source}"
            self._notes.refused(name, 0x83, failure, time.monotonic())

    def _send(self, row: Row, path: Path, file: BinaryIO) -> str:
        """Empty once it is delivered and its row written; why not, otherwise."""
        values = row.values()
        clip, sha256 = id_of(row), str(values["sha256"])
        fid = file_id(self._board.topics.site, self._board.topics.board, sha256)
        about = {"camera": row.source, SORTS[row.kind].name: clip, "epoch": self._journal.epoch, "seq": str(row.seq)}
        have = self._had.pop(fid, [])
        sender = Sender(
            fid,
            path.name,
            int(str(values["bytes"])),
            sha256,
            CHUNK_LEAST,
            about,
            ask=not self._emqx,
            confirmed=have,
        )
        transfer = _Transfer(self._board, self._linked(), sender, file, self._pace)
        try:
            while transfer.busy:
                self._check()
                if not self._pending.may_go(row, self._board.allowed().files):
                    self._hang_up()  # the far end keeps what it has; the rest goes when its hour has come
                    return ""
                self._show("paused" if sender.state == "paused" else "sending", clip=clip, left_bytes=sender.left_bytes)
                transfer.turn(time.monotonic())
        finally:
            self._used_s = time.monotonic()
            if sender.gained_bytes:
                self._wait.reset()  # a line that is cut again and again, and yet carries, is no reason to hold back
            if self._emqx and sender.state not in ("done", "failed"):
                self._had = {fid: sender.confirmed}  # it cannot be asked what it has
        if sender.state == "failed":
            return sender.reason
        self._journal.append(delivered(row, fid, sha256))
        return ""


class _Transfer:
    """One Sender on one Link: window, pace, and what to do when nothing comes back."""

    def __init__(self, board: Board, link: Link, sender: Sender, file: BinaryIO, pace: Pace) -> None:
        self._board = board
        self._link = link
        self._sender = sender
        self._file = file
        self._pace = pace
        self._window = min(WINDOW, board.window, link.receive_maximum)
        self._out: dict[int, tuple[Message, int, float]] = {}
        self._answers = Backoff(ANSWER_S, WAIT_MOST_S, _upper)
        self._pauses = Backoff(PAUSE_S, WAIT_MOST_S, _upper)
        self._moved_s = time.monotonic()
        self._wait_s = ANSWER_S
        self._pause_s = PAUSE_S

    @property
    def busy(self) -> bool:
        """False once it is over and every PUBACK has come."""
        return bool(self._out) or self._sender.state not in ("done", "failed")

    def turn(self, now_s: float) -> None:
        """One round. LinkError when the link is gone or dead."""
        if self._sender.state != "paused":
            self._fill(now_s)
        self._link.turn(0.5)
        now_s = time.monotonic()
        for puback in self._link.take_pubacks():
            self._puback(puback.token, puback.code, now_s)
        for message in self._link.take_messages():
            self._answer(message.payload, now_s)
        self._watch(now_s)

    def _fill(self, now_s: float) -> None:
        """As much as the link carries, in chunks of a size that fits it now."""
        self._sender.chunk_bytes = min(self._board.chunk_bytes, max(CHUNK_LEAST, self._pace.message_bytes))
        while len(self._out) < self._window and self._room(now_s) and (message := self._sender.next()) is not None:
            payload, step = message.payload or b"", message.step
            if message.read is not None:
                offset, length = message.read
                self._file.seek(offset)
                payload = self._file.read(length)
                step = chunk_step(offset, hashlib.sha256(payload).hexdigest())
            token = self._link.publish(self._topic(step), payload)
            self._out[token] = (message, len(payload), now_s)
            self._pace.handed(FILES, len(payload), now_s)

    def _topic(self, step: str) -> str:
        fid, prefix = self._sender.fid, self._board.file_prefix
        return f"{prefix}/{fid}/{step}" if prefix else self._board.topics.file(fid, step)

    def _room(self, now_s: float) -> bool:
        self._pace.wants(FILES, self._sender.state == "sending")
        return self._pace.room(FILES, self._pace.message_bytes, now_s)

    def _puback(self, token: int, code: int, now_s: float) -> None:
        message, size, handed_s = self._out.pop(token)
        if code == 0 and size:
            self._pace.confirmed(FILES, size, now_s - handed_s, now_s)
        else:
            self._pace.returned(FILES, size)
        self._sender.acked(message, code)

    def _answer(self, payload: bytes, now_s: float) -> None:
        try:
            self._sender.response(parse_response(payload))
        except TransferError as error:
            log.warning("a file response that makes no sense: %s", error)
            return
        if self._sender.state != "paused":
            self._moved_s, self._wait_s = now_s, ANSWER_S
            self._answers.reset()
            self._pauses.reset()

    def _watch(self, now_s: float) -> None:
        """No PUBACK at all: the link is dead. PUBACKs and no answer, or a pause: ask again after a growing wait."""
        oldest = min((handed_s for _, _, handed_s in self._out.values()), default=now_s)
        if now_s - oldest > self._board.quiet_s:
            raise LinkError("unreachable", f"no confirmation for {self._board.quiet_s:.0f} s: link taken for dead")
        paused = self._sender.state == "paused"
        if not self._out and now_s - self._moved_s > (self._pause_s if paused else self._wait_s):
            self._moved_s = now_s
            self._wait_s = max(ANSWER_S, self._answers.next())
            self._pause_s = self._pauses.next()
            self._sender.restarted()


def _upper() -> float:
    """Chance for a back-off whose waits are never near zero."""
    return 0.5 + random.random() / 2
