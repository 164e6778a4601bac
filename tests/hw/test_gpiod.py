"""The gpiod factory: which line a name means, what it asks of the kernel and when, and what it says of trouble."""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import queue
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sp_gpiod
from gpiozero.exc import PinInvalidPin, PinMultiplePins
from gpiozero.input_devices import Button
from gpiozero.output_devices import OutputDevice
from gpiozero.pins import Factory
from sp_board import until

from hw import mock_gpiod
from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.mock_gpiod import Bias, Direction, LineSettings, MockChip, Value
from hw.mock_gpiod import Edge as Edges
from hw.ports import Edge, HardwareError, PointSpec, RelaySpec

PI_4 = ["ID_SDA", "ID_SCL", "SDA1", *(f"GPIO{n}" for n in range(3, 28)), "RGMII_MDIO", "BT_ON"]
DOOR = PointSpec("door", "GPIO17", "normally-closed")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[mock_gpiod.Board]:
    modules = sp_gpiod.without()
    yield mock_gpiod.install(tmp_path)
    gc.collect()
    sp_gpiod.back(modules)


@pytest.fixture
def chip(board: mock_gpiod.Board) -> MockChip:
    """A Raspberry Pi 4's."""
    return board.add("gpiochip0", "pinctrl-bcm2711", PI_4)


@pytest.fixture
def open_factory(board: mock_gpiod.Board) -> Iterator[Callable[[], Any]]:
    made: list[Any] = []

    def opened() -> Any:
        made.append(sp_gpiod.factory(board.folder))
        return made[-1]

    yield opened
    for factory in made:
        factory.close()


@pytest.fixture
def factory(chip: MockChip, open_factory: Callable[[], Any]) -> Any:
    return open_factory()


# --- which line a name means ---

RP1 = ("pinctrl-rp1", ["ID_SDA", "ID_SCL", *(f"GPIO{n}" for n in range(2, 28)), *["-"] * 26])
BRCM = ("gpio-brcmstb@107d508500", ["-", "2712_BOOT_CS_N", "GPIO17", None])
PI_5 = [RP1, BRCM]
PI_5_OLD_KERNEL = [BRCM, RP1]
PI_5_LINES = [("17", 17), (17, 17), ("GPIO2", 2), ("bcm0", 0), ("BOARD11", 17), ("J8:40", 21), ("ID_SDA", 0)]
JETSON = [
    ("tegra234-gpio", ["PA.00", "PA.01", *(f"PQ.{n:02}" for n in range(8))]),
    ("tegra234-gpio-aon", ["PAA.00", "PQ.99"]),
]
SIM = [("pinctrl-rig", [f"GPIO{n}" for n in range(28)]), ("other", [None, "GPIO40"])]
FINDS = [
    *((PI_5, name, (0, offset)) for name, offset in PI_5_LINES),
    *((PI_5_OLD_KERNEL, name, (1, offset)) for name, offset in PI_5_LINES),
    (PI_5, "2712_BOOT_CS_N", (1, 1)),
    (PI_5, "gpiochip1:2", (1, 2)),
    (PI_5, "gpiochip1:GPIO17", (1, 2)),
    (PI_5, "pinctrl-rp1:40", (0, 40)),
    (JETSON, "PQ.05", (0, 7)),
    (JETSON, "PAA.00", (1, 0)),
    (JETSON, "gpiochip1:1", (1, 1)),
    (SIM, "GPIO5", (0, 5)),
    (SIM, 5, (0, 5)),
    (SIM, "BOARD11", (0, 17)),
    (SIM, "GPIO40", (1, 1)),
    (SIM, "gpiochip1:0", (1, 0)),
    ([("named by a device tree", ["PIN11", "DOOR 1"])], "PIN11", (0, 0)),
    ([("named by a device tree", ["PIN11", "DOOR 1"])], "DOOR 1", (0, 1)),
]


@pytest.mark.parametrize(("chips", "name", "place"), FINDS, ids=lambda v: str(v) if isinstance(v, str | int) else "")
def test_a_name_means_one_line(
    board: mock_gpiod.Board, open_factory: Callable[[], Any], chips: Any, name: str, place: tuple[int, int]
) -> None:
    made = [board.add(f"gpiochip{n}", label, names) for n, (label, names) in enumerate(chips)]
    factory = open_factory()
    device = OutputDevice(name, initial_value=True, pin_factory=factory)
    held = [(n, offset) for n, chip in enumerate(made) for offset, line in enumerate(chip.lines) if line.consumer]
    assert held == [place]
    assert factory.pin(device.pin.info.name) is device.pin  # the name that people see finds it again
    device.close()


