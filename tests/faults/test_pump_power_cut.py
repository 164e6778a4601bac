"""The power is cut at each moment of a pump's run: after the boot state, cause and alarms are what the contacts say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_site import SITE, Site, until

Step = tuple[str, bool]
ON, OFF = True, False
# What happened before the cut; what happens while nobody looks; the state after, and whether it is said to run.
MOMENTS: list[tuple[list[Step], list[Step], str, bool]] = [
    ([], [], "unknown", False),
    ([("demand", ON)], [], "starting", False),
    ([("demand", ON), ("running", ON)], [], "run_demand", True),
    ([("demand", ON), ("running", ON), ("demand", OFF)], [], "run_post", True),
    ([("running", ON)], [], "run_unexplained", True),
    ([("demand", ON), ("running", ON)], [("running", OFF)], "run_demand", False),
    ([("demand", ON), ("running", ON)], [("demand", OFF)], "run_post", True),
    ([("demand", ON), ("running", ON)], [("running", OFF), ("demand", OFF)], "unknown", False),
    ([], [("running", ON)], "run_unexplained", True),
    ([], [("demand", ON), ("running", ON)], "run_demand", True),
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    text = SITE.replace("fail_to_start_s = 1\n", "fail_to_start_s = 60\n")
    with Site(tmp_path / "site", text.replace("unexpected_run_s = 1\n", "unexpected_run_s = 60\n")) as made:
        made.start_board()
        made.start_panel()
        yield made


SHORT = (2, 5, 9)  # the others only with --long


@pytest.mark.parametrize(
    "number",
    [number if number in SHORT else pytest.param(number, marks=pytest.mark.long) for number in range(len(MOMENTS))],
)
def test_a_power_cut_at_each_moment(site: Site, number: int) -> None:
    before, meanwhile, state, runs = MOMENTS[number]
    for point, closed in before:
        head = site.head()
        site.driver.contact(point, closed)
        site.wait_row("point.changed", point, after=head)
    started = len(site.rows("pump.started"))
    site.cut_power()
    for point, closed in meanwhile:
        site.driver.contact(point, closed)
    head = site.head()
    site.start_panel()
    if runs:
        assert site.wait_row("pump.running", "pump-1", after=head).values()["found"] is True
    seen = {state, "stopped_on_demand"} if state == "run_demand" and not runs else {state}
    until(lambda: site.status().get("pumps", {}).get("pump-1", {}).get("state") in seen, f"{seen}: {site.status()}")
    assert [row.values()["cause"] for row in site.rows("pump.started")[started:]] in ([], ["found"]), "no new start"
    assert len(site.rows("pump.running", after=head)) == (1 if runs else 0)
