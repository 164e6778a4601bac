"""End of settling -> relay: the panel over the simulated board, beside a bare gpiozero callback on the same board.

Ours: the line of a relay is seen to change by the simulator, less the end of the settle time (edge + settle_ms) of the
contact that led to it. Reference: edge of the contact -> the line, with nothing in between but gpiozero. Both pay the
simulator's two sockets. --load: a recorder with a test card and an uplink without a broker run beside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from sp_bench import long_wanted, percentile, report
from sp_site import SITE, Site, until

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
broker = "mqtt://127.0.0.1:9"
"""


def site_text(load: bool) -> str:
    text = SITE.replace("settle_ms = 30", f"settle_ms = {SETTLE_MS}")
    timed = text.index('[[rule]]\non = ["door.opened"]')
    following = text.index("[[rule]]", timed + 8)
    return text[:timed] + RULE + text[following:] + (UPLINK if load else "")


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


def ours(site: Site, count: int, load: bool) -> list[int]:
    if load:
        site.start("recorder", "--camera", "pump-room")
        site.start("uplink")
    site.start_panel()
    if load:
        time.sleep(5)  # they have started and are at their work
    spans = [span - SETTLE_MS * 1_000_000 for span in toggles(site, count)]
    until(lambda: site.status().get("queue") == 0, "all is written")
    driven = len(site.rows("relay.driven", source="lamp"))
    assert driven == count, f"{driven} rows for {count} drives"
    if load:
        for name, process in site.processes.items():
            assert process.poll() is None, f"{name} ended:\n{site.log(name)}"
    return spans


def main() -> None:
    count = 4000 if long_wanted() else 1000
    load = "--load" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "s", site_text(load)) as site:
        site.start_board()
        reference = bare(site, count)
        mine = ours(site, count, load)
    for part, name, must_ms in ((0.5, "p50", None), (0.99, "p99", 10), (0.999, "p99.9", 50)):
        value, beside = percentile(mine, part) / 1e6, percentile(reference, part) / 1e6
        must = "" if must_ms is None else f"<= {must_ms} ms"
        label = f"panel latency {name}{' loaded' if load else ''}"
        report(label, "ms settled to relay", value, beside, must, must_ms is None or value <= must_ms, drives=count)


if __name__ == "__main__":
    main()
