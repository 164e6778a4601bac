"""Supervised loops: a contact between two end-of-line resistors, read as part of a divider -> five things it can be.

The loop is the lower half of the divider, so the ratio to the reference tells its resistance whatever the supply does:
contact closed: the series resistor alone; contact opened: series and parallel resistor; wires open: nothing; wires
shorted: all of it. Anything between is a leak: a ground fault, a crossed pair, a wrong resistor.

Rules of this file:
- ratios are whole millionths (ppm); no floats;
- a reading counts after SAMPLES equal ones in a row, and dates from the first of them; the band that counts is wider
  than the others by HYSTERESIS_PPM;
- a loop that never comes to rest is a fault too (unsteady).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

PPM = 1_000_000
SAMPLES = 3
HYSTERESIS_PPM = 8_000
FLIPS = 12  # so many changes of mind within ...
FLIPS_NS = 3_000_000_000  # ... so long are unsteady, until there has been none for ...
REST_NS = 2_000_000_000


class Reads(StrEnum):
    """What a loop shows. The first two are the contact's, the others are faults."""

    CLOSED = "closed"
    OPENED = "opened"
    OPEN = "open"
    SHORT = "short"
    LEAK = "leak"
    UNSTEADY = "unsteady"


CONTACT = frozenset({Reads.CLOSED, Reads.OPENED})


class Reading(NamedTuple):
    """What a loop has come to show, and since when (its first sample); ratio_ppm: of the last."""

    reads: Reads
    since_ns: int
    ratio_ppm: int


@dataclass(frozen=True)
class Bands:
    """Ratios: (least, most) for the contact closed and opened; below short_ppm and above open_ppm are the wires."""

    closed: tuple[int, int]
    opened: tuple[int, int]
    short_ppm: int
    open_ppm: int

    @classmethod
    def of(cls, series_ohm: int, parallel_ohm: int, pull_up_ohm: int, tolerance_percent: int) -> Bands:
        """The bands of these resistors."""

        def band(ohm: int) -> tuple[int, int]:
            least, most = ohm * (100 - tolerance_percent), ohm * (100 + tolerance_percent)
            return ratio_ppm(least, 100 * pull_up_ohm), ratio_ppm(most, 100 * pull_up_ohm)

        closed, opened = band(series_ohm), band(series_ohm + parallel_ohm)
        return cls(closed, opened, closed[0] // 2, (opened[1] + PPM) // 2)

    @property
    def distinct(self) -> bool:
        """Whether the bands leave room for the hysteresis, and for faults, between them."""
        room = 3 * HYSTERESIS_PPM
        gaps = (self.closed[0] - self.short_ppm, self.opened[0] - self.closed[1], self.open_ppm - self.opened[1])
        return all(gap >= room for gap in gaps)

    def read(self, ratio: int, now: Reads | None) -> Reads:
        """What a ratio shows; `now`: what has counted so far."""
        if now is not None and self._within(ratio, now):
            return now
        return next(
            (reads for reads in (Reads.CLOSED, Reads.OPENED) if self._within(ratio, reads, 0)), self._fault(ratio)
        )

    def _fault(self, ratio: int) -> Reads:
        if ratio < self.short_ppm:
            return Reads.SHORT
        return Reads.OPEN if ratio > self.open_ppm else Reads.LEAK

    def _within(self, ratio: int, reads: Reads, more: int = HYSTERESIS_PPM) -> bool:
        match reads:
            case Reads.CLOSED:
                return self.closed[0] - more <= ratio <= self.closed[1] + more
            case Reads.OPENED:
                return self.opened[0] - more <= ratio <= self.opened[1] + more
            case Reads.SHORT:
                return ratio < self.short_ppm + more
            case Reads.OPEN:
                return ratio > self.open_ppm - more
            case _:  # a leak is what nothing else is
                return False


def ratio_ppm(ohm: int, pull_up_ohm: int) -> int:
    """The divider's ratio for a loop of `ohm`."""
    return ohm * PPM // (ohm + pull_up_ohm)


class Loop:
    """One loop. `reads` is what counts, None until something does."""

    __slots__ = ("_bands", "_count", "_flips", "_last", "_since_ns", "reads")

    def __init__(self, bands: Bands) -> None:
        self._bands = bands
        self.reads: Reads | None = None
        self._count = 0
        self._since_ns = 0
        self._last: Reads | None = None
        self._flips: deque[int] = deque(maxlen=FLIPS)

    def sample(self, ratio: int, at_ns: int) -> Reading | None:
        """One more sample; what the loop shows from now on, if that has changed."""
        seen = self._bands.read(ratio, self._last)
        if seen is not self._last:
            if self._last is not None:
                self._flips.append(at_ns)
            self._last, self._count, self._since_ns = seen, 0, at_ns
        self._count += 1
        if self._unsteady(at_ns):
            return self._becomes(Reads.UNSTEADY, ratio)
        if self._count >= SAMPLES:
            return self._becomes(seen, ratio)
        return None

    def _unsteady(self, at_ns: int) -> bool:
        flips = self._flips
        if self.reads is Reads.UNSTEADY:
            return bool(flips) and at_ns - flips[-1] < REST_NS
        return len(flips) == FLIPS and flips[-1] - flips[0] < FLIPS_NS and at_ns - flips[-1] < REST_NS

    def _becomes(self, reads: Reads, ratio: int) -> Reading | None:
        if reads is self.reads:
            return None
        self.reads = reads
        return Reading(reads, self._since_ns, ratio)
