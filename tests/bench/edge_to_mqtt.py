"""A contact's edge -> a subscriber of the broker: the panel, journal and uplink beside mqtt-io in its interrupt mode.

Both read the same simulated board through gpiozero. Ours is counted from the end of the settle time, and is a row on a
disk by the time it is published; mqtt-io has no settle time and writes nothing down. Then the broker is away while the
contact moves on, and comes back: how many of those changes ever arrive.

mqtt-io is installed into a throw-away venv; without a network the reference is left out and said to be.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sp_bench import long_wanted, percentile, report
from sp_broker import Broker
from sp_far import Far
from sp_site import SITE, Site, until

SETTLE_MS = 10
GAP_S = 0.03  # between two edges
REFERENCE = "mqtt-io==2.7.0"
UPLINK = '\n[uplink]\nbroker = "{}"\n'
# A GPIO module for mqtt-io, as its authors' own gpiozero module would be with interrupts.
MODULE = """
from gpiozero import DigitalInputDevice
from hw.gpio import pin_factory
from . import GenericGPIO, InterruptSupport
REQUIREMENTS = ()
CONFIG_SCHEMA = {"pins": {"type": "string", "required": True}}
class GPIO(GenericGPIO):
    INTERRUPT_SUPPORT = InterruptSupport.SOFTWARE_CALLBACK
    def setup_module(self):
        self.factory, self.devices = pin_factory(self.config["pins"]), {}
    def setup_pin(self, pin, direction, pullup, pin_config, initial=None):
        self.devices[pin] = DigitalInputDevice(f"GPIO{pin}", pull_up=True, pin_factory=self.factory)
    def setup_interrupt_callback(self, pin, edge, in_conf, callback):
        device = self.devices[pin]
        device.when_activated = lambda: callback(True)
        device.when_deactivated = lambda: callback(False)
    def get_interrupt_value(self, pin, *args, **kwargs):
        return bool(args[0])
    def get_pin(self, pin):
        return bool(self.devices[pin].value)
    def set_pin(self, pin, value):
        raise NotImplementedError
"""
CONFIG = """
mqtt:
  host: 127.0.0.1
  port: {port}
  topic_prefix: io
  client_id: io
  reconnect_delay: 1
  reconnect_count: null
gpio_modules:
  - name: board
    module: simboard
    pins: "{pins}"
digital_inputs:
  - name: door
    module: board
    pin: 17
    interrupt: both
