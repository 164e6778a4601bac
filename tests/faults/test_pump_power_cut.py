"""The power is cut at 28 moments of a pump's run: state, relay and the rows of the run are right after the boot.

Three moments run by default, all of them with --long.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sp_site import SITE, Site, until

from agent.core.events import PumpExplained, PumpTestRequested

LONG_S = "60"  # limits that do not come into it


class Moment(NamedTuple):
    """What happened before the cut and while nobody looked, and what is so after the boot.

    Words: "demand", "running" close that contact, with "-" before they open it, with "!" after nobody waits until it
    has settled; "test" opens a test window, "explain" says why it runs, "ack" acknowledges; anything else is a kind of
    event that is waited for. said: pump's rows after the boot, in order; open: cause of the run that is open then.
    """

    before: str
    meanwhile: str
    state: str
    siren: bool
    said: str
    open: str = ""
    short: tuple[str, ...] = ()  # keys of the pump that are 1 s


FAIL, STOPPED, LOST = "pump.fail_to_start", "pump.stopped_on_demand", "pump.stopped pump.stopped_on_demand"
MOMENTS = [
    Moment("", "", "unknown", False, ""),
    Moment("demand!", "", "starting", False, "pump.demand"),
    Moment("demand", "", "starting", False, ""),
    Moment("demand running!", "", "run_demand", False, "pump.started pump.running", "found"),
    Moment("demand running", "", "run_demand", False, "pump.running", "demand"),
    Moment("demand running -demand!", "", "run_post", False, "pump.demand_withdrawn pump.running", "demand"),
    Moment("demand running -demand", "", "run_post", False, "pump.running", "demand"),
    Moment("demand running -demand -running!", "", "unknown", False, "pump.stopped"),
    Moment("demand running -demand -running", "", "unknown", False, ""),
    Moment("demand running -running!", "", "stopped_on_demand", True, LOST),
    Moment("demand running -running", "", "stopped_on_demand", True, LOST),
    Moment(f"demand running -running {STOPPED}", "", "stopped_on_demand", True, ""),
    Moment(f"demand running -running {STOPPED} -demand", "", "stopped_on_demand", True, ""),
    Moment(f"demand running -running {STOPPED} ack -demand", "", "unknown", False, ""),
    Moment(f"demand {FAIL}", "", "fail_to_start", True, "", short=("fail_to_start_s",)),
    Moment(f"demand {FAIL} -demand", "", "fail_to_start", True, "", short=("fail_to_start_s",)),
    Moment(f"demand {FAIL} ack", "", "fail_to_start", False, "", short=("fail_to_start_s",)),
    Moment(f"demand {FAIL} running", "", "run_demand", True, "pump.running", "demand", short=("fail_to_start_s",)),
    Moment("running", "", "run_unexplained", False, "pump.running", "none"),
    Moment("running pump.unexpected_run", "", "run_unexplained", True, "pump.running", "none", ("unexpected_run_s",)),
    Moment("running explain pump.classified", "", "run_demand", False, "pump.running", "explained"),
    Moment("test pump.test_opened demand running", "", "run_demand", False, "pump.running", "test"),
    Moment("test pump.test_opened demand running -demand", "", "run_test", False, "", "test"),
    # what nobody saw
    Moment("demand running", "-running", "stopped_on_demand", True, LOST),
    Moment("demand running", "-demand", "run_post", False, "pump.demand_withdrawn pump.running", "demand"),
    Moment("demand running", "-running -demand", "unknown", False, "pump.demand_withdrawn pump.stopped"),
    Moment("", "running", "run_unexplained", False, "pump.started pump.running", "found"),
    Moment("", "demand running", "run_demand", False, "pump.demand pump.started pump.running", "found"),
]
SHORT = (4, 10, 25)  # the others only with --long
OF_A_RUN = ("pump.demand", "pump.demand_withdrawn", "pump.started", "pump.running", "pump.stopped",
            "pump.stopped_on_demand", "pump.fail_to_start", "pump.unexpected_run")  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    text = SITE
    for key in ("fail_to_start_s", "unexpected_run_s"):
        if key not in MOMENTS[request.getfixturevalue("number")].short:
            text = text.replace(f"{key} = 1\n", f"{key} = {LONG_S}\n")
    with Site(tmp_path / "site", text) as made:
        made.start_board()
        made.start_panel()
        yield made


def do(site: Site, word: str, head: int) -> None:
    """One word of a moment. head: rows past it are news."""
    if word == "test":
        site.append(PumpTestRequested(source="pump-1", does="open", method="pressure-drop", limit_s=600, by="anna"))
    elif word == "explain":
        site.append(PumpExplained(source="pump-1", by="anna", reason="washing down"))
    elif word == "ack":
        site.request("acknowledge")
        site.wait_row("alarm.acknowledged", after=head)
        site.driver.wait_relay("siren", False)
    elif "." in word:
        site.wait_row(word, "pump-1")
    else:
        point = word.strip("-!")
        site.driver.contact(point, not word.startswith("-"))
        if not word.endswith("!"):
            site.wait_row("point.changed", point, after=head)


def open_run(site: Site) -> str:
    """Cause of the run that the journal has open, as its rows tell it."""
    cause = ""
    for row in site.rows("pump.started", "pump.stopped", "pump.classified", source="pump-1"):
        cause = {"pump.stopped": "", "pump.classified": "explained"}.get(row.kind, str(row.values().get("cause", "")))
    return cause


@pytest.mark.parametrize(
    "number",
    [number if number in SHORT else pytest.param(number, marks=pytest.mark.long) for number in range(len(MOMENTS))],
)
def test_a_power_cut_at_each_moment(site: Site, number: int) -> None:
    moment = MOMENTS[number]
    for word in moment.before.split():
        do(site, word, site.head())
    site.cut_power()
    for word in moment.meanwhile.split():
        site.driver.contact(word.strip("-"), not word.startswith("-"))
    head = site.head()
    site.start_panel()
    until(lambda: _state(site) == moment.state, f"{moment.state}, not {_state(site)}")
    for kind in moment.said.split():
        site.wait_row(kind, "pump-1", after=head)
    site.driver.wait_relay("siren", moment.siren)
    wanted = moment.said.split()
    if "!" in moment.before:  # the last change may or may not have been recorded before the cut
        seen = {row.kind for row in site.rows(*OF_A_RUN, source="pump-1", after=head)}
        assert set(wanted) <= seen | {"pump.demand"}
    else:
        assert sorted(row.kind for row in site.rows(*OF_A_RUN, source="pump-1", after=head)) == sorted(wanted)
    assert open_run(site) in ({moment.open, "demand"} if "running!" in moment.before else {moment.open})
    begun = len(site.rows("pump.started", source="pump-1"))
    assert begun - len(site.rows("pump.stopped", source="pump-1")) == bool(open_run(site)), "each run has one end"


def _state(site: Site) -> str:
    return str(site.status().get("pumps", {}).get("pump-1", {}).get("state"))


def test_there_are_enough_moments() -> None:
    assert len(MOMENTS) >= 20
