"""Does something move: verdicts from how much of each picture differs, and from the sizes of packets. Pure arithmetic.

Rules of this file:
- motion is told once when it begins and once when it has been over for `hold_s`, whatever comes in between;
- a small change must be seen twice within three looks, a plain one once;
- a change of nearly the whole picture is light (a lamp, the camera's own infrared), not motion, and for two seconds
  after it nothing is; if the picture goes on changing after that, something stands before the lens, and that is motion.

Pictures are decoded at keyframes only, a second or two apart; what is shorter shows in the sizes of the packets between
them, which cost nothing to look at. A `Surge` says when those are worth decoding, an `Allowance` how much of it may be.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1_000_000_000
# sensitivity 1..9 -> how much of the picture must differ in one piece, in ten-thousandths
SMALLEST = (300, 150, 80, 45, 24, 14, 9, 6, 4)
PLAIN = 3  # times the smallest: seen once is enough
LIGHT = 3000  # ten-thousandths of the picture: more is light, or a lens that somebody reaches for
LIGHT_LOOKS = 3
SETTLE_NS = 2 * SECOND


class Zone(NamedTuple):
    """Where motion counts. smallest: of the picture, in ten-thousandths, by day and by night; None: not then."""

    id: str
    by_day: int | None
    by_night: int | None


def smallest(sensitivity: int, when: str, night: bool) -> int | None:
    """What a zone with that sensitivity (1 dull to 9 keen) that counts `when` (always / day / night) looks for."""
    counts = when == "always" or (when == "night") == night
    return SMALLEST[sensitivity - 1] if counts else None


class Seen(NamedTuple):
    """One look: the largest thing that differs in each zone, in the zones' order, and how much differs in all.

    Ten-thousandths of the picture.
    """

    mono_ns: int
    zones: Sequence[int]
    whole: int


@dataclass(frozen=True)
class Begun:
    """It moves, in these zones; size is the largest thing's."""

    at_ns: int
    zones: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Over:
    """It moved from begun to last, in these zones, and no more."""

    begun_ns: int
    last_ns: int
    zones: tuple[str, ...]
    size: int


@dataclass
class Motion:
    """The verdict on one camera."""

    zones: Sequence[Zone]
    hold_s: int = 10
    begun_ns: int | None = None
    _last_ns: int = 0
    _size: int = 0
    _where: dict[str, None] = field(default_factory=dict)
    _looks: deque[bool] = field(default_factory=lambda: deque(maxlen=3))
    _light: int = 0
    _settled_ns: int = 0

    @property
    def moving(self) -> bool:
        return self.begun_ns is not None

    @property
    def doubtful(self) -> bool:
        """Something was seen that is not enough by itself: another look soon would decide it."""
        return not self.moving and any(self._looks)

    def look(self, seen: Seen, *, night: bool = False) -> Begun | Over | None:
        """One look; what is to be told of it."""
        if seen.whole >= LIGHT:
            self._light += 1
            self._settled_ns = seen.mono_ns + SETTLE_NS
            if self._light < LIGHT_LOOKS:
                return self._rest(seen.mono_ns)
        elif seen.mono_ns < self._settled_ns:
            return self._rest(seen.mono_ns)
        else:
            self._light = 0
        where, size, plain = self._found(seen, night)
        if not where:
            self._looks.append(False)
            return self._rest(seen.mono_ns)
        self._looks.append(True)
        if not self.moving and not plain and sum(self._looks) < 2:
            return None
        return self._moves(seen.mono_ns, where, size)

    def _found(self, seen: Seen, night: bool) -> tuple[list[str], int, bool]:
        """(zones in which enough differs, the largest, whether any is plain)."""
        where, largest, plain = [], 0, False
        for zone, size in zip(self.zones, seen.zones, strict=True):
            least = zone.by_night if night else zone.by_day
            if least is not None and size >= least:
                where.append(zone.id)
                largest, plain = max(largest, size), plain or size >= PLAIN * least
        return where, largest, plain

    def _moves(self, now_ns: int, where: list[str], size: int) -> Begun | None:
        begins = not self.moving
        if begins:
            self.begun_ns, self._size = now_ns, 0
            self._where.clear()
        self._last_ns, self._size = now_ns, max(self._size, size)
        self._where.update(dict.fromkeys(where))
        return Begun(now_ns, tuple(where), size) if begins else None

    def _rest(self, now_ns: int) -> Over | None:
        begun_ns = self.begun_ns
        if begun_ns is None or now_ns - self._last_ns < self.hold_s * SECOND:
            return None
        return self.end()

    def end(self) -> Over | None:
        """No more pictures come: what moved is over."""
        begun_ns, self.begun_ns = self.begun_ns, None
        self._looks.clear()
        return None if begun_ns is None else Over(begun_ns, self._last_ns, tuple(self._where), self._size)


