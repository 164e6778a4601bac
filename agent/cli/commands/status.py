"""standpipe status: the board on one screen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from agent.cli.camera_texts import CAMERA_TEXTS
from agent.cli.commands.alarm import table as alarm_table
from agent.cli.footage_words import cause
from agent.cli.overview import gather
from agent.cli.place import Place, look
from agent.cli.start_texts import ZH
from agent.cli.terminal import BOLD, GREEN, RED, YELLOW, amount, columns, paint, span
from agent.cli.texts import TEXTS, Texts
from agent.core.start_table import REASONS
from agent.runtime.paths import Paths

HELP = """\
Shows the board on one screen: processes, points and relays, open alarms, cameras, uplink, disk and journal.
Exit code 1 if a process is not running, an alarm is not acknowledged, a camera or the site file is bad."""
GOOD = {"runs", "recording"}
COLOURS = {"runs": GREEN, "recording": GREEN, "connected": GREEN, "stuck": YELLOW}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="everything as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    found = gather(paths)
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        place = look(paths)
        t = Texts(place.language, CAMERA_TEXTS)
        print("\n".join(_title(found, t) + [line for part in PARTS for line in _part(part, found, place, t)]))
    return 0 if _well(found) else 1


def _well(found: dict[str, Any]) -> bool:
    return (
        not found["site"]["problems"]
        and all(one["state"] in GOOD for one in [*found["processes"], *(found["cameras"] or [])])
        and not any(one["faults"] for one in found["cameras"] or [])
        and all(alarm["acknowledged"] for alarm in found["alarms"] or [])
    )


def _title(found: dict[str, Any], t: Texts) -> list[str]:
    site = found["site"]
    lines = [paint(f"{site['id']}/{site['board']}", BOLD)] if site["id"] else []
    if site["problems"]:
        lines.append(paint(t("config-bad", problems=site["problems"], file=site["file"]), RED))
    return lines


def _part(name: str, found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    """A heading and its lines; a part that nothing is known of is left out."""
    lines = PARTS[name](found, place, t)
    return [paint(t(name), BOLD), *lines] if lines else []


def _processes(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    rows = [
        [
            one["process"],
            t(one["state"]),
            f"pid {one['pid']}" if one["pid"] else "",
            t("seen", age=span(one["age_s"])) if one["pid"] else "",
        ]
        for one in found["processes"]
    ]
    return _painted(rows, [one["state"] for one in found["processes"]])


def _word(state: str | None, t: Texts, family: str = "") -> str:
    """A state that a process tells of itself, in words if it is one of those we know."""
    name = f"{family}{state}"
    return t(name) if name in TEXTS else state or t("unknown")


def _painted(rows: list[list[str]], states: list[str]) -> list[str]:
    return [paint(line, COLOURS.get(state, RED)) for line, state in zip(columns(rows), states, strict=True)]


def _points(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    def level(point: dict[str, Any]) -> str:
        if point["closed"] is None:
            return t("unknown")
        if point["fault"]:
            return t(f"fault-{point['fault']}")
        if point["chattering"]:
            return t("chattering")
        if point["kind"] == "door":
            return t("door-open" if point["active"] else "door-closed")
        return t("closed" if point["closed"] else "open")

    return columns([point["id"], level(point), point["name"]] for point in found["points"] or [])


def _analogs(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    def value(one: dict[str, Any]) -> str:
        if one.get("milli") is None:
            return t("unknown")
        reads = f"{one['milli'] / 1000:g} {one['unit']}"
        return f"{reads}  {t('analog-' + (one['fault'] or one['limit']))}"

    return columns([one["id"], value(one), one["name"]] for one in found["analogs"] or [])


def _pumps(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    def window(left_s: int | None) -> str:
        return "" if left_s is None else t("test-window", s=span(left_s))

    return columns(
        [
            one["id"],
            _word(one["state"], t, "pump-"),
            _word(one["selector"], t, "selector-"),
            window(one["test_left_s"]),
        ]
        for one in found["pumps"] or []
    )


def _starts(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    """Remote starts, where there are any: how each stands, and what forbids one now."""

    def blocked(code: str) -> str:
        return "" if not code else ZH[code] if place.language == "zh-CN" else REASONS[code]

    return columns(
        [one["id"], t(f"start-{one['state']}"), one["by"], blocked(one["blocked"])] for one in found["starts"] or []
    )


def _armed(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    return [f"  {' '.join(found['armed'])}"] if found["armed"] else []


def _permits(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    standing = [(p["id"], p["kind"], " ".join(p["of"]) or "*", p["who"], p["left_s"]) for p in found["permits"] or []]
    if walk := found["walk_test"]:
        standing.append(("walk-test", "walk_test", "*", walk["by"], walk["left_s"]))
    return columns(
        [id_, t(f"permit-{kind}"), of, who, t("left", s=span(left_s))] for id_, kind, of, who, left_s in standing
    )


def _relays(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    words = {True: "energised", False: "released", None: "unknown"}
    return columns([relay["id"], t(words[relay["energised"]])] for relay in found["relays"] or [])


def _alarms(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    if found["alarms"] is None:
        return []
    return alarm_table(found["alarms"], place, t) or [f"  {t('none')}"]


def _cameras(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    cameras = found["cameras"] or []
    rows = [
        [
            one["id"],
            _word(one["state"], t),
            f"{one['fps']} /s, {one['kbit_s']} kbit/s" if one["fps"] else "",
            t("since", time=place.time(one["since_ns"])) if one["since_ns"] else "",
            cause(one["reason"], t.language) or ", ".join(t(f"fault-{name}") for name in one["faults"]) or one["about"],
        ]
        for one in cameras
    ]
    return _painted(rows, ["faulty" if one["faults"] else one["state"] for one in cameras])


def _uplink(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    link = found["uplink"]
    if link is None:
        return [] if found["points"] is None else [f"  {t('off')}"]
    rows = [[link["broker"], _word(link["state"], t, "link-"), link["reason"]]]
    for lane, queue in link["lanes"].items():
        if queue is None:
            continue
        waits = t("queue", rows=queue["rows"])
        if queue["rows"]:
            waits += t("oldest", age=span(queue["oldest_s"]))
        rows.append([t(f"lane-{lane}"), waits])
    first, *rest = columns(rows)
    return [paint(first, COLOURS.get(link["state"], YELLOW)), *rest]


def _disk(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    disk = found["disk"]
    if disk is None:
        return []
    return [f"  {disk['path']}  " + t("free", free=amount(disk["free_bytes"]), total=amount(disk["total_bytes"]))]


def _journal(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    journal = found["journal"]
    if journal is None:
        return [f"  {t('no-journal')}"]
    return [f"  {t('head', seq=journal['head_seq'], epoch=journal['epoch'])}"]


PARTS: dict[str, Callable[[dict[str, Any], Place, Texts], list[str]]] = {
    "processes": _processes,
    "points": _points,
    "analogs": _analogs,
    "pumps": _pumps,
    "starts": _starts,
    "relays": _relays,
    "armed-doors": _armed,
    "permits": _permits,
    "alarms": _alarms,
    "cameras": _cameras,
    "uplink": _uplink,
    "disk": _disk,
    "journal": _journal,
}
