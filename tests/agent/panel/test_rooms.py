"""Doors that are armed, sensors, visits, impairments, drills, escalation: the whole Decider by plain calls."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_core import Core, S

from agent.config import load
from agent.config.model import SiteConfig
from agent.core.chain import Stamp
from agent.core.events import (
    AlarmEscalated,
    AlarmRaised,
    CameraLost,
    CameraRestored,
    ContactTold,
    DoorForced,
    DrillStarted,
    EntryRegistered,
    Event,
    FootageResumed,
    FootageStopped,
    ImpairmentEnded,
    ImpairmentStarted,
    PointArmed,
    Signal,
    VisitClosed,
    VisitOpened,
)
from agent.core.permits import DISK
from agent.panel.decide import Decider
from agent.panel.plan import plan

# Core begins at 2027-01-15 08:00:10 UTC, a Friday.
SITE = """
[site]
id = "plant"
board = "pump-house"

[[point]]
id = "gate"
kind = "door"
pin = "GPIO17"
contact = "normally-closed"
settle_ms = 30
entry = true

[[point]]
id = "cabinet"
kind = "tamper"
pin = "GPIO18"
contact = "normally-closed"
settle_ms = 30

[[point]]
id = "smoke"
kind = "smoke"
pin = "GPIO22"
settle_ms = 30

[[point]]
id = "frost"
kind = "temperature"
pin = "GPIO24"
trips = "low"
settle_ms = 30

[[point]]
id = "demand"
pin = "GPIO27"
settle_ms = 30

[[point]]
id = "running"
pin = "GPIO10"
settle_ms = 30

[[point]]
id = "auto"
pin = "GPIO9"
settle_ms = 30

[[point]]
id = "siren-shows"
pin = "GPIO11"
settle_ms = 30

[[pump]]
id = "pump-1"
running = "running"
demand = "demand"
auto = "auto"
not_in_auto_s = 10

[[relay]]
id = "siren"
pin = "GPIO23"
readback = "siren-shows"
readback_ms = 500

[[relay]]
id = "beacon"
pin = "GPIO25"
silence = false

[[camera]]
id = "yard"
source = "testcard:"

[[contact]]
id = "duty"
escalate_after_s = 60

[[contact]]
id = "chief"

[[arming]]
points = ["gate"]
from = "08:10"
until = "06:00"

[drill]
sounders = false

[[rule]]
on = ["smoke.detected", "door.forced", "pump.*"]
drive = ["siren", "beacon"]

