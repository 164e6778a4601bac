"""What every pin factory must do for points and relays: the same tests over mock pins, over a simulated board, and over
libgpiod, on chips of its own stand-in and on a real one of the kernel where gpio-sim is (tests/vm/gpio.sh)."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import sp_gpiod
import sp_gpiosim
from gpiozero.pins.mock import MockFactory
from sp_board import Board

from hw import mock_gpiod
from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import Edge, HardwareError, PointSpec, RelaySpec, line_name
from hw.simulator import Driver

DOOR = PointSpec("door", "GPIO17", "normally-closed")
RUNNING = PointSpec("running", "22")
POINTS = (
    DOOR,
    RUNNING,
    PointSpec("supplied", "GPIO5", "normally-open", "pull-down"),
    PointSpec("supplied-door", "GPIO6", "normally-closed", "pull-down"),
    PointSpec("outside-pull", "GPIO12", "normally-open", "none"),
)
SIREN = RelaySpec("siren", "bcm23")
BOARD_LOW = RelaySpec("board-low", "GPIO24", active="low")
FAULT = RelaySpec("fault", "GPIO25", active="high", rest="energised")
RELAYS = (SIREN, BOARD_LOW, FAULT)


class World(Protocol):
    """The lines seen from outside."""

    factory: Any

    def contact(self, point: PointSpec, closed: bool) -> None: ...

    def output(self, pin: str) -> int | None:
        """Level of an output, None while it floats."""

    def close(self) -> None: ...


class MockWorld:
    def __init__(self) -> None:
        self.factory = MockFactory()

    def contact(self, point: PointSpec, closed: bool) -> None:
        pin = self.factory.pin(point.pin)
        if closed == (point.bias == "pull-down"):
            pin.drive_high()
        else:
            pin.drive_low()

    def output(self, pin: str) -> int | None:
        found = self.factory.pin(pin)
        return int(found.state) if found.function == "output" else None

    def close(self) -> None:
        self.factory.close()


class SimWorld:
    def __init__(self, folder: Path) -> None:
        self._board = Board(folder, POINTS, RELAYS)
        self._driver = Driver(self._board.socket)
        self.factory = pin_factory(f"sim:{self._board.socket}")

    def contact(self, point: PointSpec, closed: bool) -> None:
        self._driver.contact(point.id, closed)

    def output(self, pin: str) -> int | None:
        level = self._driver.relays()[pin]["level"]
        return None if level is None else int(level)

    def close(self) -> None:
        self.factory.close()
        self._driver.close()
        self._board.kill()


class GpiodWorld:
    """libgpiod's stand-in: a board with the chip of a Raspberry Pi's header, and another one."""

    def __init__(self, folder: Path) -> None:
        self._modules = sp_gpiod.without()
        self.board = mock_gpiod.install(folder)
        self.board.add("gpiochip0", "brcmvirt-gpio", ["GPIO17", None])
        self.header = self.board.add("gpiochip1", "pinctrl-rp1", [None] * 54)
        self.factory = sp_gpiod.factory(folder)

    def contact(self, point: PointSpec, closed: bool) -> None:
        self.header.drive(_offset(point.pin), int(closed == (point.bias == "pull-down")))

    def output(self, pin: str) -> int | None:
        line = self.header.lines[_offset(pin)]
        return line.level if line.output else None

    def close(self) -> None:
        self.factory.close()
        sp_gpiod.back(self._modules)


class KernelWorld:
    """A real chip of the kernel."""

    def __init__(self) -> None:
        self._wires = sp_gpiosim.Wires()
        self.factory = pin_factory("gpiod")
        for point in POINTS:
            self.contact(point, False)

    def contact(self, point: PointSpec, closed: bool) -> None:
        self._wires.drive(_offset(point.pin), int(closed == (point.bias == "pull-down")))

    def output(self, pin: str) -> int | None:
        line = sp_gpiod.info(self._wires.dev, _offset(pin))
        return self._wires.level(_offset(pin)) if line.used and line.direction.name == "OUTPUT" else None

    def close(self) -> None:
        self.factory.close()


def _offset(pin: str) -> int:
    return int(line_name(pin).removeprefix("GPIO"))


def _world(kind: str, folder: Path) -> World:
    made: dict[str, Callable[[], World]] = {
        "mock": MockWorld,
        "sim": lambda: SimWorld(folder),
        "gpiod": lambda: GpiodWorld(folder),
        "kernel": KernelWorld,
    }
    return made[kind]()


@pytest.fixture(params=["mock", "sim", "gpiod", "kernel"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "kernel":
        sp_gpiosim.needed()
    made = _world(request.param, tmp_path)
    yield made
    made.close()


def collected(bank: GpioInputs) -> queue.Queue[Edge]:
    edges: queue.Queue[Edge] = queue.Queue()
    bank.watch(edges.put)
    return edges


# --- points ---


@pytest.mark.parametrize("point", POINTS, ids=lambda p: f"{p.contact},{p.bias}")
def test_closed_means_that_the_contact_conducts(world: World, point: PointSpec) -> None:
    bank = GpioInputs([point], world.factory)
    for closed in (True, False, True):
        world.contact(point, closed)
        assert bank.levels() == {point.id: closed}


def test_every_edge_comes_once_in_order_with_its_time(world: World) -> None:
    bank = GpioInputs([DOOR, RUNNING], world.factory)
    world.contact(DOOR, True)
    world.contact(RUNNING, False)
    edges = collected(bank)
    before_ns = time.monotonic_ns()
    for closed in (False, True) * 5:  # faster than any bounce time would let through
        world.contact(DOOR, closed)
    world.contact(RUNNING, True)
    seen = [edges.get(timeout=10) for _ in range(11)]
    assert [(e.point, e.closed) for e in seen] == [("door", False), ("door", True)] * 5 + [("running", True)]
    times = [before_ns, *(e.mono_ns for e in seen), time.monotonic_ns()]
    assert times == sorted(times)
    assert edges.empty()
    assert bank.lost_edges() == 0


@pytest.mark.parametrize("point", POINTS, ids=lambda p: f"{p.contact},{p.bias}")
def test_an_edge_says_how_the_contact_stands_after_it(world: World, point: PointSpec) -> None:
    bank = GpioInputs([point], world.factory)
    world.contact(point, True)
    edges = collected(bank)
    for closed in (False, True):
        world.contact(point, closed)
        assert edges.get(timeout=10).closed is closed
        assert bank.levels() == {point.id: closed}


def test_a_bank_is_watched_once(world: World) -> None:
    bank = GpioInputs([DOOR], world.factory)
    bank.watch(lambda edge: None)
    with pytest.raises(RuntimeError, match="watched already"):
        bank.watch(lambda edge: None)


def test_a_masked_point_is_silent_and_still_read(world: World) -> None:
    bank = GpioInputs([DOOR, RUNNING], world.factory)
    world.contact(DOOR, True)
    world.contact(RUNNING, False)
    edges = collected(bank)
    bank.mask("door", True)
    world.contact(DOOR, False)
    assert bank.levels()["door"] is False
    world.contact(RUNNING, True)
    assert edges.get(timeout=10).point == "running"
    bank.mask("door", False)
    world.contact(DOOR, True)
    back = edges.get(timeout=10)
    assert (back.point, back.closed) == ("door", True)
    assert edges.empty()


def test_a_mask_set_before_watching_holds(world: World) -> None:
    bank = GpioInputs([DOOR, RUNNING], world.factory)
    world.contact(DOOR, True)
    world.contact(RUNNING, False)
    bank.mask("door", True)
    edges = collected(bank)
    world.contact(DOOR, False)
    world.contact(RUNNING, True)
    assert edges.get(timeout=10).point == "running"


def test_a_closed_bank_is_silent_and_its_lines_can_be_taken_again(world: World) -> None:
    bank = GpioInputs([DOOR], world.factory)
    edges = collected(bank)
    bank.close()
    bank.close()
    again = GpioInputs([DOOR], world.factory)
    more = collected(again)
    world.contact(DOOR, not again.levels()["door"])
    more.get(timeout=10)
    assert edges.empty()


def test_two_points_on_one_line_are_refused_by_name(world: World) -> None:
    with pytest.raises(HardwareError, match=r"point twin, pin 17: .*in use.*two points") as caught:
        GpioInputs([RUNNING, DOOR, PointSpec("twin", "17")], world.factory)
    GpioInputs([RUNNING], world.factory).close()  # let go again, though the error still knows of it
    assert caught.value.__cause__ is not None


def test_a_line_that_does_not_exist_is_refused_by_name(world: World) -> None:
    with pytest.raises(HardwareError, match=r"point lost, pin PQ\.99: "):
        GpioInputs([PointSpec("lost", "PQ.99")], world.factory)


# --- relays ---


def test_relays_start_at_their_rest_or_as_they_were(world: World) -> None:
    relays = GpioRelays(RELAYS, world.factory, {"siren": True})
    assert relays.states() == {"siren": True, "board-low": False, "fault": True}
    assert [world.output(pin) for pin in ("GPIO23", "GPIO24", "GPIO25")] == [1, 1, 1]


@pytest.mark.parametrize(("spec", "high"), [(SIREN, True), (BOARD_LOW, False)], ids=["active-high", "active-low"])
def test_a_relay_is_driven_to_its_active_level(world: World, spec: RelaySpec, high: bool) -> None:
    relays = GpioRelays([spec], world.factory, {})
    pin = "GPIO23" if spec is SIREN else "GPIO24"
    for energised in (True, False, True):
        relays.drive(spec.id, energised)
        assert world.output(pin) == int(energised == high)
        assert relays.states() == {spec.id: energised}


def test_a_closed_relay_floats(world: World) -> None:
    relays = GpioRelays([SIREN], world.factory, {"siren": True})
    relays.close()
    relays.close()
    assert world.output("GPIO23") is None


def test_a_relay_on_a_points_line_is_refused_by_name(world: World) -> None:
    GpioInputs([DOOR], world.factory).levels()
    bank = GpioInputs([RUNNING], world.factory)
    with pytest.raises(HardwareError, match="relay horn, pin GPIO22: ") as caught:
        GpioRelays([SIREN, RelaySpec("horn", "GPIO22")], world.factory, {})
    assert world.output("GPIO23") is None  # let go again, though the error still knows of it
    assert caught.value.__cause__ is not None
    assert "running" in bank.levels()


@pytest.mark.parametrize("ask", [lambda r: r.drive("horn", True)], ids=["drive"])
def test_an_unknown_relay_is_a_mistake_of_ours(world: World, ask: Callable[[GpioRelays], None]) -> None:
    with pytest.raises(KeyError):
        ask(GpioRelays([SIREN], world.factory, {}))
