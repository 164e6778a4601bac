"""Walk tests and relay tests by plain calls: what is quiet, what is marked, and that neither lasts for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_core import Core
from sp_site import SITE

from agent.config import load
from agent.core.analog import Fault, Limit, Measured
from agent.core.events import (
    PanelRefused,
    RelayTested,
    RelayTestRequested,
    WalkTestEnded,
    WalkTestRequested,
    WalkTestStarted,
    WalkTestValue,
)
from agent.panel import memory
from agent.panel.notes import Lost

MINUTES = 60_000


@pytest.fixture
def core(tmp_path: Path) -> Core:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    core = Core(load(path))
    core.said()
    return core


def walk(core: Core, does: str = "start", for_s: int = 3600) -> None:
    core.technician(WalkTestRequested(source="command", does=does, for_s=for_s, by="anna"))


def pulse(core: Core, relay: str = "siren", ms: int = 1000) -> None:
    core.technician(RelayTestRequested(source=relay, pulse_ms=ms, by="anna"))


def refused(core: Core) -> str:
    return " ".join(event.reason for event in core.said() if isinstance(event, PanelRefused))


def trip(core: Core, point: str = "flood") -> None:
    core.contact(point, True)
    core.after(200)


def test_sounders_are_quiet_alarms_are_recorded_and_marked(core: Core) -> None:
    walk(core)
    assert isinstance(core.said()[0], WalkTestStarted)
    trip(core)
    said = core.said()
    assert {event.KIND for event in said} >= {"point.changed", "alarm.raised", "clip.requested"}
    assert all(event.walk_test and event.data()["walk_test"] is True for event in said)
    assert not core.energised("siren")
    assert core.energised("beacon"), "no sounder"


def test_rows_outside_of_a_walk_test_are_not_marked(core: Core) -> None:
    trip(core)
    assert not any(event.walk_test or "walk_test" in event.data() for event in core.said())


def test_it_ends_by_itself_and_what_is_over_stays_quiet(core: Core) -> None:
    walk(core, for_s=600)
    trip(core)
    core.contact("flood", False)
    core.after(10 * MINUTES)
    ended = [event for event in core.said() if isinstance(event, WalkTestEnded)]
    assert [event.by for event in ended] == ["limit"]
    assert not core.energised("siren"), "its cause is gone: it was the technician"
    trip(core, "demand")
    core.after(2000)
    assert core.energised("siren"), "the next alarm sounds"


def test_what_still_stands_at_the_end_sounds(core: Core) -> None:
    walk(core)
    trip(core)
    walk(core, "end")
    assert "panel.refused" not in [event.KIND for event, _ in core.events]
    core.after(1)
    assert core.energised("siren")


def test_a_siren_that_sounds_after_a_walk_test_has_its_longest_time(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE.replace('id = "siren"', 'id = "siren"\nmax_on_s = 5'))
    core = Core(load(path))
    walk(core)
    trip(core)
    core.after(60_000)
    walk(core, "end")
    core.after(4900)
    assert core.energised("siren")
    core.after(200)
    assert not core.energised("siren")


def test_no_walk_test_over_alarms_that_nobody_has_seen(core: Core) -> None:
    trip(core)
    walk(core)
    assert "alarms not acknowledged: 1;" in refused(core)
    core.request("acknowledge")
    walk(core)
    walk(core)
    assert refused(core) == "anna has started a walk test already"


@pytest.mark.parametrize(
    ("does", "for_s", "says"),
    [
        ("end", 0, "there is no walk test"),
        ("start", 59, "1 to 480 minutes"),
        ("start", 8 * 3600 + 1, "1 to 480 minutes"),
        ("dance", 600, "'dance' is not start or end"),
    ],
)
def test_refusals(core: Core, does: str, for_s: int, says: str) -> None:
    walk(core, does, for_s)
    assert says in refused(core)


def test_a_killed_panel_goes_on_with_it_and_a_boot_ends_it(core: Core) -> None:
    walk(core)
    pulse(core)
    core.killed()
    trip(core)
    assert not any(event.KIND == "relay.tested" for event in core.said())
    core.after(1000)
    assert any(event.KIND == "relay.tested" and event.walk_test for event in core.said())
    assert not core.energised("siren")
    core.cut_power()
    core.boots()
    core.decider.commissioning.cut_off()
    core.take()
    assert [event.by for event in core.said() if isinstance(event, WalkTestEnded)] == ["restart"]
    assert core.energised("siren"), "the alarm was latched and nobody has acknowledged it"


def test_a_state_of_an_older_panel_is_taken_up(core: Core) -> None:
    state = memory.parse(memory.snapshot(core.decider, core.boot, [], Lost()).replace(b'"commissioning"', b'"unknown"'))
    assert state is not None
    assert state.commissioning == []
    memory.restore(core.decider, state, core.stamp())


def test_a_relay_is_pulsed_even_in_a_walk_test_and_the_result_is_a_row(core: Core) -> None:
    walk(core)
    core.said()
    pulse(core)
    core.after(990)
    assert core.energised("siren")
    core.after(20)
    assert not core.energised("siren")
    (tested,) = [event for event in core.said() if isinstance(event, RelayTested)]
    assert (tested.source, tested.by, tested.request, tested.ok, tested.readback) == ("siren", "anna", 2, True, "none")


def test_a_relay_that_rests_energised_is_released_for_a_while(core: Core) -> None:
    pulse(core, "fault")
    assert not core.energised("fault")
    core.after(1100)
    assert core.energised("fault")


def test_a_line_that_cannot_be_written_is_no_good_test(core: Core) -> None:
    pulse(core)
    core.decider.response.relay_failed("siren", True, "no such line")
    core.after(1100)
    (tested,) = [event for event in core.said() if isinstance(event, RelayTested)]
    assert (tested.ok, tested.reason) == (False, "no such line")


def test_relays_that_are_not_tested(core: Core) -> None:
    pulse(core, "sirene")
    assert refused(core) == "there is no relay sirene"
    pulse(core, ms=10)
    assert "50 to 30000 ms" in refused(core)
    pulse(core)
    pulse(core)
    assert "driven just now" in refused(core)
    core.after(1100)
    trip(core)
    pulse(core)
    assert "driven just now" in refused(core)


def test_an_alarm_during_a_test_drives_on_after_it(core: Core) -> None:
    pulse(core)
    trip(core)
    core.after(1000)
    assert core.energised("siren")
    assert ("siren", False) not in [(relay, on) for relay, on, _ in core.drives]


# --- with a read-back wired ---

READ_BACK = """
[[point]]
id = "siren-shows"
pin = "GPIO5"
settle_ms = 30
"""


@pytest.fixture
def wired(tmp_path: Path) -> Core:
    path = tmp_path / "wired.toml"
    path.write_text(
        SITE.replace('id = "siren"', 'id = "siren"\nreadback = "siren-shows"\nreadback_ms = 1500') + READ_BACK
    )
    core = Core(load(path))
    core.said()
    return core


def test_a_read_back_that_follows(wired: Core) -> None:
    pulse(wired, ms=100)
    wired.after(50)
    wired.contact("siren-shows", True)
    wired.after(1600)
    (tested,) = [event for event in wired.said() if isinstance(event, RelayTested)]
    assert (tested.ok, tested.readback, tested.pulse_ms) == (True, "seen", 1630)


def test_a_read_back_that_does_not(wired: Core) -> None:
    pulse(wired)
    wired.after(1700)
    said = wired.said()
    (tested,) = [event for event in said if isinstance(event, RelayTested)]
    assert (tested.ok, tested.readback, tested.reason) == (False, "missing", "its read-back did not follow")
    assert "relay.readback_failed" in [event.KIND for event in said]


def test_a_read_back_that_shows_it_all_the_time_is_no_proof(wired: Core) -> None:
    wired.contact("siren-shows", True)
    wired.after(100)
    pulse(wired)
    assert "contradicts it already" in refused(wired)


# --- measured values ---


@pytest.fixture
def measuring(tmp_path: Path) -> Core:
    path = tmp_path / "site.toml"
    free = SITE
    for number, pin in enumerate(("GPIO10", "GPIO9", "GPIO11"), start=19):  # those of the SPI
        free = free.replace(f'"{pin}"', f'"GPIO{number}"')
    path.write_text(free + '\n[board]\nadc = ["GPIO8"]\n\n[[analog]]\nid = "suction"\npin = "ADC0.4"\nunit = "bar"\n')
    core = Core(load(path))
    core.said()
    return core


def shows(core: Core, ua: int, fault: Fault = Fault.NONE) -> list[WalkTestValue]:
    """16 bar at 20 mA: one sample."""
    measured = Measured(ua - 4000, ua, Limit.NORMAL, fault, core.now_ns)
    core.decider.measured("suction", measured, core.stamp())
    core.take()
    return [event for event in core.said() if isinstance(event, WalkTestValue)]


def value(least: int, most: int, *, moved: bool, fault: str = "") -> WalkTestValue:
    return WalkTestValue(
        source="suction", moved=moved, least_milli=least, most_milli=most, unit="bar", fault=fault
    )  # fmt: skip


def test_a_value_that_moves_is_said_once_and_its_whole_way_at_the_end(measuring: Core) -> None:
    shows(measuring, 8000)
    walk(measuring)
    assert shows(measuring, 8319) == [], "noise"
    assert shows(measuring, 8320) == [value(4000, 4320, moved=True)]
    assert shows(measuring, 7000) == [], "it has been said"
    walk(measuring, "end")
    assert [e for e in measuring.said() if isinstance(e, WalkTestValue)] == [value(3000, 4320, moved=True)]
    assert shows(measuring, 12_000) == [], "the walk test is over"


def test_a_value_that_does_not_move_and_one_that_fails(measuring: Core) -> None:
    shows(measuring, 8000)
    walk(measuring)
    shows(measuring, 0)  # pulled out: the fault has not settled yet
    shows(measuring, 0, Fault.BELOW)
    walk(measuring, "end")
    said = [e for e in measuring.said() if isinstance(e, WalkTestValue)]
    assert said == [value(4000, 4000, moved=False, fault="below")]


def test_a_killed_panel_remembers_how_far_a_value_went(measuring: Core) -> None:
    shows(measuring, 8000)
    walk(measuring)
    shows(measuring, 12_000)
    measuring.killed()
    assert shows(measuring, 16_000) == []
    walk(measuring, "end")
    assert [e for e in measuring.said() if isinstance(e, WalkTestValue)] == [value(4000, 12_000, moved=True)]
    walk(measuring)
    walk(measuring, "end")
    assert [e for e in measuring.said() if isinstance(e, WalkTestValue)] == [value(12_000, 12_000, moved=False)]
