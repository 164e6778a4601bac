"""What the agent asks of hardware. Adapters in this folder fulfil these; the agent sees nothing else of them.

Levels are the world's, not the wire's: a contact is closed or open, a relay energised or released. Polarity,
pull resistors and active levels end in the adapter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

# physical pin of the 40-pin header (Raspberry Pi, Jetson) -> GPIO number in Raspberry Pi counting
_HEADER_40 = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
    23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip
_NUMBERED = re.compile(r"(?i)(?:GPIO|BCM)?_?0*(\d{1,4})")
_CHANNEL = re.compile(r"(?i)ADC([0-7])\.([0-7])")
_PHYSICAL = re.compile(r"(?i)(?:BOARD|J8:|PIN)0*(\d{1,2})")


def line_name(pin: str | int) -> str:
    """One spelling for a line: 17, "bcm17", "GPIO17", "BOARD11", "J8:11" are GPIO17; other names ("PQ.05") stand."""
    text = str(pin).strip()
    if numbered := _NUMBERED.fullmatch(text):
        return f"GPIO{int(numbered[1])}"
    physical = _PHYSICAL.fullmatch(text)
    if physical and int(physical[1]) in _HEADER_40:
        return f"GPIO{_HEADER_40[int(physical[1])]}"
    return text


def channel_of(pin: str) -> tuple[int, int] | None:
    """(converter, channel) of a pin like "ADC0.5", None for a line."""
    found = _CHANNEL.fullmatch(str(pin).strip())
    return (int(found[1]), int(found[2])) if found else None


class HardwareError(Exception):
    """Hardware did not do as asked. The text says which part, what happened, what to check."""


@dataclass(frozen=True)
class PointSpec:
    """One input. `pin` is a line name or number; `contact` says what the wire shows when the contact closes.

    `closed` always means that the contact conducts: to ground with bias pull-up or none (an outside pull-up), to
    the supply with pull-down. contact: what is rest, "normally-open" (a pump's running contact, a button) or
    "normally-closed" (a door's: it conducts while the door is shut, so a cut wire reads as open).
    """

    id: str
    pin: str
    contact: str = "normally-open"
    bias: str = "pull-up"  # pull-up / pull-down / none


@dataclass(frozen=True)
class RelaySpec:
    """One output. `active` is the level that energises the coil; `rest` the state when nothing is asked of it.

    heartbeat_hz: the panel lets the line beat so often a second, and a retriggerable monostable hangs on it (0: none).
    """

    id: str
    pin: str
    active: str = "high"
    rest: str = "released"
    heartbeat_hz: int = 0


@dataclass(frozen=True)
class ChannelSpec:
    """One channel of a converter. `pin` names it ("ADC0.5"); the rest is what hangs on it, for who plays the world.

    measures: "loop" (a contact between series and parallel resistor, against a pull-up) or "current" (a shunt).
    """

    id: str
    pin: str
    measures: str = "loop"
    contact: str = "normally-open"
    series_ohm: int = 2_200
    parallel_ohm: int = 8_200
    pull_up_ohm: int = 10_000
    shunt_ohm: int = 150
    reference_mv: int = 3_300


class Edge(NamedTuple):
    """One raw edge: which point, the contact after it, when (CLOCK_MONOTONIC)."""

    point: str
    closed: bool
    mono_ns: int


class InputBank(Protocol):
    """All points of a board."""

    def levels(self) -> Mapping[str, bool]:
        """point -> contact closed, read from the lines now. Raises HardwareError if the board is gone."""

    def watch(self, on_edge: Callable[[Edge], None]) -> None:
        """Call `on_edge` for every edge from now on, from a thread of the adapter. Once per bank."""

    def mask(self, point: str, masked: bool) -> None:
        """Stop or resume edges of one point (a chattering line is polled instead)."""

    def lost_edges(self) -> int:
        """Edges dropped below the bank so far, as far as it can tell; if it grows, read `levels` again."""

    def close(self) -> None:
        """Release the lines. Safe to call twice."""


class AnalogBank(Protocol):
    """All converter channels of a board. Reading blocks for as long as the bus takes: never in the alarm loop."""

    def ratios_ppm(self) -> Mapping[str, int]:
        """channel's id -> what it reads, in millionths of the reference. Raises HardwareError."""

    def close(self) -> None:
        """Release the bus. Safe to call twice."""


class RelayBank(Protocol):
    """All relays of a board."""

    def drive(self, relay: str, energised: bool) -> None:
        """Set a relay; returns when the line is written. Raises HardwareError."""

    def states(self) -> Mapping[str, bool]:
        """relay -> energised, as last written."""

    def close(self) -> None:
        """Release the lines; a floating line must be the safe state. Safe to call twice."""


class Picture(NamedTuple):
    """A small grey picture to look at: `luma` is width * height bytes, row by row, 0 black to 255 white.

    At most 640 wide; `mono_ns` is when it came (CLOCK_MONOTONIC).
    """

    width: int
    height: int
    luma: bytes
    mono_ns: int


class NewFormat(Exception):  # noqa: N818 - a turn in a stream and no failure
    """A camera's pictures have another size or codec from the next packet on, and `template` fits those."""

    def __init__(self, template: Any) -> None:
        super().__init__("the picture format changed")
        self.template = template


class Camera(Protocol):
    """One source of encoded video. Not thread-safe but for picture(): one thread opens, reads and closes."""

    def open(self) -> Any:
        """Connect; returns the codec template (an `av` video stream) to mux its packets with.

        Raises HardwareError, without credentials in its text, when it cannot within its own timeout.
        """

    def read(self) -> tuple[Any, int] | None:
        """Next (encoded `av.Packet`, CLOCK_MONOTONIC ns of arrival); None at the regular end of a file.

        Raises HardwareError when the source fails or has sent nothing for its stall limit (at most 10 s), and
        NewFormat, once and before a keyframe, when what follows does not fit the last template; then read() goes on.
        """

    def close(self) -> None:
        """Disconnect. Safe to call twice and after an error."""

    @property
    def about(self) -> str:
        """What it found to be there, for people: codec, size, who encodes. Known once open() has returned."""

    @property
    def pictures(self) -> bool:
        """True if picture() gives any; known once open() has returned. If not: decode its sub stream, or keyframes."""

    def picture(self) -> Picture | None:
        """The newest picture since the last call, from any thread; None if there is none yet. Costs little unasked."""
