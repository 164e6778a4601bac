"""Rows made durable by the collector (parsed, hashes checked, chained, stored, committed) against SQLite alone.

Reference, same run: executemany of the same columns and bytes into a bare table, WAL and FULL, committed as often.
One thread, so one core; no broker. Usage: collector_store.py [--long] (400,000 rows instead of 40,000).
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import sp_bench
from sp_collect import BOARD, SITE, Link, batches, chain, new_epoch

from agent.collector.books import Boards
from agent.collector.collector import COMMIT_S
from agent.collector.ledger import Ledger
from agent.collector.report import report
from agent.collector.store import CHECKPOINT_PAGES, Store
from agent.core.chain import canonical_row
from agent.core.wire import parse_rows

BATCH_ROWS = 80  # about 64 KiB
ROWS_A_S = 20_000


def ours(folder: Path, payloads: list[bytes]) -> tuple[float, int]:
    """(seconds, commits) from payloads to committed rows."""
    store = Store(folder)
    boards = Boards(store.db)
    ledger = Ledger(store.db, boards)
    commits, start = 0, time.perf_counter()
    due = start + COMMIT_S
    for number, payload in enumerate(payloads, 1):
        store.begin()
        ledger.take(boards.board(SITE, BOARD), parse_rows(payload))
        if time.perf_counter() >= due or number == len(payloads):
            ledger.settle()
            store.commit()
            commits, due = commits + 1, time.perf_counter() + COMMIT_S
    seconds = time.perf_counter() - start
    store.close()
    return seconds, commits


def bare(path: Path, links: list[Link], commits: int) -> float:
    """Seconds for the same rows into a table and nothing else, in as many transactions."""
    values = [
        (1, r.seq, r.lane, r.lane_prev, r.at_ns, r.kind, r.source, canonical_row(r).decode(), r.hash, prev)
        for r, prev in links
    ]
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=wal", "synchronous=full", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
        db.execute(f"pragma {pragma}").fetchall()
    db.execute("create table row (a, b, c, d, e, f, g, h, i, j, primary key (a, b)) without rowid")
    step = -(-len(values) // commits)
    start = time.perf_counter()
    for first in range(0, len(values), step):
        db.execute("begin immediate")
        db.executemany("insert into row values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values[first : first + step])
        db.execute("commit")
    seconds = time.perf_counter() - start
    db.close()
    return seconds


def main() -> None:
    count = 400_000 if sp_bench.long_wanted() else 40_000
    epoch = new_epoch()
    links = chain(count, epoch)
    payloads = batches(epoch, links, BATCH_ROWS)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        seconds, commits = ours(folder / "store", payloads)
        reference = bare(folder / "bare.db", links, commits)
        totals = report(folder / "store")["totals"]
    assert totals["rows"] == count
    assert totals["chains_whole"]
    rate = count / seconds
    more = {"rows": count, "commits": commits, "batch_bytes": len(payloads[0])}
    must = f">= {ROWS_A_S} rows/s"
    sp_bench.report("collector store", "rows/s", rate, count / reference, must, rate >= ROWS_A_S, **more)


if __name__ == "__main__":
    main()
