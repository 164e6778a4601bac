"""What would happen at this site: an event put through the panel's own decisions, with nothing behind them.

The Response is the panel's; only pins, journal and time are missing. Nothing here is written or driven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from msgspec import UNSET

from agent.config import SiteConfig
from agent.core.alarm import classed
from agent.core.chain import Stamp
from agent.core.events import KINDS, AlarmRaised, Event, Signal
from agent.core.room import SENSORS
from agent.core.rules import FOLLOWED, OWN, Rule
from agent.panel.plan import Plan, plan
from agent.panel.response import Cause, Response

NOW = Stamp(0, "dry run", 1, "synced")
EMPTY: dict[str, object] = {"str": "", "int": 0, "bool": False, "list[str]": [], "list[int]": [], "dict[str, str]": {}}
DRY = "x"  # stands for a text that the event would carry


@dataclass(frozen=True)
class Answer:
    """What follows from an event. said: rows; relays: driven or released; rules: (number, rule) that answered."""

    said: list[Event]
    relays: dict[str, bool]
    rules: list[tuple[int, Rule]]
    chain: list[tuple[str, int]]  # contacts in their order, and how long each has


def heard(kind: str) -> bool:
    """Whether rules hear of events of this kind."""
    return kind.startswith((*OWN, *FOLLOWED))


def sources(kind: str, site: SiteConfig) -> list[str]:
    """To what of this site an event of this kind can happen."""
    family = kind.partition(".")[0]
    points = {point.id: str(point.kind) for point in site.point}
    if kind == "relay.readback_failed":
        return [relay.id for relay in site.relay if relay.readback]
    if family == "entry":
        return [point.id for point in site.point if point.entry]
    if family in ("door", "button", *SENSORS):
        return [id_ for id_, of in points.items() if of == family]
    things: dict[str, Sequence[str]] = {
        "point": list(points),
        "pump": [pump.id for pump in site.pump],
        "relay": [relay.id for relay in site.relay],
        "camera": [camera.id for camera in site.camera],
        "footage": [camera.id for camera in site.camera],
        "clip": [camera.id for camera in site.camera],
        "analog": [one.id for one in getattr(site, "analog", ())],
        "link": [] if site.uplink is UNSET else ["uplink"],
    }
    return list(things.get(family, [family if family in ("visit", "impairment", "drill", "incident") else "panel"]))


def event_of(kind: str, source: str, made: Plan) -> Event:
    """Such an event as it would come. KeyError if there is no such kind."""
    cls = KINDS[kind]
    needed = [f for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING and f.name != "source"]
    values: dict[str, Any] = {f.name: EMPTY.get(str(f.type), DRY) for f in needed}
    if kind == "trouble.raised":
        values["what"] = DRY
    point = made.points.get(source)
    signal = Signal.STATUS
    if point is not None and (kind in ("door.held_open", "point.changed") or kind.partition(".")[0] in SENSORS):
        ends = kind.endswith((".cleared", ".closed", ".normal"))
        signal = point.signal if not ends and (kind != "point.changed" or point.alarms) else Signal.STATUS
        values |= {"closed": not point.rest_closed} if kind == "point.changed" else {}
    return cls(source=source, signal=signal, **values)


def answer(site: SiteConfig, kind: str, source: str) -> Answer:
    """Let it happen to a panel that is made for this and thrown away."""
    made = plan(site)
    response = Response(made)
    response.now = NOW
    response.because(Cause(), [event_of(kind, source, made)])
    rules = list(dict.fromkeys(rule for _, rule in response.answered))
    all_rules = list(response.rules.rules)
    drives = {drive.relay: drive.energised for drive in response.drives()}
    after = {one.id: one.escalate_after_s for one in made.contacts}
    raised = [event.source for event in response.said if isinstance(event, AlarmRaised)]
    watched = [watch for id_, watch in response.escalation.waiting.items() if id_ in raised[:1]]
    chain = [(one, after[one]) for watch in watched for one in watch.to]
    return Answer(response.said, drives, [(all_rules.index(rule) + 1, rule) for rule in rules], chain)


def alarms(site: SiteConfig) -> dict[str, list[str]]:
    """Kinds of alarm that this site can raise, each with what it can happen to."""
    made = plan(site)
    response = Response(made)
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        if not heard(kind) or kind in ("alarm.raised", "alarm.escalated", "point.found"):
            continue
        which = [one for one in sources(kind, site) if response.latches(classed(event_of(kind, one, made)))]
        if which and _possible(kind, site):
            found[kind] = which
    return found


def _possible(kind: str, site: SiteConfig) -> bool:
    """Whether what it takes is configured."""
    takes = {
        "door.held_open": any(isinstance(point.held_open_s, int) for point in site.point),
        "door.forced": bool(site.arming),
        "door.open_at_arming": bool(site.arming),
        "temperature.low": any(p.kind == "temperature" and p.trips == "low" for p in site.point),
        "temperature.high": any(p.kind == "temperature" and p.trips == "high" for p in site.point),
        "humidity.low": any(p.kind == "humidity" and p.trips == "low" for p in site.point),
        "humidity.high": any(p.kind == "humidity" and p.trips == "high" for p in site.point),
    }
    return takes.get(kind, True)
