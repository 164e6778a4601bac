"""A thin, long line to a port: every connection through it shares one queue of so many bytes a second, each way."""

from __future__ import annotations

import contextlib
import queue
import random
import socket
import struct
import threading
import time
from types import TracebackType

PART = 1024
LATE_S = 0.02  # a sleep that was too long is made up for: the line's rate is what was asked for


class ThinLink:
    """A TCP proxy on 127.0.0.1:port to `to`. Upwards all connections together get `bytes_s`; downwards as well.

    delay_s: one way, half of the round trip. loss: that part of what is sent is lost and comes one round trip later,
    and all behind it in its connection with it. (That TCP then slows down is not played.)
    """

    def __init__(self, to: int, bytes_s: int, delay_s: float = 0.0, loss: float = 0.0) -> None:
        self._to = to
        self._bytes_s = bytes_s
        self._delay_s = delay_s
        self._loss = loss
        self._chance = random.Random(bytes_s)
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.port: int = self._listener.getsockname()[1]
        self.carried = {"up": 0, "down": 0}  # bytes
        self._free_s = {"up": 0.0, "down": 0.0}
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> ThinLink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open |= {near, far}
                for source, target, way in ((near, far, "up"), (far, near, "down")):
                    threading.Thread(target=self._carry, args=(source, target, way), daemon=True).start()

    def cut(self) -> None:
        """All connections end now; what is under way is lost."""
        gone, self._open = self._open, set()
        for one in gone:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)

    def _carry(self, source: socket.socket, target: socket.socket, way: str) -> None:
        """Takes what the line can carry, a part at a time; each part arrives `delay_s` after its last bit was sent."""
        flying: queue.Queue[tuple[float, bytes]] = queue.Queue()
        threading.Thread(target=_deliver, args=(flying, target), daemon=True).start()
        with contextlib.suppress(OSError), source:
            while data := source.recv(PART):
                with self._lock:
                    self._free_s[way] = max(time.monotonic() - LATE_S, self._free_s[way]) + len(data) / self._bytes_s
                    sent_s = self._free_s[way]
                    self.carried[way] += len(data)
                time.sleep(max(0.0, sent_s - time.monotonic()))
                again_s = 2 * self._delay_s if self._chance.random() < self._loss else 0.0
                flying.put((sent_s + self._delay_s + again_s, data))
        flying.put((0.0, b""))


def _deliver(flying: queue.Queue[tuple[float, bytes]], target: socket.socket) -> None:
    with contextlib.suppress(OSError), target:
        while True:
            at_s, data = flying.get()
            if not data:
                target.shutdown(socket.SHUT_RDWR)  # a close alone does not wake who reads it in another thread
                return
            time.sleep(max(0.0, at_s - time.monotonic()))
            target.sendall(data)
