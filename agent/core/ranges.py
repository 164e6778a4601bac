"""Ranges of whole numbers: sorted lists of half-open [from, to) pairs, apart from each other."""

from __future__ import annotations

Range = tuple[int, int]


def add_range(ranges: list[Range], start: int, stop: int) -> list[Range]:
    """The ranges with [start, stop) in them, neighbours joined."""
    before = [r for r in ranges if r[1] < start]
    after = [r for r in ranges if r[0] > stop]
    touching = ranges[len(before) : len(ranges) - len(after)]
    if touching:
        start, stop = min(start, touching[0][0]), max(stop, touching[-1][1])
    return [*before, (start, stop), *after]


def subtract(ranges: list[Range], holes: list[Range]) -> list[Range]:
    """The ranges without what lies in the holes."""
    left: list[Range] = []
    for start, stop in ranges:
        for hole_start, hole_stop in holes:
            if hole_stop <= start or hole_start >= stop:
                continue
            if start < hole_start:
                left.append((start, hole_start))
            start = max(start, hole_stop)
        if start < stop:
            left.append((start, stop))
    return left
