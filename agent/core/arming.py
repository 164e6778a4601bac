"""Arming: when a door's opening is forced entry. By hours of the week in the site's own time, and by command.

Rules of this file:
- the hours decide at their ends only: a command holds until the hours next change their mind, or for good where a
  door has none;
- without a clock nobody knows the hour: every door stays as it is (`blind`), and the panel says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.core.chain import Stamp
from agent.core.events import Event, PointArmed, PointDisarmed

SECOND = 1_000_000_000
DAY_MIN = 24 * 60
LOOK_NS = SECOND

Local = Callable[[int], tuple[int, int]]  # UTC ns -> (day of the week, Monday 0; minute of the day)


@dataclass(frozen=True)
class Hours:
    """Armed on these days from one minute to another; over midnight if `to_min` is not after `from_min`."""

    days: frozenset[int]
    from_min: int
    to_min: int

    def cover(self, day: int, minute: int) -> bool:
        """Whether this minute lies in them. The part after midnight belongs to the day that it began on."""
        if self.from_min < self.to_min:
            return day in self.days and self.from_min <= minute < self.to_min
        yesterday = (day - 1) % 7
        return (day in self.days and minute >= self.from_min) or (yesterday in self.days and minute < self.to_min)


@dataclass(frozen=True, slots=True)
class Armed:
    """How one door stands: armed or not, by whom, and what its hours said when last looked at."""

    armed: bool = False
    by: str = ""
    planned: bool = False


class Arming:
    """All doors. Methods return the events that say what changed."""

    def __init__(self, doors: Sequence[str], hours: Mapping[str, Sequence[Hours]], local: Local) -> None:
        self.doors: dict[str, Armed] = {door: Armed() for door in doors}
        self._hours = hours
        self._local = local
        self._look_ns = 0
        self.blind = False
        self.anchor: tuple[str, int] = ("", 0)  # (boot, UTC minus monotonic), where somebody told us the time

    def ask(self, wanted: str, armed: bool, by: str) -> tuple[list[Event], str]:
        """Arm or disarm one door, or all with "*". Second: why nothing was done, if nothing was."""
        if wanted != "*" and wanted not in self.doors:
            return [], "there is no such door"
        doors = [wanted] if wanted != "*" else list(self.doors)
        events = [event for door in doors for event in self._set(door, armed, by, self.doors[door].planned)]
        return events, "" if events else ("armed already" if armed else "disarmed already")

    def elapse(self, now: Stamp) -> list[Event]:
        """What the hours bring by now."""
        if not self._hours or now.mono_ns < self._look_ns:
            return []
        self._look_ns = now.mono_ns + LOOK_NS
        at_ns = self.known_ns(now)
        self.blind = at_ns is None
        if at_ns is None:
            return []
        day, minute = self._local(at_ns)
        events: list[Event] = []
        for door, hours in self._hours.items():
            planned = any(one.cover(day, minute) for one in hours)
            if planned != self.doors[door].planned:
                events += self._set(door, planned, "schedule", planned)
        return events

    def known_ns(self, now: Stamp) -> int | None:
        """UTC in ns; None while nobody knows it."""
        if now.clock != "unset":
            return now.at_ns
        boot, ahead_ns = self.anchor
        return now.mono_ns + ahead_ns if boot == now.boot else None

    def due_ns(self) -> int | None:
        """When to look again."""
        return self._look_ns if self._hours else None

    def recorded(self, event: Event) -> None:
        """A point.armed or point.disarmed row from before a boot: it stands so still."""
        if isinstance(event, PointArmed | PointDisarmed) and event.source in self.doors:
            self.doors[event.source] = Armed(isinstance(event, PointArmed), event.by, event.planned)

    def _set(self, door: str, armed: bool, by: str, planned: bool) -> list[Event]:
        before = self.doors[door]
        self.doors[door] = Armed(armed, by if armed != before.armed else before.by, planned)
        if armed == before.armed:
            return []
        return [(PointArmed if armed else PointDisarmed)(source=door, by=by, planned=planned)]
