"""Clips and pictures that wait to be sent, oldest first, as the journal says: ready, neither delivered nor given up."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from agent.core.backoff import Backoff
from agent.core.budget import Clip
from agent.core.chain import Row
from agent.core.events import ClipDelivered, ClipGivenUp, Event, SnapshotDelivered, SnapshotGivenUp
from agent.core.hours import wanted
from agent.journal import Journal

FAILED_S, FAILED_MOST_S = 600.0, 86400.0
REQUESTS_MOST = 5000
Key = tuple[str, str]


class Sort(NamedTuple):
    """What is said of a file that was delivered, or given up. name: of its id in the rows."""

    name: str
    delivered: Callable[..., Event]
    given_up: Callable[..., Event]


SORTS = {
    "clip.ready": Sort("clip", ClipDelivered, ClipGivenUp),
    "snapshot.ready": Sort("snapshot", SnapshotDelivered, SnapshotGivenUp),
}
ENDS = tuple(f"{sort.name}.{end}" for sort in SORTS.values() for end in ("delivered", "given_up"))
ASKED = ("clip.requested", "snapshot.requested")
KINDS = (*ASKED, *SORTS, *ENDS)


def id_of(row: Row) -> str:
    """Of the clip or picture that the row is about."""
    values = row.values()
    return str(values.get("clip") or values.get("snapshot"))


def delivered(row: Row, file: str, sha256: str) -> Event:
    """The file of this `ready` row has arrived."""
    sort = SORTS[row.kind]
    return sort.delivered(source=row.source, file=file, sha256=sha256, **{sort.name: id_of(row)})


def given_up(row: Row, bytes_: int, reason: str) -> Event:
    """The file of this `ready` row will not be sent."""
    sort = SORTS[row.kind]
    return sort.given_up(source=row.source, bytes=bytes_, reason=reason, **{sort.name: id_of(row)})


class Pending:
    """Kept up to date from the journal by look(). One thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seen = 0
        self._clips: dict[Key, Row] = {}
        self._asked: OrderedDict[str, Row] = OrderedDict()  # requests of late, by the clip's id
        self._why: dict[Key, tuple[str, bool]] = {}  # (cause, held) of those that wait
        self._not_before_s: dict[Key, float] = {}
        self._waits: dict[Key, Backoff] = {}

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def bytes(self) -> int:
        """Of all that wait."""
        return sum(_size(row) for row in self._clips.values())

    def look(self) -> None:
        """Take in new rows."""
        while rows := self._journal.read(self._seen, kinds=KINDS):
            for row in rows:
                self._take(row, id_of(row))
            self._seen = rows[-1].seq

    def _take(self, row: Row, clip: str) -> None:
        key = (row.source, clip)
        if row.kind in ASKED:
            self._asked[clip] = row
            if len(self._asked) > REQUESTS_MOST:
                self._asked.popitem(last=False)
        elif row.kind in SORTS:
            asked = self._asked[clip].values() if clip in self._asked else {}
            self._clips[key] = row
            self._why[key] = (str(asked.get("cause", "")), bool(asked.get("hold")))
        else:
            for known in (self._clips, self._why, self._not_before_s, self._waits):
                known.pop(key, None)

    def next(self, now_s: float, files: str = "all") -> Row | None:
        """The oldest that need not wait and may go now. files: all / requested / none."""
        for key, row in self._clips.items():
            if self._not_before_s.get(key, 0) <= now_s and self.may_go(row, files):
                return row
        return None

    def may_go(self, row: Row, files: str) -> bool:
        """In these hours."""
        return wanted(files, self._why[(row.source, id_of(row))][0])

    def waiting(self) -> list[Clip]:
        """All of them, for judging which are too many."""
        return [Clip(row.seq, _size(row), self._why[key][1], row.signal) for key, row in self._clips.items()]

    def row(self, seq: int) -> Row:
        """The waiting `ready` row of that number."""
        return next(row for row in self._clips.values() if row.seq == seq)

    def postpone(self, row: Row, now_s: float) -> None:
        """It failed: the others first, this one again after a growing wait."""
        key = (row.source, id_of(row))
        wait = self._waits.setdefault(key, Backoff(FAILED_S, FAILED_MOST_S, _upper))
        self._not_before_s[key] = now_s + wait.next()


def _size(row: Row) -> int:
    return int(str(row.values()["bytes"]))


def _upper() -> float:
    """Chance for a back-off whose waits are never near zero."""
    return 0.5 + random.random() / 2
