"""End of settling -> relay: the panel over the simulated board, beside a bare gpiozero callback on the same board.

Ours: the line of a relay is seen to change by the simulator, less the end of the settle time (edge + settle_ms) of the
contact that led to it. Reference: edge of the contact -> the line, with nothing in between but gpiozero. Both pay the
simulator's two sockets. Three times: alone; with four recorders of 1080p25 over RTSP and an uplink draining a backlog
to a broker and a collector, all on the same cores; and with another contact chattering at 10,000 edges a second.

Where it may, the panel is real-time; so are then the simulator and the reference, which are measured with. The others
are not, and run at nice 10, which is about what the units' CPUWeight of 1000 against 100 comes to.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from sp_bench import long_wanted, percentile, report
from sp_broker import Broker
from sp_far import Far
from sp_rtsp import RtspServer, full_hd_file
from sp_site import SITE, Site, until
from sp_uplink import status_row

from agent.panel.realtime import PRIORITY

SETTLE_MS = 10
BARE = """
import signal, sys
from hw.gpio import pin_factory
from gpiozero import DigitalInputDevice, OutputDevice
factory = pin_factory(sys.argv[1])
lamp = OutputDevice("GPIO26", pin_factory=factory)
contact = DigitalInputDevice("GPIO17", pull_up=True, pin_factory=factory)
contact.when_activated = lamp.off
contact.when_deactivated = lamp.on
print("ready", flush=True)
signal.pause()
"""
# The door drives the lamp while it is open, by a rule that ends when the door is shut and so needs no timer.
RULE = """
[[rule]]
on = ["door.opened"]
drive = ["lamp"]
until = "restored"
"""
UPLINK = """
[uplink]
broker = "{}"
"""
CAMERA = """
[[camera]]
id = "cam-{}"
source = "{}"
"""
CAMERAS = 4
BACKLOG = 100_000
CHATTER_HZ = 5_000  # two edges each
NICE = 10


def site_text() -> str:
    text = SITE.replace("settle_ms = 30", f"settle_ms = {SETTLE_MS}")
    timed = text.index('[[rule]]\non = ["door.opened"]')
    following = text.index("[[rule]]", timed + 8)
    return text[:timed] + RULE + text[following:]


def realtime() -> bool:
    """Make this process, and so the board and the reference, what the panel makes of itself; whether it may."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def nicely() -> Iterator[None]:
    """Processes started in here are not real-time, and at nice 10."""
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, before + NICE)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)
        os.sched_setscheduler(0, policy, param)


class Load:
    """Recorders and an uplink beside the panel, as long as it lasts. drained: how often the backlog was."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._stop = threading.Event()
        self.drained = 0
        with nicely():
            names = [f"cam-{number}" for number in range(CAMERAS)]
            media = full_hd_file(Path(tempfile.gettempdir()))
            self.server = stack.enter_context(RtspServer(dict.fromkeys(names, media)))
            self.broker = stack.enter_context(Broker(folder / "broker", options={"max_queued_messages": 0}))
            self.far = stack.enter_context(Far(folder / "far", self.broker.url))
        self.names = names

    def text(self) -> str:
        cameras = "".join(CAMERA.format(number, self.server.url(name)) for number, name in enumerate(self.names))
        return site_text() + cameras + UPLINK.format(self.broker.url)

    def start(self, site: Site) -> None:
        """Until the stack ends."""
        for first in range(0, BACKLOG, 1000):
            site.append(*(status_row(number) for number in range(first, first + 1000)))
        with nicely():
            for name in self.names:
                site.start("recorder", "--camera", name)
                site.processes[name] = site.processes.pop("recorder")
            site.start("uplink")
        until(lambda: site.status("uplink").get("state") == "connected", "the uplink is connected", 60)
        drains = threading.Thread(target=self._drain_on, args=(site,), daemon=True)
        self._stack.callback(drains.join, 30)
        self._stack.callback(self._stop.set)
        drains.start()

    def _drain_on(self, site: Site) -> None:
        """The backlog again and again: without its marks, to a collector that has nothing yet, it all goes anew."""
        while not self._stop.wait(0.2):
            waiting = site.status("uplink").get("queue", {}).get("status", {}).get("rows")
            if waiting == 0:
                self.drained += 1
                site.stop("uplink")
                self.far.kill()
                for path in site.paths.data.glob("cursor-uplink.db*"):
                    path.unlink()
                self.far.folder = self._folder / f"far-{self.drained}"
                with nicely():
                    self.far.start()
                    site.start("uplink")
                self._stop.wait(3)


def toggles(site: Site, count: int) -> list[int]:
    """Open and shut the door `count` times; ns from each edge to the lamp's line."""
    edges = []
    for number in range(count):
        before = len(edges)
        edges.append((site.driver.contact("door", bool(number % 2)), int(not number % 2)))
        site.driver.wait_relay("lamp", not number % 2)
        assert len(edges) == before + 1
    pin = next(pin for pin, one in site.driver.relays().items() if one["id"] == "lamp")
    changes = [(at, level) for line, level, at in site.driver.relay_history() if line == pin and level is not None]
    spans = []
    for edge, wanted in edges:
        spans.append(next(at - edge for at, level in changes if at >= edge and level == wanted))
    return spans


