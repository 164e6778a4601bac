"""One measured value as the panel knows it: what is said of its limits and faults. Samples are analog.py's."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.analog import Fault, Limit, Measured
from agent.core.events import (
    AnalogFault,
    AnalogFaultCleared,
    AnalogHigh,
    AnalogLow,
    AnalogNormal,
    AnalogValue,
    Event,
    Signal,
)


@dataclass
class Value:
    """One measured value. `milli` is the last one, None before the first."""

    id: str
    unit: str = ""
    signal: Signal = Signal.SUPERVISORY
    low_milli: int | None = None
    high_milli: int | None = None
    limit: Limit = Limit.NORMAL
    fault: Fault = Fault.NONE
    milli: int | None = None
    read: bool = False  # since this process began

    def take(self, now: Measured) -> list[Event]:
        """How it stands by now; what is said of that."""
        self.milli, self.read = now.value_milli, True
        events: list[Event] = []
        if now.fault is not self.fault:
            was, self.fault = self.fault, now.fault
            events += self._fault(was, now)
        if now.limit is not self.limit:
            self.limit = now.limit
            events.append(self._limit(now.value_milli))
        return events

    def _fault(self, was: Fault, now: Measured) -> list[Event]:
        cleared = AnalogFaultCleared(source=self.id, was=str(was), value_milli=now.value_milli, unit=self.unit)
        if now.fault is Fault.NONE:
            return [cleared]
        fault = AnalogFault(source=self.id, fault=str(now.fault), current_ua=now.current_ua)
        return [fault] if was is Fault.NONE else [cleared, fault]

    def _limit(self, milli: int) -> Event:
        if self.limit is Limit.LOW:
            limit = self.low_milli or 0
            return AnalogLow(source=self.id, value_milli=milli, limit_milli=limit, unit=self.unit, signal=self.signal)
        if self.limit is Limit.HIGH:
            limit = self.high_milli or 0
            return AnalogHigh(source=self.id, value_milli=milli, limit_milli=limit, unit=self.unit, signal=self.signal)
        return AnalogNormal(source=self.id, value_milli=milli, unit=self.unit)

    def told(self, why: str, of: str = "") -> list[Event]:
        """The value, for the records; nothing before the first, and of a transmitter that fails."""
        if self.milli is None or self.fault is not Fault.NONE:
            return []
        return [AnalogValue(source=self.id, value_milli=self.milli, unit=self.unit, why=why, of=of)]

    def standing(self) -> frozenset[str]:
        """Alarms whose condition holds, or cannot yet be said to be over."""
        if not self.read:
            return frozenset({"analog.fault", "analog.low", "analog.high"})
        kinds = {f"analog.{self.limit}"} | ({"analog.fault"} if self.fault else set())
        return frozenset(kinds)

    def snapshot(self) -> list[str]:
        return [str(self.limit), str(self.fault)]

    def restore(self, snapshot: list[str]) -> None:
        """Raises ValueError."""
        limit, fault = snapshot
        self.limit, self.fault = Limit(limit), Fault(fault)
