"""media.db: which segments there are, and which gaps. See schema.sql for what each column means.

Rules of this file:
- every use holds `media.lock`: shared to read, exclusively to write, checkpoint or move. So no checkpoint races a
  commit, and no process goes on writing into a file that was moved aside: each use looks whether the path still
  leads to the file that is open;
- a corrupt file is moved aside, never deleted; the next use starts an empty one, and recovery.py fills it again;
- one MediaIndex belongs to one thread.
"""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from agent.core.chain import Stamp
from agent.footage.errors import FootageError
from agent.footage.migrate import bring_up_to_date
from agent.journal.files import identity, make, move_aside

LONGEST_NS = 3600 * 1_000_000_000  # no segment is longer: what overlaps a time begins at most so long before it
LOCK_S = 5.0
WAL_BYTES_MAX = 1 << 20
SMALL_BYTES = 8 << 20
DAY_ROWS = 1440
_SMALL_TABLES = ("meta", "camera", "boot", "gap")
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Segment(NamedTuple):
    """One row of `segment`; end, frames, bytes and sha256 are None while it is open."""

    camera: str
    seq: int
    path: str
    state: str
    boot: str
    clock: str
    start_mono_ns: int
    start_at_ns: int
    end_mono_ns: int | None = None
    end_at_ns: int | None = None
    frames: int | None = None
    bytes: int | None = None
    sha256: builtins.bytes | None = None


class Gap(NamedTuple):
    """One row of `gap`, without its id."""

    camera: str
    from_boot: str
    from_mono_ns: int
    from_at_ns: int
    to_boot: str
    to_mono_ns: int
    to_at_ns: int
    length_ns: int
    cause: str


@dataclass(frozen=True)
class IndexMoved:
    """What happened to a corrupt index: where it lies now."""

    moved_to: Path


_SEGMENT = ", ".join(Segment._fields)
_GAP = ", ".join(Gap._fields)
_CAMERA = "(select id from camera where name = ?)"
_INSERT = (
    f"insert into segment ({_SEGMENT}) values ({_CAMERA}, ?, ?, ?, (select id from boot where name = ?)"
    f"{', ?' * (len(Segment._fields) - 5)})"
)
_INSERT_NEW = f"{_INSERT} on conflict do nothing"
_UPSERT = (
    f"{_INSERT} on conflict (camera, seq) do update set "
    f"{', '.join(f'{name} = excluded.{name}' for name in Segment._fields[2:])}"
)
# Within the boot what begins inside, and the one before; of other boots by UTC, for want of anything better.
_OF = f"select {_SEGMENT} from footage where camera_id = (select id from camera where name = :camera)"
_HERE = f"{_OF} and state <> 'deleting' and boot_id = (select id from boot where name = :boot)"
_AROUND = (
    f"{_HERE} and start_mono_ns > :start_mono and start_mono_ns < :end_mono",
    f"select * from ({_HERE} and start_mono_ns <= :start_mono order by start_mono_ns desc limit 1)"
    " where coalesce(end_mono_ns, :end_mono) > :start_mono",
    f"{_OF} and state <> 'deleting' and boot <> :boot and start_at_ns > :start_at - :longest"
    " and start_at_ns < :end_at and coalesce(end_at_ns, :end_at) > :start_at",
)


def segment_path(camera: str, seq: int, utc: str) -> str:
    """Where a segment lies under the footage folder; `utc` as 20261122T143455Z."""
    return f"{camera}/{utc[:8]}/{seq:08d}-{utc}.mp4"


def _written(row: Segment) -> tuple[object, ...]:
    """The row as it is written down: without its path, where the view `footage` says it anyway."""
    try:
        utc = datetime.fromtimestamp(row.start_at_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError, OSError):
        return row
    path = None if row.path == segment_path(row.camera, row.seq, utc) else row.path
    return (row.camera, row.seq, path, *row[3:])


