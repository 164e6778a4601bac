"""Small grey pictures: from decoded frames and from a camera's own, and areas of them by their corners.

cv2 and numpy are imported here and in the modules that are only imported with this one: together they take 50 MiB,
which a recorder that looks at nothing does without.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is first imported: a thread of its own costs memory
import cv2
import numpy as np

from hw.ports import Picture

WIDTH = 320
cv2.setNumThreads(1)
# Video says black with 16 and white with 235; here they are 0 and 255.
_FULL = np.clip((np.arange(256) - 16) * 255 / 219 + 0.5, 0, 255).astype(np.uint8)
_EIGHT_BIT = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12", "gray")
_FULL_RANGE = ("yuvj420p", "yuvj422p", "gray")
_JPEG_RANGE = 2  # AVCOL_RANGE_JPEG


def prepare_thread() -> None:
    """For the thread that looks, once: it goes without Intel's code, 8 MiB, no faster at this size, and on no board."""
    cv2.ipp.setUseIPP(False)


def of_frame(frame: Any) -> Any:
    """A decoded frame as uint8 array, WIDTH wide or less."""
    name = frame.format.name
    if name not in _EIGHT_BIT:
        frame = frame.reformat(format="gray")
        name = "gray"
    plane = frame.planes[0]
    luma: Any = np.frombuffer(plane, np.uint8)[: plane.line_size * frame.height].reshape(frame.height, plane.line_size)
    grey = small(luma[:, : frame.width])
    return grey if name in _FULL_RANGE or frame.color_range == _JPEG_RANGE else cv2.LUT(grey, _FULL)


def of_picture(picture: Picture) -> Any:
    """A camera's own small picture as uint8 array, WIDTH wide or less."""
    return small(np.frombuffer(picture.luma, np.uint8).reshape(picture.height, picture.width))


def small(luma: Any) -> Any:
    """Each pixel the mean of those it stands for: noise goes down with them, and nothing is left out."""
    height, width = luma.shape
    if width <= WIDTH:
        return np.ascontiguousarray(luma)
    return cv2.resize(luma, (WIDTH, max(2, height * WIDTH // width)), interpolation=cv2.INTER_AREA)


def area(corners: Iterable[Sequence[int]], shape: tuple[int, int]) -> Any:
    """Corners in percent of the picture -> uint8 array of that shape, 1 inside and 0 outside."""
    height, width = shape
    points = np.array([[x * width / 100, y * height / 100] for x, y in corners]).round().astype(np.int32)
    inside: Any = np.zeros(shape, np.uint8)
    cv2.fillPoly(inside, [points], 1)
    return inside


def areas(many: Iterable[Iterable[Sequence[int]]], shape: tuple[int, int]) -> Any:
    """All of them together; all zeros for none."""
    found: Any = np.zeros(shape, np.uint8)
    for corners in many:
        found |= area(corners, shape)
    return found
