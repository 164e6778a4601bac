"""The fire pump: every stage with every input, every alarm of the trade, and what a restart makes of it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from agent.core.events import (
    Event,
    PumpClassified,
    PumpContradictionDemand,
    PumpDemand,
    PumpDemandWithdrawn,
    PumpFailToStart,
    PumpJockeyDay,
    PumpMainShortCycle,
    PumpNotInAuto,
    PumpOverrun,
    PumpPatrolFault,
    PumpPatrolFinished,
    PumpReminder,
    PumpRestored,
    PumpRunning,
    PumpStarted,
    PumpStopped,
    PumpStoppedOnDemand,
    PumpTestClosed,
    PumpTestFinished,
    PumpTestOpened,
    PumpTestStarted,
    PumpTestTooShort,
    PumpUnexpectedRun,
    PumpWeeklyTestMissed,
    Signal,
)
from agent.core.pump import Limits, Past, Pump, State, past_of
from agent.core.pump.limits import fail_to_start_s
from agent.core.pump.machine import LOST_MS
from agent.core.pump.schedule import Local, Slot
from agent.core.pump.table import (
    AWAITS,
    DEMANDED,
    INSTEAD,
    RUNNING,
    SHOWN,
    STANDING,
    TABLE,
    TESTING,
    TIMED,
    UNCAUSED,
    Input,
    Say,
    Stage,
)
from agent.core.pump.watch import WATCHES

S = Stage
SEC = 1_000_000_000
HOUR, DAY = 3600 * SEC, 86_400 * SEC
CONTACTS = """running demand auto power phase_loss phase_reversal alternate_source low_suction tank_low tank_high valve
trouble fail_start patrol jockey pressure_normal"""
ALL = frozenset(CONTACTS.split())
WELL = {role: role in ("auto", "power", "valve") for role in ALL}


# --- the table ---


def by_contact(stage: S) -> bool:
    """Whether the running contact is active in that stage."""
    return stage in RUNNING and stage is not S.RUN_LOST


def base(what: Input) -> Input:
    """The plain input that a special one stands for."""
    return next((plain for plain, special in INSTEAD.items() if what in special), what)


@pytest.mark.parametrize(("stage", "what"), list(itertools.product(S, Input)))
def test_every_stage_with_every_input(stage: S, what: Input) -> None:
    """Where a step leads agrees with what the contacts say; an input that is no news changes nothing."""
    plain = base(what)
    news = {
        Input.RUN: not by_contact(stage),
        Input.STOP: by_contact(stage),
        Input.DEMAND: stage not in DEMANDED,
        Input.NO_DEMAND: stage in DEMANDED,
        Input.LIMIT: stage in TIMED,
        Input.ACKNOWLEDGED: stage in AWAITS,
        Input.EXPLAINED: stage in UNCAUSED,
        Input.PATROL_ON: stage in UNCAUSED,
        Input.PATROL_OFF: stage is S.RUN_PATROL,
        Input.WINDOW_OPENS: stage in UNCAUSED,
        Input.WINDOW_CLOSES: stage in TESTING | {S.TEST_STARTING},
    }
    if what == plain and what in news:
        assert ((stage, what) in TABLE) == news[what]
    if (stage, what) not in TABLE:
        return
    assert news.get(plain, True)
    after, said = TABLE[stage, what]
    moves_run, moves_demand = plain in (Input.RUN, Input.STOP), plain in (Input.DEMAND, Input.NO_DEMAND)
    assert by_contact(after) == ((plain is Input.RUN) if moves_run else by_contact(stage)) or after is S.RUN_LOST
    assert (after in DEMANDED) == ((plain is Input.DEMAND) if moves_demand else stage in DEMANDED)
    assert (Say.WITHDRAWN in said) == (plain is Input.NO_DEMAND)
    assert (Say.DEMAND in said) == (plain is Input.DEMAND)
    assert (Say.STOPPED in said) == (stage in RUNNING and after not in RUNNING)
    assert any(one.startswith("started") for one in said) == (stage not in RUNNING and after in RUNNING)
    if what is Input.DEMAND:
        assert SHOWN[after] in (State.STARTING, State.RUN_DEMAND), "demand is never anything but urgent"


def test_each_stage_can_be_reached_and_left() -> None:
    reached, grew = {S.REST}, True
    while grew:
        more = {after for (stage, _), (after, _) in TABLE.items() if stage in reached}
        grew, reached = not more <= reached, reached | more
    assert reached == set(S)
    assert {stage for stage, _ in TABLE} == set(S)
    assert set(SHOWN) == set(S) - {S.REST}
    assert set(SHOWN.values()) | {State.UNKNOWN, State.READY, State.NOT_READY, State.IMPAIRED} == set(State)


def test_an_alarm_stands_where_it_is_said() -> None:
    said = {Say.FAIL_TO_START: "pump.fail_to_start", Say.STOPPED_ON_DEMAND: "pump.stopped_on_demand",
            Say.UNEXPECTED_RUN: "pump.unexpected_run", Say.OVERRUN: "pump.overrun"}  # fmt: skip
    for (_, what), (after, says) in TABLE.items():
        for one in says:
            if one in said and not (what is Input.FAIL and after is S.FAILED):  # there the contact itself stands
                assert said[one] in STANDING[after]


# --- by hand ---


class Hand:
    """A pump, and time."""

    def __init__(self, *, wired: frozenset[str] = ALL, past: Past | None = None, **limits: object) -> None:
        self.limits, self.wired = Limits(**limits), wired  # type: ignore[arg-type]
        self.pump = Pump("p", self.limits, wired)
        self.now_ns = 100 * SEC
        self.pump.resume({role: WELL[role] for role in wired}, past or Past(), self.now_ns)
        self.to(200)

    def to(self, second: float) -> list[Event]:
        """Time passes; stops wherever something is due."""
        until, events = round(second * SEC), list[Event]()
        while (due := self.pump.due_ns()) is not None and due <= until:
            before = self.pump.due_ns(), self.pump.snapshot()
            events += self.pump.elapse(max(due, self.now_ns))
            assert (self.pump.due_ns(), self.pump.snapshot()) != before, "due, and nothing comes of it"
        self.now_ns = until
        return events + self.pump.elapse(until)

    def put(self, second: float, **roles: bool) -> list[Event]:
        events = self.to(second)
        for role, active in roles.items():
            events += self.pump.contact(role, active, round(second * SEC))
        return events

    def window(self, second: float, method: str = "pressure-drop", limit_s: int = 0) -> list[Event]:
        return self.to(second) + self.pump.open_window(method, limit_s, "anna", self.now_ns)

    def kinds(self, events: list[Event]) -> list[str]:
        return [event.KIND.removeprefix("pump.") for event in events]

    @property
    def state(self) -> State:
        return self.pump.state


RUNS = PumpRunning(source="p", cause="demand", signal=Signal.SUPERVISORY)


def test_demand_run_withdrawn_stopped() -> None:
    h = Hand()
    assert h.state is State.READY
    assert h.put(300, demand=True) == [PumpDemand(source="p")]
    assert (h.state, h.pump.due_ns()) == (State.STARTING, 330 * SEC)
    assert h.put(304, running=True) == [PumpStarted(source="p", cause="demand", start_ms=4000), RUNS]
    assert h.state is State.RUN_DEMAND
    assert h.put(360, demand=False) == [PumpDemandWithdrawn(source="p", ran=True)]
    assert h.state is State.RUN_POST
    assert h.put(364, running=False) == [PumpStopped(source="p", run_ms=60_000)]
    assert h.state is State.READY


def test_the_class_of_running_is_the_sites() -> None:
    h = Hand(running_class=Signal.ALARM)
    assert h.put(300, demand=True, running=True)[2].signal is Signal.ALARM


def test_fail_to_start_counts_from_the_edge_of_the_demand() -> None:
    h = Hand(fail_to_start_s=30)
    h.put(300, demand=True)
    assert h.pump.elapse(330 * SEC - 1) == []
    assert h.pump.elapse(331 * SEC) == [PumpFailToStart(source="p", limit_s=30)]
    assert h.state is State.FAIL_TO_START
    assert h.put(340, running=True) == [
        PumpStarted(source="p", cause="demand", start_ms=40_000),
        RUNS,
        PumpRestored(source="p", was="pump.fail_to_start"),
    ]
    assert h.pump.standing() >= {"pump.started", "pump.demand", "pump.running"}
    assert "pump.fail_to_start" not in h.pump.standing()


@pytest.mark.parametrize(("stage", "kind"), [("fail", "pump.fail_to_start"), ("stop", "pump.stopped_on_demand")])
def test_failed_and_demand_gone_waits_for_a_person(stage: str, kind: str) -> None:
    h = Hand()
    h.put(300, demand=True)
    if stage == "stop":
        h.put(301, running=True)
        h.put(302, running=False)
    h.to(400)
    shown = h.state
    gone = h.put(401, demand=False)
    assert gone == [PumpDemandWithdrawn(source="p", ran=False), PumpRestored(source="p", was=kind)]
    assert (h.state, h.pump.awaits) == (shown, kind)
    assert h.pump.acknowledged(402 * SEC) == []
    assert (h.state, h.pump.awaits) == (State.READY, "")


def test_new_demand_after_a_failure_is_timed_anew() -> None:
    h = Hand()
    h.put(300, demand=True)
    h.put(400, demand=False)
    assert h.kinds(h.put(500, demand=True)) == ["demand"]
    assert h.kinds(h.to(530)) == ["fail_to_start"]


@pytest.mark.parametrize(("driver", "kw", "seconds"), [("electric", None, 30), ("electric", 132, 30),
                                                       ("electric", 133, 55), ("diesel", 90, 120)])  # fmt: skip
def test_time_to_start_by_driver_and_power(driver: str, kw: int | None, seconds: int) -> None:
    assert fail_to_start_s(driver, kw) == seconds


def test_the_controllers_own_failure_contact() -> None:
    h = Hand(fail_to_start_s=120)
    h.put(300, demand=True)
    assert h.put(340, fail_start=True) == [PumpFailToStart(source="p", limit_s=120)]
    h.put(350, demand=False)
    assert "pump.fail_to_start" in h.pump.standing(), "the contact still stands"
    assert h.put(360, fail_start=False) == [PumpRestored(source="p", was="pump.fail_to_start")]
    h.pump.acknowledged(361 * SEC)
    assert h.kinds(h.put(400, fail_start=True)) == ["fail_to_start"], "without demand too: its own weekly start"


def test_a_short_loss_of_running_is_the_same_run() -> None:
    h = Hand()
    h.put(300, demand=True)
    h.put(301, running=True)
    assert h.put(310, running=False) == []
    assert h.state is State.RUN_DEMAND
    assert h.pump.elapse(310 * SEC + 1_999_000_000) == []
    assert h.put(311, running=True) == []
    assert h.put(320, demand=False) == [PumpDemandWithdrawn(source="p", ran=True)]
    assert h.put(321, running=False) == [PumpStopped(source="p", run_ms=20_000)]


def test_stopped_on_demand_after_two_seconds() -> None:
    h = Hand()
    h.put(300, demand=True)
    h.put(301, running=True)
    h.put(310, running=False)
    assert h.to(312) == [PumpStopped(source="p", run_ms=9_000), PumpStoppedOnDemand(source="p", limit_ms=LOST_MS)]
    assert h.put(320, running=True) == [
        PumpStarted(source="p", cause="demand", start_ms=None),
        RUNS,
        PumpRestored(source="p", was="pump.stopped_on_demand"),
    ]
    h.put(330, demand=False)
    assert h.put(331, running=False) == [PumpStopped(source="p", run_ms=11_000)]


def test_demand_gone_while_running_is_lost() -> None:
    h = Hand()
    h.put(300, demand=True)
    h.put(301, running=True)
    h.put(310, running=False)
    assert h.put(311, demand=False) == [
        PumpDemandWithdrawn(source="p", ran=True),
        PumpStopped(source="p", run_ms=9_000),
    ]
    assert h.to(999) == []


def test_unexpected_run_and_the_whole_of_it() -> None:
    h = Hand()
    assert h.kinds(h.put(300, running=True)) == ["started", "running"]
    assert h.to(305) == [PumpUnexpectedRun(source="p", limit_s=5)]
    assert h.state is State.RUN_UNEXPLAINED
    assert h.kinds(h.put(360, running=False)) == ["stopped", "ran_without_demand", "restored"]


def test_demand_explains_a_run() -> None:
    h = Hand()
    h.put(300, running=True)
    assert h.kinds(h.put(301, demand=True)) == ["demand"]
    assert h.to(600) == []
    h.put(700, demand=False)
    assert h.kinds(h.put(701, running=False)) == ["stopped"], "it had a cause for a while"


def test_a_person_explains_a_run() -> None:
    h = Hand()
    h.put(300, running=True)
    h.to(310)
    assert h.pump.explain("anna", "washing down", 320 * SEC) == [
        PumpClassified(source="p", by="anna", reason="washing down"),
        PumpRestored(source="p", was="pump.unexpected_run"),
    ]
    assert h.pump.explain("anna", "again", 321 * SEC) == []
    assert h.kinds(h.put(400, running=False)) == ["stopped"]


def test_without_a_demand_contact_no_run_is_unexpected() -> None:
    h = Hand(wired=frozenset({"running"}), unexpected_run_s=None)
    h.put(300, running=True)
    assert h.to(10**6) == []
    assert h.kinds(h.put(10**6 + 1, running=False)) == ["stopped"]


def test_overrun_is_a_reminder_and_nothing_else() -> None:
    h = Hand(overrun_s=600)
    h.put(300, demand=True)
    h.put(301, running=True)
    h.put(400, demand=False)
    assert h.to(1000) == [PumpOverrun(source="p", limit_s=600)]
    assert (h.state, h.to(5000)) == (State.RUN_POST, [])
    assert h.kinds(h.put(5001, running=False)) == ["stopped", "restored"]


def test_main_short_cycle() -> None:
    h = Hand()
    for number in range(2):
        h.put(300 + 60 * number, demand=True, running=True)
        h.put(330 + 60 * number, demand=False, running=False)
    third = h.put(600, demand=True, running=True)
    assert PumpMainShortCycle(source="p", starts=3, within_s=1800) in third
    assert h.kinds(h.to(300 + 1800)) == ["restored"]


# --- a commanded run (ruling 4) ---


def test_a_commanded_run_ends_by_local_stop_alone() -> None:
    h = Hand()
    assert h.pump.command(300 * SEC) == []
    assert h.state is State.STARTING
    assert h.put(303, running=True) == [
        PumpStarted(source="p", cause="command", start_ms=3000),
        PumpRunning(source="p", cause="command", signal=Signal.SUPERVISORY),
    ]
    assert (h.state, h.pump.cause) == (State.RUN_DEMAND, "command")
    assert h.to(90_000) == []
    assert h.kinds(h.put(90_001, running=False)) == ["stopped"]


def test_a_command_that_starts_nothing() -> None:
    h = Hand()
    h.pump.command(300 * SEC)
    assert h.kinds(h.to(330)) == ["fail_to_start"]
    assert (h.state, h.pump.awaits) == (State.FAIL_TO_START, "pump.fail_to_start")
    assert h.pump.acknowledged(340 * SEC) == [PumpRestored(source="p", was="pump.fail_to_start")]


def test_demand_withdrawn_after_a_start_pulse_leaves_the_timer_running() -> None:
    """Ruling 2."""
    h = Hand()
    h.put(300, demand=True)
    h.to(310)
    h.pump.command(310 * SEC)
    assert h.put(320, demand=False) == [PumpDemandWithdrawn(source="p", ran=False)]
    assert (h.state, h.pump.due_ns()) == (State.STARTING, 330 * SEC)
    assert h.kinds(h.to(330)) == ["fail_to_start"]


def test_a_command_after_a_failure_is_timed_anew() -> None:
    h = Hand()
    h.put(300, demand=True)
    h.to(400)
    h.pump.command(400 * SEC)
    assert h.pump.due_ns() == 430 * SEC
    assert h.kinds(h.put(402, running=True)) == ["started", "running", "restored"]


def test_demand_gone_before_it_ran() -> None:
    """Ruling 2."""
    h = Hand()
    h.put(300, demand=True)
    assert h.put(302, demand=False) == [PumpDemandWithdrawn(source="p", ran=False)]
    assert (h.state, h.to(900)) == (State.READY, [])


# --- readiness and watches ---


CASES = [
    ("auto", False, "not_in_auto", 10_000),
    ("power", False, "power_lost", 2_500),
    ("phase_loss", True, "phase_loss", 2_500),
    ("phase_reversal", True, "phase_reversal", 1_000),
    ("alternate_source", True, "alternate_source", 1_000),
    ("low_suction", True, "low_suction", 10_000),
    ("tank_low", True, "tank_low", 10_000),
    ("tank_high", True, "tank_high", 10_000),
    ("valve", False, "valve_closed", 10_000),
    ("trouble", True, "trouble", 1_000),
]


@pytest.mark.parametrize(("role", "bad", "kind", "ms"), CASES)
def test_each_input_that_is_lost(role: str, bad: bool, kind: str, ms: int) -> None:
    h = Hand()
    assert h.put(300, **{role: bad}) == []
    assert h.pump.elapse(300 * SEC + ms * 1_000_000 - 1) == []
    assert h.kinds(h.pump.elapse(300 * SEC + ms * 1_000_000)) == [kind]
    assert f"pump.{kind}" in h.pump.standing()
    ready = role in ("alternate_source", "tank_high", "trouble")
    assert h.state is (State.READY if ready else State.NOT_READY)
    assert h.put(400, **{role: not bad}) == [PumpRestored(source="p", was=f"pump.{kind}")]
    assert h.state is State.READY


@pytest.mark.parametrize(("role", "bad", "kind", "ms"), CASES)
def test_a_short_loss_is_nothing(role: str, bad: bool, kind: str, ms: int) -> None:
    h = Hand()
    h.put(300, **{role: bad})
    assert h.put(300 + ms / 1000 - 0.01, **{role: not bad}) == []
    assert h.to(900) == []


def test_not_in_auto_is_repeated_until_restored_or_permitted() -> None:
    h = Hand()
    h.put(300, auto=False)
    assert h.to(310) == [PumpNotInAuto(source="p", limit_s=10)]
    assert h.to(310 + 1800) == [PumpReminder(source="p", was="pump.not_in_auto", stands_s=1810)]
    assert h.kinds(h.to(310 + 3 * 1800)) == ["reminder", "reminder"]
    h.pump.impaired = True
    assert (h.to(20_000), h.state) == ([], State.IMPAIRED)
    h.pump.impaired = False
    assert h.kinds(h.to(20_001)) == ["reminder"]


def test_demand_under_a_permit_is_an_alarm_of_its_own() -> None:
    """Ruling 8. It is said where permits are known; here it stands as long as demand does."""
    h = Hand()
    h.pump.impaired = True
    assert h.kinds(h.put(300, demand=True)) == ["demand"]
    assert "pump.demand_while_impaired" in h.pump.standing()
    assert h.kinds(h.to(330)) == ["fail_to_start"]
    assert h.kinds(h.put(340, demand=False)) == ["demand_withdrawn", "restored"]
    assert "pump.demand_while_impaired" not in h.pump.standing()


def test_a_contact_that_is_not_wired_keeps_nothing_from_being_ready() -> None:
    h = Hand(wired=frozenset({"running"}), unexpected_run_s=None)
    assert h.state is State.READY


def test_contradictions() -> None:
    """Ruling 6: running without power for 5 s; demand at normal pressure for 60 s."""
    h = Hand()
    h.put(300, demand=True, running=True)
    h.put(310, power=False)
    assert h.kinds(h.to(314.9)) == ["power_lost"]
    assert h.kinds(h.to(315)) == ["contradiction_power"]
    assert h.kinds(h.put(320, power=True)) == ["restored", "restored"]
    h.put(400, pressure_normal=True)
    assert h.to(460) == [PumpContradictionDemand(source="p", limit_ms=60_000)]
    h.put(500, tank_low=True, tank_high=True)
    assert h.kinds(h.to(510)) == ["tank_low", "tank_high", "contradiction_tank"]


def test_a_changeover_of_two_seconds_is_none_of_them() -> None:
    h = Hand()
    h.put(300, demand=True, running=True)
    h.put(310, power=False, running=False)
    assert h.put(311.9, power=True, running=True) == []
    assert h.to(400) == []


def test_a_watch_is_table_true() -> None:
    assert len({watch.kind for watch in WATCHES}) == len(WATCHES)
    assert {role for watch in WATCHES for role, _ in watch.holds} <= ALL


# --- loops (ruling 5) ---


@pytest.mark.parametrize("role", ["running", "demand", "auto", "power"])
def test_a_vital_loop_that_is_broken(role: str) -> None:
    h = Hand()
    h.pump.broken(role, True, 300 * SEC)
    assert (h.state, h.to(310)) == (State.UNKNOWN, [])
    h.pump.broken(role, False, 320 * SEC)
    h.to(324.9)
    assert h.state is State.UNKNOWN
    h.to(325)
    assert h.state is State.READY


def test_another_loop_makes_nothing_unknown() -> None:
    h = Hand()
    h.pump.broken("trouble", True, 300 * SEC)
    assert h.state is State.READY


def test_a_broken_loop_stops_no_alarm() -> None:
    h = Hand()
    h.pump.broken("auto", True, 300 * SEC)
    h.put(301, demand=True)
    assert h.kinds(h.to(331)) == ["fail_to_start"]
    assert h.state is State.UNKNOWN


# --- test windows (ruling 1) ---


def test_weekly_test_by_pressure_drop() -> None:
    h = Hand()
    assert h.window(300) == [PumpTestOpened(source="p", method="pressure-drop", limit_s=3600, by="anna")]
    assert h.pump.muting
    h.put(310, demand=True)
    assert h.state is State.STARTING
    assert h.put(313, running=True) == [
        PumpStarted(source="p", cause="test", start_ms=3000),
        PumpTestStarted(source="p", method="pressure-drop", auto_started=True),
    ]
    assert h.state is State.RUN_TEST
    h.put(330, demand=False)
    assert h.put(313 + 600, running=False) == [
        PumpStopped(source="p", run_ms=600_000),
        PumpTestFinished(source="p", method="pressure-drop", auto_started=True, run_ms=600_000, counts=True),
    ]
    assert h.to(3900) == [PumpTestClosed(source="p", by="limit", ran=True)]
    assert not h.pump.muting


def test_fail_to_start_counts_in_a_test_as_ever() -> None:
    h = Hand()
    h.window(300)
    h.put(310, demand=True)
    assert h.kinds(h.to(340)) == ["fail_to_start"]
    assert h.pump.muting, "recorded, not sounded"


def test_a_test_demand_that_lasts_is_real() -> None:
    h = Hand()
    h.window(300)
    h.put(310, demand=True)
    h.put(313, running=True)
    assert h.kinds(h.to(373)) == ["test_finished", "running"]
    assert (h.state, h.pump.muting) == (State.RUN_DEMAND, False)


def test_a_second_demand_is_real_at_once() -> None:
    h = Hand()
    h.window(300)
    h.put(310, demand=True)
    h.put(313, running=True)
    h.put(320, demand=False)
    assert h.kinds(h.put(330, demand=True)) == ["demand", "test_finished", "running"]
    assert h.state is State.RUN_DEMAND


def test_any_demand_in_a_window_of_another_method_is_real() -> None:
    h = Hand()
    h.window(300, "manual")
    assert h.kinds(h.put(310, running=True)) == ["started", "test_started"]
    h.put(320, demand=True)
    assert (h.state, h.pump.muting) == (State.RUN_DEMAND, False)
    g = Hand()
    g.window(300, "manual")
    g.put(310, demand=True)
    assert not g.pump.muting
    assert g.kinds(g.put(312, running=True)) == ["started", "running"]


def test_a_demand_long_after_the_start_is_real() -> None:
    h = Hand()
    h.window(300)
    h.put(310, running=True)
    h.put(371, demand=True)
    assert h.state is State.RUN_DEMAND


def test_too_short_and_not_auto_started() -> None:
    h = Hand(test_min_s=600)
    h.window(300)
    h.put(310, running=True)
    found = h.put(400, running=False)
    assert PumpTestTooShort(source="p", run_ms=90_000, needed_s=600) in found
    assert h.kinds(found) == ["stopped", "test_finished", "test_too_short", "test_not_auto_started"]


def test_a_window_that_ends_under_a_running_pump() -> None:
    h = Hand()
    h.window(300, "manual", 900)
    h.put(310, running=True)
    assert h.kinds(h.to(1200)) == ["test_finished", "running", "test_closed"]
    assert h.kinds(h.to(1205)) == ["unexpected_run"]
    assert h.kinds(h.put(1300, running=False)) == ["stopped", "restored"], "its cause is over, it had one"


def test_a_window_opened_late_explains_a_run() -> None:
    h = Hand()
    h.put(300, running=True)
    h.to(310)
    assert h.kinds(h.window(320, "manual")) == ["test_opened", "test_started", "restored"]
    assert h.state is State.RUN_TEST


def test_dates_of_tests() -> None:
    """Warned after 6 days, missed after 7; by hand after 31; each said once; a test in between restores."""
    h = Hand()
    day0 = 20_000 * DAY
    assert h.pump.dates(day0) == []
    assert h.kinds(h.pump.dates(day0 + 6 * DAY)) == ["weekly_test_due", "jockey_day"]
    assert h.pump.dates(day0 + 7 * DAY)[:1] == [PumpWeeklyTestMissed(source="p", days=7)]
    assert [k for k in h.kinds(h.pump.dates(day0 + 31 * DAY)) if k != "jockey_day"] == ["monthly_test_missed"]
    assert {"pump.weekly_test_missed", "pump.monthly_test_missed"} <= h.pump.standing()
    h.window(300)
    h.put(301, demand=True)
    h.put(302, running=True)
    h.put(310, demand=False)
    h.put(1000, running=False)
    h.to(4000)
    restored = [event.was for event in h.pump.dates(day0 + 32 * DAY) if isinstance(event, PumpRestored)]
    assert restored == ["pump.weekly_test_due", "pump.weekly_test_missed"]
    assert [k for k in h.kinds(h.pump.dates(day0 + 38 * DAY)) if k != "jockey_day"] == ["weekly_test_due"]


def test_a_test_that_goes_on_is_not_missed() -> None:
    """Once a week at the same hour: the last one is seven days and some seconds ago when this one ends."""
    h = Hand()
    h.pump.dates(20_000 * DAY)
    h.window(300)
    assert h.kinds(h.pump.dates(20_007 * DAY)) == ["jockey_day"]
    assert [k for k in h.kinds(h.pump.dates(20_031 * DAY)) if k != "jockey_day"] == ["monthly_test_missed"]
    h.to(4000)
    assert h.kinds(h.pump.dates(20_031 * DAY)) == ["weekly_test_due", "weekly_test_missed"]


# --- windows by schedule ---

MINUTE = 60 * SEC
UTC0 = 20_000 * DAY


def slot(which: str = "every", method: str = "pressure-drop") -> Slot:
    return Slot(method, frozenset({0, 3}), which, 9 * 60, 10 * 60)


def local(day: int, hour: int, minute: int = 0) -> tuple[Local, int]:
    """(a time in a month of 31 days that begins on a Monday, the same as UTC)."""
    return Local((day - 1) % 7, hour * 60 + minute, day, 31), UTC0 + (day - 1) * DAY + hour * HOUR + minute * MINUTE


@pytest.mark.parametrize(
    ("which", "days"),
    [
        ("every", [1, 4, 8, 11, 15, 18, 22, 25, 29]),
        ("first", [1, 4]),
        ("second", [8, 11]),
        ("third", [15, 18]),
        ("fourth", [22, 25]),
        ("last", [25, 29]),
    ],
)
def test_days_of_a_slot(which: str, days: list[int]) -> None:
    assert [day for day in range(1, 32) if slot(which).covers(local(day, 9)[0])] == days


def test_hours_of_a_slot() -> None:
    minutes = [m for m in range(24 * 60) if slot().covers(Local(0, m, 1, 31))]
    assert (minutes[0], minutes[-1], len(minutes)) == (9 * 60, 10 * 60 - 1, 60)


class Planned(Hand):
    def __init__(self, past: Past | None = None, slots: tuple[Slot, ...] = (slot(),)) -> None:
        super().__init__(past=past)
        self.pump = Pump("p", self.limits, self.wired, slots)
        self.pump.resume(dict(WELL), past or Past(), 100 * SEC)
        self.to(200)

    def at(self, day: int, hour: int, minute: int = 0) -> list[Event]:
        return self.pump.scheduled(*local(day, hour, minute), self.now_ns)


def test_a_window_opens_by_schedule_once_in_its_hours_and_closes_itself() -> None:
    h = Planned()
    assert h.at(1, 8, 59) == []
    assert h.at(1, 9) == [PumpTestOpened(source="p", method="pressure-drop", limit_s=3600, by="schedule")]
    assert h.at(1, 9, 1) == []
    h.put(300, demand=True)
    h.put(303, running=True)
    h.put(310, demand=False)
    assert h.kinds(h.put(303 + 600, running=False)) == ["stopped", "test_finished"]
    assert h.pump.close_window("anna", h.now_ns) == [PumpTestClosed(source="p", by="anna", ran=True)]
    assert h.at(1, 9, 30) == [], "it had its window"
    assert h.kinds(h.at(4, 9, 20)) == ["test_opened"], "the board was off at nine: what is left of the hour"
    assert h.kinds(h.to(h.now_ns / SEC + 2400)) == ["test_closed"]


@pytest.mark.parametrize("role", ["running", "demand"])
def test_no_run_becomes_a_test_because_of_the_hour(role: str) -> None:
    h = Planned()
    h.put(300, **{role: True})
    assert h.at(1, 9) == []
    assert not h.pump.muting
    h.put(320, **{role: False})
    assert h.kinds(h.at(1, 9, 5)) == ["test_opened"]


def test_none_opens_while_the_pump_is_out_of_order_or_a_failure_waits() -> None:
    h = Planned()
    h.pump.impaired = True
    assert h.at(1, 9) == []
    h.pump.impaired = False
    h.put(300, demand=True)
    h.put(400, demand=False)
    assert h.at(1, 9, 1) == [], "nobody has acknowledged yet"
    h.pump.acknowledged(h.now_ns)
    assert h.kinds(h.at(1, 9, 2)) == ["test_opened"]


def test_a_window_opened_by_hand_is_this_hours_window() -> None:
    h = Planned()
    h.window(300)
    assert h.at(1, 9) == []
    h.pump.close_window("anna", h.now_ns)
    assert h.at(1, 9, 30) == []


def test_a_schedule_over_a_restart_and_a_boot() -> None:
    h = Planned()
    h.at(1, 9)
    again = Pump("p", h.limits, ALL, (slot(),))
    again.restore(json.loads(json.dumps(h.pump.snapshot())))
    again.close_window("anna", h.now_ns)
    assert again.scheduled(*local(1, 9, 30), h.now_ns) == [], "killed and started: it had its window"
    opened_ns = local(1, 9)[1]
    past = past_of(
        "p",
        [
            (PumpTestOpened(source="p", method="pressure-drop", limit_s=3600, by="schedule"), opened_ns),
            (PumpTestClosed(source="p", by="anna", ran=True), opened_ns + 60 * SEC),
        ],
    )
    assert past.planned_ns == opened_ns
    assert Planned(past).at(1, 9, 30) == []
    assert Planned(replace(past, planned_ns=None)).at(1, 9, 30) != []
    late = Planned()
    late.pump.recall(past)
    assert late.at(1, 9, 30) == [], "the journal came late"


@pytest.mark.parametrize(("hour", "minute", "left_s"), [(9, 45, 900), (11, 0, 0)])
def test_a_window_taken_up_after_a_boot_ends_with_its_hour(hour: int, minute: int, left_s: int) -> None:
    past = Past(window=("pressure-drop", 3600, "schedule"), planned_ns=local(1, 9)[1])
    h = Planned(past)
    assert h.at(1, hour, minute) == []
    assert h.kinds(h.to(100 + left_s if left_s else 201)) == ["test_closed"]


def test_a_clock_set_a_year_ahead_in_a_window_changes_nothing_of_it() -> None:
    h = Planned()
    h.at(1, 9)
    h.pump.scheduled(local(1, 3)[0], UTC0 + 366 * DAY, h.now_ns)
    assert h.pump.muting
    assert h.kinds(h.to(200 + 3600)) == ["test_closed"]


# --- patrol ---


def test_patrol() -> None:
    h = Hand(patrol_days=7)
    h.pump.dates(0)
    assert h.kinds(h.put(300, patrol=True)) == ["patrol_started"]
    assert h.kinds(h.put(301, running=True)) == ["started"], "not raised as running"
    assert h.state is State.RUN_PATROL
    assert h.kinds(h.put(430, running=False)) == ["stopped"]
    assert h.put(431, patrol=False) == [PumpPatrolFinished(source="p", run_ms=131_000, interrupted=False)]
    assert "patrol_missed" not in h.kinds(h.pump.dates(6 * DAY))
    assert "patrol_missed" in h.kinds(h.pump.dates(14 * DAY))


def test_demand_in_a_patrol_is_real_at_once() -> None:
    h = Hand()
    h.put(300, patrol=True)
    h.put(301, running=True)
    assert h.kinds(h.put(310, demand=True)) == ["demand", "running"]
    assert h.state is State.RUN_DEMAND
    assert h.put(311, patrol=False) == [PumpPatrolFinished(source="p", run_ms=11_000, interrupted=True)]


def test_a_patrol_too_short_and_one_that_does_not_end() -> None:
    h = Hand()
    h.put(300, patrol=True)
    h.put(301, running=True)
    found = h.put(360, patrol=False)
    assert PumpPatrolFault(source="p", run_ms=60_000, needed_s=120) in found
    assert h.kinds(h.to(365)) == ["unexpected_run"]


# --- jockey ---


def jockey_runs(h: Hand, start_s: int, times: int, every_s: int = 60) -> list[Event]:
    events: list[Event] = []
    for number in range(times):
        events += h.put(start_s + number * every_s, jockey=True)
        events += h.put(start_s + number * every_s + 5, jockey=False)
    return events


def test_jockey_short_cycle_and_its_warning() -> None:
    h = Hand()
    assert h.kinds(jockey_runs(h, 1000, 15)) == ["jockey_frequent"]
    assert h.kinds(jockey_runs(h, 1900, 1)) == ["jockey_short_cycle"]
    assert h.kinds(h.to(1000 + 3600)) == ["restored"], "fifteen left in the hour"
    assert h.kinds(h.to(20_000)) == ["restored"]


def test_the_warning_follows_the_usual() -> None:
    """Twice the median of a week of hours, once a day of them is known."""
    h = Hand()
    for hour in range(30):
        jockey_runs(h, 3600 * (hour + 1), 2)
    assert h.kinds(jockey_runs(h, 3600 * 32, 4)) == []
    assert h.kinds(jockey_runs(h, 3600 * 32 + 600, 1)) == ["jockey_frequent"]


def test_jockey_long_run_and_day() -> None:
    h = Hand()
    h.pump.dates(10 * DAY)
    h.put(300, jockey=True)
    assert h.kinds(h.to(900)) == ["jockey_long_run"]
    assert h.kinds(h.put(1000, jockey=False)) == ["restored"]
    assert PumpJockeyDay(source="p", starts=1, run_s=700, longest_s=700) in h.pump.dates(11 * DAY)


# --- starts and restarts (ruling 7) ---


@pytest.mark.parametrize(
    ("running", "demand", "past", "state"),
    [
        (False, False, Past(), State.READY),
        (False, True, Past(), State.STARTING),
        (True, True, Past(), State.RUN_DEMAND),
        (True, False, Past(), State.RUN_UNEXPLAINED),
        (True, False, Past(cause="demand"), State.RUN_POST),
        (True, False, Past(cause="command"), State.RUN_DEMAND),
        (True, False, Past(cause="test"), State.RUN_UNEXPLAINED),
        (True, False, Past(cause="test", window=("manual", 600, "anna")), State.RUN_TEST),
        (True, True, Past(cause="test", window=("manual", 600, "anna")), State.RUN_DEMAND),
        (True, False, Past(cause="patrol"), State.RUN_UNEXPLAINED),
        (True, False, Past(cause="found"), State.RUN_UNEXPLAINED),
        (True, False, Past(cause="explained"), State.RUN_DEMAND),
        (False, True, Past(cause="demand"), State.RUN_DEMAND),
        (False, True, Past(alarms=frozenset({"pump.fail_to_start"})), State.FAIL_TO_START),
        (False, True, Past(alarms=frozenset({"pump.stopped_on_demand"})), State.STOPPED_ON_DEMAND),
        (False, False, Past(waits=frozenset({"pump.fail_to_start"})), State.FAIL_TO_START),
        (False, False, Past(waits=frozenset({"pump.stopped_on_demand"})), State.STOPPED_ON_DEMAND),
    ],
)
def test_taken_up_after_a_boot_in_silence(running: bool, demand: bool, past: Past, state: State) -> None:
    pump = Pump("p", Limits(), ALL)
    pump.resume({**WELL, "running": running, "demand": demand}, past, 7 * SEC)
    assert pump.contact("running", running, 8 * SEC, found=True) == []
    assert pump.contact("demand", demand, 8 * SEC, found=True) == []
    assert pump.state is (State.UNKNOWN if state is State.READY else state)
    if past.cause == "demand" and not running:
        assert pump.elapse(9 * SEC) == [
            PumpStopped(source="p", run_ms=None),
            PumpStoppedOnDemand(source="p", limit_ms=LOST_MS),
        ]
        return
    pump.elapse(12 * SEC - 1)
    assert pump.state is (State.UNKNOWN if state is State.READY else state)
    pump.elapse(12 * SEC)
    assert pump.state is state
    told = pump.at_start()
    assert [event.KIND for event in told] == (["pump.running"] if running and state is not State.RUN_TEST else [])


def test_found_running_is_no_start_by_anybody() -> None:
    pump = Pump("p", Limits(), ALL)
    pump.resume(WELL, Past(), 0)
    assert pump.contact("running", True, SEC, found=True)[0] == PumpStarted(source="p", cause="found")
    assert pump.contact("demand", True, SEC, found=True)[0] == PumpDemand(source="p", found=True)
    assert pump.contact("running", False, 9 * SEC) == []
    assert pump.elapse(11 * SEC)[0] == PumpStopped(source="p", run_ms=None)


def test_stopped_while_nobody_looked() -> None:
    pump = Pump("p", Limits(), ALL)
    pump.resume({**WELL, "running": True}, Past(cause="demand"), 0)
    assert pump.contact("running", False, SEC, found=True) == [PumpStopped(source="p", run_ms=None)]
    pump.resume({**WELL, "running": True, "demand": True}, Past(cause="demand"), 0)
    pump.contact("running", False, SEC, found=True)
    assert pump.at_start() == [], "it does not run any more"
    assert pump.elapse(3 * SEC)[1] == PumpStoppedOnDemand(source="p", limit_ms=LOST_MS)


@pytest.mark.parametrize(
    ("cause", "kind"), [("none", "pump.unexpected_run"), ("found", "pump.unexpected_run"), ("demand", "pump.overrun")]
)
def test_an_alarm_of_a_run_that_stood_before_a_boot_is_not_said_anew(cause: str, kind: str) -> None:
    pump = Pump("p", Limits(), ALL)
    pump.resume({**WELL, "running": True}, Past(cause=cause, alarms=frozenset({kind})), 0)
    assert [event.KIND for event in pump.elapse(3600 * SEC)] == []
    assert kind in pump.standing()
    assert PumpRestored(source="p", was=kind) in pump.contact("running", False, 3601 * SEC)


def test_a_run_that_ended_while_the_board_went_down_is_ended_after_the_boot() -> None:
    pump = Pump("p", Limits(), ALL)
    pump.resume(WELL, Past(cause="demand"), 0)
    assert pump.at_start() == [PumpStopped(source="p", run_ms=None)]
    assert pump.at_start() == []


def test_a_person_who_explained_a_run_is_believed_after_a_boot() -> None:
    facts = [(PumpStarted(source="p", cause="none"), 1), (PumpClassified(source="p", by="anna", reason="wash"), 2)]
    assert past_of("p", facts).cause == "explained"
    assert past_of("p", [*facts, (PumpStopped(source="p", run_ms=9), 3)]).cause == ""


def test_what_stood_before_a_boot_and_is_over_is_said_so() -> None:
    pump = Pump("p", Limits(), ALL)
    pump.resume(WELL, Past(alarms=frozenset({"pump.overrun"})), 0)
    assert pump.elapse(SEC) == [PumpRestored(source="p", was="pump.overrun")]


def life(restarts: bool) -> list[Event]:
    h, events = Hand(), list[Event]()

    def restart() -> None:
        if restarts:
            state = json.loads(json.dumps(h.pump.snapshot()))
            h.pump = Pump("p", h.limits, ALL)
            h.pump.restore(state)

    steps: list[dict[str, bool]] = [
        {"auto": False}, {"demand": True}, {"running": True}, {"auto": True}, {"demand": False}, {"running": False},
        {"jockey": True}, {"patrol": True}, {"running": True}, {"patrol": False}, {"running": False},
        {"jockey": False}, {"power": False}, {"demand": True}, {"running": True}, {"running": False}, {"power": True},
        {"demand": False},
    ]  # fmt: skip
    for number, step in enumerate(steps):
        restart()
        events += h.put(300 + 40 * number, **step)
    events += h.window(2000)
    for number, step in enumerate([{"demand": True}, {"running": True}, {"demand": False}, {"running": False}]):
        restart()
        events += h.put(2010 + 5 * number, **step)
    restart()
    return events + h.to(9000)


def test_a_life_with_restarts_is_the_same_life() -> None:
    assert life(True) == life(False)
    assert len(life(False)) > 30


@pytest.mark.parametrize("junk", [{}, {"stage": "dancing"}, []])
def test_a_snapshot_that_is_none_is_refused(junk: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        Pump("p", Limits()).restore(junk)
