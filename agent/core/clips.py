"""Which footage a clip is made of, and when it can be made.

Rules of this file:
- a clip is a window of time around an instant. Within one boot of the board it is matched by monotonic time, which no
  clock step can move; against footage of another boot by UTC, for want of anything better;
- times come in as arguments; what can be decided about one stretch of footage is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from agent.core.chain import Stamp

NS = 1_000_000_000
CONTIGUOUS_NS = 300_000_000  # stretches of one connection meet within the jitter of arrival
PATIENCE_S = 30  # after the post-roll's end: how long a slow disk is waited for
GRACE_S = 5  # after the post-roll's end, when nothing is being recorded: how long the last fragment may take
DEADLINE_S = 120  # after the post-roll's end: a clip that still cannot be made has failed


class Stretch(Protocol):
    """Footage without a hole: a fragment, a segment. Its ends are stamps of one boot."""

    @property
    def start(self) -> Stamp: ...

    @property
    def end(self) -> Stamp: ...


@dataclass(frozen=True)
class Window:
    """What is asked for. `start` and `end` are stamps of one boot; an empty boot is matched by UTC alone."""

    start: Stamp
    end: Stamp

    @classmethod
    def around(cls, at: Stamp, before_s: int, after_s: int) -> Window:
        """From before_s before the instant to after_s after it."""
        return cls(_moved(at, -before_s * NS), _moved(at, after_s * NS))

    @property
    def length_ns(self) -> int:
        return self.end.mono_ns - self.start.mono_ns


def _moved(stamp: Stamp, ns: int) -> Stamp:
    return stamp._replace(mono_ns=stamp.mono_ns + ns, at_ns=stamp.at_ns + ns)


def since_ns(later: Stamp, earlier: Stamp) -> int:
    """How long after `earlier` `later` was: exact within a boot, else as good as the clocks were."""
    if later.boot == earlier.boot:
        return later.mono_ns - earlier.mono_ns
    return later.at_ns - earlier.at_ns


def overlap_ns(window: Window, stretch: Stretch) -> int:
    """How much of the window this footage covers; <= 0 if none."""
    start = max(0, since_ns(stretch.start, window.start))
    end = min(window.length_ns, since_ns(stretch.end, window.start))
    return end - start


def covered_ns(window: Window, stretches: Iterable[Stretch]) -> int:
    """How much of the window footage covers. Footage that overlaps (a clock set back) is not counted twice."""
    ends = sorted((max(0, since_ns(s.start, window.start)), since_ns(s.end, window.start)) for s in stretches)
    covered = reached = 0
    for start, end in ends:
        end = min(end, window.length_ns)
        if start - reached <= CONTIGUOUS_NS:
            start = min(start, reached)
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def can_be_cut(window: Window, now: Stamp, recorded_until: Stamp | None, *, recording: bool) -> bool:
    """True once all of the post-roll is on disk, or it is clear that no more of it will be."""
    over_ns = since_ns(now, window.end)
    if over_ns < 0:
        return False
    if recorded_until is not None and since_ns(recorded_until, window.end) >= 0:
        return True
    return over_ns >= (PATIENCE_S if recording else GRACE_S) * NS


def has_failed(window: Window, now: Stamp) -> bool:
    """True when there is no more waiting for a clip that could not be made."""
    return since_ns(now, window.end) > DEADLINE_S * NS
