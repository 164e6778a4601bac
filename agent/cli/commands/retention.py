"""standpipe retention: what would go and why, a pass by hand, and asking for a policy or a deletion."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from agent.cli import retiring
from agent.cli.moments import TIME_HELP, span
from agent.cli.place import CommandError, Place, UsageError, look
from agent.cli.requests import ask, wants
from agent.cli.retention_texts import RETENTION_TEXTS, why
from agent.cli.terminal import RED, amount, columns, paint, safe
from agent.cli.texts import Texts
from agent.config import load
from agent.core.chain import Row
from agent.core.retention import Batch, Kept, oldest_ns
from agent.core.spans import DAY_NS
from agent.core.spans import span as of_text
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
retire   ask for a disk that held footage to be destroyed, once all on it is past its time; certificate prints the paper

{TIME_HELP}"""
NS = 1_000_000_000


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="plan|run|policy|delete|retire|certificate")
    plan = actions.add_parser("plan", help="what would go, and why")
    plan.add_argument("--all", action="store_true", help="each hour by itself")
    plan.add_argument("--json", action="store_true", help="all of it as JSON, each hour by itself")
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
    retiring.add_to(actions)


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, RETENTION_TEXTS | retiring.RETIRING_TEXTS)
    if args.action in ("plan", "run"):
        with _desk(paths) as desk:
            if args.action == "run":
                seen = retention.run(desk)
                print("\n".join(_lines(_page(desk, seen, t, place), "plan-gone")))
                return 0
            seen, rows, gone = retention.outlook(desk), backup.ahead(desk), clips.due(desk)
            told = [
                *_lines(_page(desk, seen, t, place, every=args.all), "plan-goes"),
                *_other_lines(rows, gone, t, place),
            ]
        whole = as_dict(seen) | _others(rows, gone)
        print(json.dumps(whole, ensure_ascii=False, indent=2) if args.json else "\n".join(told))
        return 0
    if args.action in ("retire", "certificate"):
        with _desk(paths) as desk:
            does = {"retire": retiring.retire, "certificate": retiring.certificate}[args.action]
            return does(args, paths, desk, place, t)
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
        batches, refused = retention.goes(desk, scope, desk.now())
        early = retention.before_keep(desk, scope["camera"], batches, desk.now())
    if not batches:
        print(safe(t("delete-not-now", why=why(refused, t.language))), file=sys.stderr)
        return {}
    told = {"early": early} if early else {}
    return told | {"files": str(sum(len(one.seqs) for one in batches)), "bytes": str(sum(one.bytes for one in batches))}


def _scope(args: argparse.Namespace, place: Place, t: Texts) -> dict[str, str]:
    start, end = span(args.start, args.end, place)
    if end <= start:
        raise UsageError(t("to-before-from"))
    document = {"document": args.document} if args.document else {}
    return {"camera": args.camera, "from": _utc(start), "to": _utc(end), **document}


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS, UTC).isoformat(timespec="seconds")


# --- the plan ---


class Page(NamedTuple):
    """What a plan is written with."""

    seen: Outlook
    kept: Mapping[str, tuple[str, str]]  # camera -> its floor and ceiling in words; "": none
    t: Texts
    place: Place
    every: bool = False  # each hour by itself


def _page(desk: Desk, seen: Outlook, t: Texts, place: Place, *, every: bool = False) -> Page:
    most = {one.id: one.keep_at_most or "" for one in desk.site.camera}
    floors = retention.rules(desk, [kept.rule.camera for kept in seen.cameras])
    return Page(seen, {id_: (keep, most.get(id_, "")) for id_, (_, keep) in floors.items()}, t, place, every)


def _lines(page: Page, goes: str) -> list[str]:
    """All of it. goes: heading of what goes."""
    seen, t = page.seen, page.t
    plan = seen.plan
    batches, heading = (plan.batches, goes) if plan.batches else (plan.waits, "plan-waits")
    lines = [_policy(page)]
    if plan.refused and seen.policy is not None:
        lines.append(paint(t("nothing-goes", why=why(plan.refused, t.language)), RED))
    lines += [t(heading), *columns(_line(one, page) for one in _together(batches, page))] if batches else []
    lines += [] if batches or plan.refused else [t("none-due")]
    lines += [t("more-later")] if plan.more else []
    lines += [t("held", hold=hold, files=files) for hold, files in plan.held.items()]
    return [*lines, t("plan-cameras"), *columns(_camera(one, page) for one in seen.cameras), *_room(page)]


