"""Clips over loopback: bytes a second from the first chunk to the collector's word that the file is whole and in place.

Reference, same run and broker: paho publishing messages of one chunk's size from memory (QoS 1, window 8) to a
subscriber that throws them away. Ours hashes each chunk and the whole at both ends, writes and syncs.
Usage: files_goodput.py [--long] (600 MB instead of 60). Prints one JSON line.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sp_bench import cpu_s, long_wanted, report
from sp_broker import Broker
from sp_far import Far
from sp_uplink import UplinkSite, until

from agent.core.events import ClipReady

CHUNK, WINDOW = 64 * 1024, 8
MUST_MB_S = 100.0
OPTIONS = {"max_inflight_messages": 100, "max_queued_messages": 0}


def add_clip(site: UplinkSite, name: str, size: int) -> None:
    """Random bytes of that size, and their row."""
    path = site.paths.clips / f"{name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    block, digest = random.Random(size).randbytes(1_000_000), hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            part = block[: size - start]
            file.write(part)
            digest.update(part)
    about = {"path": f"clips/{name}.mp4", "bytes": size, "sha256": digest.hexdigest()}
    site.append([ClipReady(source="cam", clip=name, **about, from_ns=0, to_ns=1, short_ms=0)])


def reference(port: int, count: int) -> float:
    """Bytes a second from memory, from the first publish until the subscriber has the last."""
    slots, done, ready = threading.Semaphore(WINDOW), threading.Event(), threading.Event()
    got = 0

    def on_message(*_: Any) -> None:
        nonlocal got
        got += 1
        if got == count:
            done.set()

    taker = paho.Client(CallbackAPIVersion.VERSION2, client_id="taker", protocol=paho.MQTTv5)
    taker.on_message, taker.on_subscribe = on_message, lambda *_: ready.set()
    taker.connect("127.0.0.1", port)
    taker.subscribe("reference/chunks", qos=1)
    taker.loop_start()
    giver = paho.Client(CallbackAPIVersion.VERSION2, client_id="giver", protocol=paho.MQTTv5)
    giver.on_publish = lambda *_: slots.release()
    giver.connect("127.0.0.1", port)
    giver.loop_start()
    assert ready.wait(10)
    payload = b"x" * CHUNK
    start = time.perf_counter()
    for _ in range(count):
        slots.acquire()
        giver.publish("reference/chunks", payload, qos=1)
    assert done.wait(120)
    took_s = time.perf_counter() - start
    for client in (giver, taker):
        client.disconnect()
        client.loop_stop()
    return count * CHUNK / took_s


def ours(folder: Path, broker: Broker, size: int) -> tuple[float, float, float]:
    """(bytes a second, CPU seconds of the uplink, of the collector)."""
    with Far(folder / "far", broker.url) as far, UplinkSite(folder / "site", broker.url) as site:
        until(lambda: "listening" in far.log.read_text(), "the collector listens")
        add_clip(site, "warm", 3_000_000)
        site.start()
        until(lambda: site.rows("clip.delivered"), "warm")
        assert site.process is not None
        assert far.process is not None
        before = cpu_s(site.process.pid), cpu_s(far.process.pid)
        add_clip(site, "big", size)
        start = time.perf_counter()
        until(lambda: len(site.rows("clip.delivered")) == 2, "delivered", 600)
        took_s = time.perf_counter() - start
        return size / took_s, cpu_s(site.process.pid) - before[0], cpu_s(far.process.pid) - before[1]


def main() -> None:
    size = 600_000_000 if long_wanted() else 60_000_000
    with (
        tempfile.TemporaryDirectory(prefix="goodput-") as name,
        Broker(Path(name) / "broker", options=OPTIONS) as broker,
    ):
        alone = reference(broker.port, size // CHUNK)
        rate, near_s, far_s = ours(Path(name), broker, size)
    report(
        "files_goodput",
        "MB/s",
        rate / 1e6,
        alone / 1e6,
        f">= {MUST_MB_S:.0f} MB/s",
        rate >= MUST_MB_S * 1e6,
        bytes=size,
        uplink_cpu_s=round(near_s, 2),
        collector_cpu_s=round(far_s, 2),
    )


if __name__ == "__main__":
    main()