"""


class Heard:
    """Everything that a subscriber gets, with when it came. It comes back when the broker does."""

    def __init__(self, port: int, topic: str) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self._topic, self._there = topic, threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="heard", protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._there.set()
        self._client.on_message = lambda _c, _d, message: self.messages.append((time.monotonic_ns(), message.payload))
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._there.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def moves(site: Site, count: int, closed: bool) -> list[int]:
    """So many edges of the door, evenly; when each was."""
    edges = []
    for number in range(count):
        edges.append(site.driver.contact("door", closed if number % 2 == 0 else not closed))
        time.sleep(GAP_S)  # a bench's own pace
    return edges


def spans(heard: Heard, edges: list[int], edge_of: Callable[[bytes, int], int | None]) -> list[float]:
    """ms from each edge to its message."""
    found = [(at - edge) / 1e6 for number, (at, text) in enumerate(heard.messages)
             if (edge := edge_of(text, number)) is not None]  # fmt: skip
    assert len(found) == len(edges), f"{len(found)} messages for {len(edges)} edges"
    return found


# --- ours ---


def our_edge(payload: bytes, _number: int) -> int | None:
    event = json.loads(payload)
    data = event.get("data", {})
    return int(data["edge_mono_ns"]) if event["type"] == "standpipe.point.changed.v1" else None


def ours(folder: Path, count: int, away: int) -> tuple[list[float], int]:
    """Spans, and how many of the changes during an outage never reached the centre."""
    with Broker(folder / "broker") as broker, Far(folder / "far", broker.url) as far:
        text = SITE.replace("settle_ms = 30", f"settle_ms = {SETTLE_MS}") + UPLINK.format(broker.url)
        with Site(folder / "site", text) as site:
            site.start_board()
            site.start_panel()
            site.start("uplink")
            until(lambda: far.has(site.journal.epoch, site.head()), "the centre has all so far", 60)
            heard = Heard(broker.port, "standpipe/plant/pump-house/event")
            edges = moves(site, count, False)
            until(lambda: len(site.rows("point.changed", source="door")) == count, "all rows")
            until(lambda: sum(our_edge(text, 0) is not None for _, text in list(heard.messages)) >= count, "all heard")
            found = [span - SETTLE_MS for span in spans(heard, edges, our_edge)]
            broker.stop()
            moves(site, away, bool(count % 2 == 0) is False)
            until(lambda: len(site.rows("point.changed", source="door")) == count + away, "all rows", 60)
            broker.start()
            head = site.head()
            until(lambda: far.has(site.journal.epoch, head), "the centre has them all", 120)
            lost = len(far.epoch(site.journal.epoch)["missing"])
            heard.close()
            return found, lost


# --- mqtt-io ---


def install(folder: Path) -> Path | None:
    """mqtt-io's Python, None if it cannot be had."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    wanted = [REFERENCE, "gpiozero", "msgspec", "setuptools<81"]
    done = subprocess.run([python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"no reference: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    (module,) = folder.glob("lib/python3*/site-packages/mqtt_io/modules/gpio")
    (module / "simboard.py").write_text(MODULE)
    return python


def theirs(folder: Path, python: Path, count: int, away: int) -> tuple[list[float], int]:
    with Broker(folder / "broker") as broker, Site(folder / "site") as site:
        site.start_board()
        config = folder / "io.yml"
        config.write_text(CONFIG.format(port=broker.port, pins=site.pins))
        heard = Heard(broker.port, "io/input/door")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (folder / "io.log").open("wb") as log:
            process = subprocess.Popen([python, "-m", "mqtt_io", config], env=environment, stdout=log, stderr=log)
        try:
            edges = _their_edges(site, heard, count)
            found = spans(heard, edges, lambda _, number: edges[number])
            broker.stop()
            moves(site, away, count % 2 == 1)
            broker.start()
            more = _until_it_is_back(site, heard, count)
            assert process.poll() is None, (folder / "io.log").read_text()[-500:]
            return found, away - max(len(heard.messages) - count - more, 0)
        finally:
            process.kill()
            process.wait()
            heard.close()


def _until_it_is_back(site: Site, heard: Heard, count: int) -> int:
    """Moves the door on until one of its edges is heard again: how many edges that took."""
    end, more = time.monotonic() + 60, 0
    while len(heard.messages) == count:
        site.driver.contact("door", site.driver.lines()["GPIO17"]["level"] != 0)
        more += 1
        time.sleep(0.5)
        assert time.monotonic() < end, "mqtt-io does not come back"
    return more


def _their_edges(site: Site, heard: Heard, count: int) -> list[int]:
    """It is ready once a first edge is heard; that one does not count, and leaves the door open."""
    end = time.monotonic() + 60
    closed = True
    while not heard.messages:
        closed = not closed
        site.driver.contact("door", closed)
        time.sleep(0.5)
        assert time.monotonic() < end, "mqtt-io says nothing"
    if closed:
        site.driver.contact("door", False)
        time.sleep(0.5)
    heard.messages.clear()
    edges = moves(site, count, True)
    until(lambda: len(heard.messages) >= count, "all heard", 30)
    return edges


def main() -> None:
    count, away = (2000, 500) if long_wanted() else (300, 100)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = install(folder / "venv")
        reference: tuple[list[float], int] | None = None
        (folder / "theirs").mkdir()
        (folder / "ours").mkdir()
        if python is not None:
            reference = theirs(folder / "theirs", python, count, away)
        mine, lost = ours(folder / "ours", count, away)
    for part, label, must_ms in ((0.5, "p50", 15), (0.99, "p99", 60)):
        value = percentile(mine, part)
        beside = None if reference is None else percentile(reference[0], part)
        report(f"edge to MQTT {label}", "ms, durable", value, beside, f"<= {must_ms} ms", value <= must_ms, edges=count)
    gone: Any = None if reference is None else reference[1]
    report("edge to MQTT, lost offline", "changes", lost, gone, "0 (mqtt-io: all)", lost == 0, changes=away)


if __name__ == "__main__":
    main()
