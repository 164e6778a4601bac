"""For tests of the collector: hand-made chains of rows, the collector as a process, and a board that sends to it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.core import wire
from agent.core.chain import Row, canonical_data, canonical_row, first_hash, next_hash
from agent.core.transfer import Response, Sender, TransferError, chunk_step, file_id, parse_response
from agent.core.wire import Ack, Topics, WireError, WireRow, parse_ack

SITE, BOARD = "plant-3", "pump-house"
PATIENCE_S = 30.0


class Link(NamedTuple):
    """A row and the hash before it."""

    row: Row
    prev_hash: bytes


def chain(rows: int, epoch: str, *, start: int = 1, before: bytes | None = None, salt: str = "") -> list[Link]:
    """A board's rows, every fifth of the alarm lane. `salt` makes another journal of the same numbers."""
    prev = before or first_hash(epoch)
    last = {"alarm": 0, "status": 0}
    links = []
    for seq in range(start, start + rows):
        lane = "status" if seq % 5 else "alarm"
        data = canonical_data({"closed": bool(seq % 2), "edge_mono_ns": 10**14 + seq, "note": f"水泵{salt}"})
        row = Row(seq, 10**18 + seq, "boot-1", seq, "synced", lane, last[lane], "point.changed", "p-1", lane, data, b"")
        row = row._replace(hash=next_hash(prev, canonical_row(row)))
        links.append(Link(row, prev))
        prev, last[lane] = row.hash, seq
    return links


def wire_row(epoch: str, link: Link, *, site: str = SITE, board: str = BOARD) -> WireRow:
    """As the collector's parser would have it."""
    return wire.parse_rows(wire.row_event(site, board, epoch, link.row, link.prev_hash, live=False).encode())[0]


def batches(epoch: str, links: Iterable[Link], rows: int = 80) -> list[bytes]:
    """`replay` payloads of up to that many rows."""
    events = [wire.row_event(SITE, BOARD, epoch, link.row, link.prev_hash, live=False) for link in links]
    return [wire.batch(events[i : i + rows]) for i in range(0, len(events), rows)]


def new_epoch() -> str:
    return str(uuid.uuid4())


def wait_until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Poll until it holds; AssertionError naming `what` after patience_s."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"not within {patience_s} s: {what}"
        time.sleep(0.01)


