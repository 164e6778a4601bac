"""How the fields of a site.toml must fit together: names that lead somewhere, one pin one use, no secrets.

Rules of this file:
- each function judges one thing, on tables of which some values may be missing because they were wrong already;
- an error is something the board cannot or must not run with; a warning is something a technician should look at.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from agent.config.convert import Report, Table
from agent.config.looking import all_of as _all
from agent.config.looking import ids_of as _ids
from agent.config.looking import tell_unknown as _unknown
from agent.config.pins import SPI, pulled_up_at_boot, same_line
from agent.config.problems import has_credentials
from agent.config.rules_of_cameras import cameras, host_and_port
from agent.config.rules_of_keeping import backup, classes, holds
from agent.config.rules_of_points import analogs, channels, loops, pump_limits, pump_points, windows
from agent.config.rules_of_views import masks, zones
from agent.core.events import KINDS
from agent.core.people import public_of
from agent.core.pump import ROLES
from agent.core.room import SENSORS
from agent.core.rules import FOLLOWED, OWN
from agent.core.spans import HARD_FLOOR_DAYS, least_days, span

# Names that standpipe itself uses as source of an event, in secrets.toml or in a topic.
RESERVED_IDS = {"alarms", "collector", "jobs", "journal", "panel", "requests", "uplink", "web"}
START_KEYS = ("start_relay", "start_enable", "start_lockout", "start_cameras")
STOPS = ("stop", "halt", "trip", "shutdown", "cutout")
HEARD = (*OWN, *FOLLOWED)


def judge(site: Table, report: Report) -> None:
    """Everything that takes more than one field to judge."""
    for look in LOOKS:
        look(site, report)


# --- names and pins ---


def ids(site: Table, report: Report) -> None:
    """An id names one thing on the whole board: it is the source of events and part of a topic."""
    taken: dict[str, str] = {}
    for kind in ("point", "pump", "analog", "relay", "camera"):
        for table in _all(site, kind):
            id_ = table.get("id")
            if id_ in RESERVED_IDS:
                report.error(table, "id", "reserved-id")
            elif id_ in taken:
                report.error(table, "id", "double-id", other=taken[id_])
            elif id_:
                taken[id_] = table.label


def pins(site: Table, report: Report) -> None:
    """One pin serves one point, value or relay, however it is spelt; converters take theirs."""
    board = site.get("board")
    adc = [pin for pin in (board.get("adc") if board else None) or [] if pin]
    taken: dict[str, str] = {same_line(pin): "board.adc" for pin in [*adc, *(SPI if adc else ())]}
    for table in [*_all(site, "point"), *_all(site, "analog"), *_all(site, "relay")]:
        pin = table.get("pin")
        if pin is None:
            continue
        line = same_line(pin)
        if line in taken:
            report.error(table, "pin", "double-pin", other=taken[line])
        taken.setdefault(line, table.label)


def boot_pins(site: Table, report: Report) -> None:
    for relay in _all(site, "relay"):
        if relay.get("pin") and pulled_up_at_boot(relay.get("pin")):
            report.warn(relay, "pin", "boot-pin")


# --- points and pumps ---


def points(site: Table, report: Report) -> None:
    """Keys that count only for one kind of point."""
    for point in _all(site, "point"):
        kind = point.get("kind")
        if point.given("held_open_s") and kind != "door" and kind is not None:
            report.error(point, "held_open_s", "door-only")
        if point.given("press") and kind != "button" and kind is not None:
            report.error(point, "press", "button-only")
        if point.raw.get("entry") and kind != "door" and kind is not None:
            report.error(point, "entry", "door-only")
        if point.given("trips") and kind not in ("temperature", "humidity", None):
            report.error(point, "trips", "measured-only")


# --- relays, doors, people ---


def relays(site: Table, report: Report) -> None:
    """A relay's times, its heartbeat, and the point that reads it back."""
    points, used = _ids(site, "point"), _used_by_pumps(site)
    for relay in _all(site, "relay"):
        least, most = relay.get("min_on_s"), relay.get("max_on_s")
        if least is not None and isinstance(most, int) and least > most:
            report.error(relay, "min_on_s", "min-over-max", most=most)
        if relay.given("heartbeat_hz") and relay.get("rest") == "released":
            report.error(relay, "heartbeat_hz", "beats-at-rest")
        id_ = relay.get("readback")
        if not isinstance(id_, str):
            continue
        if id_ not in points:
            _unknown(report, relay, "readback", "point", id_, points)
        elif points[id_].get("kind") not in ("contact", None):
            report.error(relay, "readback", "not-a-contact", kind=points[id_].get("kind"))
        if id_ in used:
            report.error(relay, "readback", "double-use", other=used[id_])
        used.setdefault(id_, f"{relay.label}.readback")


