"""The real panel process over the simulated board: what happens at the contacts, the relays and in the journal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sp_site import SITE, Site, until

from agent.core.chain import Row
from agent.core.events import CameraLost, CameraRestored, PanelRequested

FAIL = "pump.fail_to_start:pump-1"


def kinds(rows: list[Row]) -> list[str]:
    return [row.kind for row in rows]


def fail_to_start(site: Site) -> int:
    """Demand without a running pump, until the siren is on; the edge of the demand."""
    edge = site.driver.contact("demand", True)
    site.driver.wait_relay("siren", True)
    return edge


def test_a_new_site_finds_its_levels_and_says_nothing_else(site: Site) -> None:
    rows = site.rows(after=0)
    assert {row.source for row in rows if row.kind == "point.found"} == {
        "door", "gate", "flood", "running", "demand", "auto", "hush", "noted",
    }  # fmt: skip
    assert {row.kind for row in rows} == {"journal.opened", "process.started", "point.found"}
    relays = {one["id"]: one for one in site.driver.relays().values()}
    assert {id_: one["energised"] for id_, one in relays.items()} == {
        "siren": False, "beacon": False, "lamp": False, "fault": True,
    }  # fmt: skip
    assert {one["function"] for one in relays.values()} == {"output"}


def test_door_opens_and_shuts(site: Site) -> None:
    edge = site.driver.contact("door", False)
    site.driver.wait_relay("lamp", True)
    changed = site.wait_row("point.changed", "door").values()
    assert changed["closed"] is False
    assert changed["edge_mono_ns"] == edge
    assert site.wait_row("door.opened", "door").values() == {"found": False}
    shut = site.driver.contact("door", True)
    assert site.wait_row("door.closed", "door").values() == {"open_ms": (shut - edge) // 1_000_000}
    site.driver.wait_relay("lamp", False)
    until(lambda: len(site.rows("relay.driven", source="lamp")) == 2, "both drives are recorded")
    driven = [row.values() for row in site.rows("relay.driven", source="lamp")]
    assert [one["energised"] for one in driven] == [True, False]
    assert [one["reason"] for one in driven] == ["door.opened:door", "rule ended"]
    assert driven[0]["edge_mono_ns"] == edge
    assert edge < driven[0]["settled_mono_ns"] <= driven[0]["decided_mono_ns"] <= driven[0]["written_mono_ns"]


def test_a_pulse_shorter_than_settling_leaves_no_row(site: Site) -> None:
    site.driver.contact("flood", True, for_ms=5)
    site.driver.contact("door", False)
    site.wait_row("door.opened")
    assert site.rows("point.changed", source="flood") == []


def test_fail_to_start_sounds_the_siren_and_asks_for_a_clip(site: Site) -> None:
    edge = fail_to_start(site)
    driven = site.wait_row("relay.driven", "siren")
    assert driven.values()["reason"] == FAIL
    assert driven.values()["settled_mono_ns"] == edge + 1_000_000_000, "counts from the edge of the demand"
    raised = site.wait_row("alarm.raised", FAIL)
    assert (raised.lane, raised.signal) == ("alarm", "alarm")
    assert raised.values() == {"on": "pump.fail_to_start", "of": "pump-1", "detail": "", "first": True}
    clip = site.wait_row("clip.requested").values()
    assert clip["cameras"] == ["pump-room"]
    assert clip["cause"] == FAIL
    assert clip["at_mono_ns"] == edge + 1_000_000_000
    assert (clip["before_s"], clip["after_s"], clip["hold"]) == (1, 2, True)
    assert str(clip["clip"]).startswith("c-")
    order = [row.kind for row in site.rows(after=raised.seq - 2)]
    assert order[:2] == ["pump.fail_to_start", "alarm.raised"]


def test_silence_acknowledge_restore_reset_by_request(site: Site) -> None:
    fail_to_start(site)
    site.driver.wait_relay("beacon", True)
    site.request("silence")
    site.driver.wait_relay("siren", False)
    assert site.driver.relay("beacon")["energised"], "silence is for sounders"
    assert site.wait_row("alarm.silenced", FAIL).values() == {"by": "cli:anna"}
    site.request("reset")
    assert "neither acknowledged nor restored" in str(site.wait_row("panel.refused").values()["reason"])
    site.request("acknowledge", FAIL)
    site.driver.wait_relay("beacon", False)
    site.wait_row("alarm.acknowledged", FAIL)
    site.driver.contact("running", True)
    site.wait_row("alarm.restored", FAIL)
    site.request("reset", FAIL, by="cli:bo")
    assert site.wait_row("alarm.reset", FAIL).values() == {"by": "cli:bo"}
    refused = site.request("reset", FAIL)
    row = until(lambda: site.rows("panel.refused", after=refused.seq), "a second reset is refused")[0]
    assert row.values() == {"request": refused.seq, "reason": "there is no such alarm"}


def test_buttons_silence_then_acknowledge_and_reset(site: Site) -> None:
    fail_to_start(site)
    site.driver.pulse("hush", 100)
    site.driver.wait_relay("siren", False)
    assert site.wait_row("button.pressed", "hush").values() == {"does": ["silence"]}
    site.driver.contact("demand", False)
    site.wait_row("alarm.restored", FAIL)
    site.driver.pulse("noted", 100)
    assert site.wait_row("alarm.acknowledged", FAIL).values() == {"by": "button:noted"}
    site.wait_row("alarm.reset", FAIL)
    site.driver.wait_relay("beacon", False)


def test_a_new_alarm_sounds_over_a_silenced_one(site: Site) -> None:
    fail_to_start(site)
    site.request("silence")
    site.driver.wait_relay("siren", False)
    site.driver.contact("flood", True)
    site.driver.wait_relay("siren", True)
    assert site.wait_row("alarm.raised", "point.changed:flood").signal == "alarm"
    site.driver.contact("flood", False)
    site.wait_row("alarm.restored", "point.changed:flood")


def test_unknown_and_stale_requests_are_refused(site: Site) -> None:
    fail_to_start(site)
    site.request("dance")
    assert "acknowledge, silence or reset" in str(site.wait_row("panel.refused").values()["reason"])
    now = site.clock.stamp()
    old = now._replace(mono_ns=now.mono_ns - 61 * 1_000_000_000)
    stale = site.journal.append(PanelRequested(source="cli", does="silence", alarm="*", by="x"), stamps=[old])[0]
    refused = site.wait_row("panel.refused", after=stale.seq)
    assert refused.values() == {"request": stale.seq, "reason": "it is older than 60 s"}
    assert site.driver.relay("siren")["energised"]


def test_trouble_of_another_process_is_latched_here(site: Site) -> None:
    site.append(CameraLost(source="pump-room", reason="no packets for 8 s"))
    raised = site.wait_row("alarm.raised", "camera.lost:pump-room")
    assert (raised.signal, raised.values()["detail"]) == ("trouble", "no packets for 8 s")
    site.append(CameraRestored(source="pump-room", lost_ms=9000))
    site.wait_row("alarm.restored", "camera.lost:pump-room")


@pytest.mark.long
def test_held_open_has_the_class_of_its_point(site: Site) -> None:
    edge = site.driver.contact("door", False)
    row = site.wait_row("door.held_open", "door")
    assert row.signal == "supervisory"
    assert edge + 5_000_000_000 <= row.mono_ns < edge + 5_500_000_000
    site.wait_row("alarm.raised", "door.held_open:door")
    site.driver.contact("door", True)
    site.wait_row("alarm.restored", "door.held_open:door")


def test_the_status_file_shows_points_pumps_relays_and_alarms(site: Site) -> None:
    fail_to_start(site)
    status = until(lambda: (s := site.status()) and FAIL in s.get("alarms", {}) and s, "status shows the alarm")
    assert status["alarms"][FAIL] == {"class": "alarm", "state": "standing", "silenced": False}
    assert status["points"]["demand"] == {"closed": True, "active": True, "chattering": False}
    assert status["pumps"]["pump-1"]["state"] == "fail_to_start"
    assert status["relays"]["siren"] == {"energised": True, "driven": True, "failed": False}
    assert status["journal"] == "ok"
    assert status["latency"]["drives"] >= 2


def test_stopping_leaves_a_row_and_a_restart_takes_up_where_it_was(site: Site) -> None:
    fail_to_start(site)
    site.wait_row("relay.driven", "beacon")
    assert site.stop("panel") == 0, site.log("panel")
    head = site.head()
    assert kinds(site.rows(after=head - 1)) == ["process.stopping"]
    site.start_panel()
    site.driver.wait_relay("siren", True)
    rows = until(lambda: (r := site.rows("relay.driven", after=head)) and len(r) == 2 and r, "both are said to be on")
    assert {(row.source, row.values()["reason"]) for row in rows} == {("siren", "restart"), ("beacon", "restart")}
    assert site.rows("alarm.raised", "point.found", "point.changed", after=head) == []
    site.request("acknowledge")
    site.driver.wait_relay("siren", False)


def test_what_the_panel_loads() -> None:
    """Nothing that belongs to others, and SQLite only after the relays stand."""
    listed = "import sys, agent.panel.__main__; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"av", "paho", "cryptography", "sqlite_utils", "cv2", "numpy", "picamera2", "sqlite3"}
    assert {"gpiozero", "agent.panel.loop"} <= loaded


@pytest.mark.parametrize(
    ("text", "says"), [(SITE[:900], "site.toml"), (SITE, "no simulated board")], ids=["truncated file", "no board"]
)
def test_what_cannot_be_started_says_why_in_words(tmp_path: Path, text: str, says: str) -> None:
    with Site(tmp_path / "s", text) as site:
        process = site.start("panel", "--pins", f"sim:{tmp_path}/nobody.sock")
        assert process.wait(30) == 1
        assert says in site.log("panel")
        assert "Traceback" not in site.log("panel")
