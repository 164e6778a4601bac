"""What differs in a small grey picture from how the scene usually looks: the figures core/motion.py judges by.

- The background follows the scene: within half a minute where nothing differs, within minutes where something does
  (what was put down and stays is background in the end).
- How much a pixel must differ is learned for each: a swaying branch, rain and a sensor's noise raise it there.
- The brightness of the whole picture is taken out first; a change of nearly all of it takes the new one as background.
- What differs without an edge of its own, or shows the same texture brighter or darker, is light (a lamp behind a
  corner, a cloud), and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from agent.core.motion import LIGHT, Seen
from agent.recorder import grey

FOLLOW_S, ABSORB_S, NOISE_S = 20.0, 240.0, 60.0
LEAST = 11.0  # levels that count as different at all
NOISES = 4.0  # times its usual noise a pixel must differ
SOFT = 0.09  # slope at the rim of what differs, by how much it differs: less is light
TEXTURE, SAME = 2.5, 0.92  # levels of texture, and how well it must be found again: then it was light
BLOBS = 12
SCATTERED, SCATTER_TIMES = 8, 3  # so many things at once are rain or snow: what moves is so much larger than the usual
_KERNEL: Any = np.ones((3, 3), np.uint8)
_WIDE: Any = np.ones((5, 5), np.uint8)
Corners = Sequence[Sequence[int]]


class Background:
    """Of one camera. `zones` in their order (none: the whole picture is one); `hidden` is left out everywhere."""

    def __init__(self, zones: Sequence[Corners] = (), hidden: Sequence[Corners] = ()) -> None:
        self._corners, self._hidden = zones, hidden
        self._usual: Any = None
        self._noise: Any = None
        self._before: Any = None
        self._zones: list[Any] = []
        self._open: Any = None
        self._last_ns = 0

    def look(self, picture: Any, mono_ns: int) -> Seen:
        """What differs in the next picture; nothing in the first, or the first of another size."""
        now = cv2.GaussianBlur(picture, (5, 5), 0).astype(np.float32)
        if self._usual is None or self._usual.shape != now.shape:
            self._begin(now)
            self._last_ns = mono_ns
            return self._nothing(mono_ns)
        since_s = max(0.02, (mono_ns - self._last_ns) / 1e9)
        self._last_ns = mono_ns
        difference = now - self._usual
        difference -= float(np.median(difference[::4, ::4]))
        apart = np.abs(difference)
        differs = ((apart > np.maximum(LEAST, NOISES * self._noise)) & self._open).astype(np.uint8)
        differs = cv2.dilate(cv2.medianBlur(differs, 5), _KERNEL)
        whole = _share(np.count_nonzero(differs), differs)
        if whole >= LIGHT:
            self._usual, self._before = now, now
            return Seen(mono_ns, [whole] * len(self._zones), whole)
        sizes = self._largest(differs, apart, now)
        self._learn(now, differs, since_s)
        return Seen(mono_ns, sizes, whole)

    def _begin(self, now: Any) -> None:
        self._usual, self._before = now, now
        self._noise = np.full(now.shape, 1.5, np.float32)
        self._open = grey.areas(self._hidden, now.shape) == 0
        zones = [grey.area(corners, now.shape) for corners in self._corners]
        self._zones = [zone.astype(bool) for zone in zones] or [np.ones(now.shape, bool)]

    def _nothing(self, mono_ns: int) -> Seen:
        return Seen(mono_ns, [0] * len(self._zones), 0)

    def _largest(self, differs: Any, apart: Any, now: Any) -> list[int]:
        """For each zone the largest thing in it, in ten-thousandths of the picture."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
        sizes = stats[1:, cv2.CC_STAT_AREA]
        common = SCATTER_TIMES * float(np.median(sizes)) if len(sizes) >= SCATTERED else 0.0
        found = [0] * len(self._zones)
        for label in (np.argsort(sizes)[::-1][:BLOBS] + 1) if count > 1 else ():
            x, y, width, height, size = stats[label]
            if _share(size - common, differs) <= 0:
                break
            box = np.s_[y : y + height, x : x + width]
            thing = labels[box] == label
            if _soft(thing, apart[box]) or _alike(now[box][thing], self._usual[box][thing]):
                continue
            for at, zone in enumerate(self._zones):
                found[at] = max(found[at], _share(np.count_nonzero(thing & zone[box]) - common, differs))
        return found

    def _learn(self, now: Any, differs: Any, since_s: float) -> None:
        """The background and each pixel's noise follow, where something differs slowly."""
        quick, slow = (1 - np.exp(-since_s / seconds) for seconds in (FOLLOW_S, ABSORB_S))
        share = np.where(differs != 0, np.float32(slow), np.float32(quick))
        self._usual += share * (now - self._usual)
        step = np.abs(now - self._before)
        self._before = now
        share *= np.float32(FOLLOW_S / NOISE_S)
        self._noise += share * (np.minimum(step, 25.0) - self._noise)


def _soft(thing: Any, apart: Any) -> bool:
    """True if what differs fades out at its rim, as light does and no body."""
    rim = cv2.morphologyEx(thing.astype(np.uint8), cv2.MORPH_GRADIENT, _KERNEL, borderValue=0).astype(bool)
    if min(thing.shape) < 3 or not rim.any():
        return False
    across, down = (cv2.Sobel(apart, cv2.CV_32F, x, 1 - x, scale=1 / 8) for x in (1, 0))
    slope = cv2.dilate(cv2.magnitude(across, down), _WIDE)  # the steepest nearby: a rim lies at the foot of its edge
    return float(slope[rim].mean()) < SOFT * float(apart[thing].mean())


def _alike(now: Any, usual: Any) -> bool:
    """True if the same texture is there, only brighter or darker."""
    now, usual = now - now.mean(), usual - usual.mean()
    spread = float(np.sqrt((usual * usual).mean()))
    if spread < TEXTURE:
        return False
    return float((now * usual).mean()) > SAME * spread * float(np.sqrt((now * now).mean()))


def _share(pixels: Any, picture: Any) -> int:
    """Ten-thousandths of the picture."""
    return int(pixels) * 10_000 // int(picture.size)