def _used_by_pumps(site: Table) -> dict[str, str]:
    named = [(pump.get(role), f"{pump.label}.{role}") for pump in _all(site, "pump") for role in ROLES]
    return {id_: where for id_, where in named if isinstance(id_, str)}


def arming(site: Table, report: Report) -> None:
    """Doors alone can be armed."""
    points = _ids(site, "point")
    for one in _all(site, "arming"):
        for key, id_ in _items(one, "points"):
            if id_ not in points:
                _unknown(report, one, key, "point", id_, points)
            elif points[id_].get("kind") not in ("door", None):
                report.error(one, key, "door-only")
        if one.get("from") is not None and one.get("from") == one.get("until"):
            report.error(one, "until", "no-hours")


def contacts(site: Table, report: Report) -> None:
    """Contacts are told apart by their id, and rules tell those there are."""
    known: dict[str, Table] = {}
    for contact in _all(site, "contact"):
        id_ = contact.get("id")
        if id_ in known:
            report.error(contact, "id", "double-id", other=known[id_].label)
        elif id_:
            known[id_] = contact
    for rule in _all(site, "rule"):
        for key, id_ in _items(rule, "tell"):
            if id_ not in known:
                _unknown(report, rule, key, "contact", id_, known)


def remote_starts(site: Table, report: Report) -> None:
    """Remote starts; and whatever a relay is called, none stops a pump."""
    wanted = any(pump.given(key) for pump in _all(site, "pump") for key in START_KEYS)
    odd = any(word in str(relay.get("id")) for relay in _all(site, "relay") for word in STOPS)
    if wanted or odd:
        from agent.config.rules_of_starts import no_stops, starts  # only sites that have them pay for it

        starts(site, report)
        no_stops(site, report)


# --- rules ---


def rule_events(site: Table, report: Report) -> None:
    for rule in _all(site, "rule"):
        for index, pattern in enumerate(rule.get("on") or [], start=1):
            if pattern is None:
                continue
            matching = fnmatch.filter(KINDS, pattern)
            if not matching:
                _unknown_event(report, rule, f"on[{index}]", pattern)
            elif not any(name.startswith(HEARD) for name in matching):
                report.warn(rule, f"on[{index}]", "event-not-seen")


def _unknown_event(report: Report, rule: Table, key: str, pattern: str) -> None:
    """For a wildcard the nearest family, else the nearest kind; those that rules hear come first."""
    heard = [name for name in KINDS if name.startswith(HEARD)]
    families = [family + "*" for family in HEARD if family.endswith(".")]
    near = report.words.nearest
    told = (near(pattern, families) if "*" in pattern else near(pattern, heard)) or near(pattern, KINDS)
    report.error(rule, key, "unknown-event", nearest=told)


def rule_targets(site: Table, report: Report) -> None:
    relays, cameras = _ids(site, "relay"), _ids(site, "camera")
    things = {id_: table for kind in ("point", "pump", "relay", "camera") for id_, table in _ids(site, kind).items()}
    for rule in _all(site, "rule"):
        for key, id_ in _items(rule, "of"):
            if id_ not in things:
                _unknown(report, rule, key, "thing", id_, things)
        for key, id_ in _items(rule, "drive"):
            if id_ not in relays:
                _unknown(report, rule, key, "relay", id_, relays)
        clip = rule.get("clip")
        for key, id_ in _items(clip, "cameras") if clip else ():
            if id_ not in cameras:
                _unknown(report, clip, key, "camera", id_, cameras)


def _items(table: Table, key: str) -> Iterator[tuple[str, str]]:
    for index, item in enumerate(table.get(key) or [], start=1):
        if item is not None:
            yield f"{key}[{index}]", item


def rule_ends(site: Table, report: Report) -> None:
    for rule in _all(site, "rule"):
        until = rule.get("until")
        if until == "time" and not rule.given("for_s"):
            report.error(rule, "until", "time-needs")
        elif until in ("acknowledged", "restored") and rule.given("for_s"):
            report.error(rule, "for_s", "time-only")


