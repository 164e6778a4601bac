"""The heartbeat of a fault relay: over the real loop on the simulated board, and what ends it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_site import SITE, Site, until

from agent.core.events import TroubleCleared, TroubleRaised

BEATING = SITE.replace('rest = "energised"\n', 'rest = "energised"\nheartbeat_hz = 5\n')


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "s", BEATING) as made:
        made.start_board()
        made.start_panel()
        yield made


def beats(site: Site) -> int:
    return int(site.driver.relay("fault")["beats"])


def held(site: Site) -> bool:
    return bool(site.driver.relay("fault")["energised"])


def beat_on(site: Site) -> None:
    """Wait for six more toggles."""
    begun = beats(site)
    until(lambda: beats(site) >= begun + 6, f"the line beats\n{site.log('panel')}")
    assert held(site)


def test_it_beats_and_leaves_no_trace(site: Site) -> None:
    until(lambda: site.status().get("queue") == 0, "all is written")
    head, history = site.head(), len(site.driver.relay_history())
    beat_on(site)
    assert site.rows("relay.driven", source="fault") == []
    assert site.head() == head
    assert len(site.driver.relay_history()) == history


def test_a_panel_that_hangs_stops_it(site: Site) -> None:
    beat_on(site)
    panel = site.processes["panel"]
    os.kill(panel.pid, signal.SIGSTOP)
    try:
        until(lambda: not held(site), "the monostable drops")
        assert site.driver.relay("fault")["function"] == "output", "the line is still held: only the beat has ended"
    finally:
        os.kill(panel.pid, signal.SIGCONT)
    beat_on(site)


def test_a_panel_that_is_killed_stops_it_and_the_next_one_goes_on(site: Site) -> None:
    beat_on(site)
    site.kill("panel")
    until(lambda: not held(site), "the relay drops")
    site.start_panel()
    beat_on(site)


def test_a_rule_that_drives_the_relay_stops_it(site: Site) -> None:
    site.append(TroubleRaised(source="jobs", what="disk", detail="worn out"))
    until(lambda: site.rows("relay.driven", source="fault"), f"the rule drives it\n{site.log('panel')}")
    until(lambda: not held(site), "the monostable drops")
    site.append(TroubleCleared(source="jobs", what="disk", detail="replaced"))
    beat_on(site)
