"""Views over the journal: what is open, pending, present. Computed from rows each time; never stored beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from agent.core.chain import Row, Stamp
from agent.core.permits import ENDED
from agent.core.permits import KINDS as PERMITS
from agent.journal.journal import Journal

_PAGE = 1000
CARRYING = ("carried", "record.kept")  # rows that say again what a row said that is gone


@dataclass(frozen=True)
class OpenAlarm:
    """An alarm not yet reset: the row that raised it, and what has happened to it since."""

    raised: Row
    acknowledged: bool = False
    silenced: bool = False
    restored: bool = False


def every(journal: Journal, *kinds: str, source: str | None = None, after: int = 0) -> Iterator[Row]:
    """All rows of these kinds (any, if none is named) past `after`, oldest first, a page at a time.

    Rows below a checkpoint are gone, though their deletion may still be under way. What of them binds, or is kept for
    longer, was carried: it comes as the row it was, under the number of the row that carries it, and before all rows
    that still stand in their place, as it is older than they are.
    """
    after = max(after, _gone_upto(journal))
    if kinds:
        yield from map(uncarried, _pages(journal, CARRYING, source, after, kinds))
    yield from _pages(journal, kinds, source, after)


def _pages(
    journal: Journal, kinds: Sequence[str], source: str | None, after: int, carrying: Sequence[str] = ()
) -> Iterator[Row]:
    while rows := journal.read(after, kinds=kinds, source=source, carrying=carrying, limit=_PAGE):
        yield from rows
        after = rows[-1].seq


def _gone_upto(journal: Journal) -> int:
    checkpoint = journal.last("journal.checkpoint")
    return 0 if checkpoint is None else int(str(checkpoint.values()["upto"]))


def uncarried(row: Row) -> Row:
    """The row that a row of CARRYING says again, under the number of that one."""
    values = row.values()
    return row._replace(kind=str(values["of_kind"]), signal=str(values["of_class"]), data=str(values["of_data"]))


_STEPS: dict[str, Callable[[OpenAlarm], OpenAlarm]] = {
    "alarm.acknowledged": lambda alarm: replace(alarm, acknowledged=True),
    "alarm.silenced": lambda alarm: replace(alarm, silenced=True),
    "alarm.restored": lambda alarm: replace(alarm, restored=True),
}


def open_alarms(journal: Journal) -> dict[str, OpenAlarm]:
    """Alarm id -> alarm, for all that are latched. Raised again while latched: unacknowledged and sounding anew."""
    found: dict[str, OpenAlarm] = {}
    for row in every(journal, "alarm.raised", "alarm.reset", *_STEPS):
        if row.kind == "alarm.raised":
            found[row.source] = OpenAlarm(row)
        elif row.kind == "alarm.reset":
            found.pop(row.source, None)
        elif row.source in found:
            found[row.source] = _STEPS[row.kind](found[row.source])
    return found


def pending_clips(journal: Journal, camera: str) -> list[Row]:
    """Clip requests that name this camera and that it has answered with neither clip.ready nor clip.failed."""
    answered = {row.values()["clip"] for row in every(journal, "clip.ready", "clip.failed", source=camera)}
    return [
        row for row in every(journal, "clip.requested") if _asks(row, camera) and row.values()["clip"] not in answered
    ]


def _asks(row: Row, camera: str) -> bool:
    cameras = row.values()["cameras"]
    return isinstance(cameras, list) and camera in cameras


def undelivered_clips(journal: Journal) -> list[Row]:
    """clip.ready rows whose file the far end has not confirmed, oldest first."""
    delivered = {(row.source, row.values()["clip"]) for row in every(journal, "clip.delivered")}
    return [row for row in every(journal, "clip.ready") if (row.source, row.values()["clip"]) not in delivered]


def command_counters(journal: Journal, *kinds: str) -> dict[str, int]:
    """key id -> the highest counter that a command of that key has used. kinds: of the rows that count."""
    counters: dict[str, int] = {}
    for row in every(journal, *(kinds or ("command.started",))):
        values = row.values()
        key, ctr = str(values["key"]), int(str(values["ctr"]))
        counters[key] = max(ctr, counters.get(key, -1))
    return counters


def unended_commands(journal: Journal, *ops: str, begun: str = "command.started") -> list[Row]:
    """Rows of kind `begun` (or command.received) of those ops without a last word, oldest first. Carried ones had
    theirs."""
    ends = ("command.done", "command.failed", "command.refused")
    started: dict[object, Row] = {}
    after = 0
    while rows := journal.read(after, kinds=(begun, *ends), limit=_PAGE):
        for row in rows:
            values = row.values()
            if row.kind == begun and values["op"] in ops:
                started[values.get("request", row.seq)] = row
            elif row.kind in ends:
                started.pop(values.get("request"), None)
        after = rows[-1].seq
    return list(started.values())


def told_time(journal: Journal, stamp: Stamp) -> Stamp:
    """The stamp as it is, or with the time that a clock.set row of this boot gives, its clock then "told"."""
    if stamp.clock != "unset":
        return stamp
    row = journal.last("clock.set")
    values = row.values() if row is not None else {}
    if values.get("boot") != stamp.boot:
        return stamp
    ahead_ns = int(str(values["at_ns"])) - int(str(values["mono_ns"]))
    return stamp._replace(at_ns=stamp.mono_ns + ahead_ns, clock="told")


@dataclass(frozen=True)
class OpenRequest:
    """Something asked for that needs a second person, and the verdicts signed on it so far, oldest first."""

    asked: Row
    signed: tuple[Row, ...] = ()


def approvals(journal: Journal) -> dict[str, OpenRequest]:
    """Request id -> what was asked and signed. Whether a verdict stands is for core/statements.py to say."""
    found: dict[str, OpenRequest] = {}
    for row in every(journal, "approval.requested", "statement.signed"):
        id_ = str(row.values()["request"])
        if row.kind == "approval.requested":
            found.setdefault(id_, OpenRequest(row))
        elif id_ in found:
            found[id_] = replace(found[id_], signed=(*found[id_].signed, row))
    return found


def standing(journal: Journal) -> list[Row]:
    """Rows of permits (visits, impairments, drills) that have not ended, and each door's last arming."""
    found: dict[tuple[str, str], Row] = {}
    for row in every(journal, *PERMITS, "point.armed", "point.disarmed"):
        if row.kind in ENDED:
            found.pop((ENDED[row.kind], row.source), None)
        else:
            found[("" if row.kind.startswith("point.") else row.kind, row.source)] = row
    return list(found.values())


