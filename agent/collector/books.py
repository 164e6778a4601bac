"""Which boards there are, and for each of their epochs what has been proven: read, changed, written back.

Rules of this file:
- nothing but a board's number in the store is remembered from one transaction to the next: other collectors write too;
- books are read under the board's lock, so a mark only grows and no answer goes back behind an earlier one;
- what a board, or somebody posing as many boards, may fill the store with is bounded: boards_max, EPOCHS_MAX a board.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from agent.collector.store import Store, marks, parts
from agent.core.chain import first_hash
from agent.core.continuity import LaneBook, Stretch
from agent.core.wire import LANES, Ack, LaneAck, Presence

EPOCHS_MAX = 1000
KNOWN_MAX = 200_000
RANGES_IN_ACK = 100
CONFLICTS_IN_ACK = 20
NOTHING_BEYOND = "[]"  # the mark of nearly every lane has nothing behind a hole: that need not be parsed

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")


class StrangerError(Exception):
    """A board or epoch that is not let in; the text says why."""


@dataclass(frozen=True)
class Board:
    """A board that has been seen: its row in the store, and its two names."""

    id: int
    site: str
    board: str

    def __str__(self) -> str:
        return f"{self.site}/{self.board}"


LaneValues = tuple[int, bytes, int, str]  # upto, hash, rows, beyond


@dataclass(eq=False)
class Book:
    """One epoch of one board. `rows` counts by lane; conflicts: seq -> (lane, hash held); saved: lanes as they stand in
    the store."""

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
    saved: dict[str, LaneValues] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """No row beyond this number is stored."""
        return max(lane.furthest for lane in self.lanes.values())


Wanted = tuple[Board, str]  # and the epoch


def check_names(site: str, board: str) -> None:
    """Raises StrangerError if these cannot be a site's and a board's."""
    if not _ID.match(site) or not _ID.match(board):
        raise StrangerError(f"{site[:60]!r}/{board[:60]!r} are no names of a site and a board")


class Boards:
    """Boards and books of a store, within its open transaction. forget() after a rollback."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._boards: dict[tuple[str, str], Board] = {}

    def forget(self) -> None:
        """The store has gone back to what was last committed."""
        self._boards.clear()

    def board(self, site: str, board: str) -> Board:
        """That board, written down if it is new. Raises StrangerError."""
        check_names(site, board)
        known = self.known(site, board)
        if known is None:
            if self._store.execute("select count(*) from board")[0][0] >= self._store.boards_max:
                raise StrangerError(f"more than {self._store.boards_max} boards")
            new = "insert into board (site, board) values (?, ?) on conflict (site, board) do nothing"
            self._store.execute(new, (site, board))
            known = self.known(site, board)
        assert known is not None
        return known

    def known(self, site: str, board: str) -> Board | None:
        """That board if anything of it was ever stored."""
        board_ = self._boards.get((site, board))
        if board_ is None:
            found = self._store.execute("select id from board where site = ? and board = ?", (site, board))
            if not found:
                return None
            if len(self._boards) >= KNOWN_MAX:
                self._boards.clear()
            board_ = self._boards[site, board] = Board(found[0][0], site, board)
        return board_

    def present(self, board: Board, presence: Presence) -> None:
        """Write down a birth or a will. A will (offline) leaves the head of the birth before it."""
        values = (presence.state, presence.epoch, presence.clock, presence.version, presence.boot, presence.at_ns)
        self._store.execute(
            "update board set state = ?, epoch = ?, clock = ?, version = ?, boot = ?, at_ns = ?, seen_ns = ?"
            " where id = ?",
            (*values, self._store.now_ns(), board.id),
        )
        if presence.state == "online":
            self._store.execute(
                "update board set head_seq = ?, head_hash = ? where id = ?",
                (presence.head_seq, presence.head_hash, board.id),
            )

    def refused(self, board: Board, times: int, why: str) -> None:
        """Note that something of a board was refused."""
        text = why[:200].replace("\0", "?").encode(errors="replace").decode()
        self._store.execute("update board set refused = refused + ?, why = ? where id = ?", (times, text, board.id))

    # --- books ---

    def books(self, wanted: Collection[Wanted]) -> dict[Wanted, Book]:
        """These epochs' books, begun if they are new; without those of a board that has too many."""
        found = self._find(wanted)
        new = [want for want in wanted if want not in found and self._room(want[0])]
        if new:
            self._begin(new)
            found |= self._find(new)
        self._read_lanes({book.id: book for book in found.values()})
        return found

    def _find(self, wanted: Collection[Wanted]) -> dict[Wanted, Book]:
        books: dict[Wanted, Book] = {}
        by_key = {(board.id, epoch): (board, epoch) for board, epoch in wanted}
        for some in parts(list(by_key)):
            pairs = ", ".join(["(?, ?)"] * len(some))
            columns = "board, epoch, id, doubles, chain_upto, chain_hash, chain_holes, broken_at"
            ask = f"select {columns} from epoch where (board, epoch) in (values {pairs})"
            for board, epoch, id_, *rest in self._store.execute(ask, [value for key in some for value in key]):
                want = by_key[board, epoch]
                books[want] = Book(id_, *want, *rest)
        return books

    def _room(self, board: Board) -> bool:
        return bool(self._store.execute("select count(*) from epoch where board = ?", (board.id,))[0][0] < EPOCHS_MAX)

    def _begin(self, new: Collection[Wanted]) -> None:
        for board, epoch in new:
            before = first_hash(epoch)
            ((id_,),) = self._store.execute(
                "insert into epoch (board, epoch, first_ns, chain_hash) values (?, ?, ?, ?) returning id",
                (board.id, epoch, self._store.now_ns(), before),
            )
            lanes = [(id_, lane, before) for lane in LANES]
            self._store.many("insert into lane (epoch, lane, hash) values (?, ?, ?)", lanes)

    def _read_lanes(self, books: dict[int, Book]) -> None:
        """Marks as they were saved with what stands beyond them, what was given up there, and conflicts."""
        for some in parts(list(books)):
            of = f"epoch in ({marks(len(some))})"
            ask = f"select epoch, lane, upto, hash, rows, beyond from lane where {of}"
            for epoch, lane, upto, hash_, rows, beyond in self._store.execute(ask, some):
                books[epoch].rows[lane] = rows
                books[epoch].lanes[lane] = lane_book(upto, hash_, beyond)
                books[epoch].saved[lane] = (upto, hash_, rows, beyond)
            for epoch, lane, first, last in self._store.execute(
                "select g.epoch, g.lane, g.first, g.last from given_up g join lane on lane.epoch = g.epoch"
                f" and lane.lane = g.lane where g.{of} and g.last > lane.upto order by g.first",
                some,
            ):
                books[epoch].lanes[lane].give_up(first, last)
            for epoch, seq, lane, held in self._store.execute(
                f"select epoch, seq, lane, held from conflict where {of}", some
            ):
                books[epoch].conflicts[seq] = (lane, held)

    def save(self, books: Iterable[Book]) -> None:
        """Write down what is proven of these epochs."""
        all_ = list(books)
        self._store.many(
            "update epoch set rows = ?, doubles = ?, chain_upto = ?, chain_hash = ?, chain_holes = ?, broken_at = ?"
            " where id = ?",
            [
                (sum(b.rows.values()), b.doubles, b.chain_upto, b.chain_hash, b.chain_holes, b.broken_at, b.id)
                for b in all_
            ],
        )
        self._store.many(
            "update lane set upto = ?, hash = ?, rows = ?, beyond = ? where epoch = ? and lane = ?",
            [(*values, book.id, lane) for book in all_ for lane, values in _changed(book)],
        )

    # --- answers ---

    def ack(self, book: Book, at_ns: int) -> Ack:
        """What the board may count as delivered once this transaction is committed."""
        lanes = {lane: self._lane_ack(book, lane) for lane in LANES}
        conflicts = [(seq, held.hex()) for seq, (_, held) in sorted(book.conflicts.items())[:CONFLICTS_IN_ACK]]
        return Ack(book.epoch, lanes, at_ns, conflicts)

    def _lane_ack(self, book: Book, lane: str) -> LaneAck:
        marks_ = book.lanes[lane]
        cuts = sorted(seq for seq, (of, _) in book.conflicts.items() if of == lane) if book.conflicts else []
        if not cuts:
            return LaneAck(marks_.upto, marks_.hash.hex(), marks_.beyond()[:RANGES_IN_ACK])
        return self._around(book, lane, cuts, [(1, marks_.upto), *marks_.beyond()])

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
        found = self._store.execute(
            'select seq, hash from "row" where epoch = ? and lane = ? and seq < ? order by seq desc limit 1',
            (book.id, lane, seq),
        )
        return (found[0][0], found[0][1]) if found else (0, first_hash(book.epoch))


def _changed(book: Book) -> list[tuple[str, LaneValues]]:
    """Lanes that are not as they stand in the store: of a live row's two, one."""
    now = {name: (lane.upto, lane.hash, book.rows[name], saved_stretches(lane)) for name, lane in book.lanes.items()}
    return [(name, values) for name, values in now.items() if values != book.saved.get(name)]


def lane_book(upto: int, hash_: bytes, beyond: str) -> LaneBook:
    """A lane's book from its row in the store."""
    book = LaneBook(upto, hash_)
    if beyond != NOTHING_BEYOND:
        book.resume(Stretch(prev, first, last, bytes.fromhex(text)) for prev, first, last, text in json.loads(beyond))
    return book


def saved_stretches(lane: LaneBook) -> str:
    """The text of `beyond`."""
    stretches = lane.stretches()
    return json.dumps([[s.prev, s.first, s.last, s.hash.hex()] for s in stretches]) if stretches else NOTHING_BEYOND
