"""From the site's file to what the panel is made of: specs for the pins, machines, rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import UNSET, UnsetType

from agent.config.model import Clip, Point, Relay, SiteConfig
from agent.config.model import Pump as PumpConfig
from agent.config.model import Rule as RuleConfig
from agent.core.door import Door
from agent.core.events import Signal
from agent.core.pump import Limits, Pump
from agent.core.rules import ClipWish, Output, Rule, Rules
from hw.ports import PointSpec, RelaySpec

MS = 1_000_000


@dataclass(frozen=True)
class PointPlan:
    """One point: how to read its contact, and who is told. role: door / button / contact / running / demand / auto."""

    id: str
    rest_closed: bool
    settle_ns: int
    signal: Signal
    role: str
    machine: str = ""  # id of the pump
    press: tuple[str, ...] = ()

    def active(self, closed: bool) -> bool:
        """Away from rest: door open, button pressed, pump running, selector in auto."""
        return closed != self.rest_closed

    @property
    def watched_by(self) -> str:
        """Id of the door or pump that it belongs to, "" for none."""
        return self.id if self.role == "door" else self.machine

    @property
    def alarms(self) -> bool:
        """True if its being active is an alarm by itself."""
        return self.role == "contact" and self.signal is not Signal.STATUS


@dataclass(frozen=True)
class Plan:
    """What a site's panel consists of. rests: relay -> energised while nothing drives it."""

    points: dict[str, PointPlan]
    doors: dict[str, Door]
    pumps: dict[str, Pump]
    rules: Rules
    rests: dict[str, bool]
    inputs: list[PointSpec] = field(default_factory=list)
    outputs: list[RelaySpec] = field(default_factory=list)
    cameras: tuple[str, ...] = ()

    def machines(self) -> list[Door | Pump]:
        """All doors and pumps."""
        return [*self.doors.values(), *self.pumps.values()]

    def recorded(self, role: str, machine: str, levels: Mapping[str, bool], missing: bool) -> bool:
        """Whether the point of that role was active by `levels`; `missing` if it is not wired or not among them."""
        for point in self.points.values():
            if point.role == role and point.machine == machine and point.id in levels:
                return point.active(levels[point.id])
        return missing


def plan(site: SiteConfig) -> Plan:
    """The machines are new ones: one Plan serves one panel."""
    roles = dict(_roles(site.pump))
    return Plan(
        points={point.id: _point(point, *roles.get(point.id, (str(point.kind), ""))) for point in site.point},
        doors={point.id: _door(point) for point in site.point if point.kind == "door"},
        pumps={pump.id: Pump(pump.id, _limits(pump)) for pump in site.pump},
        rules=Rules([_rule(rule) for rule in site.rule], [_output(relay) for relay in site.relay]),
        rests={relay.id: relay.rest == "energised" for relay in site.relay},
        inputs=[PointSpec(point.id, point.pin, point.contact, point.bias) for point in site.point],
        outputs=[RelaySpec(relay.id, relay.pin, relay.active, relay.rest) for relay in site.relay],
        cameras=tuple(camera.id for camera in site.camera),
    )


def _roles(pumps: Iterable[PumpConfig]) -> Iterable[tuple[str, tuple[str, str]]]:
    for pump in pumps:
        for role in ("running", "demand", "auto"):
            point = getattr(pump, role)
            if point is not UNSET:
                yield point, (role, pump.id)


def _point(point: Point, role: str, machine: str) -> PointPlan:
    return PointPlan(
        id=point.id,
        rest_closed=point.contact == "normally-closed",
        settle_ns=point.settle_ms * MS,
        signal=Signal(point.signal),
        role=role,
        machine=machine,
        press=tuple(point.press),
    )


def _door(point: Point) -> Door:
    return Door(point.id, _or_none(point.held_open_s), Signal(point.signal))


def _limits(pump: PumpConfig) -> Limits:
    unexpected = None if pump.demand is UNSET else pump.unexpected_run_s
    return Limits(pump.fail_to_start_s, unexpected, pump.not_in_auto_s)


def _rule(rule: RuleConfig) -> Rule:
    clip = None if isinstance(rule.clip, UnsetType) else _clip(rule.clip)
    return Rule(tuple(rule.on), tuple(rule.drive), rule.until, _or_none(rule.for_s) or 0, clip)


def _clip(clip: Clip) -> ClipWish:
    return ClipWish(tuple(clip.cameras), clip.before_s, clip.after_s, clip.hold)


def _output(relay: Relay) -> Output:
    return Output(relay.id, _or_none(relay.max_on_s), relay.silence)


def _or_none(value: int | UnsetType) -> int | None:
    return None if isinstance(value, UnsetType) else value
