"""Processes that should run and do not: told after a while of absence, and told when they are back. Pure.

Rules of this file:
- one that is being started again is not absent: only LIMIT of it, without a sign of life, is;
- at the first look nobody is absent yet, and who is there is told as being there: an earlier run may have said else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LIMIT_NS = 60 * 1_000_000_000


class Absence:
    """Of these names. One thread."""

    def __init__(self, names: Iterable[str], limit_ns: int = LIMIT_NS) -> None:
        self._limit_ns = limit_ns
        self._since_ns: dict[str, int | None] = dict.fromkeys(names)  # None: never looked for, or there
        self._told: dict[str, bool | None] = dict.fromkeys(self._since_ns)

    def look(self, alive: Mapping[str, bool], now_ns: int) -> dict[str, bool]:
        """name -> whether it is there, of those of whom there is news."""
        news = {}
        for name, since_ns in self._since_ns.items():
            there = alive.get(name, False)
            since_ns = None if there else now_ns if since_ns is None else since_ns
            self._since_ns[name] = since_ns
            gone = since_ns is not None and now_ns - since_ns >= self._limit_ns
            if (there or gone) and self._told[name] is not there:
                self._told[name] = news[name] = there
        return news
