"""A small MQTT 5 broker that misbehaves on request: refuses, acks and forgets, never acks, sets any limit.

It speaks just enough for one client at a time: CONNECT, SUBSCRIBE, PUBLISH (QoS 0 and 1), PINGREQ, DISCONNECT.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
Policy = Callable[[str, bytes], int | None]


@dataclass
class Published:
    """A PUBLISH as it came."""

    session: int
    topic: str
    payload: bytes
    retain: bool
    dup: bool
    mid: int


@dataclass
class Stub:
    """Serves on 127.0.0.1:port. `policy(topic, payload)` is the PUBACK's reason code, None for no PUBACK at all.

    most_unacked is the most PUBLISHes that were open at once, over all sessions.
    """

    receive_maximum: int = 65535
    packet_bytes: int = 0
    connack: int = 0
    policy: Policy = lambda topic, payload: 0
    silent: bool = False  # takes the TCP connection and never answers
    published: list[Published] = field(default_factory=list)
    sessions: int = 0
    most_unacked: int = 0
    client_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: dict[int, int] = {}
        self._client: socket.socket | None = None
        self._stopping = False
        self._accepter = threading.Thread(target=self._accept, daemon=True)
        self._accepter.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Stub:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopping = True
        self._listener.close()
        self.drop()

    # --- what a test asks ---

    def drop(self) -> None:
        """Cut the connection."""
        client = self._client
        if client is not None:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def of(self, leaf: str) -> list[Published]:
        """Messages whose topic ends with `/leaf`."""
        with self.lock:
            return [p for p in self.published if p.topic.endswith("/" + leaf)]

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """A QoS 0 message to the client."""
        name = topic.encode()
        self._write(PUBLISH << 4 | int(retain), struct.pack(">H", len(name)) + name + b"\0" + payload)

    # --- the wire ---

    def _accept(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self.lock:
                self.sessions += 1
                self._open.clear()
                self._client = client
            try:
                self._serve(client)
            except (OSError, EOFError):
                continue
            finally:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        while True:
            first, body = _packet(client)
            kind = first >> 4
            if self.silent:
                continue
            if kind == CONNECT:
                self._connect(body)
            elif kind == SUBSCRIBE:
                self._subscribe(body)
            elif kind == PUBLISH:
                self._publish(first, body)
            elif kind == PINGREQ:
                self._write(PINGRESP << 4, b"")
            elif kind == DISCONNECT:
                return

    def _connect(self, body: bytes) -> None:
        length, start = _varint(body, 10)
        at = start + length
        size = struct.unpack_from(">H", body, at)[0]
        self.client_ids.append(body[at + 2 : at + 2 + size].decode())
        properties = b"\x21" + struct.pack(">H", self.receive_maximum)
        if self.packet_bytes:
            properties += b"\x27" + struct.pack(">I", self.packet_bytes)
        self._write(CONNACK << 4, bytes([0, self.connack, len(properties)]) + properties)

    def _subscribe(self, body: bytes) -> None:
        length, at = _varint(body, 2)
        at, codes = at + length, b""
        while at < len(body):
            at += 2 + struct.unpack_from(">H", body, at)[0] + 1
            codes += b"\x01"
        self._write(SUBACK << 4, body[:2] + b"\0" + codes)

    def _publish(self, first: int, body: bytes) -> None:
        size = struct.unpack_from(">H", body)[0]
        topic, at = body[2 : 2 + size].decode(), 2 + size
        qos, mid = first >> 1 & 3, 0
        if qos:
            mid, at = struct.unpack_from(">H", body, at)[0], at + 2
        length, at = _varint(body, at)
        payload = body[at + length :]
        with self.lock:
            self.published.append(Published(self.sessions, topic, payload, bool(first & 1), bool(first & 8), mid))
            if qos:
                self._open[mid] = 1
                self.most_unacked = max(self.most_unacked, len(self._open))
            code = self.policy(topic, payload)
        if qos and code is not None:
            self.ack(mid, code)

    def ack(self, mid: int, code: int = 0) -> None:
        """The PUBACK of message `mid`."""
        with self.lock:
            self._open.pop(mid, None)
        self._write(PUBACK << 4, struct.pack(">HBB", mid, code, 0))

    def ack_all(self, code: int = 0) -> None:
        """PUBACK everything that is open."""
        with self.lock:
            mids = list(self._open)
        for mid in mids:
            self.ack(mid, code)

    @property
    def unacked(self) -> int:
        with self.lock:
            return len(self._open)

    def _write(self, first: int, body: bytes) -> None:
        size, length = len(body), b""
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                break
        client = self._client
        assert client is not None
        client.sendall(bytes([first]) + length + body)


def _packet(client: socket.socket) -> tuple[int, bytes]:
    first = _exactly(client, 1)[0]
    size, shift = 0, 0
    while True:
        digit = _exactly(client, 1)[0]
        size |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            return first, _exactly(client, size)


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        value |= (body[at] & 127) << shift
        shift += 7
        at += 1
        if not body[at - 1] & 128:
            return value, at
