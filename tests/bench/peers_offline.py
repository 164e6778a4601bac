"""Offline, full of rows, kill -9, back again: how many of them are lost. Ours beside what else one could put there.

- mosquitto's own bridge, the local broker keeping what waits: with persistence and its default autosave (1,800 s); and
  with autosave_on_changes after each hundredth of the rows (it writes all that waits each time: after each row would
  with autosave_on_changes after each hundredth of the rows (it writes all that waits each time: after each it would
  PUBACKed to the publisher before the kill.
- ThingsBoard's gateway with its SQLite storage, if --thingsboard names a Python that has thingsboard-gateway: put() of
  every row has returned before the kill, and the storage is opened again by another process.
- ours: every append has returned, the uplink is killed as well in the middle of the drain; counted at the collector.

Usage: peers_offline.py [--long] [--thingsboard PYTHON] (100,000 rows instead of 5,000). Prints one JSON line.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sp_bench import report
from sp_broker import Broker
from sp_far import Far
from sp_ports import free_port
from sp_uplink import UplinkSite, status_row, until

QUIET_S = 3.0
TOPIC = "rows/status"


# --- mosquitto's bridge ---


def publish_all(port: int, count: int) -> None:
    """Until the last PUBACK."""
    slots, done, acked = threading.Semaphore(100), threading.Event(), 0

    def on_publish(*_: Any) -> None:
        nonlocal acked
        acked += 1
        slots.release()
        if acked == count:
            done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="publisher", protocol=paho.MQTTv5)
    client.on_publish = on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(count):
        slots.acquire()
        client.publish(TOPIC, b'{"n": %d, "closed": true, "edge_mono_ns": 123456789012345}' % number, qos=1)
    assert done.wait(120)
    client.disconnect()
    client.loop_stop()


class Counter:
    """Different rows that arrive at the far broker."""

    def __init__(self, port: int) -> None:
        self.seen: set[bytes] = set()
        self.last_s = time.monotonic()
        ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="counter", protocol=paho.MQTTv5)
        self._client.on_message = self._take
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("rows/#", qos=1)
        self._client.loop_start()
        assert ready.wait(10)

    def _take(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self.seen.add(message.payload)
        self.last_s = time.monotonic()

    def settled(self, count: int) -> bool:
        """All are there, or nothing has come for a while."""
        return len(self.seen) >= count or time.monotonic() - self.last_s > QUIET_S

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def bridge(folder: Path, count: int, autosave: dict[str, object]) -> int:
    """Rows lost."""
    far_port = free_port()
    wired = "\n".join(
        ["connection far", f"address 127.0.0.1:{far_port}", "topic # out 1", "cleansession false",
         "restart_timeout 1", "bridge_protocol_version mqttv50"]
    )  # fmt: skip
    options = {"max_queued_messages": 0, "max_inflight_messages": 100, **autosave}
    near = Broker(folder / "near", options=options, extra=wired).start()
    try:
        publish_all(near.port, count)
        near.kill()
        with Broker(folder / "far", port=far_port, options={"max_queued_messages": 0}):
            counter = Counter(far_port)
            near.start()
            counter.last_s = time.monotonic() + 5
            until(lambda: counter.settled(count), "settled", 300)
            counter.close()
            return count - len(counter.seen)
    finally:
        near.kill()


# --- ThingsBoard's gateway ---

THINGSBOARD = """
import logging, os, signal, sys, threading, time
from thingsboard_gateway.storage.sqlite.sqlite_event_storage import SQLiteEventStorage
what, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
config = {"data_file_path": folder + "/", "messages_ttl_check_in_hours": 1, "messages_ttl_in_days": 7,
          "max_read_records_count": 1000, "size_limit": 4096, "max_db_amount": 10, "oversize_check_period": 60,
          "writing_batch_size": 10000, "store_records_limit": 0}
log = logging.getLogger("x")
log.trace = lambda *_: None  # the gateway's own logger has it
storage = SQLiteEventStorage(config, log, threading.Event())
if what == "put":
    for number in range(count):
        assert storage.put('{"n": %d, "closed": true, "edge_mono_ns": 123456789012345}' % number)
    print("put", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
seen, quiet = set(), 0
while quiet < 30:
    pack = storage.get_event_pack()
    if pack:
        seen.update(pack)
        storage.event_pack_processing_done()
        quiet = 0
    else:
        quiet += 1
        time.sleep(0.1)
print("seen", len(seen), flush=True)
os._exit(0)
"""


def thingsboard(folder: Path, count: int, python: str) -> int | str:
    """Rows lost, or why it could not be tried."""
    folder.mkdir()
    said = []
    for what in ("put", "get"):
        command = [python, "-c", THINGSBOARD, what, str(folder), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        said.append(done.stdout)
        if what == "put" and "put" not in done.stdout:
            return f"could not be tried: {done.stderr.strip().splitlines()[-1:]}"
    seen = [line.split()[1] for line in said[1].splitlines() if line.startswith("seen")]
    return count - int(seen[0]) if seen else f"could not be read again: {said[1][-200:]!r}"


# --- ours ---


def write_all(folder: Path, count: int) -> None:
    site = UplinkSite(folder, "mqtt://127.0.0.1:1")
    site.append(status_row(n) for n in range(count))
    os.kill(os.getpid(), signal.SIGKILL)


def ours(folder: Path, count: int) -> int:
    """Rows lost, all of the journal counted."""
    writer = multiprocessing.get_context("spawn").Process(target=write_all, args=(folder / "site", count))
    writer.start()
    writer.join()
    broker = Broker(folder / "broker", options={"max_queued_messages": 0})
    with UplinkSite(folder / "site", broker.url) as site:
        epoch = site.journal.epoch
        site.start()
        until(lambda: site.status().get("state") == "unreachable", "it runs without a broker")
        site.kill()
        site.start()
        with broker, Far(folder / "far", broker.url) as far:
            until(lambda: far.epoch(epoch).get("rows", 0) > count // 4, "it drains", 120)
            site.kill()
            site.start()
            broker.kill()
            broker.start()
            until(lambda: far.has(epoch, count), "all is there", 300)
            found = far.epoch(epoch)
            stored = sum(1 for row in site.journal.read(kinds=["point.changed"], limit=count + 1))
            return count - stored + sum(last - first + 1 for first, last in found["missing"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--thingsboard", metavar="PYTHON")
    args = parser.parse_args()
    count = 100_000 if args.long else 5000
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        lost: dict[str, int | str] = {
            "mosquitto bridge": bridge(folder / "one", count, {}),
            "mosquitto bridge, autosave_on_changes": bridge(
                folder / "two", count, {"autosave_interval": count // 100 - 1, "autosave_on_changes": "true"}
            ),
            "thingsboard gateway, sqlite": thingsboard(folder / "three", count, args.thingsboard)
            if args.thingsboard
            else "not tried: --thingsboard names no Python",
        }
        mine = ours(folder / "four", count)
    report("peers_offline", "rows lost", mine, None, "none lost", mine == 0, rows=count, peers=lost)


if __name__ == "__main__":
    main()