# --- what is between the keyframes ---

WINDOW = 8  # packets
SETTLED = 50  # packets until the usual is known
KEEN = 4.0  # deviations above the usual
LEAST_RISE = 1.12
PLACES_MAX = 1000  # packets after a keyframe that are compared with those of the same place
PLACE_KNOWN, PLACE_SHARE = 8, 0.05
LEAST_SPREAD, ODD, KEEN_AT_PLACE = 0.08, 6.0, 3.4


@dataclass(slots=True)
class _Place:
    """Logarithms of the sizes of packets that come so long after a keyframe: the usual, and how far off it they are."""

    usual: float = 0.0
    spread: float = 0.0
    count: int = 0

    def off(self, size: int) -> float:
        """By how many usual deviations this one is larger (0 while little is known); it is learned from."""
        value = math.log(max(1, size))
        known = self.count >= PLACE_KNOWN
        off = (value - self.usual) / max(LEAST_SPREAD, 1.25 * self.spread) if known else 0.0
        self.count += 1
        share = max(1 / self.count, PLACE_SHARE)
        if self.count > 1:
            self.spread += (abs(value - self.usual) - self.spread) * max(1 / (self.count - 1), PLACE_SHARE)
        self.usual += (value - self.usual) * share
        return max(-ODD, min(ODD, off))


class Surge:
    """Sizes of the packets between keyframes: True where they say that something begins to move.

    A camera with a constant bit rate gives more to a picture in which more has changed, and takes it back over the
    next second; so a few packets together are compared with what such sums usually are. One with a variable bit rate
    gives less and less from a keyframe to the next; so each is compared with those of the same place, too.
    """

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=WINDOW)
        self._sum = 0
        self._mean = 0.0
        self._deviation = 0.0
        self._count = 0
        self._places: list[_Place] = []
        self._at = 0
        self._off: deque[float] = deque(maxlen=WINDOW)

    def see(self, size: int) -> bool:
        """The next packet that is no keyframe."""
        at_its_place = self._at_its_place(size)
        return self._among_all(size) or at_its_place

    def _at_its_place(self, size: int) -> bool:
        """Whether the last few are larger than usual so long after a keyframe."""
        if self._at == PLACES_MAX:
            return False
        if self._at == len(self._places):
            self._places.append(_Place())
        self._off.append(self._places[self._at].off(size))
        self._at += 1
        return len(self._off) == WINDOW and sum(self._off) > KEEN_AT_PLACE * math.sqrt(WINDOW)

    def _among_all(self, size: int) -> bool:
        """Whether the last few are larger than a few usually are, wherever they stand."""
        if len(self._last) == WINDOW:
            self._sum -= self._last[0]
        self._last.append(size)
        self._sum += size
        if len(self._last) < WINDOW:
            return False
        self._count += 1
        off = self._sum - self._mean
        rises = self._count > SETTLED and off > max(KEEN * self._deviation, (LEAST_RISE - 1) * self._mean)
        share = max(1 / self._count, 0.003 if not rises else 0.001)
        self._mean += off * share
        self._deviation += (abs(off) - self._deviation) * share
        return rises

    def keyframe(self) -> None:
        """A keyframe stands between: what follows it is compared anew."""
        self._last.clear()
        self._off.clear()
        self._sum = self._at = 0


@dataclass
class Allowance:
    """So much time a second may be spent on something, saved up for `most_s`. Times are seconds of any clock."""

    rate: float
    most_s: float
    _saved_s: float = 0.0
    _at_s: float | None = None

    def left(self, now_s: float) -> float:
        """What may be spent now."""
        since_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._saved_s = self.most_s if self._at_s is None else min(self.most_s, self._saved_s + since_s * self.rate)
        self._at_s = now_s
        return self._saved_s

    def spend(self, took_s: float) -> None:
        """It took so long; what is overdrawn is waited for."""
        self._saved_s -= took_s
