"""The converter of the simulated board: what its channels read, from contacts, resistors and wires.

Rules of this file:
- a channel's ratio comes from the circuit (Ohm, in whole numbers), not from what the panel is to think of it;
- a pair of wires is well, open, short, leaks to ground, or is crossed with another pair: then each channel's wire goes
  to the other loop's far end, and neither is connected to ground; bridged: the two hot wires touch.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass

from hw.ports import ChannelSpec

PPM = 1_000_000
REST_UA = 12_000
RAW_MAX = 1_023
GROUND_OHM = 3_900  # of a wet wire to ground
WIRES = ("well", "open", "short", "ground", "crossed", "bridged")


@dataclass
class SimChannel:
    """One channel. raw: what somebody makes it read whatever hangs on it, None for what does."""

    spec: ChannelSpec
    closed: bool = False
    wire: str = "well"
    other: SimChannel | None = None
    current_ua: int = REST_UA
    raw: int | None = None

    def loop_ohm(self) -> int:
        return self.spec.series_ohm + (0 if self.closed else self.spec.parallel_ohm)

    def ratio_ppm(self) -> int:
        """What a converter of ten bits reads, in millionths."""
        return (self._ideal_ppm() if self.raw is None else self.raw * PPM // RAW_MAX) * RAW_MAX // PPM * PPM // RAW_MAX

    def _ideal_ppm(self) -> int:
        if self.spec.measures == "current":
            return self._current_ppm()
        pull_up = self.spec.pull_up_ohm
        match self.wire:
            case "open" | "crossed":
                return PPM
            case "short":
                return 0
            case "ground":
                ohm = parallel(self.loop_ohm(), GROUND_OHM)
                return ohm * PPM // (ohm + pull_up)
            case "bridged" if self.other is not None:
                ohm = parallel(self.loop_ohm(), self.other.loop_ohm())
                return ohm * PPM // (ohm + parallel(pull_up, self.other.spec.pull_up_ohm))
        return self.loop_ohm() * PPM // (self.loop_ohm() + pull_up)

    def _current_ppm(self) -> int:
        if self.wire == "open":
            return 0  # the shunt alone
        if self.wire == "short":
            return PPM  # the supply on the shunt: the converter clips
        return min(self.current_ua * self.spec.shunt_ohm * 1000 // self.spec.reference_mv, PPM)


def parallel(one_ohm: int, other_ohm: int) -> int:
    return one_ohm * other_ohm // (one_ohm + other_ohm)


class SimConverter:
    """All channels, by id and by pin. Wrong requests raise OSError with a text for a person."""

    def __init__(self, specs: Sequence[ChannelSpec]) -> None:
        self.channels = {spec.id: SimChannel(spec, spec.contact == "normally-closed") for spec in specs}
        self._pins = {spec.pin.upper(): self.channels[spec.id] for spec in specs}

    def find(self, name: str) -> SimChannel:
        """A channel by its id or pin. ENXIO if there is none."""
        found = self.channels.get(name) or self._pins.get(name.upper())
        if found is None:
            raise OSError(errno.ENXIO, f"no channel {name!r}; there are {', '.join(self.channels) or 'none'}")
        return found

    def analog(self, name: str, value: int) -> None:
        """By id: the current of a measured value, in microamperes; by pin: the raw count (negative: as it is again)."""
        channel = self.find(name)
        if name not in self.channels:
            channel.raw = None if value < 0 else min(value, RAW_MAX)
        elif channel.spec.measures != "current":
            raise OSError(errno.EINVAL, f"{name} is a loop: it has a contact and wires, no current")
        else:
            channel.current_ua = value

    def wire(self, name: str, how: str, other: str = "") -> None:
        """Break, short, ground, cross or bridge (with those of another) the wires of a channel, or mend them."""
        channel = self.find(name)
        if how not in WIRES:
            raise OSError(errno.EINVAL, f"wires are {', '.join(WIRES)}, not {how!r}")
        if channel.other is not None:
            channel.other.wire, channel.other.other, channel.other = "well", None, None
        channel.wire = how
        if how in ("crossed", "bridged"):
            with_ = self.find(other)
            channel.other, with_.other, with_.wire = with_, channel, how

    def ratios_ppm(self) -> dict[str, int]:
        """What all channels read now."""
        return {id_: channel.ratio_ppm() for id_, channel in self.channels.items()}
