"""Puts a simulated board together and serves it: what `standpipe simulate` and `python -m hw.simulator` share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hw.ports import ChannelSpec, HardwareError, PointSpec, RelaySpec
from hw.simulator.board import News, SimBoard
from hw.simulator.hands import Agenda, Hands, SimCamera
from hw.simulator.server import Simulator

GPIO_MODULES = ("gpiozero", "lgpio", "gpiod", "RPi", "pigpio", "Jetson")
SWITCH_S = 0.0005  # a camera's encoder beside the loop must not delay edges by Python's usual 5 ms


def build(
    path: Path,
    points: Sequence[PointSpec],
    relays: Sequence[RelaySpec],
    cameras: Mapping[str, SimCamera],
    tell: Callable[[News], None],
    channels: Sequence[ChannelSpec] = (),
) -> Simulator:
    """A simulator that listens at `path`; `run` it. HardwareError in words."""
    assert_no_gpio()
    sys.setswitchinterval(SWITCH_S)
    agenda = Agenda(time.monotonic_ns, lambda error: tell(News("trouble", "simulator", "failed", detail=str(error))))
    try:
        board = SimBoard(points, relays, time.monotonic_ns, tell, channels)
    except OSError as error:
        raise HardwareError(f"the simulated board cannot be built: {error.strerror}") from error
    hands = Hands(board, agenda, cameras, tell)
    return Simulator(path, board, hands, agenda, tell)


def assert_no_gpio() -> None:
    """HardwareError if anything that could touch this machine's own pins is loaded in this process."""
    loaded = [name for name in GPIO_MODULES if name in sys.modules]
    if loaded:
        raise HardwareError(f"a simulator must not load {', '.join(loaded)}: it could touch this machine's own pins")
