"""kill -9 of the collector at random moments, of the broker too: nothing lost, nothing stored twice, files whole.

A board that keeps at it stands in for the uplink: it sends again whatever has not been acknowledged.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sp_broker import Broker
from sp_collect import Board, Collect, Link, batches, chain, covered, new_epoch, stored
from sp_postgres import Postgres

from agent.collector.report import report
from agent.collector.stores import Where
from agent.core.chain import canonical_row, first_hash
from agent.core.wire import Ack

ROWS = 3000
SLICE = 200  # of several batches, sent in any order


class Trouble(threading.Thread):
    """Does `strike` `times` times, at random moments."""

    def __init__(self, times: int, chance: random.Random, strike: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._waits = [chance.uniform(0.0, 0.5) for _ in range(times)]
        self._strike = strike
        self.struck = 0

    def run(self) -> None:
        for wait_s in self._waits:
            time.sleep(wait_s)
            self._strike()
            self.struck += 1


@contextmanager
def collector_killed(collect: Collect, times: int, chance: random.Random) -> Iterator[Trouble]:
    def strike() -> None:
        collect.kill()
        collect.start()

    with trouble(times, chance, strike) as running:
        yield running


@contextmanager
def trouble(times: int, chance: random.Random, strike: Callable[[], None]) -> Iterator[Trouble]:
    running = Trouble(times, chance, strike)
    running.start()
    try:
        yield running
    finally:
        running.join(120)
    assert running.struck == times


def everything_is_there(store: Path, epoch: str, links: list[Link]) -> None:
    """Row by row, from the database itself; then what the report says of it."""
    with closing(sqlite3.connect(store / "collector.db")) as db:
        rows = db.execute("select seq, text, hash from row order by seq").fetchall()
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    assert rows == [(link.row.seq, canonical_row(link.row).decode(), link.row.hash) for link in links]
    assert links[0].prev_hash == first_hash(epoch)
    found: dict[str, Any] = stored(store)
    assert found["totals"]["missing"] == found["totals"]["conflicts"] == found["totals"]["refused"] == 0
    assert found["totals"]["chains_whole"]


def never_taken_back(acks: list[Ack]) -> None:
    """What was acknowledged once stays acknowledged, kills or not."""
    said: set[int] = set()
    for ack in acks:
        now = covered(ack)
        assert said <= now
        said = now


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def collect(broker: Broker, tmp_path: Path) -> Iterator[Collect]:
    with Collect(broker.url, tmp_path / "store") as running:
        yield running


def test_rows_survive_the_collector(collect: Collect, broker: Broker, rounds: Callable[[int, int], int]) -> None:
    chance = random.Random(11)
    kills = rounds(5, 50)
    epoch = new_epoch()
    links = chain(ROWS * kills // 5, epoch)
    with Board(broker.port) as board, collector_killed(collect, kills, chance) as running:
        board.birth(epoch)
        for first in range(0, len(links), SLICE):  # a little at a time, so that no kill meets an idle collector
            board.send_until_acked(epoch, links[first : first + SLICE], chance.shuffle)
            for payload in batches(epoch, links[first : first + SLICE]):
                board.publish("replay", payload)  # as if the ack had been lost
            if not running.is_alive():
                break
        board.send_until_acked(epoch, links)
        never_taken_back(board.acks)
    everything_is_there(collect.store, epoch, links)


@pytest.mark.timeout(1200)
def test_rows_survive_the_database(broker: Broker, tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    """PostgreSQL is killed, the two collectors at it are killed: by turns, at random moments."""
    chance, kills, epoch = random.Random(14), rounds(2, 60), new_epoch()
    links = chain(400 * kills, epoch)
    with Postgres() as server, ExitStack() as stack:
        url, to = server.fresh(), ("--files", str(tmp_path / "files"))
        both = [stack.enter_context(Collect(broker.url, tmp_path / f"c{n}", *to, to=url)) for n in range(2)]

        def strike() -> None:
            victim = chance.choice([server, server, *both])
            victim.kill()
            victim.start()

        with Board(broker.port) as board, trouble(kills, chance, strike) as running:
            board.birth(epoch)
            for first in range(0, len(links), SLICE):
                board.send_until_acked(epoch, links[first : first + SLICE], chance.shuffle)
                if not running.is_alive():
                    break
            running.join(300)
            board.send_until_acked(epoch, links)
            never_taken_back(sorted(board.acks, key=lambda ack: ack.at_ns))
        with psycopg.connect(url) as db:
            there = db.execute('select seq, text, hash from "row" order by seq').fetchall()
        assert there == [(link.row.seq, canonical_row(link.row).decode(), link.row.hash) for link in links]
        totals = report(Where(url))["totals"]
        assert (totals["missing"], totals["conflicts"], totals["refused"], totals["chains_whole"]) == (0, 0, 0, True)
        assert not any("Traceback" in collect.log for collect in both)


def test_file_survives_the_collector(collect: Collect, broker: Broker, rounds: Callable[[int, int], int]) -> None:
    chance = random.Random(12)
    files = [chance.randbytes(200_000 + i) for i in range(rounds(3, 30))]
    with Board(broker.port) as board, collector_killed(collect, len(files), chance) as running:
        for number, data in enumerate(files):
            sender = board.send_file(data, f"clip-{number}.mp4", 2048, again_s=0.2)
            assert (sender.state, sender.reason) == ("done", "")
        while running.is_alive():
            assert board.send_file(chance.randbytes(50_000), "more.mp4", 512, again_s=0.2).state == "done"
    found: dict[str, Any] = stored(collect.store)
    held = [(collect.store / file["path"]).read_bytes() for file in found["boards"][0]["files"]]
    assert [data for data in files if data not in held] == []
    assert found["totals"]["files_partial"] == 0
    assert list(collect.store.rglob(".part")) == []


def test_rows_and_files_survive_the_broker(collect: Collect, broker: Broker, rounds: Callable[[int, int], int]) -> None:
    chance = random.Random(13)
    kills = rounds(2, 20)
    epoch = new_epoch()
    links = chain(ROWS, epoch)
    data = chance.randbytes(300_000)

    def strike() -> None:
        broker.kill()
        broker.start()

    with Board(broker.port) as board, trouble(kills, chance, strike):
        board.send_until_acked(epoch, links, chance.shuffle)
        assert board.send_file(data, "clip.mp4", 4096).state == "done"
    everything_is_there(collect.store, epoch, links)
    (path,) = (collect.store / "files").rglob("clip.mp4")
    assert path.read_bytes() == data
    assert "Traceback" not in collect.log
