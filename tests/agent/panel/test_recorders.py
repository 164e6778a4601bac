"""A recorder that does not run is an alarm of its camera; by permit it is a row."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_core import Core

from agent.config import load
from agent.core.absence import Absence
from agent.core.events import AlarmRaised, AlarmRestored, Event, ImpairmentStarted, TroubleRaised
from agent.panel.recorders import Recorders
from agent.runtime import status
from agent.runtime.paths import Paths

SITE = """
[site]
id = "plant"
board = "pump-house"

[[camera]]
id = "yard"
source = "testcard:"

[[relay]]
id = "siren"
pin = "GPIO23"
"""
S = 1_000_000_000
NOBODY = 2**22 + 1  # no process has that number


class Watched:
    """A panel's decisions, and the look at the recorders of its cameras; `now_s` is what the look goes by."""

    def __init__(self, folder: Path) -> None:
        (folder / "site.toml").write_text(SITE)
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.core = Core(load(self.paths.site))
        self.now_s = 0
        self.recorders = self._made()

    def _made(self) -> Recorders:
        return Recorders(
            self.paths, ["yard"], self.core.decider, lambda work: self.core.ask(lambda row: work(self.core.stamp())),
            lambda: self.now_s * S, Absence(["yard"], 60 * S),
        )  # fmt: skip

    def another_run(self) -> None:
        self.recorders = self._made()

    def after(self, seconds: int) -> list[Event]:
        """What the panel says by then."""
        self.now_s += seconds
        self.core.said()
        self.recorders.look()
        return self.core.said()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched(tmp_path)
    monkeypatch.setattr(status, "mono_ns", lambda: made.now_s * S)
    return made


def runs(watched: Watched) -> None:
    """Its status file, written now by a process that is not to be seen from here."""
    status.write(watched.paths, "recorder@yard", {"state": "recording", "pid": NOBODY})


def kinds(said: list[Event]) -> list[str]:
    return [event.KIND for event in said]


def test_one_that_was_stopped_alarms_after_a_minute_and_restores_when_it_is_back(watched: Watched) -> None:
    runs(watched)
    assert watched.after(1) == []
    assert watched.after(19) == [], "not heard of for twenty seconds"
    assert watched.after(59) == []
    said = watched.after(1)
    assert [event.source for event in said if isinstance(event, AlarmRaised)] == ["trouble.raised:yard:recorder"]
    (told,) = (event for event in said if isinstance(event, TroubleRaised))
    assert told.detail.startswith("recorder@yard has said nothing for a minute")
    assert watched.after(100) == []
    runs(watched)
    said = watched.after(1)
    assert [event.source for event in said if isinstance(event, AlarmRestored)] == ["trouble.raised:yard:recorder"]


def test_one_that_goes_on_saying_so_runs_though_its_process_cannot_be_seen(watched: Watched) -> None:
    for _ in range(40):
        runs(watched)
        assert watched.after(5) == []


def test_one_that_never_came_up_alarms(watched: Watched) -> None:
    assert watched.after(1) == []
    assert "alarm.raised" in kinds(watched.after(60))


def test_a_panel_that_was_started_again_takes_it_back(watched: Watched) -> None:
    watched.after(1)
    watched.after(60)
    watched.another_run()
    runs(watched)
    assert "alarm.restored" in kinds(watched.after(1))
    watched.another_run()
    assert watched.after(1) == [], "and says nothing where nothing stands"


def test_by_permit_it_is_a_row_and_no_alarm(watched: Watched) -> None:
    permit = ImpairmentStarted(source="i-1", of=["yard"], reason="r", measures="m", for_s=600, by="anna")
    watched.core.ask(lambda row: watched.core.decider.heard(row, permit, watched.core.stamp(), watched.core.stamp()))
    watched.after(1)
    assert kinds(watched.after(60)) == ["trouble.raised"]
