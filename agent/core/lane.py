"""One lane's books: how far it is delivered, what is on its way, what is left. Used by delivery.py.

Spans are half open [first, stop) in sequence numbers and mean: every row of *this lane* in there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.backoff import Backoff
from agent.core.ranges import Range, add_range, subtract

RETRY_S, RETRY_MOST_S = 5.0, 300.0
BATCH_ROWS = 400


@dataclass(eq=False, slots=True)
class Flight:
    """One message of rows on its way: handed over at `handed_s`, PUBACKed at `published_s`."""

    lane: str
    span: Range
    rows: int
    bytes: int
    live: bool
    handed_s: float
    published_s: float | None = None


@dataclass(eq=False, slots=True)
class Lane:
    """One lane's books."""

    cursor: int
    retry: Backoff
    patience_s: float = field(default_factory=lambda: RETRY_S)
    live_after: int = 0
    stored: list[Range] = field(default_factory=list)  # beyond the cursor, by the collector's word
    given_up: list[Range] = field(default_factory=list)
    empty: list[Range] = field(default_factory=list)  # no row of this lane in there
    flights: list[Flight] = field(default_factory=list)
    covered: list[Range] = field(default_factory=list)  # all of the above and [0, cursor]: what is left lies between
    most_rows: int = BATCH_ROWS

    def settle(self) -> None:
        """Move the cursor over what is stored, given up or empty right behind it; forget flights that arrived."""
        settled = union(self.stored, self.given_up, self.empty)
        while settled and settled[0][0] <= self.cursor + 1:
            self.cursor = max(self.cursor, settled.pop(0)[1] - 1)
        settled = add_range(settled, 0, self.cursor + 1)
        self.flights = [f for f in self.flights if subtract([f.span], settled)]
        self.covered = union(settled, [f.span for f in self.flights])

    def gap(self) -> tuple[int, int] | None:
        """(after, before): the first stretch up to live_after that is neither delivered nor on its way."""
        after = self.covered[0][1] - 1
        if after >= self.live_after:
            return None
        beyond = self.covered[1][0] if len(self.covered) > 1 else self.live_after + 1
        return after, min(beyond, self.live_after + 1)


def union(*lists: list[Range]) -> list[Range]:
    """All of the spans, joined."""
    merged: list[Range] = []
    for start, stop in sorted(r for ranges in lists for r in ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
