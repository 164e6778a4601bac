"""Arming: hours of the week, commands that hold until the hours change, and a board without a clock."""

from __future__ import annotations

import pytest

from agent.core.arming import Arming, Hours
from agent.core.chain import Stamp
from agent.core.events import Event, PointArmed, PointDisarmed

S = 1_000_000_000
MON, FRI, SAT, SUN = 0, 4, 5, 6
NIGHTS = Hours(frozenset({MON, FRI}), 19 * 60, 6 * 60 + 30)
OFFICE = Hours(frozenset({MON}), 9 * 60, 17 * 60)


@pytest.mark.parametrize(
    ("hours", "day", "time", "covered"),
    [
        (OFFICE, MON, "08:59", False),
        (OFFICE, MON, "09:00", True),
        (OFFICE, MON, "16:59", True),
        (OFFICE, MON, "17:00", False),
        (OFFICE, MON + 1, "12:00", False),
        (NIGHTS, FRI, "18:59", False),
        (NIGHTS, FRI, "19:00", True),
        (NIGHTS, SAT, "06:29", True),
        (NIGHTS, SAT, "06:30", False),
        (NIGHTS, SAT, "19:00", False),
        (NIGHTS, MON, "03:00", False),
        (Hours(frozenset({SUN}), 19 * 60, 6 * 60), MON, "03:00", True),
    ],
)
def test_hours_cover(hours: Hours, day: int, time: str, covered: bool) -> None:
    minute = int(time[:2]) * 60 + int(time[3:])
    assert hours.cover(day, minute) is covered


class Site:
    """One door with hours and one without; a clock that is moved by hand."""

    def __init__(self) -> None:
        self.day, self.minute, self.clock, self.mono_ns = MON, 12 * 60, "synced", 0
        self.arming = Arming(["gate", "door"], {"gate": [NIGHTS]}, lambda at_ns: (self.day, self.minute))

    def at(self, day: int, hour: int) -> list[Event]:
        self.day, self.minute = day, hour * 60
        self.mono_ns += 60 * S
        return self.arming.elapse(Stamp(1, "boot", self.mono_ns, self.clock))


def test_the_hours_arm_and_disarm_once() -> None:
    site = Site()
    assert site.at(MON, 12) == []
    assert site.at(MON, 19) == [PointArmed(source="gate", by="schedule", planned=True)]
    assert site.at(MON, 23) == []
    assert site.at(MON + 1, 7) == [PointDisarmed(source="gate", by="schedule", planned=False)]


def test_a_command_holds_until_the_hours_change() -> None:
    site = Site()
    site.at(MON, 20)
    assert site.arming.ask("gate", False, "anna") == ([PointDisarmed(source="gate", by="anna", planned=True)], "")
    assert site.at(MON, 21) == []
    assert site.at(MON + 1, 7) == [], "disarmed already"
    assert site.at(FRI, 20) == [PointArmed(source="gate", by="schedule", planned=True)]


def test_a_door_without_hours_does_as_it_is_told() -> None:
    arming = Site().arming
    assert arming.ask("door", True, "anna")[0] == [PointArmed(source="door", by="anna", planned=False)]
    assert arming.ask("door", True, "anna") == ([], "armed already")
    assert arming.ask("attic", True, "anna") == ([], "there is no such door")
    assert [event.source for event in arming.ask("*", False, "anna")[0]] == ["door"]
    assert arming.ask("*", False, "anna") == ([], "disarmed already")


def test_without_a_clock_everything_stays_and_is_said_to_be_blind() -> None:
    site = Site()
    site.at(MON, 20)
    site.clock = "unset"
    assert site.at(MON + 1, 7) == []
    assert site.arming.blind
    assert site.arming.doors["gate"].armed
    site.arming.anchor = ("another boot", 5)
    site.at(MON + 1, 7)
    assert site.arming.blind
    site.arming.anchor = ("boot", 5)
    assert site.at(MON + 1, 7) == [PointDisarmed(source="gate", by="schedule", planned=False)]
    assert not site.arming.blind


def test_a_command_from_before_a_boot_still_holds() -> None:
    site = Site()
    site.arming.recorded(PointDisarmed(source="gate", by="anna", planned=True))
    assert site.at(MON, 20) == []
    other = Site()
    other.arming.recorded(PointArmed(source="gate", by="schedule", planned=True))
    assert other.at(MON, 12) == [PointDisarmed(source="gate", by="schedule", planned=False)]
    other.arming.recorded(PointArmed(source="a door that is gone", by="schedule", planned=True))
    assert set(other.arming.doors) == {"gate", "door"}


def test_it_looks_once_a_second() -> None:
    site = Site()
    site.at(MON, 12)
    due = site.arming.due_ns()
    assert due == site.mono_ns + S
    site.minute = 20 * 60
    assert site.arming.elapse(Stamp(1, "boot", due - 1, "synced")) == []
    assert len(site.arming.elapse(Stamp(1, "boot", due, "synced"))) == 1
    assert Arming(["door"], {}, lambda at_ns: (0, 0)).due_ns() is None
