"""What is watched beside the run itself: readiness, power, water, contradictions. A table, and what walks it.

A watch is a conjunction over levels (role -> active): while all of it holds its condition stands. It is said once it
has stood for its delay, counted from the edge that completed it; readiness is said again as a reminder from time to
time until it is restored. A role that is not wired has no level, and what names it never stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.core.events import (
    Event,
    PumpAlternateSource,
    PumpContradictionDemand,
    PumpContradictionPower,
    PumpContradictionTank,
    PumpLowSuction,
    PumpNotInAuto,
    PumpPhaseLoss,
    PumpPhaseReversal,
    PumpPowerLost,
    PumpReminder,
    PumpRestored,
    PumpTankHigh,
    PumpTankLow,
    PumpTrouble,
    PumpValveClosed,
)
from agent.core.pump.limits import Limits

MS = 1_000_000
SECOND = 1_000_000_000


class Watch(NamedTuple):
    """One condition. event(source, delay in ms) says it; remind: said again while it stands."""

    kind: str
    holds: tuple[tuple[str, bool], ...]
    delay_ms: Callable[[Limits], int]
    event: Callable[[str, int], Event]
    remind: bool = True


def _not_in_auto(source: str, ms: int) -> Event:
    return PumpNotInAuto(source=source, limit_s=ms // 1000)


WATCHES: tuple[Watch, ...] = (
    Watch("pump.not_in_auto", (("auto", False),), lambda x: x.not_in_auto_s * 1000, _not_in_auto),
    Watch(
        "pump.power_lost",
        (("power", False),),
        lambda x: x.power_lost_ms,
        lambda of, ms: PumpPowerLost(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.phase_loss",
        (("phase_loss", True),),
        lambda x: x.phase_loss_ms,
        lambda of, ms: PumpPhaseLoss(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.phase_reversal",
        (("phase_reversal", True),),
        lambda x: x.phase_reversal_ms,
        lambda of, ms: PumpPhaseReversal(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.alternate_source",
        (("alternate_source", True),),
        lambda x: x.alternate_source_ms,
        lambda of, ms: PumpAlternateSource(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.low_suction",
        (("low_suction", True),),
        lambda x: x.water_s * 1000,
        lambda of, ms: PumpLowSuction(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.tank_low",
        (("tank_low", True),),
        lambda x: x.water_s * 1000,
        lambda of, ms: PumpTankLow(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.tank_high",
        (("tank_high", True),),
        lambda x: x.water_s * 1000,
        lambda of, ms: PumpTankHigh(source=of, limit_ms=ms),
        remind=False,
    ),
    Watch(
        "pump.valve_closed",
        (("valve", False),),
        lambda x: x.water_s * 1000,
        lambda of, ms: PumpValveClosed(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.trouble",
        (("trouble", True),),
        lambda x: x.trouble_ms,
        lambda of, ms: PumpTrouble(source=of, limit_ms=ms),
    ),
    Watch(
        "pump.contradiction_power",
        (("running", True), ("power", False)),
        lambda x: x.contradiction_power_s * 1000,
        lambda of, ms: PumpContradictionPower(source=of, limit_ms=ms),
        remind=False,
    ),
    Watch(
        "pump.contradiction_demand",
        (("demand", True), ("pressure_normal", True)),
        lambda x: x.contradiction_demand_s * 1000,
        lambda of, ms: PumpContradictionDemand(source=of, limit_ms=ms),
        remind=False,
    ),
    Watch(
        "pump.contradiction_tank",
        (("tank_low", True), ("tank_high", True)),
        lambda x: x.water_s * 1000,
        lambda of, ms: PumpContradictionTank(source=of, limit_ms=ms),
        remind=False,
    ),
)

# role -> the level that it must have for the pump to be ready
READY: Mapping[str, bool] = {
    "auto": True,
    "power": True,
    "phase_loss": False,
    "phase_reversal": False,
    "low_suction": False,
    "tank_low": False,
    "valve": True,
}


@dataclass
class _Standing:
    since_ns: int
    told_ns: int | None = None  # said, or said again


@dataclass
class Watches:
    """All watches of one pump. `levels` is the pump's: role -> active."""

    source: str
    limits: Limits
    levels: Mapping[str, bool]
    standing: dict[str, _Standing] = field(default_factory=dict)

    def look(self, at_ns: int) -> list[Event]:
        """Levels have changed by an edge at `at_ns`."""
        events: list[Event] = []
        for watch in WATCHES:
            holds = all(self.levels.get(role) == level for role, level in watch.holds)
            if holds and watch.kind not in self.standing:
                self.standing[watch.kind] = _Standing(at_ns)
            elif not holds and watch.kind in self.standing:
                told = self.standing.pop(watch.kind).told_ns is not None
                events += [PumpRestored(source=self.source, was=watch.kind)] if told else []
        return events

    def elapse(self, now_ns: int, *, quiet: bool) -> list[Event]:
        """What has stood for its delay by `now_ns`. quiet: no reminders, the pump is out of order by permission."""
        events: list[Event] = []
        for watch in WATCHES:
            one = self.standing.get(watch.kind)
            due = None if one is None else self._due_ns(watch, one, quiet)
            if one is None or due is None or now_ns < due:
                continue
            if one.told_ns is None:
                events.append(watch.event(self.source, watch.delay_ms(self.limits)))
                one.told_ns = due
            else:
                stands_s = (now_ns - one.since_ns) // SECOND
                events.append(PumpReminder(source=self.source, was=watch.kind, stands_s=stands_s))
                one.told_ns = now_ns
        return events

    def due_ns(self, *, quiet: bool) -> int | None:
        """When elapse() has something to say."""
        found = (self._due_ns(w, self.standing[w.kind], quiet) for w in WATCHES if w.kind in self.standing)
        return min((due for due in found if due is not None), default=None)

    def _due_ns(self, watch: Watch, one: _Standing, quiet: bool) -> int | None:
        if one.told_ns is None:
            return one.since_ns + watch.delay_ms(self.limits) * MS
        return one.told_ns + self.limits.reminder_s * SECOND if watch.remind and not quiet else None

    def kinds(self) -> frozenset[str]:
        """Conditions that stand, said or not."""
        return frozenset(self.standing)

    def ready(self) -> bool:
        """True if nothing that is wired keeps the pump from being ready."""
        return all(self.levels.get(role, level) == level for role, level in READY.items())

    def snapshot(self) -> dict[str, list[int | None]]:
        return {kind: [one.since_ns, one.told_ns] for kind, one in self.standing.items()}

    def restore(self, snapshot: Mapping[str, list[int]]) -> None:
        known = {watch.kind for watch in WATCHES}
        self.standing = {kind: _Standing(*times) for kind, times in snapshot.items() if kind in known}
