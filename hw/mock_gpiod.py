"""Stands in for the gpiod library where there is no gpiochip: chips whose lines a test drives and looks at.

`install()` puts it where `import gpiod` finds it. Only what hw/gpiod_factory.py calls is here; a test holds its
signatures to the library's where that is installed. Lines behave as the kernel's: one holder each, edges numbered on
their line, the oldest dropped when a buffer is full. As on a Raspberry Pi, an output that is let go stays one.
"""

from __future__ import annotations

import enum
import errno
import os
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

Value = enum.Enum("Value", {"INACTIVE": 0, "ACTIVE": 1})
Direction = enum.Enum("Direction", "AS_IS INPUT OUTPUT")
Bias = enum.Enum("Bias", "AS_IS UNKNOWN DISABLED PULL_UP PULL_DOWN")
Edge = enum.Enum("Edge", "NONE RISING FALLING BOTH")
Clock = enum.Enum("Clock", "MONOTONIC REALTIME HTE")
PULLED = {Bias.PULL_UP: 1, Bias.PULL_DOWN: 0}


class ChipClosedError(Exception):
    """What the library raises."""


class RequestReleasedError(Exception):
    """What the library raises."""


@dataclass
class LineSettings:
    """What a line is asked to be."""

    direction: Direction = Direction.AS_IS
    edge_detection: Edge = Edge.NONE
    bias: Bias = Bias.AS_IS
    debounce_period: timedelta = timedelta()
    event_clock: Clock = Clock.MONOTONIC
    output_value: Value = Value.INACTIVE


@dataclass(frozen=True)
class ChipInfo:
    """Name, label and size of a chip."""

    name: str
    label: str
    num_lines: int


@dataclass(frozen=True)
class LineInfo:
    """One line: its name, and who holds it."""

    offset: int
    name: str | None
    used: bool
    consumer: str


@dataclass(frozen=True)
class EdgeEvent:
    """One edge."""

    Type = enum.Enum("Type", "RISING_EDGE FALLING_EDGE")
    event_type: Any
    timestamp_ns: int
    line_offset: int
    line_seqno: int


@dataclass
class MockLine:
    """One line, seen from outside. `asked` has every setting it was given, in order, the request's first."""

    name: str | None
    level: int = 0
    driven: bool = False  # from outside: stronger than its resistor
    consumer: str = ""
    output: bool = False
    asked: list[LineSettings] = field(default_factory=list)
    request: LineRequest | None = None


class MockChip:
    """The hardware: what stays when everybody has closed it."""

    def __init__(self, name: str, label: str, names: Iterable[str | None]) -> None:
        self.name, self.label = name, label
        self.lines = [MockLine(name) for name in names]
        self.gone = False

    def drive(self, offset: int, level: int, *, told: bool = True) -> None:
        """Set a line from outside. told=False: its interrupt comes too late, nobody hears of the edge."""
        line = self.lines[offset]
        line.driven = True
        self._set(line, level, told)

    def pull_out(self) -> None:
        """From now on nothing of it answers; whoever waits for edges is woken."""
        self.gone = True
        for line in self.lines:
            if line.request is not None:
                os.eventfd_write(line.request.fd, 1)

    def _set(self, line: MockLine, level: int, told: bool) -> None:
        changed, line.level = line.level != level, level
        if changed and told and line.request is not None:
            line.request.edge(level)

    def configure(self, offset: int, settings: LineSettings) -> None:
        """As the kernel does for a request or a later setting."""
        line = self.lines[offset]
        line.asked.append(settings)
        line.output = settings.direction is Direction.OUTPUT
        if line.output:
            line.level = settings.output_value.value
        elif settings.bias in PULLED and not line.driven:
            self._set(line, PULLED[settings.bias], told=True)


