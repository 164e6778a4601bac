"""A bad way from the broker to a client: what is published arrives in another order, some of it twice."""

from __future__ import annotations

import contextlib
import random
import socket
import threading

PUBLISH = 3
HELD_MOST = 12
HOLD_S = 0.03


class Shuffle:
    """A TCP proxy on 127.0.0.1:port to the broker at `to`. Counts what it has `moved` and `doubled`.

    Messages from the broker are held until there are a few, or nothing more comes for HOLD_S, and go on in any order;
    every fifth or so goes twice, the second time with QoS 0, so that no packet number is answered twice.
    """

    def __init__(self, to: int, seed: int) -> None:
        self._to = to
        self._chance = random.Random(seed)
        self.moved = self.doubled = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Shuffle:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    near.close()
                    continue
                threading.Thread(target=_carry, args=(near, far), daemon=True).start()
                threading.Thread(target=self._down, args=(far, near), daemon=True).start()

    def _down(self, broker: socket.socket, client: socket.socket) -> None:
        """Whole packets; those that are no PUBLISH go at once."""
        buffer, held = b"", []
        broker.settimeout(HOLD_S)
        with contextlib.suppress(OSError), broker, client:
            while True:
                try:
                    data = broker.recv(65536)
                except TimeoutError:
                    self._release(held, client)
                    continue
                if not data:
                    return
                buffer += data
                while (size := _whole(buffer)) is not None:
                    packet, buffer = buffer[:size], buffer[size:]
                    if packet[0] >> 4 != PUBLISH:
                        client.sendall(packet)
                        continue
                    held.append(packet)
                    if len(held) >= HELD_MOST:
                        self._release(held, client)

    def _release(self, held: list[bytes], client: socket.socket) -> None:
        order = list(range(len(held)))
        self._chance.shuffle(order)
        self.moved += sum(place != number for place, number in enumerate(order))
        for number in order:
            client.sendall(held[number])
            if self._chance.random() < 0.2:
                self.doubled += 1
                client.sendall(_once_more(held[number]))
        held.clear()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source, target:
        while data := source.recv(65536):
            target.sendall(data)


def _whole(buffer: bytes) -> int | None:
    """Length of the first packet, None if it is not all there."""
    size, shift = 0, 0
    for at in range(1, min(len(buffer), 5)):
        size |= (buffer[at] & 127) << shift
        shift += 7
        if not buffer[at] & 128:
            return at + 1 + size if len(buffer) >= at + 1 + size else None
    return None


def _once_more(packet: bytes) -> bytes:
    """The same PUBLISH with QoS 0, without its number."""
    at = 1
    while packet[at] & 128:
        at += 1
    body = packet[at + 1 :]
    if packet[0] >> 1 & 3:
        end = 2 + int.from_bytes(body[:2])
        body = body[:end] + body[end + 2 :]
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([packet[0] & 0xF1]) + length + body
