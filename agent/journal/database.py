"""A journal's database file: opened, made, or made anew where it is corrupt; and how rows are chained into it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.core.chain import Row, Stamp, canonical_data, canonical_row, first_hash, next_hash
from agent.core.events import Event, JournalOpened, Signal
from agent.journal import files
from agent.journal.errors import JournalError, is_corrupt

VERSION = "1"
SCHEMA = Path(__file__).with_name("schema.sql")
BUSY_MS = 5000
LANES = ("alarm", "status")
COLUMNS = "seq, at_ns, boot, mono_ns, clock, lane, lane_prev, kind, source, class, data, hash"
INSERT = f"insert into row ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def open_or_make(path: Path, lock: files.Lock, stamp: Callable[[], Stamp]) -> sqlite3.Connection:
    """The database, checked as far as opening can afford; made if new, moved aside first if corrupt."""
    try:
        return _ready(path, lock, stamp, "new", "")
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
    with lock.exclusive(timeout_s=10) as alone:
        if not alone:
            raise JournalError(f"{path}: corrupt, and still being written: restart the agent")
        try:
            connect(path).close()  # another process may have moved it while we waited
            moved = ""
        except sqlite3.DatabaseError:
            moved = files.move_aside(path, time.time_ns()).name
    return _ready(path, lock, stamp, "corrupt", moved)


def fold(path: Path) -> None:
    """Take everything of the WAL into the database file. The caller has the lock; JournalError if a reader holds on."""
    with contextlib.closing(connect(path)) as db:
        busy = db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
    if busy:
        raise JournalError(f"{path}: a reader held on for {BUSY_MS // 1000} s; the journal was left as it is")


def make_new(
    path: Path, stamp: Stamp, *, reason: str, before: str, moved_to: str, rows: Sequence[tuple[Event, Stamp]]
) -> str:
    """A new journal at `path`, these rows after its first, closed again; returns its epoch. What is there goes: it
    was not finished."""
    files.remove(path)
    files.make(path)
    db = connect(path)
    with contextlib.closing(db):
        db.execute("begin immediate")
        epoch = _create(db, stamp, reason=reason, before=before, moved_to=moved_to, rows=rows)
        db.execute("commit")
    return epoch


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000, check_same_thread=False)
    try:
        for pragma in ("journal_mode=wal", "synchronous=full", "wal_autocheckpoint=0", "cache_size=-1024"):
            db.execute(f"pragma {pragma}").fetchall()
        db.execute("select seq, hash from row order by seq desc limit 1").fetchone()
    except sqlite3.Error as error:
        if "no such table" not in str(error):
            db.close()
            raise
    return db


def unchained(event: Event, stamp: Stamp) -> Row:
    """The event as a row without its place in the chain. ValueError for floats in its data."""
    return Row(
        0, *stamp, str(event.lane), 0, event.KIND, event.source, str(event.signal), canonical_data(event.data()), b""
    )


def chained(drafts: list[Row], seq: int, hash_: bytes, lane_prev: dict[str, int]) -> list[Row]:
    rows = []
    for draft in drafts:
        seq += 1
        row = draft._replace(seq=seq, lane_prev=lane_prev[draft.lane])
        hash_ = next_hash(hash_, canonical_row(row))
        lane_prev[draft.lane] = seq
        rows.append(row._replace(hash=hash_))
    return rows


def _ready(path: Path, lock: files.Lock, stamp: Callable[[], Stamp], reason: str, moved: str) -> sqlite3.Connection:
    with lock.shared():  # from opening on: nobody moves files under a database that is just being opened
        files.make(path)
        db = connect(path)
        db.execute("begin immediate")
        try:
            if not db.execute("select 1 from sqlite_master where name = 'row'").fetchone():
                _create(db, stamp(), reason=reason, moved_to=moved)
            db.execute("commit")
        except BaseException:
            db.execute("rollback")
            db.close()
            raise
    return db


def _create(
    db: sqlite3.Connection,
    stamp: Stamp,
    *,
    reason: str,
    before: str = "",
    moved_to: str = "",
    rows: Sequence[tuple[Event, Stamp]] = (),
) -> str:
    for statement in _statements(SCHEMA.read_text(encoding="utf-8")):
        db.execute(statement)
    epoch = str(uuid.uuid4())
    db.execute("insert into meta values ('epoch', ?), ('version', ?)", (epoch, VERSION))
    signal = Signal.STATUS if reason == "new" else Signal.TROUBLE
    opened = JournalOpened(
        source="journal", epoch=epoch, reason=reason, before=before, moved_to=moved_to, signal=signal
    )
    drafts = [unchained(opened, stamp), *(unchained(event, when) for event, when in rows)]
    db.executemany(INSERT, chained(drafts, 0, first_hash(epoch), dict.fromkeys(LANES, 0)))
    return epoch


def _statements(script: str) -> Iterator[str]:
    """Statements one by one: executescript() would commit the transaction we are in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
