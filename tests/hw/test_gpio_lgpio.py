"""The real board's factory, as far as it can be tried without one: what it asks of lgpio, and what it says."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator

import pytest

from hw import mock_lgpio
from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import Edge, HardwareError, PointSpec, RelaySpec

OURS = ("lgpio", "gpiozero.pins.lgpio", "hw.lgpio_factory")
PI_3B = 0xA02082


@pytest.fixture
def without_lgpio(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def lines(without_lgpio: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[mock_lgpio.Lines]:
    from gpiozero.pins.local import LocalPiFactory

    _, found = mock_lgpio.install()
    monkeypatch.setattr(LocalPiFactory, "_get_revision", lambda self: PI_3B)
    monkeypatch.setattr(LocalPiFactory, "pins", {})
    yield found
    for name in OURS:
        sys.modules.pop(name, None)


def test_an_output_takes_its_first_level_with_its_line(lines: mock_lgpio.Lines) -> None:
    specs = [RelaySpec("low", "GPIO24", active="low"), RelaySpec("siren", "23")]
    relays = GpioRelays(specs, pin_factory("lgpio"), {"siren": True})
    assert relays.states() == {"low": False, "siren": True}
    assert lines.requests == [("output", 24, 1), ("output", 23, 1)]  # no input before, no low before the high


def test_an_input_gets_its_pull(lines: mock_lgpio.Lines) -> None:
    bank = GpioInputs([PointSpec("door", "17"), PointSpec("up", "27", bias="pull-down")], pin_factory("lgpio"))
    assert ("input", 17, mock_lgpio.SET_PULL_UP) in lines.requests
    assert ("input", 27, mock_lgpio.SET_PULL_DOWN) in lines.requests
    bank.close()
    assert lines.requests[-2:] == [("input", 17, mock_lgpio.SET_PULL_NONE), ("input", 27, mock_lgpio.SET_PULL_NONE)]


@pytest.mark.parametrize("stamp", ["monotonic", "utc"])
def test_edges_carry_the_kernels_time_if_it_is_monotonic(lines: mock_lgpio.Lines, stamp: str) -> None:
    bank = GpioInputs([PointSpec("door", "17")], pin_factory("lgpio"))
    edges: list[Edge] = []
    bank.watch(edges.append)
    before_ns = time.monotonic_ns()
    lines.callbacks[17](0, 17, 0, before_ns if stamp == "monotonic" else time.time_ns())
    (edge,) = edges
    assert edge.closed
    if stamp == "monotonic":
        assert abs(edge.mono_ns - before_ns) <= 1
    else:
        assert before_ns <= edge.mono_ns <= time.monotonic_ns()


def test_a_masked_line_asks_for_no_edges(lines: mock_lgpio.Lines) -> None:
    bank = GpioInputs([PointSpec("door", "17")], pin_factory("lgpio"))
    bank.watch(lambda edge: None)
    assert 17 in lines.callbacks
    bank.mask("door", True)
    assert 17 not in lines.callbacks
    bank.mask("door", False)
    assert 17 in lines.callbacks
    bank.close()
    assert lines.callbacks == {}


def test_a_busy_line_says_who_to_look_for(lines: mock_lgpio.Lines) -> None:
    lines.busy = {23, 17}
    factory = pin_factory("lgpio")
    with pytest.raises(HardwareError, match=r"relay siren, pin GPIO23: .*busy.*another process holds this line"):
        GpioRelays([RelaySpec("siren", "GPIO23")], factory, {})
    with pytest.raises(HardwareError, match=r"point door, pin 17: .*busy.*another process holds this line"):
        GpioInputs([PointSpec("door", "17")], factory)
    gc.collect()
    assert lines.refused == ["output", "input"]  # what another process holds was not touched in passing


def test_a_missing_library_names_the_package(without_lgpio: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(HardwareError, match="python3-lgpio"):
        pin_factory("lgpio")


def test_another_board_is_told_what_to_do(lines: mock_lgpio.Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero.exc import PinUnknownPi
    from gpiozero.pins.local import LocalPiFactory

    def unknown(self: object) -> int:
        raise PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr(LocalPiFactory, "_get_revision", unknown)
    with pytest.raises(HardwareError, match=r"Raspberry Pi.*sim:/"):
        pin_factory("lgpio")


def test_an_unknown_kind_of_pins_lists_the_known() -> None:
    with pytest.raises(HardwareError, match="lgpio, mock or sim:"):
        pin_factory("pigpio")


def test_no_default_factory_is_ever_made() -> None:
    from gpiozero import Device

    GpioRelays([RelaySpec("siren", "23")], pin_factory("mock"), {}).close()
    assert Device.pin_factory is None
