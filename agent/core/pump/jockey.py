"""How often pumps start: the jockey that keeps the pressure, and the main pump. Numbers only, bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from agent.core.events import (
    Event,
    PumpJockeyDay,
    PumpJockeyFrequent,
    PumpJockeyLongRun,
    PumpJockeyShortCycle,
    PumpRestored,
)
from agent.core.pump.limits import Limits

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
WEEK_HOURS = 168
DAY_HOURS = 24  # so many hours must be known before their median says anything
STARTS_MAX = 128


@dataclass
class Starts:
    """Starts within a rolling window."""

    within_ns: int
    at: deque[int] = field(default_factory=lambda: deque(maxlen=STARTS_MAX))

    def add(self, at_ns: int) -> int:
        """One more; how many there are now."""
        self.at.append(at_ns)
        return self.count(at_ns)

    def count(self, now_ns: int) -> int:
        while self.at and self.at[0] <= now_ns - self.within_ns:
            self.at.popleft()
        return len(self.at)

    def fewer_ns(self) -> int | None:
        """When the oldest leaves the window."""
        return self.at[0] + self.within_ns if self.at else None


class Jockey:
    """The jockey pump of one fire pump."""

    def __init__(self, source: str, limits: Limits) -> None:
        self._source, self._limits = source, limits
        self._starts = Starts(HOUR)
        self._hours: deque[int] = deque(maxlen=WEEK_HOURS)
        self._hour_ns: int | None = None  # the present hour began
        self._hour_starts = 0
        self._run_ns: int | None = None
        self._told: set[str] = set()
        self._day = [0, 0, 0]  # starts, ns run, longest run in ns

    def running(self, active: bool, at_ns: int, *, found: bool = False) -> list[Event]:
        """The jockey's running contact came or went; one found running was not seen to start."""
        if not active:
            return self._stopped(at_ns)
        if self._run_ns is not None:
            return []
        self._run_ns = at_ns
        if found:
            return []
        self._turn_hours(at_ns)
        self._hour_starts += 1
        self._day[0] += 1
        self._starts.add(at_ns)
        return self._judge(at_ns)

    def _stopped(self, at_ns: int) -> list[Event]:
        if self._run_ns is None:
            return []
        ran, self._run_ns = at_ns - self._run_ns, None
        self._day[1] += ran
        self._day[2] = max(self._day[2], ran)
        return self._over("pump.jockey_long_run")

    def elapse(self, now_ns: int) -> list[Event]:
        """What time alone brings by `now_ns`."""
        events = self._judge(now_ns)
        due = self._long_ns()
        if due is not None and now_ns >= due:
            self._told.add("pump.jockey_long_run")
            events.append(PumpJockeyLongRun(source=self._source, limit_s=self._limits.jockey_run_s))
        return events

    def due_ns(self) -> int | None:
        """When elapse() has something to say."""
        cycles = self._starts.fewer_ns() if self.kinds() - {"pump.jockey_long_run"} else None
        return min((due for due in (self._long_ns(), cycles) if due is not None), default=None)

    def _long_ns(self) -> int | None:
        if self._run_ns is None or "pump.jockey_long_run" in self._told:
            return None
        return self._run_ns + self._limits.jockey_run_s * SECOND

    def kinds(self) -> frozenset[str]:
        """Alarms that stand."""
        return frozenset(self._told)

    def often(self) -> int:
        """More starts than this within an hour are a warning: the site's limit, or twice the median of a week."""
        if len(self._hours) < DAY_HOURS:
            return self._limits.jockey_often
        usual = median_low(self._hours)
        return min(self._limits.jockey_often, 2 * usual) if usual else self._limits.jockey_often

    def day(self) -> PumpJockeyDay:
        """What it did since the last call."""
        starts, run_ns, longest_ns = self._day
        self._day = [0, 0, 0]
        run_s, longest_s = run_ns // SECOND, longest_ns // SECOND
        return PumpJockeyDay(source=self._source, starts=starts, run_s=run_s, longest_s=longest_s)

    def _judge(self, now_ns: int) -> list[Event]:
        starts, limit, often = self._starts.count(now_ns), self._limits.jockey_starts, self.often()
        events: list[Event] = []
        if starts > limit:
            short = PumpJockeyShortCycle(source=self._source, starts=starts, limit=limit)
            events += self._once("pump.jockey_short_cycle", short)
        elif starts <= limit:
            events += self._over("pump.jockey_short_cycle")
        if starts > often:
            events += self._once(
                "pump.jockey_frequent", PumpJockeyFrequent(source=self._source, starts=starts, limit=often)
            )
        else:
            events += self._over("pump.jockey_frequent")
        return events

    def _once(self, kind: str, event: Event) -> list[Event]:
        if kind in self._told:
            return []
        self._told.add(kind)
        return [event]

    def _over(self, kind: str) -> list[Event]:
        if kind not in self._told:
            return []
        self._told.discard(kind)
        return [PumpRestored(source=self._source, was=kind)]

    def _turn_hours(self, at_ns: int) -> None:
        if self._hour_ns is None:
            self._hour_ns = at_ns
        passed = (at_ns - self._hour_ns) // HOUR
        if passed <= 0:
            return
        self._hours.append(self._hour_starts)
        self._hours.extend([0] * min(passed - 1, WEEK_HOURS))
        self._hour_starts = 0
        self._hour_ns += passed * HOUR

    def snapshot(self) -> dict[str, Any]:
        return {
            "starts": list(self._starts.at),
            "hours": list(self._hours),
            "hour": [self._hour_ns, self._hour_starts],
            "run": self._run_ns,
            "told": sorted(self._told),
            "day": self._day,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._starts.at.extend(snapshot["starts"])
        self._hours.extend(snapshot["hours"])
        self._hour_ns, self._hour_starts = snapshot["hour"]
        self._run_ns, self._told = snapshot["run"], set(snapshot["told"])
        self._day = list(snapshot["day"])
