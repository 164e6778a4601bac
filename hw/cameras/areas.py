"""Areas of a picture, by their corners, and what of it is hidden. Standard library alone: csi_worker.py uses it.

What is hidden are whole blocks, as encoders have them: in a block that is partly black, the more so the coarser it is
encoded, something of what is beside the black is rounded into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Area = Sequence[Sequence[int]]  # corners as (across, down) in percent
BLACK, GREY = 16, 128  # luma and chroma of what is hidden
BLOCK = 16  # pixels, across and down; of the chroma half as many


def spans(area: Area, width: int, height: int) -> list[tuple[int, int, int]]:
    """(row, from, to) of the pixels of an area: each row is looked at at its upper rim, middle and lower rim."""
    corners = [(x * width / 100, y * height / 100) for x, y in area]
    sides = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    found = []
    for y in range(height):
        for at in (y + 0.001, y + 0.5, y + 0.999):
            met = sorted(
                x0 + (at - y0) * (x1 - x0) / (y1 - y0) for (x0, y0), (x1, y1) in sides if (y0 <= at) != (y1 <= at)
            )
            for left, right in zip(met[::2], met[1::2], strict=True):
                found.append((y, max(0, int(left) - 1), min(width, int(right) + 2)))
    return list(dict.fromkeys(found))


def blocks(areas: Sequence[Area], width: int, height: int) -> dict[int, set[int]]:
    """Which blocks areas touch: for each row of blocks, their numbers in it."""
    found: dict[int, set[int]] = {}
    for area in areas:
        for y, start, end in spans(area, width, height):
            found.setdefault(y // BLOCK, set()).update(range(start // BLOCK, -(-end // BLOCK)))
    return found


def rows(touched: Mapping[int, set[int]], size: int, width: int, height: int) -> list[tuple[int, int, int]]:
    """(row, from, to) of those blocks in a plane of this size, where they are `size` pixels across and down."""
    found = []
    for down, across in touched.items():
        starts = [x * size for x in sorted(across) if x - 1 not in across]
        ends = [min(width, (x + 1) * size) for x in sorted(across) if x + 1 not in across]
        runs = list(zip(starts, ends, strict=True))
        found += [(y, *run) for y in range(down * size, min(height, (down + 1) * size)) for run in runs]
    return found


def hidden(areas: Sequence[Area], width: int, height: int, stride: int) -> list[tuple[int, bytes]]:
    """(offset, bytes to write there) that black `areas` out of a YUV420 picture in one buffer.

    The layout is picamera2's: `height` rows of `stride` bytes of luma, then both chroma planes at half of each.
    """
    touched = blocks(areas, width, height)
    planes = [
        (0, BLOCK, width, height, stride, BLACK),
        (height * stride, BLOCK // 2, width // 2, height // 2, stride // 2, GREY),
        (height * stride * 5 // 4, BLOCK // 2, width // 2, height // 2, stride // 2, GREY),
    ]
    return [
        (offset + y * line + start, bytes([level]) * (end - start))
        for offset, size, across, down, line, level in planes
        for y, start, end in rows(touched, size, across, down)
    ]
