"""Escalation: the next contact is told while nobody acknowledges, and no longer than that."""

from __future__ import annotations

from dataclasses import replace

from agent.core.alarm import Alarm, State
from agent.core.escalation import Contact, Escalation
from agent.core.events import AlarmEscalated, ContactTold, Signal

S = 1_000_000_000
ID = "smoke.detected:hall"
ALARM = Alarm(ID, "smoke.detected", "hall", Signal.ALARM)
CONTACTS = (Contact("duty", 120), Contact("chief", 60), Contact("office", 60))
LATCHED = {ID: ALARM}


def test_one_after_the_other() -> None:
    escalation = Escalation(CONTACTS)
    told = ContactTold(source="duty", signal=Signal.ALARM, about=ID, on="smoke.detected", of="hall")
    assert escalation.raised(ALARM, ["duty", "chief", "office"], 0) == [told]
    assert escalation.due_ns() == 120 * S
    assert escalation.elapse(LATCHED, 120 * S - 1) == []
    (second,) = escalation.elapse(LATCHED, 120 * S)
    assert second == AlarmEscalated(source=ID, signal=Signal.ALARM, to="chief", step=2, steps=3, after_s=120)
    assert escalation.due_ns() == 180 * S
    (third,) = escalation.elapse(LATCHED, 181 * S)
    assert third == AlarmEscalated(source=ID, signal=Signal.ALARM, to="office", step=3, steps=3, after_s=60)
    assert escalation.due_ns() is None, "there is nobody left to tell"


def test_acknowledged_or_reset_it_goes_no_further() -> None:
    for latched in ({ID: replace(ALARM, state=State.ACKNOWLEDGED)}, {}):
        escalation = Escalation(CONTACTS)
        escalation.raised(ALARM, ["duty", "chief"], 0)
        assert escalation.elapse(latched, 500 * S) == []
        assert escalation.waiting == {}


def test_restored_and_not_acknowledged_it_goes_on() -> None:
    escalation = Escalation(CONTACTS)
    escalation.raised(ALARM, ["duty", "chief"], 0)
    assert len(escalation.elapse({ID: replace(ALARM, state=State.GONE)}, 120 * S)) == 1


def test_nobody_to_tell_and_names_that_are_gone() -> None:
    escalation = Escalation(CONTACTS)
    assert escalation.raised(ALARM, [], 0) == []
    assert escalation.raised(ALARM, ["nobody"], 0) == []
    (told,) = escalation.raised(ALARM, ["nobody", "chief"], 0)
    assert told.source == "chief"
    assert escalation.due_ns() is None


def test_raised_anew_it_begins_anew() -> None:
    escalation = Escalation(CONTACTS)
    escalation.raised(ALARM, ["duty", "chief"], 0)
    escalation.elapse(LATCHED, 120 * S)
    assert [event.source for event in escalation.raised(ALARM, ["duty", "chief"], 200 * S)] == ["duty"]
    assert escalation.due_ns() == 320 * S


def test_after_a_boot_the_first_is_not_told_again() -> None:
    escalation = Escalation(CONTACTS)
    escalation.resume(ALARM, ["duty", "chief"], 1000 * S)
    escalation.resume(replace(ALARM, id="other", state=State.RESTING), ["duty", "chief"], 1000 * S)
    assert escalation.due_ns() == 1120 * S
    assert [event.data()["to"] for event in escalation.elapse(LATCHED, 1120 * S)] == ["chief"]


def test_a_drill_is_marked() -> None:
    escalation = Escalation(CONTACTS)
    alarm = replace(ALARM, drill=True)
    told = escalation.raised(alarm, ["duty", "chief"], 0)
    assert all(event.drill for event in [*told, *escalation.elapse({ID: alarm}, 120 * S)])
