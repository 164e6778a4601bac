"""How long the journal keeps which rows. Decides; agent/jobs does.

Rules of this file:
- every row is of a class: ordinary, register (what a person must answer for: alarms, pumps, visits, drills, gaps) or
  audit (who did what). BY_KIND says which, the first line that fits; what fits none is ordinary;
- the journal goes from its beginning on: up to the first row that is not past the time of ordinary rows. What of it
  is of a class that is kept for longer is written again before it goes, under the time it had;
- a row whose time nobody can tell stays, and so does all after it; no class goes within 15 full days, whoever says so.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum

from agent.core.chain import Row
from agent.core.spans import HARD_FLOOR, Span, cutoff_ns

WORTH = 4  # so many rows must go for each that is written again
LEAST = 5_000  # and so many at least: each pass writes rows, too


class RecordClass(StrEnum):
    """What a row is, to who must keep it."""

    ROWS = "rows"
    REGISTERS = "registers"
    AUDIT = "audit"


BY_KIND: tuple[tuple[str, RecordClass], ...] = (
    ("pump.reminder", RecordClass.ROWS),
    ("pump.jockey_*", RecordClass.ROWS),
    ("walk_test.value", RecordClass.ROWS),
    *((family, RecordClass.REGISTERS) for family in (
        "alarm.*", "pump.*", "visit.*", "impairment.*", "drill.*", "incident.*", "walk_test.*", "entry.*",
        "door.forced", "smoke.*", "flood.*", "tamper.*", "contact.told", "camera.*", "footage.gap*", "footage.stopped",
        "footage.resumed", "footage.rot",
    )),
    *((family, RecordClass.AUDIT) for family in (
        "approval.*", "statement.*", "viewing.*", "export.*", "hold.*", "footage.deleted", "footage.disk",
        "clip.deleted", "deletion.*", "retention.breach", "command.*", "config.*", "journal.*", "backup.*",
        "point.armed", "point.disarmed",
    )),
)  # fmt: skip


@functools.cache
def class_of(kind: str) -> RecordClass:
    """The class of a kind."""
    return next((found for pattern, found in BY_KIND if fnmatch.fnmatchcase(kind, pattern)), RecordClass.ROWS)


def cutoffs(now_ns: int, spans: Mapping[RecordClass, Span], zone: tzinfo = UTC) -> dict[RecordClass, int]:
    """Class -> what happened at or before this is past its time."""
    hard = cutoff_ns(now_ns, HARD_FLOOR, zone)
    return {name: min(hard, cutoff_ns(now_ns, spans[name], zone)) for name in RecordClass}


@dataclass(frozen=True)
class Dated:
    """A row, its class, and when it happened (UTC; None: nobody can tell). moved: it was written again already."""

    row: Row
    of: RecordClass
    at_ns: int | None
    moved: bool = False


@dataclass(frozen=True)
class Going:
    """Rows up to and including `upto` go; those of `keep` are written again. rows: how many there are."""

    upto: int = 0
    rows: int = 0
    from_ns: int = 0
    to_ns: int = 0
    keep: list[Row] = field(default_factory=list)

    @property
    def worth(self) -> bool:
        """Whether enough goes."""
        return self.rows - len(self.keep) >= max(LEAST, WORTH * len(self.keep))


def going(
    rows: Iterable[Dated], past: Mapping[RecordClass, int], most: int, wanted: Callable[[Row], bool] = lambda row: False
) -> Going:
    """What of the rows, which come in their order, may go; up to `most`. wanted: a row that somebody still needs."""
    upto = count = 0
    from_ns = to_ns = 0
    keep: list[Row] = []
    for one in rows:
        if count == most or not _ordinary(one, past):
            break
        upto, count = one.row.seq, count + 1
        if one.at_ns is None or one.at_ns > past[one.of] or wanted(one.row):
            keep.append(one.row)
        if not one.moved and one.at_ns is not None:
            from_ns, to_ns = from_ns or one.at_ns, max(to_ns, one.at_ns)
    return Going(upto, count, from_ns, to_ns, keep)


def _ordinary(one: Dated, past: Mapping[RecordClass, int]) -> bool:
    """Whether the beginning of the journal may reach over this row. What was moved to where it stands is no measure."""
    return one.moved or (one.at_ns is not None and one.at_ns <= past[RecordClass.ROWS])
