"""The sender's end of a file's transfer, without any I/O: see transfer.py for both."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

from agent.core.filewire import (
    CANCEL,
    PAUSE,
    RESEND,
    RESTART,
    STORED,
    Chunk,
    Fin,
    Info,
    Init,
    Response,
    Stat,
    Step,
    fin_step,
    init_payload,
)
from agent.core.ranges import Range, add_range, subtract

UNANSWERED_MAX = 128  # chunks confirmed by the broker and not answered: the far end syncs several MB at once
STRIKES_MAX = 5

State = Literal["asking", "init", "sending", "finishing", "done", "failed", "paused"]


class Message(NamedTuple):
    """What to publish next under `file/{fid}/{step}`.

    With `read` = (offset, length) the shell reads these bytes of the file itself and publishes them under
    chunk_step(offset, sha256 of them); `step` is the offset alone then, and `payload` None.
    """

    step: str
    payload: bytes | None
    read: tuple[int, int] | None = None


class Sender:
    """Sends one file. The shell publishes what next() gives (QoS 1) and hands back PUBACKs and answers.

    When nothing has come back for a while, or the session was lost, or after a pause, it calls restarted():
    the far end is asked what it has, and only the rest goes again. `state` is one of State; `reason` says why it
    failed or paused. ask=False leaves `stat` out, for EMQX: `init` again, and the chunks not yet answered; `confirmed`
    are those that an earlier Sender of the same file had answers for.
    """

    def __init__(
        self,
        fid: str,
        name: str,
        size: int,
        sha256: str,
        chunk_bytes: int,
        user_data: dict[str, str],
        *,
        ask: bool = True,
        confirmed: Iterable[Range] = (),
    ) -> None:
        self.fid = fid
        self.info = Info(name, size, sha256, user_data)
        self.state: State = "failed"
        self.reason = ""
        self.gained_bytes = 0  # that the far end said it has stored, of what this Sender sent
        self.chunk_bytes = chunk_bytes  # of the chunks from here on; may change at any time
        self._ask = ask
        self._todo: deque[Range] = deque()
        self._waiting: dict[int, Message] = {}  # chunks given out and not yet answered, by offset
        self._asked = False  # the one message of asking, init or finishing is out
        self._confirmed: list[Range] = list(confirmed)
        self._least_missing = size + 1
        self._strikes = 0
        self._move("asking" if ask else "init")

    @property
    def confirmed(self) -> list[Range]:
        """Bytes that the far end has, by its answers."""
        return list(self._confirmed)

    @property
    def left_bytes(self) -> int:
        """Bytes the far end has not confirmed, as far as known here."""
        return self.info.size - sum(stop - start for start, stop in self._confirmed)

    def next(self) -> Message | None:
        """The next message to publish, or None while there is an answer to wait for (or nothing to do)."""
        if self.state == "sending":
            return self._next_chunk()
        if self._asked or self.state not in ("asking", "init", "finishing"):
            return None
        self._asked = True
        if self.state == "asking":
            return Message("stat", b"")
        if self.state == "init":
            return Message("init", init_payload(self.info))
        return Message(fin_step(self.info.size, self.info.sha256), b"")

    def acked(self, message: Message, code: int = 0) -> None:
        """PUBACK for `message`. Success is only the broker's word; a refusal pauses or ends the transfer."""
        if self.state in ("done", "failed") or code == 0:
            return
        if code in (RESTART, PAUSE):  # as a PUBACK, 0x10 means: no matching subscribers
            self._pause("nobody listens for files at the broker" if code == RESTART else "the broker's quota")
        else:
            self._fail(f"the broker refused {message.step[:20]} (0x{code:02x})")

    def response(self, response: Response) -> None:
        """The far end's answer. Answers to what is not waited for change nothing."""
        if response.fid != self.fid or self.state in ("done", "failed", "paused") or not self._expected(response.step):
            return
        if response.code == CANCEL:
            self._fail(f"the far end refused it: {response.description}")
        elif response.code == PAUSE:
            self._pause(f"the far end asks to wait: {response.description}")
        elif isinstance(response.step, Chunk):
            self._chunk_answered(response.step.offset, response.code)
        else:
            self._answered(response)

    def restarted(self) -> None:
        """The session was lost, or nothing came back, or a pause is over: ask the far end what it has."""
        if self.state not in ("done", "failed"):
            self._move("asking" if self._ask else "init")

    def _expected(self, step: Step) -> bool:
        match step:
            case Chunk(offset):
                return self.state == "sending" and offset in self._waiting
            case Stat():
                return self.state == "asking" and self._asked
            case Init():
                return self.state == "init" and self._asked
            case Fin():
                return self.state == "finishing" and self._asked
        return False

    def _move(self, state: State) -> None:
        self.state, self._asked, self.reason = state, False, ""
        self._waiting.clear()
        self._todo.clear()

    def _fail(self, reason: str) -> None:
        self._move("failed")
        self.reason = reason

    def _pause(self, reason: str) -> None:
        self._move("paused")
        self.reason = reason

    def _next_chunk(self) -> Message | None:
        if not self._todo or len(self._waiting) >= UNANSWERED_MAX:
            return None
        start, stop = self._todo.popleft()
        end = min(stop, start + self.chunk_bytes)
        if end < stop:
            self._todo.appendleft((end, stop))
        self._waiting[start] = message = Message(str(start), None, (start, end - start))
        return message

    def _chunk_answered(self, offset: int, code: int) -> None:
        message = self._waiting.pop(offset)
        assert message.read is not None
        chunk = (offset, offset + message.read[1])
        if code == STORED:
            self._confirmed = add_range(self._confirmed, *chunk)
            self.gained_bytes += message.read[1]
        elif code == RESTART:
            return self._again(None)
        elif not self._strike(f"chunk at {offset} answered 0x{code:02x}"):
            self._todo.appendleft(chunk)
        if self.state == "sending" and not self._todo and not self._waiting:
            self._move("finishing")
        return None

    def _answered(self, response: Response) -> None:
        """Answers to stat, init and fin."""
        finished = isinstance(response.step, Fin)
        if response.code == STORED and finished:
            self._move("done")
        elif response.code == STORED:
            self._send(response.missing if response.missing is not None else self._unconfirmed())
        elif isinstance(response.step, Stat):
            self._confirmed = []
            self._move("init")
        elif finished and response.code == RESEND and response.missing:
            self._resend(response.missing)
        else:
            self._again(response.description or f"0x{response.code:02x}")

    def _resend(self, missing: list[Range]) -> None:
        """The far end lacks ranges. Each time fewer, or it counts as a strike."""
        bytes_missing = sum(stop - start for start, stop in missing)
        if bytes_missing >= self._least_missing and self._strike("the far end lacks what it confirmed"):
            return
        self._least_missing = min(self._least_missing, bytes_missing)
        self._send(missing)

    def _again(self, why: str | None) -> None:
        """All chunks once more, from init."""
        if self._strike(f"the far end keeps asking for all of it again: {why or 'it does not know the file'}"):
            return
        self._confirmed = []
        self._move("init")

    def _strike(self, reason: str) -> bool:
        """True if that was once too often; the transfer has failed then."""
        self._strikes += 1
        if self._strikes > STRIKES_MAX:
            self._fail(reason)
        return self.state == "failed"

    def _send(self, missing: list[Range]) -> None:
        if any(stop > self.info.size for _, stop in missing):
            return self._fail("the far end lacks bytes beyond the file's end")
        self._confirmed = subtract([(0, self.info.size)] if self.info.size else [], missing)
        self._move("sending" if missing else "finishing")
        self._todo.extend(missing)
        return None

    def _unconfirmed(self) -> list[Range]:
        return subtract([(0, self.info.size)] if self.info.size else [], self._confirmed)
