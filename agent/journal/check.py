"""Walk the chain: every hash recomputed, every lane followed, the first bad row named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.core.chain import Row, canonical_data, canonical_row, first_hash, next_hash
from agent.journal.errors import JournalError
from agent.journal.journal import Journal

_PAGE = 2000


@dataclass(frozen=True)
class ChainReport:
    """What a walk found. bad_seq is the first row that does not follow from the one before; reason says how."""

    epoch: str
    rows: int
    first_seq: int
    head_seq: int
    bad_seq: int | None = None
    reason: str = ""


def check_chain(journal: Journal, progress: Callable[[int, int], None] | None = None) -> ChainReport:
    """Walk from the oldest row to the newest; `progress(rows done, rows in all)` after each page."""
    head_seq = journal.head()[0]
    first = journal.read(_under_way(journal), limit=1)
    if not first:
        return ChainReport(journal.epoch, 0, 0, 0, None, "")
    first_seq = first[0].seq
    walk = Walk(first_seq, *_start(journal, first[0]))
    done = 0
    while rows := journal.read(first_seq - 1 + done, limit=_PAGE):
        for row in rows:
            reason = walk.step(row)
            if reason:
                return ChainReport(journal.epoch, done, first_seq, head_seq, row.seq, reason)
            done += 1
        if progress is not None:
            progress(done, max(done, head_seq - first_seq + 1))
    return ChainReport(journal.epoch, done, first_seq, first_seq - 1 + done)


def _under_way(journal: Journal) -> int:
    """Up to where rows stand only because their deletion was cut short: the first of them follows from nothing.

    0 while the very first row is still there: then all of them can be walked.
    """
    checkpoint, first = journal.last("journal.checkpoint"), journal.read(limit=1)
    if checkpoint is None or (first and first[0].seq == 1):
        return 0
    return int(str(checkpoint.values()["upto"]))


def _start(journal: Journal, first: Row) -> tuple[bytes, bool]:
    """(hash before the first row, whether the journal begins at its very first row)."""
    if first.seq == 1:
        return first_hash(journal.epoch), True
    try:
        return journal.hash_before(first.seq), False
    except JournalError:
        return b"", False


class Walk:
    """Goes along rows; `hash` is that of the last one that followed. whole: the first is the epoch's very first."""

    def __init__(self, seq: int, hash_: bytes, whole: bool) -> None:
        self.seq = seq
        self.hash = hash_
        self.lanes: dict[str, int] = {"alarm": 0, "status": 0} if whole else {}

    def step(self, row: Row) -> str:
        """Why this row does not follow, or nothing."""
        if row.seq != self.seq:
            return f"row {self.seq} is missing"
        if not self.hash:
            return "no checkpoint row vouches for what stood before it"
        lane_prev = self.lanes.get(row.lane, row.lane_prev)
        if row.lane_prev != lane_prev:
            return f"says the lane's previous row is {row.lane_prev}, it is {lane_prev}"
        if canonical_data(row.values()) != row.data:
            return "its data is not canonical JSON"
        if next_hash(self.hash, canonical_row(row)) != row.hash:
            return "its hash does not follow from the row before: it, or a row before it, was changed"
        self.seq, self.hash = row.seq + 1, row.hash
        self.lanes[row.lane] = row.seq
        return ""
