"""Measured values: the current of a 4-20 mA loop -> engineering units, low and high limits, faults of the transmitter.

Rules of this file:
- no floats: microamperes, and thousandths of the unit (`milli`);
- below 3.6 mA and above 21 mA no working transmitter sends (NAMUR NE 43): a fault, at once known from a value at its
  end; a fault counts after SAMPLES in a row, its limits are told no more until it is over;
- a limit counts once the value has been beyond it for its settle time, and is over a hysteresis inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from agent.core.supervision import PPM, SAMPLES

ZERO_UA, FULL_UA = 4_000, 20_000
BELOW_UA, ABOVE_UA = 3_600, 21_000
BACK_UA = 100  # a fault is over so far inside
STUCK_UA = 1  # the least change


class Limit(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Fault(StrEnum):
    NONE = ""
    BELOW = "below"
    ABOVE = "above"
    STUCK = "stuck"


class Measured(NamedTuple):
    """How a value stands. since_ns: first sample of what changed last; current_ua as read."""

    value_milli: int
    current_ua: int
    limit: Limit
    fault: Fault
    since_ns: int


@dataclass(frozen=True)
class Scale:
    """What the current means. zero_milli at 4 mA, full_milli at 20 mA."""

    zero_milli: int = 0
    full_milli: int = 16_000
    shunt_ohm: int = 150
    reference_mv: int = 3_300

    def current_ua(self, ratio: int) -> int:
        """Microamperes of a ratio to the reference, in ppm."""
        return ratio * self.reference_mv // (self.shunt_ohm * (PPM // 1000))

    def value_milli(self, current_ua: int) -> int:
        """Thousandths of the unit, rounded down."""
        span = self.full_milli - self.zero_milli
        return self.zero_milli + (current_ua - ZERO_UA) * span // (FULL_UA - ZERO_UA)


@dataclass(frozen=True)
class Limits:
    """Of one value; None where there is none."""

    low_milli: int | None = None
    high_milli: int | None = None
    hysteresis_milli: int = 200
    settle_ns: int = 1_000_000_000
    stuck_ns: int | None = None


class Meter:
    """One measured value. `limit` and `fault` are what counts."""

    def __init__(self, scale: Scale, limits: Limits) -> None:
        self._scale, self._limits = scale, limits
        self.limit, self.fault = Limit.NORMAL, Fault.NONE
        self._next: Limit | None = None  # beyond its limit since ...
        self._next_ns = 0
        self._seen = Fault.NONE
        self._seen_ns = 0
        self._count = 0
        self._moved_ns: int | None = None  # the value last changed
        self._moved_ua = 0

    def sample(self, ratio: int, at_ns: int) -> tuple[Measured, bool]:
        """One more sample: how the value stands, and whether that has changed."""
        current = self._scale.current_ua(ratio)
        value, before = self._scale.value_milli(current), (self.limit, self.fault)
        since_ns = self._look_at_fault(current, at_ns)
        if self.fault is Fault.NONE and self._seen is Fault.NONE:
            since_ns = self._look_at_limit(value, at_ns)
        return Measured(value, current, self.limit, self.fault, since_ns), (self.limit, self.fault) != before

    def _look_at_fault(self, current: int, at_ns: int) -> int:
        seen = self._fault_of(current, at_ns)
        if seen is not self._seen:
            self._seen, self._seen_ns, self._count = seen, at_ns, 0
        self._count += 1
        if self._count >= SAMPLES and seen is not self.fault:
            self.fault, self._next = seen, None
        return self._seen_ns

    def _fault_of(self, current: int, at_ns: int) -> Fault:
        back = BACK_UA if self.fault in (Fault.BELOW, Fault.ABOVE) else 0
        if current < BELOW_UA + back:
            return Fault.BELOW
        if current > ABOVE_UA - back:
            return Fault.ABOVE
        if self._moved_ns is None or abs(current - self._moved_ua) >= STUCK_UA:
            self._moved_ns, self._moved_ua = at_ns, current
        stuck_ns = self._limits.stuck_ns
        return Fault.STUCK if stuck_ns is not None and at_ns - self._moved_ns >= stuck_ns else Fault.NONE

    def _look_at_limit(self, value: int, at_ns: int) -> int:
        wanted = self._limit_of(value)
        if wanted is self.limit:
            self._next = None
            return at_ns
        if wanted is not self._next:
            self._next, self._next_ns = wanted, at_ns
        if at_ns - self._next_ns >= self._limits.settle_ns:
            self.limit, self._next = wanted, None
        return self._next_ns

    def _limit_of(self, value: int) -> Limit:
        low, high, back = self._limits.low_milli, self._limits.high_milli, self._limits.hysteresis_milli
        if low is not None and value < low + (back if self.limit is Limit.LOW else 0):
            return Limit.LOW
        if high is not None and value > high - (back if self.limit is Limit.HIGH else 0):
            return Limit.HIGH
        return Limit.NORMAL
