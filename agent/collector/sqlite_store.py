"""A store in a folder of one machine: `collector.db`, `files/`, and a lock so that only one collector writes there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.collector.store import ADDED, SCHEMA, VERSION, DatabaseError, RowKey, StoreError, Values, marks, parts
from agent.core.continuity import LaneBook

NAME = "collector.db"
CHECKPOINT_PAGES = 8000
BOARDS_MAX = 10_000

_INSERT = f"insert into row values ({marks(10)}) on conflict (epoch, seq) do nothing"


class SqliteReader:
    """A connection whose errors are DatabaseError."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def execute(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        try:
            return self.db.execute(sql, values).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise DatabaseError(str(error)) from error

    def dicts(self, sql: str, values: Values = ()) -> list[dict[str, Any]]:
        try:
            found = self.db.execute(sql, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error

    def close(self) -> None:
        self.db.close()


class SqliteStore(SqliteReader):
    """`folder` with its database open for writing. Raises StoreError if it is damaged, taken or not ours to write."""

    shared = False
    boards_max = BOARDS_MAX

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}: name a folder you may write to with --store") from error
        try:
            super().__init__(_opened(folder / NAME))
        except sqlite3.Error as error:
            os.close(self._lock)
            raise StoreError(
                f"{folder / NAME}: {error}: move the folder away and start again; boards send what they still have"
            ) from error

    @property
    def in_transaction(self) -> bool:
        return self.db.in_transaction

    def begin(self) -> None:
        if not self.db.in_transaction:
            self.execute("begin immediate")

    def commit(self) -> None:
        if self.db.in_transaction:
            self.execute("commit")

    def rollback(self) -> None:
        with contextlib.suppress(DatabaseError):  # the disk failed before that; nothing of it was acknowledged
            if self.db.in_transaction:
                self.execute("rollback")

    def lock(self, what: str, ids: Collection[int]) -> None:
        """The whole folder is ours."""

    def many(self, sql: str, rows: Iterable[Values]) -> None:
        try:
            self.db.executemany(sql, rows)
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise DatabaseError(str(error)) from error

    def add_rows(self, rows: Sequence[Values]) -> set[RowKey]:
        keys: list[RowKey] = [(row[0], row[1]) for row in rows]  # type: ignore[misc]
        self.execute("savepoint rows")
        before = self.db.total_changes
        self.many(_INSERT, rows)
        if self.db.total_changes - before == len(rows):  # the common case: none of them was here before
            self.execute("release rows")
            return set(keys)
        self.execute("rollback to rows")
        self.execute("release rows")
        old = self._there(keys)
        self.many(_INSERT, [row for row, key in zip(rows, keys, strict=True) if key not in old])
        return set(keys) - old

    def _there(self, keys: Sequence[RowKey]) -> set[RowKey]:
        found: set[RowKey] = set()
        for some in parts(keys):
            pairs = ", ".join(["(?, ?)"] * len(some))
            ask = f"select epoch, seq from row where (epoch, seq) in (values {pairs})"
            found.update((epoch, seq) for epoch, seq in self.execute(ask, [v for key in some for v in key]))
        return found

    def now_ns(self) -> int:
        return time.time_ns()

    def close(self) -> None:
        self.rollback()
        super().close()
        os.close(self._lock)


def open_to_read(folder: Path, *, writable: bool = False) -> SqliteReader:
    """The database of a store, whether or not a collector is at work. StoreError if there is none."""
    path = folder / NAME
    try:
        # Not mode=ro: a WAL database whose last writer has gone needs its -shm made again.
        db = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, timeout=5, isolation_level=None)
        if not writable:
            db.execute("pragma query_only=1")
        found = db.execute("select value from meta where key = 'version'").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}: is this the folder given to --store?") from error
    if found[0] != VERSION:
        db.close()
        raise StoreError(f"{path}: schema version {found[0]}, this program knows {VERSION}: start the collector once")
    return SqliteReader(db)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _locked(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreError(f"{path.parent}: another collector is at work there") from None
    return lock


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        for pragma in ("journal_mode=wal", "synchronous=full", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
            db.execute(f"pragma {pragma}").fetchall()
        db.execute("pragma cache_size=-16384")
        if not db.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
            db.executescript(f"begin immediate;{SCHEMA.read_text(encoding='utf-8')}commit;")
        db.executescript(ADDED.read_text(encoding="utf-8"))
        version = db.execute("select value from meta where key = 'version'").fetchone()[0]
        if version == "1":
            _upgrade(db)
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"schema version {version}, this program knows {VERSION}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _upgrade(db: sqlite3.Connection) -> None:
    """Version 1 read the rows beyond a hole again at each start; now the stretches they make stand with the mark."""
    tables = SCHEMA.read_text(encoding="utf-8")
    piece = tables[tables.index("create table piece") : tables.index("create table meta")]
    db.executescript(f"begin immediate; alter table lane add column beyond text not null default '[]'; {piece}")
    for epoch, lane, upto, hash_ in db.execute("select epoch, lane, upto, hash from lane").fetchall():
        marks = LaneBook(upto, hash_)
        gaps = "select first, last from given_up where epoch = ? and lane = ? and last > ?"
        for first, last in db.execute(gaps, (epoch, lane, upto)):
            marks.give_up(first, last)
        beyond = "select seq, lane_prev, hash from row where epoch = ? and lane = ? and seq > ? order by seq"
        for row in db.execute(beyond, (epoch, lane, upto)):
            marks.add(*row)
        saved = json.dumps([[s.prev, s.first, s.last, s.hash.hex()] for s in marks.stretches()])
        db.execute("update lane set beyond = ? where epoch = ? and lane = ?", (saved, epoch, lane))
    db.execute("update meta set value = ? where key = 'version'", (VERSION,))
    db.execute("commit")
