"""The packets between the simulated board and whoever sits at its Unix SEQPACKET socket.

Rules of this file:
- one JSON array a packet; a packet is never split or joined, so there is no framing;
- a question is [number, op, ...]; its answer [number, value] or [number, null, errno, text];
- an edge is ["edge", line, level, mono_ns, edges lost so far] and comes only on a connection that asked for edges.
"""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import threading
from pathlib import Path
from typing import Any

PACKET_BYTES_MAX = 65_536
PATH_BYTES_MAX = 107  # sun_path of Linux, its closing zero left out
ANSWER_S = 2.0


def pack(*items: object) -> bytes:
    """One packet."""
    return json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode()


def unpack(packet: bytes) -> list[Any]:
    """The items of a packet. ValueError if it is none."""
    items = json.loads(packet)
    if not isinstance(items, list) or not items:
        raise ValueError("a packet is a JSON array with something in it")
    return items


def socket_to(path: Path, timeout_s: float | None) -> socket.socket:
    """A connection to the simulated board. ConnectionError or FileNotFoundError if nobody serves at `path`."""
    check_path(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        made.settimeout(timeout_s)
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


def check_path(path: Path) -> None:
    """OSError if `path` is too long to be a socket's."""
    if len(str(path).encode()) > PATH_BYTES_MAX:
        raise OSError(errno.ENAMETOOLONG, f"a socket's path has at most {PATH_BYTES_MAX} bytes: {path}")


class Channel:
    """Questions and answers, one at a time; threads take turns.

    Every failure is an OSError: ConnectionError when the board's process is gone, TimeoutError when it does not
    answer, else what the board said with the errno it gave (EBUSY: another process holds the line).
    """

    def __init__(self, path: Path, *hello: object) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._socket = socket_to(path, ANSWER_S)
        try:
            self.welcome = self.ask("hello", *hello)
        except OSError:
            self.close()
            raise

    def ask(self, op: str, *arguments: object, wait_s: float = ANSWER_S) -> Any:
        """The answer to one question."""
        with self._lock:
            self._number += 1
            self._socket.settimeout(wait_s)
            self._socket.send(pack(self._number, op, *arguments))
            answer = self._receive()
            while answer[0] != self._number:  # the late answer to a question given up on
                answer = self._receive()
        if len(answer) == 4:
            raise OSError(int(answer[2]), str(answer[3]))
        return answer[1]

    def _receive(self) -> list[Any]:
        packet = self._socket.recv(PACKET_BYTES_MAX)
        if not packet:
            raise ConnectionResetError(errno.ECONNRESET, "the simulated board has hung up")
        return unpack(packet)

    def close(self) -> None:
        """Hang up; safe to call twice and from another thread."""
        with contextlib.suppress(OSError):  # it may never have been connected
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