def _policy(page: Page) -> str:
    policy, t = page.seen.policy, page.t
    if policy is None:
        return paint(t("plan-no-policy"), RED)
    day = page.place.time(policy.until_s * NS)[:10]
    overwrite = t("plan-overwrite") if policy.overwrite else ""
    return t("plan-policy", request=policy.request, by=policy.approver, day=day) + overwrite


def _together(batches: Iterable[Batch], page: Page) -> list[Batch]:
    """What goes of a camera and for one reason as one, unless each hour is asked for."""
    if page.every:
        return list(batches)
    found: dict[tuple[str, str], Batch] = {}
    for one in batches:
        name = (one.camera, str(one.why))
        known = found.get(name)
        if known is not None:
            from_ns, to_ns = min(known.from_ns, one.from_ns), max(known.to_ns, one.to_ns)
            one = Batch(one.camera, one.why, known.seqs + one.seqs, from_ns, to_ns, known.bytes + one.bytes)
        found[name] = one
    return list(found.values())


def _line(batch: Batch, page: Page) -> list[str]:
    t, place = page.t, page.place
    span = f"{place.time(batch.from_ns)} - {place.time(batch.to_ns)}"
    files = t("files", files=len(batch.seqs), size=amount(batch.bytes))
    return [batch.camera, span, files, t(f"why-{batch.why}")]


def _camera(kept: Kept, page: Page) -> list[str]:
    """How far back a camera's footage goes, and how far it shall."""
    t, now = page.t, page.seen.now
    oldest, size = oldest_ns(kept, now), amount(kept.bytes)
    told = t("plan-undated", size=size)
    if oldest is not None:
        days = (now.at_ns - oldest) // DAY_NS
        told = t("plan-since", time=page.place.time(oldest)[:16], days=days, size=size)
    keep, most = page.kept[kept.rule.camera]
    return [
        kept.rule.camera,
        told,
        t("plan-keep", keep=_span(keep, t)) + (t("plan-most", most=_span(most, t)) if most else ""),
    ]


def _span(text: str, t: Texts) -> str:
    """How long, as site.toml has it or in Chinese."""
    months, days = of_text(text)
    return text if t.language != "zh-CN" else t("plan-months", count=months) if months else t("plan-days", count=days)


def _room(page: Page) -> list[str]:
    """What room there is, how long it lasts."""
    seen, t = page.seen, page.t
    lines = [t("room", free=amount(seen.room.free), wanted=amount(seen.room.wanted))]
    risks = sorted(seen.risks.items())
    lines += [paint(t("risk", camera=camera, days=days, wanted=wanted), RED) for camera, (days, wanted) in risks]
    return lines + [paint(why(risk, t.language), RED) for risk in retention.policy_risk(seen).values()]


def _other_lines(rows: backup.Ahead, gone: list[tuple[Row, str]], t: Texts, place: Place) -> list[str]:
    """What of clips and of the journal would go."""
    size = sum(int(str(row.values()["bytes"])) for row, _ in gone)
    lines = [t("clips-go", clips=len(gone), size=amount(size)) if gone else t("clips-none")]
    goes = rows.going
    told = {"rows": goes.rows, "kept": len(goes.keep), "time": place.time(goes.to_ns)}
    return [*lines, t("rows-stay", why=why(rows.refused, t.language)) if rows.refused else t("rows-go", **told)]


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
        "waits": [{**batch._asdict(), "why": str(batch.why)} for batch in seen.plan.waits],
        "held": seen.plan.held,
        "more": seen.plan.more,
        "room": seen.room._asdict(),
        "full_in_days": seen.full_in_days,
        "risks": {camera: {"days": days, "of": wanted} for camera, (days, wanted) in seen.risks.items()},
    }
