"""Remote start of fire pumps: what a start relay must be, that nothing else drives it, and that no output stops one."""

from __future__ import annotations

import re

from agent.config.convert import Report, Table
from agent.config.looking import all_of, ids_of, tell_unknown
from agent.config.pins import pulled_up_at_boot
from agent.core.commands import OPS
from agent.core.start_table import PULSE_MS_MAX

PULSE_S_MAX = PULSE_MS_MAX // 1000
WITH_RELAY = ("start_enable", "start_lockout", "start_cameras")
_STOPS = re.compile(r"(^|-)(stop|stops|halt|trip|shutdown|cutout)(-|$)")


def starts(site: Table, report: Report) -> None:
    """Off unless start_relay is there; then everything that it needs must be there too."""
    relays, taken = ids_of(site, "relay"), dict[str, str]()
    for pump in all_of(site, "pump"):
        id_ = pump.get("start_relay")
        if not pump.given("start_relay"):
            for key in WITH_RELAY:
                if pump.given(key):
                    report.warn(pump, key, "needs-start-relay")
            continue
        if not pump.given("start_enable"):
            report.error(pump, "start_relay", "start-no-key")
        if not isinstance(id_, str):
            continue
        if id_ not in relays:
            tell_unknown(report, pump, "start_relay", "relay", id_, relays)
            continue
        if id_ in taken:
            report.error(pump, "start_relay", "double-start", other=taken[id_])
        taken.setdefault(id_, f"{pump.label}.start_relay")
        _relay(relays[id_], report)
    _alone(site, report, taken)
    if taken:
        _people(site, report)
    _cameras(site, report)


def _relay(relay: Table, report: Report) -> None:
    """Released at rest, limited, read back, and quiet while the board boots."""
    most, least = relay.get("max_on_s"), relay.get("min_on_s")
    if relay.get("rest") == "energised":
        report.error(relay, "rest", "start-at-rest")
    if relay.given("heartbeat_hz"):
        report.error(relay, "heartbeat_hz", "start-at-rest")
    if not isinstance(most, int) or most > PULSE_S_MAX:
        report.error(relay, "max_on_s", "start-max", most=PULSE_S_MAX)
    if least:
        report.error(relay, "min_on_s", "start-min")
    if not relay.given("readback"):
        report.error(relay, "readback", "start-readback")
    if relay.get("pin") and pulled_up_at_boot(relay.get("pin")):
        report.error(relay, "pin", "start-boot-pin")


def _alone(site: Table, report: Report, taken: dict[str, str]) -> None:
    for rule in all_of(site, "rule"):
        for index, id_ in enumerate(rule.get("drive") or [], start=1):
            if id_ in taken:
                report.error(rule, f"drive[{index}]", "start-driven", other=taken[id_])


def _people(site: Table, report: Report) -> None:
    """Somebody must be able to sign a start, and a technician the test that comes before."""
    roles = {person.get("role") for person in all_of(site, "person")}
    if not roles & {str(role) for role in OPS["start"].roles}:
        report.warn(all_of(site, "pump")[0], "start_relay", "start-nobody")
    elif "technician" not in roles:
        report.warn(all_of(site, "pump")[0], "start_relay", "start-no-technician")


def _cameras(site: Table, report: Report) -> None:
    cameras = ids_of(site, "camera")
    for pump in all_of(site, "pump"):
        for index, id_ in enumerate(pump.get("start_cameras") or [], start=1):
            if id_ is not None and id_ not in cameras:
                tell_unknown(report, pump, f"start_cameras[{index}]", "camera", id_, cameras)


def no_stops(site: Table, report: Report) -> None:
    """Nothing here may stop a pump, whatever it is wired to: who names a relay so is told before it is wired."""
    pumps = {"pump", "pumps", *(str(pump.get("id")) for pump in all_of(site, "pump"))}
    for relay in all_of(site, "relay"):
        id_ = relay.get("id")
        if isinstance(id_, str) and _STOPS.search(id_) and any(pump in id_ for pump in pumps):
            report.error(relay, "id", "no-stop")
