"""Lines and brokers at their worst: what arrives twice, late or never, and a broker that talks nonsense."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_bench import cpu_s
from sp_broker import Broker
from sp_far import Far
from sp_hostile import HostileLine
from sp_stub_broker import Stub
from sp_uplink import AGAIN, SOON, UplinkSite, alarm_row, rows_in, status_row, until

OFTEN = {**SOON, "agent.uplink.keeper.MOST_S": 0.2}


def proven(far: Far, site: UplinkSite) -> None:
    """0 missing, 0 double, 0 in conflict, and the chain at the far end is ours to the last row."""
    seq, hash_ = site.journal.head()
    found = far.epoch(site.journal.epoch)
    assert (found["missing"], found["conflicts"], found["given_up"]) == ([], [], [])
    assert (found["rows"], found["chain"]["upto"], found["chain"]["hash"]) == (seq, seq, hash_.hex())
    assert found["chain"]["whole"]


@pytest.mark.timeout(3600)
def test_doubled_reordered_cut_and_killed_all_of_it_arrives_once(
    tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    """Both ways to the broker are hostile, and board, broker and collector die by kill -9 all the time."""
    count, deaths = rounds(3_000, 1_000_000), rounds(3, 60)
    chance = random.Random(count)
    hostile = {"double": 0.05, "hold": 0.1, "cut": 0.002}
    with (
        Broker(tmp_path / "broker", options={"max_queued_messages": 0}) as broker,
        HostileLine(broker.port, **hostile, seed=1) as near,
        HostileLine(broker.port, **hostile, seed=2) as beyond,
        Far(tmp_path / "far", beyond.url) as far,
        UplinkSite(tmp_path / "site", near.url, hurry=SOON) as site,
    ):
        epoch, written, victims = site.journal.epoch, 0, (broker, far, site)
        site.append([status_row(0), alarm_row(0)])
        site.start()
        for number in range(deaths):
            share = (count - written) // (deaths - number)
            site.append(([*(status_row(written + n) for n in range(share - 1)), alarm_row(number)]), at_once=2000)
            written += share
            before = far.epoch(epoch).get("rows", 0)
            until(lambda b=before: far.epoch(epoch).get("rows", 0) > b, f"rows flow: {site.status()}", 120)
            victim = victims[number] if number < 3 else chance.choice(victims)
            victim.kill()
            victim.start()
        head = site.journal.head()[0]
        assert head > count
        until(lambda: far.has(epoch, site.journal.head()[0]), f"everything arrives: {site.status()}", rounds(120, 1800))
        site.stop()  # its last row goes with the next start: none is written any more
        site.start("--site", str(site.paths.site))
        until(lambda: far.has(epoch, site.journal.head()[0]), "the last words too", 120)
        proven(far, site)
        assert min(near.did["double"], near.did["hold"], beyond.did["double"], beyond.did["hold"]) > 0
        print("the lines did:", near.did, beyond.did, "rows:", site.journal.head()[0])


@pytest.mark.timeout(1200)
def test_a_hundred_rows_a_second_over_a_link_that_comes_and_goes(
    tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    """On and off every second or two; what it costs in processor time is printed, not judged."""
    seconds = rounds(3, 300)
    chance, stop = random.Random(seconds), threading.Event()
    with (
        Broker(tmp_path / "broker") as broker,
        HostileLine(broker.port) as line,
        Far(tmp_path / "far", broker.url) as far,
        UplinkSite(tmp_path / "site", line.url, hurry=SOON) as site,
    ):
        epoch = site.journal.epoch

        def write() -> None:
            number = 0
            while not stop.wait(0.05):
                number += 5
                site.append([*(status_row(number + n) for n in range(4)), alarm_row(number)])

        writer = threading.Thread(target=write)
        site.start()
        writer.start()
        end, flaps = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            stop.wait(chance.uniform(0.5, rounds(1, 8)))
            line.away()
            stop.wait(chance.uniform(0.2, rounds(1, 5)))
            line.back()
            flaps += 1
        stop.set()
        writer.join()
        assert site.process is not None
        used = cpu_s(site.process.pid)
        until(lambda: far.has(epoch, site.journal.head()[0]), f"all of it arrives: {site.status()}", 120)
        proven(far, site)
        assert len(site.rows("link.down")) <= flaps + 1, "no more sessions than there were"
        print(f"{flaps} flaps, {site.journal.head()[0]} rows, {site.rss_mib():.0f} MiB, {used:.1f} s of CPU")


GARBAGE = {
    "bytes by chance": random.Random(1).randbytes(200),
    "a topic that is no text": b"\x30\x08\x00\x04a/\xc3\x28\x00x",
    "a packet of 256 MB": b"\x30\xff\xff\xff\x7f" + b"x" * 200_000,
    "a length without an end": b"\x30\xff\xff\xff\xff\xff\xff",
    "properties that do not exist": b"\x30\x0a\x00\x03a/b\x03\x99\x00\x00x",
    "a web page": b"HTTP/1.1 400 Bad Request\r\n\r\n<html>",
    "another welcome": b"\x20\x03\x00\x00\x00",
    "confirmations of nothing": b"\x40\x02\xff\xff" * 50 + b"\x40\x00\x40\x01\x00",
    "a goodbye": b"\xe0\x01\x8d",
}


def test_a_broker_that_talks_nonsense_costs_sessions_and_nothing_else(tmp_path: Path) -> None:
    """The same process goes on through all of it, and delivers when the broker comes to its senses."""
    with Stub() as stub, UplinkSite(tmp_path / "site", stub.url, hurry=OFTEN) as site:
        site.append(status_row(n) for n in range(20))
        site.start()
        assert site.process is not None
        for name, blob in GARBAGE.items():
            until(lambda: stub.connected, f"a session before {name}: {site.log.read_text()}")
            before = stub.sessions
            stub.raw(blob)
            stub.drop()
            until(lambda b=before: stub.sessions > b, f"a session after {name}: {site.log.read_text()}")
            assert site.process.poll() is None, name
        until(lambda: set(range(1, 21)) <= {r.row.seq for p in stub.of("replay") for r in rows_in(p.payload)}, "sent")
        assert site.rss_mib() < 64
        assert len(site.rows("process.started")) == 1


def test_a_broker_that_takes_less_at_once_in_the_next_session_is_not_overrun(tmp_path: Path) -> None:
    """Receive Maximum 40, then 3: the window of the session before is no promise."""
    with Stub(receive_maximum=40) as stub, UplinkSite(tmp_path / "site", stub.url, hurry={**AGAIN, **OFTEN}) as site:
        site.append(status_row(n) for n in range(3000))
        stub.policy = lambda topic, payload: 0 if len(stub.published) < 15 or "/state/" in topic else None
        site.start()
        until(lambda: stub.unacked > 3, "more than three are out")
        stub.receive_maximum = 3
        stub.drop()
        until(lambda: stub.sessions == 2 and stub.unacked >= 2, "the next session fills its window")
        site.append([alarm_row(1)])
        stub.ack_all()
        until(lambda: any(p.session == 2 for p in stub.of("event")), "the live row is the next to go")
        assert stub.most_unacked <= 3


def test_every_refusal_code_there_is_loses_nothing(tmp_path: Path) -> None:
    """Whatever the broker says no with: the rows are there when it says yes."""
    codes = [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99, 0xFE]
    with Stub() as stub, UplinkSite(tmp_path / "site", stub.url, hurry=SOON) as site:

        def policy(topic: str, payload: bytes) -> int:
            return codes[len(stub.published) % len(codes)] if topic.endswith(("/event", "/replay")) else 0

        stub.policy = policy
        site.append(status_row(n) for n in range(10))
        site.start()
        until(lambda: site.rows("link.refused"), "refused")
        stub.policy = lambda topic, payload: 0
        stub.drop()
        until(
            lambda: set(range(1, 11)) <= {r.row.seq for p in stub.of("replay") for r in rows_in(p.payload)},
            "all of them come",
            60,
        )
        assert site.rows("gap") == []
