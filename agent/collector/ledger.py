"""Rows into the store, once each, and what is proven of them: continuity lane by lane, and the hash chain.

What comes under a stored row's identity:
- with the same hash: a double, counted, not stored again;
- with another hash: a conflict, kept aside in its own table; the row that came first stays.
A row whose hash is not that of its own text, or that cannot be in its lane, is refused: counted, never stored.
Writes into the store's open transaction; what it keeps in memory is thrown away when that rolls back.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.collector.books import Board, Boards, Book
from agent.core.chain import next_hash
from agent.core.continuity import ContinuityError
from agent.core.wire import LANES, WireRow

log = logging.getLogger(__name__)

CONFLICTS_MAX = 1000

_INSERT = "insert into row values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (epoch, seq) do nothing"


@dataclass
class Outcome:
    """What became of one message's rows, of which epochs; `refused` says why, a reason a row."""

    epochs: set[str] = field(default_factory=set)
    stored: int = 0
    doubles: int = 0
    conflicts: int = 0
    refused: list[str] = field(default_factory=list)


class Ledger:
    """Takes rows of all boards. take() within a transaction, settle() before it is committed."""

    def __init__(self, db: sqlite3.Connection, boards: Boards) -> None:
        self._db = db
        self._boards = boards

    def take(self, board: Board, rows: Iterable[WireRow]) -> Outcome:
        """Store what is new of `rows`, which say they are of that board. sqlite3.Error: roll back."""
        outcome = Outcome()
        by_epoch: dict[str, list[WireRow]] = {}
        for row in rows:
            wrong = _wrong(board, row)
            if wrong:
                outcome.refused.append(wrong)
            else:
                by_epoch.setdefault(row.epoch, []).append(row)
        for epoch, good in by_epoch.items():
            book = self._boards.book(board, epoch)
            book.dirty = True
            outcome.epochs.add(epoch)
            if not self._all_new(book, good, outcome):
                for row in good:
                    self._take_one(book, row, outcome)
        return outcome

    def _all_new(self, book: Book, rows: list[WireRow], outcome: Outcome) -> bool:
        """The common case in one go: none of the rows was here before. False, and nothing done, if one was."""
        self._db.execute("savepoint message")
        changes = self._db.total_changes
        self._db.executemany(_INSERT, [_columns(book, row) for row in rows])
        if self._db.total_changes - changes != len(rows):
            self._db.execute("rollback to message")
            self._db.execute("release message")
            return False
        self._db.execute("release message")
        for row in rows:
            self._enter(book, row, outcome)
        return True

    def _take_one(self, book: Book, row: WireRow, outcome: Outcome) -> None:
        held = self._db.execute(
            "select hash, lane from row where epoch = ? and seq = ?", (book.id, row.row.seq)
        ).fetchone()
        if held is None:
            self._db.execute(_INSERT, _columns(book, row))
            self._enter(book, row, outcome)
        elif held[0] == row.row.hash:
            book.doubles += 1
            outcome.doubles += 1
        else:
            self._conflict(book, row.row.seq, held[1], held[0], (row.row.hash, row.text, row.prev_hash))
            outcome.conflicts += 1

    def _enter(self, book: Book, row: WireRow, outcome: Outcome) -> None:
        """The row is in the table; now into its lane, or out again."""
        try:
            book.lanes[row.row.lane].add(row.row.seq, row.row.lane_prev, row.row.hash)
        except ContinuityError as error:
            self._db.execute("delete from row where epoch = ? and seq = ?", (book.id, row.row.seq))
            outcome.refused.append(str(error))
            return
        book.rows[row.row.lane] += 1
        outcome.stored += 1
        if row.row.kind == "gap":
            self._give_up(book, row)

    def _give_up(self, book: Book, row: WireRow) -> None:
        """The board says it will never send some rows of a lane."""
        try:
            data = row.row.values()
            lane, first, last = data["of_lane"], data["from_seq"], data["to_seq"]
        except (KeyError, ValueError):
            return
        if lane in LANES and type(first) is int and type(last) is int and 0 < first <= last < row.row.seq:
            book.lanes[str(lane)].give_up(first, last)
            self._db.execute(
                "insert into given_up values (?, ?, ?, ?, ?) on conflict do nothing",
                (book.id, lane, first, last, row.row.seq),
            )
            log.warning("%s/%s gave up rows %d to %d of lane %s", row.site, row.board, first, last, lane)

    def _conflict(self, book: Book, seq: int, lane: str, held: bytes, theirs: tuple[bytes, str, bytes]) -> None:
        if len(book.conflicts) >= CONFLICTS_MAX and seq not in book.conflicts:
            return
        book.conflicts[seq] = (lane, held)
        values = (book.id, seq, lane, held, *theirs, time.time_ns())
        self._db.execute("insert into conflict values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing", values)

    # --- the chain ---

    def settle(self) -> None:
        """Before the commit: walk each chain as far as it is complete, and write down what is proven."""
        for book in self._boards.dirty_books():
            if not book.broken_at:
                self._walk(book)
            self._boards.save(book)

    def _walk(self, book: Book) -> None:
        """Follow the chain over rows that have joined. A hole stops it, unless both lanes are whole up to its end."""
        reach = min(lane.reach for lane in book.lanes.values())
        for seq, hash_, prev_hash in self._db.execute(
            "select seq, hash, prev_hash from row where epoch = ? and seq > ? order by seq", (book.id, book.chain_upto)
        ):
            if seq != book.chain_upto + 1:
                if seq - 1 > reach:
                    return
                book.chain_holes += 1
            elif prev_hash != book.chain_hash:
                self._broken(book, seq, prev_hash)
                return
            book.chain_upto, book.chain_hash = seq, hash_

    def _broken(self, book: Book, seq: int, prev_hash: bytes) -> None:
        book.broken_at = seq
        held = self._db.execute("select lane from row where epoch = ? and seq = ?", (book.id, seq - 1)).fetchone()
        log.error("epoch %s: row %d follows another row %d than the one stored", book.epoch, seq, seq - 1)
        if held is not None:
            self._conflict(book, seq - 1, held[0], book.chain_hash, (prev_hash, "", b""))


def _wrong(board: Board, row: WireRow) -> str:
    """Why the row cannot be a fact of this board; empty if it can."""
    if (row.site, row.board) != (board.site, board.board):
        return f"a row of {row.site[:60]!r}/{row.board[:60]!r} on the topic of {board.site}/{board.board}"
    if next_hash(row.prev_hash, row.text.encode()) != row.row.hash:
        return f"row {row.row.seq} does not have the hash it came with"
    return ""


def _columns(book: Book, one: WireRow) -> tuple[object, ...]:
    row = one.row
    return (
        book.id, row.seq, row.lane, row.lane_prev, row.at_ns, row.kind, row.source, one.text, row.hash, one.prev_hash,
    )  # fmt: skip