def open_incidents(journal: Journal) -> dict[str, Row]:
    """Incident id -> the row that declared it, of all that nobody has closed, oldest first."""
    found: dict[str, Row] = {}
    for row in every(journal, "incident.declared", "incident.closed"):
        if row.kind == "incident.declared":
            found.setdefault(row.source, row)
        else:
            found.pop(row.source, None)
    return found


# Kinds of which the newest row of each pump still says something: the first word names what it says.
_OF_PUMPS: dict[str, str] = {
    "pump.started": "run",
    "pump.stopped": "run",
    "pump.classified": "run",
    "pump.test_opened": "window",
    "pump.test_closed": "window",
    "pump.test_finished": "test",
    "pump.patrol_finished": "patrol",
    "pump.start_pulsed": "attempts",
    "pump.start_reset": "attempts",
    "pump.start_commissioned": "proven",
}


def pump_facts(journal: Journal) -> list[Row]:
    """Per pump its last start or stop, test window, patrol, test of each method that counts, attempt at a remote start
    and proof of its wiring. at_ns is corrected."""
    found: dict[tuple[str, str], Row] = {}
    for row in every(journal, *_OF_PUMPS):
        what = _OF_PUMPS[row.kind]
        values = row.values() if what in ("test", "patrol") else {}
        if values.get("counts", True) and not values.get("interrupted"):
            found[what + str(values.get("method", "")), row.source] = row
    anchors = clock_anchors(journal)
    return sorted((r._replace(at_ns=corrected_ns(r, anchors)) for r in found.values()), key=lambda row: row.seq)


def first_row(journal: Journal) -> list[Row]:
    """The row that opened this journal, with its corrected time; none if it is gone."""
    rows = journal.read(0, kinds=("journal.opened",), limit=1)
    return [row._replace(at_ns=corrected_ns(row, clock_anchors(journal))) for row in rows]


def point_levels(journal: Journal) -> dict[str, bool]:
    """point -> contact closed, as last recorded."""
    return {row.source: bool(row.values()["closed"]) for row in every(journal, "point.changed", "point.found")}


def clock_anchors(journal: Journal) -> dict[str, int]:
    """boot -> ns to add to CLOCK_MONOTONIC of that boot to get UTC, from its newest clock.set row."""
    anchors: dict[str, int] = {}
    for row in every(journal, "clock.set"):
        values = row.values()
        anchors[str(values["boot"])] = int(str(values["at_ns"])) - int(str(values["mono_ns"]))
    return anchors


def corrected_ns(row: Row, anchors: dict[str, int]) -> int:
    """UTC of a row, by its boot's anchor if the board's clock was not set when the row was written."""
    if row.clock == "unset" and row.boot in anchors:
        return row.mono_ns + anchors[row.boot]
    return row.at_ns
