"""Read-back of a relay: a contact of the relay itself shows whether it does as it is driven.

Everything that changes its state is here: a relay that does not show what was written for `limit_ms` is a trouble,
said once, until it shows it again.
"""

from __future__ import annotations

from agent.core.events import Event, RelayReadbackFailed

MS = 1_000_000
KIND = RelayReadbackFailed.KIND


class Readback:
    """One relay with a contact that reads it back. `id` is the relay's."""

    def __init__(self, id_: str, limit_ms: int, energised: bool) -> None:
        self.id = id_
        self.failed = False
        self._limit_ms = limit_ms
        self._wanted = energised
        self._shown: bool | None = None
        self._since_ns: int | None = None  # since when it does not show what was written; None: it does

    @property
    def limit_ms(self) -> int:
        """How long the contact may take."""
        return self._limit_ms

    @property
    def follows(self) -> bool:
        """Whether the contact shows what was written."""
        return self._shown == self._wanted

    def drive(self, energised: bool, now_ns: int) -> None:
        """The relay is about to be written."""
        self._wanted = energised
        self._compare(now_ns)

    def contact(self, active: bool, edge_ns: int) -> None:
        """The contact has settled: active while the relay is energised."""
        self._shown = active
        self._compare(edge_ns)

    def _compare(self, at_ns: int) -> None:
        if self._shown is None or self._shown == self._wanted:
            self._since_ns, self.failed = None, False
        else:
            self._since_ns = at_ns  # another write, another chance

    def elapse(self, now_ns: int) -> list[Event]:
        """What time alone brings by `now_ns`."""
        due = self.due_ns()
        if due is None or now_ns < due:
            return []
        self.failed = True
        return [RelayReadbackFailed(source=self.id, energised=self._wanted, limit_ms=self._limit_ms)]

    def due_ns(self) -> int | None:
        """When a relay that does not show what was written becomes a trouble."""
        return None if self.failed or self._since_ns is None else self._since_ns + self._limit_ms * MS

    def standing(self) -> frozenset[str]:
        """Kinds of alarm whose condition holds now."""
        return frozenset({KIND}) if self.failed else frozenset()

    def snapshot(self) -> list[object]:
        """What a restart has to know, for restore()."""
        return [self._wanted, self._shown, self._since_ns, self.failed]

    def restore(self, snapshot: list[object]) -> None:
        """Take up where a snapshot of the same boot left. Raises ValueError."""
        wanted, shown, since, failed = snapshot
        self._wanted, self.failed = bool(wanted), bool(failed)
        self._shown = None if shown is None else bool(shown)
        self._since_ns = since if isinstance(since, int) else None
