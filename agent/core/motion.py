"""Does something move: verdicts from how much of each picture differs, and from the sizes of packets. Pure arithmetic.

Rules of this file:
- motion is told once when it begins and once when it has been over for `hold_s`, whatever comes in between;
- a small change must be seen twice within three looks, a plain one once;
- a change of nearly the whole picture is light (a lamp, the camera's own infrared), not motion, and for two seconds
  after it nothing is; if the picture goes on changing after that, something stands before the lens, and that is motion.

Pictures are decoded at keyframes only, a second or two apart; what is shorter shows in the packets between them, in
their sizes and how coarse they are, which cost next to nothing to look at. A `Surge` says when those are worth
decoding, an `Allowance` how much of it may be.
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

PLACES_MAX = 1000  # packets after a keyframe that are compared with those of the same place
FEW, KNOWN, SHARE = 3, 8, 0.05  # of a place: packets until its middle and spread are known, and what later ones add
SHARE_OF_ALL = 0.003
LEAST_SPREAD, ODD = 0.08, 6.0
USUAL_RISE, RISEN = 0.5, 6.5  # deviations: what each packet may be above the usual; how much more is a surge, in all
A_STEP = math.log(2) / 2  # a quantiser one step coarser makes of noise so much less (logarithm)
MIDDLING = 26  # a quantiser, as long as none is known


@dataclass(slots=True)
class _Place:
    """How much there is in packets that come so long after a keyframe (logarithms): the middle, and how far off it."""

    middle: float = 0.0
    spread: float = 0.0
    count: int = 0

    def learn(self, value: float) -> float:
        """Take another; how far it is from the middle of those before, less the more that is in doubt."""
        count = self.count
        apart = (value - self.middle) / math.sqrt(1 + 1 / count) if count else 0.0
        self.middle += (value - self.middle) * max(1 / (count + 1), SHARE)
        if count:
            self.spread += (abs(apart) - self.spread) * max(1 / count, SHARE)
        self.count = count + 1
        return apart


class Surge:
    """Sizes of the packets between keyframes: True where they say that something begins to move.

    A camera with a variable bit rate gives less and less from a keyframe to the next; so each packet is compared with
    those that came as long after one. A camera with a constant bit rate makes no larger packets where more changes but
    coarser pictures; so a packet counts as what it would be at one and the same quantiser. What packets are above their
    usual is summed up (Page's CUSUM): a little over many says as much as a lot over few.
    """

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self._spread, self._count = 0.0, 0  # of all places, until one's own is known
        self._at = 0
        self._risen = 0.0
        self._quantiser = MIDDLING

    def see(self, size: int, quantiser: int | None = None) -> bool:
        """The next packet that is no keyframe, and how coarse it is, if that can be told."""
        if quantiser is not None:
            self._quantiser = quantiser
        off = self._off(math.log(max(1, size)) + A_STEP * self._quantiser)
        self._risen = max(0.0, self._risen + off - USUAL_RISE)
        return self._risen > RISEN

    def _off(self, value: float) -> float:
        """By how many usual deviations there is more than usual at this place; 0 while little is known."""
        at, self._at = self._at, self._at + 1
        if at >= PLACES_MAX:
            return 0.0
        if at == len(self._places):
            self._places.append(_Place())
        place = self._places[at]
        spread = place.spread if place.count >= KNOWN else self._spread
        apart = place.learn(value)
        if place.count > 1:
            self._count += 1
            self._spread += (abs(apart) - self._spread) * max(1 / self._count, SHARE_OF_ALL)
        off = apart / max(LEAST_SPREAD, 1.25 * spread) if place.count > FEW else 0.0
        return max(-ODD, min(ODD, off))

    def keyframe(self) -> None:
        """A keyframe stands between: what follows it is compared anew."""
        self._at, self._risen = 0, 0.0


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
