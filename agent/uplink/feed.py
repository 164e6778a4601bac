"""Rows out of the journal, ready for the wire: one event, or a batch of backlog up to so many bytes."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from agent.core.chain import Row
from agent.core.delivery import LIVE_MOST, Want
from agent.core.ranges import Range
from agent.core.wire import batch, row_event
from agent.journal import Journal

AHEAD_ROWS = 300


class Parcel(NamedTuple):
    """A payload and the rows in it. span: half open, from behind the lane's row before the first to the last."""

    payload: bytes
    span: Range
    rows: int


class Feed:
    """Reads ahead in each lane, so that a drain asks SQLite once for several batches. One thread."""

    def __init__(self, journal: Journal, site: str, board: str) -> None:
        self._journal = journal
        self._site = site
        self._board = board
        self._ahead: dict[str, tuple[int, deque[tuple[Row, bytes]]]] = {}

    def backlog(self, want: Want) -> Parcel | None:
        """The next batch for `want`; at least one row, however large. None if no row is there."""
        rows = self._rows(want)
        taken: list[Row] = []
        texts: list[str] = []
        size = 2
        while rows and rows[0][0].seq < want.before and len(texts) < want.rows:
            text = self._event(*rows[0], live=False)
            size += 1 + (len(text) if text.isascii() else len(text.encode()))
            if texts and size > want.bytes:
                break
            taken.append(rows.popleft()[0])
            texts.append(text)
        if not taken:
            return None
        self._ahead[want.lane] = (taken[-1].seq, rows)
        return Parcel(batch(texts), (taken[0].lane_prev + 1, taken[-1].seq + 1), len(texts))

    def live(self, want: Want) -> list[Parcel] | None:
        """New rows, each by itself, at most want.rows; [] if there are none, None if there are more than LIVE_MOST."""
        found = self._journal.read_chained(want.after, want.lane, LIVE_MOST + 1)
        if len(found) > LIVE_MOST:
            return None
        return [
            Parcel(self._event(row, before, live=True).encode(), (row.lane_prev + 1, row.seq + 1), 1)
            for row, before in found[: want.rows]
            if row.seq < want.before
        ]

    def forget(self) -> None:
        """Throw away what was read ahead (the session is over)."""
        self._ahead.clear()

    def _rows(self, want: Want) -> deque[tuple[Row, bytes]]:
        after, rows = self._ahead.get(want.lane, (-1, deque()))
        if after != want.after or not rows:
            rows = deque(self._journal.read_chained(want.after, want.lane, AHEAD_ROWS))
            self._ahead[want.lane] = (want.after, rows)
        return rows

    def _event(self, row: Row, before: bytes, *, live: bool) -> str:
        return row_event(self._site, self._board, self._journal.epoch, row, before, live=live)
