"""What paho does not do is done around it: each known failing of the driver, against a broker that provokes it.

(That paho floods, knows no Receive Maximum, calls a refusal published and stops at 65,535: see agent/uplink/link.py.)
"""

from __future__ import annotations

import base64
import errno
import json
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_far import Far
from sp_stub_broker import Stub
from sp_uplink import AGAIN, SOON, UplinkSite, alarm_row, rows_in, status_row, until

from agent.core.events import ProcessStarted
from agent.core.wire import Ack, LaneAck, ack_payload
from agent.uplink import link

GOOD_LINK = 15  # messages confirmed at once after which the uplink believes that the link is no thin one


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def site(tmp_path: Path, stub: Stub) -> Iterator[UplinkSite]:
    with UplinkSite(tmp_path / "site", stub.url, hurry={**AGAIN, **SOON}) as site:
        yield site


def dense(size: int) -> str:
    """Text that no compression makes much smaller."""
    return base64.b64encode(random.Random(size).randbytes(size)).decode()[:size]


def rows_of(stub: Stub, session: int = 0) -> list[int]:
    """Sequence numbers of what came, in that session (0: in all)."""
    messages = [p for p in stub.of("event") + stub.of("replay") if session in (0, p.session)]
    return [row.row.seq for message in messages for row in rows_in(message.payload)]


def acknowledge(stub: Stub, site: UplinkSite, upto: int) -> None:
    """A collector's mark of both lanes: the last row of each up to `upto`."""
    lanes = {}
    for lane in ("alarm", "status"):
        rows = [r for r in site.journal.read(lane=lane, limit=100_000) if r.seq <= upto]
        lanes[lane] = LaneAck(rows[-1].seq, rows[-1].hash.hex()) if rows else LaneAck(0, "")
    stub.send("standpipe/plant/pump/ack", ack_payload(Ack(site.journal.epoch, lanes)))


# --- fact 1 and 2: the window ---


def test_neither_first_connect_nor_reconnect_exceeds_the_brokers_receive_maximum(stub: Stub, site: UplinkSite) -> None:
    """2,000 rows wait, every message is large or small, no more is confirmed; then the connection is cut."""
    stub.receive_maximum = 5
    stub.policy = lambda topic, payload: 0 if len(stub.published) < GOOD_LINK else None
    site.append(status_row(n) for n in range(2000))
    site.start()
    for session in (1, 2, 3):
        until(lambda n=session: stub.sessions == n and stub.unacked >= 4, f"session {session} fills its window")
        site.append([alarm_row(session)])
        until(lambda n=session: any(p.session == n for p in stub.of("event")), "a live row still finds a slot")
        assert stub.most_unacked == 5
        stub.drop()


def test_our_own_window_holds_where_the_broker_allows_more(tmp_path: Path, stub: Stub) -> None:
    stub.policy = lambda topic, payload: 0 if len(stub.published) < GOOD_LINK else None
    with UplinkSite(tmp_path / "own", stub.url, "window = 3\n", hurry={**AGAIN, **SOON}) as site:
        site.append(status_row(n) for n in range(2000))
        site.start()
        until(lambda: stub.unacked >= 3, "the window is full")
        site.append([alarm_row(1)])
        stub.ack_all()
        until(lambda: stub.of("event"), "the live row goes")
    assert stub.most_unacked == 3


def test_a_small_window_of_a_real_broker_is_found_and_kept(tmp_path: Path) -> None:
    """mosquitto with max_inflight_messages 4 says so in its CONNACK, and would cut off whoever exceeds it."""
    with (
        Broker(tmp_path / "broker", options={"max_inflight_messages": 4}) as broker,
        Acker(broker.port) as far,
        UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site,
    ):
        site.append(status_row(n) for n in range(3000))
        site.start()
        until(lambda: len(far.of_epoch(site.journal.epoch)) >= 3000, "all rows arrive")
        until(lambda: site.status().get("window") == 4, "the window is the broker's")
        assert "exceed" not in broker.log.lower()
        assert [p.state for p in far.presence] == ["online"]


# --- fact 3: a PUBACK may be a refusal, and is no delivery either way ---


