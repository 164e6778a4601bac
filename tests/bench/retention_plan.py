"""Retention over 92 days of eight cameras: the plan, what a segment's deletion costs, finding any minute, the size.

Reference in the same run: a bare SQLite query for the same rows, and unlinking as many files in synced folders.
"""

from __future__ import annotations

import functools
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
import sp_index

from agent.core.chain import Stamp
from agent.core.retention import Kept, Plan, Policy, Room, Rule, plan
from agent.core.spans import span
from agent.footage.delete import Deleter, Order
from agent.footage.index import LONGEST_NS, MediaIndex
from agent.footage.keeping import Keeping
from agent.footage.query import Between, Footage
from agent.journal import Journal

NS = 1_000_000_000
DAY_NS = 86_400 * NS
DAYS, CAMERAS = 92, 8
ROUNDS = 5
PLAN_MS, SEGMENT_MS, FOUND_MS, SIZE_MB = 200, 2, 5, 250


def best_ms(do: Callable[[], object]) -> float:
    """The shortest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        do()
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


def planned(keeping: Keeping, now: Stamp) -> Plan:
    """As a pass does it: the oldest day is past its floor."""
    kept = []
    for amount in keeping.amounts():
        rule = Rule(amount.camera, span("91 days"), None, 5)
        kept.append(
            Kept(
                rule,
                keeping.runs(amount.camera),
                functools.partial(keeping.pieces, amount.camera),
                bytes=amount.bytes,
                day_bytes=amount.day_bytes,
            )
        )
    return plan(now, kept, Room(0, 10**15, 0), Policy("p-1", "chen"))


def bare(path: Path) -> None:
    """The same rows by a plain query, nothing judged."""
    db = sqlite3.connect(path)
    for camera in range(1, CAMERAS + 1):
        db.execute(
            "select seq, boot, start_mono_ns, end_mono_ns, bytes from segment where camera = ? order by seq limit 1441",
            (camera,),
        ).fetchall()
        db.execute(
            "select sum(bytes) from segment where camera = ? and seq > ?", (camera, (DAYS - 1) * 1440)
        ).fetchone()
    db.close()


def found_ms(index: MediaIndex, now: Stamp) -> list[float]:
    """How long it takes to find random minutes, by monotonic time and by UTC of another boot."""
    times = []
    for n in range(400):
        ago_ns = random.Random(n).randrange(1, DAYS * 1440 - 1) * 60 * NS
        boot = now.boot if n % 2 else "another"
        start = now._replace(at_ns=now.at_ns - ago_ns, mono_ns=now.mono_ns - ago_ns, boot=boot)
        end = start._replace(at_ns=start.at_ns + 30 * NS, mono_ns=start.mono_ns + 30 * NS)
        began = time.perf_counter()
        rows = index.around(f"cam-{n % CAMERAS + 1}", boot, start, end)
        times.append((time.perf_counter() - began) * 1000)
        if not rows:
            raise SystemExit(f"minute {ago_ns} was not found")
    return times


def asked_ms(index: MediaIndex, path: Path, now: Stamp) -> tuple[list[float], list[float]]:
    """The same minutes asked by wall time, as a page does, with anchors of four other boots; and by bare SQL."""
    footage = Footage(index)
    footage.anchors = {f"{n}-another": now.at_ns - n * DAY_NS for n in range(4)}
    db = sqlite3.connect(path)
    ask = (
        "select seq, start_at_ns, end_at_ns from segment where camera = ? and start_at_ns > ? and start_at_ns < ?"
        " and end_at_ns > ? order by start_at_ns"
    )
    ours, bare_ones = [], []
    for n in range(400):
        at_ns = now.at_ns - random.Random(n).randrange(1, DAYS * 1440 - 1) * 60 * NS
        began = time.perf_counter()
        page = footage.segments(f"cam-{n % CAMERAS + 1}", Between(at_ns, at_ns + 30 * NS))
        ours.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        rows = db.execute(ask, (n % CAMERAS + 1, at_ns - LONGEST_NS, at_ns + 30 * NS, at_ns)).fetchall()
        bare_ones.append((time.perf_counter() - began) * 1000)
        if [row[0] for row in rows] != [one.seq for one in page.items]:
            raise SystemExit(f"minute {n}: not what the index has")
    db.close()
    return ours, bare_ones


def carried_out_ms(folder: Path, index: MediaIndex, made: Plan, now: Stamp) -> tuple[float, float, int]:
    """(ms a segment, ms a file of the reference, segments) for the first batches of the plan."""
    keeping, batches = Keeping(index), made.batches[:20]
    paths = [folder / "footage" / row.path for batch in batches for row in keeping.rows(batch.camera, batch.seqs)]
    reference = [folder / "reference" / path.relative_to(folder / "footage") for path in paths]
    for path in (*paths, *reference):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0" * 4096)
    began = time.perf_counter()
    for path in reference:
        path.unlink()
    for parent in {path.parent for path in reference}:
        _sync(parent)
    unlinked_ms = (time.perf_counter() - began) * 1000
    journal = Journal.open(folder / "journal.db", folder / "bell", lambda: now)
    deleter = Deleter(folder / "footage", index, journal)
    order = Order(reason="bench", authority="p-1", requester="policy", approver="chen", by="jobs")
    began = time.perf_counter()
    for batch in batches:
        deleter.delete(batch, order)
    ours_ms = (time.perf_counter() - began) * 1000
    journal.close()
    return ours_ms / len(paths), unlinked_ms / len(paths), len(paths)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def main() -> None:
    now = Stamp(1_795_000_000 * NS, sp_index.BOOT, 100 * DAY_NS, "synced")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "media.db"
        rows = sp_index.fill(path, now, days=DAYS, cameras=CAMERAS)
        size_mb = sum(one.stat().st_size for one in folder.glob("media.db*")) / 1e6
        index = MediaIndex(path)
        keeping = Keeping(index)
        made = planned(keeping, now)
        ours, reference = best_ms(lambda: planned(keeping, now)), best_ms(lambda: bare(path))
        sp_bench.report(
            "retention_plan", "ms", ours, reference, f"<= {PLAN_MS} ms", ours <= PLAN_MS, rows=rows,
            segments_that_go=sum(len(batch.seqs) for batch in made.batches),
        )  # fmt: skip
        times = found_ms(index, now)
        worst = sp_bench.percentile(times, 0.99)
        sp_bench.report("footage_found_p99", "ms", worst, None, f"<= {FOUND_MS} ms", worst <= FOUND_MS)
        times, bare_times = asked_ms(index, path, now)
        worst, bare_worst = sp_bench.percentile(times, 0.99), sp_bench.percentile(bare_times, 0.99)
        sp_bench.report("footage_asked_p99", "ms", worst, bare_worst, f"<= {FOUND_MS} ms", worst <= FOUND_MS)
        sp_bench.report("media_db", "MB", size_mb, None, f"<= {SIZE_MB} MB", size_mb <= SIZE_MB, rows=rows)
        each, bare_each, count = carried_out_ms(folder, index, made, now)
        sp_bench.report(
            "retention_segment", "ms", each, bare_each, f"<= {SEGMENT_MS} ms", each <= SEGMENT_MS, segments=count
        )
        index.close()


if __name__ == "__main__":
    main()
