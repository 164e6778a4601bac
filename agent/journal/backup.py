"""A copy of a journal, made while it is written, and the proof that it is whole: its chain, read from the disk."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.core.chain import Row, first_hash
from agent.journal.check import Walk
from agent.journal.errors import JournalError, explain
from agent.journal.files import sync_folder

_ROW = "seq, at_ns, boot, mono_ns, clock, lane, lane_prev, kind, source, class, data, hash"


@dataclass(frozen=True)
class Copied:
    """What the copy has: its epoch, and the row it ends with."""

    epoch: str
    head_seq: int
    head_hash: bytes
    rows: int
    bytes: int


def copy_database(source: Path, target: Path) -> int:
    """A copy of any of our databases as it is at one moment, in one file, synced; its bytes. JournalError.

    Nobody is held up: writers go on into the WAL meanwhile.
    """
    try:
        read = f"file:{source}?mode=ro"  # it then never checkpoints, not even as it closes
        with closing(sqlite3.connect(read, uri=True, timeout=10)) as db, closing(sqlite3.connect(target)) as copy:
            db.backup(copy)
            copy.execute("pragma journal_mode=delete").fetchall()
        _sync(target)
        sync_folder(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise explain(target, error) from error
    return target.stat().st_size


def verify_journal(path: Path) -> Copied:
    """Walk the copy's whole chain. JournalError with the first bad row."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            epoch = str(db.execute("select value from meta where key = 'epoch'").fetchone()[0])
            walk, rows = _begin(db, epoch), 0
            for found in db.execute(f"select {_ROW} from row order by seq"):
                row, rows = Row._make(found), rows + 1
                if reason := walk.step(row):
                    raise JournalError(f"{path}: row {row.seq} of the copy: {reason}")
    except (sqlite3.Error, TypeError) as error:
        raise JournalError(f"{path}: cannot be read back: {error}") from error
    return Copied(epoch, walk.seq - 1, walk.hash, rows, path.stat().st_size)


def _begin(db: sqlite3.Connection, epoch: str) -> Walk:
    """Before the first row: the epoch's own hash, or what the checkpoint says that stood there."""
    first = db.execute("select min(seq) from row").fetchone()[0] or 1
    if first == 1:
        return Walk(1, first_hash(epoch), True)
    of = "kind = 'journal.checkpoint' and json_extract(data, '$.upto') = ?"
    found = db.execute(f"select json_extract(data, '$.hash') from row where {of}", (first - 1,)).fetchone()
    return Walk(first, bytes.fromhex(found[0]) if found else b"", False)


def verify_database(path: Path) -> None:
    """Let SQLite look through a copy. JournalError."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            verdict = db.execute("pragma quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise JournalError(f"{path}: cannot be read back: {error}") from error
    if verdict != "ok":
        raise JournalError(f"{path}: the copy is damaged: {verdict}")


def _sync(path: Path) -> None:
    """On the disk, and out of memory: what is read back then comes from where it lies."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
