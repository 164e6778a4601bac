"""Rows into the store, once each, and what is proven of them: continuity lane by lane, and the hash chain.

What comes under a stored row's identity:
- with the same hash: a double, counted, not stored again;
- with another hash: a conflict, kept aside in its own table; the row that came first stays.
A row whose hash is not that of its own text, or that cannot be in its lane, is refused: counted, never stored.
All of it happens within one transaction and under the locks of the boards it is about.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.collector import heads
from agent.collector.batch import Batch, Sent
from agent.collector.books import Board, Boards, Book, StrangerError, Wanted
from agent.collector.store import Store, marks, parts
from agent.core.chain import next_hash
from agent.core.continuity import ContinuityError
from agent.core.wire import LANES, Ack, WireRow

log = logging.getLogger(__name__)

CONFLICTS_MAX = 1000
PAGE_ROWS = 1000


@dataclass
class Outcome:
    """What became of a batch: what to tell boards once it is committed, and what people should hear."""

    acks: list[tuple[Board, Ack]] = field(default_factory=list)
    stored: int = 0
    doubles: int = 0
    conflicts: dict[Board, int] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)  # (whose, why), a row or message each
    keys: list[tuple[Board, str]] = field(default_factory=list)  # presences whose signature is not as it was


class Ledger:
    """Takes what all boards sent. store() within a transaction; its outcome counts once that is committed."""

    def __init__(self, store: Store, boards: Boards) -> None:
        self._store = store
        self._boards = boards

    def store(self, batch: Batch) -> Outcome:
        """Rows, presences and refusals of the batch. DatabaseError: roll back."""
        outcome = Outcome()
        senders = self._senders(batch, outcome)
        if not senders:
            return outcome
        self._store.lock("board", [board.id for board, _ in senders])
        good = {board: _good(board, sent, outcome) for board, sent in senders}
        for board, sent in senders:
            self._present(board, sent, outcome)
        books = self._boards.books(_wanted(senders, good))
        self._enter_all(books, good, outcome)
        self._boards.save(books.values())
        at_ns = self._store.now_ns()
        outcome.acks = [(book.board, self._boards.ack(book, at_ns)) for book in books.values()]
        for board, sent in senders:
            if sent.refused:
                self._boards.refused(board, len(sent.refused), sent.refused[-1])
        return outcome

    def _senders(self, batch: Batch, outcome: Outcome) -> list[tuple[Board, Sent]]:
        """Boards in one order for all collectors. One that only sent what was refused is not let in for that."""
        senders = []
        for (site, name), sent in sorted(batch.boards.items()):
            try:
                new = sent.rows or sent.presences
                board = self._boards.board(site, name) if new else self._boards.known(site, name)
            except StrangerError as error:
                outcome.refused.append((f"{site}/{name}", str(error)))
                continue
            if board is not None:
                senders.append((board, sent))
        return senders

    def _present(self, board: Board, sent: Sent, outcome: Outcome) -> None:
        for presence in sent.presences:
            self._boards.present(board, presence)
            if reason := heads.look(self._store, board, presence):
                outcome.keys.append((board, reason))

    # --- rows ---

    def _enter_all(self, books: dict[Wanted, Book], good: dict[Board, list[WireRow]], outcome: Outcome) -> None:
        by_book: dict[Book, dict[int, WireRow]] = {book: {} for book in books.values()}
        again: list[tuple[Book, WireRow]] = []
        for board, rows in good.items():
            for row in rows:
                book = books.get((board, row.epoch))
                if book is None:
                    outcome.refused.append((str(board), "a row of one epoch more than are kept for a board"))
                elif by_book[book].setdefault(row.row.seq, row) is not row:
                    again.append((book, row))  # twice in this batch
        new = self._store.add_rows([_columns(book, row) for book, rows_ in by_book.items() for row in rows_.values()])
        for book, rows_ in by_book.items():
            fresh = [row for row in rows_.values() if (book.id, row.row.seq) in new]
            fresh = [row for row in fresh if self._enter(book, row, outcome)]
            old = [row for row in rows_.values() if (book.id, row.row.seq) not in new]
            self._compare(book, [*old, *(row for of, row in again if of is book)] if again else old, outcome)
            if not book.broken_at:
                self._walk(book, fresh)

    def _enter(self, book: Book, row: WireRow, outcome: Outcome) -> bool:
        """The row is in the table; now into its lane, or out again."""
        try:
            book.lanes[row.row.lane].add(row.row.seq, row.row.lane_prev, row.row.hash)
        except ContinuityError as error:
            self._store.execute('delete from "row" where epoch = ? and seq = ?', (book.id, row.row.seq))
            self._boards.refused(book.board, 1, str(error))
            outcome.refused.append((str(book.board), str(error)))
            return False
        book.rows[row.row.lane] += 1
        outcome.stored += 1
        if row.row.kind == "gap":
            self._give_up(book, row)
        return True

    def _compare(self, book: Book, old: list[WireRow], outcome: Outcome) -> None:
        """Rows whose number is taken: the same once more, or another one."""
        held: dict[int, tuple[bytes, str]] = {}
        for some in parts([row.row.seq for row in old]):
            ask = f'select seq, hash, lane from "row" where epoch = ? and seq in ({marks(len(some))})'
            held |= {seq: (hash_, lane) for seq, hash_, lane in self._store.execute(ask, (book.id, *some))}
        for row in old:
            hash_, lane = held.get(row.row.seq, (row.row.hash, ""))  # missing: refused a moment ago
            if hash_ == row.row.hash:
                book.doubles += 1
                outcome.doubles += 1
            else:
                self._conflict(book, row.row.seq, lane, hash_, (row.row.hash, row.text, row.prev_hash))
                outcome.conflicts[book.board] = outcome.conflicts.get(book.board, 0) + 1

    def _give_up(self, book: Book, row: WireRow) -> None:
        """The board says it will never send some rows of a lane."""
        try:
            data = row.row.values()
            lane, first, last = data["of_lane"], data["from_seq"], data["to_seq"]
        except (KeyError, ValueError):
            return
        if lane in LANES and type(first) is int and type(last) is int and 0 < first <= last < row.row.seq:
            book.lanes[str(lane)].give_up(first, last)
            self._store.execute(
                "insert into given_up values (?, ?, ?, ?, ?) on conflict do nothing",
                (book.id, lane, first, last, row.row.seq),
            )
            log.warning("%s gave up rows %d to %d of lane %s", book.board, first, last, lane)

    def _conflict(self, book: Book, seq: int, lane: str, held: bytes, theirs: tuple[bytes, str, bytes]) -> None:
        if len(book.conflicts) >= CONFLICTS_MAX and seq not in book.conflicts:
            return
        book.conflicts[seq] = (lane, held)
        values = (book.id, seq, lane, held, *theirs, self._store.now_ns())
        self._store.execute("insert into conflict values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing", values)

    # --- the chain ---

    def _walk(self, book: Book, fresh: list[WireRow]) -> None:
        """Follow the chain over the rows that came now, then over those that waited behind a hole."""
        for row in sorted(fresh, key=lambda one: one.row.seq):
            if row.row.seq == book.chain_upto + 1 and row.prev_hash == book.chain_hash:
                book.chain_upto, book.chain_hash = row.row.seq, row.row.hash
        page = 1  # mostly there is nothing, or a hole right away
        while book.chain_upto < book.last and self._walk_page(book, page):
            page = PAGE_ROWS

    def _walk_page(self, book: Book, rows: int) -> bool:
        """Rows from the store. A hole stops it, unless both lanes are whole up to its end. True: there may be more."""
        reach = min(lane.reach for lane in book.lanes.values())
        ask = 'select seq, hash, prev_hash from "row" where epoch = ? and seq > ? order by seq limit ?'
        found = self._store.execute(ask, (book.id, book.chain_upto, rows))
        for seq, hash_, prev_hash in found:
            if seq != book.chain_upto + 1:
                if seq - 1 > reach:
                    return False
                book.chain_holes += 1
            elif prev_hash != book.chain_hash:
                self._broken(book, seq, prev_hash)
                return False
            book.chain_upto, book.chain_hash = seq, hash_
        return len(found) == rows

    def _broken(self, book: Book, seq: int, prev_hash: bytes) -> None:
        book.broken_at = seq
        ask = 'select lane from "row" where epoch = ? and seq = ?'
        held = self._store.execute(ask, (book.id, seq - 1))
        log.error("epoch %s: row %d follows another row %d than the one stored", book.epoch, seq, seq - 1)
        if held:
            self._conflict(book, seq - 1, held[0][0], book.chain_hash, (prev_hash, "", b""))


def _wanted(senders: Sequence[tuple[Board, Sent]], good: dict[Board, list[WireRow]]) -> list[Wanted]:
    """Epochs of the rows, and of births: a board that comes is told what we have."""
    wanted = {(board, row.epoch) for board, rows in good.items() for row in rows}
    wanted |= {(board, p.epoch) for board, sent in senders for p in sent.presences if p.state == "online"}
    return sorted(wanted, key=lambda want: (want[0].id, want[1]))


def _good(board: Board, sent: Sent, outcome: Outcome) -> list[WireRow]:
    """Its rows without those that cannot be; these are among what it is refused."""
    good = []
    for row in sent.rows:
        wrong = _wrong(board, row)
        if wrong:
            sent.refused.append(wrong)
            outcome.refused.append((str(board), wrong))
        else:
            good.append(row)
    return good


def _wrong(board: Board, row: WireRow) -> str:
    """Why the row cannot be a fact of this board; empty if it can."""
    if (row.site, row.board) != (board.site, board.board):
        return f"a row of {row.site[:60]!r}/{row.board[:60]!r} on the topic of {board}"
    if next_hash(row.prev_hash, row.text.encode()) != row.row.hash:
        return f"row {row.row.seq} does not have the hash it came with"
    if "\0" in row.row.kind or "\0" in row.row.source:
        return f"row {row.row.seq} has a NUL in its kind or source"
    return ""


def _columns(book: Book, one: WireRow) -> tuple[object, ...]:
    row = one.row
    return (
        book.id, row.seq, row.lane, row.lane_prev, row.at_ns, row.kind, row.source, one.text, row.hash, one.prev_hash,
    )  # fmt: skip
