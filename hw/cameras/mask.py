"""Privacy masks: areas of the picture painted black before anything is encoded, stored or shown.

Rules of this file:
- a pixel of which any part lies in an area is black, and so is all of the block (16 by 16 pixels) it lies in;
- a decoder's own picture is never painted on, for the next ones are made from it: paint() works on a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av

from hw.cameras.areas import BLACK, BLOCK, GREY, Area, blocks, rows

Spans = list[tuple[int, int, int]]


class Painter:
    """Paints `areas` into frames of any size."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self._areas = areas
        self._spans: dict[tuple[int, int], tuple[Spans, Spans]] = {}

    def paint(self, frame: Any) -> Any:
        """A yuv420p copy of the frame (`av.VideoFrame`) with the areas black; its times are kept."""
        made = _copied(frame.reformat(format="yuv420p"))
        for number, plane in enumerate(made.planes):
            view, line = memoryview(plane), plane.line_size
            level = bytes([GREY if number else BLACK]) * plane.width
            for y, start, end in self._of(made.width, made.height)[number > 0]:
                view[y * line + start : y * line + end] = level[: end - start]
        return made

    def _of(self, width: int, height: int) -> tuple[Spans, Spans]:
        """(row, from, to) of all that is to be black in a frame of this size: of its luma, and of either chroma."""
        if (width, height) not in self._spans:
            touched, half = blocks(self._areas, width, height), ((width + 1) // 2, (height + 1) // 2)
            self._spans[width, height] = rows(touched, BLOCK, width, height), rows(touched, BLOCK // 2, *half)
        return self._spans[width, height]


def _copied(frame: Any) -> Any:
    made = av.VideoFrame(frame.width, frame.height, "yuv420p")
    for theirs, ours in zip(frame.planes, made.planes, strict=True):
        source, target = memoryview(theirs), memoryview(ours)
        if theirs.line_size == ours.line_size:
            target[:] = source[: len(target)]
            continue
        for y in range(theirs.height):
            row = source[y * theirs.line_size : y * theirs.line_size + theirs.width]
            target[y * ours.line_size : y * ours.line_size + theirs.width] = row
    made.pts = frame.pts
    if frame.time_base is not None:
        made.time_base = frame.time_base
    return made
