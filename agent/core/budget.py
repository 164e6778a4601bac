"""Which rows and clips are not sent when more waits than the board keeps for sending.

Rules of this file:
- lowest class first, oldest first; what people asked and signed last; a `gap` row never;
- rows are given up in stretches of a lane, each told by one `gap` row, so a stretch too short to be worth one waits
  until its neighbours may go as well;
- giving up means: skipped by the uplink. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

ROW_BYTES = 200  # of a row besides its data
SPARE = 10  # a tenth below the budget: or each new row would give up another
RUN_LEAST = 32  # rows that are worth a `gap` row
SPANS_MOST = 50  # at once; the rest with the next look
CLASSES = ("status", "trouble", "supervisory", "alarm")
PEOPLE = len(CLASSES)  # rank of what people asked and signed
NEVER = PEOPLE + 1
_PEOPLE_KINDS = ("hold.", "approval.", "statement.", "command.")


class Waiting(NamedTuple):
    """A row that waits to be sent. bytes: of its data."""

    seq: int
    lane_prev: int
    kind: str
    signal: str
    bytes: int


class Span(NamedTuple):
    """Rows given up: first and last number both in; `first` comes right behind the lane's last row before them."""

    first: int
    last: int
    rows: int
    bytes: int


def cost(rows: int, data_bytes: int) -> int:
    """Bytes of so many rows with so much data."""
    return rows * ROW_BYTES + data_bytes


def excess(bytes_waiting: int, budget_bytes: int) -> int:
    """How much is to be given up; 0 while the budget holds."""
    return bytes_waiting - budget_bytes * (SPARE - 1) // SPARE if bytes_waiting > budget_bytes else 0


def rank(row: Waiting) -> int:
    """The higher, the later it goes."""
    if row.kind == "gap":
        return NEVER
    if row.kind.startswith(_PEOPLE_KINDS):
        return PEOPLE
    return CLASSES.index(row.signal) if row.signal in CLASSES else PEOPLE


def to_give_up(rows: Callable[[], Iterable[Waiting]], bytes_over: int) -> list[Span]:
    """Stretches that free `bytes_over`, as far as there are any. rows() walks one lane's waiting rows, oldest first.

    rows() is walked once for each class that has to go.
    """
    spans: list[Span] = []
    for most in range(PEOPLE + 1):
        spans = _spans(rows(), most, bytes_over, RUN_LEAST if most < PEOPLE else 1)
        if sum(span.bytes for span in spans) >= bytes_over or len(spans) == SPANS_MOST:
            break
    return spans


def _spans(rows: Iterable[Waiting], most: int, bytes_over: int, least_rows: int) -> list[Span]:
    """Unbroken stretches of rows up to rank `most`, until they free enough."""
    pick = _Pick(bytes_over, least_rows)
    for row in rows:
        if rank(row) > most:
            pick.end()
        else:
            pick.add(row)
        if pick.enough:
            break
    pick.end()
    return pick.spans


class _Pick:
    """Gathers stretches; one ends early when it frees what is left to be freed."""

    def __init__(self, bytes_over: int, least_rows: int) -> None:
        self.spans: list[Span] = []
        self._left = bytes_over
        self._least_rows = least_rows
        self._run: Span | None = None

    @property
    def enough(self) -> bool:
        return self._left <= 0 or len(self.spans) >= SPANS_MOST

    def add(self, row: Waiting) -> None:
        size = cost(1, row.bytes)
        run = self._run
        if run is None:
            run = Span(row.lane_prev + 1, row.seq, 1, size)
        else:
            run = Span(run.first, row.seq, run.rows + 1, run.bytes + size)
        self._run = run
        if run.bytes >= self._left and run.rows >= RUN_LEAST:
            self.end()

    def end(self) -> None:
        run, self._run = self._run, None
        if run is not None and run.rows >= self._least_rows and not self.enough:
            self.spans.append(run)
            self._left -= run.bytes


class Clip(NamedTuple):
    """A clip that waits to be sent. seq: of its row."""

    seq: int
    bytes: int
    held: bool
    signal: str


def clips_to_give_up(clips: Iterable[Clip], budget_bytes: int) -> list[Clip]:
    """Clips beyond the budget: lowest class first, oldest first, those on hold last."""
    waiting = list(clips)
    over = excess(sum(clip.bytes for clip in waiting), budget_bytes)
    gone = []
    for clip in sorted(waiting, key=lambda c: (c.held, _class(c.signal), c.seq)):
        if over <= 0:
            break
        gone.append(clip)
        over -= clip.bytes
    return gone


def _class(signal: str) -> int:
    return CLASSES.index(signal) if signal in CLASSES else len(CLASSES)