def idle(site: Table, report: Report) -> None:
    """What is there and does nothing: a rule, a relay, a button."""
    driven: set[str] = {str(pump.get("start_relay")) for pump in _all(site, "pump")}
    for rule in _all(site, "rule"):
        driven.update(rule.get("drive") or [])
        if not any(rule.given(key) for key in ("drive", "clip", "tell", "plan")):
            report.warn(rule, "", "idle-rule")
    for relay in _all(site, "relay"):
        if relay.get("id") and relay.get("id") not in driven and not relay.given("heartbeat_hz"):
            report.warn(relay, "", "idle-relay")
    for point in _all(site, "point"):
        if point.get("kind") == "button" and not point.raw.get("press") and not _answered(site, "button.*"):
            report.warn(point, "", "idle-button")


def silent_alarms(site: Table, report: Report) -> None:
    """An alarm that nobody hears: a point of class alarm, or a pump, that no rule answers."""
    for point in _all(site, "point"):
        kind = str(point.get("kind"))
        wanted = {"contact": "point.*"}.get(kind, f"{kind}.*")
        own = SENSORS[kind].signal if kind in SENSORS and not point.given("class") else point.get("class")
        if own == "alarm" and not _answered(site, wanted, "alarm.raised"):
            report.warn(point, "", "silent-alarm")
    for pump in _all(site, "pump"):
        if not _answered(site, "pump.*", "alarm.raised"):
            report.warn(pump, "", "silent-alarm")


def _answered(site: Table, *wanted: str) -> bool:
    """Whether any rule names an event kind of the families `wanted`."""
    kinds = [kind for family in wanted for kind in fnmatch.filter(KINDS, family)]
    patterns = [pattern for rule in _all(site, "rule") for pattern in rule.get("on") or [] if pattern]
    return any(fnmatch.filter(kinds, pattern) for pattern in patterns)


# --- addresses and secrets ---


def keeping(site: Table, report: Report) -> None:
    """No camera keeps less than the law asks, or at most less than at least."""
    for camera in _all(site, "camera"):
        keep, most = camera.get("keep"), camera.get("keep_at_most")
        if keep is not None and least_days(span(keep)) < HARD_FLOOR_DAYS:
            report.error(camera, "keep", "hard-floor")
        elif keep is not None and isinstance(most, str) and least_days(span(most)) < least_days(span(keep)):
            report.error(camera, "keep_at_most", "below-keep", keep=keep)


def uplink(site: Table, report: Report) -> None:
    link = site.get("uplink")
    if link is None:
        return
    raw = link.raw.get("broker")
    if isinstance(raw, str) and has_credentials(raw):
        report.problems = [p for p in report.problems if p.key != "uplink.broker"]  # the pattern's words add nothing
        report.error(link, "broker", "credentials", name="uplink")
    elif link.get("broker"):
        _judge_broker(link, link.get("broker"), report)
    for here, there in (("cert", "key"), ("key", "cert")):
        if link.get(here) and not link.raw.get(there):
            report.error(link, here, "cert-key", name=there)


def _judge_broker(link: Table, broker: str, report: Report) -> None:
    if not host_and_port(broker):
        report.error(link, "broker", "host-port")
    elif broker.startswith("mqtt://") and urlsplit(broker).hostname not in ("localhost", "127.0.0.1", "::1"):
        report.warn(link, "broker", "no-tls")


def people(site: Table, report: Report) -> None:
    """A person stands once, and a key belongs to one person and can be one."""
    named: dict[str, str] = {}
    keys: dict[str, str] = {}
    for person in _all(site, "person"):
        id_ = person.get("id")
        if id_ in named:
            report.error(person, "id", "double-person", other=named[id_])
        named.setdefault(id_, person.label)
        for name in ("key", "old_key"):
            text = person.get(name)
            if not isinstance(text, str):
                continue
            if not _is_key(text):
                report.error(person, name, "public-key")
            elif text in keys:
                report.error(person, name, "double-key", other=keys[text])
            keys.setdefault(text, f"{person.label}.{name}")


def _is_key(text: str) -> bool:
    try:
        return bool(public_of(text))
    except ValueError:
        return False


def timezone(site: Table, report: Report) -> None:
    who = site.get("site")
    zone = who.get("timezone") if who else None
    if zone in (None, "UTC"):
        return
    import zoneinfo  # 1 MiB and 3 ms that only sites with a timezone pay

    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if known:
            report.error(who, "timezone", "timezone", nearest=report.words.nearest(zone, known))
        else:
            report.warn(who, "timezone", "no-timezones")


LOOKS: tuple[Callable[[Table, Report], None], ...] = (
    ids, pins, boot_pins, points, channels, loops, analogs, pump_points, remote_starts, pump_limits, windows, relays,
    arming, contacts, rule_events, rule_targets, rule_ends, idle,
    silent_alarms, cameras, zones, masks, keeping, classes, backup, holds, uplink, people, timezone,
)  # fmt: skip
