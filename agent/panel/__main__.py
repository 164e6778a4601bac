"""The panel's process: points -> pump, door and alarm machines -> relays.

Order of a start: site file, ring, relays as the ring has them, alarm loop; only then the journal.
"""

from __future__ import annotations

import argparse
import sys

# First of all: what the panel hashes is a row, and hashlib does that without OpenSSL too, in 3 MiB less.
sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]

from agent import __version__
from agent.config import ConfigError, here_of, keep, load_or_kept
from agent.panel import realtime
from agent.panel.loop import Banks
from agent.panel.plan import Plan, plan
from agent.panel.ring import RingBusy
from agent.panel.start import Panel, open_ring
from agent.runtime import process
from agent.runtime.keys import verify_apart
from agent.runtime.paths import Paths
from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import AnalogBank, HardwareError


def main() -> None:
    """Run until told to stop."""
    process.main("panel", run, arguments, errors=(ConfigError, HardwareError, RingBusy))


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the panel takes beyond --site, --data and --run."""
    parser.add_argument("--pins", metavar="NAME", help="instead of [board] pins: gpiod, lgpio, mock or sim:/path")


def run(args: argparse.Namespace, paths: Paths) -> int:
    """Compose and run; the exit code."""
    site, mistake = load_or_kept(paths.site, paths.data)
    pins = args.pins or site.board.pins
    realtime.prepare()
    ring, no_ring = open_ring(paths)
    pinned = plan(site)
    stamp = process.clock(args).stamp
    here = here_of(site, verify_apart)
    panel = Panel(
        paths,
        lambda: plan(site),
        ring,
        lambda energised: open_banks(pinned, pins, energised),
        stamp,
        here,
        (lambda: open_channels(pinned, pins)) if pinned.channels and pins != "mock" else None,
    )
    keep_site = None if mistake else lambda: keep(paths.site, paths.data)
    return panel.run(__version__, {"run": no_ring, "site-file": mistake}, keep_site)


def open_banks(wanted: Plan, pins: str, energised: dict[str, bool]) -> Banks:
    """Relays first: they have waited long enough. HardwareError."""
    factory = pin_factory(pins)
    try:
        relays = GpioRelays(wanted.outputs, factory, energised)
        inputs = GpioInputs(wanted.inputs, factory)
    except HardwareError:
        factory.close()
        raise

    def close() -> None:
        try:
            inputs.close()
            relays.close()
        finally:
            factory.close()

    return Banks(inputs, relays, close)


def open_channels(wanted: Plan, pins: str) -> AnalogBank:
    """The converters, whichever way the pins are reached. HardwareError."""
    from hw.analog import SimChannels, SpiChannels  # only sites with converters pay for it

    if pins.startswith("sim:"):
        return SimChannels(wanted.channels, pins.removeprefix("sim:"))
    return SpiChannels(wanted.channels, wanted.adc, pin_factory("lgpio"))


if __name__ == "__main__":
    main()
