"""Bytes of a stream for FFmpeg to read, from a socket or a command, with time limits of our own.

Rules of this file:
- read() ends, and raises nothing, for FFmpeg calls it: an end without pictures for the limit, however many bytes
  came, is an end like any other, and ending() says which it was;
- what was read while FFmpeg looked for the format is kept, and can be looked at again without a new connection.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import sys
import termios
import time
from pathlib import Path
from typing import Protocol

from hw.ports import HardwareError

KEPT_BYTES_MAX = 8 << 20


class Source(Protocol):
    """Where bytes come from."""

    def receive(self, size: int, timeout_s: float) -> bytes | None:
        """Up to `size` bytes; None if none came in time, b"" at the end."""

    def ending(self) -> str:
        """Why it ended or is silent, for people; may be empty."""

    def room(self) -> int:
        """Bytes that may wait to be received without anybody being held up."""

    def close(self) -> None:
        """Let go. Safe to call twice."""


class Feed:
    """A file object over a source. `over` once it has come to an end."""

    def __init__(self, source: Source, first_s: float) -> None:
        self._source = source
        self._kept: bytearray | None = bytearray()
        self._keeping = True
        self._at = 0
        self._limit_s = first_s
        self._until_s = time.monotonic() + first_s
        self._why = ""
        self._waited = False
        self.over = False

    def read(self, size: int) -> bytes:
        """What FFmpeg calls: some bytes, b"" at the end."""
        kept = self._kept
        if kept is not None and self._at < len(kept):
            found = bytes(kept[self._at : self._at + size])
            self._at += len(found)
            return found
        if not self._keeping:
            self._kept = kept = None
        data = b"" if self.over else self._receive(size)
        if not data or time.monotonic() > self._until_s:
            self._end(silent=data != b"")
            return b""
        if kept is not None:
            kept += data
            self._at = len(kept)
            if len(kept) > KEPT_BYTES_MAX:
                self.keep_no_more()
        return data

    def _receive(self, size: int) -> bytes | None:
        """What is there, or what comes in time."""
        data = self._source.receive(size, 0)
        if data is None:
            self._waited = True
            data = self._source.receive(size, max(0.0, self._until_s - time.monotonic()))
        return data

    def waited(self) -> bool:
        """Since the last call of this, nothing was there for once."""
        waited, self._waited = self._waited, False
        return waited

    def _end(self, *, silent: bool) -> None:
        if not self.over:
            self.over = True
            said = self._source.ending()
            if silent:
                said = f"nothing came for {self._limit_s:g} s" + (f" ({said})" if said else "")
            self._why = said or "the camera closed the connection"

    def rewind(self) -> None:
        """Begin again with the first byte."""
        self._at = 0

    def keep_no_more(self) -> None:
        """The format is known: what has not been read once more yet is read, and then forgotten."""
        self._keeping = False

    def picture_came(self, limit_s: float) -> None:
        """The next one has so long."""
        self._limit_s = limit_s
        self._until_s = time.monotonic() + limit_s

    def ending(self) -> str:
        """Why there is no more; empty before the end."""
        return self._why

    def room(self) -> int:
        """Bytes that may gather in the source."""
        return self._source.room()

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()


class TcpSource:
    """A connection to HOST:PORT. HardwareError, without a name in front, when there is none within `open_s`."""

    def __init__(self, host: str, port: int, open_s: float) -> None:
        try:
            self._socket = socket.create_connection((host, port), open_s)
        except TimeoutError:
            raise HardwareError(f"nothing came for {open_s:g} s") from None
        except OSError as error:
            raise HardwareError((error.strerror or type(error).__name__).lower()) from None
        self._socket.setblocking(False)
        self._why = ""

    def receive(self, size: int, timeout_s: float) -> bytes | None:
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                return self._socket.recv(size)
            except BlockingIOError:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or not readable(self._socket.fileno(), left_s):
                    return None
            except OSError as error:
                self._why = (error.strerror or type(error).__name__).lower()
                return b""

    def ending(self) -> str:
        return self._why

    def room(self) -> int:
        return room_in(self._socket)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


ROOM_BYTES = 160 * 1024


def room_in(connection: socket.socket) -> int:
    """Bytes that may gather in a connection without its sender being held up; made to be ROOM_BYTES if need be.

    A larger low-water mark makes the kernel enlarge the buffer, and unlike SO_RCVBUF it may still grow by itself then.
    """
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, ROOM_BYTES)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    except OSError:
        return 0


def why_unknown(host: str) -> str:
    """What a name server has to say of a host without an address; "" where there is one."""
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return (error.strerror or "name or service not known").lower()
    return ""


def connection_to(port: int) -> socket.socket | None:
    """The connection to this port that FFmpeg has opened, by a descriptor of our own; None if there is none."""
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if entry.is_socket() and _leads_to(port, connection := socket.socket(fileno=os.dup(int(entry.name)))):
                return connection
    return None


def _leads_to(port: int, connection: socket.socket) -> bool:
    """True for a TCP connection to that port; any other is closed."""
    with contextlib.suppress(OSError):
        if connection.type == socket.SOCK_STREAM and connection.getpeername()[1:2] == (port,):
            return True
    connection.close()
    return False


def bytes_in(connection: socket.socket) -> int:
    """Bytes that have come and are not read; 0 if that cannot be told."""
    try:
        return int.from_bytes(fcntl.ioctl(connection, termios.FIONREAD, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def readable(fd: int, timeout_s: float) -> bool:
    """True when there is something to read, or the other end is gone; False after the time."""
    waiter = select.poll()
    waiter.register(fd, select.POLLIN)
    return bool(waiter.poll(timeout_s * 1000))