@pytest.mark.parametrize("code", [0x97, 0x87])
def test_a_refused_row_is_not_delivered_and_says_so_once(stub: Stub, site: UplinkSite, code: int) -> None:
    stub.policy = lambda topic, payload: code if topic.endswith(("/event", "/replay")) else 0
    site.append(status_row(n) for n in range(10))
    site.start()
    refused = until(lambda: site.rows("link.refused"), "the refusal becomes a row")[0]
    assert refused.values()["code"] == code
    assert refused.values()["what"] == "rows"
    assert refused.lane == "alarm"
    if code == 0x97:
        until(lambda: rows_of(stub).count(5) >= 2, "the row is tried again")
        stub.policy = lambda topic, payload: 0
        head = site.journal.head()[0]
        until(lambda: set(rows_of(stub)) >= set(range(1, head + 1)), "all of them come when the quota allows")
    until(lambda: site.status().get("last_refusal"), "status tells")
    assert set(site.status()["cursors"].values()) <= {0}
    assert len(site.rows("link.refused")) == 1
    if code == 0x87:
        until(lambda: site.status().get("state") == "refused", "the state is told")
        assert len(stub.of("replay")) <= 4, "parked, not hammering"


def test_a_row_that_no_one_takes_is_given_up_with_a_gap_row_and_nothing_else(stub: Stub, site: UplinkSite) -> None:
    def policy(topic: str, payload: bytes) -> int:
        rowful = topic.endswith(("/event", "/replay"))
        return 0x83 if rowful and any(row.row.seq == 6 for row in rows_in(payload)) else 0

    stub.policy = policy
    site.append(status_row(n) for n in range(10))
    site.start()
    until(lambda: stub.of("presence"), "born")
    acknowledge(stub, site, 0)  # a collector is there, and has nothing yet
    gap = until(lambda: site.rows("gap"), "row 6 is given up")[0]
    assert (gap.values()["of_lane"], gap.values()["from_seq"], gap.values()["to_seq"]) == ("status", 6, 6)
    until(lambda: gap.seq in rows_of(stub), "the gap row goes out")
    for seq in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11):
        assert seq in rows_of(stub)
    assert any(row.values()["code"] == 0x83 for row in site.rows("link.refused"))


def test_a_row_larger_than_the_broker_takes_is_not_even_sent(stub: Stub, site: UplinkSite) -> None:
    stub.packet_bytes = 4096
    site.append([status_row(1), ProcessStarted(source="x", version=dense(12_000), pid=1), status_row(2)])
    site.start()
    gap = until(lambda: site.rows("gap"), "the large row is given up")[0]
    assert gap.values()["from_seq"] == 3
    until(lambda: {1, 2, 4, gap.seq} <= set(rows_of(stub)), "the others go")
    assert all(len(p.payload) < 4096 for p in stub.published)


def test_mosquittos_own_code_for_too_large_is_no_protocol_error(tmp_path: Path) -> None:
    """message_size_limit answers PUBACK 0x95, which is not in paho's table: it would reconnect and send it for ever."""
    with (
        Broker(tmp_path / "broker", options={"message_size_limit": 3000}) as broker,
        Acker(broker.port) as far,
        UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site,
    ):
        site.append(
            [*map(status_row, range(10)), ProcessStarted(source="x", version=dense(6000), pid=1), status_row(11)]
        )
        site.start()
        gap = until(lambda: site.rows("gap"), "the large row is given up")[0]
        assert gap.values()["from_seq"] == 12
        until(lambda: set(far.of_epoch(site.journal.epoch)) >= {*range(1, 12), 13, gap.seq}, "the others arrive")
        assert len(site.rows("link.up")) == 1, "in one session"


def test_confirmed_by_a_broker_that_forgets_is_sent_again_until_the_collector_has_it(
    stub: Stub, site: UplinkSite
) -> None:
    """PUBACK success, and nobody ever gets it: the rows come again, and the cursor waits for the ack."""
    site.append(status_row(n) for n in range(10))
    site.start()
    until(lambda: rows_of(stub).count(5) >= 2, "sent again without an ack", 20)
    until(lambda: site.status().get("state") == "no-collector", "status tells")
    assert set(site.status()["cursors"].values()) == {0}
    head = site.journal.head()[0]
    acknowledge(stub, site, head)
    until(lambda: min(site.status()["cursors"].values()) >= head, "the ack moves the cursors")


