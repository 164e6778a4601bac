"""Points and relays over gpiozero devices, always on an explicit pin factory.

Rules of this file:
- polarity ends here: above it a contact is closed (it conducts) or open, a relay energised or released. A contact
  conducts at low with a pull-up or without bias (an outside pull-up), at high with a pull-down; "normally-open" and
  "normally-closed" say which of the two is its rest and do not change the level;
- no debouncing: every edge goes up as it came, with the factory's time of it;
- no relay clicks at start: direction and first level of its line are set in one step.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpiozero.exc import GPIOPinInUse, GPIOZeroError
from gpiozero.input_devices import InputDevice
from gpiozero.output_devices import OutputDevice

from hw.ports import Edge, HardwareError, PointSpec, RelaySpec, line_name

log = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
SYS_MODULE = Path("/sys/module")
PULL_UP = {"pull-up": True, "pull-down": False, "none": None}


def pin_factory(name: str) -> Any:
    """A gpiozero factory by its name: "gpiod" (any board with /dev/gpiochip*), "lgpio" (a Raspberry Pi's own pins),
    "mock", or "sim:/path.sock" (a simulated board).

    HardwareError says what is missing.
    """
    if name.startswith("sim:"):
        from hw.sim_factory import SimFactory

        return SimFactory(name.removeprefix("sim:"))
    if name == "mock":
        from gpiozero.pins.mock import MockFactory

        return MockFactory()
    if name in REAL:
        _say_if_outputs_stay(SYS_MODULE)
        return REAL[name]()
    raise HardwareError(f"pins {name!r}: gpiod, lgpio, mock or sim:/path/of/socket understood")


def _gpiod_factory() -> Any:
    try:
        from hw.gpiod_factory import GpiodFactory
    except ImportError as error:
        raise HardwareError(f"pins gpiod: the gpiod library is missing ({error}); pip install 'gpiod>=2.2'") from error
    try:
        return GpiodFactory()
    except OSError as error:
        raise HardwareError(
            f"pins gpiod: {error.strerror or error}; has this board GPIO, and is this user in its group (gpio)? "
            'Without a board: pins = "sim:/path/of/socket" in [board]'
        ) from error


def _lgpio_factory() -> Any:
    try:
        from hw.lgpio_factory import QuietLGPIOFactory
    except ImportError as error:
        raise HardwareError(
            f"pins lgpio: the lgpio library is missing ({error}); install python3-lgpio, or pip install 'standpipe[pi]'"
        ) from error
    try:
        return QuietLGPIOFactory()
    except (GPIOZeroError, OSError, *QuietLGPIOFactory.faults) as error:
        raise HardwareError(
            f"pins lgpio: cannot open the GPIO of this board ({error}); is it a Raspberry Pi, and may this user open "
            '/dev/gpiochip*? Without one: pins = "sim:/path/of/socket" in [board]'
        ) from error


REAL = {"gpiod": _gpiod_factory, "lgpio": _lgpio_factory}


def _say_if_outputs_stay(modules: Path) -> None:
    """A Raspberry Pi's kernel may hold outputs whose process is dead: then nothing drops when we do."""
    for setting in sorted(modules.glob("pinctrl_*/parameters/persist_gpio_outputs")):
        if setting.read_bytes().strip() == b"Y":
            log.warning("a relay would stay as it is if the panel were killed; see 'A floating pin' in hw/README.md")
            return


class GpioInputs:
    """All points of a board: an `InputBank`. HardwareError names the point and its pin."""

    def __init__(self, specs: Sequence[PointSpec], factory: Any) -> None:
        self._factory = factory
        self._points: dict[str, _Point] = {}
        self._watching = False
        try:
            for spec in specs:
                self._points[spec.id] = _Point(spec, factory)
        except HardwareError:
            self.close()
            raise

    def levels(self) -> Mapping[str, bool]:
        """point -> contact closed, read from the lines now."""
        return {point.spec.id: point.closed() for point in self._points.values()}

    def watch(self, on_edge: Callable[[Edge], None]) -> None:
        """Call `on_edge` for every edge from now on. Once per bank: RuntimeError."""
        if self._watching:
            raise RuntimeError("this bank is watched already")
        self._watching = True
        for point in self._points.values():
            point.watch(on_edge)

    def mask(self, point: str, masked: bool) -> None:
        """Stop or resume edges of one point. KeyError if there is none of that id."""
        self._points[point].mask(masked)

    def lost_edges(self) -> int:
        """Edges that were dropped below us, as far as the factory can tell: their levels must be read again."""
        return int(getattr(self._factory, "lost_edges", 0))

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        for point in self._points.values():
            point.close()


class _Point:
    """One contact on one line."""

    def __init__(self, spec: PointSpec, factory: Any) -> None:
        self.spec = spec
        self._faults = _Faults(f"point {spec.id}", spec.pin, factory)
        self._on_edge: Callable[[Edge], None] | None = None
        self._masked = False
        self._closed_state = spec.bias == "pull-down"
        pull_up = PULL_UP[spec.bias]
        with self._faults():
            self._device = InputDevice(
                line_name(spec.pin),
                pull_up=pull_up,
                active_state=False if pull_up is None else None,
                pin_factory=factory,
            )

    def closed(self) -> bool:
        """Whether the contact conducts, read now."""
        with self._faults():
            return bool(self._device.is_active)

    def watch(self, on_edge: Callable[[Edge], None]) -> None:
        self._on_edge = on_edge
        self._listen()

    def mask(self, masked: bool) -> None:
        self._masked = masked
        self._listen()

    def close(self) -> None:
        self._on_edge = None
        with self._faults():
            self._device.close()

    def _listen(self) -> None:
        wanted = self._on_edge is not None and not self._masked
        with self._faults():
            self._device.pin.edges = "both"
            self._device.pin.when_changed = self._changed if wanted else None

    def _changed(self, ticks: float, state: float) -> None:
        on_edge = self._on_edge
        if on_edge is None or self._masked:  # an edge that was under way when we stopped listening
            return
        on_edge(Edge(self.spec.id, bool(state) == self._closed_state, _mono_ns(ticks)))


def _mono_ns(ticks: float) -> int:
    """CLOCK_MONOTONIC of an edge. Old kernels stamp edges with UTC, which would lie in the future: then it is now."""
    now_ns = time.monotonic_ns()
    claimed_ns = round(ticks * SECOND_NS)
    return claimed_ns if 0 < claimed_ns <= now_ns else now_ns


class GpioRelays:
    """All relays of a board: a `RelayBank`. HardwareError names the relay and its pin.

    initial: relay -> energised, to take up what was in force before; a relay it does not name starts at its rest.
    """

    def __init__(self, specs: Sequence[RelaySpec], factory: Any, initial: Mapping[str, bool]) -> None:
        self._relays: dict[str, _Relay] = {}
        try:
            for spec in specs:
                self._relays[spec.id] = _Relay(spec, factory, initial.get(spec.id, spec.rest == "energised"))
        except HardwareError:
            self.close()
            raise

    def drive(self, relay: str, energised: bool) -> None:
        """Set a relay; returns when the line is written. KeyError if there is none of that id."""
        self._relays[relay].drive(energised)

    def states(self) -> Mapping[str, bool]:
        """relay -> energised, as last written."""
        return {name: relay.energised for name, relay in self._relays.items()}

    def close(self) -> None:
        """Release the lines: they float. Safe to call twice."""
        for relay in self._relays.values():
            relay.close()


class _Relay:
    """One coil on one line."""

    def __init__(self, spec: RelaySpec, factory: Any, energised: bool) -> None:
        self._faults = _Faults(f"relay {spec.id}", spec.pin, factory)
        self.energised = energised
        with self._faults():
            self._device = _Coil(
                line_name(spec.pin), active_high=spec.active == "high", initial_value=energised, pin_factory=factory
            )

    def drive(self, energised: bool) -> None:
        with self._faults():
            self._device.value = energised
        self.energised = energised

    def close(self) -> None:
        with self._faults():
            self._device.close()


class _Coil(OutputDevice):  # type: ignore[misc]  # gpiozero has no types
    """An output device that lets go at once of a line that it could not have.

    gpiozero's would do so when it is forgotten, and take the line from whoever has it by then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(*args, **kwargs)
        except BaseException:
            self.close()
            raise


class _Faults:
    """Turns what gpiozero and the factory below it raise about one line into a HardwareError that names it."""

    def __init__(self, what: str, pin: str, factory: Any) -> None:
        self._where = f"{what}, pin {pin}"
        self._kinds: tuple[type[Exception], ...] = (GPIOZeroError, OSError, *getattr(factory, "faults", ()))

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except self._kinds as error:
            raise HardwareError(f"{self._where}: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error)
    if isinstance(error, GPIOPinInUse):
        return f"{text}: two points or relays on one pin?"
    if "busy" in text.lower() or "held by" in text:
        return f"{text}: another process holds this line, or a driver does; end it (`standpipe status`; see `gpioinfo`)"
    if isinstance(error, ConnectionError):
        return f"{text}; start it again, then the panel"
    return f"{text}; check the pin's name and that nothing else uses it"
