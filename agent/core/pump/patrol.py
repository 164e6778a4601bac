"""The controller's patrol: it turns the pump at low speed, so that it stays free. What its contact tells."""

from __future__ import annotations

from typing import Any

from agent.core.events import Event, PumpPatrolFault, PumpPatrolFinished, PumpPatrolStarted
from agent.core.pump.run import span_ms


class Patrol:
    """The patrols of one pump."""

    def __init__(self, source: str, needed_s: int) -> None:
        self._source, self._needed_s = source, needed_s
        self._since_ns: int | None = None
        self._on = False
        self._cut = False  # demand came into it

    def begins(self, at_ns: int, *, found: bool, demanded: bool) -> list[Event]:
        """Its contact has come. demanded: the pump is wanted for something else already."""
        if self._on:
            return []
        self._on, self._since_ns, self._cut = True, (None if found else at_ns), demanded
        return [] if found else [PumpPatrolStarted(source=self._source)]

    def demand(self) -> None:
        """The pump is wanted now."""
        self._cut |= self._on

    def ends(self, at_ns: int) -> tuple[list[Event], bool]:
        """Its contact has gone: what is said, and whether it counts as a patrol."""
        run_ms, cut = span_ms(self._since_ns, at_ns), self._cut
        self._on, self._since_ns = False, None
        events: list[Event] = [PumpPatrolFinished(source=self._source, run_ms=run_ms, interrupted=cut)]
        if run_ms is None or cut:
            return events, False
        if run_ms < self._needed_s * 1000:
            return [*events, PumpPatrolFault(source=self._source, run_ms=run_ms, needed_s=self._needed_s)], False
        return events, True

    def snapshot(self) -> list[Any]:
        return [self._on, self._since_ns, self._cut]

    def restore(self, snapshot: list[Any]) -> None:
        self._on, self._since_ns, self._cut = snapshot