# --- fact 4: no queue in memory ---


def test_far_more_rows_than_paho_can_hold_wait_in_the_journal(tmp_path: Path) -> None:
    """66,000 rows while the broker is away; then all arrive, once each, and memory stays as it was."""
    broker = Broker(tmp_path / "broker", options={"max_inflight_messages": 100})
    with UplinkSite(tmp_path / "site", broker.url) as site:
        site.start()
        site.append((status_row(n) for n in range(66_000)), at_once=2000)
        until(lambda: site.status().get("state") == "unreachable", "the uplink runs without a broker")
        before_mib = site.rss_mib()
        with broker, Far(tmp_path / "far", broker.url) as far:
            until(lambda: far.has(site.journal.epoch, 66_000), "all rows arrive", 60)
            assert far.epoch(site.journal.epoch)["missing"] == []
            assert site.rss_mib() <= min(45, before_mib + 5)


# --- half-open and lying connections ---


def test_a_broker_that_never_answers_does_not_hold_the_uplink(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "CONNECT_S", 0.5)
    stub.silent = True
    with pytest.raises(link.LinkError, match="does not answer") as caught:
        link.Link(link.BrokerAt(stub.url), "x", []).open(lambda: True)
    assert caught.value.state == "unreachable"


@pytest.mark.parametrize("known", [True, False])
def test_the_kernel_is_asked_for_a_tcp_that_does_not_slow_down_for_a_lost_packet(stub: Stub, known: bool) -> None:
    """And for a dead link's end; a kernel that knows only the usual TCP is no fault."""
    asked: dict[int, int | bytes] = {}

    class Sock:
        def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
            if (level, option) == (socket.IPPROTO_TCP, socket.TCP_CONGESTION) and not known:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            if level == socket.IPPROTO_TCP:
                asked[option] = value

    link.Link(link.BrokerAt(stub.url), "x", [])._on_socket_open(None, None, Sock())
    assert asked.get(socket.TCP_CONGESTION) == (b"bbr" if known else None)
    assert asked[socket.TCP_USER_TIMEOUT] == 60_000


def test_told_to_stop_while_connecting_it_stops(stub: Stub) -> None:
    stub.silent = True
    with pytest.raises(link.LinkError):
        link.Link(link.BrokerAt(stub.url), "x", []).open(lambda: False)


@pytest.mark.parametrize(("code", "state"), [(0x87, "refused"), (0x86, "refused"), (0x97, "quota")])
def test_a_refused_connection_is_a_row_and_a_state(stub: Stub, site: UplinkSite, code: int, state: str) -> None:
    stub.connack = code
    site.start()
    row = until(lambda: site.rows("link.refused"), "the refusal becomes a row")[0]
    assert (row.values()["what"], row.values()["code"]) == ("connection", code)
    until(lambda: site.status().get("state") == state, "status tells")


def test_one_row_however_often_the_connection_is_refused(stub: Stub, site: UplinkSite) -> None:
    stub.connack = 0x87
    site.start()
    until(lambda: stub.sessions >= 3, "tried again and again")
    assert len(site.rows("link.refused")) == 1
    assert site.rows("link.up") == []


# --- ranges: live rows overtake backlog ---


def test_ranges_beyond_the_mark_are_not_sent_again_and_do_not_move_the_cursor(stub: Stub, site: UplinkSite) -> None:
    site.append(status_row(n) for n in range(20))
    site.start()
    until(lambda: stub.of("presence"), "born")
    epoch = json.loads(stub.of("presence")[0].payload)["epoch"]
    row = site.journal.row(5)
    assert row is not None
    beyond = {"status": LaneAck(5, row.hash.hex(), [(8, 21)])}
    until(lambda: rows_of(stub).count(2), "the backlog goes")
    stub.send("standpipe/plant/pump/ack", ack_payload(Ack(epoch, beyond)))
    until(lambda: (site.status().get("cursors") or {}).get("status") == 5, "the mark is taken, the hole stands")
    stub.drop()
    until(lambda: stub.sessions == 2 and len(stub.of("presence")) == 2, "a new session")
    until(lambda: {6, 7} <= set(rows_of(stub, session=2)), "the hole is filled")
    assert not set(rows_of(stub, session=2)) & (set(range(2, 6)) | set(range(8, 22)))
