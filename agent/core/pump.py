"""The fire-pump machine. Everything that changes a pump's state is in the two tables below.

Inputs come in the world's terms: RUN the running contact came, STOP it went; DEMAND / NO_DEMAND the pressure or flow
switch; LIMIT the time of the present state is over. Each state that waits has its limit in LIMITS; limits count from
the edge that began the change which led there, not from the end of its settling.

A pump found running is never a new start by somebody: its cause is `found`. A running contact lost under demand
stays the same run for 2 s (a changeover of the mains takes that long), only then has the pump stopped on demand.
The selector (auto or not) is a machine of its own: it goes wrong whatever the pump does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from agent.core.events import (
    Event,
    PumpDemand,
    PumpDemandWithdrawn,
    PumpFailToStart,
    PumpNotInAuto,
    PumpRestored,
    PumpStarted,
    PumpStopped,
    PumpStoppedOnDemand,
    PumpUnexpectedRun,
)

MS = 1_000_000
LOST_MS = 2_000


class State(StrEnum):
    IDLE = auto()
    STARTING = auto()  # demand, not yet running
    FAIL_TO_START = auto()
    RUN_DEMAND = auto()  # running, and demand seen
    RUN_LOST = auto()  # the running contact went under demand, less than 2 s ago
    STOPPED_ON_DEMAND = auto()
    RUN_POST = auto()  # still running, demand gone
    RUN_NO_CAUSE = auto()  # running without demand, not yet for long
    RUN_UNEXPECTED = auto()


class Input(StrEnum):
    RUN = auto()
    STOP = auto()
    DEMAND = auto()
    NO_DEMAND = auto()
    LIMIT = auto()


class Say(StrEnum):
    DEMAND = auto()
    WITHDRAWN = auto()
    STARTED_DEMAND = auto()
    STARTED_NO_CAUSE = auto()
    STOPPED = auto()
    FAIL_TO_START = auto()
    STARTED_AGAIN = auto()
    FAIL_TO_START_OVER = auto()
    STOPPED_ON_DEMAND = auto()
    STOPPED_ON_DEMAND_OVER = auto()
    UNEXPECTED_RUN = auto()
    UNEXPECTED_RUN_OVER = auto()


S, In = State, Input

# (state, input) -> (next state, what is said). Inputs that are not listed change nothing and say nothing.
TABLE: Mapping[tuple[State, Input], tuple[State, tuple[Say, ...]]] = {
    (S.IDLE, In.DEMAND): (S.STARTING, (Say.DEMAND,)),
    (S.IDLE, In.RUN): (S.RUN_NO_CAUSE, (Say.STARTED_NO_CAUSE,)),
    (S.STARTING, In.RUN): (S.RUN_DEMAND, (Say.STARTED_DEMAND,)),
    (S.STARTING, In.NO_DEMAND): (S.IDLE, (Say.WITHDRAWN,)),
    (S.STARTING, In.LIMIT): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.FAIL_TO_START, In.RUN): (S.RUN_DEMAND, (Say.STARTED_DEMAND, Say.FAIL_TO_START_OVER)),
    (S.FAIL_TO_START, In.NO_DEMAND): (S.IDLE, (Say.WITHDRAWN, Say.FAIL_TO_START_OVER)),
    (S.RUN_DEMAND, In.NO_DEMAND): (S.RUN_POST, (Say.WITHDRAWN,)),
    (S.RUN_DEMAND, In.STOP): (S.RUN_LOST, ()),
    (S.RUN_LOST, In.RUN): (S.RUN_DEMAND, ()),
    (S.RUN_LOST, In.NO_DEMAND): (S.IDLE, (Say.WITHDRAWN, Say.STOPPED)),
    (S.RUN_LOST, In.LIMIT): (S.STOPPED_ON_DEMAND, (Say.STOPPED, Say.STOPPED_ON_DEMAND)),
    (S.STOPPED_ON_DEMAND, In.RUN): (S.RUN_DEMAND, (Say.STARTED_AGAIN, Say.STOPPED_ON_DEMAND_OVER)),
    (S.STOPPED_ON_DEMAND, In.NO_DEMAND): (S.IDLE, (Say.WITHDRAWN, Say.STOPPED_ON_DEMAND_OVER)),
    (S.RUN_POST, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_POST, In.STOP): (S.IDLE, (Say.STOPPED,)),
    (S.RUN_NO_CAUSE, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_NO_CAUSE, In.STOP): (S.IDLE, (Say.STOPPED,)),
    (S.RUN_NO_CAUSE, In.LIMIT): (S.RUN_UNEXPECTED, (Say.UNEXPECTED_RUN,)),
    (S.RUN_UNEXPECTED, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND, Say.UNEXPECTED_RUN_OVER)),
    (S.RUN_UNEXPECTED, In.STOP): (S.IDLE, (Say.STOPPED, Say.UNEXPECTED_RUN_OVER)),
}

# Levels last recorded -> state taken up after a boot, in silence; (running, demand).
RESUMED: Mapping[tuple[bool, bool], State] = {
    (False, False): S.IDLE,
    (False, True): S.STARTING,
    (True, True): S.RUN_DEMAND,
    (True, False): S.RUN_NO_CAUSE,
}

# Alarms whose condition may still hold in a state: one of them is restored only in a state that does not list it.
STANDING: Mapping[State, frozenset[str]] = {
    S.STARTING: frozenset({"pump.fail_to_start", "pump.stopped_on_demand"}),
    S.FAIL_TO_START: frozenset({"pump.fail_to_start", "pump.stopped_on_demand"}),
    S.RUN_LOST: frozenset({"pump.stopped_on_demand"}),
    S.STOPPED_ON_DEMAND: frozenset({"pump.stopped_on_demand", "pump.fail_to_start"}),
    S.RUN_NO_CAUSE: frozenset({"pump.unexpected_run"}),
    S.RUN_UNEXPECTED: frozenset({"pump.unexpected_run"}),
}

RUNNING = frozenset({S.RUN_DEMAND, S.RUN_LOST, S.RUN_POST, S.RUN_NO_CAUSE, S.RUN_UNEXPECTED})
DEMANDED = frozenset({S.STARTING, S.FAIL_TO_START, S.RUN_DEMAND, S.RUN_LOST, S.STOPPED_ON_DEMAND})


class Selector(StrEnum):
    IN_AUTO = auto()
    LEFT = auto()
    NOT_IN_AUTO = auto()


class Turn(StrEnum):
    TO_AUTO = auto()
    FROM_AUTO = auto()
    LIMIT = auto()


# (selector, turn) -> (next, says not_in_auto, says restored)
SELECTOR: Mapping[tuple[Selector, Turn], tuple[Selector, bool, bool]] = {
    (Selector.IN_AUTO, Turn.FROM_AUTO): (Selector.LEFT, False, False),
    (Selector.LEFT, Turn.TO_AUTO): (Selector.IN_AUTO, False, False),
    (Selector.LEFT, Turn.LIMIT): (Selector.NOT_IN_AUTO, True, False),
    (Selector.NOT_IN_AUTO, Turn.TO_AUTO): (Selector.IN_AUTO, False, True),
}


@dataclass(frozen=True)
class Limits:
    """Seconds; unexpected_run_s is None where demand is not wired, as then no run can be told from another."""

    fail_to_start_s: int = 30
    unexpected_run_s: int | None = 5
    not_in_auto_s: int = 10


class Pump:
    """One fire pump."""

    def __init__(self, id_: str, limits: Limits) -> None:
        self.id = id_
        self.state = State.IDLE
        self.selector = Selector.IN_AUTO
        self._limits = limits
        self._limit_ms = {
            State.STARTING: limits.fail_to_start_s * 1000,
            State.RUN_LOST: LOST_MS,
            State.RUN_NO_CAUSE: None if limits.unexpected_run_s is None else limits.unexpected_run_s * 1000,
        }
        self._since_ns = 0  # the edge that led into the present state
        self._left_ns = 0  # the edge that led the selector out of auto
        self._demand_ns: int | None = None
        self._run_ns: int | None = None

    # --- settled changes. found: it stood so when first looked at, nobody saw it change ---

    def running(self, active: bool, edge_ns: int, *, found: bool = False) -> list[Event]:
        """The running contact came or went."""
        return self._take(Input.RUN if active else Input.STOP, edge_ns, found)

    def demand(self, active: bool, edge_ns: int, *, found: bool = False) -> list[Event]:
        """The pressure or flow switch asks, or no longer does."""
        return self._take(Input.DEMAND if active else Input.NO_DEMAND, edge_ns, found)

    def auto(self, active: bool, edge_ns: int) -> list[Event]:
        """The controller's selector was turned to or from auto."""
        return self._turn(Turn.TO_AUTO if active else Turn.FROM_AUTO, edge_ns)

    # --- time ---

    def elapse(self, now_ns: int) -> list[Event]:
        """What time alone brings by `now_ns`."""
        events: list[Event] = []
        due = self._state_due_ns()
        if due is not None and now_ns >= due:
            events += self._take(Input.LIMIT, due)
        due = self._selector_due_ns()
        if due is not None and now_ns >= due:
            events += self._turn(Turn.LIMIT, due)
        return events

    def due_ns(self) -> int | None:
        """When a limit is reached."""
        return min((due for due in (self._state_due_ns(), self._selector_due_ns()) if due is not None), default=None)

    def _state_due_ns(self) -> int | None:
        limit_ms = self._limit_ms.get(self.state)
        return None if limit_ms is None else self._since_ns + limit_ms * MS

    def _selector_due_ns(self) -> int | None:
        if self.selector is not Selector.LEFT:
            return None
        return self._left_ns + self._limits.not_in_auto_s * 1000 * MS

    def standing(self) -> frozenset[str]:
        """Kinds of alarm whose condition holds, or cannot yet be said to be over."""
        kinds = STANDING.get(self.state, frozenset())
        kinds |= {"pump.started"} if self.state in RUNNING else frozenset()
        kinds |= {"pump.demand"} if self.state in DEMANDED else frozenset()
        return kinds if self.selector is Selector.IN_AUTO else kinds | {"pump.not_in_auto"}

    # --- a restart ---

    def snapshot(self) -> list[object]:
        """What a restart has to know, for restore()."""
        return [str(self.state), str(self.selector), self._since_ns, self._left_ns, self._demand_ns, self._run_ns]

    def restore(self, snapshot: list[object]) -> None:
        """Take up where a snapshot of the same boot left. Raises ValueError."""
        state, selector, since, left, demand, run = snapshot
        if not isinstance(since, int) or not isinstance(left, int):
            raise ValueError(f"pump {self.id}: no times in its snapshot")  # noqa: TRY004 - it is a bad value
        self.state, self.selector = State(str(state)), Selector(str(selector))
        self._since_ns, self._left_ns = since, left
        self._demand_ns = demand if isinstance(demand, int) else None
        self._run_ns = run if isinstance(run, int) else None

    def resume(self, running: bool, demand: bool, auto: bool, now_ns: int) -> None:
        """After a boot: take up levels that are recorded already. Nothing is said; limits count from now."""
        self.state = RESUMED[running, demand]
        self.selector = Selector.IN_AUTO if auto else Selector.LEFT
        self._since_ns = self._left_ns = now_ns
        self._demand_ns = self._run_ns = None

    # --- the tables at work ---

    def _take(self, what: Input, at_ns: int, found: bool = False) -> list[Event]:
        step = TABLE.get((self.state, what))
        if step is None:
            return []
        before, (self.state, said) = self.state, step
        if what is Input.DEMAND:
            self._demand_ns = None if found else at_ns
        if what is Input.RUN and before not in RUNNING:
            self._run_ns = None if found else at_ns
        events = [self._event(say, at_ns, before, found) for say in said]
        self._since_ns = at_ns
        return events

    def _turn(self, what: Turn, at_ns: int) -> list[Event]:
        step = SELECTOR.get((self.selector, what))
        if step is None:
            return []
        self.selector, lost, restored = step
        if what is Turn.FROM_AUTO:
            self._left_ns = at_ns
        if lost:
            return [PumpNotInAuto(source=self.id, limit_s=self._limits.not_in_auto_s)]
        return [PumpRestored(source=self.id, was="pump.not_in_auto")] if restored else []

    def _event(self, say: Say, at_ns: int, before: State, found: bool) -> Event:
        if say in _OVER:
            return PumpRestored(source=self.id, was=_OVER[say])
        match say:
            case Say.DEMAND:
                return PumpDemand(source=self.id, found=found)
            case Say.WITHDRAWN:
                return PumpDemandWithdrawn(source=self.id, ran=before in RUNNING)
            case Say.STARTED_DEMAND | Say.STARTED_AGAIN | Say.STARTED_NO_CAUSE:
                return self._started(say, found)
            case Say.STOPPED:
                end_ns = self._since_ns if before is State.RUN_LOST else at_ns  # the contact went on entering RUN_LOST
                return PumpStopped(source=self.id, run_ms=None if found else _span_ms(self._run_ns, end_ns))
            case Say.FAIL_TO_START:
                return PumpFailToStart(source=self.id, limit_s=self._limits.fail_to_start_s)
            case Say.STOPPED_ON_DEMAND:
                return PumpStoppedOnDemand(source=self.id, limit_ms=LOST_MS)
            case _:
                return PumpUnexpectedRun(source=self.id, limit_s=self._limits.unexpected_run_s or 0)

    def _started(self, say: Say, found: bool) -> Event:
        if found:
            return PumpStarted(source=self.id, cause="found")
        if say is Say.STARTED_NO_CAUSE:
            return PumpStarted(source=self.id, cause="none")
        start_ms = _span_ms(self._demand_ns, self._run_ns) if say is Say.STARTED_DEMAND else None
        return PumpStarted(source=self.id, cause="demand", start_ms=start_ms)


_OVER: Mapping[Say, str] = {
    Say.FAIL_TO_START_OVER: "pump.fail_to_start",
    Say.STOPPED_ON_DEMAND_OVER: "pump.stopped_on_demand",
    Say.UNEXPECTED_RUN_OVER: "pump.unexpected_run",
}


def _span_ms(since_ns: int | None, until_ns: int | None) -> int | None:
    return None if since_ns is None or until_ns is None else max(until_ns - since_ns, 0) // MS
