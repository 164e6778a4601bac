"""A camera's timestamps made fit for one MP4 track.

Rules of this file:
- what comes out is in ticks of 1/90000 s; decoding times start at 0 and rise with every packet;
- a presentation time is never before its decoding time;
- a time that is missing, repeated or jumps is replaced by the typical step, and later times follow from there;
- times that stand still or run backwards are given up for as long, and pictures are set as far apart as they arrive.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

TICKS_PER_S = 90_000
JUMP_TICKS = 10 * TICKS_PER_S  # a stall of a live stream ends the connection sooner, so this is no real pause
JITTER_TICKS = TICKS_PER_S // 2
FIRST_GUESS_TICKS = TICKS_PER_S // 25
STUCK_AFTER = 3  # so many times in a row that do not rise are no jitter
AVERAGED = 10  # arrivals come in bursts: fewer of them say nothing of the pace


class Timeline:
    """The timestamps of one connection; `time_base` is the camera's."""

    def __init__(self, time_base: Fraction) -> None:
        factor = time_base * TICKS_PER_S
        self._over, self._under = factor.numerator, factor.denominator
        self._offset: int | None = None
        self._last = -FIRST_GUESS_TICKS
        self.step = FIRST_GUESS_TICKS
        self.jumps = 0
        self._stuck = 0
        self._stuck_since_ns = 0

    def place(self, pts: int | None, dts: int | None, mono_ns: int = 0) -> tuple[int, int]:
        """(pts, dts) of the next packet in ticks, from the camera's own, either of which may be missing.

        `mono_ns` is when it arrived, for as long as nothing else is left to go by.
        """
        stamp = dts if dts is not None else pts
        if stamp is None:
            self._last = due = self._last + self.step
            return due, due
        raw = stamp * self._over // self._under
        if self._offset is None:
            self._offset = self._last + self.step - raw
        placed = self._judge(raw, mono_ns)
        self._last = placed
        if pts is None or dts is None:
            return placed, placed
        return max(placed, placed + (pts - dts) * self._over // self._under), placed

    def _judge(self, raw: int, mono_ns: int) -> int:
        """Where a stated time goes: as stated, a tick after the last one (jitter), or where it was due (a jump)."""
        assert self._offset is not None
        placed = raw + self._offset
        step = placed - self._last
        if 0 < step <= JUMP_TICKS:
            self._stuck = 0
            if step < TICKS_PER_S:
                self.step = step
            return placed
        if step <= 0:
            self._stuck += 1
            if self._stuck <= STUCK_AFTER and step > -JITTER_TICKS:
                self._stuck_since_ns = mono_ns
                return self._last + 1
        self.jumps += 1
        due = self._last + self._pace(mono_ns)
        self._offset = due - raw
        return due

    def _pace(self, mono_ns: int) -> int:
        """The typical step; once times have been useless for a while, as pictures arrive."""
        count = self._stuck - STUCK_AFTER
        if count < AVERAGED:
            if self._stuck <= STUCK_AFTER:
                self._stuck_since_ns = mono_ns
            return self.step
        average = (mono_ns - self._stuck_since_ns) * TICKS_PER_S // 1_000_000_000 // count
        return min(TICKS_PER_S, average) if average > 0 else self.step


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