class Collect:
    """`standpipe collect` as a process of its own; its log goes to STORE.log. wait: until it is connected.

    to: the address of a store that is no folder.
    """

    def __init__(self, url: str, store: Path, *options: str, wait: bool = True, to: str = "") -> None:
        self.url = url
        self.store = store
        self.to = to or str(store)
        self.options = options
        self.wait = wait
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        path = self.store.with_suffix(".log")
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> Collect:
        connected = self.log.count("connected to")
        command = [sys.executable, "-m", "agent.cli", "collect", "--broker", self.url, "--store", self.to]
        command += self.options
        with self.store.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        if self.wait:
            wait_until(lambda: self.log.count("connected to") > connected, f"collector connects: {self.log[-500:]}")
        return self

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(15)

    def __enter__(self) -> Collect:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Board:
    """A board's side of the broker: publishes, and keeps the acks and file responses that come."""

    def __init__(self, port: int, site: str = SITE, board: str = BOARD) -> None:
        self.topics = Topics(site, board)
        self.acks: list[Ack] = []
        self.responses: list[Response] = []
        self.garbled: list[str] = []
        self.codes: dict[int, int] = {}
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.reconnect_delay_set(1, 1)
        self.client.max_inflight_messages_set(1000)
        self.client.on_connect = lambda *_: self.client.subscribe(
            [
                (self.topics.of("ack"), paho.SubscribeOptions(1)),
                (self.topics.of("file-response"), paho.SubscribeOptions(1)),
            ]
        )
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self.codes.__setitem__(mid, reason.value)
        self.client.on_message = self._came
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def _came(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        try:
            if message.topic == self.topics.of("ack"):
                self.acks.append(parse_ack(message.payload))
            else:
                self.responses.append(parse_response(message.payload))
        except (WireError, TransferError) as error:
            self.garbled.append(str(error))

    def publish(self, leaf: str, payload: bytes, *, retain: bool = False) -> int:
        """Publish on a topic of the board; returns the message's id (see `codes` for its PUBACK)."""
        return self.client.publish(self.topics.of(leaf), payload, qos=1, retain=retain).mid

    def birth(self, epoch: str, head: int = 0) -> None:
        self.publish("presence", wire.presence_payload(wire.Presence("online", epoch, head)), retain=True)

    def acked(self, epoch: str) -> set[int]:
        """Numbers that the last ack of the epoch covers (of whatever lane they are)."""
        for ack in reversed(self.acks):
            if ack.epoch == epoch:
                return covered(ack)
        return set()

    def send_until_acked(self, epoch: str, links: list[Link], order: Callable[[list[bytes]], object] = len) -> int:
        """Publish rows in batches, and again whatever is not acknowledged a while later. Returns how many times.

        `order` may move the batches about before they go.
        """
        end = time.monotonic() + 2 * PATIENCE_S
        tries = 0
        while left := [link for link in links if not self.has(epoch, link)]:
            assert time.monotonic() < end, f"{len(left)} rows never acknowledged"
            tries += 1
            waiting = batches(epoch, left, 40)
            order(waiting)
            for payload in waiting:
                self.publish("replay", payload)
            again = time.monotonic() + 0.4
            while time.monotonic() < again and not all(self.has(epoch, link) for link in left):
                time.sleep(0.01)
        return tries

    def has(self, epoch: str, link: Link) -> bool:
        """The last ack of the epoch covers this row."""
        for ack in reversed(self.acks):
            if ack.epoch == epoch:
                mark = ack.lanes[link.row.lane]
                return link.row.seq <= mark.upto or any(x <= link.row.seq <= y for x, y in mark.ranges)
        return False

    def send_file(self, data: bytes, name: str, chunk_bytes: int = 4096, again_s: float = 0.5) -> Sender:
        """Send a file to its end, asking again whenever nothing has come back for a while."""
        sha256 = hashlib.sha256(data).hexdigest()
        sender = Sender(file_id(SITE, BOARD, sha256), name, len(data), sha256, chunk_bytes, {"event": "e-1"})
        end = time.monotonic() + 2 * PATIENCE_S
        heard_s, seen = time.monotonic(), len(self.responses)
        while sender.state not in ("done", "failed"):
            assert time.monotonic() < end, f"transfer stuck: {sender.state}"
            self._publish_next(sender, data)
            for response in self.responses[seen:]:
                sender.response(response)
                heard_s, seen = time.monotonic(), seen + 1
            if time.monotonic() - heard_s > again_s:
                sender.restarted()
                heard_s = time.monotonic()
            time.sleep(0.002)
        return sender

    def _publish_next(self, sender: Sender, data: bytes) -> None:
        while (message := sender.next()) is not None:
            step, payload = message.step, message.payload
            if message.read is not None:
                payload = data[message.read[0] : sum(message.read)]
                step = chunk_step(message.read[0], hashlib.sha256(payload).hexdigest())
            self.publish(f"file/{sender.fid}/{step}", payload or b"")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def covered(ack: Ack) -> set[int]:
    """All numbers below the marks and in the ranges of an ack, of whatever lane they are."""
    lanes = ack.lanes.values()
    return {n for mark in lanes for x, y in [(1, mark.upto), *mark.ranges] for n in range(x, y + 1)}


def stored(store: Path) -> dict[str, object]:
    """The report of a store, through the command, as a script would ask for it."""
    command = [sys.executable, "-m", "agent.cli", "collect", "report", "--store", str(store), "--json"]
    found: dict[str, object] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
    return found
