"""One fire pump: what comes in, what time brings, how it stands, and what a restart has to know.

A pump found running is never a new start by somebody: its cause is `found`, or that of the run which the journal has
open. Times count from the edge that began a settled change; limits on the monotonic clock, dates of tests in UTC.
What was said to be wrong is said to be over (`pump.restored`) as soon as it no longer stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.events import (
    Event,
    PumpClassified,
    PumpTestClosed,
    PumpTestOpened,
)
from agent.core.pump.jockey import Jockey
from agent.core.pump.limits import Limits
from agent.core.pump.loops import Loops
from agent.core.pump.machine import Machine
from agent.core.pump.schedule import Local, Slot
from agent.core.pump.table import (
    AWAITS,
    DEMANDED,
    REAL_RUN,
    RUNNING,
    SHOWN,
    STANDING,
    UNCAUSED,
    Input,
    Stage,
    State,
    resumed,
)
from agent.core.pump.watch import Watches
from agent.core.pump.windows import DAY, SCHEDULE, Past, Window

SWITCHES: Mapping[str, tuple[Input, Input | None]] = {
    "running": (Input.RUN, Input.STOP),
    "demand": (Input.DEMAND, Input.NO_DEMAND),
    "fail_start": (Input.FAIL, None),
}
# Said by the table, and standing until the table says otherwise.
LASTING = frozenset({"pump.fail_to_start", "pump.stopped_on_demand", "pump.unexpected_run", "pump.overrun"})
LASTING |= {"pump.main_short_cycle"}


class Pump(Machine):
    """One fire pump. wired: roles that it has a contact for. Every method returns what is to be said."""

    def __init__(
        self,
        id_: str,
        limits: Limits,
        wired: frozenset[str] = frozenset({"running", "demand", "auto"}),
        slots: Sequence[Slot] = (),
    ) -> None:
        super().__init__(id_, limits, wired)
        self.impaired = False  # out of order by permission
        self._slots = slots
        self._loops = Loops(wired, limits.loops_well_s)
        self._watches = Watches(id_, limits, self.levels)
        self._jockey = Jockey(id_, limits)
        self._planned_ns: int | None = None  # when a window last opened by schedule, in UTC
        self._day = -1

    # --- how it stands ---

    @property
    def state(self) -> State:
        """What people see."""
        if self._loops.blind(self.levels):
            return State.UNKNOWN
        if self.stage is not Stage.REST:
            return SHOWN[self.stage]
        if not self._loops.known:
            return State.UNKNOWN
        if self.impaired:
            return State.IMPAIRED
        return State.READY if self._watches.ready() else State.NOT_READY

    def shows(self, role: str) -> bool | None:
        """The level of one of its contacts, None while it cannot be read or is not wired."""
        return None if self._loops.broken(role) else self.levels.get(role)

    @property
    def cause(self) -> str:
        """Of the present run, "" for none."""
        return self._run.cause

    @property
    def selector(self) -> str:
        """in_auto, left (not for long) or not_in_auto."""
        one = self._watches.standing.get("pump.not_in_auto")
        return "in_auto" if one is None else "left" if one.told_ns is None else "not_in_auto"

    @property
    def muting(self) -> bool:
        """True while what it raises is a test's and sirens have no say in it."""
        return self.window is not None and not self._real and self.stage not in REAL_RUN

    @property
    def awaits(self) -> str:
        """Kind of the alarm that has to be acknowledged before the pump is at rest, "" for none."""
        return AWAITS.get(self.stage, "")

    def standing(self) -> frozenset[str]:
        """Kinds of alarm whose condition holds, or cannot yet be said to be over."""
        kinds = STANDING.get(self.stage, frozenset()) | self._watches.kinds() | self._jockey.kinds()
        kinds |= self._dates.kinds()
        kinds |= {"pump.started"} if self.stage in RUNNING else frozenset()
        kinds |= {"pump.running"} if self.stage in REAL_RUN else frozenset()
        kinds |= {"pump.demand", "pump.demand_while_impaired"} if self.stage in DEMANDED else frozenset()
        kinds |= {"pump.main_short_cycle"} if len(self._starts.at) >= self._limits.main_starts else frozenset()
        return kinds | ({"pump.fail_to_start"} if self.levels.get("fail_start") else frozenset())

    # --- what comes in. found: it stood so when first looked at, nobody saw it change ---

    def contact(self, role: str, active: bool, edge_ns: int, *, found: bool = False) -> list[Event]:
        """A settled change of one of its contacts, by what the contact is for."""
        if self.levels.get(role) == active and not found:
            return []
        self.levels[role] = active
        if role == "jockey":
            return self._jockey.running(active, edge_ns, found=found)
        events = self._watches.look(edge_ns)
        if role == "patrol":
            return events + self._turned(active, edge_ns, found)
        if role not in SWITCHES:
            return events
        what = SWITCHES[role][0 if active else 1]
        return (events if what is None else self._take(what, edge_ns, found) + events) + self._over()

    def broken(self, role: str, fault: bool, at_ns: int) -> None:
        """The loop of a contact can no longer be read, or can again. Its last level goes on to count."""
        self._loops.take(role, fault, at_ns)

    def command(self, at_ns: int) -> list[Event]:
        """A start pulse was given."""
        if self.stage not in DEMANDED:
            self._run.asked_ns = at_ns
        self._real = True
        return self._take(Input.COMMAND, at_ns) + self._over()

    def acknowledged(self, at_ns: int) -> list[Event]:
        """Somebody has acknowledged the alarm that `awaits` names."""
        return self._take(Input.ACKNOWLEDGED, at_ns) + self._over()

    def explain(self, by: str, reason: str, at_ns: int) -> list[Event]:
        """A person says why it runs. Nothing if it does not run without cause."""
        if self.stage not in UNCAUSED:
            return []
        said: list[Event] = [PumpClassified(source=self.id, by=by, reason=reason)]
        return said + self._take(Input.EXPLAINED, at_ns) + self._over()

    def _turned(self, active: bool, at_ns: int, found: bool) -> list[Event]:
        """The patrol's contact."""
        if active:
            events = self._patrol.begins(at_ns, found=found, demanded=self.stage in DEMANDED)
            return events + self._take(Input.PATROL_ON, at_ns) + self._over()
        events, counts = self._patrol.ends(at_ns)
        if counts:
            self._dates.did("patrol")
        return events + self._take(Input.PATROL_OFF, at_ns) + self._over()

    # --- test windows ---

    def open_window(self, method: str, limit_s: int, by: str, at_ns: int) -> list[Event]:
        """What it does from now on is a test, for at most `limit_s` (0: the site's limit)."""
        events = self.close_window(by, at_ns)
        self.window = Window(method, at_ns, limit_s or self._limits.test_window_s, by)
        self._real = self.stage in DEMANDED
        events.append(PumpTestOpened(source=self.id, method=method, limit_s=self.window.limit_s, by=by))
        return events + self._take(Input.WINDOW_OPENS, at_ns) + self._over()

    def close_window(self, by: str, at_ns: int) -> list[Event]:
        """The window is over; a pump that runs on has no cause any more."""
        if self.window is None:
            return []
        events = self._take(Input.WINDOW_CLOSES, at_ns)
        events.append(PumpTestClosed(source=self.id, by=by, ran=self.window.ran))
        self.window = None
        return events + self._over()

    def scheduled(self, now: Local, utc_ns: int, at_ns: int) -> list[Event]:
        """What the hours bring; call each second, while the clock is set. now: `utc_ns` at the site."""
        slot = next((one for one in self._slots if one.covers(now)), None)
        if self.window is not None and self.window.taken_up and self.window.by == SCHEDULE:
            self.window.taken_up = False
            self.window.limit_s = min(self.window.limit_s, 0 if slot is None else slot.left_s(now))
        if slot is None or slot.had(now, utc_ns, self._planned_ns):
            return []
        if self.window is not None:
            self._planned_ns = utc_ns
            return []
        if self.impaired or self.stage is not Stage.REST:
            return []
        self._planned_ns = utc_ns
        return self.open_window(slot.method, slot.left_s(now), SCHEDULE, at_ns)

    # --- time ---

    def elapse(self, now_ns: int) -> list[Event]:
        """What time alone brings by `now_ns`."""
        events: list[Event] = []
        due = self._stage_due_ns()
        if due is not None and now_ns >= due:
            events += self._take(Input.LIMIT, due)
        if self.window is not None and now_ns >= self.window.due_ns:
            events += self.close_window("limit", self.window.due_ns)
        events += self._watches.elapse(now_ns, quiet=self.impaired) + self._jockey.elapse(now_ns)
        self._starts.count(now_ns)
        self._loops.elapse(now_ns)
        return events + self._over()

    def due_ns(self) -> int | None:
        """When elapse() has something to do."""
        found = [
            self._stage_due_ns(),
            self._watches.due_ns(quiet=self.impaired),
            self._jockey.due_ns(),
            self.window.due_ns if self.window is not None else None,
            self._loops.due_ns(),
            self._starts.fewer_ns() if "pump.main_short_cycle" in self._told else None,
        ]
        return min((due for due in found if due is not None), default=None)

    def dates(self, utc_ns: int) -> list[Event]:
        """What the calendar brings; call each second, while the clock is set."""
        events = self._dates.look(utc_ns, self.window.method if self.window is not None else "")
        day, before, self._day = utc_ns // DAY, self._day, utc_ns // DAY
        if "jockey" in self._wired and before >= 0 and day != before:
            events.append(self._jockey.day())
        return events

    # --- a restart ---

    def snapshot(self) -> dict[str, Any]:
        """What a restart has to know, for restore()."""
        return {
            "stage": str(self.stage),
            "since": self._since_ns,
            "impaired": self.impaired,
            "levels": self.levels,
            "window": None if self.window is None else self.window.snapshot(),
            "real": self._real,
            "planned": self._planned_ns,
            "told": sorted(self._told),
            "starts": list(self._starts.at),
            "day": self._day,
            "run": self._run.snapshot(),
            "loops": self._loops.snapshot(),
            "patrol": self._patrol.snapshot(),
            "watches": self._watches.snapshot(),
            "jockey": self._jockey.snapshot() if "jockey" in self._wired else None,
            "dates": self._dates.snapshot(),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take up where a snapshot of the same boot left. Raises ValueError."""
        try:
            self._restore(snapshot)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"pump {self.id}: no snapshot: {type(error).__name__}: {error}") from error

    def _restore(self, snapshot: Mapping[str, Any]) -> None:
        self.stage, self._since_ns = Stage(snapshot["stage"]), snapshot["since"]
        self.impaired = bool(snapshot["impaired"])
        self.levels.update({role: on for role, on in snapshot["levels"].items() if role in self._wired})
        self.window = None if snapshot["window"] is None else Window(*snapshot["window"])
        self._real, self._planned_ns = snapshot["real"], snapshot["planned"]
        self._told = set(snapshot["told"])
        self._starts.at.extend(snapshot["starts"])
        self._day = int(snapshot["day"])
        self._run.restore(snapshot["run"])
        self._loops.restore(snapshot["loops"])
        self._patrol.restore(snapshot["patrol"])
        self._watches.restore(snapshot["watches"])
        if snapshot["jockey"] is not None:
            self._jockey.restore(snapshot["jockey"])
        self._dates.restore(snapshot["dates"])

    def resume(self, levels: Mapping[str, bool], past: Past, now_ns: int) -> None:
        """After a boot: take up levels that are recorded already. Nothing is said; limits count from now."""
        self.levels.update(levels)
        if past.window is not None:
            method, limit_s, by = past.window
            self.window = Window(method, now_ns, limit_s, by, demanded=True, taken_up=True)
        self._planned_ns = past.planned_ns
        active = self.levels.get
        running, demand = bool(active("running")), bool(active("demand"))
        self.stage = resumed(
            running,
            demand,
            past.cause,
            window=self.window is not None,
            patrol=bool(active("patrol")),
            stood=past.alarms,
        )
        if self.stage is Stage.REST and past.waits & set(AWAITS.values()):
            self.stage = Stage.FAILED if "pump.fail_to_start" in past.waits else Stage.STOPPED
        self._run.take_up(past.cause)
        self._since_ns = now_ns
        self._loops.begin(now_ns)
        self._told = set(past.alarms & LASTING)
        self._dates.resume(past)
        self._watches.look(now_ns)
        if active("patrol"):
            self._patrol.begins(now_ns, found=True, demanded=demand)
        if active("jockey"):
            self._jockey.running(True, now_ns, found=True)

    def recall(self, past: Past) -> None:
        """What the journal knows came late, after resume() without it."""
        self._planned_ns = max(filter(None, (self._planned_ns, past.planned_ns)), default=None)
        self._dates.recall(past)

    def at_start(self) -> list[Event]:
        """Once after a boot, when all levels are known: a pump that runs is said to run, one that ended has ended."""
        if self.stage not in RUNNING and self._run.cause:
            return [self._run.stopped(self._since_ns, found=True)]
        runs = self.stage in REAL_RUN and bool(self.levels.get("running"))
        return [self._run.running(found=True)] if runs and not self._run.said else []
