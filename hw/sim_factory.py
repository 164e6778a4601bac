"""A gpiozero pin factory over the simulated board of another process.

Edges carry the simulator's CLOCK_MONOTONIC times. Once the simulator has hung up or does not answer, the factory is
broken for good: every call raises ConnectionError. Its owner closes the banks and the factory and opens new ones.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpiozero.exc import PinInvalidFunction, PinInvalidPin, PinSetInput
from gpiozero.pins import Factory, PinInfo

from hw.pins import WatchedPin, pin_info
from hw.ports import HardwareError, line_name
from hw.simulator.wire import PACKET_BYTES_MAX, Channel, pack, socket_to, unpack

SECOND_NS = 1_000_000_000


class SimFactory(Factory):  # type: ignore[misc]  # gpiozero has no types
    """Pins of the board that serves at `path`. HardwareError if nobody does."""

    def __init__(self, path: Path | str) -> None:
        super().__init__()
        self._path = Path(path)
        try:
            self._channel = Channel(self._path, "panel")
            self._edges = _edges(self._path, self._channel)
        except OSError as error:
            raise HardwareError(
                f"no simulated board answers at {self._path} ({error.strerror or error}): start `standpipe simulate`"
            ) from error
        self._board = _Lines(list(self._channel.welcome["lines"]))
        self._pins: dict[str, SimPin] = {}
        self._broken = ""
        self._lost = 0
        self._closed = False
        self._reader = threading.Thread(target=self._read_edges, name="sim-edges", daemon=True)
        self._reader.start()

    def ticks(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def ticks_diff(self, later: float, earlier: float) -> float:
        return later - earlier

    def _get_board_info(self) -> _Lines:
        return self._board

    @property
    def lost_edges(self) -> int:
        """Edges the board had to drop so far because they were not read in time."""
        return self._lost

    def pin(self, name: str | int) -> SimPin:
        """The one object of a line. PinInvalidPin if the board has no such line."""
        for _, info in self._board.find_pin(name):
            if info.name not in self._pins:
                self._pins[info.name] = SimPin(self, info)
            return self._pins[info.name]
        raise PinInvalidPin(f"the simulated board has no line {name}; it has {', '.join(self._board.names)}")

    def ask(self, op: str, *arguments: object) -> Any:
        """A question to the board. OSError; ConnectionError for ever once it is gone."""
        if self._broken:
            raise ConnectionError(errno.ECONNRESET, self._broken)
        try:
            return self._channel.ask(op, *arguments)
        except (ConnectionError, TimeoutError) as error:
            self._broken = f"the simulated board at {self._path} is gone ({error.strerror or error})"
            raise ConnectionError(errno.ECONNRESET, self._broken) from error

    def read(self, line: str) -> int:
        """The level of a line now."""
        level, lost = self.ask("read", line)
        self._lost = max(self._lost, lost)
        return int(level)

    def close(self) -> None:
        """Let go of all lines; outputs float from now on. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._broken = "the pin factory is closed"
        self._channel.close()
        self._edges.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=2)
        self._pins.clear()

    def _read_edges(self) -> None:
        try:
            while edge := self._edges.receive():
                _, line, level, mono_ns, lost = edge
                self._lost = max(self._lost, lost)
                self._pins[line].fire(mono_ns / SECOND_NS, level)
            self._broken = self._broken or f"the simulated board at {self._path} is gone"
        except BaseException as error:
            self._broken = f"edges are no longer read: {type(error).__name__}: {error}"
            raise


class SimPin(WatchedPin):
    """One line. Claims it when its function is first set; EBUSY if another process holds it."""

    def __init__(self, factory: SimFactory, info: PinInfo) -> None:
        super().__init__(info)
        self._factory = factory
        self._function = "input"
        self._pull = "floating"

    def close(self) -> None:
        """Give the line up: an output floats from now on."""
        self._when_changed = None
        self._edges = "none"
        self._function = "input"
        try:
            self._factory.ask("release", self._pin_info.name)
        except ConnectionError:
            return  # with the board's process gone nobody holds the line any more

    def output_with_state(self, state: bool) -> None:
        """Direction and level in one step: no level in between, so nothing on the line clicks."""
        self._factory.ask("output", self._pin_info.name, int(state))
        self._function = "output"

    def input_with_pull(self, pull: str) -> None:
        self._factory.ask("input", self._pin_info.name, pull)
        self._function, self._pull = "input", pull

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value == "output":
            self.output_with_state(False)
        elif value == "input":
            self.input_with_pull(self._pull)
        else:
            raise PinInvalidFunction(f"{self!r}: a function is input or output, not {value!r}")

    def _get_state(self) -> int:
        return self._factory.read(self._pin_info.name)

    def _set_state(self, value: float) -> None:
        if self._function != "output":
            raise PinSetInput(f"cannot set the state of input {self!r}")
        self._factory.ask("write", self._pin_info.name, int(bool(value)))

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        self.input_with_pull(value)

    def _listen(self) -> None:
        self._factory.ask("watch", self._pin_info.name, self.listening and self._edges == "both")


class _Lines:
    """What gpiozero wants of a board: lines by any of their names, on no header."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self._infos = {name: pin_info(name) for name in names}

    def find_pin(self, name: str | int) -> Iterator[tuple[None, PinInfo]]:
        """(no header, the line) if there is one of that name."""
        info = self._infos.get(line_name(name))
        if info is not None:
            yield None, info


class _Edges:
    """The second connection of a panel: nothing but edges."""

    def __init__(self, path: Path) -> None:
        self._socket = socket_to(path, timeout_s=2.0)

    def receive(self) -> list[Any]:
        """The next edge; empty once the board or we have hung up (which may close the socket before we look)."""
        try:
            packet = self._socket.recv(PACKET_BYTES_MAX)
        except OSError:
            return []
        return unpack(packet) if packet else []

    def subscribe(self, token: int) -> None:
        """Say whose edges these are. OSError if the board refuses."""
        self._socket.send(pack(1, "hello", "edges", token))
        answer = self.receive()
        if len(answer) != 2:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"no edges: {answer}")
        self._socket.settimeout(None)

    def close(self) -> None:
        """Hang up and wake whoever receives."""
        with contextlib.suppress(OSError):  # the board may have hung up before
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _edges(path: Path, channel: Channel) -> _Edges:
    edges = _Edges(path)
    try:
        edges.subscribe(channel.welcome["token"])
    except OSError:
        edges.close()
        channel.close()
        raise
    return edges
