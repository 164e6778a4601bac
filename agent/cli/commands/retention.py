"""standpipe retention: what would go and why, a pass by hand, and asking for a policy or a deletion."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from agent.cli.moments import TIME_HELP, span
from agent.cli.place import CommandError, Place, UsageError, look
from agent.cli.requests import ask, wants
from agent.cli.terminal import RED, amount, columns, paint, safe
from agent.cli.texts import Texts
from agent.config import load
from agent.core.chain import Row
from agent.core.retention import Batch
from agent.jobs import backup, clips, retention
from agent.jobs.desk import Desk
from agent.jobs.retention import POLICY_ABOUT, Outlook
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

HELP = f"""\
plan     what the next pass would delete and why, what holds keep, for how many days there is room; nothing is deleted
run      a pass now, as the timer makes one each hour
policy   ask for the standing policy without which nothing ever expires; a supervisor signs it: standpipe approve
delete   ask for footage of one camera to be deleted; a supervisor who is not you signs it: standpipe approve

{TIME_HELP}"""
NS = 1_000_000_000


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="plan|run|policy|delete")
    plan = actions.add_parser("plan", help="what would go, and why")
    plan.add_argument("--json", action="store_true", help="all of it as JSON")
    actions.add_parser("run", help="a pass now")
    policy = actions.add_parser("policy", help="ask for a standing policy")
    policy.add_argument("--overwrite", action="store_true", help="a full disk may force footage out before its floor")
    delete = actions.add_parser("delete", help="ask for a deletion")
    delete.add_argument("--camera", required=True, metavar="ID")
    delete.add_argument("--from", dest="start", required=True, metavar="TIME")
    delete.add_argument("--to", dest="end", required=True, metavar="TIME")
    delete.add_argument("--document", default="", metavar="NUMBER", help="of the paper with the written consent")
    for one in (policy, delete):
        wants(one)


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language)
    if args.action in ("plan", "run"):
        with _desk(paths) as desk:
            if args.action == "run":
                return _show(retention.run(desk), t, place)
            seen, rows, gone = retention.outlook(desk), backup.ahead(desk), clips.due(desk)
        if args.json:
            print(json.dumps(as_dict(seen) | _others(rows, gone), ensure_ascii=False, indent=2))
            return 0
        _show(seen, t, place)
        print("\n".join(_other_lines(rows, gone, t, place)))
        return 0
    if args.action == "policy":
        scope = {"about": POLICY_ABOUT, "overwrite": "yes" if args.overwrite else "no"}
        return ask(paths, t, "policy", scope, args)
    scope = _scope(args, place, t)
    return ask(paths, t, "footage.delete", scope | _planned(paths, scope, t), args)


def _desk(paths: Paths) -> Desk:
    """Of a board that has run before: a person's question must not be what makes its files."""
    for path in (paths.journal, paths.media):
        if not path.exists():
            raise CommandError(f"{path}: not here: has a recorder run yet? (--data names its folder)")
    os.umask(0o007)
    return Desk(paths, load(paths.site), SystemClock().stamp)


def _planned(paths: Paths, scope: dict[str, str], t: Texts) -> dict[str, str]:
    """What of it would go now: who signs sees it, and no more than that goes."""
    with _desk(paths) as desk:
        batches, why = retention.goes(desk, scope, desk.now())
    if not batches:
        print(safe(t("delete-not-now", why=why)), file=sys.stderr)
        return {}
    return {"files": str(sum(len(one.seqs) for one in batches)), "bytes": str(sum(one.bytes for one in batches))}


def _scope(args: argparse.Namespace, place: Place, t: Texts) -> dict[str, str]:
    start, end = span(args.start, args.end, place)
    if end <= start:
        raise UsageError(t("to-before-from"))
    document = {"document": args.document} if args.document else {}
    return {"camera": args.camera, "from": _utc(start), "to": _utc(end), **document}


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS, UTC).isoformat(timespec="seconds")


# --- the plan ---


def _show(seen: Outlook, t: Texts, place: Place) -> int:
    if seen.plan.refused:
        print(paint(t("nothing-goes", why=seen.plan.refused), RED))
    elif not seen.plan.batches:
        print(t("none-due"))
    lines = columns(_line(batch, t, place) for batch in seen.plan.batches)
    print("\n".join([*lines, *_rest(seen, t)]))
    return 0


def _line(batch: Batch, t: Texts, place: Place) -> list[str]:
    span = f"{place.time(batch.from_ns)} - {place.time(batch.to_ns)}"
    files = t("files", files=len(batch.seqs), size=amount(batch.bytes))
    return [batch.camera, span, files, t(f"why-{batch.why}")]


def _rest(seen: Outlook, t: Texts) -> list[str]:
    """What holds keep, what room there is, how long it lasts."""
    lines = [t("held", hold=hold, files=files) for hold, files in seen.plan.held.items()]
    lines += [t("more-later")] if seen.plan.more else []
    lines.append(t("room", free=amount(seen.room.free), wanted=amount(seen.room.wanted)))
    lines += [
        paint(t("risk", camera=camera, days=days, wanted=wanted), RED)
        for camera, (days, wanted) in sorted(seen.risks.items())
    ]
    return lines


def _other_lines(rows: backup.Ahead, gone: list[tuple[Row, str]], t: Texts, place: Place) -> list[str]:
    """What of clips and of the journal would go."""
    size = sum(int(str(row.values()["bytes"])) for row, _ in gone)
    lines = [t("clips-go", clips=len(gone), size=amount(size)) if gone else t("clips-none")]
    goes = rows.going
    told = {"rows": goes.rows, "kept": len(goes.keep), "time": place.time(goes.to_ns)}
    return [*lines, t("rows-stay", why=rows.refused) if rows.refused else t("rows-go", **told)]


def _others(rows: backup.Ahead, gone: list[tuple[Row, str]]) -> dict[str, Any]:
    goes = rows.going
    journal = {"refused": rows.refused, "upto": goes.upto, "rows": goes.rows, "kept": len(goes.keep)}
    return {"clips": [{"path": row.values()["path"], "why": why} for row, why in gone], "journal": journal}


def as_dict(seen: Outlook) -> dict[str, Any]:
    """The plan as plain data."""
    policy = None if seen.policy is None else seen.policy._asdict()
    return {
        "at_ns": seen.now.at_ns,
        "refused": seen.plan.refused,
        "policy": policy,
        "goes": [{**batch._asdict(), "why": str(batch.why)} for batch in seen.plan.batches],
        "held": seen.plan.held,
        "more": seen.plan.more,
        "room": seen.room._asdict(),
        "risks": {camera: {"days": days, "of": wanted} for camera, (days, wanted) in seen.risks.items()},
    }
