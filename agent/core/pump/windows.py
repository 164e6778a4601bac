"""Tests of a pump: the window in which one may happen, and the dates by which one must.

A window mutes, it never hides: everything in it is recorded. Its time is counted on the monotonic clock; dates are
UTC, and nothing is said of them while the clock is not set. Nothing tested yet: dates count from the first sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

from agent.core.events import (
    Event,
    JournalOpened,
    PumpClassified,
    PumpMonthlyTestMissed,
    PumpPatrolFinished,
    PumpPatrolMissed,
    PumpRestored,
    PumpStarted,
    PumpStopped,
    PumpTestClosed,
    PumpTestFinished,
    PumpTestNotAutoStarted,
    PumpTestOpened,
    PumpTestTooShort,
    PumpWeeklyTestDue,
    PumpWeeklyTestMissed,
)
from agent.core.pump.limits import Limits
from agent.core.pump.run import Run

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
PRESSURE_DROP, MANUAL = "pressure-drop", "manual"
METHODS = (PRESSURE_DROP, MANUAL)
DATES = {PRESSURE_DROP: "weekly", MANUAL: "monthly"}
SCHEDULE = "schedule"  # who opened a window that nobody opened


@dataclass
class Window:
    """An open test window. method: pressure-drop (weekly, starts by itself) or manual (monthly)."""

    method: str
    opened_ns: int
    limit_s: int
    by: str
    demanded: bool = False  # its own demand has come
    ran: bool = False
    taken_up: bool = False  # after a boot

    @property
    def due_ns(self) -> int:
        return self.opened_ns + self.limit_s * SECOND

    def snapshot(self) -> list[Any]:
        return list(astuple(self))

    def finished(self, run: Run, at_ns: int, needed_s: int, *, whole: bool) -> tuple[list[Event], bool]:
        """The test run is over: what is said, and whether it counts. whole: nothing but its own end ended it."""
        run_ms, source = run.long_ms(at_ns), run.source
        long = run_ms is not None and run_ms >= needed_s * 1000
        started = self.method != PRESSURE_DROP or run.auto
        counts = long and started
        events: list[Event] = [
            PumpTestFinished(source=source, method=self.method, auto_started=run.auto, run_ms=run_ms, counts=counts)
        ]
        if whole and not long:
            events.append(PumpTestTooShort(source=source, run_ms=run_ms, needed_s=needed_s))
        if whole and not started:
            events.append(PumpTestNotAutoStarted(source=source))
        return events, counts


@dataclass(frozen=True)
class Past:
    """What the journal knows of a pump after a boot; UTC in ns, None for never.

    cause: of the run that is open, "" for none; window: (method, limit_s, by) of a test window that is open;
    planned_ns: when a window last opened by schedule; alarms: kinds of its alarms that stand; waits: kinds of those
    that nobody has acknowledged.
    """

    cause: str = ""
    first_ns: int | None = None
    weekly_ns: int | None = None
    monthly_ns: int | None = None
    patrol_ns: int | None = None
    window: tuple[str, int, str] | None = None
    planned_ns: int | None = None
    alarms: frozenset[str] = frozenset()
    waits: frozenset[str] = frozenset()


def past_of(pump: str, facts: Iterable[tuple[Event, int]]) -> Past:
    """What these events (each with its UTC in ns), oldest first, say of a pump."""
    past = Past()
    for event, at_ns in facts:
        if isinstance(event, JournalOpened):
            past = replace(past, first_ns=at_ns)
        elif event.source == pump:
            past = _with(past, event, at_ns)
    return past


def _with(past: Past, event: Event, at_ns: int) -> Past:
    match event:
        case PumpStarted():
            return replace(past, cause=event.cause)
        case PumpClassified():
            return replace(past, cause="explained")
        case PumpStopped():
            return replace(past, cause="")
        case PumpTestOpened():
            planned_ns = at_ns if event.by == SCHEDULE else past.planned_ns
            return replace(past, window=(event.method, event.limit_s, event.by), planned_ns=planned_ns)
        case PumpTestClosed():
            return replace(past, window=None)
        case PumpPatrolFinished():
            return replace(past, patrol_ns=at_ns)
        case PumpTestFinished() if event.counts and DATES.get(event.method) == "weekly":
            return replace(past, weekly_ns=at_ns)
        case PumpTestFinished() if event.counts:
            return replace(past, monthly_ns=at_ns)
    return past


class Dates:
    """When what was last done to a pump, and what is overdue."""

    NAMES = ("weekly", "monthly", "patrol")

    def __init__(self, source: str, limits: Limits) -> None:
        self._source, self._limits = source, limits
        self.first_ns: int | None = None
        self.done: dict[str, int | None] = dict.fromkeys(self.NAMES)
        self._pending: dict[str, bool] = {}  # done while the clock was not set
        self._told: set[str] = set()

    def did(self, name: str) -> None:
        """A test counts. Its date is that of the next look with a clock, a second later at most."""
        self._pending[name] = True

    def look(self, utc_ns: int, testing: str = "") -> list[Event]:
        """What is overdue at `utc_ns`, said once, and what no longer is. testing: the method of an open window.

        A test that is going on is not missed: one a week at one hour would be, each time, for some seconds.
        """
        self.first_ns = utc_ns if self.first_ns is None else self.first_ns
        for name in self._pending:
            self.done[name] = utc_ns
        self._pending.clear()
        events: list[Event] = []
        for kind, (name, days, make) in self._duties().items():
            since = self.done[name] or self.first_ns
            passed = utc_ns - since
            late = days is not None and passed >= days * DAY
            if late and kind not in self._told and DATES.get(testing) != name:
                self._told.add(kind)
                events.append(make(source=self._source, days=passed // DAY))
            elif not late and kind in self._told:
                self._told.discard(kind)
                events.append(PumpRestored(source=self._source, was=kind))
        return events

    def _duties(self) -> Mapping[str, tuple[str, int | None, Any]]:
        """kind -> (which date, allowed days, event)."""
        weekly = self._limits.weekly_days
        warn = None if weekly is None else max(weekly - 1, 1)
        return {
            "pump.weekly_test_due": ("weekly", warn, PumpWeeklyTestDue),
            "pump.weekly_test_missed": ("weekly", weekly, PumpWeeklyTestMissed),
            "pump.monthly_test_missed": ("monthly", self._limits.monthly_days, PumpMonthlyTestMissed),
            "pump.patrol_missed": ("patrol", self._limits.patrol_days, PumpPatrolMissed),
        }

    def kinds(self) -> frozenset[str]:
        """What is overdue."""
        return frozenset(self._told)

    def resume(self, past: Past) -> None:
        """After a boot. What was said to be overdue is not said again."""
        self.first_ns = past.first_ns
        self.done = {"weekly": past.weekly_ns, "monthly": past.monthly_ns, "patrol": past.patrol_ns}
        self._told = set(past.alarms & set(self._duties()))

    def recall(self, past: Past) -> None:
        """The journal came late: take from it what is not known yet."""
        if past.first_ns is not None:
            self.first_ns = past.first_ns
        for name, at_ns in (("weekly", past.weekly_ns), ("monthly", past.monthly_ns), ("patrol", past.patrol_ns)):
            self.done[name] = self.done[name] if at_ns is None else max(at_ns, self.done[name] or at_ns)

    def snapshot(self) -> dict[str, Any]:
        return {
            "first": self.first_ns,
            "done": self.done,
            "pending": sorted(self._pending),
            "told": sorted(self._told),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self.first_ns = snapshot["first"]
        self.done = {name: snapshot["done"].get(name) for name in self.NAMES}
        self._pending = dict.fromkeys(snapshot["pending"], True)
        self._told = set(snapshot["told"])
