"""Converter channels as the panel sees them: loops that are broken or well, measured values. Pure, as decide.py.

What the sampling thread has found comes in; a loop that is well goes on as a level of its contact, like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.analog import Fault, Limit, Measured
from agent.core.events import Event, PointFault, PointFaultCleared
from agent.core.pump import LEVELS, Pump
from agent.core.supervision import CONTACT, Reading
from agent.core.values import Value
from agent.panel.plan import Plan

SECOND = 1_000_000_000


class Channels:
    """All channels of one panel. faults: point -> open / short / leak / unsteady, of loops that are broken."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.faults: dict[str, str] = {}
        self.values: dict[str, Value] = plan.values
        self._read: set[str] = set()
        self._recorded_ns: dict[str, int] = {}

    def loop(self, point: str, reading: Reading) -> list[Event]:
        """What a loop has come to show."""
        self._read.add(point)
        fault = "" if reading.reads in CONTACT else str(reading.reads)
        was = self.faults.get(point, "")
        if fault == was:
            return []
        for role, pump in self._plan.points[point].pumps:
            self._plan.pumps[pump].broken(role, bool(fault), reading.since_ns)
        if not fault:
            del self.faults[point]
            return [PointFaultCleared(source=point, was=was)]
        self.faults[point] = fault
        return [PointFault(source=point, fault=fault, ratio_ppm=reading.ratio_ppm)]

    def measured(self, id_: str, now: Measured) -> list[tuple[Pump | None, list[Event]]]:
        """How a value stands: what is said of it, and of each pump that hears of it."""
        value = self.values[id_]
        changed = not value.read or (now.limit, now.fault) != (value.limit, value.fault)
        found: list[tuple[Pump | None, list[Event]]] = [(None, value.take(now))]
        for role, pump_id in self._plan.value_uses.get(id_, ()) if changed and now.fault is Fault.NONE else ():
            pump = self._plan.pumps[pump_id]
            active = now.limit == LEVELS.get(role, Limit.NORMAL)
            found.append((pump, pump.contact(role, active, now.since_ns)))
        return found

    def beside(self, events: Iterable[Event]) -> list[Event]:
        """The values of a pump that starts or stops, for the records."""
        return [
            told
            for event in events
            if event.KIND in ("pump.started", "pump.stopped")
            for id_, uses in self._plan.value_uses.items()
            if any(pump == event.source for _, pump in uses)
            for told in self.values[id_].told(event.KIND.removeprefix("pump."), event.source)
        ]

    def regular(self, now_ns: int) -> list[Event]:
        """Values that are to be written down by now."""
        events: list[Event] = []
        for id_, every_s in self._plan.records.items():
            if now_ns - self._recorded_ns.get(id_, 0) >= every_s * SECOND and self.values[id_].read:
                self._recorded_ns[id_] = now_ns
                events += self.values[id_].told("regular")
        return events

    def standing(self, source: str) -> frozenset[str]:
        """Alarms of a point or value whose condition holds, or cannot yet be said to be over."""
        if source in self.values:
            return self.values[source].standing()
        if source in self.faults or (source in self._plan.bands and source not in self._read):
            return frozenset({"point.fault"})
        return frozenset()

    def snapshot(self) -> dict[str, Any]:
        values = {id_: value.snapshot() for id_, value in self.values.items()}
        return {"faults": self.faults, "values": values, "recorded": self._recorded_ns}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Raises ValueError."""
        bands = self._plan.bands
        self.faults = {point: fault for point, fault in snapshot.get("faults", {}).items() if point in bands}
        for id_, one in snapshot.get("values", {}).items():
            if id_ in self.values:
                self.values[id_].restore(one)
        self._recorded_ns = {id_: at for id_, at in snapshot.get("recorded", {}).items() if id_ in self.values}
