"""One run of a pump: what asked for it, when it began, and what is said of its beginning and its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.core.events import PumpRanWithoutDemand, PumpRunning, PumpStarted, PumpStopped, Signal
from agent.core.pump.table import Say

MS = 1_000_000
CAUSES: Mapping[Say, str] = {
    Say.STARTED_DEMAND: "demand",
    Say.STARTED_AGAIN: "demand",
    Say.STARTED_COMMAND: "command",
    Say.STARTED_TEST: "test",
    Say.STARTED_PATROL: "patrol",
    Say.STARTED_NO_CAUSE: "none",
}


def span_ms(since_ns: int | None, until_ns: int | None) -> int | None:
    """None where one of both is not known."""
    return None if since_ns is None or until_ns is None else max(until_ns - since_ns, 0) // MS


@dataclass
class Run:
    """The present run, or the last one. Times are None where nobody saw it."""

    source: str
    signal: Signal  # class of pump.running
    cause: str = ""
    asked_ns: int | None = None  # demand came, or a command
    began_ns: int | None = None
    caused: bool = False  # it has had a cause at some time
    auto: bool = False  # demand came before it, in a test window
    said: bool = False  # pump.running, since this process began

    def begins(self, at_ns: int | None, *, auto: bool) -> None:
        """The running contact has come."""
        self.began_ns, self.auto, self.caused = at_ns, auto, False

    def take_up(self, cause: str) -> None:
        """After a boot: the cause of the run that the journal has open, "" for none."""
        self.cause, self.caused = cause, cause not in ("", "none", "found")

    def long_ms(self, at_ns: int) -> int | None:
        """How long it has lasted by then."""
        return span_ms(self.began_ns, at_ns)

    def started(self, say: Say, at_ns: int, *, found: bool) -> PumpStarted:
        self.cause = "found" if found else CAUSES[say]
        asked = say in (Say.STARTED_DEMAND, Say.STARTED_COMMAND) or (say is Say.STARTED_TEST and self.auto)
        start_ms = span_ms(self.asked_ns, at_ns) if asked and not found else None
        return PumpStarted(source=self.source, cause=self.cause, start_ms=start_ms)

    def running(self, *, found: bool) -> PumpRunning:
        """It runs, and neither as a test nor on patrol."""
        self.said = True
        return PumpRunning(source=self.source, cause=self.cause or "found", found=found, signal=self.signal)

    def stopped(self, at_ns: int, *, found: bool) -> PumpStopped:
        self.cause = ""
        return PumpStopped(source=self.source, run_ms=None if found else self.long_ms(at_ns))

    def without_demand(self, at_ns: int, *, found: bool) -> list[PumpRanWithoutDemand]:
        """What is said of a whole run that never had a cause."""
        if self.caused:
            return []
        return [PumpRanWithoutDemand(source=self.source, run_ms=None if found else self.long_ms(at_ns))]

    def snapshot(self) -> list[Any]:
        return [self.cause, self.asked_ns, self.began_ns, self.caused, self.auto]

    def restore(self, snapshot: list[Any]) -> None:
        self.cause, self.asked_ns, self.began_ns, self.caused, self.auto = snapshot
