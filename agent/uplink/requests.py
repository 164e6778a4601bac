"""What was asked for and needs a second person, as it is told on `state/requests`: who is far away signs by that.

What is shown proves nothing: the verdict names the digest of the request, and the board judges it by its own journal.
"""

from __future__ import annotations

from typing import Any

from agent.core.chain import Row
from agent.journal import Journal
from agent.journal.projections import every

MOST = 16  # told at once; those that wait for a verdict before the others
KEPT = 256  # remembered
ASKED, SIGNED = "approval.requested", "statement.signed"
OVER = ("deletion.done", "deletion.refused", "hold.released")
KINDS = frozenset({ASKED, SIGNED, *OVER})


class Requests:
    """Requests that are not over, each with its last verdict. One thread."""

    def __init__(self, journal: Journal) -> None:
        self._open: dict[str, dict[str, Any]] = {}
        for row in every(journal, *KINDS):
            self.take(row)

    def take(self, row: Row) -> None:
        """A row of KINDS."""
        values: dict[str, Any] = row.values()
        id_ = str(values["request"])
        if row.kind == ASKED:
            self._open.setdefault(id_, {**values, "verdict": "", "signed_by": ""})
            if len(self._open) > KEPT:
                del self._open[next(iter(self._open))]
        elif row.kind in OVER:
            self._open.pop(id_, None)
        elif id_ in self._open:
            self._open[id_] |= {"verdict": values["verdict"], "signed_by": values["by"]}

    def told(self) -> dict[str, Any]:
        """waiting: how many nobody has signed; requests: the newest of them last, at most MOST."""
        found = sorted(self._open.values(), key=lambda one: not one["verdict"])
        return {"is": "requests", "waiting": sum(not one["verdict"] for one in found), "requests": found[-MOST:]}
