"""Holds, as the journal tells of them: asked for, placed, copied, reviewed; those released are no longer there.

A clip that a rule wants held, and a person's request, are holds from their row on; `hold.placed` says later which
segments that means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from agent.core.chain import Row, Stamp
from agent.core.clips import Window
from agent.journal.journal import Journal
from agent.journal.projections import every

NS = 1_000_000_000
KINDS = (
    "clip.requested",
    "hold.requested",
    "hold.placed",
    "hold.copied",
    "hold.checked",
    "hold.reviewed",
    "hold.released",
)


@dataclass(frozen=True)
class Hold:
    """One hold. window: what was asked for; segments: camera -> its numbers, once placed; rows: what it is made of."""

    id: str
    cameras: tuple[str, ...]
    window: Window
    reason: str
    owner: str
    cause: str
    placed: bool = False
    segments: dict[str, str] = field(default_factory=dict)
    copied: bool = False
    path: str = ""
    wrong: tuple[str, ...] = ()  # of its copies, when they were last read
    review_ns: int = 0
    rows: tuple[Row, ...] = ()


def holds(journal: Journal) -> dict[str, Hold]:
    """Hold id -> hold, for all that stand, oldest first."""
    return fold(every(journal, *KINDS))


def fold(rows: Iterator[Row]) -> dict[str, Hold]:
    """As `holds`, of rows in their order."""
    found: dict[str, Hold] = {}
    over: set[str] = set()
    for row in rows:
        values: Any = row.values()
        if row.kind in _ASKED:
            asked = _ASKED[row.kind](row, values)
            if asked is not None and asked.id not in over:
                found.setdefault(asked.id, asked)
        elif row.kind == "hold.released":
            over.add(row.source)
            found.pop(row.source, None)
        elif row.kind == "hold.placed" and row.source not in over:
            found[row.source] = _placed(found.get(row.source), row, values)
        elif row.source in found:
            hold = found[row.source]
            kept = tuple(one for one in hold.rows if one.kind != "hold.checked" or row.kind not in _READ)
            found[row.source] = replace(_STEPS[row.kind](hold, values), rows=(*kept, row))
    return found


def _of_clip(row: Row, values: Any) -> Hold | None:
    if not values["hold"]:
        return None
    at = Stamp(int(values["at_ns"]), str(values["boot"]), int(values["at_mono_ns"]), row.clock)
    window = Window.around(at, int(values["before_s"]), int(values["after_s"]))
    cause = str(values["cause"])
    owner = cause if cause.startswith("command:") else "rule"
    return Hold(str(values["clip"]), tuple(values["cameras"]), window, cause, owner, row.kind, rows=(row,))


def _of_request(row: Row, values: Any) -> Hold | None:
    boot = str(values.get("boot", ""))
    start, end = (
        Stamp(int(values[f"{name}_ns"]), boot, int(values[f"{name}_mono_ns" if boot else f"{name}_ns"]), row.clock)
        for name in ("from", "to")
    )
    by, cameras = str(values["by"]), tuple(values["cameras"])
    return Hold(str(values["hold"]), cameras, Window(start, end), str(values["reason"]), by, row.kind, rows=(row,))


_ASKED: dict[str, Callable[[Row, Any], Hold | None]] = {"clip.requested": _of_clip, "hold.requested": _of_request}


def _placed(asked: Hold | None, row: Row, values: Any) -> Hold:
    start, end = (Stamp(int(values[name]), "", int(values[name]), row.clock) for name in ("from_ns", "to_ns"))
    told = (str(values["reason"]), str(values["owner"]), str(values["cause"]))
    segments = {str(camera): str(numbers) for camera, numbers in values["segments"].items()}
    hold = asked or Hold(row.source, tuple(segments), Window(start, end), *told)
    return replace(hold, placed=True, segments=segments, review_ns=int(values["review_ns"]), rows=(row,))


_READ = ("hold.copied", "hold.checked")  # rows by which the copies were right, or are not
_STEPS: dict[str, Callable[[Hold, Any], Hold]] = {
    "hold.copied": lambda hold, values: replace(hold, copied=True, path=str(values["path"]), wrong=()),
    "hold.checked": lambda hold, values: replace(hold, wrong=tuple(map(str, values["wrong"]))),
    "hold.reviewed": lambda hold, values: replace(hold, review_ns=int(values["review_ns"])),
}
