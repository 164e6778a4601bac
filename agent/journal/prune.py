"""Taking old rows out of the journal: only below a checkpoint row, past every reader, and never a fact in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.core.chain import Row
from agent.core.events import Event, JournalCheckpoint, RecordKept
from agent.journal.errors import JournalError
from agent.journal.facts import carry, facts_in_force, when
from agent.journal.journal import Journal

_BATCH = 500


def prune(
    journal: Journal,
    upto: int,
    *,
    cursors: Mapping[str, int],
    verified_upto: int,
    floor_seq: int,
    keep: Iterable[Row] = (),
    told: Iterable[Event] = (),
) -> int:
    """Delete rows up to and including `upto`; returns how many went.

    cursors: reader -> the row up to which it has dealt with everything. verified_upto: the last row that a backup
    has been read back with. floor_seq: the first row that the law says must stay. JournalError, and nothing
    deleted, if `upto` passes any of them. Before a row goes, what it still says is appended again as `carried`, and
    rows of `keep`, whose class is kept for longer, as `record.kept`: together with `told` and the checkpoint, all or
    nothing, so that no reader ever sees a fact twice, or not at all.
    """
    _refuse(journal, upto, {**{f"reader {name}": seq for name, seq in cursors.items()}, "backup": verified_upto})
    if upto >= floor_seq:
        raise JournalError(f"{journal.path}: rows from {floor_seq} on must be kept, asked to delete up to {upto}")
    last = journal.row(upto)
    if last is None:
        raise JournalError(f"{journal.path}: no row {upto}")
    facts = facts_in_force(journal, upto)
    bind = {row.seq for row in facts}
    rows = [*facts, *(row for row in keep if row.seq not in bind)]
    rows.sort(key=lambda row: row.seq)  # readers rely on their order
    again = [(carry(row) if row.seq in bind else _kept(row), when(row)) for row in rows]
    checkpoint = JournalCheckpoint(source="journal", upto=upto, hash=last.hash.hex(), carried=len(again))
    events: list[Event] = [*(event for event, _ in again), *told, checkpoint]
    journal.append(*events, stamps=[*(at for _, at in again), *[None] * (len(events) - len(again))])
    return finish(journal)


def finish(journal: Journal) -> int:
    """Delete what the last checkpoint says is gone, as a pass that was killed may have left it."""
    checkpoint = journal.last("journal.checkpoint")
    return 0 if checkpoint is None else sum(_delete(journal, int(str(checkpoint.values()["upto"]))))


def _kept(row: Row) -> Event:
    return RecordKept(source=row.source, of_kind=row.kind, of_seq=row.seq, of_class=row.signal, of_data=row.data)


def _refuse(journal: Journal, upto: int, marks: Mapping[str, int]) -> None:
    for who, seq in marks.items():
        if upto > seq:
            raise JournalError(f"{journal.path}: {who} has come to row {seq} only, asked to delete up to {upto}")


def _delete(journal: Journal, upto: int) -> Iterator[int]:
    """In short transactions, oldest first, so that no append waits for long."""
    while gone := journal.delete_below(upto, _BATCH):
        yield gone
