"""What there is of a camera in a stretch of time: segments, fragments, gaps, motion, events, holds. A page at a time.

Rules of this file:
- times asked for and told are UTC: of a boot whose clock was not set, by the journal's anchor (`clock.set`) where
  there is one;
- every answer is bounded: up to `limit` of a kind, and where to go on (`Page.next`, None at the end);
- nothing here opens the pictures themselves: whoever looks at them goes through viewing.py.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Generic, NamedTuple, TypeVar

from agent.core.chain import Row
from agent.core.events import KINDS
from agent.footage.index import LONGEST_NS, Gap, MediaIndex, Segment
from agent.footage.reading import read_segment
from agent.journal import Journal
from agent.journal.holds import Hold, holds
from agent.journal.projections import clock_anchors
from agent.journal.when import When

LIMIT_MAX = 1000
BELIEVABLE_NS = 1_767_225_600 * 1_000_000_000  # a clock before 2026 was never set
MOTION = "motion."

T = TypeVar("T")


class Between(NamedTuple):
    """A stretch of time, UTC ns; its end is not part of it."""

    from_ns: int
    to_ns: int

    def meets(self, start_ns: int, end_ns: int) -> bool:
        """Whether something from start to end lies in it, if only in part."""
        return end_ns > self.from_ns and start_ns < self.to_ns


class Mark(NamedTuple):
    """Where a page ended: UTC of the last one's start, and its number."""

    at_ns: int
    seq: int


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of what there is, in order of time. next: where the following page begins, None if this is the last."""

    items: list[T]
    next: Mark | None = None


class Fragment(NamedTuple):
    """Up to a second of a segment: when (UTC), whether decoding can start there, and how big it is."""

    from_ns: int
    to_ns: int
    key: bool
    bytes: int


@dataclass(frozen=True)
class Overview:
    """All that is known of a camera in a stretch of time; `more` names what there is more of than is shown."""

    camera: str
    between: Between
    segments: list[Segment]
    gaps: list[Gap]
    motion: list[Row]
    events: list[Row]
    holds: list[Hold]
    more: tuple[str, ...] = ()


_COLUMNS = ", ".join(Segment._fields)
_OF = f"select {_COLUMNS} from footage where camera_id = (select id from camera where name = :camera)"
_BY_UTC = f"""{_OF} and state <> 'deleting' and start_at_ns >= :least and start_at_ns < :to
  and coalesce(end_at_ns, :to) > :from and (clock <> 'unset' or boot not in (select value from json_each(:anchored)))
  and (start_at_ns, seq) > (:at, :seq) order by start_at_ns, seq limit :limit"""
_BY_ANCHOR = f"""{_OF} and state <> 'deleting' and clock = 'unset'
  and boot_id = (select id from boot where name = :boot) and start_mono_ns >= :least and start_mono_ns < :to
  and coalesce(end_mono_ns, :to) > :from and (start_mono_ns, seq) > (:at, :seq)
  order by start_mono_ns, seq limit :limit"""
_GAPS = f"""select id, {", ".join(Gap._fields)} from gap where camera = :camera and id > :seq
  and ((to_at_ns > :from and from_at_ns < :to) or from_at_ns < {BELIEVABLE_NS}) order by id limit :limit"""


class Footage:
    """The index and, where there is one, the journal, asked together. Belongs to one thread, as they do."""

    def __init__(self, index: MediaIndex, journal: Journal | None = None) -> None:
        self._index = index
        self._journal = journal
        self.anchors: Mapping[str, int] = clock_anchors(journal) if journal is not None else {}
        self._when: When | None = None

    def cameras(self) -> list[str]:
        """Every camera that ever recorded here, by name."""
        with self._index.reading() as db:
            return [str(row[0]) for row in db.execute("select name from camera order by name")]

    # --- footage ---

    def segments(self, camera: str, between: Between, *, after: Mark | None = None, limit: int = 200) -> Page[Segment]:
        """Segments that hold footage of that time, times corrected."""
        limit = max(1, min(limit, LIMIT_MAX))
        with self._index.reading() as db:
            parts = list(self._parts(db, camera, between, after, limit))
        found = list(heapq.merge(*parts, key=lambda one: (one.start_at_ns, one.seq)))[: limit + 1]
        more = len(found) > limit
        return Page(found[:limit], Mark(found[limit - 1].start_at_ns, found[limit - 1].seq) if more else None)

    def _parts(
        self, db: Connection, camera: str, between: Between, after: Mark | None, limit: int
    ) -> Iterator[list[Segment]]:
        """By UTC, and of each boot that has an anchor by what that makes of it; each in order of time."""
        asked = self._asked(camera, between, after, limit)
        boots = {name for (name,) in db.execute("select name from boot")} & self.anchors.keys()
        yield _read(db, _BY_UTC, {**asked, "anchored": json.dumps(sorted(boots))})
        for boot in sorted(boots):
            ahead_ns = self.anchors[boot]
            moved = Between(between.from_ns - ahead_ns, between.to_ns - ahead_ns)
            mark = None if after is None else Mark(after.at_ns - ahead_ns, after.seq)
            if moved.to_ns > 0:
                rows = _read(db, _BY_ANCHOR, {**self._asked(camera, moved, mark, limit), "boot": boot})
                yield [corrected(one, self.anchors) for one in rows]

    @staticmethod
    def _asked(camera: str, between: Between, after: Mark | None, limit: int) -> dict[str, Any]:
        at = after or Mark(-(2**63), 0)
        asked = {"camera": camera, "from": between.from_ns, "to": between.to_ns, "at": at.at_ns, "seq": at.seq}
        return {**asked, "least": max(at.at_ns, between.from_ns - LONGEST_NS), "limit": limit + 1}

    def every_segment(self, camera: str, between: Between) -> Iterator[Segment]:
        """All of them, a page at a time: the index is not locked between two pages."""
        mark: Mark | None = None
        while True:
            page = self.segments(camera, between, after=mark, limit=LIMIT_MAX)
            yield from page.items
            mark = page.next
            if mark is None:
                return

    def fragments(self, footage: Path, segment: Segment) -> list[Fragment]:
        """The fragments of a segment, as its file says. FootageError if it cannot be read."""
        found = read_segment(footage / segment.path).pieces
        ahead = self.anchors.get(segment.boot) if segment.clock == "unset" else None
        told = [(one, one.start.at_ns if ahead is None else one.start.mono_ns + ahead) for one in found]
        return [Fragment(at, at + one.end.mono_ns - one.start.mono_ns, one.key, one.body_bytes) for one, at in told]

    def gaps(self, camera: str, between: Between, *, after: Mark | None = None, limit: int = 200) -> Page[Gap]:
        """What was not recorded, and why, in the order the gaps ended; times corrected."""
        limit = max(1, min(limit, LIMIT_MAX))
        seq = 0 if after is None else after.seq
        found: list[Gap] = []
        while True:
            asked = {"camera": camera, "from": between.from_ns, "to": between.to_ns, "seq": seq, "limit": LIMIT_MAX}
            with self._index.reading() as db:
                rows = db.execute(_GAPS, asked).fetchall()
            for id_, *values in rows:
                gap = self._corrected_gap(Gap(*values))
                if between.meets(gap.from_at_ns, gap.to_at_ns):
                    if len(found) == limit:
                        return Page(found, Mark(found[-1].to_at_ns, seq))
                    found.append(gap)
                seq = id_
            if len(rows) < LIMIT_MAX:
                return Page(found)

    def _corrected_gap(self, gap: Gap) -> Gap:
        ends = {}
        for end in ("from", "to"):
            boot, mono, at = (getattr(gap, f"{end}_{name}") for name in ("boot", "mono_ns", "at_ns"))
            ends[f"{end}_at_ns"] = mono + self.anchors[boot] if at < BELIEVABLE_NS and boot in self.anchors else at
        return gap._replace(**ends)

    # --- what the journal says ---

    def events(
        self, between: Between, *, kinds: str | tuple[str, ...] = (), source: str | None = None,
        after: Mark | None = None, limit: int = 200,
    ) -> Page[Row]:  # fmt: skip
        """Rows told within that time: of these kinds ("motion." is a whole family), of that source."""
        if self._journal is None:
            return Page([])
        self._when = self._when or When(self._journal)
        wanted = (kinds,) if isinstance(kinds, str) else kinds
        named = [name for name in KINDS if any(_is_of(name, one) for one in wanted)]
        if wanted and not named:
            return Page([])
        limit, seq = max(1, min(limit, LIMIT_MAX)), 0 if after is None else after.seq
        rows, more = self._when.rows(*between, kinds=named, source=source, after=seq, limit=limit)
        return Page(rows, Mark(self._when.wall_ns(rows[-1]), more) if more else None)

    def wall_ns(self, row: Row) -> int:
        """UTC of a row that `events` gave."""
        return self._when.wall_ns(row) if self._when is not None else row.at_ns

    def holds(self, camera: str, between: Between) -> list[Hold]:
        """Holds that stand, on footage of that camera and time."""
        found = holds(self._journal).values() if self._journal is not None else ()
        return [
            one for one in found
            if camera in (one.segments or one.cameras) and between.meets(one.window.start.at_ns, one.window.end.at_ns)
        ]  # fmt: skip

    def overview(self, camera: str, between: Between, *, limit: int = 200) -> Overview:
        """The first of everything; whoever needs more of a kind asks for its pages."""
        segments, gaps = self.segments(camera, between, limit=limit), self.gaps(camera, between, limit=limit)
        motion = self.events(between, kinds=MOTION, source=camera, limit=limit)
        events = self.events(between, limit=limit)
        nexts = {"segments": segments.next, "gaps": gaps.next, "motion": motion.next, "events": events.next}
        more = tuple(name for name, mark in nexts.items() if mark is not None)
        told = (segments.items, gaps.items, motion.items, events.items, self.holds(camera, between))
        return Overview(camera, between, *told, more)


def _read(db: Connection, ask: str, values: dict[str, Any]) -> list[Segment]:
    return [Segment(*row) for row in db.execute(ask, values)]


def _is_of(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted) if wanted.endswith(".") else kind == wanted


def corrected(segment: Segment, anchors: Mapping[str, int]) -> Segment:
    """The segment with the times it would have had with a clock that was set."""
    ahead_ns = anchors.get(segment.boot)
    if segment.clock != "unset" or ahead_ns is None:
        return segment
    end = None if segment.end_mono_ns is None else segment.end_mono_ns + ahead_ns
    return segment._replace(start_at_ns=segment.start_mono_ns + ahead_ns, end_at_ns=end)
