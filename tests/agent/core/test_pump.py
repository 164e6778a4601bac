"""The fire-pump machine: all states x all inputs, the limits, and what is never a start."""

from __future__ import annotations

import itertools

import pytest

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
from agent.core.pump import (
    DEMANDED,
    LOST_MS,
    RESUMED,
    RUNNING,
    SELECTOR,
    STANDING,
    TABLE,
    Input,
    Limits,
    Pump,
    Say,
    Selector,
    State,
    Turn,
)

S = State
SEC = 1_000_000_000


def running_by_contact(state: S) -> bool:
    return state in RUNNING and state is not S.RUN_LOST


@pytest.mark.parametrize(("state", "what"), list(itertools.product(S, Input)))
def test_every_state_with_every_input(state: S, what: Input) -> None:
    """Where a step leads agrees with what the contacts say; an input that is no news changes nothing."""
    known = (state, what) in TABLE
    after, said = TABLE.get((state, what), (state, ()))
    news = {
        Input.RUN: not running_by_contact(state),
        Input.STOP: running_by_contact(state),
        Input.DEMAND: state not in DEMANDED,
        Input.NO_DEMAND: state in DEMANDED,
        Input.LIMIT: state in (S.STARTING, S.RUN_LOST, S.RUN_NO_CAUSE),
    }[what]
    assert known == news
    if not known:
        return
    if what in (Input.RUN, Input.STOP):
        assert running_by_contact(after) == (what is Input.RUN)
        assert (after in DEMANDED) == (state in DEMANDED)
    if what in (Input.DEMAND, Input.NO_DEMAND):
        assert (after in DEMANDED) == (what is Input.DEMAND)
        assert running_by_contact(after) == running_by_contact(state)
        assert (Say.WITHDRAWN in said) == (what is Input.NO_DEMAND)
    gone = STANDING.get(state, frozenset()) - STANDING.get(after, frozenset())
    said_over = {one for one in said if one.endswith("_over")}
    assert all(f"pump.{one.removesuffix('_over')}" in gone for one in said_over)


@pytest.mark.parametrize(("selector", "turn"), list(itertools.product(Selector, Turn)))
def test_every_selector_with_every_turn(selector: Selector, turn: Turn) -> None:
    after, lost, restored = SELECTOR.get((selector, turn), (selector, False, False))
    if turn is Turn.TO_AUTO:
        assert after is Selector.IN_AUTO
    if turn is Turn.FROM_AUTO:
        assert after is not Selector.IN_AUTO
    assert lost == ((selector, turn) == (Selector.LEFT, Turn.LIMIT))
    assert restored == ((selector, turn) == (Selector.NOT_IN_AUTO, Turn.TO_AUTO))


def pump(**limits: int) -> Pump:
    return Pump("p", Limits(**limits))


def kinds(events: list[Event]) -> list[str]:
    return [event.KIND for event in events]


def test_demand_run_withdrawn_stopped() -> None:
    p = pump()
    assert p.demand(True, 100 * SEC) == [PumpDemand(source="p")]
    assert p.due_ns() == 130 * SEC
    assert p.running(True, 104 * SEC) == [PumpStarted(source="p", cause="demand", start_ms=4000)]
    assert p.due_ns() is None
    assert p.demand(False, 160 * SEC) == [PumpDemandWithdrawn(source="p", ran=True)]
    assert p.running(False, 164 * SEC) == [PumpStopped(source="p", run_ms=60_000)]
    assert p.state is S.IDLE


def test_fail_to_start_counts_from_the_edge_of_the_demand() -> None:
    p = pump(fail_to_start_s=30)
    p.demand(True, 100 * SEC)
    assert p.elapse(130 * SEC - 1) == []
    assert p.elapse(131 * SEC) == [PumpFailToStart(source="p", limit_s=30)]
    assert p.standing() >= {"pump.fail_to_start"}
    assert p.running(True, 140 * SEC) == [
        PumpStarted(source="p", cause="demand", start_ms=40_000),
        PumpRestored(source="p", was="pump.fail_to_start"),
    ]
    assert p.standing() == {"pump.started", "pump.demand"}


def test_demand_gone_before_it_ran() -> None:
    p = pump()
    p.demand(True, 0)
    assert p.demand(False, 2 * SEC) == [PumpDemandWithdrawn(source="p", ran=False)]
    assert p.elapse(500 * SEC) == []


def test_a_short_loss_of_running_is_the_same_run() -> None:
    p = pump()
    p.demand(True, 0)
    p.running(True, SEC)
    assert p.running(False, 10 * SEC) == []
    assert p.elapse(10 * SEC + 1_999_000_000) == []
    assert p.running(True, 11 * SEC) == []
    assert p.demand(False, 20 * SEC) == [PumpDemandWithdrawn(source="p", ran=True)]
    assert p.running(False, 21 * SEC) == [PumpStopped(source="p", run_ms=20_000)]