class Board:
    """All mock chips; `folder` stands for /dev."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chips: dict[Path, MockChip] = {}

    def add(self, name: str, label: str, names: Iterable[str | None]) -> MockChip:
        """Plug in a chip."""
        (self.folder / name).touch()
        chip = self.chips[self.folder.resolve() / name] = MockChip(name, label, names)
        return chip


class Chip:
    """An open chip."""

    board: Board

    def __init__(self, path: str) -> None:
        device = Path(path).resolve()
        if device not in self.board.chips:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        self._chip = self.board.chips[device]

    def get_info(self) -> ChipInfo:
        return ChipInfo(self._chip.name, self._chip.label, len(self._chip.lines))

    def get_line_info(self, line: int) -> LineInfo:
        found = self._chip.lines[line]
        return LineInfo(line, found.name, bool(found.consumer), found.consumer)

    def request_lines(
        self, config: dict[int, LineSettings], consumer: str | None = None, event_buffer_size: int | None = None
    ) -> LineRequest:
        (offset,) = config
        line = self._chip.lines[offset]
        if line.consumer:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        line.consumer = consumer or "?"
        line.request = LineRequest(self._chip, offset, event_buffer_size or 16)
        line.request.reconfigure_lines(config)
        return line.request

    def close(self) -> None:
        """Lines that were requested stay so."""


class LineRequest:
    """One requested line."""

    def __init__(self, chip: MockChip, offset: int, buffer: int) -> None:
        self._chip, self._offset = chip, offset
        self._lock = threading.Lock()
        self._edges: deque[EdgeEvent] = deque(maxlen=buffer)
        self._number = 0
        self.fd = os.eventfd(0)

    def _check(self) -> MockLine:
        if self._chip.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        if self.fd < 0:
            raise RequestReleasedError("GPIO lines have been released")
        return self._chip.lines[self._offset]

    def reconfigure_lines(self, config: dict[int, LineSettings]) -> None:
        self._check()
        self._chip.configure(self._offset, config[self._offset])

    def get_value(self, line: int) -> Value:
        return Value(self._check().level)

    def set_value(self, line: int, value: Value) -> None:
        self._check().level = value.value

    def edge(self, level: int) -> None:
        """The line has changed."""
        wanted = self._chip.lines[self._offset].asked[-1].edge_detection
        if wanted is Edge.NONE or wanted is (Edge.FALLING if level else Edge.RISING):
            return
        kind = EdgeEvent.Type.RISING_EDGE if level else EdgeEvent.Type.FALLING_EDGE
        with self._lock:
            self._number += 1
            self._edges.append(EdgeEvent(kind, time.monotonic_ns(), self._offset, self._number))
            os.eventfd_write(self.fd, 1)

    def read_edge_events(self, max_events: int | None = None) -> list[EdgeEvent]:
        self._check()
        with self._lock:
            if not self._edges:
                assert not os.get_blocking(self.fd), "this would wait for ever, and everybody else for it"
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            found = [self._edges.popleft() for _ in range(min(len(self._edges), max_events or 64))]
            if not self._edges:
                os.eventfd_read(self.fd)
            return found

    def release(self) -> None:
        line = self._chip.lines[self._offset]
        line.consumer, line.request = "", None
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def install(folder: Path) -> Board:
    """Modules `gpiod` and `gpiod.line`, and the board behind them. The caller takes them out of `sys.modules` again."""
    board = Board(folder)
    module, line = types.ModuleType("gpiod"), types.ModuleType("gpiod.line")
    line.__dict__.update(Value=Value, Direction=Direction, Bias=Bias, Edge=Edge, Clock=Clock)
    chip = type("Chip", (Chip,), {"board": board})
    classes = (LineSettings, ChipInfo, LineInfo, EdgeEvent, LineRequest, ChipClosedError, RequestReleasedError)
    module.__dict__.update({one.__name__: one for one in classes}, Chip=chip, line=line)
    sys.modules.update({"gpiod": module, "gpiod.line": line})
    return board