[[rule]]
on = ["temperature.low"]
drive = ["beacon"]
until = "restored"
tell = ["chief", "duty"]
"""
LAMP_OF_GATE = '\n[[rule]]\non = ["door.opened"]\nof = ["gate"]\ntell = ["duty"]\n'


@pytest.fixture
def config(tmp_path: Path) -> SiteConfig:
    path = tmp_path / "site.toml"
    path.write_text(SITE + LAMP_OF_GATE)
    return load(path)


@pytest.fixture
def core(config: SiteConfig) -> Core:
    made = Core(config)
    made.said()
    return made


def write(core: Core, event: Event) -> None:
    """A row of somebody else, heard at once."""
    core.ask(lambda row: core.decider.heard(row, event, core.stamp(), core.stamp()))


def visit(what: str = "visit", for_s: int = 600) -> VisitOpened:
    return VisitOpened(source="v-1", who="Li", reason="meter", what=what, of=[], for_s=for_s, by="anna")


def impairment(*of: str, for_s: int = 600) -> ImpairmentStarted:
    return ImpairmentStarted(source="i-1", of=list(of), reason="seal", measures="watch", for_s=for_s, by="anna")


def drill(*of: str) -> DrillStarted:
    return DrillStarted(source="d-1", of=list(of), reason="yearly", for_s=600, by="anna")


def raised(core: Core) -> list[str]:
    return [event.source for event in core.said() if isinstance(event, AlarmRaised)]


def latched(core: Core) -> set[str]:
    return set(core.decider.response.alarms.latched)


# --- doors ---


def test_a_door_forced_at_night(core: Core) -> None:
    core.request("arm", "gate")
    assert core.kinds() == ["point.armed"]
    core.contact("gate", False)
    core.after(100)
    assert "door.forced:gate" in raised(core)
    assert core.energised("siren")
    core.request("acknowledge")
    assert not core.energised("siren")
    core.request("reset", "door.forced:gate")
    assert "door.forced:gate" in latched(core), "it still stands open"
    core.contact("gate", True)
    core.after(100)
    core.request("reset", "door.forced:gate")
    assert "door.forced:gate" not in latched(core)


def test_the_hours_arm_and_a_kill_changes_nothing(core: Core) -> None:
    core.after(600 * 1000)
    assert PointArmed(source="gate", by="schedule", planned=True) in core.said()
    core.killed()
    core.after(2000)
    assert "point.armed" not in core.kinds()
    core.contact("gate", False)
    core.after(100)
    assert "door.forced" in core.kinds()


def test_after_a_power_cut_a_door_is_as_it_was_armed(config: SiteConfig) -> None:
    core = Core(config)
    core.said()
    core.request("arm", "gate")
    (armed,) = [event for event in core.said() if isinstance(event, PointArmed)]
    before, core.boot = core.stamp(), "boot-2"
    core.decider = Decider(plan(config))
    core.decider.levels(core.levels | {"gate": False}, core.now_ns)
    core.now_ns += S
    core.decider.elapse(core.stamp())
    core.decider.begin(core.levels, (), core.stamp(), [(armed, before), (visit(), before)])
    core.take()
    found = core.said()
    assert DoorForced(source="gate", found=True, signal=Signal.ALARM) in found
    assert EntryRegistered(source="gate", visits=["v-1"], who=["Li"]) in found
    assert "point.armed" not in {event.KIND for event in found}


def test_without_a_clock_the_panel_says_that_it_cannot_tell_the_hour(core: Core) -> None:
    unset: Stamp = core.stamp()._replace(clock="unset")
    core.stamp = lambda: unset._replace(mono_ns=core.now_ns)  # type: ignore[method-assign]
    core.after(3000)
    assert latched(core) == {"trouble.raised:panel:clock"}
    assert "doors stay armed or not" in core.decider.response.troubles["clock"]


def test_who_may_enter(core: Core) -> None:
    core.contact("gate", False)
    core.after(100)
    assert raised(core) == ["entry.unregistered:gate"]
    core.contact("gate", True)
    core.after(100)
    write(core, visit())
    core.said()
    core.contact("gate", False)
    core.after(100)
    said = core.said()
    assert EntryRegistered(source="gate", visits=["v-1"], who=["Li"]) in said
    assert ContactTold(source="duty", about="door.opened:gate", on="door.opened", of="gate") in said


def test_a_visit_ends_by_itself(core: Core) -> None:
    write(core, visit(for_s=60))
    core.after(59_000)
    assert "visit.closed" not in core.kinds()
    core.killed()
    core.after(2000)
    assert VisitClosed(source="v-1", by="limit") in core.said()
    core.contact("gate", False)
    core.after(100)
    assert raised(core) == ["entry.unregistered:gate"]


# --- sensors ---


def test_smoke_sounds_and_is_restored_when_it_clears(core: Core) -> None:
    core.contact("smoke", True)
    core.after(100)
    assert core.kinds()[:3] == ["point.changed", "smoke.detected", "alarm.raised"]
    assert core.energised("siren")
    core.contact("smoke", False)
    core.after(100)
    assert core.kinds()[:2] == ["point.changed", "smoke.cleared"]
    core.request("acknowledge")
    core.request("reset")
    assert "smoke.detected:smoke" not in latched(core)


def test_a_frost_contact_trips_low(core: Core) -> None:
    core.contact("frost", True)
    core.after(100)
    said = core.said()
    assert [event.KIND for event in said][:3] == ["point.changed", "temperature.low", "alarm.raised"]
    told = ContactTold(
        source="chief", signal=Signal.SUPERVISORY, about="temperature.low:frost", on="temperature.low", of="frost"
    )
    assert told in said, "whom the rule names first"
    assert core.energised("beacon")
    core.contact("frost", False)
    core.after(100)
    assert not core.energised("beacon")


def test_an_enclosure_may_be_opened_by_who_works_on_it(core: Core) -> None:
    write(core, visit("work", for_s=60))
    core.contact("cabinet", False)
    core.after(100)
    assert raised(core) == []
    core.after(60_000)
    assert raised(core) == ["tamper.opened:cabinet"], "the work is over, and it still stands open"


# --- impairments ---


def test_an_impaired_pump_alarms_only_on_what_matters(core: Core) -> None:
    write(core, impairment("pump-1"))
    core.contact("auto", False)
    core.after(20_000)
    assert raised(core) == []
    core.contact("demand", True)
    core.after(1000)
    assert "pump.demand_while_impaired:pump-1" in raised(core)
    assert core.energised("siren")


def test_what_still_stands_when_the_permit_ends_alarms_then(core: Core) -> None:
    write(core, impairment("yard", "frost", "smoke", for_s=60))
    write(core, CameraLost(source="yard", reason="no packets"))
    core.contact("frost", True)
    core.after(100)
    assert raised(core) == []
    core.contact("smoke", True)
    core.after(100)
    assert raised(core) == ["smoke.detected:smoke"], "class alarm is not to be had out of order"
    core.killed()
    core.contact("frost", False)
    core.after(100)
    core.contact("frost", True)
    core.after(100)
    core.said()
    core.after(60_000)
    said = core.said()
    assert ImpairmentEnded(source="i-1", by="limit") in said
    found = [event.source for event in said if isinstance(event, AlarmRaised)]
    assert set(found) - {"relay.readback_failed:siren"} == {"camera.lost:yard", "temperature.low:frost"}


def test_what_was_over_before_the_permit_ended_never_alarms(core: Core) -> None:
    write(core, impairment("yard", "frost", for_s=60))
    write(core, CameraLost(source="yard", reason="no packets"))
    core.contact("frost", True)
    core.after(100)
    write(core, CameraRestored(source="yard", lost_ms=5))
    core.contact("frost", False)
    core.after(100)
    core.after(60_000)
    assert raised(core) == []
    assert latched(core) == set()


PULLED = FootageStopped(source="yard", reason="wrong volume: /footage: no marker: is the disk mounted?")


def disk(**signed: object) -> ImpairmentStarted:
    more: dict[str, object] = {"of": [DISK], "reason": "larger disk", "measures": "the other board", "by": "saf"}
    return ImpairmentStarted(source="i-9", for_s=60, **more, **signed)  # type: ignore[arg-type]


def test_a_disk_that_is_pulled_alarms(core: Core) -> None:
    write(core, PULLED)
    assert raised(core) == ["footage.stopped:yard"]


def test_a_disk_that_is_pulled_by_consent_is_a_row_and_alarms_when_that_is_over(core: Core) -> None:
    write(core, disk(sig="ab"))
    write(core, PULLED)
    assert raised(core) == []
    core.after(60_000)
    assert raised(core) == ["footage.stopped:yard"], "and it is not back"
    write(core, FootageResumed(source="yard", stopped_ms=90_000))
    assert "footage.stopped:yard" in {one.source for one in core.said() if one.KIND == "alarm.restored"}


@pytest.mark.parametrize(
    ("permit", "stopped"),
    [
        (disk(), PULLED),
        (impairment("gate"), PULLED),
        (disk(sig="ab"), FootageStopped(source="yard", reason="disk full: /footage: 3 MiB free")),
    ],
    ids=["unsigned", "of another thing", "another reason"],
)
def test_nothing_less_than_consent_to_just_that_is_enough(
    core: Core, permit: ImpairmentStarted, stopped: FootageStopped
) -> None:
    write(core, permit)
    write(core, stopped)
    assert raised(core) == ["footage.stopped:yard"]


# --- drills ---


def test_a_drill_marks_its_rows_and_real_alarms_act(core: Core) -> None:
    write(core, drill("smoke"))
    core.contact("smoke", True)
    core.after(100)
    said = core.said()
    assert {event.KIND for event in said if event.drill} >= {
        "point.changed",
        "smoke.detected",
        "alarm.raised",
        "contact.told",
    }
    assert core.energised("beacon")
    assert not core.energised("siren"), "this site's drills are silent"
    core.request("arm", "gate")
    core.contact("gate", False)
    core.after(100)
    assert core.energised("siren"), "this is no drill"
    forced = next(event for event in core.said() if isinstance(event, AlarmRaised) and event.on == "door.forced")
    assert not forced.drill
    core.after(600_000)
    assert "drill.ended" in core.kinds()
    core.contact("smoke", False)
    core.after(100)
    assert not any(event.drill for event in core.said() if event.KIND == "smoke.cleared")


# --- who is told ---


def test_nobody_acknowledges(core: Core) -> None:
    core.contact("smoke", True)
    core.after(100)
    assert ContactTold in {type(event) for event in core.said()}
    core.killed()
    core.after(60_000)
    (escalated,) = [event for event in core.said() if isinstance(event, AlarmEscalated)]
    assert (escalated.to, escalated.step, escalated.steps) == ("chief", 2, 2)
    core.after(600_000)
    assert "alarm.escalated" not in core.kinds()


def test_somebody_acknowledges(core: Core) -> None:
    core.contact("smoke", True)
    core.after(100)
    core.request("acknowledge")
    core.after(600_000)
    assert "alarm.escalated" not in core.kinds()


# --- read-back ---


def test_a_siren_that_does_not_pull_is_a_trouble(core: Core) -> None:
    core.contact("smoke", True)
    core.after(1000)
    assert "relay.readback_failed:siren" in raised(core)
    core.contact("siren-shows", True)
    core.after(100)
    assert core.decider.response.alarms.latched["relay.readback_failed:siren"].restored


def test_a_siren_that_pulls_is_none(core: Core) -> None:
    core.contact("smoke", True)
    core.after(50)
    core.contact("siren-shows", True)
    core.after(5 * S // 1_000_000)
    assert "relay.readback_failed:siren" not in raised(core)
