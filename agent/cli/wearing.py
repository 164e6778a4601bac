"""standpipe camera due: the cameras that are due for replacement, by what the journal says of them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from agent.cli.place import Place, UsageError, journal_to_read
from agent.cli.terminal import RED, columns, paint, span
from agent.cli.texts import Texts
from agent.core.worn import NS, Fault, Told, kinds, worn
from agent.journal.projections import clock_anchors, corrected_ns, every
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

DAYS, DAYS_MOST = 30, 366
DAY_NS = 86_400 * NS


def wants(parser: argparse.ArgumentParser) -> None:
    """--days, --json."""
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"of the last N days (default {DAYS})")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, paths: Paths, place: Place, t: Texts, known: list[str]) -> int:
    """1 if any is due."""
    if not 1 <= args.days <= DAYS_MOST:
        raise UsageError(f"--days {args.days}: 1 - {DAYS_MOST}")
    now_ns = SystemClock().stamp().at_ns
    with journal_to_read(paths) as journal:
        anchors = clock_anchors(journal)
        rows = [Told(row.kind, row.source, corrected_ns(row, anchors)) for row in every(journal, *kinds())]
    found = worn((row for row in rows if row.camera in known), now_ns - args.days * DAY_NS, now_ns)
    due = {camera for camera, faults in found.items() if any(one.due for one in faults)}
    if args.json:
        print(json.dumps([_as_dict(camera, found.get(camera, []), camera in due) for camera in known]))
    else:
        table = (_line(camera, found.get(camera, []), camera in due, place, t) for camera in known)
        print("\n".join(columns(table)) or t("none"))
    return 1 if due else 0


def _as_dict(camera: str, faults: list[Fault], due: bool) -> dict[str, Any]:
    told = [{"fault": one.name, "times": one.times, "s": one.ns // NS, "since_ns": one.since_ns} for one in faults]
    return {"camera": camera, "due": due, "faults": told}


def _line(camera: str, faults: list[Fault], due: bool, place: Place, t: Texts) -> list[str]:
    verdict = paint(t("wear-due"), RED) if due else t("wear-good" if not faults else "wear-some")
    return [camera, verdict, "; ".join(_fault(one, place, t) for one in faults)]


def _fault(one: Fault, place: Place, t: Texts) -> str:
    told = t("wear-fault", fault=t(f"fault-{one.name}"), times=one.times, span=span(one.ns / NS))
    return told + (t("wear-since", time=place.time(one.since_ns)) if one.since_ns else "")
