"""A small MQTT 5 broker that misbehaves on request: refuses, acks and forgets, never acks, sets any limit.

It speaks just enough: CONNECT, SUBSCRIBE, PUBLISH (QoS 0 and 1), PINGREQ, DISCONNECT. What it sends goes to every
client that is connected.
"""

from __future__ import annotations

import contextlib
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

    most_unacked is the most PUBLISHes that were open at once in the newest session.
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
        self._open: set[tuple[int, int]] = set()  # (session, mid)
        self._clients: dict[int, socket.socket] = {}
        self._let_in: set[int] = set()
        self._newest = 0
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
        """Cut the connections."""
        for client in list(self._clients.values()):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def of(self, leaf: str) -> list[Published]:
        """Messages whose topic ends with `/leaf`."""
        with self.lock:
            return [p for p in self.published if p.topic.endswith("/" + leaf)]

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """A QoS 0 message to every client."""
        name = topic.encode()
        packet = struct.pack(">H", len(name)) + name + b"\0" + payload
        for session in list(self._clients):
            self._write(session, PUBLISH << 4 | int(retain), packet)

    @property
    def connected(self) -> bool:
        """A client has been let in, and is still there."""
        return bool(self._let_in & set(self._clients))

    def raw(self, blob: bytes) -> None:
        """These bytes to every client that was let in."""
        for session in self._let_in & set(self._clients):
            with contextlib.suppress(OSError):
                self._clients[session].sendall(blob)

    # --- the wire ---

    def _accept(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self.lock:
                self.sessions += 1
                self._clients[self.sessions] = client
                threading.Thread(target=self._serve, args=(self.sessions, client), daemon=True).start()

    def _serve(self, session: int, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), client:
            while self._handle(session, *_packet(client)):
                pass
        with self.lock:
            del self._clients[session]
            self._open = {key for key in self._open if key[0] != session}

    def _handle(self, session: int, first: int, body: bytes) -> bool:
        kind = first >> 4
        if self.silent:
            return True
        if kind == CONNECT:
            self._connect(session, body)
        elif kind == SUBSCRIBE:
            self._subscribe(session, body)
        elif kind == PUBLISH:
            self._publish(session, first, body)
        elif kind == PINGREQ:
            self._write(session, PINGRESP << 4, b"")
        return kind != DISCONNECT

    def _connect(self, session: int, body: bytes) -> None:
        length, start = _varint(body, 10)
        at = start + length
        size = struct.unpack_from(">H", body, at)[0]
        self.client_ids.append(body[at + 2 : at + 2 + size].decode())
        properties = b"\x21" + struct.pack(">H", self.receive_maximum)
        if self.packet_bytes:
            properties += b"\x27" + struct.pack(">I", self.packet_bytes)
        with self.lock:
            self._newest, self.most_unacked = session, 0
        self._write(session, CONNACK << 4, bytes([0, self.connack, len(properties)]) + properties)
        self._let_in.add(session)

    def _subscribe(self, session: int, body: bytes) -> None:
        length, at = _varint(body, 2)
        at, codes = at + length, b""
        while at < len(body):
            at += 2 + struct.unpack_from(">H", body, at)[0] + 1
            codes += b"\x01"
        self._write(session, SUBACK << 4, body[:2] + b"\0" + codes)

    def _publish(self, session: int, first: int, body: bytes) -> None:
        size = struct.unpack_from(">H", body)[0]
        topic, at = body[2 : 2 + size].decode(), 2 + size
        qos, mid = first >> 1 & 3, 0
        if qos:
            mid, at = struct.unpack_from(">H", body, at)[0], at + 2
        length, at = _varint(body, at)
        payload = body[at + length :]
        with self.lock:
            self.published.append(Published(session, topic, payload, bool(first & 1), bool(first & 8), mid))
            if qos:
                self._open.add((session, mid))
                if session == self._newest:
                    self.most_unacked = max(self.most_unacked, sum(of == session for of, _ in self._open))
            code = self.policy(topic, payload)
        if qos and code is not None:
            self.ack(session, mid, code)

    def ack(self, session: int, mid: int, code: int = 0) -> None:
        """The PUBACK of message `mid`."""
        with self.lock:
            self._open.discard((session, mid))
        self._write(session, PUBACK << 4, struct.pack(">HBB", mid, code, 0))

    def ack_all(self, code: int = 0) -> None:
        """PUBACK everything that is open."""
        with self.lock:
            keys = list(self._open)
        for session, mid in keys:
            self.ack(session, mid, code)

    @property
    def unacked(self) -> int:
        with self.lock:
            return len(self._open)

    def _write(self, session: int, first: int, body: bytes) -> None:
        size, length = len(body), b""
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                break
        client = self._clients.get(session)
        if client is not None:
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
