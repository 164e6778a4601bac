"""The collector's disk is full: nothing is acknowledged that is not stored, and with room it goes on by itself."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sp_broker import Broker
from sp_collect import SITE, Board, Collect, Link, batches, chain, new_epoch, stored, wait_until

from agent.core.chain import canonical_row
from agent.core.filewire import PAUSE, Info, init_payload

ROWS = 12_000
MOST_MIB = 200


@contextlib.contextmanager
def tmpfs(folder: Path, mib: int) -> Iterator[Path]:
    """A small file system of its own; needs root."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def grow(folder: Path, mib: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={mib}m", str(folder)], check=True)


def in_the_database(store: Path) -> set[int]:
    with closing(sqlite3.connect(store / "collector.db", timeout=30)) as db:
        return {seq for (seq,) in db.execute("select seq from row")}


def fill(board: Board, collect: Collect, epoch: str, links: list[Link]) -> None:
    """Send until the collector cannot store any more."""
    for payload in batches(epoch, links, 40):
        board.publish("replay", payload)
        if "cannot store" in collect.log:
            return
        time.sleep(0.002)
    wait_until(lambda: "cannot store" in collect.log, "the disk is full")


def test_full_disk(tmp_path: Path) -> None:
    epoch, data = new_epoch(), random.Random(2).randbytes(100_000)
    links = chain(ROWS, epoch)
    with (
        tmpfs(tmp_path / "disk", 5) as disk,
        Broker(tmp_path / "broker") as broker,
        Collect(broker.url, disk / "store") as collect,
        Board(broker.port) as board,
    ):
        board.birth(epoch)
        fill(board, collect, epoch, links)
        acked = {link.row.seq for link in links if board.has(epoch, link)}
        assert acked, "some were stored before"
        assert acked < {link.row.seq for link in links}
        init = init_payload(Info("clip.mp4", len(data), hashlib.sha256(data).hexdigest()))
        wait_until(lambda: board.publish("file/f-1/init", init) and board.responses, "the file is answered")
        assert board.responses[-1].code == PAUSE
        assert {link.row.seq for link in links if board.has(epoch, link)} <= in_the_database(collect.store)
        grow(disk, MOST_MIB)
        board.send_until_acked(epoch, links)
        assert board.send_file(data, "clip.mp4").state == "done"
        with closing(sqlite3.connect(collect.store / "collector.db")) as db:
            rows = db.execute("select text from row order by seq").fetchall()
        assert [text for (text,) in rows] == [canonical_row(link.row).decode() for link in links]
        assert stored(collect.store)["totals"]["chains_whole"]  # type: ignore[index]
        assert next((disk / "store" / "files" / SITE).rglob("clip.mp4")).read_bytes() == data
