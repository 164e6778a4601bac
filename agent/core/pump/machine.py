"""One fire pump: walks the table, and asks what stands beside it (watches, jockey, test window, dates).

A pump found running is never a new start by somebody: its cause is `found`, or that of the run which the journal has
open. Times count from the edge that began a settled change; limits on the monotonic clock, dates of tests in UTC.
What was said to be wrong is said to be over (`pump.restored`) as soon as it no longer stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.core.events import (
    Event,
    PumpClassified,
    PumpDemand,
    PumpDemandWithdrawn,
    PumpFailToStart,
    PumpMainShortCycle,
    PumpOverrun,
    PumpPatrolFault,
    PumpPatrolFinished,
    PumpPatrolStarted,
    PumpRanWithoutDemand,
    PumpRestored,
    PumpRunning,
    PumpStarted,
    PumpStopped,
    PumpStoppedOnDemand,
    PumpTestClosed,
    PumpTestFinished,
    PumpTestNotAutoStarted,
    PumpTestOpened,
    PumpTestStarted,
    PumpTestTooShort,
    PumpUnexpectedRun,
)
from agent.core.pump.jockey import Jockey, Starts
from agent.core.pump.limits import Limits
from agent.core.pump.table import (
    AWAITS,
    DEMANDED,
    INSTEAD,
    REAL_RUN,
    RUNNING,
    SHOWN,
    STANDING,
    STARTINGS,
    TABLE,
    TESTING,
    UNCAUSED,
    Input,
    Say,
    Stage,
    State,
    resumed,
)
from agent.core.pump.watch import Watches
from agent.core.pump.windows import DAY, PRESSURE_DROP, Dates, Past, Window

MS = 1_000_000
SECOND = 1_000_000_000
LOST_MS = 2_000
TEST_DEMAND_S = 60  # the test's own demand may last so long after RUN
VITAL = ("running", "demand", "auto", "power")
SWITCHES: Mapping[str, tuple[Input, Input | None]] = {
    "running": (Input.RUN, Input.STOP),
    "demand": (Input.DEMAND, Input.NO_DEMAND),
    "fail_start": (Input.FAIL, None),
}
CAUSES: Mapping[Say, str] = {
    Say.STARTED_DEMAND: "demand",
    Say.STARTED_AGAIN: "demand",
    Say.STARTED_COMMAND: "command",
    Say.STARTED_TEST: "test",
    Say.STARTED_PATROL: "patrol",
    Say.STARTED_NO_CAUSE: "none",
}
# Said by the table, and standing until the table says otherwise.
LASTING = frozenset({"pump.fail_to_start", "pump.stopped_on_demand", "pump.unexpected_run", "pump.overrun"})
LASTING |= {"pump.main_short_cycle"}


class Pump:
    """One fire pump. wired: roles that it has a contact for. Every method returns what is to be said."""

    def __init__(self, id_: str, limits: Limits, wired: frozenset[str] = frozenset({"running", "demand", "auto"})):
        self.id = id_
        self.stage = Stage.REST
        self.cause = ""  # of the run
        self.impaired = False  # out of order by permission
        self.window: Window | None = None
        self.levels: dict[str, bool] = {}
        self._limits, self._wired = limits, wired
        self._watches = Watches(id_, limits, self.levels)
        self._jockey = Jockey(id_, limits)
        self._dates = Dates(id_, limits)
        self._starts = Starts(limits.main_within_s * SECOND)
        self._since_ns = 0  # the edge that led into the present stage
        self._demand_ns: int | None = None  # what asked for the run: demand, or a command
        self._run_ns: int | None = None
        self._patrol_ns: int | None = None
        self._patrol_cut = False
        self._caused = False  # the run has had a cause at some time
        self._auto = False  # demand came before the run
        self._real = False  # something other than the test has happened in the window
        self._told: set[str] = set()
        self._broken: set[str] = set()
        self._known_ns: int | None = None  # loops well since
        self._known = False
        self._day = -1
        self._run_said = False  # pump.running, since this process began

    # --- how it stands ---

    @property
    def state(self) -> State:
        """What people see."""
        vital = self._wired & set(VITAL)
        if vital & self._broken or vital - self.levels.keys():
            return State.UNKNOWN
        if self.stage is not Stage.REST:
            return SHOWN[self.stage]
        if not self._known:
            return State.UNKNOWN
        if self.impaired:
            return State.IMPAIRED
        return State.READY if self._watches.ready() else State.NOT_READY

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
        kinds |= {"pump.main_short_cycle"} if self._cycles() else frozenset()
        return kinds | ({"pump.fail_to_start"} if self.levels.get("fail_start") else frozenset())

    def _cycles(self) -> bool:
        return len(self._starts.at) >= self._limits.main_starts

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
            return events + self._patrol(active, edge_ns, found)
        if role not in SWITCHES:
            return events
        what = SWITCHES[role][0 if active else 1]
        return (events if what is None else self._take(what, edge_ns, found) + events) + self._over()

    def broken(self, role: str, fault: bool, at_ns: int) -> None:
        """The loop of a contact can no longer be read, or can again. Its last level goes on to count."""
        if fault:
            self._broken.add(role)
        elif role in self._broken:
            self._broken.remove(role)
            self._known_ns = at_ns
        if self._broken & set(VITAL):
            self._known, self._known_ns = False, None

    def command(self, at_ns: int) -> list[Event]:
        """A start pulse was given."""
        if self.stage not in DEMANDED:
            self._demand_ns = at_ns
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

    def _patrol(self, active: bool, at_ns: int, found: bool) -> list[Event]:
        if active:
            if self._patrol_ns is None:
                self._patrol_ns, self._patrol_cut = (None if found else at_ns), self.stage in DEMANDED
            said: list[Event] = [] if found else [PumpPatrolStarted(source=self.id)]
            return said + self._take(Input.PATROL_ON, at_ns) + self._over()
        run_ms, self._patrol_ns = _span_ms(self._patrol_ns, at_ns), None
        events: list[Event] = [PumpPatrolFinished(source=self.id, run_ms=run_ms, interrupted=self._patrol_cut)]
        needed_s = self._limits.patrol_min_s
        if run_ms is not None and run_ms < needed_s * 1000 and not self._patrol_cut:
            events.append(PumpPatrolFault(source=self.id, run_ms=run_ms, needed_s=needed_s))
        elif run_ms is not None and not self._patrol_cut:
            self._dates.did("patrol")
        return events + self._take(Input.PATROL_OFF, at_ns) + self._over()

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
        if self._known_ns is not None and now_ns >= self._well_ns():
            self._known, self._known_ns = True, None
        return events + self._over()

    def due_ns(self) -> int | None:
        """When elapse() has something to do."""
        found = [
            self._stage_due_ns(),
            self._watches.due_ns(quiet=self.impaired),
            self._jockey.due_ns(),
            self.window.due_ns if self.window is not None else None,
            self._well_ns() if self._known_ns is not None else None,
            self._starts.fewer_ns() if "pump.main_short_cycle" in self._told else None,
        ]
        return min((due for due in found if due is not None), default=None)

    def dates(self, utc_ns: int) -> list[Event]:
        """What the calendar brings; call each second, while the clock is set."""
        events = self._dates.look(utc_ns)
        day, before, self._day = utc_ns // DAY, self._day, utc_ns // DAY
        if "jockey" in self._wired and before >= 0 and day != before:
            events.append(self._jockey.day())
        return events

    def _well_ns(self) -> int:
        return (self._known_ns or 0) + self._limits.loops_well_s * SECOND

    def _stage_due_ns(self) -> int | None:
        limits = self._limits
        if self.stage in STARTINGS:
            return self._since_ns + limits.fail_to_start_s * SECOND
        if self.stage is Stage.RUN_TEST_DEMAND:
            return (self._since_ns if self._run_ns is None else self._run_ns) + TEST_DEMAND_S * SECOND
        seconds = {Stage.RUN_NO_CAUSE: limits.unexpected_run_s, Stage.RUN_POST: limits.overrun_s}.get(self.stage)
        if self.stage is Stage.RUN_LOST:
            return self._since_ns + LOST_MS * MS
        return None if seconds is None else self._since_ns + seconds * SECOND

    # --- a restart ---

    def snapshot(self) -> dict[str, Any]:
        """What a restart has to know, for restore()."""
        window = self.window
        return {
            "stage": str(self.stage),
            "cause": self.cause,
            "impaired": self.impaired,
            "levels": self.levels,
            "window": None
            if window is None
            else [window.method, window.opened_ns, window.limit_s, window.by, window.demanded, window.ran],
            "times": [self._since_ns, self._demand_ns, self._run_ns, self._patrol_ns, self._known_ns],
            "flags": [self._patrol_cut, self._caused, self._auto, self._real, self._known],
            "told": sorted(self._told),
            "broken": sorted(self._broken),
            "starts": list(self._starts.at),
            "day": self._day,
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
        self.stage, self.cause = Stage(snapshot["stage"]), str(snapshot["cause"])
        self.impaired = bool(snapshot["impaired"])
        self.levels.update({role: on for role, on in snapshot["levels"].items() if role in self._wired})
        self.window = None if snapshot["window"] is None else Window(*snapshot["window"])
        self._since_ns, self._demand_ns, self._run_ns, self._patrol_ns, self._known_ns = snapshot["times"]
        self._patrol_cut, self._caused, self._auto, self._real, self._known = snapshot["flags"]
        self._told, self._broken = set(snapshot["told"]), set(snapshot["broken"]) & self._wired
        self._starts.at.extend(snapshot["starts"])
        self._day = int(snapshot["day"])
        self._watches.restore(snapshot["watches"])
        if snapshot["jockey"] is not None:
            self._jockey.restore(snapshot["jockey"])
        self._dates.restore(snapshot["dates"])

    def resume(self, levels: Mapping[str, bool], past: Past, now_ns: int) -> None:
        """After a boot: take up levels that are recorded already. Nothing is said; limits count from now."""
        self.levels.update(levels)
        if past.window is not None:
            self.window = Window(past.window[0], now_ns, past.window[1], past.window[2], demanded=True)
        active = self.levels.get
        running, demand = bool(active("running")), bool(active("demand"))
        self.stage = resumed(running, demand, past.cause, window=self.window is not None, patrol=bool(active("patrol")))
        if self.stage is Stage.REST and past.waits & set(AWAITS.values()):
            self.stage = Stage.FAILED if "pump.fail_to_start" in past.waits else Stage.STOPPED
        self.cause = past.cause if running else ""
        self._caused = running and past.cause not in ("", "none", "found")
        self._since_ns = self._known_ns = now_ns
        self._known = False
        self._told = set(past.alarms & LASTING)
        self._dates.resume(past)
        self._watches.look(now_ns)
        if active("jockey"):
            self._jockey.running(True, now_ns, found=True)

    def recall(self, past: Past) -> None:
        """What the journal knows came late, after resume() without it."""
        self._dates.recall(past)

    def at_start(self) -> list[Event]:
        """Once after a boot, when all levels are known: a pump that runs is said to run."""
        runs = self.stage in REAL_RUN and bool(self.levels.get("running"))
        return [self._running(found=True)] if runs and not self._run_said else []

    # --- the table at work ---

    def _take(self, what: Input, at_ns: int, found: bool = False) -> list[Event]:
        what = self._meant(what, at_ns)
        step = TABLE.get((self.stage, what))
        if step is None:
            return []
        before, (self.stage, said) = self.stage, step
        self._note(what, before, at_ns, found)
        events = [event for say in said for event in self._say(say, at_ns, before, found)]
        if not (before in STARTINGS and self.stage in STARTINGS):
            self._since_ns = at_ns
        return events + self._crossed(before, at_ns, found)

    def _meant(self, what: Input, at_ns: int) -> Input:
        """What an input is in these circumstances."""
        for special in INSTEAD.get(what, ()):
            if (self.stage, special) in TABLE and self._is_so(special, at_ns):
                return special
        return what

    def _is_so(self, special: Input, at_ns: int) -> bool:
        if special is Input.RUN_ON_PATROL:
            return bool(self.levels.get("patrol"))
        if special is Input.RUN_IN_TEST or self.window is None:
            return self.window is not None
        late = self.stage in TESTING and (self._run_ns is None or at_ns >= self._run_ns + TEST_DEMAND_S * SECOND)
        return self.window.method == PRESSURE_DROP and not self.window.demanded and not late

    def _note(self, what: Input, before: Stage, at_ns: int, found: bool) -> None:
        """Remember what the step was made of."""
        if what in (Input.DEMAND, Input.TEST_DEMAND):
            self._demand_ns = None if found else at_ns
            self._patrol_cut |= self._patrol_ns is not None
            self._real |= what is Input.DEMAND
            if self.window is not None:
                self.window.demanded = True
        if before not in RUNNING and self.stage in RUNNING:
            self._run_ns = None if found else at_ns
            self._caused = False
            self._auto = self.window is not None and self.window.demanded
        if self.stage in RUNNING and self.stage not in UNCAUSED:
            self._caused = True

    def _crossed(self, before: Stage, at_ns: int, found: bool) -> list[Event]:
        """What is said whichever step led from one kind of stage into another."""
        after, events = self.stage, list[Event]()
        if before in TESTING and after not in TESTING:
            events += self._test_over(at_ns, whole=after not in REAL_RUN or after in UNCAUSED)
        if before not in TESTING and after in TESTING and self.window is not None:
            self.window.ran = True
            events.append(PumpTestStarted(source=self.id, method=self.window.method, auto_started=self._auto))
        if before not in REAL_RUN and after in REAL_RUN:
            events.append(self._running(found=found))
        if before not in RUNNING and after in RUNNING and after is not Stage.RUN_PATROL and not found:
            events += self._count_start(at_ns)
        return events

    def _running(self, *, found: bool) -> Event:
        self._run_said = True
        return PumpRunning(source=self.id, cause=self.cause or "found", found=found, signal=self._limits.running_class)

    def _count_start(self, at_ns: int) -> list[Event]:
        starts = self._starts.add(at_ns)
        if starts < self._limits.main_starts or "pump.main_short_cycle" in self._told:
            return []
        self._told.add("pump.main_short_cycle")
        return [PumpMainShortCycle(source=self.id, starts=starts, within_s=self._limits.main_within_s)]

    def _test_over(self, at_ns: int, *, whole: bool) -> list[Event]:
        """The test run is over; whole: nothing but its own end ended it."""
        if self.window is None:
            return []
        method, auto, run_ms = self.window.method, self._auto, _span_ms(self._run_ns, at_ns)
        long = run_ms is not None and run_ms >= self._limits.test_min_s * 1000
        started = method != PRESSURE_DROP or auto
        events: list[Event] = [
            PumpTestFinished(source=self.id, method=method, auto_started=auto, run_ms=run_ms, counts=long and started)
        ]
        if long and started:
            self._dates.did("weekly" if method == PRESSURE_DROP else "monthly")
        if whole and not long:
            events.append(PumpTestTooShort(source=self.id, run_ms=run_ms, needed_s=self._limits.test_min_s))
        if whole and not started:
            events.append(PumpTestNotAutoStarted(source=self.id))
        return events

    def _over(self) -> list[Event]:
        """What was said to be wrong and no longer is."""
        gone = sorted(self._told - self.standing())
        self._told.difference_update(gone)
        return [PumpRestored(source=self.id, was=kind) for kind in gone]

    def _say(self, say: Say, at_ns: int, before: Stage, found: bool) -> list[Event]:
        if say in CAUSES:
            return [self._started(say, at_ns, found)]
        match say:
            case Say.DEMAND:
                return [PumpDemand(source=self.id, found=found)]
            case Say.WITHDRAWN:
                return [PumpDemandWithdrawn(source=self.id, ran=before in RUNNING)]
            case Say.STOPPED:
                end_ns = self._since_ns if before is Stage.RUN_LOST else at_ns  # the contact went on entering RUN_LOST
                return [PumpStopped(source=self.id, run_ms=None if found else _span_ms(self._run_ns, end_ns))]
            case Say.RAN_WITHOUT_DEMAND:
                if self._caused or "demand" not in self._wired:
                    return []
                return [PumpRanWithoutDemand(source=self.id, run_ms=None if found else _span_ms(self._run_ns, at_ns))]
            case _:
                event = self._alarm(say)
                self._told.add(event.KIND)
                return [event]

    def _alarm(self, say: Say) -> Event:
        limits = self._limits
        match say:
            case Say.FAIL_TO_START:
                return PumpFailToStart(source=self.id, limit_s=limits.fail_to_start_s)
            case Say.STOPPED_ON_DEMAND:
                return PumpStoppedOnDemand(source=self.id, limit_ms=LOST_MS)
            case Say.OVERRUN:
                return PumpOverrun(source=self.id, limit_s=limits.overrun_s)
            case _:
                return PumpUnexpectedRun(source=self.id, limit_s=limits.unexpected_run_s or 0)

    def _started(self, say: Say, at_ns: int, found: bool) -> Event:
        self.cause = "found" if found else CAUSES[say]
        asked = say in (Say.STARTED_DEMAND, Say.STARTED_COMMAND) or (say is Say.STARTED_TEST and self._auto)
        start_ms = _span_ms(self._demand_ns, at_ns) if asked and not found else None
        return PumpStarted(source=self.id, cause=self.cause, start_ms=start_ms)


def _span_ms(since_ns: int | None, until_ns: int | None) -> int | None:
    return None if since_ns is None or until_ns is None else max(until_ns - since_ns, 0) // MS
