"""Permits: each ends by itself, by a person, or with a boot whose clock cannot say how long it still has."""

from __future__ import annotations

from agent.core.chain import Stamp
from agent.core.events import (
    DrillEnded,
    DrillStarted,
    FootageStopped,
    ImpairmentEnded,
    ImpairmentStarted,
    VisitClosed,
    VisitOpened,
)
from agent.core.people import Role
from agent.core.permits import DISK, ENDED, ENDS, KINDS, PERMITS_MAX, Permits, began_ns, may_sign, things_of

S = 1_000_000_000
VISIT = VisitOpened(source="v-1", who="Li", reason="meter", what="visit", of=["gate"], for_s=60, by="anna")
WORK = VisitOpened(source="v-2", who="Wu", reason="repair", what="work", of=[], for_s=90, by="anna")
OUT = ImpairmentStarted(source="i-1", of=["pump-1"], reason="seal", measures="watch", for_s=30, by="anna")
DRILL = DrillStarted(source="d-1", of=["smoke"], reason="yearly", for_s=20, by="anna")


def test_visits_by_door() -> None:
    permits = Permits()
    permits.take(VISIT, 0, 0)
    assert [one.who for one in permits.visits("gate")] == ["Li"]
    assert permits.visits("door") == []
    assert not permits.work()
    permits.take(WORK, 0, 0)
    assert [one.id for one in permits.visits("door")] == ["v-2"], "no doors named: all of them"
    assert permits.work()


def test_each_ends_by_itself() -> None:
    permits = Permits()
    for event in (VISIT, OUT, DRILL):
        assert permits.take(event, 5 * S, 6 * S) == []
    assert permits.impaired("pump-1")
    assert not permits.impaired("pump-2")
    assert permits.drilled("other", "smoke")
    assert permits.due_ns() == 25 * S
    assert permits.elapse(25 * S - 1) == []
    assert permits.elapse(25 * S) == [DrillEnded(source="d-1", by="limit")]
    assert permits.elapse(99 * S) == [VisitClosed(source="v-1", by="limit"), ImpairmentEnded(source="i-1", by="limit")]
    assert permits.due_ns() is None


def test_a_person_ends_it_and_nothing_else_of_that_name() -> None:
    permits = Permits()
    permits.take(OUT, 0, 0)
    permits.take(VisitClosed(source="i-1", by="anna"), 1, 1)
    assert permits.impaired("pump-1")
    assert permits.take(ImpairmentEnded(source="i-1", by="anna"), 1, 1) == []
    assert not permits.impaired("pump-1")
    assert permits.take(ImpairmentEnded(source="i-1", by="anna"), 1, 1) == []


def test_one_that_comes_too_late_ends_at_once() -> None:
    permits = Permits()
    assert permits.take(OUT, 0, 30 * S) == [ImpairmentEnded(source="i-1", by="limit")]
    assert permits.take(OUT, None, 0) == [ImpairmentEnded(source="i-1", by="restart")]
    assert permits.standing == {}


def test_there_is_a_most() -> None:
    permits = Permits()
    for number in range(PERMITS_MAX):
        permits.take(VisitOpened(source=f"v{number}", who="", reason="", what="visit", of=[], for_s=9, by=""), 0, 0)
    assert permits.take(VISIT, 0, 0) == [VisitClosed(source="v-1", by="too many")]


def test_when_it_began_by_this_boots_clock() -> None:
    now = Stamp(1000 * S, "now", 50 * S, "synced")
    assert began_ns(Stamp(1, "now", 20 * S, "unset"), now) == 20 * S
    assert began_ns(Stamp(990 * S, "before", 7, "rtc"), now) == 40 * S
    assert began_ns(Stamp(990 * S, "before", 7, "unset"), now) is None
    assert began_ns(Stamp(990 * S, "before", 7, "rtc"), now._replace(clock="unset")) is None


def test_each_beginning_has_its_end() -> None:
    assert set(ENDED.values()) == set(ENDS)
    assert {ENDS[kind]("x", "anna").KIND for kind in ENDS} == set(ENDED)
    assert set(ENDS) | set(ENDED) == KINDS


def test_the_disk_is_out_of_order_by_a_signed_permit_alone() -> None:
    for signed in ({}, {"sig": "x"}, {"request": 7}):
        permits = Permits()
        more: dict[str, object] = {
            "of": ["yard", DISK],
            "for_s": 60,
            "reason": "full",
            "measures": "spare",
            "by": "saf",
        }
        permits.take(ImpairmentStarted(source="i-2", **more, **signed), 0, 0)  # type: ignore[arg-type]
        assert (permits.impaired("yard"), permits.impaired(DISK)) == (True, bool(signed))
    roles = frozenset({Role.SUPERVISOR, Role.SAFETY_OFFICE})
    assert may_sign(["yard"], roles) == roles
    assert may_sign(["yard", DISK], roles) == {Role.SAFETY_OFFICE}


def test_what_a_stop_of_recording_is_about() -> None:
    about = {"wrong volume: gone": (DISK,), "write error: /f": (DISK,), "read-only: /f": (DISK,), "disk full: /f": ()}
    for reason, things in about.items():
        assert things_of(FootageStopped(source="yard", reason=reason)) == things
    assert things_of(VISIT) == ()
