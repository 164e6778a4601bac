"""Facts in force: rows that still bind, and that are therefore appended again before their rows may go."""

from __future__ import annotations

from typing import Any

from agent.core.chain import Row, Stamp
from agent.core.events import KINDS, Carried, Event, Signal
from agent.journal.errors import JournalError
from agent.journal.holds import holds
from agent.journal.journal import Journal
from agent.journal.projections import every, open_alarms, pump_facts, standing


def facts_in_force(journal: Journal, upto: int) -> list[Row]:
    """Rows that still bind and stand at or before `upto`: latched alarms, unanswered clip requests, clock anchors,
    counters of commands, what was asked for and signed, permits that stand, doors that are armed, what pumps did last.

    An alarm comes with all that was done about it, later steps too: they must follow its row wherever it stands.
    """
    found = [*_alarms(journal, upto), *_requests(journal), *_anchors(journal), *_counters(journal)]
    found += _holds(journal)
    found += [*every(journal, "approval.requested", "statement.signed"), *standing(journal)]
    found += pump_facts(journal)
    latched = {row.source for row in found if row.kind == "alarm.raised"}
    once = {row.seq: row for row in found if row.seq <= upto or row.source in latched}
    return [once[seq] for seq in sorted(once)]


def _alarms(journal: Journal, upto: int) -> list[Row]:
    alarms = {name: alarm.raised for name, alarm in open_alarms(journal).items() if alarm.raised.seq <= upto}
    steps = every(journal, "alarm.acknowledged", "alarm.silenced", "alarm.restored")
    return [*alarms.values(), *(row for row in steps if row.source in alarms and row.seq > alarms[row.source].seq)]


def _requests(journal: Journal) -> list[Row]:
    answers = every(journal, "clip.ready", "clip.failed")
    answered = {(str(row.values()["clip"]), row.source) for row in answers}
    return [row for row in every(journal, "clip.requested") if not _answered(row, answered)]


def _anchors(journal: Journal) -> list[Row]:
    return list({str(row.values()["boot"]): row for row in every(journal, "clock.set")}.values())


def _holds(journal: Journal) -> list[Row]:
    """What makes up the holds that stand, and the last pass over footage, by which jumps of the clock are seen."""
    passes = [journal.last("retention.ran")]
    return [*(row for hold in holds(journal).values() for row in hold.rows), *filter(None, passes)]


def _counters(journal: Journal) -> list[Row]:
    """For each key the command with its highest counter: a journal that forgot it would take an old command again."""
    newest: dict[str, Row] = {}
    for row in every(journal, "command.started"):
        values = row.values()
        known = newest.get(str(values["key"]))
        if known is None or int(str(values["ctr"])) >= int(str(known.values()["ctr"])):
            newest[str(values["key"])] = row
    return list(newest.values())


def _answered(request: Row, answered: set[tuple[str, str]]) -> bool:
    values = request.values()
    cameras = values["cameras"]
    assert isinstance(cameras, list)
    return all((str(values["clip"]), camera) in answered for camera in cameras)


def carry(row: Row) -> Event:
    """The row as a `carried` event."""
    return Carried(source=row.source, of_kind=row.kind, of_seq=row.seq, of_class=row.signal, of_data=row.data)


def when(row: Row) -> Stamp:
    """The row's own time."""
    return Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)


def as_event(row: Row) -> Event:
    """The event that the row was made of. JournalError for a kind that this version does not know."""
    kind = KINDS.get(row.kind)
    if kind is None:
        raise JournalError(f"row {row.seq}: unknown kind {row.kind}")
    fields: dict[str, Any] = row.values()
    return kind(source=row.source, signal=Signal(row.signal), **fields)
