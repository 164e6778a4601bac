"""From the site's file to what the panel is made of: specs for the pins, machines, rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, get_args

from msgspec import UNSET, UnsetType

from agent.config.model import Analog, Clip, Day, Loop, Point, PumpWindow, Relay, SiteConfig
from agent.config.model import Arming as ArmingConfig
from agent.config.model import Pump as PumpConfig
from agent.config.model import Rule as RuleConfig
from agent.core.analog import Limits as ValueLimits
from agent.core.analog import Scale
from agent.core.arming import Arming, Hours
from agent.core.door import Door
from agent.core.escalation import Contact
from agent.core.events import Signal
from agent.core.hours import minutes
from agent.core.pump import ROLES, Limits, Pump
from agent.core.pump.limits import TEST_MIN, fail_to_start_s
from agent.core.pump.schedule import Clock, Local, Slot
from agent.core.readback import Readback
from agent.core.room import SENSORS, Reads
from agent.core.rules import ClipWish, Output, Rule, Rules
from agent.core.supervision import Bands
from agent.core.values import Value
from hw.ports import ChannelSpec, PointSpec, RelaySpec, channel_of

if TYPE_CHECKING:
    from agent.panel.start_plan import StartPlan

MS, SECOND = 1_000_000, 1_000_000_000
SETTLE_MS, SETTLE_DEMAND_MS = 100, 500
STUCK_BUTTON_S = 60
# Keys of [[pump]] that are fields of Limits under the same name.
LIMITS_AS_THEY_ARE = (
    "not_in_auto_s",
    "power_lost_ms",
    "phase_loss_ms",
    "phase_reversal_ms",
    "alternate_source_ms",
    "water_s",
    "trouble_ms",
    "contradiction_power_s",
    "contradiction_demand_s",
    "reminder_s",
    "test_window_s",
    "patrol_min_s",
    "jockey_starts",
    "jockey_often",
    "jockey_run_s",
    "main_starts",
    "main_within_s",
)


@dataclass(frozen=True)
class PointPlan:
    """One point: how to read its contact, and who is told.

    role: door / button / contact / pump / readback, or a sensor of core/room.py. trips: what a sensor reads while its
    contact is active.
    """

    id: str
    rest_closed: bool
    settle_ns: int
    signal: Signal
    role: str
    machine: str = ""  # id of the pump, or of the relay that it reads back
    press: tuple[str, ...] = ()
    trips: Reads = Reads.HIGH
    pumps: tuple[tuple[str, str], ...] = ()  # (role, pump) of every pump that it belongs to
    stuck_ns: int | None = None

    def active(self, closed: bool) -> bool:
        """Away from rest: door open, button pressed, pump running, selector in auto."""
        return closed != self.rest_closed

    @property
    def watched_by(self) -> str:
        """Id of the door, pump (the first of several) or relay that it belongs to, "" for none."""
        return self.id if self.role == "door" else self.machine

    @property
    def machines(self) -> tuple[str, ...]:
        """Ids of all machines whose limits its unrest puts off."""
        return tuple(pump for _, pump in self.pumps) or (self.watched_by,)

    @property
    def alarms(self) -> bool:
        """True if its being active is an alarm by itself."""
        return self.role == "contact" and self.signal is not Signal.STATUS


@dataclass(frozen=True)
class Plan:
    """What a site's panel consists of.

    rests: relay -> energised while nothing drives it; heartbeats: relay -> half of its period; entries: doors whose
    opening must match a visit; channels: of the converters whose select lines are adc: loops with their bands, and
    meters of values; value_uses: value -> (role, pump); records: value -> seconds between two rows; planned: whether
    test windows open by the hour, which `local` tells.
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
    local: Clock = lambda at_ns: Local(0, 0, 1, 31)
    planned: bool = False
    readbacks: dict[str, Readback] = field(default_factory=dict)
    heartbeats: dict[str, int] = field(default_factory=dict)
    entries: frozenset[str] = frozenset()
    contacts: tuple[Contact, ...] = ()
    quiet_drills: bool = False

    channels: list[ChannelSpec] = field(default_factory=list)
    adc: tuple[str, ...] = ()
    bands: dict[str, Bands] = field(default_factory=dict)
    meters: dict[str, tuple[Scale, ValueLimits]] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    value_uses: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    starts: tuple[StartPlan, ...] = ()

    @property
    def start_relays(self) -> frozenset[str]:
        """Relays that start a pump: nothing but a confirmed remote start drives them."""
        return frozenset(one.relay for one in self.starts)

    def machines(self) -> list[Door | Pump | Readback]:
        """All doors, pumps and relays that are read back."""
        return [*self.doors.values(), *self.pumps.values(), *self.readbacks.values()]

    def recorded(self, pump: str, levels: Mapping[str, bool]) -> dict[str, bool]:
        """role -> whether that contact of a pump was active by `levels`, where they say."""
        return {
            role: point.active(levels[point.id])
            for point in self.points.values()
            for role, of in point.pumps
            if of == pump and point.id in levels
        }


