"""An MQTT line that doubles, holds back and loses what it carries: a proxy that knows packets, not only bytes.

A PUBLISH may come twice, or behind the ones after it; the line may end at any packet, and be away for a while.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from types import TracebackType

PUBLISH = 3


class HostileLine:
    """A proxy on 127.0.0.1:port to `to`. double, hold, cut: how likely, per packet; held: how many at once, at most."""

    def __init__(
        self, to: int, *, double: float = 0.0, hold: float = 0.0, cut: float = 0.0, held: int = 4, seed: int = 1
    ) -> None:
        self._to = to
        self._likely = {"double": double, "hold": hold, "cut": cut}
        self._held = held
        self._chance = random.Random(seed)
        self._up = threading.Event()
        self._up.set()
        self._open: set[socket.socket] = set()
        self.did = dict.fromkeys(self._likely, 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> HostileLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Every connection ends."""
        for one in list(self._open):
            _end(one)

    def away(self) -> None:
        """Every connection ends, and none is carried until back()."""
        self._up.clear()
        self.cut()

    def back(self) -> None:
        self._up.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._up.is_set():
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self._to), 2)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                self._open |= {near, far}
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        waiting: list[bytes] = []
        with contextlib.suppress(OSError, EOFError), source.makefile("rb") as stream:
            while True:
                packet = _packet(stream)
                if self._happens("cut"):
                    break
                if packet[0] >> 4 == PUBLISH and len(waiting) < self._held and self._happens("hold"):
                    waiting.append(packet)
                    continue
                twice = packet[0] >> 4 == PUBLISH and self._happens("double")
                target.sendall(packet * 2 if twice else packet)
                if waiting and (packet[0] >> 4 != PUBLISH or self._chance.random() < 0.5):
                    target.sendall(b"".join(reversed(waiting)))
                    waiting.clear()
        for one in (source, target):
            _end(one)
            self._open.discard(one)

    def _happens(self, what: str) -> bool:
        happens = self._chance.random() < self._likely[what]
        self.did[what] += happens
        return happens


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _packet(stream: object) -> bytes:
    """One whole MQTT packet. EOFError at the end."""
    head = _exactly(stream, 1)
    size, shift = 0, 0
    while True:
        digit = _exactly(stream, 1)
        head += digit
        size |= (digit[0] & 127) << shift
        shift += 7
        if not digit[0] & 128:
            return head + _exactly(stream, size)


def _exactly(stream: object, size: int) -> bytes:
    data: bytes = stream.read(size)  # type: ignore[attr-defined]
    if len(data) < size:
        raise EOFError
    return data
