"""Alarms: all states x all inputs, and what people ask of them."""

from __future__ import annotations

import itertools

import pytest

from agent.core.alarm import RESTORES, SIGNALS, TABLE, Alarms, Input, State, alarm_id, classed
from agent.core.events import (
    KINDS,
    AlarmAcknowledged,
    AlarmRaised,
    AlarmReset,
    AlarmRestored,
    AlarmSilenced,
    Event,
    PointChattering,
    PointFound,
    PumpFailToStart,
    Signal,
    TroubleCleared,
    TroubleRaised,
)

FAIL = PumpFailToStart(source="p", limit_s=30)
ID = "pump.fail_to_start:p"
STATES = (None, *State)


@pytest.mark.parametrize(("state", "what"), list(itertools.product(STATES, Input)))
def test_every_state_with_every_input(state: State | None, what: Input) -> None:
    """No pair is missing; a latch opens by reset alone, and only when restored and acknowledged."""
    after = TABLE[state, what]
    if state is not None and after is None:
        assert (state, what) == (State.RESTING, Input.RESET)
    if what is Input.RESET and state is not State.RESTING:
        assert isinstance(after, str)
        assert after not in list(State)
    if what is Input.RAISE:
        assert after in (State.STANDING, State.ACKNOWLEDGED)
        assert (after is State.ACKNOWLEDGED) == (state is State.ACKNOWLEDGED)


def reach(state: State) -> Alarms:
    alarms = Alarms()
    alarms.raise_(FAIL, 0, Signal.ALARM)
    if state in (State.ACKNOWLEDGED, State.RESTING):
        alarms.acknowledge(ID, "anna")
    if state in (State.GONE, State.RESTING):
        alarms.restore(ID)
    assert alarms.latched[ID].state is state
    return alarms


@pytest.mark.parametrize(("state", "what"), list(itertools.product(State, Input)))
def test_the_object_walks_the_table(state: State, what: Input) -> None:
    alarms, after = reach(state), TABLE[state, what]
    said: list[Event]
    said, reason = {
        Input.RAISE: lambda: (alarms.raise_(FAIL, 1, Signal.ALARM), ""),
        Input.RESTORE: lambda: (alarms.restore(ID), ""),
        Input.ACKNOWLEDGE: lambda: alarms.acknowledge(ID, "anna"),
        Input.RESET: lambda: alarms.reset(ID, "anna"),
    }[what]()
    now = alarms.latched.get(ID)
    if isinstance(after, State):
        assert now is not None
        assert now.state is after
        assert bool(said) == (after is not state)
    elif after is None:
        assert now is None
        assert said == [AlarmReset(source=ID, signal=Signal.ALARM, by="anna")]
    else:
        assert now is not None
        assert now.state is state
        assert (said, reason) == ([], after)


def test_a_whole_life() -> None:
    alarms = Alarms()
    assert alarms.raise_(FAIL, 5, Signal.ALARM) == [
        AlarmRaised(source=ID, signal=Signal.ALARM, on="pump.fail_to_start", of="p", first=True)
    ]
    assert alarms.raise_(FAIL, 6, Signal.ALARM) == []
    assert alarms.silence("*", "anna")[0] == [AlarmSilenced(source=ID, signal=Signal.ALARM, by="anna")]
    assert alarms.silence("*", "anna") == ([], "silenced already")
    assert alarms.restore(ID) == [AlarmRestored(source=ID, signal=Signal.ALARM)]
    assert alarms.raise_(FAIL, 9, Signal.ALARM) != []
    assert not alarms.latched[ID].silenced, "a new raise sounds again"
    assert alarms.acknowledge(ID, "anna")[0] == [AlarmAcknowledged(source=ID, signal=Signal.ALARM, by="anna")]
    assert alarms.reset("*", "anna") == ([], "its condition still stands")
    alarms.restore(ID)
    alarms.reset("*", "anna")
    assert alarms.latched == {}


