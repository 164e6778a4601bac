"""On which line of a TOML text each key stands: a light scan, for pointing at mistakes, not a parser.

Paths are tuples: ("point", 1, "settle_ms") is settle_ms of the second [[point]]. A key inside an inline table
or a list is found at the line where that begins.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_NAME})\s*=")
_SPLIT = re.compile(_PART)


class Lines:
    """Where the keys of one text stand."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._table: Path = ()
        for number, line in enumerate(_outside_long_strings(text), start=1):
            self._see(line, number)

    def of(self, path: Path) -> int | None:
        """Line of a key or heading, else of what encloses it; None if nothing of it was found."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return None

    def _see(self, line: str, number: int) -> None:
        if header := _HEADER.match(line):
            self._enter(_parts(header[2]), array=header[1] == "[[", number=number)
        elif key := _KEY.match(line):
            self._lines.setdefault(self._table + _parts(key[1]), number)

    def _enter(self, parts: Path, *, array: bool, number: int) -> None:
        path: Path = ()
        for part in parts[:-1]:
            path += (part,)
            if path in self._counts:
                path += (self._counts[path] - 1,)
        path += (parts[-1],)
        if array:
            self._lines.setdefault(path, number)
            self._counts[path] = self._counts.get(path, 0) + 1
            path += (self._counts[path] - 1,)
        self._lines.setdefault(path, number)
        self._table = path


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _SPLIT.findall(name))


def _outside_long_strings(text: str) -> list[str]:
    """The lines of the text; those within a string over several lines are blank."""
    lines, inside = [], ""
    for line in text.split("\n"):
        lines.append("" if inside else line)
        for mark in ('"""', "'''"):
            if inside in ("", mark) and line.count(mark) % 2:
                inside = "" if inside else mark
    return lines
