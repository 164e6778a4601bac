"""When rows happened, as far as anybody can tell: reckoned as for footage (core/retention.py)."""

from __future__ import annotations

from agent.core.chain import Row, Stamp
from agent.core.retention import Run, judged
from agent.journal import Journal
from agent.journal.projections import CARRYING, clock_anchors
from agent.journal.when import When


class Dating:
    """The times of a journal's rows as they are known now."""

    def __init__(self, journal: Journal, now: Stamp) -> None:
        boots = When(journal).boots
        self._anchors = clock_anchors(journal)
        runs = []
        for boot in boots:
            first, last = boot.first, boot.last
            told = last.clock == "unset" and boot.name in self._anchors
            clock = "rtc" if told else last.clock
            at_ns = last.mono_ns + boot.ahead_ns
            runs.append(Run(boot.name, first.seq, first.mono_ns, last.mono_ns, at_ns, clock))
        self._known = judged(runs, now)

    def at_ns(self, row: Row) -> int | None:
        """UTC of a row, at the latest; None if nobody can tell. Of a boot that is gone, as its clock or anchor said."""
        known = self._known.get(row.boot)
        if known is not None:
            return known.time_ns(row.mono_ns)
        if row.boot in self._anchors:
            return row.mono_ns + self._anchors[row.boot]
        return None if row.clock == "unset" else row.at_ns

    @staticmethod
    def moved(row: Row) -> bool:
        """Whether the row stands where it was carried to."""
        return row.kind in CARRYING
