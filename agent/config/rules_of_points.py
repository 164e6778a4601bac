"""How points, converter channels, measured values and pumps of a site.toml must fit together."""

from __future__ import annotations

from agent.config.convert import Report, Table
from agent.config.looking import all_of, ids_of, tell_unknown
from agent.config.pins import channel_of
from agent.core.hours import minutes
from agent.core.pump import LEVELS, ROLES, SHARED
from agent.core.pump.limits import TEST_MIN
from agent.core.supervision import Bands


def channels(site: Table, report: Report) -> None:
    """A channel belongs to a converter that there is; a measured value has no other place."""
    board = site.get("board")
    chips = len((board.get("adc") if board else None) or [])
    for table in [*all_of(site, "point"), *all_of(site, "analog"), *all_of(site, "relay")]:
        pin = table.get("pin")
        if pin is None:
            continue
        channel = channel_of(pin)
        if channel is None:
            if table.path[0] == "analog":
                report.error(table, "pin", "channel-needed")
        elif table.path[0] == "relay":
            report.error(table, "pin", "channel-no-relay")
        elif channel[0] >= chips:
            report.error(table, "pin", "no-adc", number=channel[0], chips=chips)


def loops(site: Table, report: Report) -> None:
    """Resistors that tell open, closed and broken apart; only on a channel."""
    for point in all_of(site, "point"):
        if point.get("pin") is None:
            continue
        on_channel = channel_of(point.get("pin")) is not None
        if point.given("supervised") and not on_channel:
            report.error(point, "supervised", "channel-only")
        loop = point.get("supervised")
        values = [loop.get(name) for name in LOOP] if isinstance(loop, Table) else []
        if values and None not in values and not Bands.of(*values).distinct:
            report.error(point, "supervised", "same-bands")


LOOP = ("series_ohm", "parallel_ohm", "pull_up_ohm", "tolerance_percent")


def analogs(site: Table, report: Report) -> None:
    """Limits of a measured value lie in their order, with room between them for the hysteresis."""
    for one in all_of(site, "analog"):
        low, high, back = one.get("low_milli"), one.get("high_milli"), one.get("hysteresis_milli")
        if isinstance(low, int) and isinstance(high, int) and isinstance(back, int) and low + 2 * back > high:
            report.error(one, "high_milli", "limits-cross")
        if one.get("zero_milli") is not None and one.get("zero_milli") == one.get("full_milli"):
            report.error(one, "full_milli", "no-span")
        shunt, reference = one.get("shunt_ohm"), one.get("reference_mv")
        if shunt and reference and shunt * 21 > reference:
            report.error(one, "shunt_ohm", "shunt-large", most=reference // 21)


def pump_points(site: Table, report: Report) -> None:
    """A pump is made of contacts; what tells of one pump alone is used once, water and power may be shared."""
    used: dict[str, str] = {}
    for pump in all_of(site, "pump"):
        for role in ROLES:
            id_ = pump.get(role)
            if isinstance(id_, str):
                _pump_point(site, report, pump, role, id_)
                if id_ in used and (role not in SHARED or used[id_].rpartition(".")[2] != role):
                    report.error(pump, role, "double-use", other=used[id_])
                used.setdefault(id_, f"{pump.label}.{role}")
        pressure, analogs = pump.get("pressure"), ids_of(site, "analog")
        if isinstance(pressure, str) and pressure not in analogs:
            tell_unknown(report, pump, "pressure", "analog", pressure, analogs)


def _pump_point(site: Table, report: Report, pump: Table, role: str, id_: str) -> None:
    known, analogs = ids_of(site, "point"), ids_of(site, "analog")
    if id_ in analogs:
        limit = f"{LEVELS[role]}_milli" if role in LEVELS else ""
        if not limit:
            report.error(pump, role, "not-a-value")
        elif not analogs[id_].given(limit):
            report.error(pump, role, "no-limit", limit=limit)
    elif id_ not in known:
        tell_unknown(report, pump, role, "point", id_, known)
    elif known[id_].get("kind") not in ("contact", None):
        report.error(pump, role, "not-a-contact", kind=known[id_].get("kind"))


def pump_limits(site: Table, report: Report) -> None:
    """A time limit for something that is not wired would never count."""
    for pump in all_of(site, "pump"):
        for limit, role in NEEDS.items():
            if pump.given(limit) and not pump.given(role):
                report.warn(pump, limit, f"needs-{role}")


NEEDS = {
    "fail_to_start_s": "demand",
    "unexpected_run_s": "demand",
    "not_in_auto_s": "auto",
    "patrol_days": "patrol",
    "patrol_min_s": "patrol",
    "jockey_starts": "jockey",
    "jockey_often": "jockey",
    "jockey_run_s": "jockey",
}


def windows(site: Table, report: Report) -> None:
    """Hours of one day, for pumps that there are, long enough for the test that is meant."""
    pumps = ids_of(site, "pump")
    for one in all_of(site, "test_window"):
        needed_s = 0
        for index, id_ in enumerate(one.get("pumps") or [], start=1):
            if id_ in pumps:
                needed_s = max(needed_s, _test_min_s(pumps[id_]))
            elif id_ is not None:
                tell_unknown(report, one, f"pumps[{index}]", "pump", id_, pumps)
        begins, ends = one.get("from"), one.get("until")
        if not begins or not ends:
            continue
        has_s = 60 * (minutes(ends) - minutes(begins))
        if has_s <= 0:
            report.error(one, "until", "same-day")
        elif has_s < needed_s:
            report.warn(one, "until", "window-short", minutes=has_s // 60, needed=-(-needed_s // 60))


def _test_min_s(pump: Table) -> int:
    own, profile = pump.get("test_min_s"), pump.get("test_profile")
    return own if isinstance(own, int) else 60 * TEST_MIN.get(str(profile), (0, 0))[pump.get("driver") == "diesel"]
