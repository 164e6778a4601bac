"""Test windows by the week: when one opens by itself, and for how long. Hours and days are the site's local time.

Rules of this file:
- a window opens once in each span of its hours, and only over a pump at rest: no run and no demand becomes a test
  because of the hour;
- a span in which a window was open already, by hand or before a boot, has had its window;
- a board that does not know the time opens none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MINUTE, DAY_MIN, WEEK = 60_000_000_000, 24 * 60, 7
WHICH = ("every", "first", "second", "third", "fourth", "last")  # of that weekday in a month


class Local(NamedTuple):
    """A time of day at the site. weekday: Monday 0; day: of the month, from 1; days: that the month has."""

    weekday: int
    minute: int
    day: int
    days: int


Clock = Callable[[int], Local]  # UTC in ns -> local


class Slot(NamedTuple):
    """Hours in which a test window opens: from one minute of the day until another, of the same day."""

    method: str
    weekdays: frozenset[int]
    which: str
    from_min: int
    until_min: int

    def covers(self, now: Local) -> bool:
        """Whether this minute lies in it."""
        return self._on(now) and self.from_min <= now.minute < self.until_min

    def _on(self, now: Local) -> bool:
        if now.weekday not in self.weekdays:
            return False
        if self.which == "last":
            return now.day > now.days - WEEK
        return self.which == "every" or (now.day - 1) // WEEK == WHICH.index(self.which) - 1

    def had(self, now: Local, utc_ns: int, opened_ns: int | None) -> bool:
        """Whether a window opened at `opened_ns` was this span's. now: `utc_ns` as local time, covered."""
        began_ns = utc_ns - (now.minute - self.from_min + 1) * MINUTE  # a minute more: seconds of the day are unknown
        return opened_ns is not None and began_ns < opened_ns <= utc_ns

    def left_s(self, now: Local) -> int:
        """Seconds until its end."""
        return (self.until_min - now.minute) * 60
