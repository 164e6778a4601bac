"""What the remote start of each pump consists of, from the site's file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from msgspec import UnsetType, json

from agent.config.model import Pump, SiteConfig
from agent.core.pump.limits import fail_to_start_s

POINTS = ("running", "start_enable", "start_lockout")


@dataclass(frozen=True)
class StartPlan:
    """One pump's. wiring: digest of what a commissioning test proves; run_within_s: a start takes so long at most;
    wired: those of POINTS that it has; cameras: whose footage is kept."""

    pump: str
    relay: str
    wiring: str
    run_within_s: int
    wired: frozenset[str]
    cameras: tuple[str, ...]


def start_plans(site: SiteConfig) -> tuple[StartPlan, ...]:
    """Of the pumps that have a start relay."""
    return tuple(_plan(site, pump, pump.start_relay) for pump in site.pump if isinstance(pump.start_relay, str))


def _plan(site: SiteConfig, pump: Pump, relay: str) -> StartPlan:
    kw = None if isinstance(pump.rated_kw, UnsetType) else pump.rated_kw
    within = pump.fail_to_start_s
    return StartPlan(
        pump=pump.id,
        relay=relay,
        wiring=_wiring(site, pump, relay),
        run_within_s=fail_to_start_s(pump.driver, kw) if isinstance(within, UnsetType) else within,
        wired=frozenset(role for role in POINTS if not isinstance(getattr(pump, role), UnsetType)),
        cameras=tuple(pump.start_cameras),
    )


def _wiring(site: SiteConfig, pump: Pump, relay: str) -> str:
    """A change of relay, read-back, key switch, lock-out or running contact makes another one."""
    output = next(one for one in site.relay if one.id == relay)
    names = {role: getattr(pump, role) for role in POINTS} | {"readback": output.readback}
    points = {point.id: (point.pin, point.contact) for point in site.point}
    told = {role: (id_, points.get(id_)) for role, id_ in names.items() if not isinstance(id_, UnsetType)}
    text = json.encode([output.id, output.pin, output.active, told], order="deterministic")
    return hashlib.sha256(text).hexdigest()[:16]
