"""Rows made durable by the collector (parsed, hashes checked, chained, stored, committed) against the database alone.

Reference, same run: the same columns and bytes into a bare table, in as many transactions; WAL and FULL, or
PostgreSQL with fsync. One thread of ours, so one core; PostgreSQL's own may be another. No broker.
replay: batches of a drain; live: one row a message. Usage: collector_store.py [--long] (400,000 rows, not 40,000).
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import psycopg
import sp_bench
from sp_collect import BOARD, SITE, Link, batches, chain, new_epoch
from sp_postgres import Postgres

from agent.collector.batch import Batch
from agent.collector.books import Boards
from agent.collector.collector import COMMIT_S
from agent.collector.ledger import Ledger
from agent.collector.report import report
from agent.collector.sqlite_store import CHECKPOINT_PAGES
from agent.collector.stores import Where
from agent.core.chain import canonical_row
from agent.core.wire import parse_rows

BATCH_ROWS = 80  # about 64 KiB
ROWS_A_S = 10_000
COLUMNS = "a bigint, b bigint, c text, d bigint, e bigint, f text, g text, h text, i bytea, j bytea, primary key (a, b)"


def ours(where: Where, payloads: list[bytes]) -> tuple[float, float, int]:
    """(seconds, of our processor, commits) from payloads to committed rows."""
    store = where.open()
    ledger, batch = Ledger(store, Boards(store)), Batch()
    commits, start, busy = 0, time.perf_counter(), time.process_time()
    due = start + COMMIT_S
    for number, payload in enumerate(payloads, 1):
        batch.of(SITE, BOARD).rows.extend(parse_rows(payload))
        if time.perf_counter() >= due or number == len(payloads):
            store.begin()
            ledger.store(batch)
            store.commit()
            batch = Batch()
            commits, due = commits + 1, time.perf_counter() + COMMIT_S
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    store.close()
    return seconds, busy, commits


def values_of(links: list[Link]) -> list[tuple[object, ...]]:
    return [
        (1, r.seq, r.lane, r.lane_prev, r.at_ns, r.kind, r.source, canonical_row(r).decode(), r.hash, prev)
        for r, prev in links
    ]


def bare(path: Path, links: list[Link], commits: int) -> float:
    """Seconds for the same rows into SQLite and nothing else, in as many transactions."""
    values = values_of(links)
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=wal", "synchronous=full", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
        db.execute(f"pragma {pragma}").fetchall()
    db.execute(f"create table bare ({COLUMNS}) without rowid")
    step = -(-len(values) // commits)
    start = time.perf_counter()
    for first in range(0, len(values), step):
        db.execute("begin immediate")
        db.executemany("insert into bare values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values[first : first + step])
        db.execute("commit")
    seconds = time.perf_counter() - start
    db.close()
    return seconds


def bare_postgres(url: str, links: list[Link], commits: int) -> float:
    """Seconds for the same rows by COPY, the quickest way in, in as many transactions."""
    values = values_of(links)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"create table bare ({COLUMNS})".encode())
        step = -(-len(values) // commits)
        start = time.perf_counter()
        for first in range(0, len(values), step):
            with db.cursor() as cursor, cursor.copy("copy bare from stdin") as copy:
                for row in values[first : first + step]:
                    copy.write_row(row)
        return time.perf_counter() - start


def measure(count: int, *, postgres: bool, live: bool) -> None:
    epoch = new_epoch()
    links = chain(count, epoch)
    payloads = batches(epoch, links, 1 if live else BATCH_ROWS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
        if postgres:
            server = stack.enter_context(Postgres())
            where = Where(server.fresh(), str(folder / "files"))
        else:
            where = Where(str(folder / "store"))
        seconds, busy, commits = ours(where, payloads)
        reference = bare_postgres(server.fresh(), links, commits) if postgres else bare(folder / "bare", links, commits)
        totals = report(where)["totals"]
    assert totals["rows"] == count
    assert totals["chains_whole"]
    rate = count / seconds
    more = {"rows": count, "commits": commits, "batch_bytes": len(payloads[0]), "our_cpu_s": round(busy, 3)}
    more |= {"rows_a_cpu_s": round(count / busy)}
    name = f"collector store, {'PostgreSQL' if postgres else 'SQLite'}, {'live' if live else 'replay'}"
    sp_bench.report(name, "rows/s", rate, count / reference, f">= {ROWS_A_S} rows/s", rate >= ROWS_A_S, **more)


def main() -> None:
    count = 400_000 if sp_bench.long_wanted() else 40_000
    for postgres in (False, True):
        for live in (False, True):
            measure(count, postgres=postgres, live=live)


if __name__ == "__main__":
    main()
