"""kill -9 of broker, uplink and collector while rows and clips flow; a link that dies without a word."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable
from pathlib import Path

from sp_acker import Acker
from sp_broker import Broker
from sp_far import Far
from sp_uplink import SOON, UplinkSite, alarm_row, status_row, until

from agent.core.events import ClipReady


class Writer:
    """Another process's part of the journal: rows in both lanes, a few at a time, until told to stop."""

    def __init__(self, site: UplinkSite) -> None:
        self._site = site
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        chance = random.Random(1)
        n = 0
        while not self._stop.wait(0.02):
            n += 1
            self._site.append([status_row(n + i) for i in range(chance.randint(0, 20))] or [alarm_row(n)])
            if n % 7 == 0:
                self._site.append([alarm_row(n)])

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def clip(site: UplinkSite, number: int, size: int) -> None:
    blob = random.Random(number).randbytes(size)
    path = site.paths.clips / f"clip-{number}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob)
    ready = ClipReady(
        source="cam",
        clip=f"c-{number}",
        path=str(path.relative_to(site.paths.data)),
        bytes=size,
        sha256=hashlib.sha256(blob).hexdigest(),
        from_ns=0,
        to_ns=1,
        short_ms=0,
    )
    site.append([ready])


def test_kill_9_of_each_at_random_moments_loses_and_doubles_nothing(
    tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(4, 50)
    chance = random.Random(count)
    with (
        Broker(tmp_path / "broker") as broker,
        Far(tmp_path / "far", broker.url) as far,
        UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site,
    ):
        epoch, victims = site.journal.epoch, (broker, site, far)

        def stored() -> int:
            return int((far.epoch(epoch) or {"rows": 0})["rows"])

        site.append(status_row(n) for n in range(3000))
        site.start()
        with Writer(site):
            for number in range(count):
                before = stored()
                until(lambda n=before: stored() > n, "rows flow", 90)
                threading.Event().wait(chance.random() * 0.3)
                victim = victims[number] if number < 3 else chance.choice(victims)
                victim.kill()
                victim.start()
        for number in range(3):
            clip(site, number, 400_000)
        head = site.journal.head()[0]
        until(lambda: far.has(epoch, head), "everything arrives", 90)
        until(lambda: len(site.rows("clip.delivered")) == 3, "and the clips", 90)
        found = far.epoch(epoch)
        assert (found["missing"], found["conflicts"], found["given_up"]) == ([], [], [])
        assert found["chain"]["whole"]
        for file in far.files():
            sent = site.paths.clips / file["name"]
            assert (far.folder / file["path"]).read_bytes() == sent.read_bytes()


def test_broker_away_for_the_whole_run_then_back(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker")
    with UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        site.start()
        until(lambda: site.status().get("state") == "unreachable", "it runs without")
        site.append(status_row(n) for n in range(5000))
        site.append([alarm_row(1)])
        clip(site, 1, 300_000)
        site.kill()
        site.start()
        site.append([alarm_row(2)])
        head = site.journal.head()[0]
        with broker, Far(tmp_path / "far", broker.url) as far:
            until(lambda: far.has(site.journal.epoch, head), "everything arrives", 90)
            until(lambda: site.rows("clip.delivered"), "the clip too", 90)
            assert site.rows("link.down") == []


def test_a_link_that_dies_without_a_word_is_noticed_and_made_anew(tmp_path: Path) -> None:
    """The broker is frozen: the connection stays open, everything sent is swallowed."""
    with (
        Broker(tmp_path / "broker") as broker,
        UplinkSite(tmp_path / "site", broker.url, "keepalive_s = 5\n", hurry=SOON) as site,
    ):
        with Acker(broker.port) as far:
            site.start()
            until(lambda: site.rows("link.up") and far.of_epoch(site.journal.epoch), "connected")
        broker.freeze()
        site.append([alarm_row(1)])
        head = site.journal.head()[0]
        down = until(lambda: site.rows("link.down"), "the dead link is noticed")[0]
        assert "link taken for dead" in str(down.values()["reason"])
        broker.thaw()
        with Acker(broker.port) as far:
            until(lambda: head in far.of_epoch(site.journal.epoch), "the alarm arrives", 60)
