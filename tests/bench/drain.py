"""Drain a backlog of journal rows to a local broker, stored and acknowledged by the collector, against paho alone.

Reference, same run and broker: paho publishing single QoS 1 messages of 300 bytes from memory, window 100.
Usage: drain.py [--long] (100,000 rows instead of 10,000). Prints one JSON line.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sp_bench import long_wanted, report
from sp_broker import Broker
from sp_far import Far
from sp_uplink import UplinkSite, status_row, until

from agent.core.wire import parse_ack

WINDOW = 100
OPTIONS = {"max_inflight_messages": WINDOW, "max_queued_messages": 0}
RSS_FLAT_MIB = 5
RSS_MOST_MIB = 45


def reference(port: int, count: int) -> float:
    """Messages a second, from the first publish to the last PUBACK."""
    slots, done = threading.Semaphore(WINDOW), threading.Event()
    acked = 0

    def on_publish(*_: Any) -> None:
        nonlocal acked
        acked += 1
        slots.release()
        if acked == count:
            done.set()

    connected = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="reference", protocol=paho.MQTTv5)
    client.max_inflight_messages = WINDOW
    client.on_publish = on_publish
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert connected.wait(10)
    payload = b"x" * 300
    start = time.perf_counter()
    for _ in range(count):
        slots.acquire()
        client.publish("reference/rows", payload, qos=1)
    assert done.wait(120)
    took = time.perf_counter() - start
    client.disconnect()
    client.loop_stop()
    return count / took


class Watch:
    """Listens for the uplink's birth and for the collector's ack of row `last`."""

    def __init__(self, port: int, last: int) -> None:
        self.born_s = 0.0
        self.done_s = 0.0
        self._last = last
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="watch", protocol=paho.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("standpipe/plant/pump/presence", 1), ("standpipe/plant/pump/ack", 1)])
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        now_s = time.perf_counter()
        if message.topic.endswith("presence"):
            self.born_s = self.born_s or now_s
        elif not self.done_s and parse_ack(message.payload).lanes["status"].upto >= self._last:
            self.done_s = now_s

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def drain(folder: Path, broker: Broker, count: int) -> dict[str, float]:
    """Rows a second from the uplink's birth to the collector's ack of the last row, and the uplink's memory."""
    rss: list[float] = []
    with (
        UplinkSite(folder / "site", broker.url, f"window = {WINDOW}\n") as site,
        Far(folder / "far", broker.url) as far,
    ):
        site.append(status_row(n) for n in range(count))
        head = site.journal.head()[0]
        until(lambda: "listening" in far.log.read_text(), "the collector listens")
        watch = Watch(broker.port, head)
        site.start()
        until(lambda: watch.born_s, "the uplink is born")
        while not watch.done_s:
            rss.append(site.rss_mib())
            time.sleep(0.05)
            assert time.perf_counter() - watch.born_s < 300, f"not drained: {site.status()}"
        watch.close()
        rss.append(site.rss_mib())
        found = far.epoch(site.journal.epoch)
        assert found["chain"]["upto"] >= head, found
        assert not found["missing"], found
    early = rss[len(rss) // 4]
    return {"rate": head / (watch.done_s - watch.born_s), "rss_mib": max(rss), "growth_mib": max(rss) - early}


def main() -> None:
    count = 100_000 if long_wanted() else 10_000
    with tempfile.TemporaryDirectory(prefix="drain-") as name:
        folder = Path(name)
        with Broker(folder / "broker", options=OPTIONS) as broker:
            alone = reference(broker.port, count)
            ours = drain(folder, broker, count)
    report(
        "drain",
        "rows/s",
        ours["rate"],
        alone,
        f">= 1.0x, RSS flat within {RSS_FLAT_MIB} MiB and <= {RSS_MOST_MIB} MiB",
        ours["rate"] >= alone and ours["growth_mib"] <= RSS_FLAT_MIB and ours["rss_mib"] <= RSS_MOST_MIB,
        rows=count,
        rss_mib=round(ours["rss_mib"], 1),
        growth_mib=round(ours["growth_mib"], 1),
    )


if __name__ == "__main__":
    main()