def bare(site: Site, count: int) -> list[int]:
    command = [sys.executable, "-c", BARE, site.pins]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            return toggles(site, count)
        finally:
            process.kill()


def ours(site: Site, count: int) -> list[int]:
    spans = [span - SETTLE_MS * 1_000_000 for span in toggles(site, count)]
    until(lambda: len(site.rows("relay.driven", source="lamp")) >= count, f"{count} drives are written", 60)
    until(lambda: site.status().get("queue") == 0, "nothing waits to be written", 60)
    driven = len(site.rows("relay.driven", source="lamp"))
    assert driven == count, f"{driven} rows for {count} drives"
    return spans


def told(label: str, mine: list[int], reference: list[int], **more: object) -> None:
    for part, name, must_ms in ((0.5, "p50", None), (0.99, "p99", 5), (0.999, "p99.9", 20)):
        value, beside = percentile(mine, part) / 1e6, percentile(reference, part) / 1e6
        must = "" if must_ms is None else f"<= {must_ms} ms"
        ok = must_ms is None or value <= must_ms
        report(f"panel latency {name}{label}", "ms settled to relay", value, beside, must, ok, drives=len(mine), **more)


class Folders(NamedTuple):
    """As on a board: /run in memory, the journal and footage on a disk."""

    run: Path
    disk: Path

    def site(self, name: str, text: str) -> Site:
        return Site(self.run / name, text, data=self.disk / name)


def alone(folders: Folders, count: int) -> None:
    with folders.site("alone", site_text()) as site:
        site.start_board()
        reference = bare(site, count)
        site.start_panel()
        told("", ours(site, count), reference)


def loaded(folders: Folders, count: int) -> None:
    with contextlib.ExitStack() as stack:
        load = Load(folders.disk, stack)
        site = stack.enter_context(folders.site("loaded", load.text()))
        site.start_board()
        load.start(site)
        time.sleep(5)  # they have started and are at their work
        reference = bare(site, count)
        site.start_panel()
        mine = ours(site, count)
        for name in load.names:
            assert site.processes[name].poll() is None, f"{name} ended:\n{site.log('recorder')}"
        delivered = site.status("uplink").get("delivered_rows")
        told(" loaded", mine, reference, drained=load.drained, rows_delivered=delivered)


def chattering(folders: Folders, count: int) -> None:
    """The other door's contact, which is masked and polled, or nothing but its edges would be heard."""
    with folders.site("chatter", site_text()) as site:
        site.start_board()
        reference = bare(site, count)
        site.start_panel()
        head = site.head()
        site.driver.chatter("gate", CHATTER_HZ, 3600)
        site.wait_row("point.chattering", "gate")
        mine = ours(site, count)
        assert site.driver.pending(), "it still chatters"
        rows = len(site.rows("point.*", source="gate", after=head)) + len(site.rows(source="gate", after=head))
        told(" beside chatter", mine, reference, rows_of_the_chatter=rows)
        report("rows of 10,000 edges/s", "rows", rows, None, "<= 20", rows <= 20)


def main() -> None:
    count = 4000 if long_wanted() else 1000
    first = realtime()
    print(f"panel latency: {'' if first else 'NOT '}real-time", file=sys.stderr)
    wanted = [part for part in (alone, loaded, chattering) if part.__name__ in sys.argv] or [alone, loaded, chattering]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as run, tempfile.TemporaryDirectory() as disk:
        for part in wanted:
            part(Folders(Path(run), Path(disk)), count)


if __name__ == "__main__":
    main()
