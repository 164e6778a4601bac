"""One durable append, chain and bell included, against a bare SQLite insert with the same durability.

Both write the same eleven values, alternately, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench

from agent.core.events import PointChanged
from agent.journal import Journal
from agent.runtime.clock import SystemClock

COLUMNS = "at_ns, boot, mono_ns, clock, lane, lane_prev, kind, source, class, data, hash"


def bare(path: Path) -> sqlite3.Connection:
    """A table of the same columns, WAL and FULL, and nothing else: no index, no chain, no bell."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=full")
    db.execute("pragma wal_autocheckpoint=0")
    db.execute(f"create table row (seq integer primary key, {COLUMNS})")
    return db


def main() -> None:
    count = 20_000 if sp_bench.long_wanted() else 3_000
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        clock = SystemClock()
        journal = Journal.open(folder / "journal.db", folder / "run" / "bell", clock.stamp)
        reference = bare(folder / "bare.db")
        insert = f"insert into row ({COLUMNS}) values ({', '.join('?' * 11)})"
        ours_ms, bare_ms = [], []
        for i in range(count):
            start = time.perf_counter()
            event = PointChanged(source="pump-1-running", closed=bool(i % 2), edge_mono_ns=i, decided_mono_ns=i)
            (row,) = journal.append(event)
            middle = time.perf_counter()
            reference.execute(insert, row[1:])
            ours_ms.append((middle - start) * 1e3)
            bare_ms.append((time.perf_counter() - middle) * 1e3)
        journal.close()
        reference.close()
    ours, other = sp_bench.percentile(ours_ms, 0.5), sp_bench.percentile(bare_ms, 0.5)
    tail = {f"p99_{n}": round(sp_bench.percentile(v, 0.99), 3) for n, v in (("ours", ours_ms), ("bare", bare_ms))}
    sp_bench.report("journal append", "ms p50", ours, other, "<= 1.6x", ours <= 1.6 * other, appends=count, **tail)


if __name__ == "__main__":
    main()
