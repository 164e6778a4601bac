"""A small collector for tests of the uplink: keeps rows in memory, checks nothing it need not, acknowledges.

It is not the collector: it exists to lose, delay and forge acknowledgements, which the real one never does.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sp_uplink import rows_in

from agent.core.chain import first_hash
from agent.core.wire import Ack, LaneAck, Presence, WireRow, ack_payload, parse_presence


class Acker:
    """Subscribes to everything of one board. `answer=False`: listens and never acknowledges.

    rows: (epoch, seq) -> row; messages: (topic leaf, rows, retained) in order of arrival; raw: (leaf, payload).
    """

    def __init__(self, port: int, site: str = "plant", board: str = "pump", *, answer: bool = True) -> None:
        self.base = f"standpipe/{site}/{board}"
        self.answer = answer
        self.at_ns = time.time_ns
        self.rows: dict[tuple[str, int], WireRow] = {}
        self.copies: dict[tuple[str, int], int] = defaultdict(int)
        self.messages: list[tuple[str, list[int], bool]] = []
        self.raw: list[tuple[str, bytes]] = []
        self.presence: list[Presence] = []
        self.lock = threading.RLock()
        self._subscribed = threading.Event()
        self._marks: dict[tuple[str, str], tuple[int, str]] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"acker-{id(self)}", protocol=paho.MQTTv5)
        self._client.max_inflight_messages = 1000
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._client.subscribe(f"{self.base}/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(15), "the broker did not take the subscription"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Acker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def publish(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(f"{self.base}/{leaf}", payload, qos=1, retain=retain).wait_for_publish(10)

    def of_epoch(self, epoch: str) -> dict[int, WireRow]:
        with self.lock:
            return {seq: row for (e, seq), row in self.rows.items() if e == epoch}

    def leafs(self) -> list[str]:
        with self.lock:
            return [leaf for leaf, _ in self.raw]

    def last(self, leaf: str) -> bytes | None:
        with self.lock:
            return next((payload for name, payload in reversed(self.raw) if name == leaf), None)

    # --- receiving ---

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        leaf = message.topic.removeprefix(self.base + "/")
        with self.lock:
            if leaf in ("event", "replay"):
                self._rows(leaf, message)
            else:
                self.raw.append((leaf, message.payload))
            if leaf == "presence":
                self._presence(message)

    def _rows(self, leaf: str, message: paho.MQTTMessage) -> None:
        rows = rows_in(message.payload)
        for row in rows:
            self.rows[(row.epoch, row.row.seq)] = row
            self.copies[(row.epoch, row.row.seq)] += 1
        self.messages.append((leaf, [row.row.seq for row in rows], message.retain))
        if self.answer:
            self.acknowledge(rows[0].epoch)

    def _presence(self, message: paho.MQTTMessage) -> None:
        found = parse_presence(message.payload)
        self.presence.append(found)
        if self.answer and found.state == "online":
            self.acknowledge(found.epoch)

    # --- answering ---

    def acknowledge(self, epoch: str, change: Callable[[Ack], Ack] = lambda ack: ack) -> None:
        """The honest mark of both lanes, or what `change` makes of it."""
        with self.lock:
            ack = Ack(epoch, {lane: self._lane(epoch, lane) for lane in ("alarm", "status")}, self.at_ns())
        self._client.publish(f"{self.base}/ack", ack_payload(change(ack)), qos=1)

    def _lane(self, epoch: str, lane: str) -> LaneAck:
        upto, hash_ = self._marks.get((epoch, lane), (0, first_hash(epoch).hex()))
        beyond = sorted(
            (row.row.lane_prev, seq, row.row.hash.hex())
            for (e, seq), row in self.rows.items()
            if e == epoch and seq > upto and row.row.lane == lane
        )
        ranges: list[tuple[int, int]] = []
        for before, seq, digest in beyond:
            if before == upto:
                upto, hash_ = seq, digest
            elif ranges and ranges[-1][1] == before:
                ranges[-1] = (ranges[-1][0], seq)
            else:
                ranges.append((seq, seq))
        self._marks[(epoch, lane)] = (upto, hash_)
        return LaneAck(upto, hash_, ranges[:500])
