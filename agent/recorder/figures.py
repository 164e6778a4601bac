"""Figures of a small grey picture, by which core/health.py judges the camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from agent.core.health import Look
from agent.recorder import grey

COLUMNS, ROWS = 16, 9  # blocks
TEXTURE = 1.8  # deviation within a block, without noise and without soft shades: less is none
BRIGHT = 250
EVERY_NS = 6_000_000_000  # between two comparisons with the reference: they cost more than all the rest
REACH = 20  # pixels of the half picture that a shift is looked for: an eighth of its width
CONSTANT = 12  # levels by which a masked pixel may differ from its usual
Corners = Sequence[Sequence[int]]


class Figures:
    """Of one camera. `masks`: what its own privacy mask must hide, if that is to be watched; `hidden`: all masks."""

    def __init__(self, masks: Sequence[Corners] = (), hidden: Sequence[Corners] = ()) -> None:
        self._masks, self._hidden = masks, hidden
        self._before: Any = None
        self._masked: Any = None
        self._constant: Any = None
        self._reference: Any = None
        self._compared_ns: int | None = None
        self._fit: tuple[int | None, int | None] = (None, None)

    def refer_to(self, picture: Any) -> None:
        """The reference is this small grey picture from now on; None: there is none."""
        self._reference = None if picture is None else edges(picture)
        self._compared_ns, self._fit = None, (None, None)

    def look(self, picture: Any, mono_ns: int) -> Look:
        """Figures of the next picture; pictures of another size than before begin anew."""
        mean, deviation = (float(one[0, 0]) for one in cv2.meanStdDev(picture))
        sharp = float(cv2.meanStdDev(cv2.Laplacian(picture, cv2.CV_16S))[1][0, 0]) ** 2
        if self._before is not None and self._before.shape != picture.shape:
            self._before = self._constant = self._masked = None
        flat = _flat(picture)
        still = None if self._before is None else _still(picture, self._before)
        self._before = picture
        alike, shift = self._compare(picture, mono_ns)
        return Look(
            mono_ns,
            round(mean),
            round(deviation),
            int(np.count_nonzero(picture >= BRIGHT)) * 1000 // picture.size,
            flat,
            round(1000 * sharp / (deviation**2 + 25)),
            still,
            alike,
            shift,
            self._unmasked(picture) if self._masks else None,
        )

    def _compare(self, picture: Any, mono_ns: int) -> tuple[int | None, int | None]:
        if self._reference is None:
            return None, None
        if self._compared_ns is None or mono_ns - self._compared_ns >= EVERY_NS:
            self._compared_ns = mono_ns
            self._fit = fit(edges(picture), self._reference)
        return self._fit

    def _unmasked(self, picture: Any) -> int:
        """Thousandths of the masked pixels that are not as they always were."""
        if self._masked is None:
            inner = cv2.erode(grey.areas(self._masks, picture.shape), np.ones((5, 5), np.uint8))
            self._masked = inner.astype(bool)
        hidden = picture[self._masked].astype(np.float32)
        if hidden.size == 0:
            return 0
        if self._constant is None:
            self._constant = np.full_like(hidden, np.median(hidden))  # one colour: a mask shows nothing of the picture
        return int(np.count_nonzero(np.abs(hidden - self._constant) > CONSTANT)) * 1000 // int(hidden.size)


def _blocks(picture: Any) -> Any:
    """The picture as (ROWS, COLUMNS, pixels); what is left over at the edges stays out."""
    height, width = picture.shape[0] // ROWS, picture.shape[1] // COLUMNS
    cut = picture[: height * ROWS, : width * COLUMNS]
    return cut.reshape(ROWS, height, COLUMNS, width).swapaxes(1, 2).reshape(ROWS, COLUMNS, height * width)


def _flat(picture: Any) -> int:
    """Thousandths of the blocks without texture."""
    smooth = cv2.GaussianBlur(picture, (5, 5), 0).astype(np.float32)
    detail = smooth - cv2.blur(smooth, (31, 31))
    return int(np.count_nonzero(_blocks(detail).std(axis=2) < TEXTURE)) * 1000 // (ROWS * COLUMNS)


def _still(picture: Any, before: Any) -> int:
    """Thousandths of the blocks that are equal to the last bit."""
    return int(np.count_nonzero(~_blocks(picture != before).any(axis=2))) * 1000 // (ROWS * COLUMNS)


def edges(picture: Any) -> Any:
    """Where the picture has edges, at half its size and free of how bright or strong they are: a float array."""
    half = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(half, (3, 3), 0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = cv2.magnitude(across, down)
    around = cv2.blur(strength, (25, 25))
    return cv2.GaussianBlur(strength / (around + 8.0), (5, 5), 0)


def fit(now: Any, reference: Any) -> tuple[int | None, int | None]:
    """(how alike in thousandths, by how much of the width it lies elsewhere in thousandths) at the best of all shifts.

    None if the sizes differ, or there is too little in the picture to compare.
    """
    height, width = now.shape
    reach_down = REACH * height // width
    if now.shape != reference.shape or height <= 3 * reach_down:
        return None, None
    middle = reference[reach_down : height - reach_down, REACH : width - REACH]
    if float(middle.std()) < 0.05:
        return None, None
    scores = cv2.matchTemplate(now, middle, cv2.TM_CCOEFF_NORMED)
    _, best, _, (across, down) = cv2.minMaxLoc(scores)
    off = max(abs(across - REACH), abs(down - reach_down))
    return round(1000 * float(best)), off * 1000 // width
