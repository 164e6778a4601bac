"""The fire-pump machine as a table. Everything that changes a pump's state is in TABLE; machine.py walks it.

Inputs come in the world's terms: RUN the running contact came, STOP it went; DEMAND / NO_DEMAND the pressure or flow
switch; COMMAND a start pulse was given; FAIL the controller says it cannot start; LIMIT the time of the present stage
is over. What a test window or the patrol makes of RUN and DEMAND is an input of its own, tried first.

A stage is finer than the state that people see (SHOWN): a running contact lost under demand is still RUN_DEMAND for
2 s, as a changeover of the mains takes that long. At rest the state is READY or NOT_READY by the other inputs, or
IMPAIRED by permit; UNKNOWN while a vital loop is broken, whatever the stage, and at rest for 5 s after that and after
a boot. `pump.md` draws this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto


class State(StrEnum):
    """What people see."""

    UNKNOWN = auto()
    READY = auto()
    NOT_READY = auto()
    IMPAIRED = auto()
    STARTING = auto()
    RUN_DEMAND = auto()
    RUN_POST = auto()
    RUN_TEST = auto()
    RUN_PATROL = auto()
    RUN_UNEXPLAINED = auto()
    FAIL_TO_START = auto()
    STOPPED_ON_DEMAND = auto()


class Stage(StrEnum):
    REST = auto()
    STARTING = auto()  # demand, not yet running
    TEST_STARTING = auto()  # the demand is the test's own
    COMMANDED = auto()  # a start pulse, no demand, not yet running
    STARTING_COMMANDED = auto()  # both
    FAIL_TO_START = auto()  # demand stands
    FAILED = auto()  # demand is gone, nobody has acknowledged
    FAILED_COMMAND = auto()  # a start pulse did nothing
    RUN_DEMAND = auto()
    RUN_COMMAND = auto()  # commanded, or explained by a person: ends by local stop alone
    RUN_LOST = auto()  # the running contact went under demand, less than 2 s ago
    STOPPED_ON_DEMAND = auto()
    STOPPED = auto()  # stopped on demand, demand is gone, nobody has acknowledged
    RUN_POST = auto()  # still running, demand gone
    RUN_OVERRUN = auto()  # and that for long
    RUN_TEST = auto()
    RUN_TEST_DEMAND = auto()  # the demand is the test's own
    RUN_PATROL = auto()
    RUN_NO_CAUSE = auto()  # running without any cause, not yet for long
    RUN_UNEXPECTED = auto()


class Input(StrEnum):
    RUN = auto()
    RUN_IN_TEST = auto()  # a test window is open
    RUN_ON_PATROL = auto()
    STOP = auto()
    DEMAND = auto()
    TEST_DEMAND = auto()  # the first one in a window of method pressure-drop
    NO_DEMAND = auto()
    COMMAND = auto()
    FAIL = auto()
    LIMIT = auto()
    WINDOW_OPENS = auto()
    WINDOW_CLOSES = auto()
    PATROL_ON = auto()
    PATROL_OFF = auto()
    ACKNOWLEDGED = auto()  # somebody has acknowledged the alarm of this stage
    EXPLAINED = auto()  # a person says what the run is


class Say(StrEnum):
    DEMAND = auto()
    WITHDRAWN = auto()
    STARTED_DEMAND = auto()
    STARTED_COMMAND = auto()
    STARTED_TEST = auto()
    STARTED_PATROL = auto()
    STARTED_NO_CAUSE = auto()
    STARTED_AGAIN = auto()
    STOPPED = auto()
    FAIL_TO_START = auto()
    STOPPED_ON_DEMAND = auto()
    OVERRUN = auto()
    UNEXPECTED_RUN = auto()
    RAN_WITHOUT_DEMAND = auto()


S, In = Stage, Input
Step = tuple[Stage, tuple[Say, ...]]

_STOPPED_UNCAUSED: Step = (S.REST, (Say.STOPPED, Say.RAN_WITHOUT_DEMAND))

# (stage, input) -> (next stage, what is said). Inputs that are not listed change nothing and say nothing.
TABLE: Mapping[tuple[Stage, Input], Step] = {
    (S.REST, In.DEMAND): (S.STARTING, (Say.DEMAND,)),
    (S.REST, In.TEST_DEMAND): (S.TEST_STARTING, (Say.DEMAND,)),
    (S.REST, In.RUN): (S.RUN_NO_CAUSE, (Say.STARTED_NO_CAUSE,)),
    (S.REST, In.RUN_IN_TEST): (S.RUN_TEST, (Say.STARTED_TEST,)),
    (S.REST, In.RUN_ON_PATROL): (S.RUN_PATROL, (Say.STARTED_PATROL,)),
    (S.REST, In.COMMAND): (S.COMMANDED, ()),
    (S.REST, In.FAIL): (S.FAILED, (Say.FAIL_TO_START,)),
    (S.STARTING, In.RUN): (S.RUN_DEMAND, (Say.STARTED_DEMAND,)),
    (S.STARTING, In.NO_DEMAND): (S.REST, (Say.WITHDRAWN,)),
    (S.STARTING, In.LIMIT): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.STARTING, In.FAIL): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.STARTING, In.COMMAND): (S.STARTING_COMMANDED, ()),
    (S.TEST_STARTING, In.RUN): (S.RUN_TEST_DEMAND, (Say.STARTED_TEST,)),
    (S.TEST_STARTING, In.NO_DEMAND): (S.REST, (Say.WITHDRAWN,)),
    (S.TEST_STARTING, In.LIMIT): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.TEST_STARTING, In.FAIL): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.TEST_STARTING, In.COMMAND): (S.STARTING_COMMANDED, ()),
    (S.TEST_STARTING, In.WINDOW_CLOSES): (S.STARTING, ()),
    (S.COMMANDED, In.RUN): (S.RUN_COMMAND, (Say.STARTED_COMMAND,)),
    (S.COMMANDED, In.DEMAND): (S.STARTING_COMMANDED, (Say.DEMAND,)),
    (S.COMMANDED, In.LIMIT): (S.FAILED_COMMAND, (Say.FAIL_TO_START,)),
    (S.COMMANDED, In.FAIL): (S.FAILED_COMMAND, (Say.FAIL_TO_START,)),
    (S.STARTING_COMMANDED, In.RUN): (S.RUN_DEMAND, (Say.STARTED_DEMAND,)),
    (S.STARTING_COMMANDED, In.NO_DEMAND): (S.COMMANDED, (Say.WITHDRAWN,)),
    (S.STARTING_COMMANDED, In.LIMIT): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.STARTING_COMMANDED, In.FAIL): (S.FAIL_TO_START, (Say.FAIL_TO_START,)),
    (S.FAIL_TO_START, In.RUN): (S.RUN_DEMAND, (Say.STARTED_DEMAND,)),
    (S.FAIL_TO_START, In.NO_DEMAND): (S.FAILED, (Say.WITHDRAWN,)),
    (S.FAIL_TO_START, In.COMMAND): (S.STARTING_COMMANDED, ()),
    (S.FAILED, In.DEMAND): (S.STARTING, (Say.DEMAND,)),
    (S.FAILED, In.TEST_DEMAND): (S.TEST_STARTING, (Say.DEMAND,)),
    (S.FAILED, In.RUN): (S.RUN_NO_CAUSE, (Say.STARTED_NO_CAUSE,)),
    (S.FAILED, In.RUN_IN_TEST): (S.RUN_TEST, (Say.STARTED_TEST,)),
    (S.FAILED, In.RUN_ON_PATROL): (S.RUN_PATROL, (Say.STARTED_PATROL,)),
    (S.FAILED, In.COMMAND): (S.COMMANDED, ()),
    (S.FAILED, In.FAIL): (S.FAILED, (Say.FAIL_TO_START,)),
    (S.FAILED, In.ACKNOWLEDGED): (S.REST, ()),
    (S.FAILED_COMMAND, In.DEMAND): (S.STARTING, (Say.DEMAND,)),
    (S.FAILED_COMMAND, In.RUN): (S.RUN_COMMAND, (Say.STARTED_COMMAND,)),
    (S.FAILED_COMMAND, In.COMMAND): (S.COMMANDED, ()),
    (S.FAILED_COMMAND, In.ACKNOWLEDGED): (S.REST, ()),
    (S.RUN_DEMAND, In.NO_DEMAND): (S.RUN_POST, (Say.WITHDRAWN,)),
    (S.RUN_DEMAND, In.STOP): (S.RUN_LOST, ()),
    (S.RUN_COMMAND, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_COMMAND, In.STOP): (S.REST, (Say.STOPPED,)),
    (S.RUN_LOST, In.RUN): (S.RUN_DEMAND, ()),
    (S.RUN_LOST, In.NO_DEMAND): (S.REST, (Say.WITHDRAWN, Say.STOPPED)),
    (S.RUN_LOST, In.LIMIT): (S.STOPPED_ON_DEMAND, (Say.STOPPED, Say.STOPPED_ON_DEMAND)),
    (S.STOPPED_ON_DEMAND, In.RUN): (S.RUN_DEMAND, (Say.STARTED_AGAIN,)),
    (S.STOPPED_ON_DEMAND, In.NO_DEMAND): (S.STOPPED, (Say.WITHDRAWN,)),
    (S.STOPPED_ON_DEMAND, In.COMMAND): (S.STARTING_COMMANDED, ()),
    (S.STOPPED, In.DEMAND): (S.STARTING, (Say.DEMAND,)),
    (S.STOPPED, In.TEST_DEMAND): (S.TEST_STARTING, (Say.DEMAND,)),
    (S.STOPPED, In.RUN): (S.RUN_NO_CAUSE, (Say.STARTED_NO_CAUSE,)),
    (S.STOPPED, In.RUN_IN_TEST): (S.RUN_TEST, (Say.STARTED_TEST,)),
    (S.STOPPED, In.RUN_ON_PATROL): (S.RUN_PATROL, (Say.STARTED_PATROL,)),
    (S.STOPPED, In.COMMAND): (S.COMMANDED, ()),
    (S.STOPPED, In.FAIL): (S.FAILED, (Say.FAIL_TO_START,)),
    (S.STOPPED, In.ACKNOWLEDGED): (S.REST, ()),
    (S.RUN_POST, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_POST, In.STOP): (S.REST, (Say.STOPPED,)),
    (S.RUN_POST, In.LIMIT): (S.RUN_OVERRUN, (Say.OVERRUN,)),
    (S.RUN_OVERRUN, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_OVERRUN, In.STOP): (S.REST, (Say.STOPPED,)),
    (S.RUN_TEST, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_TEST, In.TEST_DEMAND): (S.RUN_TEST_DEMAND, (Say.DEMAND,)),
    (S.RUN_TEST, In.COMMAND): (S.RUN_COMMAND, ()),
    (S.RUN_TEST, In.STOP): (S.REST, (Say.STOPPED,)),
    (S.RUN_TEST, In.WINDOW_CLOSES): (S.RUN_NO_CAUSE, ()),
    (S.RUN_TEST_DEMAND, In.NO_DEMAND): (S.RUN_TEST, (Say.WITHDRAWN,)),
    (S.RUN_TEST_DEMAND, In.STOP): (S.RUN_LOST, ()),
    (S.RUN_TEST_DEMAND, In.LIMIT): (S.RUN_DEMAND, ()),
    (S.RUN_TEST_DEMAND, In.COMMAND): (S.RUN_DEMAND, ()),
    (S.RUN_TEST_DEMAND, In.WINDOW_CLOSES): (S.RUN_DEMAND, ()),
    (S.RUN_PATROL, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_PATROL, In.COMMAND): (S.RUN_COMMAND, ()),
    (S.RUN_PATROL, In.PATROL_OFF): (S.RUN_NO_CAUSE, ()),
    (S.RUN_PATROL, In.STOP): (S.REST, (Say.STOPPED,)),
    (S.RUN_NO_CAUSE, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_NO_CAUSE, In.STOP): _STOPPED_UNCAUSED,
    (S.RUN_NO_CAUSE, In.LIMIT): (S.RUN_UNEXPECTED, (Say.UNEXPECTED_RUN,)),
    (S.RUN_NO_CAUSE, In.COMMAND): (S.RUN_COMMAND, ()),
    (S.RUN_NO_CAUSE, In.EXPLAINED): (S.RUN_COMMAND, ()),
    (S.RUN_NO_CAUSE, In.WINDOW_OPENS): (S.RUN_TEST, ()),
    (S.RUN_NO_CAUSE, In.PATROL_ON): (S.RUN_PATROL, ()),
    (S.RUN_UNEXPECTED, In.DEMAND): (S.RUN_DEMAND, (Say.DEMAND,)),
    (S.RUN_UNEXPECTED, In.STOP): _STOPPED_UNCAUSED,
    (S.RUN_UNEXPECTED, In.COMMAND): (S.RUN_COMMAND, ()),
    (S.RUN_UNEXPECTED, In.EXPLAINED): (S.RUN_COMMAND, ()),
    (S.RUN_UNEXPECTED, In.WINDOW_OPENS): (S.RUN_TEST, ()),
    (S.RUN_UNEXPECTED, In.PATROL_ON): (S.RUN_PATROL, ()),
}

# What is tried in place of an input where the circumstances are so: in order, the first that the table has.
INSTEAD: Mapping[Input, tuple[Input, ...]] = {
    In.RUN: (In.RUN_IN_TEST, In.RUN_ON_PATROL),
    In.DEMAND: (In.TEST_DEMAND,),
}

# Stage -> what people see. REST is READY, NOT_READY or IMPAIRED.
SHOWN: Mapping[Stage, State] = {
    S.STARTING: State.STARTING,
    S.TEST_STARTING: State.STARTING,
    S.COMMANDED: State.STARTING,
    S.STARTING_COMMANDED: State.STARTING,
    S.FAIL_TO_START: State.FAIL_TO_START,
    S.FAILED: State.FAIL_TO_START,
    S.FAILED_COMMAND: State.FAIL_TO_START,
    S.RUN_DEMAND: State.RUN_DEMAND,
    S.RUN_COMMAND: State.RUN_DEMAND,
    S.RUN_LOST: State.RUN_DEMAND,
    S.STOPPED_ON_DEMAND: State.STOPPED_ON_DEMAND,
    S.STOPPED: State.STOPPED_ON_DEMAND,
    S.RUN_POST: State.RUN_POST,
    S.RUN_OVERRUN: State.RUN_POST,
    S.RUN_TEST: State.RUN_TEST,
    S.RUN_TEST_DEMAND: State.RUN_TEST,
    S.RUN_PATROL: State.RUN_PATROL,
    S.RUN_NO_CAUSE: State.RUN_UNEXPLAINED,
    S.RUN_UNEXPECTED: State.RUN_UNEXPLAINED,
}

# Alarms whose condition may still hold in a stage: one of them is restored only in a stage that does not list it.
_STARTS = frozenset({"pump.fail_to_start", "pump.stopped_on_demand"})
STANDING: Mapping[Stage, frozenset[str]] = {
    S.STARTING: _STARTS,
    S.TEST_STARTING: _STARTS,
    S.STARTING_COMMANDED: _STARTS,
    S.COMMANDED: frozenset({"pump.fail_to_start"}),
    S.FAIL_TO_START: _STARTS,
    S.FAILED_COMMAND: frozenset({"pump.fail_to_start"}),
    S.RUN_LOST: frozenset({"pump.stopped_on_demand"}),
    S.STOPPED_ON_DEMAND: _STARTS,
    S.RUN_OVERRUN: frozenset({"pump.overrun"}),
    S.RUN_NO_CAUSE: frozenset({"pump.unexpected_run"}),
    S.RUN_UNEXPECTED: frozenset({"pump.unexpected_run"}),
}

TESTING = frozenset({S.RUN_TEST, S.RUN_TEST_DEMAND})
UNCAUSED = frozenset({S.RUN_NO_CAUSE, S.RUN_UNEXPECTED})
# Running as far as anybody knows, and neither as a test nor on patrol.
REAL_RUN = UNCAUSED | {S.RUN_DEMAND, S.RUN_COMMAND, S.RUN_LOST, S.RUN_POST, S.RUN_OVERRUN}
RUNNING = REAL_RUN | TESTING | {S.RUN_PATROL}
DEMANDED = frozenset(
    {
        S.STARTING,
        S.TEST_STARTING,
        S.STARTING_COMMANDED,
        S.FAIL_TO_START,
        S.RUN_DEMAND,
        S.RUN_LOST,
        S.STOPPED_ON_DEMAND,
        S.RUN_TEST_DEMAND,
    }
)
STARTINGS = frozenset({S.STARTING, S.TEST_STARTING, S.COMMANDED, S.STARTING_COMMANDED})  # one timer for all of them
TIMED = STARTINGS | {S.RUN_LOST, S.RUN_POST, S.RUN_TEST_DEMAND, S.RUN_NO_CAUSE}  # stages with a LIMIT

# Stage -> kind of the alarm that somebody has to acknowledge before the pump counts as at rest again.
AWAITS: Mapping[Stage, str] = {
    S.FAILED: "pump.fail_to_start",
    S.FAILED_COMMAND: "pump.fail_to_start",
    S.STOPPED: "pump.stopped_on_demand",
}

# What a pump's contacts are for. Those in SHARED may belong to several pumps; LEVELS may be limits of a measured value.
ROLES = (
    "running",
    "demand",
    "auto",
    "power",
    "phase_loss",
    "phase_reversal",
    "alternate_source",
    "low_suction",
    "tank_low",
    "tank_high",
    "valve",
    "trouble",
    "fail_start",
    "patrol",
    "jockey",
    "start_enable",
    "start_lockout",
)
SHARED = frozenset(
    {"power", "phase_loss", "phase_reversal", "alternate_source", "low_suction", "tank_low", "tank_high"}
)
SHARED |= {"valve", "jockey"}
LEVELS = {"low_suction": "low", "tank_low": "low", "tank_high": "high"}


def resumed(
    running: bool, demand: bool, cause: str, *, window: bool, patrol: bool, stood: frozenset[str] = frozenset()
) -> Stage:
    """The stage taken up after a boot, in silence: from levels, and what the journal knows.

    cause: of the run that it has open, "" for none; stood: alarms that stood, which are not said anew.
    """
    if not running:
        return _at_rest(demand, cause, stood)
    if demand:
        return S.RUN_DEMAND
    if cause == "test" and window:
        return S.RUN_TEST
    if cause == "patrol" and patrol:
        return S.RUN_PATROL
    if cause == "demand":
        return S.RUN_OVERRUN if "pump.overrun" in stood else S.RUN_POST
    if cause in ("command", "explained"):
        return S.RUN_COMMAND
    return S.RUN_UNEXPECTED if "pump.unexpected_run" in stood else S.RUN_NO_CAUSE


def _at_rest(demand: bool, cause: str, stood: frozenset[str]) -> Stage:
    """Of a pump that does not run. A run that is still open was lost just before the board went down."""
    if not demand:
        return S.REST
    if cause:
        return S.RUN_LOST
    if "pump.stopped_on_demand" in stood:
        return S.STOPPED_ON_DEMAND
    return S.FAIL_TO_START if "pump.fail_to_start" in stood else S.STARTING
