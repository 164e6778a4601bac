"""What the collector has, read from its files with plain SQL and hashed here once more: no word of its own is taken."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FarEnd:
    """hashes: seq -> row hash of one epoch. again: rows that came more than once and were stored once."""

    hashes: dict[int, bytes] = field(default_factory=dict)
    again: int = 0
    double: int = 0
    broken: str = ""
    files: dict[str, str] = field(default_factory=dict)  # transfer id -> SHA-256 of the whole, as its sender said
    on_disk: set[str] = field(default_factory=set)  # SHA-256 of every file that lies there, computed here


def rows_stored(folder: Path, epoch: str) -> int:
    """How many rows of an epoch are stored; 0 if there is no store yet."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(folder)) as db:
        return int(
            db.execute(
                "select count(*) from row where epoch = (select id from epoch where epoch = ?)", (epoch,)
            ).fetchone()[0]
        )
    return 0


def files_done(folder: Path) -> int:
    """How many files are complete."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(folder)) as db:
        return int(db.execute("select count(*) from file where done_ns > 0").fetchone()[0])
    return 0


def examine(folder: Path, epoch: str) -> FarEnd:
    """Everything of one epoch. sqlite3.Error if the store cannot be read."""
    found = FarEnd()
    with contextlib.closing(_open(folder)) as db:
        number, found.again = db.execute("select id, doubles from epoch where epoch = ?", (epoch,)).fetchone() or (0, 0)
        rows = db.execute("select seq, text, hash from row where epoch = ? order by seq", (number,)).fetchall()
        found.files = dict(db.execute("select fid, sha256 from file where done_ns > 0").fetchall())
    found.hashes = {seq: bytes(hash_) for seq, _, hash_ in rows}
    found.double = len(rows) - len(found.hashes)
    found.broken = chain_fault(epoch, rows)
    found.on_disk = {sha256(path) for path in (folder / "files").rglob("*") if path.is_file()}
    return found


def chain_fault(epoch: str, rows: Iterable[tuple[int, str, bytes]]) -> str:
    """Where the chain of (seq, canonical row, hash) breaks, "" if it is whole from the first row on."""
    before = hashlib.sha256(epoch.encode()).digest()
    for expected, (seq, text, hash_) in enumerate(rows, start=1):
        if seq != expected:
            return f"row {expected} is not there"
        before = hashlib.sha256(before + text.encode()).digest()
        if before != bytes(hash_):
            return f"row {seq} does not follow the one before"
    return ""


def sha256(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(folder: Path) -> sqlite3.Connection:
    path = folder / "collector.db"
    db = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=5)
    db.execute("pragma query_only=1")
    return db
