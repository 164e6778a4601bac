"""Many boards, two collectors over one PostgreSQL, killed in the middle: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sp_boards
from sp_broker import Broker
from sp_collect import Collect, chain, wait_until
from sp_postgres import Postgres
from sp_shuffle import Shuffle

from agent.collector.report import report
from agent.collector.stores import Where
from agent.core.chain import canonical_row


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker", options={"max_queued_messages": 100_000}) as running:
        yield running


def collectors(url: str, broker: Broker, folder: Path, count: int = 2) -> list[Collect]:
    return [Collect(broker.url, folder / f"c{n}", "--files", str(folder / "files"), to=url) for n in range(count)]


def boards(broker: Broker, count: int, rows: int, every_s: float) -> subprocess.Popen[str]:
    command = [sys.executable, sp_boards.__file__, str(broker.port), str(count), str(rows), "5", str(every_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stored_rows(url: str) -> int:
    with psycopg.connect(url) as db:
        found = db.execute('select count(*) from "row"').fetchone()
    return int(found[0]) if found else 0


class Trouble(threading.Thread):
    """Kills one of them every few seconds, until it is told to end."""

    def __init__(self, victims: Sequence[Broker | Collect | Postgres], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.struck: Counter[str] = Counter()
        self._victims = victims
        self._chance = chance

    def run(self) -> None:
        while not self.over.wait(self._chance.uniform(2, 8)):
            victim = self._chance.choice(self._victims)
            victim.kill()
            self.over.wait(self._chance.uniform(0, 2))
            victim.start()
            self.struck[type(victim).__name__] += 1


def everything_is_there_once(url: str, told: dict[str, Any], rows: int) -> None:
    """Row by row and byte by byte, from the database itself; then what the report says of it."""
    ask = 'select r.seq, r.text, r.hash from "row" r join epoch e on e.id = r.epoch where e.epoch = %s order by r.seq'
    with psycopg.connect(url) as db:
        for epoch in told["epochs"].values():
            there = db.execute(ask, (epoch,)).fetchall()
            made = chain(rows, epoch)
            assert there == [(link.row.seq, canonical_row(link.row).decode(), link.row.hash) for link in made]
    totals = report(Where(url))["totals"]
    assert (totals["boards"], totals["rows"]) == (told["boards"], told["rows"])
    assert (totals["missing"], totals["conflicts"], totals["refused"], totals["chains_whole"]) == (0, 0, 0, True)


@pytest.mark.timeout(1200)
def test_a_collector_killed_among_many_boards(
    broker: Broker, postgres: Postgres, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    count, rows, url = rounds(20, 500), rounds(50, 200), postgres.fresh()
    first, second = collectors(url, broker, tmp_path)
    chance = random.Random(9)
    with first, second, boards(broker, count, rows, rounds(1, 20) / 10) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        for part in range(1, rounds(2, 8)):  # one, then the other, in the middle of it
            most = part * count * rows // rounds(3, 10)
            wait_until(lambda most=most: stored_rows(url) >= most, f"{most} rows are stored", 300)
            victim = chance.choice([first, second])
            victim.kill()
            time.sleep(chance.uniform(0, 0.5))  # a random moment; nothing is waited for here
            victim.start()
        told = json.loads(running.stdout.readline() or "{}")
    print({key: told[key] for key in ("boards", "rows", "sent", "alarm_s", "seconds")})
    everything_is_there_once(url, told, rows)
    for collect in (first, second):
        assert ", sharing as collector" in collect.log
        assert "Traceback" not in collect.log


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_rows_through_everything(broker: Broker, postgres: Postgres, tmp_path: Path) -> None:
    """Boards cut off and killed, deliveries doubled and out of order, broker, collectors and database killed."""
    count, rows, url = 100, 10_000, postgres.fresh()
    to = ("--files", str(tmp_path / "files"))
    with Shuffle(broker.port, 1) as one, Shuffle(broker.port, 2) as two:
        both = [Collect(way.url, tmp_path / f"c{n}", *to, to=url, wait=False) for n, way in enumerate((one, two))]
        trouble = Trouble([broker, postgres, *both, *both], random.Random(10))
        with both[0], both[1], boards(broker, count, rows, 0.02) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            trouble.start()
            told = json.loads(running.stdout.readline() or "{}")
            trouble.over.set()
            trouble.join(60)
        print({key: told[key] for key in ("boards", "rows", "sent", "alarm_s", "seconds")}, dict(trouble.struck))
        assert one.doubled > 1000
        assert two.moved > 1000
    everything_is_there_once(url, told, rows)
    assert sum(trouble.struck.values()) > 10
    for collect in both:
        assert "Traceback" not in collect.log
