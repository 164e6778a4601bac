"""The journal: append rows, read past a mark. See schema.sql for what a row is, chain.py for its hash.

Rules of this file:
- an append is one BEGIN IMMEDIATE, durable when it returns, and rings the bell after the commit;
- nothing here changes or removes a row (prune.py removes, below a checkpoint);
- one Journal object belongs to one thread; any number of processes may append at once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from agent.core.chain import Row, Stamp, first_hash
from agent.core.events import Event
from agent.journal import files
from agent.journal.bell import Bell
from agent.journal.database import COLUMNS, INSERT, LANES, chained, connect, make_new, open_or_make, unchained
from agent.journal.errors import JournalError, JournalMoved, explain, is_corrupt

WAL_BYTES_MAX = 4 * 1024 * 1024
_CHECKPOINT_EVERY = 64  # appends between two looks at the size of the WAL
# Written into the statement, not bound: only so can SQLite use the partial index over the alarm lane.
_LANE = {"alarm": "lane = 'alarm'", "status": "lane = 'status'"}


class Journal:
    """An open journal. Make it with `open` or `open_to_read`."""

    def __init__(self, path: Path, db: sqlite3.Connection, lock: files.Lock, bell: Bell | None) -> None:
        self.path = path
        self._db = db
        self._lock = lock
        self._bell = bell
        self._stamp: Callable[[], Stamp] | None = None
        self._identity = files.identity(path)
        self._appends = 0
        self.epoch: str = db.execute("select value from meta where key = 'epoch'").fetchone()[0]

    # --- opening and closing ---

    @classmethod
    def open(cls, path: Path, bell: Path, stamp: Callable[[], Stamp]) -> Journal:
        """Open to append, making the journal (and its folder) if there is none.

        A corrupt file is moved aside with its -wal and -shm, a new epoch begins, and its first row says so with
        class trouble. Raises JournalError when the folder cannot be written.
        """
        try:
            lock = files.Lock(path)
            ringer = Bell(bell)
        except OSError as error:
            raise explain(path, error) from error
        try:
            opened = cls(path, open_or_make(path, lock, stamp), lock, ringer)
        except sqlite3.Error as error:
            lock.close()
            ringer.close()
            raise explain(path, error) from error
        opened._stamp = stamp
        return opened

    @classmethod
    def open_to_read(cls, path: Path) -> Journal:
        """Open to read only. Never creates one; JournalError says so if there is none, or it may not be read."""
        if not path.exists():
            raise JournalError(f"{path}: no journal here: has the agent run yet? (--data names its folder)")
        try:
            lock = files.Lock(path)
        except OSError as error:
            raise explain(path, error) from error
        try:
            with lock.shared():
                db = connect(path)
            db.execute("pragma query_only=1")
            return cls(path, db, lock, None)
        except sqlite3.Error as error:
            lock.close()
            if "no such table" in str(error):  # another process is just making it
                raise JournalError(f"{path}: no journal here yet") from error
            raise explain(path, error) from error

    def close(self) -> None:
        """Close. The last one out lets SQLite checkpoint, so writers are held off meanwhile. Safe to call twice."""
        with contextlib.suppress(ValueError, OSError), self._lock.exclusive(timeout_s=1):
            self._db.close()
        with contextlib.suppress(OSError):
            self._lock.close()
        if self._bell is not None:
            self._bell.close()

    def release(self) -> None:
        """Close without waiting for writers, for who holds the lock itself. Safe to call twice."""
        self._db.close()
        with contextlib.suppress(OSError):
            self._lock.close()

    def check_moved(self) -> None:
        """Raise JournalMoved if the path no longer leads to the open file. Readers call it each second."""
        if files.identity(self.path) != self._identity:
            raise JournalMoved(f"{self.path} was moved aside while open: open it again")

    # --- writing ---

    def append(self, *events: Event, stamps: Sequence[Stamp | None] | None = None) -> list[Row]:
        """Commit the events as rows, in this order, durably; returns the rows.

        `stamps`, one per event (None: now), is when they were noted, where that was before they could be written.
        All or nothing. Raises JournalMoved (open again) or JournalError (disk full, stuck, not ours to write).
        """
        if self._stamp is None:
            raise JournalError(f"{self.path}: opened to read")
        now, when = self._stamp(), stamps if stamps is not None else [None] * len(events)
        drafts = [unchained(event, stamp or now) for event, stamp in zip(events, when, strict=True)]
        with self._guarded(), self._lock.shared():
            self.check_moved()
            rows = self._commit(drafts)
        if self._bell is not None:
            self._bell.ring()
        self._tend_wal()
        return rows

    def _commit(self, drafts: list[Row]) -> list[Row]:
        self._db.execute("begin immediate")
        try:
            rows = chained(drafts, *self._tail())
            self._db.executemany(INSERT, rows)
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        return rows

    def _tail(self) -> tuple[int, bytes, dict[str, int]]:
        seq, hash_ = self.head()
        return seq, hash_, {lane: self._last_of(lane) for lane in LANES}

    def _last_of(self, lane: str) -> int:
        ask = f"select seq from row where {_LANE[lane]} order by seq desc limit 1"
        found = self._db.execute(ask).fetchone()
        return int(found[0]) if found else 0

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """SQLite's errors as ours; a file found corrupt is moved aside at once."""
        try:
            yield
        except sqlite3.Error as error:
            if is_corrupt(error) and self._stamp is not None:
                self.condemn(self._stamp())
            raise explain(self.path, error) from error
        except OSError as error:
            raise explain(self.path, error) from error

    def condemn(self, stamp: Stamp) -> NoReturn:
        """Move this corrupt file aside, begin a new epoch in its place, and raise JournalMoved.

        If another process was quicker, only raises. JournalError if writers would not pause within 10 s.
        """
        with self._lock.exclusive(timeout_s=10) as alone:
            if not alone:
                raise JournalError(f"{self.path}: corrupt, and still being written: restart the agent")
            self.check_moved()
            moved = files.move_aside(self.path, time.time_ns())
            make_new(self.path, stamp, reason="corrupt", before=self.epoch, moved_to=moved.name, rows=())
        raise JournalMoved(f"{self.path}: corrupt, moved aside to {moved.name}: open it again")

    def _tend_wal(self) -> None:
        """Checkpoint when the WAL has grown; never while anyone commits (see files.py)."""
        self._appends += 1
        if self._appends % _CHECKPOINT_EVERY or _size(self.path.with_name(self.path.name + "-wal")) < WAL_BYTES_MAX:
            return
        with self._lock.exclusive(timeout_s=0.05) as alone:
            if alone:
                with contextlib.suppress(sqlite3.OperationalError):  # a reader in the way: the next append tries again
                    self._db.execute("pragma wal_checkpoint(truncate)").fetchall()

    def delete_below(self, upto: int, most: int) -> int:
        """Delete up to `most` of the oldest rows up to `upto`; the schema refuses any that no checkpoint covers."""
        with self._guarded(), self._lock.shared():
            self.check_moved()
            cursor = self._db.execute(
                "delete from row where seq in (select seq from row where seq <= ? order by seq limit ?)", (upto, most)
            )
        return cursor.rowcount

    # --- reading ---

    def read(
        self,
        after: int = 0,
        *,
        lane: str | None = None,
        kinds: Sequence[str] = (),
        source: str | None = None,
        carrying: Sequence[str] = (),
        limit: int = 500,
    ) -> list[Row]:
        """Up to `limit` rows past `after`, in order, of that lane, those kinds, that source (each if given).

        carrying: only those that carry a row of one of these kinds.
        """
        where, values = _where(after, lane, kinds, source)
        if carrying:
            where += f" and json_extract(data, '$.of_kind') in ({', '.join('?' * len(carrying))})"
            values.extend(carrying)
        with self._guarded():
            found = self._db.execute(
                f"select {COLUMNS} from row where {where} order by seq limit ?", (*values, limit)
            ).fetchall()
        return [Row._make(columns) for columns in found]

    def version(self) -> int:
        """A number that changes whenever another connection commits: the same as before, there is nothing to read."""
        with self._guarded():
            return int(self._db.execute("pragma data_version").fetchone()[0])

    def read_chained(self, after: int, lane: str, limit: int) -> list[tuple[Row, bytes]]:
        """Rows of a lane past `after`, each with the hash before it in the chain (of whatever lane that row was)."""
        columns = ", ".join("r." + name.strip() for name in COLUMNS.split(","))
        ask = (
            f"select {columns}, p.hash from row r left join row p on p.seq = r.seq - 1"
            f" where r.{_LANE[lane]} and r.seq > ? order by r.seq limit ?"
        )
        with self._guarded():
            found = self._db.execute(ask, (after, limit)).fetchall()
        return [(Row._make(f[:12]), f[12] if f[12] is not None else self.hash_before(f[0])) for f in found]

    def row(self, seq: int) -> Row | None:
        """The row of that number, None if there is none (any more)."""
        with self._guarded():
            found = self._db.execute(f"select {COLUMNS} from row where seq = ?", (seq,)).fetchone()
        return Row._make(found) if found else None

    def last(self, *kinds: str, source: str | None = None) -> Row | None:
        """The newest row of those kinds (any, if none is named) and that source."""
        where, values = _where(0, None, kinds, source)
        with self._guarded():
            found = self._db.execute(
                f"select {COLUMNS} from row where {where} order by seq desc limit 1", values
            ).fetchone()
        return Row._make(found) if found else None

    def head(self) -> tuple[int, bytes]:
        """(seq, hash) of the newest row; (0, the epoch's first hash) of an empty journal."""
        with self._guarded():
            found = self._db.execute("select seq, hash from row order by seq desc limit 1").fetchone()
        return (found[0], found[1]) if found else (0, first_hash(self.epoch))

    def count(self, *, lane: str | None = None, after: int = 0) -> tuple[int, int]:
        """(rows, bytes of their data) past `after`, of a lane."""
        where, values = _where(after, lane, (), None)
        with self._guarded():
            found = self._db.execute(
                f"select count(*), coalesce(sum(length(data)), 0) from row where {where}", values
            ).fetchone()
        return found[0], found[1]

    def hash_before(self, seq: int) -> bytes:
        """The hash that row `seq` was chained to. JournalError if it was pruned without a checkpoint."""
        before = self.row(seq - 1)
        if before is not None:
            return before.hash
        if seq == 1:
            return first_hash(self.epoch)
        for row in self.read(kinds=["journal.checkpoint"], limit=1000):
            if row.values()["upto"] == seq - 1:
                return bytes.fromhex(str(row.values()["hash"]))
        raise JournalError(f"{self.path}: nothing says what stood before row {seq}")


def _where(after: int, lane: str | None, kinds: Sequence[str], source: str | None) -> tuple[str, list[object]]:
    terms: list[str] = ["seq > ?"]
    values: list[object] = [after]
    if lane is not None:
        terms.append(_LANE[lane])
    if kinds:
        terms.append(f"kind in ({', '.join('?' * len(kinds))})")
        values.extend(kinds)
    if source is not None:
        terms.append("source = ?")
        values.append(source)
    return " and ".join(terms), values


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
