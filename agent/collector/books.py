"""Which boards there are, and for each of their epochs what has been proven: read from the store when first met.

Rules of this file:
- at most BOOKS_MAX epochs are kept in memory; one that is dropped is read again from the store when it is needed;
- what a board, or somebody posing as many boards, may fill the store with is bounded: BOARDS_MAX, EPOCHS_MAX a board.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.core.chain import first_hash
from agent.core.continuity import LaneBook
from agent.core.wire import LANES, Ack, LaneAck, Presence

BOARDS_MAX = 10_000
EPOCHS_MAX = 1000
BOOKS_MAX = 512
RANGES_IN_ACK = 100
CONFLICTS_IN_ACK = 20

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")


class StrangerError(Exception):
    """A board or epoch that is not let in; the text says why."""


@dataclass(frozen=True)
class Board:
    """A board that has been seen: its row in the store, and its two names."""

    id: int
    site: str
    board: str


@dataclass(eq=False)
class Book:
    """One epoch of one board. `rows` counts by lane; conflicts: seq -> (lane, hash held)."""

    id: int
    board: Board
    epoch: str
    doubles: int = 0
    chain_upto: int = 0
    chain_hash: bytes = b""
    chain_holes: int = 0
    broken_at: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    lanes: dict[str, LaneBook] = field(default_factory=dict)
    conflicts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    dirty: bool = False


class Boards:
    """Boards and books of a store. Writes go into the open transaction; forget() after a rollback."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._boards: dict[tuple[str, str], Board] = {}
        self._books: OrderedDict[tuple[int, str], Book] = OrderedDict()

    def forget(self) -> None:
        """The store has gone back to what was last committed: read everything anew."""
        self._boards.clear()
        self._books.clear()

    def board(self, site: str, board: str) -> Board:
        """That board, written down if it is new. Raises StrangerError."""
        known = self._boards.get((site, board))
        if known is None:
            known = self._boards[site, board] = self._find_board(site, board)
        return known

    def known(self, site: str, board: str) -> Board | None:
        """That board if anything of it was ever stored."""
        try:
            return self._boards.get((site, board)) or self._find_board(site, board, new=False)
        except StrangerError:
            return None

    def _find_board(self, site: str, board: str, *, new: bool = True) -> Board:
        if not _ID.match(site) or not _ID.match(board):
            raise StrangerError(f"{site[:60]!r}/{board[:60]!r} are no names of a site and a board")
        ask = "select id from board where site = ? and board = ?"
        found = self._db.execute(ask, (site, board)).fetchone()
        if found is None:
            if not new:
                raise StrangerError(f"{site}/{board} is not known here")
            if self._db.execute("select count(*) from board").fetchone()[0] >= BOARDS_MAX:
                raise StrangerError(f"more than {BOARDS_MAX} boards")
            found = self._db.execute(
                "insert into board (site, board) values (?, ?) returning id", (site, board)
            ).fetchone()
        return Board(found[0], site, board)

    def present(self, board: Board, presence: Presence) -> None:
        """Write down a birth or a will. A will (offline) leaves the head of the birth before it."""
        values = (presence.state, presence.epoch, presence.clock, presence.version, presence.boot, presence.at_ns)
        self._db.execute(
            "update board set state = ?, epoch = ?, clock = ?, version = ?, boot = ?, at_ns = ?, seen_ns = ?"
            " where id = ?",
            (*values, time.time_ns(), board.id),
        )
        if presence.state == "online":
            self._db.execute(
                "update board set head_seq = ?, head_hash = ? where id = ?",
                (presence.head_seq, presence.head_hash, board.id),
            )

    def refused(self, board: Board, times: int, why: str) -> None:
        """Note that something of a board was refused."""
        text = why[:200].encode(errors="replace").decode()
        self._db.execute("update board set refused = refused + ?, why = ? where id = ?", (times, text, board.id))

    def book(self, board: Board, epoch: str) -> Book:
        """That epoch's book, begun if it is new. Raises StrangerError."""
        key = (board.id, epoch)
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = self._read(board, epoch)
            self._trim()
        self._books.move_to_end(key)
        return book

    def _trim(self) -> None:
        for key in list(self._books)[: max(0, len(self._books) - BOOKS_MAX)]:
            if not self._books[key].dirty:
                del self._books[key]

    def _read(self, board: Board, epoch: str) -> Book:
        columns = "id, doubles, chain_upto, chain_hash, chain_holes, broken_at"
        found = self._db.execute(
            f"select {columns} from epoch where board = ? and epoch = ?", (board.id, epoch)
        ).fetchone()
        if found is None:
            found = self._begin(board, epoch)
        book = Book(found[0], board, epoch, *found[1:])
        for lane in LANES:
            self._read_lane(book, lane)
        for seq, lane, held in self._db.execute("select seq, lane, held from conflict where epoch = ?", (book.id,)):
            book.conflicts[seq] = (lane, held)
        return book

    def _begin(self, board: Board, epoch: str) -> tuple[int, int, int, bytes, int, int]:
        if self._db.execute("select count(*) from epoch where board = ?", (board.id,)).fetchone()[0] >= EPOCHS_MAX:
            raise StrangerError(f"{board.site}/{board.board}: more than {EPOCHS_MAX} epochs")
        before = first_hash(epoch)
        (id_,) = self._db.execute(
            "insert into epoch (board, epoch, first_ns, chain_hash) values (?, ?, ?, ?) returning id",
            (board.id, epoch, time.time_ns(), before),
        ).fetchone()
        self._db.executemany(
            "insert into lane (epoch, lane, hash) values (?, ?, ?)", [(id_, lane, before) for lane in LANES]
        )
        return id_, 0, 0, before, 0, 0

    def _read_lane(self, book: Book, lane: str) -> None:
        """The mark as it was saved, and what is stored or given up beyond it."""
        upto, hash_, book.rows[lane] = self._db.execute(
            "select upto, hash, rows from lane where epoch = ? and lane = ?", (book.id, lane)
        ).fetchone()
        book.lanes[lane] = marks = LaneBook(upto, hash_)
        for first, last in self._db.execute(
            "select first, last from given_up where epoch = ? and lane = ? and last > ?", (book.id, lane, upto)
        ):
            marks.give_up(first, last)
        for seq, prev, row_hash in self._db.execute(
            "select seq, lane_prev, hash from row where epoch = ? and lane = ? and seq > ? order by seq",
            (book.id, lane, upto),
        ):
            marks.add(seq, prev, row_hash)

    def dirty_books(self) -> Iterator[Book]:
        """Books to settle before the commit."""
        return (book for book in list(self._books.values()) if book.dirty)

    def save(self, book: Book) -> None:
        """Write down what is proven of an epoch."""
        chain = (book.chain_upto, book.chain_hash, book.chain_holes, book.broken_at)
        self._db.execute(
            "update epoch set rows = ?, doubles = ?, chain_upto = ?, chain_hash = ?, chain_holes = ?, broken_at = ?"
            " where id = ?",
            (sum(book.rows.values()), book.doubles, *chain, book.id),
        )
        for lane, marks in book.lanes.items():
            self._db.execute(
                "update lane set upto = ?, hash = ?, rows = ? where epoch = ? and lane = ?",
                (marks.upto, marks.hash, book.rows[lane], book.id, lane),
            )
        book.dirty = False

    # --- answers ---

    def ack(self, book: Book) -> Ack:
        """What the board may count as delivered. Only after a commit."""
        lanes = {lane: self._lane_ack(book, lane) for lane in LANES}
        conflicts = [(seq, held.hex()) for seq, (_, held) in sorted(book.conflicts.items())[:CONFLICTS_IN_ACK]]
        return Ack(book.epoch, lanes, time.time_ns(), conflicts)

    def _lane_ack(self, book: Book, lane: str) -> LaneAck:
        marks = book.lanes[lane]
        cuts = sorted(seq for seq, (of, _) in book.conflicts.items() if of == lane)
        if not cuts:
            return LaneAck(marks.upto, marks.hash.hex(), marks.beyond()[:RANGES_IN_ACK])
        return self._around(book, lane, cuts, [(1, marks.upto), *marks.beyond()])

    def _around(self, book: Book, lane: str, cuts: list[int], spans: list[tuple[int, int]]) -> LaneAck:
        """The lane's rows without those another row was sent for; ends are rows of the lane."""
        pieces: list[tuple[int, int]] = []
        for first, last in spans:
            inside = [cut for cut in cuts if first <= cut <= last]
            starts = [first, *(cut + 1 for cut in inside)]
            ends = [*(self._row_before(book, lane, cut)[0] for cut in inside), last]
            pieces.extend(zip(starts, ends, strict=True))
        upto, hash_ = self._row_before(book, lane, min(pieces[0][1], book.lanes[lane].upto) + 1)
        ranges = [(first, last) for first, last in pieces[1:] if first <= last][:RANGES_IN_ACK]
        return LaneAck(upto, hash_.hex(), ranges)

    def _row_before(self, book: Book, lane: str, seq: int) -> tuple[int, bytes]:
        found = self._db.execute(
            "select seq, hash from row where epoch = ? and lane = ? and seq < ? order by seq desc limit 1",
            (book.id, lane, seq),
        ).fetchone()
        return (found[0], found[1]) if found else (0, first_hash(book.epoch))
