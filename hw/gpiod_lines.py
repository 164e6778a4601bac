"""Which chip and which of its lines a pin's name means, on any board whose kernel has GPIO character devices.

One rule for all boards:
1. "gpiochip0:17" or "pinctrl-rp1:17" names chip and line outright, the line by number or name;
2. GPIO0 to GPIO27 (and 17, BOARD11, ...) are the first lines of the chip behind a Raspberry Pi's header, if it is one;
3. any other name is that of one line of one chip, as `gpioinfo` shows it: "PQ.05" of a Jetson, "GPIO5" of gpio-sim.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gpiod
from gpiozero.exc import PinInvalidPin, PinMultiplePins

from hw.ports import line_name

DEV = Path("/dev")
HEADER_CHIPS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")  # Raspberry Pi 5; 4; 3 and Zero
HEADER_LINES = 28
# Their drivers cannot set a resistor, and the kernel does not say so: the line would float unnoticed.
CHIPS_WITHOUT_BIAS = ("tegra",)

_HEADER = re.compile(r"GPIO(\d+)")


@dataclass(frozen=True)
class Line:
    """One line of one chip. `name` is the one people see and finds this line again."""

    chip: OpenChip
    offset: int
    name: str


class OpenChip:
    """One /dev/gpiochip*, held open. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        """OSError if it cannot be opened."""
        self.path = path
        self._chip = gpiod.Chip(str(path))
        info = self._chip.get_info()
        self.label = str(info.label)
        self.names = [self._chip.get_line_info(offset).name or "" for offset in range(info.num_lines)]

    @property
    def sets_bias(self) -> bool:
        """Whether its lines have resistors that can be switched."""
        return not self.label.startswith(CHIPS_WITHOUT_BIAS)

    def request(self, offset: int, settings: gpiod.LineSettings, consumer: str, buffer: int) -> gpiod.LineRequest:
        """The line for ourselves. OSError; EBUSY names who holds it."""
        try:
            return self._chip.request_lines({offset: settings}, consumer=consumer, event_buffer_size=buffer)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            raise OSError(errno.EBUSY, f"held by {self._chip.get_line_info(offset).consumer!r}") from error

    def close(self) -> None:
        self._chip.close()


class Chips:
    """All chips of this board. OSError if there is none that we may open."""

    def __init__(self, folder: Path) -> None:
        self._chips: list[OpenChip] = []
        self._shut: list[str] = []
        for path in sorted(folder.glob("gpiochip*")):
            if not path.is_symlink():  # an older name of a chip that is in the list
                self._open(path)
        if not self._chips:
            self._none(folder)
        self._folder = folder
        self._header = next((chip for chip in self._chips if chip.label in HEADER_CHIPS), None)
        self._lines: dict[tuple[OpenChip, int], Line] = {}

    def _open(self, path: Path) -> None:
        try:
            self._chips.append(OpenChip(path))
        except OSError as error:
            self._shut.append(f"{path.name}: {error.strerror or error}")

    def _none(self, folder: Path) -> None:
        if self._shut:
            raise PermissionError(errno.EACCES, f"no chip can be opened ({'; '.join(self._shut)})")
        raise FileNotFoundError(errno.ENOENT, f"there is no {folder}/gpiochip*")

    def line(self, pin: str | int) -> Line:
        """The one line of that name. PinInvalidPin if there is none, PinMultiplePins if there are several."""
        found = self.find(pin)
        if len(found) > 1:
            places = ", ".join(f"{line.chip.path.name}:{line.offset}" for line in found)
            raise PinMultiplePins(f"{pin} is the name of several lines; write one of {places}")
        if not found:
            raise PinInvalidPin(f"no line {pin} on this board; {self._there_are()}")
        return found[0]

    def find(self, pin: str | int) -> list[Line]:
        """Every line that the name can mean."""
        return [self._made(chip, offset) for chip, offset in dict.fromkeys(self._places(str(pin).strip()))]

    def _places(self, pin: str) -> Iterator[tuple[OpenChip, int]]:
        place, colon, rest = pin.partition(":")
        chip = self._chip(place) if colon else None
        if chip is not None:
            yield from _numbered(chip, rest)
            yield from _named(chip, {rest})
            return
        name = line_name(pin)
        number = _number(name)
        if self._header is not None and number is not None:
            yield self._header, number
            return
        for one in self._chips:
            yield from _named(one, {name, pin})

    def _chip(self, place: str) -> OpenChip | None:
        path = (self._folder / place).resolve()
        return next((chip for chip in self._chips if chip.path.resolve() == path or chip.label == place), None)

    def _made(self, chip: OpenChip, offset: int) -> Line:
        """The one Line object of a line, however it was found."""
        key = chip, offset
        if key not in self._lines:
            self._lines[key] = Line(chip, offset, self._name(chip, offset))
        return self._lines[key]

    def _name(self, chip: OpenChip, offset: int) -> str:
        if chip is self._header and offset < HEADER_LINES:
            return f"GPIO{offset}"
        own = chip.names[offset]
        alone = bool(own) and list(self._places(own)) == [(chip, offset)]
        return own if alone else f"{chip.path.name}:{offset}"

    def _there_are(self) -> str:
        chips = ", ".join(f"{c.path.name} [{c.label}, {len(c.names)} lines]" for c in self._chips)
        shut = f"; not opened: {', '.join(self._shut)}" if self._shut else ""
        return f"`gpioinfo` lists them: {chips}{shut}"

    def close(self) -> None:
        """Let go of the chips; lines that were requested stay."""
        for chip in self._chips:
            chip.close()


def _numbered(chip: OpenChip, line: str) -> Iterator[tuple[OpenChip, int]]:
    if line.isdigit() and int(line) < len(chip.names):
        yield chip, int(line)


def _named(chip: OpenChip, wanted: set[str]) -> Iterator[tuple[OpenChip, int]]:
    return ((chip, offset) for offset, name in enumerate(chip.names) if name and name in wanted)


def _number(name: str) -> int | None:
    """The header's GPIO number, if it is one."""
    match = _HEADER.fullmatch(name)
    return int(match[1]) if match and int(match[1]) < HEADER_LINES else None
