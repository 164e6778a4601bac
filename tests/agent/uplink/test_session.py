"""The uplink process against a real broker: what goes where, in which order, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_ports import free_port
from sp_uplink import SOON, UplinkSite, alarm_row, status_row, until

from agent.core.events import AlarmRaised, AlarmReset, RelayDriven, Signal


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def far(broker: Broker) -> Iterator[Acker]:
    with Acker(broker.port) as far:
        yield far


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[UplinkSite]:
    with UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        yield site


def has(far: Acker, site: UplinkSite, head: int) -> bool:
    return set(far.of_epoch(site.journal.epoch)) >= set(range(1, head + 1))


def test_backlog_goes_in_batches_alarm_lane_first_and_nothing_is_retained(far: Acker, site: UplinkSite) -> None:
    site.append([event for n in range(300) for event in (status_row(n), alarm_row(n))])
    head = site.journal.head()[0]
    site.start()
    until(lambda: has(far, site, head), "all rows arrive")
    backlog = [(leaf, seqs) for leaf, seqs, _ in far.messages if seqs[0] <= head]
    assert {leaf for leaf, _ in backlog} == {"replay"}
    assert len(backlog) < 30
    rows = far.of_epoch(site.journal.epoch)
    lanes = [rows[seqs[0]].row.lane for _, seqs in backlog]
    assert lanes == sorted(lanes), "alarm before status"
    assert not any(retained for _, _, retained in far.messages)


def test_new_rows_are_events_of_their_own_with_data_for_people(far: Acker, site: UplinkSite) -> None:
    site.append([status_row(1)])
    site.start()
    until(lambda: site.rows("link.up") and has(far, site, site.rows("link.up")[0].seq), "the start is told")
    site.append([alarm_row(7)])
    head = site.journal.head()[0]
    until(lambda: has(far, site, head), "the alarm arrives")
    assert ("event", [head], False) in far.messages


def test_a_burst_of_new_rows_goes_as_backlog(far: Acker, site: UplinkSite) -> None:
    site.start()
    until(lambda: site.rows("link.up") and has(far, site, site.rows("link.up")[0].seq), "connected")
    site.append(status_row(n) for n in range(1000))
    until(lambda: has(far, site, 1000), "all arrive")
    assert len(far.messages) < 200


def test_birth_will_and_goodbye(far: Acker, site: UplinkSite) -> None:
    site.append([status_row(1)])
    site.start()
    until(lambda: far.presence, "birth")
    birth = far.presence[0]
    assert (birth.state, birth.epoch, birth.head_seq > 0) == ("online", site.journal.epoch, True)
    row = site.journal.row(birth.head_seq)
    assert row is not None
    assert row.hash.hex() == birth.head_hash
    site.kill()
    until(lambda: far.presence[-1].state == "offline", "the will")
    site.start()
    until(lambda: far.presence[-1].state == "online", "born again")
    assert site.stop() == 0
    until(lambda: far.presence[-1].state == "offline", "the goodbye")
    with Acker(int(site.paths.site.read_text().split("127.0.0.1:")[1].split('"')[0]), answer=False) as later:
        until(lambda: later.presence, "it is retained")
        assert later.presence[0].state == "offline"


def test_a_restart_sends_nothing_again_that_was_acknowledged(far: Acker, site: UplinkSite) -> None:
    site.append(status_row(n) for n in range(500))
    site.start()
    until(lambda: min((site.status().get("cursors") or {"": 0}).values()) > 500, "delivered")
    site.stop()
    site.start()
    epoch = site.journal.epoch
    until(lambda: len(site.rows("process.started")) == 2 and has(far, site, site.journal.head()[0]), "up again")
    assert all(far.copies[(epoch, seq)] == 1 for seq in range(1, 501))


def test_a_lost_cursor_file_costs_nothing_when_the_collector_answers(far: Acker, site: UplinkSite) -> None:
    site.append(status_row(n) for n in range(2000))
    site.start()
    until(lambda: has(far, site, 2000), "delivered")
    site.stop()
    for path in site.paths.data.glob("cursor-uplink.db*"):
        path.unlink()
    site.start()
    until(lambda: len(site.rows("process.started")) == 2, "up again")
    head = site.journal.head()[0]
    until(lambda: min((site.status().get("cursors") or {"": 0}).values()) >= head, "the mark is the collector's")
    assert sum(far.copies.values()) < 2 * 2000


def test_states_are_retained_at_birth_and_on_change(broker: Broker, far: Acker, site: UplinkSite) -> None:
    driven = RelayDriven(
        source="siren",
        energised=True,
        reason="x",
        edge_mono_ns=None,
        settled_mono_ns=None,
        decided_mono_ns=1,
        written_mono_ns=2,
    )
    site.append([status_row(0), AlarmRaised(source="a:door", on="door.held_open", of="door", signal=Signal.ALARM)])
    site.start()
    until(lambda: far.last("state/alarms"), "states at birth")
    assert json.loads(far.last("state/door") or b"")["closed"] is True
    assert [a["id"] for a in json.loads(far.last("state/alarms") or b"")["alarms"]] == ["a:door"]
    site.append([status_row(1), driven, AlarmReset(source="a:door", by="me")])
    until(lambda: json.loads(far.last("state/alarms") or b"")["open"] == 0, "the alarm is gone")
    until(lambda: json.loads(far.last("state/siren") or b"{}").get("energised"), "the relay is told")
    assert json.loads(far.last("state/door") or b"")["closed"] is False
    with Acker(broker.port, answer=False) as later:
        until(lambda: {"state/door", "state/siren", "state/alarms"} <= set(later.leafs()), "they are retained")


def test_nobody_listens_then_somebody_does(broker: Broker, site: UplinkSite) -> None:
    """PUBACK 0x10 is success of the broker, and means that there is no collector."""
    site.append(status_row(n) for n in range(300))
    site.start()
    until(lambda: site.status().get("state") == "no-collector", "status tells")
    assert set(site.status()["cursors"].values()) == {0}
    assert site.status()["queue"]["status"]["rows"] >= 300
    with Acker(broker.port) as far:
        until(lambda: has(far, site, 300), "as soon as the collector is there")
        until(lambda: site.status().get("state") == "connected", "status tells")
        until(lambda: site.status()["queue"]["status"]["rows"] == 0, "the queue is empty")


def test_time_from_the_collector_for_a_board_that_has_none(far: Acker, site: UplinkSite, tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    offset.write_text(str(-10 * 365 * 86_400 * 10**9))
    site.start("--clock-offset", str(offset))
    row = until(lambda: site.rows("clock.set"), "the clock is set by a row")[0]
    assert row.values()["by"] == "collector"
    assert abs(int(str(row.values()["at_ns"])) - far.at_ns()) < 60 * 10**9
    site.stop()
    site.start("--clock-offset", str(offset))
    until(lambda: len(site.rows("link.up")) == 2 and has(far, site, site.journal.head()[0]), "up again")
    assert len(site.rows("clock.set")) == 1, "once a boot"


@pytest.mark.parametrize(
    ("url", "state"), [("mqtt://no-such-host.invalid:1883", "dns-failed"), ("mqtt://127.0.0.1:{port}", "unreachable")]
)
def test_ready_at_once_when_nobody_can_be_reached(tmp_path: Path, url: str, state: str) -> None:
    with UplinkSite(tmp_path / "alone", url.format(port=free_port())) as site:
        site.append(status_row(n) for n in range(100))
        site.start()
        until(lambda: site.status().get("state") == state, f"status says {state}")
        until(lambda: (site.status()["queue"].get("status") or {}).get("rows", 0) >= 100, "and what waits")
        assert site.rows("link.down") == [], "no row for a link that never was"
        assert site.stop() == 0


def test_refused_by_a_real_broker_for_want_of_a_password(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "locked", options={"allow_anonymous": "false"}) as broker,
        UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site,
    ):
        site.start()
        row = until(lambda: site.rows("link.refused"), "the refusal is a row")[0]
        assert row.values()["what"] == "connection"
        until(lambda: site.status().get("state") == "refused", "status tells")


def test_without_an_uplink_in_the_site_file_it_runs_and_says_so(tmp_path: Path) -> None:
    with UplinkSite(tmp_path / "none", "mqtt://127.0.0.1:1", hurry=SOON) as site:
        site.paths.site.write_text(site.paths.site.read_text().split("[uplink]")[0])
        site.start()
        until(lambda: site.status().get("state") == "not configured", "status tells")
        assert site.stop() == 0


def test_a_wrong_site_file_is_one_clear_line(tmp_path: Path) -> None:
    with UplinkSite(tmp_path / "wrong", "mqtt://user:hunter2@127.0.0.1:1", hurry=SOON) as site:
        site.start()
        assert site.process is not None
        assert site.process.wait(20) != 0
        text = site.log.read_text()
        assert "Traceback" not in text
        assert "hunter2" not in text
        assert "uplink" in text
