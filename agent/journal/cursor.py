"""A reader's own mark: how far it has come, per epoch and lane. A cursor is no fact, so it has a file of its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agent.journal.errors import JournalError, explain, is_corrupt
from agent.journal.files import make

_SCHEMA = """
create table if not exists cursor (
  epoch text not null,
  lane  text not null,
  seq   integer not null check (seq >= 0),  -- everything up to here has been dealt with
  primary key (epoch, lane)
) strict, without rowid
"""


class Cursor:
    """Marks of one reader. One thread. A corrupt file is started anew: the reader then repeats, never skips."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise explain(path, error) from error
            for suffix in ("-wal", "-shm", ""):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        make(self._path)
        db = sqlite3.connect(self._path, isolation_level=None, timeout=5, check_same_thread=False)
        try:
            db.execute("pragma journal_mode=wal")
            db.execute(
                "pragma synchronous=normal"
            )  # a power cut may set it back: rows are then sent twice, which is fine
            db.execute(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def get(self, epoch: str, lane: str) -> int:
        """The mark, 0 if there is none yet."""
        found = self._db.execute("select seq from cursor where epoch = ? and lane = ?", (epoch, lane)).fetchone()
        return int(found[0]) if found else 0

    def set(self, epoch: str, lane: str, seq: int) -> None:
        """Move the mark. Raises JournalError if it cannot be kept (disk full): go on, and set it again later."""
        try:
            self._db.execute(
                "insert into cursor values (?, ?, ?) on conflict do update set seq = excluded.seq", (epoch, lane, seq)
            )
        except sqlite3.Error as error:
            raise explain(self._path, error) from error

    def close(self) -> None:
        self._db.close()


__all__ = ["Cursor", "JournalError"]
