"""Whole numbers as people write many of them: "12-15,20"."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def written(numbers: Iterable[int]) -> str:
    """The numbers, each once and in order."""
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges(numbers))


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each stretch without a hole."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def read_ranges(text: str) -> list[tuple[int, int]]:
    """What `written` wrote, as stretches. ValueError if it is none."""
    found = []
    for part in filter(None, text.split(",")):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is neither a number nor two with - between")
        found.append((int(match[1]), int(match[2] or match[1])))
    return found


def read_numbers(text: str) -> list[int]:
    """What `written` wrote, each number."""
    return [number for first, last in read_ranges(text) for number in range(first, last + 1)]
