"""How much of a stretch of time a camera was recorded, and what kept the rest from it. Pure.

Rules of this file:
- footage is told in the order of its numbers. Between two pieces of one boot time is monotonic: no step of the clock
  makes a hole, or hides one. Between two boots it is UTC, for want of anything better;
- a hole has the cause its gap was written down with, and UNKNOWN where there is none; where the numbers have one too,
  the footage is GONE (it was recorded, and has expired or was deleted) and counts neither way;
- nothing counts before the first footage that is told of; and nothing at all is no data, never 100 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

UNKNOWN = "nobody knows why"
GONE = "gone"
MILLION = 1_000_000
Start = tuple[str, int]  # boot and monotonic time at which footage begins


class Stretch(NamedTuple):
    """Footage without a hole: a segment. at: UTC, as it is known today."""

    seq: int
    boot: str
    from_mono_ns: int
    to_mono_ns: int
    from_at_ns: int
    to_at_ns: int


class Loss(NamedTuple):
    """What one cause cost: how many holes, how much time in all."""

    holes: int = 0
    ns: int = 0


@dataclass(frozen=True)
class Availability:
    """Of `from_ns` to `to_ns` (UTC). missing: by cause; gone_ns: was recorded once, and is not there any more."""

    from_ns: int
    to_ns: int
    recorded_ns: int = 0
    gone_ns: int = 0
    missing: Mapping[str, Loss] = field(default_factory=dict)

    @property
    def missing_ns(self) -> int:
        return sum(loss.ns for loss in self.missing.values())

    @property
    def ppm(self) -> int | None:
        """Millionths of the time that were recorded; None: no data."""
        whole = self.recorded_ns + self.missing_ns
        return self.recorded_ns * MILLION // whole if whole else None


def measure(
    stretches: Iterable[Stretch], causes: Mapping[Start, str], from_ns: int, to_ns: int, least_ns: int = 0
) -> Availability:
    """Of `stretches` in their order, with the one before and the one after, if there are: what was recorded.

    causes: why nothing was recorded before the footage that begins there; holes below `least_ns` are jitter.
    """
    rows = list(stretches)
    recorded = sum(
        _within(one.to_mono_ns - one.from_mono_ns, one.from_at_ns, one.to_at_ns, from_ns, to_ns) for one in rows
    )
    missing: dict[str, Loss] = {}
    gone = 0
    for before, after in pairwise(rows):
        length = _hole(before, after)
        cause = causes.get((after.boot, after.from_mono_ns), "")
        inside = _within(length, before.to_at_ns, after.from_at_ns, from_ns, to_ns)
        if not cause and after.seq != before.seq + 1:
            gone += inside
        elif not cause and length < least_ns:
            recorded += inside
        elif inside:
            known = missing.get(cause or UNKNOWN, Loss())
            missing[cause or UNKNOWN] = Loss(known.holes + 1, known.ns + inside)
    begin = max(from_ns, rows[0].from_at_ns) if rows else from_ns
    return Availability(begin, to_ns, recorded, gone, missing)


def _hole(before: Stretch, after: Stretch) -> int:
    if before.boot == after.boot:
        return max(0, after.from_mono_ns - before.to_mono_ns)
    return max(0, after.from_at_ns - before.to_at_ns)


def _within(length_ns: int, start_at_ns: int, end_at_ns: int, from_ns: int, to_ns: int) -> int:
    """How much of something of that true length lies in the time, by where its ends are in UTC."""
    outside = max(0, from_ns - start_at_ns) + max(0, end_at_ns - to_ns)
    return max(0, length_ns - outside)