class MediaIndex:
    """The index of one board's footage. Made if there is none, unless `create` is False (then FootageError)."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self.moved: IndexMoved | None = None  # set when this object moved a corrupt file aside
        self._create = create
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        if not create and not path.exists():
            raise FootageError(f"{path}: no footage index here: has a recorder run yet? (--data names its folder)")
        try:
            lock = path.with_suffix(".lock")
            make(lock)
            self._lock = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise FootageError(f"{path}: {error.strerror}") from error

    @property
    def identity(self) -> tuple[int, int] | None:
        """Which file was used last: another one than before means that somebody moved it aside and it is empty."""
        return self._identity

    def close(self) -> None:
        """Safe to call twice. SQLite may checkpoint as the last one closes, so writers are held off meanwhile."""
        if self._lock < 0:
            return
        with contextlib.suppress(FootageError), self._locked(fcntl.LOCK_EX, 1.0):
            self._disconnect()
        self._disconnect()
        os.close(self._lock)
        self._lock = -1

    # --- writing ---

    def begin(self, segment: Segment) -> None:
        """A segment is being written from now on."""
        self._put([segment], _INSERT)

    def finish(self, segment: Segment) -> None:
        """A segment is closed or salvaged: its row is replaced, or made if there was none."""
        self._put([segment], _UPSERT)

    def add(self, segments: list[Segment]) -> None:
        """Many at once, as rebuilding does; rows that are there already stay as they are."""
        self._put(segments, _INSERT_NEW)

    def drop(self, camera: str, seq: int) -> None:
        """Forget a segment whose file is gone."""
        self._write(f"delete from segment where camera = {_CAMERA} and seq = ?", (camera, seq))

    def _put(self, segments: list[Segment], statement: str) -> None:
        with self.transaction() as db:
            names, boots = {(row.camera,) for row in segments}, {(row.boot,) for row in segments}
            db.executemany("insert into camera (name) values (?) on conflict do nothing", names)
            db.executemany("insert into boot (name) values (?) on conflict do nothing", boots)
            db.executemany(statement, [_written(row) for row in segments])

    def add_gap(self, gap: Gap) -> None:
        self._write(f"insert into gap ({_GAP}) values ({', '.join('?' * len(gap))})", gap)

    def check(self, camera: str) -> None:
        """Let SQLite look through the file; a corrupt one is moved aside (see `moved`).

        Through the whole of a small one. Of a large one, which takes seconds in which nobody may write, through what
        recording this camera needs; what is damaged elsewhere is found, and moved aside, when it is read.
        """
        with self.transaction() as db:
            small = self.path.stat().st_size <= SMALL_BYTES
            for table in ("",) if small else _SMALL_TABLES:
                verdict = db.execute(f"pragma quick_check({table or 1})").fetchone()[0]
                if verdict != "ok":
                    raise _corrupt(verdict)
            if not small:
                for order in ("seq", "boot desc, start_mono_ns", "start_at_ns"):  # the table, and its indexes by time
                    ask = f"select * from segment where camera = {_CAMERA} order by {order} desc limit {DAY_ROWS}"
                    db.execute(ask, (camera,)).fetchall()

    # --- reading ---

    def segments(self, camera: str | None = None, *, state: str | None = None) -> list[Segment]:
        """Segments in their order: by camera, then by sequence."""
        if state == "open":  # few: all of them by the index that has only those
            ask = f"select {_SEGMENT} from footage where state = 'open' order by camera, seq"
            return [row for row in self._read(Segment, ask, {}) if camera in (None, row.camera)]
        ask = _OF if camera is not None else f"select {_SEGMENT} from footage where true"
        ask += " and state = :state" if state is not None else ""
        return self._read(Segment, f"{ask} order by camera, seq", {"camera": camera, "state": state})

    def segment(self, camera: str, seq: int) -> Segment | None:
        return next(iter(self._read(Segment, f"{_OF} and seq = :seq", {"camera": camera, "seq": seq})), None)

    def last(self, camera: str) -> Segment | None:
        """The newest segment that is not open."""
        ask = f"{_OF} and state <> 'open' order by seq desc limit 1"
        return next(iter(self._read(Segment, ask, {"camera": camera})), None)

    def first(self, camera: str) -> Segment | None:
        """The oldest segment there is."""
        return next(iter(self._read(Segment, f"{_OF} order by seq limit 1", {"camera": camera})), None)

    def neighbour(self, camera: str, seq: int, *, later: bool = False) -> Segment | None:
        """The segment with the next lower number that there is; `later`: with the next higher."""
        ask = "seq > :seq order by seq" if later else "seq < :seq order by seq desc"
        found = self._read(Segment, f"{_OF} and state <> 'deleting' and {ask} limit 1", {"camera": camera, "seq": seq})
        return next(iter(found), None)

    def begun_before(self, camera: str, at_ns: int) -> Segment | None:
        """The last segment that begins before that moment, by the clock it was recorded with."""
        ask = f"{_OF} and state <> 'deleting' and start_at_ns < :at order by start_at_ns desc limit 1"
        return next(iter(self._read(Segment, ask, {"camera": camera, "at": at_ns})), None)

    def sequences(self, camera: str, first: int, last: int) -> set[int]:
        """Sequence numbers of a camera from first to last that have a row."""
        ask = f"select seq from segment where camera = {_CAMERA} and seq between ? and ?"
        with self.reading() as db:
            return {int(row[0]) for row in db.execute(ask, (camera, first, last))}

    def last_seq(self, camera: str) -> int:
        """The highest number that a segment of this camera ever had; 0 if it never had one."""
        with self.reading() as db:
            found = db.execute("select last_seq from camera where name = ?", (camera,)).fetchone()
        return int(found[0]) if found else 0

    def gaps(self, camera: str | None = None) -> list[Gap]:
        """Gaps, oldest first."""
        ask = f"select {_GAP} from gap where camera = coalesce(?, camera) order by id"
        return self._read(Gap, ask, (camera,))

    def around(self, camera: str, boot: str, start: Stamp, end: Stamp) -> list[Segment]:
        """Segments that may hold footage from start to end: by monotonic time within `boot`, by UTC in other boots."""
        times = {"start_mono": start.mono_ns, "end_mono": end.mono_ns, "start_at": start.at_ns, "end_at": end.at_ns}
        wanted = {"camera": camera, "boot": boot, "longest": LONGEST_NS, **times}
        found = [row for ask in _AROUND for row in self._read(Segment, ask, wanted)]
        return sorted(found, key=lambda row: row.seq)

    # --- the connection ---

    def _write(self, statement: str, values: Any) -> None:
        with self.transaction() as db:
            db.execute(statement, values)

    def _read(self, row: Any, ask: str, values: Any) -> list[Any]:
        with self.reading() as db:
            return [row(*found) for found in db.execute(ask, values)]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database to write, all or nothing. FootageError when the disk refuses."""
        with self._locked(fcntl.LOCK_EX), self._explained():
            db = self._connected()
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise
            self._tend_wal(db)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database to read, for as long as nothing is written."""
        if self._db is None or identity(self.path) != self._identity:
            with self._locked(fcntl.LOCK_EX), self._explained():
                self._connected()
        with self._locked(fcntl.LOCK_SH), self._explained():
            yield self._connected()

    @contextlib.contextmanager
    def _locked(self, kind: int, timeout_s: float = LOCK_S) -> Iterator[None]:
        self._take(kind, timeout_s)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take(self, kind: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(self._lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FootageError(
                        f"{self.path}: another process has held it for 5 s: is the disk stuck?"
                    ) from None
                time.sleep(0.005)
            else:
                return

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors as ours; a corrupt file is moved aside at once (the lock is held exclusively, or taken)."""
        try:
            yield
        except sqlite3.Error as error:
            code = int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
            if code in _CORRUPT:
                self._condemn(error)
            reason = "disk full" if code == sqlite3.SQLITE_FULL else "write error"
            raise FootageError(f"{self.path}: {error}", reason) from error

    def _condemn(self, error: sqlite3.Error) -> None:
        """Move the file aside unless another process was quicker, or we only read. Always raises."""
        broken = self._identity
        self._disconnect()
        if not self._create:
            raise FootageError(f"{self.path}: corrupt ({error}): a recorder makes it anew when it starts", "corrupt")
        self._take(fcntl.LOCK_EX, LOCK_S)
        if identity(self.path) == broken:
            self.moved = IndexMoved(move_aside(self.path, time.time_ns()))
        raise FootageError(
            f"{self.path}: corrupt ({error}): moved aside, made anew from the files", "corrupt"
        ) from error

    def _connected(self) -> sqlite3.Connection:
        if self._db is not None and identity(self.path) == self._identity:
            return self._db
        self._disconnect()
        if not self._create and not self.path.exists():
            raise FootageError(f"{self.path}: gone: has it just been moved aside? Try again")
        make(self.path)
        db = sqlite3.connect(self.path, timeout=LOCK_S, isolation_level=None, check_same_thread=False)
        self._db, self._identity = db, identity(self.path)
        for pragma in ("journal_mode=wal", "synchronous=full", "wal_autocheckpoint=0", "cache_size=-512"):
            db.execute(f"pragma {pragma}").fetchall()
        bring_up_to_date(db)
        return db

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = self._identity = None

    def _tend_wal(self, db: sqlite3.Connection) -> None:
        """Checkpoint a WAL that has grown; readers and writers are all held off by the lock."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.with_name(self.path.name + "-wal").stat().st_size > WAL_BYTES_MAX:
                db.execute("pragma wal_checkpoint(truncate)").fetchall()


def _corrupt(verdict: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
