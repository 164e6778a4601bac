"""Arming and permits over the real panel, its journal and a power cut."""

from __future__ import annotations

from sp_site import Site

from agent.core.events import ImpairmentStarted, VisitClosed, VisitOpened


def test_a_door_stays_armed_over_a_power_cut(site: Site) -> None:
    site.request("arm", "gate")
    row = site.wait_row("point.armed", "gate")
    assert row.values() == {"by": "cli:anna", "planned": False}
    site.cut_power()
    site.start_panel()
    before = site.head()
    site.driver.contact("gate", False)
    forced = site.wait_row("door.forced", "gate", after=before)
    assert forced.signal == "alarm"
    site.wait_row("alarm.raised", "door.forced:gate", after=before)
    site.request("disarm", "gate")
    site.wait_row("point.disarmed", "gate")


def test_permits_are_heard_and_kept_over_a_kill_and_a_power_cut(site: Site) -> None:
    visit = VisitOpened(source="v-1", who="Li", reason="meter", what="visit", of=[], for_s=3600, by="anna")
    out = ImpairmentStarted(source="i-1", of=["flood"], reason="seal", measures="watch", for_s=3600, by="anna")
    site.append(visit, out)
    for end in (lambda: site.kill("panel"), site.cut_power):
        end()
        site.start_panel()
        before = site.head()
        site.request("arm", "nowhere")
        refused = site.wait_row("panel.refused", after=before)
        assert refused.values()["reason"] == "there is no such door"
        assert not site.rows("visit.closed", "impairment.ended")
    site.append(VisitClosed(source="v-1", by="anna"))
    before = site.head()
    site.request("dance")
    site.wait_row("panel.refused", after=before)
    assert [row.values()["by"] for row in site.rows("visit.closed")] == ["anna"], "the panel has nothing to add"


def test_a_permit_ends_by_itself(site: Site) -> None:
    site.append(VisitOpened(source="v-1", who="Li", reason="meter", what="visit", of=[], for_s=1, by="anna"))
    closed = site.wait_row("visit.closed", "v-1")
    assert closed.values() == {"by": "limit"}
