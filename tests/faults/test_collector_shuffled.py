"""Deliveries that come twice and in another order, to two collectors by turns, which are killed: stored once, whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sp_broker import Broker
from sp_collect import Board, Collect, chain, covered, new_epoch
from sp_postgres import Postgres
from sp_shuffle import Shuffle

from agent.collector.report import report
from agent.collector.stores import Where
from agent.core.chain import canonical_row
from agent.core.wire import Ack


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.mark.timeout(900)
def test_shuffled_and_doubled_deliveries_to_one_collector(
    broker: Broker, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    epoch, rows = new_epoch(), rounds(1500, 100_000)
    links = chain(rows, epoch)
    with (
        Shuffle(broker.port, 3) as way,
        Collect(way.url, tmp_path / "store"),
        Board(broker.port) as board,
    ):
        board.birth(epoch)
        for first in range(0, rows, 500):
            board.send_until_acked(epoch, links[first : first + 500])
        data = random.Random(4).randbytes(150_000)
        assert board.send_file(data, "clip.mp4", 4096).state == "done"
    assert way.moved > rows // 100
    assert way.doubled > rows // 500
    (found,) = report(tmp_path / "store")["boards"]
    (told,) = found["epochs"]
    assert (told["rows"], told["missing"], told["conflicts"]) == (rows, [], [])
    assert told["doubles"] > 0
    assert told["chain"]["whole"]
    assert (tmp_path / "store" / found["files"][0]["path"]).read_bytes() == data


@pytest.mark.timeout(900)
def test_shuffled_and_doubled_deliveries_to_two_that_are_killed(
    broker: Broker, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    epoch, rows, chance = new_epoch(), rounds(600, 60_000), random.Random(8)
    links = chain(rows, epoch)
    with ExitStack() as stack:
        url = stack.enter_context(Postgres()).fresh()
        ways = [stack.enter_context(Shuffle(broker.port, seed)) for seed in (5, 6)]
        to = ("--files", str(tmp_path / "files"))
        both = [stack.enter_context(Collect(way.url, tmp_path / f"c{n}", *to, to=url)) for n, way in enumerate(ways)]
        board = stack.enter_context(Board(broker.port))
        board.birth(epoch)
        for first in range(0, rows, 300):
            victim = chance.choice(both)
            board.send_until_acked(epoch, links[first : first + 150])
            victim.kill()
            board.send_until_acked(epoch, links[first : first + 300], chance.shuffle)
            victim.start()
        _chunks_to_both(board, chance)
        assert all(way.moved for way in ways)
        never_taken_back(board.acks)
        with psycopg.connect(url) as db:
            there = db.execute('select seq, text, hash from "row" order by seq').fetchall()
        assert there == [(link.row.seq, canonical_row(link.row).decode(), link.row.hash) for link in links]
        found: dict[str, Any] = report(Where(url, str(tmp_path / "files")))
        assert found["totals"]["chains_whole"]
        assert [Path(file["path"]).stat().st_size for file in found["boards"][0]["files"]] == [150_000]
        assert not any("Traceback" in collect.log for collect in both)


def never_taken_back(acks: list[Ack]) -> None:
    """In the order in which they were made, not in which they came: no collector knows less than the one before."""
    said: set[int] = set()
    for ack in sorted(acks, key=lambda ack: ack.at_ns):
        assert said <= covered(ack)
        said = covered(ack)


def _chunks_to_both(board: Board, chance: random.Random) -> None:
    """The broker deals the chunks of a file out to both."""
    assert board.send_file(chance.randbytes(150_000), "clip.mp4", 4096).state == "done"
