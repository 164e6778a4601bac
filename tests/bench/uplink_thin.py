"""A backlog of typical rows over a link of 64 kbit/s and 600 ms, stored and acknowledged by the collector.

Reference, over the same line: paho publishing the same rows as single uncompressed QoS 1 messages, window 100; a
sample of them, as their time is proportional to their number.
Usage: uplink_thin.py [--long] (100,000 rows instead of 4,000). Prints one JSON line.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sp_bench import long_wanted, report
from sp_broker import Broker
from sp_far import Far
from sp_thin_link import ThinLink
from sp_uplink import UplinkSite, status_row, until

from agent.core.wire import row_event

BYTES_S, DELAY_S = 8000, 0.3
FIFTH = 5.0


def singles(site: UplinkSite, port: int, count: int) -> float:
    """Rows a second, one message each, to the last PUBACK."""
    done, acked = threading.Event(), 0

    def on_publish(*_: object) -> None:
        nonlocal acked
        acked += 1
        if acked == count:
            done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="singles", protocol=paho.MQTTv5)
    client.max_inflight_messages = 100
    client.on_publish = on_publish
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", port, 600)
    client.loop_start()
    assert connected.wait(30)
    epoch = site.journal.epoch
    start = time.perf_counter()
    for row, before in site.journal.read_chained(0, "status", count):
        client.publish("singles/event", row_event("plant", "pump", epoch, row, before, live=False), qos=1)
    assert done.wait(900)
    took_s = time.perf_counter() - start
    client.disconnect()
    client.loop_stop()
    return count / took_s


def ours(site: UplinkSite, far: Far, head: int) -> float:
    """Rows a second, from the session's begin to the collector's proof of the last."""
    site.start()
    until(lambda: site.rows("link.up"), "connected", 60)
    start = time.perf_counter()
    until(lambda: far.epoch(site.journal.epoch).get("chain", {}).get("upto", 0) >= head, "all of it stored", 3000)
    return head / (time.perf_counter() - start)


def main() -> None:
    count, sample = (100_000, 500) if long_wanted() else (4000, 120)
    with tempfile.TemporaryDirectory(prefix="thin-") as name:
        folder = Path(name)
        with (
            Broker(folder / "broker") as broker,
            ThinLink(broker.port, BYTES_S, DELAY_S) as line,
            Far(folder / "far", broker.url),
            UplinkSite(folder / "site", f"mqtt://127.0.0.1:{line.port}") as site,
        ):
            far = Far(folder / "far", broker.url)
            site.append((status_row(n) for n in range(count)), at_once=2000)
            head = site.journal.head()[0]
            alone = singles(site, line.port, sample)
            rate = ours(site, far, head)
    ok = rate >= FIFTH * alone
    report("uplink_thin", "rows/s", rate, alone, f">= {FIFTH}x of single messages", ok, rows=count)


if __name__ == "__main__":
    main()
