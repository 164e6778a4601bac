"""Interruptions of recording, and what people say of them: each waits until somebody has said why."""

from __future__ import annotations

from typing import NamedTuple

from agent.core.chain import Row
from agent.journal.journal import Journal
from agent.journal.projections import every

KINDS = ("footage.gap", "footage.gap_explained")


class Interruption(NamedTuple):
    """One footage.gap, and the last word on it (footage.gap_explained), None while nobody has said any."""

    row: Row
    explained: Row | None


def interruptions(journal: Journal) -> list[Interruption]:
    """All of them, oldest first."""
    found: dict[tuple[str, object, object], Interruption] = {}
    for row in every(journal, *KINDS):
        values = row.values()
        key = (row.source, values["from_ns"], values["to_ns"])
        if row.kind == "footage.gap":
            found.setdefault(key, Interruption(row, None))
        elif key in found:
            found[key] = Interruption(found[key].row, row)
    return list(found.values())
