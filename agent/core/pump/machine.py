"""The table at work: one pump's stage, what is remembered of its steps, and what is said of them.

pump.py asks it; what stands beside the table (run, patrol, test window, dates) has files of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from agent.core.events import (
    Event,
    PumpDemand,
    PumpDemandWithdrawn,
    PumpFailToStart,
    PumpMainShortCycle,
    PumpOverrun,
    PumpRestored,
    PumpStoppedOnDemand,
    PumpTestStarted,
    PumpUnexpectedRun,
)
from agent.core.pump.jockey import Starts
from agent.core.pump.limits import Limits
from agent.core.pump.patrol import Patrol
from agent.core.pump.run import CAUSES, Run
from agent.core.pump.table import (
    INSTEAD,
    REAL_RUN,
    RUNNING,
    STARTINGS,
    TABLE,
    TESTING,
    UNCAUSED,
    Input,
    Say,
    Stage,
)
from agent.core.pump.windows import DATES, PRESSURE_DROP, Dates, Window

MS = 1_000_000
SECOND = 1_000_000_000
LOST_MS = 2_000
TEST_DEMAND_S = 60  # the test's own demand may last so long after RUN
ALARMS: Mapping[Say, Callable[[str, Limits], Event]] = {
    Say.FAIL_TO_START: lambda of, limits: PumpFailToStart(source=of, limit_s=limits.fail_to_start_s),
    Say.STOPPED_ON_DEMAND: lambda of, limits: PumpStoppedOnDemand(source=of, limit_ms=LOST_MS),
    Say.OVERRUN: lambda of, limits: PumpOverrun(source=of, limit_s=limits.overrun_s),
    Say.UNEXPECTED_RUN: lambda of, limits: PumpUnexpectedRun(source=of, limit_s=limits.unexpected_run_s or 0),
}


class Machine(ABC):
    """One pump's way through the table. wired: roles that it has a contact for."""

    def __init__(self, id_: str, limits: Limits, wired: frozenset[str]) -> None:
        self.id = id_
        self.stage = Stage.REST
        self.window: Window | None = None
        self.levels: dict[str, bool] = {}
        self._limits, self._wired = limits, wired
        self._run = Run(id_, limits.running_class)
        self._patrol = Patrol(id_, limits.patrol_min_s)
        self._dates = Dates(id_, limits)
        self._starts = Starts(limits.main_within_s * SECOND)
        self._since_ns = 0  # the edge that led into the present stage
        self._real = False  # something other than the test has happened in the window
        self._told: set[str] = set()  # alarms that stand, and were said

    @abstractmethod
    def standing(self) -> frozenset[str]:
        """Kinds of alarm whose condition holds, or cannot yet be said to be over."""

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
        began_ns = self._run.began_ns
        late = self.stage in TESTING and (began_ns is None or at_ns >= began_ns + TEST_DEMAND_S * SECOND)
        return self.window.method == PRESSURE_DROP and not self.window.demanded and not late

    def _note(self, what: Input, before: Stage, at_ns: int, found: bool) -> None:
        """Remember what the step was made of."""
        if what in (Input.DEMAND, Input.TEST_DEMAND):
            self._run.asked_ns = None if found else at_ns
            self._patrol.demand()
            self._real |= what is Input.DEMAND
            if self.window is not None:
                self.window.demanded = True
        if before not in RUNNING and self.stage in RUNNING:
            self._run.begins(None if found else at_ns, auto=self.window is not None and self.window.demanded)
        if self.stage in RUNNING and self.stage not in UNCAUSED:
            self._run.caused = True

    def _crossed(self, before: Stage, at_ns: int, found: bool) -> list[Event]:
        """What is said whichever step led from one kind of stage into another."""
        after, events, window = self.stage, list[Event](), self.window
        if before in TESTING and after not in TESTING and window is not None:
            whole = after not in REAL_RUN or after in UNCAUSED
            said, counts = window.finished(self._run, at_ns, self._limits.test_min_s, whole=whole)
            events += said
            if counts:
                self._dates.did(DATES[window.method])
        if before not in TESTING and after in TESTING and window is not None:
            window.ran = True
            events.append(PumpTestStarted(source=self.id, method=window.method, auto_started=self._run.auto))
        if before not in REAL_RUN and after in REAL_RUN:
            events.append(self._run.running(found=found))
        if before not in RUNNING and after in RUNNING and after is not Stage.RUN_PATROL and not found:
            events += self._count_start(at_ns)
        return events

    def _count_start(self, at_ns: int) -> list[Event]:
        starts = self._starts.add(at_ns)
        if starts < self._limits.main_starts or "pump.main_short_cycle" in self._told:
            return []
        self._told.add("pump.main_short_cycle")
        return [PumpMainShortCycle(source=self.id, starts=starts, within_s=self._limits.main_within_s)]

    def _over(self) -> list[Event]:
        """What was said to be wrong and no longer is."""
        gone = sorted(self._told - self.standing())
        self._told.difference_update(gone)
        return [PumpRestored(source=self.id, was=kind) for kind in gone]

    def _say(self, say: Say, at_ns: int, before: Stage, found: bool) -> Sequence[Event]:
        if say in CAUSES:
            return [self._run.started(say, at_ns, found=found)]
        match say:
            case Say.DEMAND:
                return [PumpDemand(source=self.id, found=found)]
            case Say.WITHDRAWN:
                return [PumpDemandWithdrawn(source=self.id, ran=before in RUNNING)]
            case Say.STOPPED:  # the contact went when RUN_LOST was entered
                return [self._run.stopped(self._since_ns if before is Stage.RUN_LOST else at_ns, found=found)]
            case Say.RAN_WITHOUT_DEMAND:
                return self._run.without_demand(at_ns, found=found) if "demand" in self._wired else []
            case _:
                event = ALARMS[say](self.id, self._limits)
                self._told.add(event.KIND)
                return [event]

    def _stage_due_ns(self) -> int | None:
        limits = self._limits
        if self.stage in STARTINGS:
            return self._since_ns + limits.fail_to_start_s * SECOND
        if self.stage is Stage.RUN_TEST_DEMAND:
            return (self._since_ns if self._run.began_ns is None else self._run.began_ns) + TEST_DEMAND_S * SECOND
        if self.stage is Stage.RUN_LOST:
            return self._since_ns + LOST_MS * MS
        seconds = {Stage.RUN_NO_CAUSE: limits.unexpected_run_s, Stage.RUN_POST: limits.overrun_s}.get(self.stage)
        return None if seconds is None else self._since_ns + seconds * SECOND
