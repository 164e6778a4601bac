"""A real chip of the kernel without wires: gpio-sim, its lines driven and read from outside through sysfs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sp_board import until

CONFIG = Path("/sys/kernel/config/gpio-sim")
EDGE_S = 0.05  # the simulated interrupt runs as a thread: closer edges may become one


def chip() -> Path | None:
    """The sysfs folder of the first live simulated chip."""
    for bank in sorted(CONFIG.glob("*/bank*")):
        device = bank.parent
        if (device / "live").read_text().strip() == "1":
            name = (bank / "chip_name").read_text().strip()
            return Path("/sys/devices/platform", (device / "dev_name").read_text().strip(), name)
    return None


def missing() -> str:
    """Why there is no real chip to test on; "" if there is one."""
    if not list(Path("/dev").glob("gpiochip*")):
        return "no /dev/gpiochip* on this machine: sh tests/vm/gpio.sh runs this on a kernel that has gpio-sim"
    if chip() is None:
        return "no gpio-sim chip (or its configfs may not be read): nobody could drive the lines of a real one"
    if not os.access(next(iter(Path("/dev").glob("gpiochip*"))), os.R_OK | os.W_OK):
        return "/dev/gpiochip* may not be opened by this user"
    return ""


def needed() -> None:
    """Skip the test, with the reason, where there is no real chip."""
    if why := missing():
        pytest.skip(why)


class Wires:
    """What is soldered to the chip's lines GPIO0, GPIO1, ..."""

    def __init__(self) -> None:
        found = chip()
        assert found is not None, missing()
        self.folder = found
        self.dev = Path("/dev", found.name)

    def drive(self, offset: int, level: int) -> None:
        """Set a line from outside, and leave it alone for long enough that the kernel sees it."""
        (self.folder / f"sim_gpio{offset}" / "pull").write_text("pull-up" if level else "pull-down")
        time.sleep(EDGE_S)

    def level(self, offset: int) -> int:
        """The level as the outside sees it."""
        return int((self.folder / f"sim_gpio{offset}" / "value").read_text())


@contextmanager
def another_chip(lines: int) -> Iterator[Path]:
    """One more chip, with lines without names, for as long as it lasts: its /dev node. `pull_out` it before the end."""
    device = CONFIG / f"standpipe-{os.getpid()}"
    bank = device / "bank0"
    bank.mkdir(parents=True)
    try:
        (bank / "num_lines").write_text(str(lines))
        (device / "live").write_text("1")
        node = Path("/dev", (bank / "chip_name").read_text().strip())
        until(node.exists, f"{node} is there")
        yield node
    finally:
        pull_out()
        bank.rmdir()
        device.rmdir()


def pull_out() -> None:
    """The chip of `another_chip` goes, whoever holds its lines."""
    live = CONFIG / f"standpipe-{os.getpid()}" / "live"
    if live.read_text().strip() == "1":
        live.write_text("0")
