"""A command whose standard output is a camera: started in a process group of its own, ended by its number, reaped.

Rules of this file:
- a command is a list of words, never a line for a shell (a shell is one only if it is the first word);
- what it says on its standard error is bounded, made one line, and cleared of passwords before anybody sees it;
- whoever does not end after SIGKILL hangs in the kernel: that is said, and nothing new is started beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence

from hw.ports import HardwareError

TERM_S, KILL_S, ENDED_S = 2.0, 2.0, 1.0
SAID_BYTES = 4096
PIPE_BYTES = 512 * 1024
SHOWN_CHARACTERS = 240
_IN_URL = re.compile(r"(://)[^/@\s\"']+@")
_NAMED = re.compile(r"(?i)\b([\w-]*(?:password|passwd|passphrase|secret|token|user-pw|\bpwd|\bpw))(\s*[=:]\s*)\S+")
_stuck: list[subprocess.Popen[bytes]] = []


def words_of(line: str) -> list[str]:
    """A command as site.toml has it, as words. HardwareError when a quote is open or nothing is there."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise HardwareError(f"pipe: the command cannot be read ({str(error).lower()})") from None
    if not words:
        raise HardwareError("pipe: no command; such as pipe: rpicam-vid -t 0 --codec libav --libav-format mpegts -o -")
    return words


class Child:
    """One running command; it has `term_s` to end by itself, and `listens` to what send() gives it.

    `credentials`, if any, are in its environment as CAMERA_USER and CAMERA_PASSWORD. HardwareError, without a name in
    front, when it cannot be started, or an earlier one cannot be ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        credentials: tuple[str, str] | None = None,
        listens: bool = False,
        term_s: float = TERM_S,
    ) -> None:
        _no_stuck_one()
        self._term_s = term_s
        self._hidden = [credentials[1]] if credentials and credentials[1] else []
        env = dict(os.environ)
        if credentials:
            env.update(CAMERA_USER=credentials[0], CAMERA_PASSWORD=credentials[1])
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env=env,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise HardwareError(f"cannot be started ({reason.lower()})") from None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        for fd in (self._out, self._err):
            os.set_blocking(fd, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)
        self._said = b""
        self._closed = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def receive(self, size: int, timeout_s: float) -> bytes | None:
        """Up to `size` bytes of its output; None if none came in time, b"" at its end."""
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                data = os.read(self._out, size)
            except BlockingIOError:
                if not self._wait(until_s):
                    return None
                continue
            if not data:
                self._finish()
            return data

    def room(self) -> int:
        """Bytes that fit into its output's pipe; made larger as far as anybody may."""
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return fcntl.fcntl(self._out, fcntl.F_GETPIPE_SZ)

    def send(self, data: bytes) -> None:
        """A few bytes to its standard input; nothing happens if it is gone."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # ended, or closed by another thread
                self._process.stdin.write(data)

    def ending(self) -> str:
        """Its last words, and how it ended if it did."""
        self._listen()
        code = self._process.poll()
        ended = "" if code is None else f"it ended{_how(code)}"
        return ": ".join(part for part in (ended, self._shown()) if part)

    def close(self) -> None:
        """End the whole process group and reap it: asked first, then killed. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)
            self._reap(self._term_s)
        self._signal(signal.SIGKILL)  # whoever of the group is left
        if not self._reap(KILL_S):
            _stuck.append(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _wait(self, until_s: float) -> bool:
        """True when there may be something to read."""
        left_s = until_s - time.monotonic()
        found = self._poll.poll(max(0.0, left_s) * 1000) if left_s > 0 else []
        if any(fd == self._err for fd, _ in found) and not self._listen():
            self._poll.unregister(self._err)
        return bool(found)

    def _listen(self) -> bool:
        """Take what it said so far, of that the end; False when it will say no more."""
        if self._closed:
            return False
        with contextlib.suppress(BlockingIOError):
            while said := os.read(self._err, 65536):
                self._said = (self._said + said)[-SAID_BYTES:]
            return False
        return True

    def _finish(self) -> None:
        """Its output has ended: give it a moment to say why, and to be reaped."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDED_S)

    def _shown(self) -> str:
        lines = [line.strip() for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
        text = "".join(c if c.isprintable() else " " for c in " | ".join(lines[-3:]))
        return cleared(text, self._hidden)[-SHOWN_CHARACTERS:]

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _reap(self, within_s: float) -> bool:
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def cleared(text: str, hidden: Sequence[str] = ()) -> str:
    """Text without user and password of URLs, without what is named a password, and without `hidden`."""
    for word in hidden:
        text = text.replace(word, "***")
    return _NAMED.sub(r"\1\2***", _IN_URL.sub(r"\1***@", text))


def _no_stuck_one() -> None:
    """HardwareError as long as a process of an earlier connection hangs in the kernel."""
    _stuck[:] = [process for process in _stuck if process.poll() is None]
    if _stuck:
        raise HardwareError(f"process {_stuck[0].pid} cannot be ended, it hangs in the kernel: restart the board")


def _how(code: int) -> str:
    if code < 0:
        return f" by signal {-code}"
    return f" with exit code {code}" if code else ""
