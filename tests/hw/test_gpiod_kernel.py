"""The gpiod factory on a real chip of the kernel (gpio-sim; elsewhere skipped): what no stand-in can show."""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sp_gpiod
import sp_gpiosim
from gpiozero.input_devices import Button
from sp_board import until

from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import Edge, HardwareError, PointSpec, RelaySpec

DOOR = PointSpec("door", "GPIO17", "normally-closed")
SIREN = RelaySpec("siren", "GPIO23")
HOLDER = """
import sys, time
from hw.gpio import GpioRelays, pin_factory
from hw.ports import RelaySpec
relays = GpioRelays([RelaySpec("siren", sys.argv[1])], pin_factory("gpiod"), {"siren": True})
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _real_chip() -> None:
    sp_gpiosim.needed()


@pytest.fixture
def wires() -> sp_gpiosim.Wires:
    return sp_gpiosim.Wires()


@pytest.fixture
def factory() -> Iterator[Any]:
    made = pin_factory("gpiod")
    yield made
    made.close()


def watched(factory: Any) -> tuple[GpioInputs, queue.Queue[Edge]]:
    bank = GpioInputs([DOOR], factory)
    edges: queue.Queue[Edge] = queue.Queue()
    bank.watch(edges.put)
    return bank, edges


def test_the_kernel_has_the_settings_that_were_meant(wires: sp_gpiosim.Wires, factory: Any) -> None:
    bank = GpioInputs([PointSpec("up", "5"), PointSpec("down", "6", bias="pull-down")], factory)
    up, down = (sp_gpiod.info(wires.dev, offset) for offset in (5, 6))
    assert (up.bias.name, down.bias.name, up.direction.name) == ("PULL_UP", "PULL_DOWN", "INPUT")
    assert (wires.level(5), wires.level(6)) == (1, 0)
    bank.watch(lambda edge: None)
    now = sp_gpiod.info(wires.dev, 5)
    assert (now.edge_detection.name, now.event_clock.name, now.debounced) == ("BOTH", "MONOTONIC", False)


def test_an_edge_has_the_time_of_its_interrupt(wires: sp_gpiosim.Wires, factory: Any) -> None:
    bank, edges = watched(factory)
    for level in (0, 1, 0):
        before_ns = time.monotonic_ns()
        wires.drive(17, level)
        after_ns = time.monotonic_ns()
        edge = edges.get(timeout=10)
        assert before_ns - 64 <= edge.mono_ns <= after_ns
        assert edge.closed is (level == 0) is bank.levels()["door"]


def test_edges_that_the_kernel_dropped_are_counted(wires: sp_gpiosim.Wires, factory: Any) -> None:
    seen: list[Edge] = []
    waiting = [True]
    bank = GpioInputs([DOOR], factory)

    def slow(edge: Edge) -> None:
        seen.append(edge)
        until(lambda: not waiting, "told to go on", deadline_s=100)

    bank.watch(slow)
    pull = wires.folder / "sim_gpio17" / "pull"
    for n in range(3000):
        pull.write_text("pull-up" if n % 2 else "pull-down")
    waiting.clear()
    wires.drive(17, 0)
    until(lambda: seen[-1].mono_ns > 0 and bank.levels()["door"] is seen[-1].closed is True, "the last edge comes")
    came = factory.pin(17)._missing.number  # by the kernel's count; interrupts that became one are nobody's to know
    assert len(seen) < came <= len(seen) + bank.lost_edges()


def test_the_kernel_debounces_for_a_device_that_asks(wires: sp_gpiosim.Wires, factory: Any) -> None:
    pressed: queue.Queue[float] = queue.Queue()
    button = Button(17, bounce_time=0.3, pin_factory=factory)
    button.when_pressed = lambda: pressed.put(time.monotonic())
    for level in (0, 1) * 3:
        wires.drive(17, level)
    began = time.monotonic()
    wires.drive(17, 0)
    assert pressed.get(timeout=10) >= began + 0.25
    assert pressed.empty()
    assert sp_gpiod.info(wires.dev, 17).debounced
    button.close()


def test_a_killed_holder_lets_its_line_go(wires: sp_gpiosim.Wires, factory: Any) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, "GPIO23"], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert wires.level(23) == 1
        with pytest.raises(HardwareError, match=rf"relay siren, pin GPIO23: held by 'standpipe {holder.pid}'"):
            GpioRelays([SIREN], factory, {})
    finally:
        holder.kill()
        holder.wait()
    relays = GpioRelays([SIREN], factory, {"siren": True})
    assert (wires.level(23), sp_gpiod.info(wires.dev, 23).direction.name) == (1, "OUTPUT")
    relays.close()
    assert not sp_gpiod.info(wires.dev, 23).used


def test_a_chip_that_goes_breaks_the_factory_and_a_new_one_works(wires: sp_gpiosim.Wires) -> None:
    with sp_gpiosim.another_chip(4) as node:
        factory = pin_factory("gpiod")
        door = PointSpec("door", f"{node.name}:0")
        relays = GpioRelays([RelaySpec("siren", f"{node.name}:1")], factory, {})
        bank = GpioInputs([door], factory)
        bank.watch(lambda edge: None)
        sp_gpiosim.pull_out()
        until(lambda: factory.broken, "the reader notices")
        for call in (bank.levels, lambda: relays.drive("siren", True)):
            with pytest.raises(HardwareError, match=r"pin gpiochip\d+:\d: .*(cannot be read|is gone)"):
                call()
        bank.close()
        relays.close()
        factory.close()
    factory = pin_factory("gpiod")
    with pytest.raises(HardwareError, match=r"no line gpiochip"):
        GpioInputs([door], factory)
    assert list(GpioInputs([DOOR], factory).levels()) == ["door"]
    factory.close()


def test_it_finds_the_lines_of_a_chip_by_every_spelling(wires: sp_gpiosim.Wires, factory: Any) -> None:
    names = (17, "17", "bcm17", "GPIO17", "BOARD11", f"{wires.dev.name}:17", f"{wires.dev.name}:GPIO17")
    assert len({factory.pin(name) for name in names}) == 1
    assert Path(f"/dev/{wires.dev.name}").exists()
