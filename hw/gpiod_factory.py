"""A gpiozero pin factory on the kernel's GPIO character devices (libgpiod 2): Raspberry Pi, Jetson, gpio-sim alike.

Rules of this file:
- one request a line, so that a chattering line fills its own buffer of edges and no other's;
- direction, resistor and first level are set in the request itself; later changes are one step too, and none is made
  that changes nothing (gpiozero sets function, pull, edges and callback one by one);
- a line's resistor is set once: setting it again may disturb the line;
- an output is made to float before it is let go: a Raspberry Pi's kernel would hold its level;
- libgpiod's objects are not for two threads at once: a line's are under its lock, the chips' under the factory's.
  Nobody is called back under either;
- the kernel debounces only if a gpiozero device asks for it (`bounce_time`). Points never do: it would report a change
  at the end of its rest instead of at its first edge, and hide the chatter that is to be a trouble. Our own debounce
  decides.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import gpiod
from gpiod.line import Bias, Clock, Direction, Value
from gpiod.line import Edge as Edges
from gpiozero.exc import PinFixedPull, PinInvalidFunction, PinInvalidPull, PinSetInput
from gpiozero.pins import Factory, PinInfo

from hw.gpiod_edges import EdgeReader, Missing
from hw.gpiod_lines import DEV, Chips, Line
from hw.pins import WatchedPin, pin_info

SECOND_NS = 1_000_000_000
EDGES_MAX = 256  # of one line, until they are read: 25 ms of the wildest chatter
READ_MAX = 64
PULLS = {"floating": Bias.DISABLED, "up": Bias.PULL_UP, "down": Bias.PULL_DOWN}
EDGES = {"none": Edges.NONE, "rising": Edges.RISING, "falling": Edges.FALLING, "both": Edges.BOTH}


class GpiodFactory(Factory):  # type: ignore[misc]  # gpiozero has no types
    """All lines of all chips of this board. OSError if there is no chip that this user may open.

    Once a chip is gone the factory is broken for good: every call raises OSError. Close it and open a new one.
    """

    faults = (gpiod.ChipClosedError, gpiod.RequestReleasedError)

    def __init__(self, folder: Path = DEV) -> None:
        """folder: where the chips are."""
        super().__init__()
        self._lock = threading.Lock()
        self.broken = ""  # why no line of it answers any more
        self._closed = False
        self._chips = Chips(folder)
        self._pins: dict[Line, GpiodPin] = {}
        self._board = _Board(self._chips)
        self.reader = EdgeReader(self.fail)

    def ticks(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def ticks_diff(self, later: float, earlier: float) -> float:
        return later - earlier

    def _get_board_info(self) -> _Board:
        return self._board

    @property
    def lost_edges(self) -> int:
        """Edges that the kernel dropped so far, as far as the numbers and directions of the others tell."""
        with self._lock:
            return sum(pin.lost_edges for pin in self._pins.values())

    def pin(self, name: str | int) -> GpiodPin:
        """The one object of a line. PinInvalidPin if none has that name, PinMultiplePins if several have."""
        line = self._chips.line(name)
        with self._lock:
            if line not in self._pins:
                self._pins[line] = GpiodPin(self, line)
            return self._pins[line]

    def request(self, line: Line, settings: gpiod.LineSettings) -> gpiod.LineRequest:
        """The line for this process. OSError; EBUSY names the holder."""
        with self._lock, self.asking():
            request = line.chip.request(line.offset, settings, f"standpipe {os.getpid()}", EDGES_MAX)
        os.set_blocking(request.fd, False)
        return request

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around every call for a line: OSError for ever once a chip is gone."""
        if self.broken:
            raise OSError(errno.ENODEV, self.broken)
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENODEV:
                self.fail("the GPIO chip is gone")
            raise

    def fail(self, why: str) -> None:
        """From now on every call raises OSError with these words."""
        self.broken = self.broken or why

    def close(self) -> None:
        """Let go of all lines; outputs float from now on. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for pin in self._pins.values():
            pin.close()
        self.fail("the pin factory is closed")
        self.reader.close()
        self._chips.close()


class GpiodPin(WatchedPin):
    """One line. It is ours from when its function is first set until `close`; EBUSY if another process holds it."""

    def __init__(self, factory: GpiodFactory, line: Line) -> None:
        super().__init__(pin_info(line.name))
        self._factory = factory
        self._line = line
        self._lock = threading.Lock()
        self._request: gpiod.LineRequest | None = None
        self._settings = gpiod.LineSettings()
        self._pull = "floating"
        self._bounce: float | None = None
        self._missing = Missing()
        self.lost_edges = 0

    def close(self) -> None:
        """Give the line up: an output floats from now on."""
        self._when_changed = None
        self._edges = "none"
        self._pull, self._bounce = "floating", None
        with self._lock:
            request, self._request = self._request, None
            if request is None:
                return
            self._factory.reader.forget(request.fd)
            try:
                if self._settings.direction is Direction.OUTPUT:
                    request.reconfigure_lines({self._line.offset: gpiod.LineSettings(direction=Direction.INPUT)})
            except OSError as error:
                if error.errno != errno.ENODEV:  # with the chip gone there is no line to let go
                    raise
            finally:
                request.release()

    def output_with_state(self, state: bool) -> None:
        """Direction and level in one step: no level in between, so nothing on the line clicks."""
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=_value(state))
        with self._lock:
            self._apply(settings)

    def input_with_pull(self, pull: str) -> None:
        """Direction and resistor in one step."""
        if pull not in PULLS:
            raise PinInvalidPull(f"{self!r}: a pull is up, down or floating, not {pull!r}")
        if pull != "floating" and not self._line.chip.sets_bias:
            raise PinFixedPull(
                f'the resistors of {self._line.chip.label} cannot be set; wire one of your own, with bias = "none"'
            )
        self._pull = pull
        self._become_input()

    def _become_input(self) -> None:
        """Make the line what gpiozero has asked for so far, if that is new."""
        with self._lock:
            self._apply(self._wanted())

    def _listen(self) -> None:
        """Edges or rest are wanted otherwise: on an input now, else once the line is one."""
        if self._request is not None and self._settings.direction is Direction.INPUT:
            self._become_input()

    def _wanted(self) -> gpiod.LineSettings:
        edges = EDGES[self._edges] if self.listening else Edges.NONE
        return replace(_input(self._pull), edge_detection=edges, debounce_period=timedelta(seconds=self._bounce or 0))

    def _apply(self, wanted: gpiod.LineSettings) -> None:
        if self._request is None:
            self._settings = replace(wanted, edge_detection=Edges.NONE)
            self._request = self._factory.request(self._line, self._settings)
            self._missing = Missing()
        if wanted != self._settings:
            self._reconfigure(self._request, wanted)
            self._settings = wanted

    def _reconfigure(self, request: gpiod.LineRequest, wanted: gpiod.LineSettings) -> None:
        """While nobody listens the kernel has no edges to tell; what it still has from before is passed over."""
        if wanted.edge_detection is Edges.NONE:
            self._factory.reader.forget(request.fd)
        same = wanted.direction is self._settings.direction and wanted.bias is self._settings.bias
        if self._settings.edge_detection is Edges.NONE:
            self._pass_over(request)
        with self._factory.asking():
            request.reconfigure_lines({self._line.offset: replace(wanted, bias=Bias.AS_IS) if same else wanted})
        if wanted.edge_detection is not Edges.NONE:
            self._factory.reader.watch(request.fd, self.take_edges)

    def _pass_over(self, request: gpiod.LineRequest) -> None:
        last = self._missing.number
        while events := _read(request):
            last = events[-1].line_seqno
        self._missing.resume(last)

    def take_edges(self) -> None:
        """Tell whoever watches of the edges that wait. OSError if the line is gone."""
        with self._lock:
            if self._request is None or self._settings.edge_detection is Edges.NONE:
                return
            events = _read(self._request)
            both = self._settings.edge_detection is Edges.BOTH
            for event in events:
                self.lost_edges += self._missing.seen(event.line_seqno, _rising(event), both=both)
        for event in events:
            self.fire(event.timestamp_ns / SECOND_NS, int(_rising(event)))

    def _get_function(self) -> str:
        return "output" if self._settings.direction is Direction.OUTPUT and self._request else "input"

    def _set_function(self, value: str) -> None:
        if value == "output":
            self.output_with_state(False)
        elif value == "input":
            self._become_input()
        else:
            raise PinInvalidFunction(f"{self!r}: a function is input or output, not {value!r}")

    def _get_state(self) -> int:
        with self._lock, self._factory.asking():
            return int(self._held().get_value(self._line.offset) is Value.ACTIVE)

    def _set_state(self, value: float) -> None:
        with self._lock, self._factory.asking():
            request = self._held()
            if self._settings.direction is not Direction.OUTPUT:
                raise PinSetInput(f"cannot set the state of input {self!r}")
            request.set_value(self._line.offset, _value(value))
            self._settings = replace(self._settings, output_value=_value(value))

    def _held(self) -> gpiod.LineRequest:
        if self._request is None:
            raise OSError(errno.EBADF, "the line has been let go")
        return self._request

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        self.input_with_pull(value)

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        """Seconds for which the kernel wants the line still; None (and 0) for every edge."""
        self._bounce = value
        self._listen()


class _Board:
    """What gpiozero wants of a board: lines by any of their names, on no header."""

    def __init__(self, chips: Chips) -> None:
        self._chips = chips

    def find_pin(self, name: str | int) -> Iterator[tuple[None, PinInfo]]:
        """(no header, the line) for every line that the name can mean."""
        for line in self._chips.find(name):
            yield None, pin_info(line.name)


def _input(pull: str) -> gpiod.LineSettings:
    return gpiod.LineSettings(direction=Direction.INPUT, bias=PULLS[pull], event_clock=Clock.MONOTONIC)


def _value(state: float) -> Value:
    return Value.ACTIVE if state else Value.INACTIVE


def _rising(event: Any) -> bool:
    return bool(event.event_type is gpiod.EdgeEvent.Type.RISING_EDGE)


def _read(request: gpiod.LineRequest) -> list[Any]:
    """The edges that wait, READ_MAX at most. OSError."""
    try:
        return request.read_edge_events(READ_MAX)
    except BlockingIOError:
        return []
