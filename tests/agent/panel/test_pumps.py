"""Pumps at the panel: test windows by the hour, what they mute, and who else has a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_core import Core, S
from sp_site import SITE

from agent.config import load
from agent.config.model import SiteConfig
from agent.core.chain import Stamp
from agent.core.events import ClockSet, Event, PumpTestClosed, PumpTestOpened, PumpTestRequested
from agent.core.pump.schedule import Local
from agent.panel.plan import plan

# Core begins on Friday, 15 January 2027 (the third), 08:00:10 UTC: 16:00 in Shanghai.
WINDOW = """
[[test_window]]
pumps = ["pump-1"]
days = ["fri"]
of_month = "third"
from = "16:01"
until = "16:31"
"""
SHANGHAI = SITE.replace('board = "pump-house"', 'board = "pump-house"\ntimezone = "Asia/Shanghai"')


def site_of(folder: Path, text: str) -> SiteConfig:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


@pytest.fixture
def config(tmp_path: Path) -> SiteConfig:
    return site_of(tmp_path, SHANGHAI + WINDOW)


@pytest.fixture
def core(config: SiteConfig) -> Core:
    core = Core(config)
    core.said()
    return core


def lasts(core: Core, seconds: int) -> None:
    """Time passes as in the alarm loop, with a look at the calendar each second."""
    for _ in range(seconds):
        core.after(1000)
        core.decider.calendar(core.stamp())
        core.take()


def windows_of(core: Core) -> list[Event]:
    return [event for event in core.said() if event.KIND.startswith("pump.test_")]


def fails_to_start(core: Core) -> None:
    core.contact("demand", True)
    lasts(core, 3)


def test_a_window_opens_by_the_hour_and_mutes_and_ends(core: Core) -> None:
    lasts(core, 48)
    assert windows_of(core) == []
    lasts(core, 2)
    opened = PumpTestOpened(source="pump-1", method="pressure-drop", limit_s=1800, by="schedule")
    assert windows_of(core) == [opened]
    fails_to_start(core)
    assert "pump.fail_to_start:pump-1" in core.decider.response.alarms.latched
    assert not core.energised("siren")
    core.contact("demand", False)
    lasts(core, 1)
    core.request("acknowledge")
    core.request("reset")
    lasts(core, 1800)
    assert windows_of(core) == [PumpTestClosed(source="pump-1", by="limit", ran=False)]
    fails_to_start(core)
    assert core.energised("siren"), "outside of the hours it sounds"


def test_closed_by_hand_it_stays_closed_for_its_hours_over_a_kill_too(core: Core) -> None:
    lasts(core, 51)
    asked = PumpTestRequested(source="pump-1", does="close", method="", limit_s=0, by="anna")
    core.ask(lambda row: core.decider.heard(row, asked, core.stamp()))
    assert [event.KIND for event in windows_of(core)] == ["pump.test_opened", "pump.test_closed"]
    core.killed()
    lasts(core, 60)
    assert windows_of(core) == []


def test_no_window_and_no_date_without_a_clock_until_somebody_tells_the_time(core: Core) -> None:
    synced = core.stamp

    def unset() -> Stamp:
        return synced()._replace(at_ns=7, clock="unset")

    core.stamp = unset  # type: ignore[method-assign]
    lasts(core, 60)
    assert windows_of(core) == []
    assert "no test window opens" in core.decider.response.troubles["clock"]
    told = ClockSet(source="command", boot=core.boot, at_ns=synced().at_ns, mono_ns=core.now_ns, by="cli:anna")
    core.ask(lambda row: core.decider.heard(row, told, core.stamp()))
    lasts(core, 1)
    assert [event.KIND for event in windows_of(core)] == ["pump.test_opened"]
    assert "clock" not in core.decider.response.troubles


def test_a_clock_a_year_ahead_and_back_holds_nothing_open_and_loses_no_window(core: Core) -> None:
    real, ahead_ns = core.stamp, 0
    core.stamp = lambda: real()._replace(at_ns=real().at_ns + ahead_ns)  # type: ignore[method-assign]
    core.contact("door", False)
    for ahead_ns in (366 * 86_400 * S, -366 * 86_400 * S, 0):  # noqa: B007  # the stamp reads it
        lasts(core, 1)
        assert "door.held_open" not in core.kinds()
    lasts(core, 3)
    assert "door.held_open" in core.kinds()
    lasts(core, 60)
    assert [event.KIND for event in windows_of(core)] == ["pump.test_opened"]


@pytest.mark.parametrize(
    ("at_s", "local"),
    [
        (1_800_000_000, Local(4, 16 * 60, 15, 31)),
        (1_803_052_800, Local(5, 0, 20, 28)),  # in February
        (1_835_366_400, Local(1, 0, 29, 29)),  # the 29th of a leap year
    ],
)
def test_the_sites_own_time(config: SiteConfig, at_s: int, local: Local) -> None:
    assert plan(config).local(at_s * S) == local
