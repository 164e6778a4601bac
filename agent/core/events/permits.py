"""Permits: each ends by itself after `for_s` (source: the permit's id)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind

# key, sig: `by` signed it with this key (core/permits.py). request: row of the signed command by which the panel itself
# began it; 0: written at the site.


@kind("visit.opened", lane=Lane.ALARM)
class VisitOpened(Event):
    """`who` may be in the room. what: visit / work (enclosures may be opened) / shift; of: doors by id, or all."""

    who: str
    reason: str
    what: str
    of: list[str]
    for_s: int
    by: str
    key: str = ""
    sig: str = ""


@kind("visit.closed", lane=Lane.ALARM)
class VisitClosed(Event):
    """The visit is over. by: a person, `limit` (its time was over) or `restart` (its time could not be known)."""

    by: str


@kind("impairment.started", lane=Lane.ALARM)
class ImpairmentStarted(Event):
    """Points, doors or pumps `of` are out of order by permission: supervisory and trouble of them raise no alarm.

    measures: what is done instead. Alarms of class alarm, and demand, still alarm.
    """

    of: list[str]
    reason: str
    measures: str
    for_s: int
    by: str
    key: str = ""
    sig: str = ""
    request: int = 0


@kind("impairment.ended", lane=Lane.ALARM)
class ImpairmentEnded(Event):
    """The permit is over; what is still wrong alarms now. by: a person, limit or restart."""

    by: str


@kind("drill.started", lane=Lane.ALARM)
class DrillStarted(Event):
    """A drill with points, doors or pumps `of`: their rows are marked `drill`. Everything else is as real as ever."""

    of: list[str]
    reason: str
    for_s: int
    by: str
    key: str = ""
    sig: str = ""
    request: int = 0


@kind("drill.ended", lane=Lane.ALARM)
class DrillEnded(Event):
    """The drill is over. by: a person, limit or restart."""

    by: str