def test_stopped_on_demand_after_two_seconds() -> None:
    p = pump()
    p.demand(True, 0)
    p.running(True, SEC)
    p.running(False, 10 * SEC)
    assert p.elapse(12 * SEC) == [
        PumpStopped(source="p", run_ms=9_000),
        PumpStoppedOnDemand(source="p", limit_ms=LOST_MS),
    ]
    assert p.running(True, 20 * SEC) == [
        PumpStarted(source="p", cause="demand", start_ms=None),
        PumpRestored(source="p", was="pump.stopped_on_demand"),
    ]
    p.demand(False, 30 * SEC)
    assert p.running(False, 31 * SEC) == [PumpStopped(source="p", run_ms=11_000)]


def test_demand_gone_while_running_is_lost() -> None:
    p = pump()
    p.demand(True, 0)
    p.running(True, SEC)
    p.running(False, 10 * SEC)
    assert p.demand(False, 11 * SEC) == [
        PumpDemandWithdrawn(source="p", ran=True),
        PumpStopped(source="p", run_ms=9_000),
    ]
    assert p.elapse(99 * SEC) == []


def test_unexpected_run() -> None:
    p = pump()
    assert p.running(True, 50 * SEC) == [PumpStarted(source="p", cause="none")]
    assert p.elapse(55 * SEC) == [PumpUnexpectedRun(source="p", limit_s=5)]
    assert kinds(p.running(False, 60 * SEC)) == ["pump.stopped", "pump.restored"]


def test_demand_explains_a_run() -> None:
    p = pump()
    p.running(True, 50 * SEC)
    assert kinds(p.demand(True, 51 * SEC)) == ["pump.demand"]
    assert p.elapse(99 * SEC) == []
    q = pump()
    q.running(True, 0)
    q.elapse(5 * SEC)
    assert kinds(q.demand(True, 6 * SEC)) == ["pump.demand", "pump.restored"]


def test_without_a_demand_contact_no_run_is_unexpected() -> None:
    p = Pump("p", Limits(unexpected_run_s=None))
    p.running(True, 0)
    assert p.due_ns() is None
    assert p.elapse(10**6 * SEC) == []


def test_not_in_auto() -> None:
    p = pump()
    assert p.auto(False, 5 * SEC) == []
    assert p.auto(True, 9 * SEC) == []
    assert p.elapse(100 * SEC) == []
    p.auto(False, 200 * SEC)
    assert p.elapse(210 * SEC) == [PumpNotInAuto(source="p", limit_s=10)]
    assert "pump.not_in_auto" in p.standing()
    assert p.auto(True, 300 * SEC) == [PumpRestored(source="p", was="pump.not_in_auto")]
    assert p.standing() == frozenset()


def test_both_limits_in_one_call() -> None:
    p = pump()
    p.demand(True, 0)
    p.auto(False, 0)
    assert kinds(p.elapse(60 * SEC)) == ["pump.fail_to_start", "pump.not_in_auto"]


def test_found_running_is_no_start_by_anybody() -> None:
    p = pump()
    p.resume(False, False, True, 0)
    assert p.running(True, SEC, found=True) == [PumpStarted(source="p", cause="found")]
    assert p.demand(True, SEC, found=True) == [PumpDemand(source="p", found=True)]
    assert p.running(False, 9 * SEC) == []
    assert p.elapse(11 * SEC)[0] == PumpStopped(source="p", run_ms=None)


@pytest.mark.parametrize(("running", "demand"), RESUMED)
def test_recorded_levels_are_taken_up_in_silence(running: bool, demand: bool) -> None:
    p = pump()
    p.resume(running, demand, True, 7 * SEC)
    assert (p.state in RUNNING) == running
    assert (p.state in DEMANDED) == demand
    assert p.running(running, 8 * SEC, found=True) == []
    assert p.demand(demand, 8 * SEC, found=True) == []


def test_stopped_while_nobody_looked() -> None:
    p = pump()
    p.resume(True, False, True, 0)
    assert p.running(False, SEC, found=True) == [PumpStopped(source="p", run_ms=None)]


def test_a_restart_keeps_state_and_times() -> None:
    p = pump()
    p.demand(True, 100 * SEC)
    p.auto(False, 125 * SEC)
    again = pump()
    again.restore(p.snapshot())
    assert again.due_ns() == 130 * SEC
    assert kinds(again.elapse(135 * SEC)) == ["pump.fail_to_start", "pump.not_in_auto"]
    assert again.running(True, 140 * SEC)[0] == PumpStarted(source="p", cause="demand", start_ms=40_000)


def test_a_snapshot_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="times"):
        pump().restore(["idle", "in_auto", None, 0, None, None])
