"""Rows by the time they tell: which of them may be of a stretch of wall time, without looking at all of them.

Rules of this file:
- a boot's rows lie together, in the order they were written; what was noted first and written later (a stuck disk) is
  at most `LATE_NS` late. So each boot is searched by monotonic time, which no clock step moves;
- the wall time of a boot is the clock as it stood in its last row; if that was not set, the anchor (`clock.set`);
- a fact that was carried stands where it was carried to, with the time it had: it is found by its kind, not by place.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agent.core.chain import Row
from agent.journal.journal import Journal
from agent.journal.projections import CARRYING, clock_anchors

LATE_NS = 15 * 60 * 1_000_000_000
_LOOK = 16
_ELSEWHERE = (*CARRYING, "journal.opened")  # rows that stand before others which are older


class Boot(NamedTuple):
    """Rows of one boot, its first and its last. ahead_ns: its wall time less its monotonic time."""

    name: str
    first_seq: int
    last_seq: int
    ahead_ns: int
    first: Row
    last: Row


class When:
    """The boots of a journal as they were when this was made."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._anchors = clock_anchors(journal)
        self.boots = list(self._found())

    def wall_ns(self, row: Row) -> int:
        """UTC of a row by its boot's wall time; as it says itself if its boot is gone."""
        for boot in reversed(self.boots):
            if boot.name == row.boot:
                return row.mono_ns + boot.ahead_ns
        return row.mono_ns + self._anchors[row.boot] if row.boot in self._anchors else row.at_ns

    def rows(
        self, from_ns: int, to_ns: int, *, kinds: Sequence[str] = (), source: str | None = None, after: int = 0,
        limit: int = 500,
    ) -> tuple[list[Row], int]:  # fmt: skip
        """Rows told within from / to, up to `limit`, oldest boot first; and the seq to go on after, 0 for the end."""
        found: list[Row] = []
        for boot in self.boots:
            low, high = self._between(boot, from_ns - boot.ahead_ns, to_ns - boot.ahead_ns)
            at = max(low - 1, after)
            while at < high:
                rows = self._journal.read(at, kinds=kinds, source=source, limit=limit)
                for row in rows:
                    if row.seq > high:
                        break
                    if row.boot == boot.name and from_ns <= row.mono_ns + boot.ahead_ns < to_ns:
                        if len(found) == limit:
                            return found, found[-1].seq
                        found.append(row)
                at = rows[-1].seq if len(rows) == limit else high
        return found, 0

    # --- the boots ---

    def _found(self) -> Iterator[Boot]:
        head, at = self._journal.head()[0], self._real(0)
        while at is not None:
            name = at.boot
            beyond = bisect_left(range(at.seq, head + 1), True, key=functools.partial(self._is_past, name))
            last_seq = at.seq + beyond - 1
            last = self._last_real(last_seq, at)
            own_ns = last.at_ns - last.mono_ns
            ahead_ns = self._anchors.get(name, own_ns) if last.clock == "unset" else own_ns
            yield Boot(name, at.seq, last_seq, ahead_ns, at, last)
            at = self._real(last_seq)

    def _is_past(self, name: str, seq: int) -> bool:
        row = self._real(seq - 1)
        return row is None or row.boot != name

    def _real(self, after: int) -> Row | None:
        """The first row past `after` that stands where it happened."""
        while rows := self._journal.read(after, limit=_LOOK):
            for row in rows:
                if row.kind not in _ELSEWHERE:
                    return row
            after = rows[-1].seq
        return None

    def _last_real(self, seq: int, other: Row) -> Row:
        row = self._journal.row(seq)
        while row is not None and row.kind in _ELSEWHERE:
            row = self._journal.row(row.seq - 1)
        return row or other

    def _between(self, boot: Boot, from_mono: int, to_mono: int) -> tuple[int, int]:
        """(first, last) number of the boot's rows that may lie within."""
        seqs = range(boot.first_seq, boot.last_seq + 1)

        def mono(seq: int) -> int:
            row = self._real(seq - 1)
            return row.mono_ns if row is not None and row.boot == boot.name else 2**63

        low = bisect_left(seqs, from_mono - LATE_NS, key=mono)
        high = bisect_left(seqs, to_mono + LATE_NS, key=mono)
        return boot.first_seq + low, boot.first_seq + high - 1
