"""A camera's timestamps made fit for one MP4 track.

Rules of this file:
- what comes out is in ticks of 1/90000 s; decoding times start at 0 and rise with every packet;
- a presentation time is never before its decoding time;
- a time that is missing, repeated or jumps is replaced by the typical step, and later times follow from there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

TICKS_PER_S = 90_000
JUMP_TICKS = 10 * TICKS_PER_S  # a stall of a live stream ends the connection sooner, so this is no real pause
JITTER_TICKS = TICKS_PER_S // 2
FIRST_GUESS_TICKS = TICKS_PER_S // 25


class Timeline:
    """The timestamps of one connection; `time_base` is the camera's."""

    def __init__(self, time_base: Fraction) -> None:
        factor = time_base * TICKS_PER_S
        self._over, self._under = factor.numerator, factor.denominator
        self._offset: int | None = None
        self._last = -FIRST_GUESS_TICKS
        self.step = FIRST_GUESS_TICKS
        self.jumps = 0

    def place(self, pts: int | None, dts: int | None) -> tuple[int, int]:
        """(pts, dts) of the next packet in ticks, from the camera's own, either of which may be missing."""
        stamp = dts if dts is not None else pts
        due = self._last + self.step
        if stamp is None:
            self._last = due
            return due, due
        raw = stamp * self._over // self._under
        if self._offset is None:
            self._offset = due - raw
        placed = self._judge(raw, due)
        self._last = placed
        if pts is None or dts is None:
            return placed, placed
        return max(placed, placed + (pts - dts) * self._over // self._under), placed

    def _judge(self, raw: int, due: int) -> int:
        """Where a stated time goes: as stated, a tick after the last one (jitter), or where it was due (a jump)."""
        assert self._offset is not None
        placed = raw + self._offset
        step = placed - self._last
        if 0 < step <= JUMP_TICKS:
            if step < TICKS_PER_S:
                self.step = step
            return placed
        if -JITTER_TICKS < step <= 0:
            return self._last + 1
        self.jumps += 1
        self._offset = due - raw
        return due


def backfill(stamps: Sequence[tuple[int | None, int | None]]) -> list[tuple[int | None, int | None]]:
    """The first stamps (pts, dts) of a connection with the gaps filled that RTSP leaves there.

    RTP carries presentation times only, and none that can be trusted before the second packet; FFmpeg works out
    decoding times once it has seen how far pictures are reordered. `stamps` runs up to the first with a dts.
    """
    known = sorted({pts for pts, _ in stamps if pts is not None})
    last = stamps[-1][1]
    if last is None or len(known) < 2:
        return list(stamps)  # nothing to work it out from: Timeline.place takes its first guess
    step = min(b - a for a, b in itertools.pairwise(known))
    filled: list[tuple[int | None, int | None]] = []
    for back, (pts, dts) in zip(range(len(stamps) - 1, -1, -1), stamps, strict=True):
        filled.append((known[0] - step if pts is None else pts, last - back * step if dts is None else dts))
    return filled
