"""From the site's file to what the panel is made of: specs for the pins, machines, rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import get_args

from msgspec import UNSET, UnsetType

from agent.config.model import Arming as ArmingConfig
from agent.config.model import Clip, Day, Point, Relay, SiteConfig
from agent.config.model import Pump as PumpConfig
from agent.config.model import Rule as RuleConfig
from agent.core.arming import Arming, Hours
from agent.core.door import Door
from agent.core.escalation import Contact
from agent.core.events import Signal
from agent.core.hours import minutes
from agent.core.pump import Limits, Pump
from agent.core.readback import Readback
from agent.core.room import SENSORS, Reads
from agent.core.rules import ClipWish, Output, Rule, Rules
from hw.ports import PointSpec, RelaySpec

MS, SECOND = 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class PointPlan:
    """One point: how to read its contact, and who is told.

    role: door / button / contact / running / demand / auto / readback, or a sensor of core/room.py. trips: what a
    sensor reads while its contact is active.
    """

    id: str
    rest_closed: bool
    settle_ns: int
    signal: Signal
    role: str
    machine: str = ""  # id of the pump, or of the relay that it reads back
    press: tuple[str, ...] = ()
    trips: Reads = Reads.HIGH

    def active(self, closed: bool) -> bool:
        """Away from rest: door open, button pressed, pump running, selector in auto."""
        return closed != self.rest_closed

    @property
    def watched_by(self) -> str:
        """Id of the door, pump or relay that it belongs to, "" for none."""
        return self.id if self.role == "door" else self.machine

    @property
    def alarms(self) -> bool:
        """True if its being active is an alarm by itself."""
        return self.role == "contact" and self.signal is not Signal.STATUS


@dataclass(frozen=True)
class Plan:
    """What a site's panel consists of.

    rests: relay -> energised while nothing drives it; heartbeats: relay -> half of its period; entries: doors whose
    opening must match a visit.
    """

    points: dict[str, PointPlan]
    doors: dict[str, Door]
    pumps: dict[str, Pump]
    rules: Rules
    rests: dict[str, bool]
    inputs: list[PointSpec] = field(default_factory=list)
    outputs: list[RelaySpec] = field(default_factory=list)
    cameras: tuple[str, ...] = ()
    arming: Arming = field(default_factory=lambda: Arming((), {}, lambda at_ns: (0, 0)))
    readbacks: dict[str, Readback] = field(default_factory=dict)
    heartbeats: dict[str, int] = field(default_factory=dict)
    entries: frozenset[str] = frozenset()
    contacts: tuple[Contact, ...] = ()
    quiet_drills: bool = False

    def machines(self) -> list[Door | Pump | Readback]:
        """All doors, pumps and relays that are read back."""
        return [*self.doors.values(), *self.pumps.values(), *self.readbacks.values()]

    def recorded(self, role: str, machine: str, levels: Mapping[str, bool], missing: bool) -> bool:
        """Whether the point of that role was active by `levels`; `missing` if it is not wired or not among them."""
        for point in self.points.values():
            if point.role == role and point.machine == machine and point.id in levels:
                return point.active(levels[point.id])
        return missing


def plan(site: SiteConfig) -> Plan:
    """The machines are new ones: one Plan serves one panel."""
    roles = dict(_roles(site.pump)) | {str(r.readback): ("readback", r.id) for r in site.relay if r.readback}
    return Plan(
        points={point.id: _point(point, *roles.get(point.id, (str(point.kind), ""))) for point in site.point},
        doors={point.id: _door(point) for point in site.point if point.kind == "door"},
        pumps={pump.id: Pump(pump.id, _limits(pump)) for pump in site.pump},
        rules=Rules([_rule(rule) for rule in site.rule], [_output(relay) for relay in site.relay]),
        rests={relay.id: relay.rest == "energised" for relay in site.relay},
        inputs=[PointSpec(point.id, point.pin, point.contact, point.bias) for point in site.point],
        outputs=[relay_spec(relay) for relay in site.relay],
        cameras=tuple(camera.id for camera in site.camera),
        arming=_arming(site),
        readbacks={r.id: Readback(r.id, r.readback_ms, r.rest == "energised") for r in site.relay if r.readback},
        heartbeats={r.id: SECOND // (2 * r.heartbeat_hz) for r in site.relay if r.heartbeat_hz},
        entries=frozenset(point.id for point in site.point if point.entry),
        contacts=tuple(Contact(one.id, one.escalate_after_s) for one in site.contact),
        quiet_drills=not site.drill.sounders,
    )


def relay_spec(relay: Relay) -> RelaySpec:
    """How the relay's line is driven."""
    return RelaySpec(relay.id, relay.pin, relay.active, relay.rest, _or_none(relay.heartbeat_hz) or 0)


def signal_of(point: Point) -> Signal:
    """The class of a point: its own, or what its kind has of itself."""
    if point.signal is not UNSET:
        return Signal(point.signal)
    sensor = SENSORS.get(point.kind)
    return Signal.STATUS if sensor is None else sensor.signal


def _arming(site: SiteConfig) -> Arming:
    hours: dict[str, list[Hours]] = {}
    for one in site.arming:
        for door in one.points:
            hours.setdefault(door, []).append(_hours(one))
    zone = _zone(site.site.timezone) if hours else UTC

    def local(at_ns: int) -> tuple[int, int]:
        now = datetime.fromtimestamp(at_ns // SECOND, zone)
        return now.weekday(), now.hour * 60 + now.minute

    return Arming([point.id for point in site.point if point.kind == "door"], hours, local)


def _hours(one: ArmingConfig) -> Hours:
    days = frozenset(get_args(Day).index(day) for day in one.days or get_args(Day))
    return Hours(days, minutes(one.from_), minutes(one.until))


def _zone(name: str) -> tzinfo:
    import zoneinfo  # 1 MiB and 3 ms that only sites with hours pay

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # `check` has said so
        return UTC


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
        signal=signal_of(point),
        role=role,
        machine=machine,
        press=tuple(point.press),
        trips=Reads(point.trips),
    )


def _door(point: Point) -> Door:
    return Door(point.id, _or_none(point.held_open_s), signal_of(point))


def _limits(pump: PumpConfig) -> Limits:
    unexpected = None if pump.demand is UNSET else pump.unexpected_run_s
    return Limits(pump.fail_to_start_s, unexpected, pump.not_in_auto_s)


def _rule(rule: RuleConfig) -> Rule:
    clip = None if isinstance(rule.clip, UnsetType) else _clip(rule.clip)
    return Rule(
        tuple(rule.on),
        tuple(rule.drive),
        rule.until,
        _or_none(rule.for_s) or 0,
        clip,
        tuple(rule.of),
        tuple(rule.tell),
        rule.plan,
    )


def _clip(clip: Clip) -> ClipWish:
    return ClipWish(tuple(clip.cameras), clip.before_s, clip.after_s, clip.hold)


def _output(relay: Relay) -> Output:
    return Output(relay.id, _or_none(relay.max_on_s), relay.silence, relay.min_on_s)


def _or_none(value: int | UnsetType) -> int | None:
    return None if isinstance(value, UnsetType) else value
