"""Commands that are malformed, huge, retained, unsigned or a flood: one clear refusal, and everything else goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish as publish
import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_uplink import SOON, UplinkSite, alarm_row, until

from agent.core.meter import REFUSALS_A_MINUTE
from agent.uplink.link import PLACES


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def far(broker: Broker) -> Iterator[Acker]:
    with Acker(broker.port) as far:
        yield far


@pytest.fixture
def site(tmp_path: Path, broker: Broker, far: Acker) -> Iterator[UplinkSite]:
    with UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        site.start()
        until(lambda: site.rows("link.up") and site.rows("link.up")[0].seq in far.of_epoch(site.journal.epoch), "up")
        yield site


def goes_on(site: UplinkSite, far: Acker) -> None:
    """The same session still carries an alarm."""
    site.append([alarm_row(1)])
    head = site.journal.head()[0]
    until(lambda: head in far.of_epoch(site.journal.epoch), "the alarm arrives")
    assert len(site.rows("link.up")) == 1
    assert site.process is not None
    assert site.process.poll() is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not a JSON object"),
        (b"\x00\xff" * 50, "not a JSON object"),
        (b"[" * 10_000, "not a JSON object"),
        (b'{"op": "relay.drive", "relay": "siren"}', "not signed"),
        (b"x" * 100_000, "100000 bytes, 16384 allowed"),
    ],
    ids=["empty", "bytes", "deep", "unsigned", "huge"],
)
def test_a_wrong_command_is_refused_with_its_reason(site: UplinkSite, far: Acker, payload: bytes, reason: str) -> None:
    far.publish("command", payload)
    row = until(lambda: site.rows("command.refused"), "the refusal is a row")[0]
    digest = hashlib.sha256(payload).hexdigest()
    assert reason in str(row.values()["reason"])
    assert (row.values()["bytes"], row.values()["digest"], row.lane) == (len(payload), digest, "alarm")
    result = json.loads(until(lambda: far.last("result"), "the result is told"))
    assert (result["state"], result["digest"]) == ("refused", digest)
    goes_on(site, far)


def test_a_retained_command_is_refused(site: UplinkSite, far: Acker) -> None:
    far.publish("command", b'{"id": "c-1", "sig": "00"}', retain=True)
    row = until(lambda: site.rows("command.refused"), "the refusal is a row")[0]
    assert "retained" in str(row.values()["reason"])
    goes_on(site, far)


def test_a_command_kept_by_the_broker_from_before_is_not_even_looked_at(
    broker: Broker, far: Acker, tmp_path: Path
) -> None:
    far.publish("command", b'{"id": "old", "sig": "00"}', retain=True)
    with UplinkSite(tmp_path / "later", broker.url, hurry=SOON) as site:
        site.start()
        until(lambda: far.presence, "up")
        far.publish("command", b"{}")
        until(lambda: site.rows("command.refused"), "commands are heard")
        assert [row.values()["reason"] for row in site.rows("command.refused")] == ["not signed"]


def test_gigantic_commands_never_reach_the_board_and_do_not_stop_the_acks(
    broker: Broker, site: UplinkSite, far: Acker
) -> None:
    """The board's Maximum Packet Size has the broker drop them: they cost the board no memory. mosquitto would then
    forget to free their places in flight, had they any (QoS 1): more of them than places, and no ack comes any more."""
    assert PLACES < 150
    before_mib = site.rss_mib()
    topic = f"{far.base}/command"
    big = [{"topic": topic, "payload": b"x" * 30_000_000, "qos": 0}]
    publish.multiple(big + [{"topic": topic, "payload": b"x" * 300_000, "qos": 1}] * 150, "127.0.0.1", broker.port)
    far.publish("command", b"{}")
    until(lambda: site.rows("command.refused"), "the small one after them is heard")
    assert [row.values()["bytes"] for row in site.rows("command.refused")] == [2]
    assert site.rss_mib() < before_mib + 5
    goes_on(site, far)
    head = site.journal.head()[0]
    until(lambda: min(site.status().get("cursors", {"": 0}).values()) >= head, "acks come through")


def test_a_flood_of_commands_does_not_fill_the_journal(broker: Broker, site: UplinkSite, far: Acker) -> None:
    flood = [{"topic": f"{far.base}/command", "payload": b"%d" % number, "qos": 1} for number in range(500)]
    publish.multiple(flood, "127.0.0.1", broker.port)
    far.publish("ack", b"the last of them")
    until(lambda: site.rows("link.refused"), "all of them are through")
    goes_on(site, far)
    assert 0 < len(site.rows("command.refused")) <= 2 * REFUSALS_A_MINUTE, "a minute may turn within the flood"
    assert site.rss_mib() <= 45


def test_an_ack_that_is_no_ack_moves_nothing(site: UplinkSite, far: Acker) -> None:
    for payload in (b"", b"{}", b'{"epoch": 1, "lanes": {}}', b'{"v":1,"epoch":"x","at_ns":"1","lanes":{"alarm":{}}}'):
        far.publish("ack", payload)
    row = until(lambda: site.rows("link.refused"), "it is told")[0]
    assert row.values()["what"] == "ack"
    goes_on(site, far)
    assert len(site.rows("link.refused")) == 1
