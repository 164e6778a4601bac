"""What the link may be used for at this time of day: bandwidth, and which clips. Alarms are not asked about here.

Rules of this file:
- of several parts of the day that hold at once, the strictest word of each counts;
- a board that does not know the time keeps to none of them: nobody could say which holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.core.events import KINDS

FILES = ("none", "requested", "all")  # from strict to free
DAY_MIN = 24 * 60


class Part(NamedTuple):
    """A part of the day in minutes since midnight, from..until; over midnight if until is not after from."""

    from_min: int
    until_min: int
    kbit_s: int | None
    files: str


class Allowed(NamedTuple):
    """bytes_s None: as much as there is. files: all / requested / none."""

    bytes_s: float | None
    files: str


def minutes(text: str) -> int:
    """ "22:30" as minutes since midnight."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def allowed(parts: Iterable[Part], now_min: int | None, *, metered: bool) -> Allowed:
    """At this minute of the local day; None: the time is not known."""
    holding = [part for part in parts if now_min is not None and _holds(part, now_min)]
    rates = [part.kbit_s for part in holding if part.kbit_s is not None]
    files = [part.files for part in holding] + (["requested"] if metered else [])
    return Allowed(min(rates) * 125.0 if rates else None, min(files, key=FILES.index, default="all"))


def _holds(part: Part, now_min: int) -> bool:
    if part.from_min < part.until_min:
        return part.from_min <= now_min < part.until_min
    return now_min >= part.from_min or now_min < part.until_min


def wanted(files: str, cause: str) -> bool:
    """May a clip asked for by `cause` go? A rule's cause is an event kind, a colon and the source; else a person's."""
    if files != "requested":
        return files == "all"
    return cause.partition(":")[0] not in KINDS
