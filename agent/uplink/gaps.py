"""Rows that were given up, as their `gap` rows say: read by all who must not wait for them."""

from __future__ import annotations

import json
from typing import NamedTuple

from agent.core.chain import Row
from agent.core.ranges import Range
from agent.journal import Journal


class Given(NamedTuple):
    """What a `gap` row says: rows of `lane` in `span` (half open) are not sent."""

    lane: str
    span: Range
    rows: int
    bytes: int


class Gaps:
    """`gap` rows of this journal, each once, whoever wrote it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seen = 0

    def new(self) -> list[Given]:
        """Those that came since last asked."""
        found: list[Given] = []
        while rows := self._journal.read(self._seen, kinds=["gap"]):
            self._seen = rows[-1].seq
            found += map(_given, rows)
        return found


def _given(row: Row) -> Given:
    data = json.loads(row.data)
    return Given(str(data["of_lane"]), (int(data["from_seq"]), int(data["to_seq"]) + 1), data["rows"], data["bytes"])