def plan(site: SiteConfig) -> Plan:
    """The machines are new ones: one Plan serves one panel."""
    roles = {str(r.readback): ("readback", r.id) for r in site.relay if r.readback}
    pumps, slots, local = _roles(site.pump), _slots(site.test_window), _clock(site)
    roles |= {point: ("pump", uses[0][1]) for point, uses in pumps.items()}
    return Plan(
        points={
            point.id: _point(point, *roles.get(point.id, (str(point.kind), "")), tuple(pumps.get(point.id, ())))
            for point in site.point
        },
        doors={point.id: _door(point) for point in site.point if point.kind == "door"},
        pumps={pump.id: Pump(pump.id, _limits(pump), _wired(pump), slots.get(pump.id, ())) for pump in site.pump},
        rules=_rules(site),
        rests={relay.id: relay.rest == "energised" for relay in site.relay},
        inputs=[point_spec(point) for point in site.point if channel_of(point.pin) is None],
        outputs=[relay_spec(relay) for relay in site.relay],
        cameras=tuple(camera.id for camera in site.camera),
        arming=_arming(site, local),
        local=local,
        planned=bool(slots),
        readbacks={r.id: Readback(r.id, r.readback_ms, r.rest == "energised") for r in site.relay if r.readback},
        heartbeats={r.id: SECOND // (2 * r.heartbeat_hz) for r in site.relay if r.heartbeat_hz},
        entries=frozenset(point.id for point in site.point if point.entry),
        contacts=tuple(Contact(one.id, one.escalate_after_s) for one in site.contact),
        quiet_drills=not site.drill.sounders,
        channels=channel_specs(site),
        adc=tuple(site.board.adc),
        bands={point.id: _bands(point.supervised) for point in site.point if channel_of(point.pin) is not None},
        meters={one.id: (_scale(one), _value_limits(one)) for one in site.analog},
        values={one.id: _value(one) for one in site.analog},
        value_uses={one.id: tuple(uses) for one in site.analog if (uses := pumps.get(one.id))},
        records={one.id: one.record_s for one in site.analog if one.record_s},
        starts=_starts(site),
    )


def _rules(site: SiteConfig) -> Rules:
    """Start relays are none of theirs, whatever a rule says."""
    starts = {pump.start_relay for pump in site.pump}
    outputs = [_output(relay) for relay in site.relay if relay.id not in starts]
    return Rules([_rule(rule, starts) for rule in site.rule], outputs)


def _starts(site: SiteConfig) -> tuple[StartPlan, ...]:
    if all(isinstance(pump.start_relay, UnsetType) for pump in site.pump):
        return ()
    from agent.panel.start_plan import start_plans  # only sites with a remote start pay for it

    return start_plans(site)


def point_spec(point: Point) -> PointSpec:
    """How the point's line is read."""
    return PointSpec(point.id, point.pin, point.contact, point.bias)


def channel_specs(site: SiteConfig) -> list[ChannelSpec]:
    """All converter channels: supervised points and measured values."""
    loops = [
        ChannelSpec(
            point.id,
            point.pin,
            "loop",
            point.contact,
            point.supervised.series_ohm,
            point.supervised.parallel_ohm,
            point.supervised.pull_up_ohm,
        )
        for point in site.point
        if channel_of(point.pin) is not None
    ]
    return loops + [
        ChannelSpec(one.id, one.pin, "current", shunt_ohm=one.shunt_ohm, reference_mv=one.reference_mv)
        for one in site.analog
    ]


def _bands(loop: Loop) -> Bands:
    return Bands.of(loop.series_ohm, loop.parallel_ohm, loop.pull_up_ohm, loop.tolerance_percent)


def _scale(one: Analog) -> Scale:
    return Scale(one.zero_milli, one.full_milli, one.shunt_ohm, one.reference_mv)


def _value_limits(one: Analog) -> ValueLimits:
    stuck_s = _or_none(one.stuck_s)
    return ValueLimits(
        _or_none(one.low_milli),
        _or_none(one.high_milli),
        one.hysteresis_milli,
        one.settle_ms * MS,
        None if stuck_s is None else stuck_s * SECOND,
    )


def _value(one: Analog) -> Value:
    return Value(one.id, one.unit, Signal(one.signal), _or_none(one.low_milli), _or_none(one.high_milli))


def relay_spec(relay: Relay) -> RelaySpec:
    """How the relay's line is driven."""
    return RelaySpec(relay.id, relay.pin, relay.active, relay.rest, _or_none(relay.heartbeat_hz) or 0)


def signal_of(point: Point) -> Signal:
    """The class of a point: its own, or what its kind has of itself."""
    if point.signal is not UNSET:
        return Signal(point.signal)
    sensor = SENSORS.get(point.kind)
    return Signal.STATUS if sensor is None else sensor.signal


def _arming(site: SiteConfig, local: Clock) -> Arming:
    hours: dict[str, list[Hours]] = {}
    for one in site.arming:
        for door in one.points:
            hours.setdefault(door, []).append(_hours(one))
    doors = [point.id for point in site.point if point.kind == "door"]
    return Arming(doors, hours, lambda at_ns: local(at_ns)[:2])


def _clock(site: SiteConfig) -> Clock:
    zone = _zone(site.site.timezone) if site.arming or site.test_window else UTC

    def local(at_ns: int) -> Local:
        now = datetime.fromtimestamp(at_ns // SECOND, zone)
        days = 32 - (now.replace(day=1) + timedelta(days=31)).day  # so far the first + 31 days is into the next month
        return Local(now.weekday(), now.hour * 60 + now.minute, now.day, days)

    return local


def _slots(windows: Iterable[PumpWindow]) -> dict[str, list[Slot]]:
    """pump -> when its test windows open."""
    found: dict[str, list[Slot]] = {}
    for one in windows:
        days = frozenset(get_args(Day).index(day) for day in one.days)
        slot = Slot(one.method, days, one.of_month, minutes(one.from_), minutes(one.until))
        for pump in one.pumps:
            found.setdefault(pump, []).append(slot)
    return found


def _hours(one: ArmingConfig) -> Hours:
    days = frozenset(get_args(Day).index(day) for day in one.days or get_args(Day))
    return Hours(days, minutes(one.from_), minutes(one.until))


def _zone(name: str) -> tzinfo:
    import zoneinfo  # 1 MiB and 3 ms that only sites with hours pay

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # `check` has said so
        return UTC


def _roles(pumps: Iterable[PumpConfig]) -> dict[str, list[tuple[str, str]]]:
    """point -> (role, pump), for each pump that it serves."""
    found: dict[str, list[tuple[str, str]]] = {}
    for pump in pumps:
        for key, role in (*((role, role) for role in ROLES), ("pressure", "pressure_normal")):
            point = getattr(pump, key)
            if point is not UNSET:
                found.setdefault(point, []).append((role, pump.id))
    return found


def _wired(pump: PumpConfig) -> frozenset[str]:
    roles = {role for role in ROLES if getattr(pump, role) is not UNSET}
    return frozenset(roles | ({"pressure_normal"} if pump.pressure is not UNSET else set()))


def _point(point: Point, role: str, machine: str, pumps: tuple[tuple[str, str], ...]) -> PointPlan:
    settle_ms = SETTLE_DEMAND_MS if ("demand", machine) in pumps else SETTLE_MS
    stuck_s = STUCK_BUTTON_S if role == "button" else None
    return PointPlan(
        id=point.id,
        rest_closed=point.contact == "normally-closed",
        settle_ns=_or(point.settle_ms, settle_ms) * MS,
        signal=signal_of(point),
        role=role,
        machine=machine,
        press=tuple(point.press),
        trips=Reads(point.trips),
        pumps=pumps,
        stuck_ns=None if (limit_s := _or_none(point.stuck_s) or stuck_s) is None else limit_s * SECOND,
    )


def _door(point: Point) -> Door:
    return Door(point.id, _or_none(point.held_open_s), signal_of(point))


def _limits(pump: PumpConfig) -> Limits:
    diesel = pump.driver == "diesel"
    same = {name: getattr(pump, name) for name in LIMITS_AS_THEY_ARE}
    return Limits(
        **same,
        fail_to_start_s=_or(pump.fail_to_start_s, fail_to_start_s(pump.driver, _or_none(pump.rated_kw))),
        unexpected_run_s=None if pump.demand is UNSET else pump.unexpected_run_s,
        overrun_s=_or(pump.overrun_s, 1800 if diesel else 600),
        test_min_s=_or(pump.test_min_s, 60 * TEST_MIN[pump.test_profile][diesel]),
        weekly_days=pump.weekly_days or None,
        monthly_days=pump.monthly_days or None,
        patrol_days=None if pump.patrol is UNSET else pump.patrol_days or None,
        running_class=Signal(pump.running_class),
    )


def _or(value: int | UnsetType, default: int) -> int:
    return default if isinstance(value, UnsetType) else value


def _rule(rule: RuleConfig, starts: Collection[str | UnsetType]) -> Rule:
    clip = None if isinstance(rule.clip, UnsetType) else _clip(rule.clip)
    return Rule(
        tuple(rule.on),
        tuple(relay for relay in rule.drive if relay not in starts),
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