@pytest.mark.parametrize(
    ("chips", "name"),
    [
        (PI_5, "GPIO99"),
        (PI_5, "GPIO40"),
        (PI_5, "pinctrl-rp1:54"),
        (JETSON, "GPIO17"),
        (JETSON, "PQ.5"),
        (SIM, "gpiochip7:1"),
        (SIM, ""),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    board: mock_gpiod.Board, open_factory: Callable[[], Any], chips: Any, name: str
) -> None:
    for n, (label, names) in enumerate(chips):
        board.add(f"gpiochip{n}", label, names)
    with pytest.raises(PinInvalidPin, match=rf"no line .*gpiochip0 \[{chips[0][0]}"):
        open_factory().pin(name)


def test_a_name_of_two_lines_is_refused_with_both_places(
    board: mock_gpiod.Board, open_factory: Callable[[], Any]
) -> None:
    board.add("gpiochip0", "one", ["DOOR"])
    board.add("gpiochip1", "two", ["LAMP", "DOOR"])
    with pytest.raises(PinMultiplePins, match="gpiochip0:0, gpiochip1:1"):
        open_factory().pin("DOOR")
    with pytest.raises(HardwareError, match=r"point door, pin DOOR: .*gpiochip1:1"):
        GpioInputs([PointSpec("door", "DOOR")], open_factory())


def test_two_names_of_one_line_are_one_pin(factory: Any) -> None:
    assert factory.pin(17) is factory.pin("gpiochip0:17") is factory.pin("pinctrl-bcm2711:GPIO17")


def test_an_older_name_of_a_chip_is_no_second_chip(
    board: mock_gpiod.Board, chip: MockChip, open_factory: Callable[[], Any]
) -> None:
    (board.folder / "gpiochip4").symlink_to("gpiochip0")
    factory = open_factory()
    assert factory.pin("BT_ON") is factory.pin("gpiochip4:29")


# --- what it asks of the kernel ---


def test_a_relay_gets_its_first_level_with_its_line_and_no_other_before(chip: MockChip, factory: Any) -> None:
    relays = GpioRelays([RelaySpec("low", "24", active="low"), RelaySpec("siren", "23")], factory, {"siren": True})
    wanted = [LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)]
    assert (chip.lines[24].asked, chip.lines[23].asked) == (wanted, wanted)
    relays.close()


def test_an_output_is_made_an_input_before_it_is_let_go(chip: MockChip, factory: Any) -> None:
    GpioRelays([RelaySpec("siren", "23")], factory, {"siren": True}).close()
    assert chip.lines[23].asked[1:] == [
        LineSettings(direction=Direction.INPUT)
    ]  # its resistor stays as the boot set it
    assert not chip.lines[23].consumer


def test_a_point_takes_three_requests_and_sets_its_resistor_once(chip: MockChip, factory: Any) -> None:
    bank = GpioInputs([DOOR], factory)
    bank.watch(lambda edge: None)
    steps = [(one.bias, one.edge_detection) for one in chip.lines[17].asked]
    assert steps == [(Bias.DISABLED, Edges.NONE), (Bias.PULL_UP, Edges.NONE), (Bias.AS_IS, Edges.BOTH)]
    assert not any(one.debounce_period for one in chip.lines[17].asked)
    bank.mask("door", True)
    bank.mask("door", True)
    assert [one.edge_detection for one in chip.lines[17].asked[3:]] == [Edges.NONE]


def test_a_bounce_time_is_the_kernels_to_keep(chip: MockChip, factory: Any) -> None:
    button = Button(17, bounce_time=0.02, pin_factory=factory)
    assert chip.lines[17].asked[-1].debounce_period.total_seconds() == 0.02
    assert button.pin.bounce == 0.02
    button.close()


def test_an_output_stays_one_whoever_asks_for_its_edges(chip: MockChip, factory: Any) -> None:
    device = OutputDevice(23, initial_value=True, pin_factory=factory)
    device.pin.edges = "both"
    device.pin.when_changed = print
    assert (chip.lines[23].output, chip.lines[23].level) == (True, 1)
    device.close()


@pytest.mark.parametrize("bias", ["pull-up", "pull-down"])
def test_a_resistor_that_cannot_be_set_is_refused(
    board: mock_gpiod.Board, open_factory: Callable[[], Any], bias: str
) -> None:
    board.add("gpiochip0", "tegra234-gpio", ["PQ.05"])
    factory = open_factory()
    with pytest.raises(HardwareError, match=r'point door, pin PQ\.05: .*tegra234-gpio.*bias = "none"'):
        GpioInputs([PointSpec("door", "PQ.05", bias=bias)], factory)
    GpioInputs([PointSpec("door", "PQ.05", bias="none")], factory).close()


