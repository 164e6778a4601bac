"""standpipe footage availability: how much of a time each camera was recorded, and what kept the rest from it."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.cli.footage_words import cause
from agent.cli.listing import opened
from agent.cli.moments import moment
from agent.cli.place import Place, UsageError
from agent.cli.terminal import GREEN, YELLOW, columns, paint, span
from agent.cli.texts import Texts
from agent.core.availability import Availability, Loss
from agent.footage.query import Between
from agent.footage.uptime import availability
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

NS = 1_000_000_000
WEEK_NS = 7 * 86_400 * NS


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of the question."""
    parser.add_argument("--camera", metavar="ID", help="only this camera's")
    parser.add_argument("--from", dest="start", metavar="TIME", help="since then (7 days ago)")
    parser.add_argument("--to", dest="end", metavar="TIME", help="until then (now)")
    parser.add_argument("--json", action="store_true", help="one JSON object a camera: parts per million, ns, causes")


def run(args: argparse.Namespace, paths: Paths, place: Place, t: Texts, folder: Path) -> int:
    """`folder`: where the segments lie."""
    now = SystemClock().stamp()
    here = datetime.now(place.zone)
    to_ns = now.at_ns if args.end is None else min(now.at_ns, moment(args.end, place, here))
    from_ns = to_ns - WEEK_NS if args.start is None else moment(args.start, place, here)
    if to_ns <= from_ns:
        raise UsageError(t("to-before-from"))
    with opened(paths) as (index, footage):
        cameras = [args.camera] if args.camera else footage.cameras()
        between = Between(from_ns, to_ns)
        found = {camera: availability(camera, between, now, index, footage, folder) for camera in cameras}
    for camera, one in found.items() if args.json else ():
        print(json.dumps(_object(camera, one), ensure_ascii=False))
    if not args.json:
        print("\n".join(_lines(found, place, t)) or t("up-none-at-all"))
    return 0


def _object(camera: str, one: Availability) -> dict[str, Any]:
    causes = {name: loss._asdict() for name, loss in _ordered(one)}
    about = {"camera": camera, "ppm": one.ppm, "from_ns": one.from_ns, "to_ns": one.to_ns}
    return {**about, "recorded_ns": one.recorded_ns, "gone_ns": one.gone_ns, "missing": causes}


def _ordered(one: Availability) -> list[tuple[str, Loss]]:
    return sorted(one.missing.items(), key=lambda item: -item[1].ns)


def _lines(found: dict[str, Availability], place: Place, t: Texts) -> list[str]:
    heads = columns(_head(camera, one, place, t) for camera, one in found.items())
    return [line for head, one in zip(heads, found.values(), strict=True) for line in (head, *_causes(one, t))]


def _head(camera: str, one: Availability, place: Place, t: Texts) -> list[str]:
    if one.ppm is None:
        return [camera, paint(t("up-none"), YELLOW)]
    share = paint(_percent(one.ppm), YELLOW if one.missing else GREEN)
    between = f"{place.time(one.from_ns)} - {place.time(one.to_ns)}"
    missing = t("up-missing", time=_time(one.missing_ns)) if one.missing else ""
    gone = t("up-gone", time=_time(one.gone_ns)) if one.gone_ns else ""
    return [camera, share, between, missing, gone]


def _causes(one: Availability, t: Texts) -> list[str]:
    return [
        "    " + t("up-cause", holes=loss.holes, time=_time(loss.ns), cause=cause(name, t.language))
        for name, loss in _ordered(one)
    ]


def _percent(ppm: int) -> str:
    """Never rounded up to 100 %."""
    return f"{ppm // 10_000}.{ppm // 10 % 1000:03d} %"


def _time(ns: int) -> str:
    return f"{ns / NS:.1f} s" if ns < 120 * NS else span(ns / NS)
