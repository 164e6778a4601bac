"""The uplink's own cursors on disk, each with a print of the row it stands on.

A cursor without proof would be believed by a restored copy of the journal, and rows written since then would never
be sent. So beside each mark stand 60 bits of that row's hash; a mark that does not fit the journal is not taken.
"""

from __future__ import annotations

from agent.core.wire import LANES
from agent.journal import Cursor, Journal, JournalError

_PRINT = "{}:print"


class Marks:
    """Cursors of both lanes in the uplink's cursor file. One thread."""

    def __init__(self, cursor: Cursor, journal: Journal) -> None:
        self._cursor = cursor
        self._journal = journal
        self._saved: dict[str, int] = {}
        self.foreign = False  # a mark was found that is not of this journal

    def load(self) -> dict[str, int]:
        """lane -> the mark, 0 where there is none or it does not fit the journal."""
        for lane in LANES:
            seq = self._cursor.get(self._journal.epoch, lane)
            fits = seq == 0 or self._cursor.get(self._journal.epoch, _PRINT.format(lane)) == self._print(seq)
            self.foreign = self.foreign or not fits
            self._saved[lane] = seq if fits else 0
        return dict(self._saved)

    def save(self, cursors: dict[str, int]) -> None:
        """Write down marks that moved. Raises JournalError if the disk is full: try again later."""
        for lane, seq in cursors.items():
            if seq == self._saved.get(lane):
                continue
            self._cursor.set(self._journal.epoch, _PRINT.format(lane), self._print(seq) if seq else 0)
            self._cursor.set(self._journal.epoch, lane, seq)
            self._saved[lane] = seq

    def proven(self) -> int:
        """The last row up to which the far end is known to hold what we hold, in both lanes."""
        return min(self._saved.values(), default=0)

    def _print(self, seq: int) -> int:
        """60 bits of the hash of row `seq`; -1, which no mark can have, if the journal has no such row."""
        try:
            return int.from_bytes(self._journal.hash_before(seq + 1)[:8], "big") >> 4
        except JournalError:
            return -1