# --- edges ---


def watched(factory: Any, *points: PointSpec) -> tuple[GpioInputs, queue.Queue[Edge]]:
    bank = GpioInputs(points or [DOOR], factory)
    edges: queue.Queue[Edge] = queue.Queue()
    bank.watch(edges.put)
    return bank, edges


def test_an_edge_has_the_kernels_own_time(chip: MockChip, factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bank, edges = watched(factory)
    then_ns = 123_456_789_012_345
    monkeypatch.setattr(mock_gpiod.time, "monotonic_ns", lambda: then_ns)
    chip.drive(17, 0)
    edge = edges.get(timeout=10)
    assert abs(edge.mono_ns - then_ns) <= 64  # a float of seconds on the way
    assert bank.lost_edges() == 0


def test_edges_that_the_buffer_had_to_drop_are_counted(chip: MockChip, factory: Any) -> None:
    go, seen = threading.Event(), []
    bank = GpioInputs([DOOR], factory)

    def stuck(edge: Edge) -> None:
        seen.append(edge)
        go.wait(20)

    bank.watch(stuck)
    for n in range(1001):  # the first keeps the reader, 256 wait
        chip.drive(17, n % 2)
        if n == 0:
            until(lambda: seen, "the reader is stuck")
    go.set()
    until(lambda: len(seen) == 1 + 256, "what the kernel kept comes")
    assert bank.lost_edges() == 1000 - 256
    assert seen[-1].closed is bank.levels()["door"]


def test_two_edges_of_one_direction_mean_that_one_is_missing(chip: MockChip, factory: Any) -> None:
    bank, edges = watched(factory)
    chip.drive(17, 0)
    chip.drive(17, 1, told=False)
    chip.drive(17, 0)
    assert [edges.get(timeout=10).closed for _ in range(2)] == [True, True]
    assert bank.lost_edges() == 1


def test_what_happens_while_masked_is_no_loss(chip: MockChip, factory: Any) -> None:
    bank, edges = watched(factory)
    chip.drive(17, 0)
    assert edges.get(timeout=10).closed
    bank.mask("door", True)
    for level in (1, 0, 1, 0, 1):
        chip.drive(17, level)
    bank.mask("door", False)
    chip.drive(17, 0)
    assert edges.get(timeout=10).closed
    assert (edges.empty(), bank.lost_edges()) == (True, 0)


def test_all_lines_are_read_by_one_thread(chip: MockChip, factory: Any) -> None:
    readers: queue.Queue[str] = queue.Queue()
    points = [PointSpec(f"p{n}", str(n)) for n in range(2, 22)]
    bank = GpioInputs(points, factory)
    bank.watch(lambda edge: readers.put(threading.current_thread().name))
    for n in range(2, 22):
        chip.drive(n, 0)
    assert {readers.get(timeout=10) for _ in points} == {"gpiod-edges"}
    bank.close()


# --- trouble ---


def test_a_busy_line_says_who_holds_it(chip: MockChip, open_factory: Callable[[], Any]) -> None:
    chip.lines[17].consumer = "spi0 CS0"
    relays = GpioRelays([RelaySpec("siren", "23")], open_factory(), {})
    other = open_factory()
    with pytest.raises(
        HardwareError, match=r"point door, pin GPIO17: held by 'spi0 CS0': another process .*or a driver"
    ):
        GpioInputs([DOOR], other)
    with pytest.raises(HardwareError, match=rf"relay siren, pin 23: held by 'standpipe {os.getpid()}'"):
        GpioRelays([RelaySpec("siren", "23")], other, {})
    assert relays.states() == {"siren": False}


def test_a_line_that_was_busy_can_be_had_once_it_is_free(chip: MockChip, factory: Any) -> None:
    for bank in (lambda: GpioRelays([RelaySpec("siren", "23")], factory, {}), lambda: GpioInputs([DOOR], factory)):
        chip.lines[23].consumer = chip.lines[17].consumer = "somebody"
        with pytest.raises(HardwareError, match="held by 'somebody'") as caught:
            bank()
        chip.lines[23].consumer = chip.lines[17].consumer = ""
        got = bank()
        del caught  # what failed is forgotten only now
        gc.collect()
        assert sum(bool(line.consumer) for line in chip.lines) == 1
        got.close()


def test_a_chip_that_is_gone_breaks_the_factory_for_good(chip: MockChip, factory: Any) -> None:
    relays = GpioRelays([RelaySpec("siren", "23")], factory, {})
    bank, _ = watched(factory)
    chip.pull_out()
    with pytest.raises(HardwareError, match=r"point door, pin GPIO17: "):
        bank.levels()
    chip.gone = False
    for call in (bank.levels, lambda: relays.drive("siren", True)):
        with pytest.raises(HardwareError, match=r"gone|cannot be read"):
            call()
    relays.close()
    bank.close()


def test_a_chip_that_goes_while_nobody_reads_is_noticed(chip: MockChip, factory: Any) -> None:
    bank, _ = watched(factory)
    chip.pull_out()
    until(lambda: factory.broken, "the reader notices")
    until(lambda: not factory.reader._takers, "it does not ask again and again")
    chip.gone = False
    with pytest.raises(HardwareError, match="edges cannot be read"):
        bank.levels()
    with pytest.raises(HardwareError, match="edges cannot be read"):
        GpioRelays([RelaySpec("siren", "23")], factory, {})


def test_a_closed_factory_has_let_everything_go(chip: MockChip, factory: Any) -> None:
    bank, _ = watched(factory)
    relays = GpioRelays([RelaySpec("siren", "23")], factory, {"siren": True})
    factory.close()
    factory.close()
    assert not any(line.consumer or line.output for line in chip.lines)
    assert "gpiod-edges" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(HardwareError, match=r"closed|let go"):
        relays.drive("siren", False)
    bank.close()
    relays.close()


# --- how it is offered ---


def test_it_is_offered_by_name(board: mock_gpiod.Board, chip: MockChip, monkeypatch: pytest.MonkeyPatch) -> None:
    import hw.gpiod_factory

    monkeypatch.setattr(hw.gpiod_factory.GpiodFactory.__init__, "__defaults__", (board.folder,))
    factory = pin_factory("gpiod")
    assert factory.pin(17).info.name == "GPIO17"
    factory.close()


@pytest.mark.parametrize(("there", "words"), [([], "there is no "), (["gpiochip0"], "gpiochip0: Permission denied")])
def test_a_board_without_chips_for_us_is_told_what_to_do(
    board: mock_gpiod.Board, monkeypatch: pytest.MonkeyPatch, there: list[str], words: str
) -> None:
    import hw.gpiod_factory

    for name in there:
        (board.folder / name).touch()
    monkeypatch.setattr(hw.gpiod_factory.GpiodFactory.__init__, "__defaults__", (board.folder,))
    with pytest.raises(HardwareError, match=rf"pins gpiod: .*{words}.*group.*sim:/"):
        pin_factory("gpiod")


def test_a_missing_library_names_the_package(board: mock_gpiod.Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(HardwareError, match="pip install 'gpiod"):
        pin_factory("gpiod")


@pytest.mark.parametrize(("setting", "warned"), [("Y\n", True), ("N\n", False), (None, False)])
def test_a_kernel_that_holds_outputs_of_the_dead_is_told_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    setting: str | None,
    warned: bool,
) -> None:
    if setting:
        folder = tmp_path / "pinctrl_bcm2835" / "parameters"
        folder.mkdir(parents=True)
        (folder / "persist_gpio_outputs").write_text(setting)
    monkeypatch.setattr("hw.gpio.SYS_MODULE", tmp_path)
    monkeypatch.setattr("hw.gpio.REAL", {"gpiod": lambda: "opened"})
    assert pin_factory("gpiod") == "opened"
    assert ("hw/README.md" in caplog.text) is warned


def test_gpiozero_scripts_of_ones_own_may_name_it() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["gpiozero_pin_factories"]["gpiod"].partition(":")
    assert issubclass(getattr(importlib.import_module(module), name), Factory)


@pytest.mark.parametrize(
    "name", ["Chip.__init__", "Chip.request_lines", "Chip.get_line_info", "LineRequest.get_value",
             "LineRequest.set_value", "LineRequest.reconfigure_lines", "LineRequest.read_edge_events",
             "LineRequest.release", "LineSettings.__init__"],
)  # fmt: skip
def test_the_stand_in_is_called_as_the_library_is(name: str) -> None:
    gpiod = pytest.importorskip("gpiod")
    kind, method = name.split(".")
    ours = inspect.signature(getattr(getattr(mock_gpiod, kind), method))
    real = inspect.signature(getattr(getattr(gpiod, kind), method))
    assert [p for p in ours.parameters if p not in real.parameters] == []
    positional = [p.name for p in real.parameters.values()][: len(ours.parameters)]
    assert kind == "LineSettings" or list(ours.parameters) == positional


@pytest.mark.parametrize("name", ["Value", "Direction", "Bias", "Edge", "Clock"])
def test_the_stand_in_has_the_librarys_words(name: str) -> None:
    line = pytest.importorskip("gpiod.line")
    assert set(getattr(mock_gpiod, name).__members__) == set(getattr(line, name).__members__)