def test_all_at_once_and_none_there() -> None:
    alarms = Alarms()
    assert alarms.acknowledge("*", "anna") == ([], "there is no alarm")
    assert alarms.reset("door.held_open:x", "anna") == ([], "there is no such alarm")
    assert alarms.silence("door.held_open:x", "anna") == ([], "there is no such alarm")
    alarms.raise_(FAIL, 0, Signal.ALARM)
    alarms.raise_(PointChattering(source="x", edges_per_s=9), 0, Signal.TROUBLE)
    assert [e.source for e in alarms.acknowledge("*", "anna")[0]] == [ID, "point.chattering:x"]
    alarms.restore(ID)
    assert [e.source for e in alarms.reset("*", "anna")[0]] == [ID]
    assert list(alarms.latched) == ["point.chattering:x"]


def test_ids_tell_troubles_apart_and_join_found_with_changed() -> None:
    raised = TroubleRaised(source="panel", what="journal", detail="disk full")
    cleared = TroubleCleared(source="panel", what="journal", detail="")
    assert alarm_id(raised) == alarm_id(cleared) == "trouble.raised:panel:journal"
    assert alarm_id(PointFound(source="flood", closed=True, decided_mono_ns=0)) == "point.changed:flood"


def test_classes() -> None:
    assert classed(FAIL).signal is Signal.ALARM
    own = PumpFailToStart(source="p", limit_s=30, signal=Signal.TROUBLE)
    assert classed(own).signal is Signal.TROUBLE
    cleared = TroubleCleared(source="panel", what="x", detail="")
    assert classed(cleared) is cleared


def test_the_tables_name_kinds_that_exist() -> None:
    assert set(SIGNALS) <= set(KINDS)
    assert {kind for pair in RESTORES.items() for kind in (pair[0], *pair[1])} <= set(KINDS)
    assert set(RESTORES).isdisjoint(SIGNALS), "what says that something is over is no alarm"


@pytest.mark.parametrize("state", list(State))
def test_retold_it_is_the_same_alarm(state: State) -> None:
    alarms = reach(state)
    kinds = [event.KIND for event in alarms.retell(alarms.latched[ID])]
    assert kinds[0] == "alarm.raised"
    assert ("alarm.acknowledged" in kinds) == (state in (State.ACKNOWLEDGED, State.RESTING))
    assert ("alarm.restored" in kinds) == (state in (State.GONE, State.RESTING))
    assert "alarm.silenced" not in kinds
    alarms.silence("*", "anna")
    assert "alarm.silenced" in [event.KIND for event in alarms.retell(alarms.latched[ID])]


def test_what_came_first_is_marked_until_it_is_acknowledged() -> None:
    alarms = Alarms()

    def first(source: str) -> bool:
        (raised,) = alarms.raise_(PumpFailToStart(source=source, limit_s=1), 0, Signal.ALARM)
        return bool(raised.data()["first"])

    assert first("a")
    assert not first("b")
    alarms.acknowledge("*", "anna")
    assert first("c")
    alarms.restore("pump.fail_to_start:c")
    assert first("c"), "the same again: nothing else came before it"
    assert [alarm.first for alarm in alarms.latched.values()] == [True, False, True]
    assert alarms.retell(alarms.latched["pump.fail_to_start:b"])[0].data()["first"] is False


def test_a_drill_stays_marked_to_its_end() -> None:
    alarms = Alarms()
    events = alarms.raise_(PumpFailToStart(source="p", limit_s=1, drill=True), 0, Signal.ALARM)
    events += alarms.silence("*", "anna")[0] + alarms.acknowledge("*", "anna")[0] + alarms.restore(ID)
    events += alarms.retell(alarms.latched[ID]) + alarms.reset("*", "anna")[0]
    assert {event.KIND for event in events} == {
        f"alarm.{what}" for what in ("raised", "silenced", "acknowledged", "restored", "reset")
    }
    assert all(event.drill for event in events)
