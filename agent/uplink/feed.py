"""Rows out of the journal, ready for the wire: one event, or a batch of backlog up to so many bytes, compressed
when it is sooner there that way."""

from __future__ import annotations

import time
import zlib
from collections import deque
from typing import NamedTuple

from agent.core.chain import Row
from agent.core.delivery import LIVE_MOST, Want
from agent.core.ranges import Range
from agent.core.squeeze import Squeeze
from agent.core.wire import BATCH_BYTES, batch, row_event
from agent.journal import Journal
from agent.journal.projections import clock_anchors, corrected_ns

AHEAD_ROWS = 300
ZIP_LEVEL = 6
ZIP_LEAST = 512  # bytes that are worth it
SPARE = 0.8  # of the room, as no two batches shrink alike


class Parcel(NamedTuple):
    """A payload and the rows in it. span: half open, from behind the lane's row before the first to the last."""

    payload: bytes
    span: Range
    rows: int
    encoding: str = ""  # "gzip" if the payload is compressed


class Feed:
    """Reads ahead in each lane, so that a drain asks SQLite once for several batches. One thread."""

    def __init__(self, journal: Journal, site: str, board: str, squeeze: Squeeze | None = None) -> None:
        self._squeeze = squeeze or Squeeze()
        self._anchored = 0
        self._anchors: dict[str, int] = {}
        self._journal = journal
        self._site = site
        self._board = board
        self._ahead: dict[str, tuple[int, deque[tuple[Row, bytes]]]] = {}

    def follow(self) -> None:
        """The journal may have learnt what time it was."""
        row = self._journal.last("clock.set", "carried")
        if row is not None and row.seq != self._anchored:
            self._anchored, self._anchors = row.seq, clock_anchors(self._journal)

    def backlog(self, want: Want, rate_bytes_s: float = 0.0) -> Parcel | None:
        """The next batch for `want`; at least one row, however large. None if no row is there."""
        if not self._squeeze.pays(rate_bytes_s):
            return self._batch(want, want.bytes)
        most = min(BATCH_BYTES, int(SPARE * want.bytes / max(0.02, self._squeeze.ratio)))
        while (plain := self._batch(want, most)) is not None and len(plain.payload) >= ZIP_LEAST:
            packed = self._packed(plain)
            if len(packed.payload) <= want.bytes or packed.rows == 1:
                return packed
            self._ahead.pop(want.lane)  # these rows shrink less than those before: fewer of them
            most = min(len(plain.payload) // 2, int(SPARE * most * want.bytes / len(packed.payload)))
        return plain

    def _packed(self, plain: Parcel) -> Parcel:
        start_s = time.perf_counter()
        packer = zlib.compressobj(ZIP_LEVEL, wbits=31)
        payload = packer.compress(plain.payload) + packer.flush()
        self._squeeze.learned(len(plain.payload), len(payload), time.perf_counter() - start_s)
        return plain._replace(payload=payload, encoding="gzip")

    def _batch(self, want: Want, most_bytes: int) -> Parcel | None:
        rows = self._rows(want)
        taken: list[Row] = []
        texts: list[str] = []
        size = 2
        while rows and rows[0][0].seq < want.before and len(texts) < want.rows:
            text = self._event(*rows[0], live=False)
            size += 1 + (len(text) if text.isascii() else len(text.encode()))
            if texts and size > most_bytes:
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
        at_ns = corrected_ns(row, self._anchors) if row.boot in self._anchors else None
        return row_event(self._site, self._board, self._journal.epoch, row, before, live=live, at_ns=at_ns)
