"""The collector's folder: `collector.db`, `files/`, and a lock so that only one collector writes there.

One connection, one writer, one open transaction: whoever writes calls begin(), the loop calls commit(). What was
in a transaction that failed is gone from memory too (on_rollback): the boards send it again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

SCHEMA = Path(__file__).with_name("schema.sql")
ADDED = Path(__file__).with_name("heads.sql")  # tables that came later: made where they are missing
NAME = "collector.db"
VERSION = "1"
CHECKPOINT_PAGES = 8000


class StoreError(Exception):
    """The store cannot be used; the text says where and what to do."""


class Store:
    """`folder` with its database open for writing. Raises StoreError if it is damaged, taken or not ours to write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self._on_rollback: list[Callable[[], None]] = []
        try:
            self.files.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}: name a folder you may write to with --store") from error
        try:
            self.db = _opened(folder / NAME)
        except sqlite3.Error as error:
            os.close(self._lock)
            raise StoreError(
                f"{folder / NAME}: {error}: move the folder away and start again; boards send what they still have"
            ) from error

    def begin(self) -> None:
        """A transaction is open from here on."""
        if not self.db.in_transaction:
            self.db.execute("begin immediate")

    def commit(self) -> None:
        """Everything since begin() is durable when this returns. On sqlite3.Error call rollback()."""
        if self.db.in_transaction:
            self.db.execute("commit")

    def rollback(self) -> None:
        """Forget what was not committed, here and in whoever keeps a picture of it."""
        with contextlib.suppress(sqlite3.Error):  # the disk failed before that; nothing of it was acknowledged
            if self.db.in_transaction:
                self.db.execute("rollback")
        for forget in self._on_rollback:
            forget()

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """`forget` is called whenever the database has gone back to what was last committed."""
        self._on_rollback.append(forget)

    def close(self) -> None:
        self.rollback()
        self.db.close()
        os.close(self._lock)


def open_to_read(folder: Path) -> sqlite3.Connection:
    """The database of a store for reading, whether or not a collector is at work. StoreError if there is none."""
    path = folder / NAME
    try:
        # Not mode=ro: a WAL database whose last writer has gone needs its -shm made again.
        db = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, timeout=5)
        db.execute("pragma query_only=1")
        db.execute("select value from meta where key = 'version'").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}: is this the folder given to --store?") from error
    return db


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
        if version != VERSION:
            raise sqlite3.DatabaseError(f"schema version {version}, this program knows {VERSION}")
    except sqlite3.Error:
        db.close()
        raise
    return db
