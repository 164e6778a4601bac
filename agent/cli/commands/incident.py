"""standpipe incident: a person declares a major incident, and closes it; footage of all of it is held."""

from __future__ import annotations

import argparse
import json
from typing import Any

from agent.cli.confirm import asks, user
from agent.cli.incident_texts import TEXTS
from agent.cli.moments import TIME_HELP, span
from agent.cli.permits import new_id, signed, signs
from agent.cli.place import Place, UsageError, journal_to_read, journal_to_write, look
from agent.cli.rule_texts import TEXTS as PERMITS
from agent.cli.terminal import columns
from agent.cli.terminal import span as length
from agent.cli.texts import Texts
from agent.config import load
from agent.core.events import IncidentClosed, IncidentDeclared
from agent.core.incidents import OPENED_MS, WHATS, Rule, kinds, since_ms
from agent.journal.journal import Journal
from agent.journal.projections import clock_anchors, corrected_ns, every, open_incidents
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

HELP = f"""\
declare WHAT  there is one: a row that rules can follow (incident.declared); footage is held from --since on
close         it is over: footage of all of it is held, and the time around it ([holds] of site.toml)
list          those that are open; --all: the closed ones too

What is held is copied to the special store and stays until two persons let it go (standpipe hold release).
{TIME_HELP}"""
MS = 1_000_000


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="declare|close|list")
    declaring = actions.add_parser("declare", help="there is a major incident")
    declaring.add_argument("what", choices=WHATS, help="fire, theft, flood, injury or other")
    declaring.add_argument("--reason", required=True, metavar="TEXT", help="place and course; kept in the journal")
    declaring.add_argument("--since", default="now", metavar="TIME", help="when it began (default: now)")
    declaring.add_argument("--drill", action="store_true", help="an exercise: marked as one, nothing is held")
    closing = actions.add_parser("close", help="it is over")
    closing.add_argument("id", nargs="?", default="", metavar="ID", help="as `incident list` shows it")
    closing.add_argument("--outcome", required=True, metavar="TEXT", help="how it ended, and who was called when")
    for one in (declaring, closing):
        asks(one)
        signs(one)
    listing = actions.add_parser("list", help="those that are open")
    listing.add_argument("--all", action="store_true", help="those that are closed, too")
    listing.add_argument("--json", action="store_true", help="as JSON, for scripts")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, {**PERMITS, **TEXTS})
    does = {"declare": _declare, "close": _close, "list": _list}
    return does[args.action](args, paths, place, t)


def _declare(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    now = SystemClock().stamp()
    ago_ms = 0 if args.since == "now" else (now.at_ns - span(args.since, "now", place)[0]) // MS
    if ago_ms < 0:
        raise UsageError(t("incident-future"))
    if ago_ms > OPENED_MS:
        raise UsageError(t("incident-too-old", most=length(OPENED_MS / 1000)))
    event = IncidentDeclared(
        source=new_id("incident"),
        what=args.what,
        reason=args.reason,
        since_ms=ago_ms,
        by=args.by or user(),
        drill=args.drill,
    )
    with journal_to_write(paths) as journal:
        journal.append(signed(args, paths, event, t))
    began = place.time(now.at_ns - ago_ms * MS)
    print(t("incident-declared", id=event.source, what=t(args.what), time=began))
    if args.drill:
        print(t("incident-drill"))
        return 0
    print(t("incident-call"))
    holds = load(paths.site).holds
    if event.KIND not in kinds(Rule(tuple(holds.on), 0, 1)):
        print(t("incident-nothing-held"))
    return 0


def _close(args: argparse.Namespace, paths: Paths, _place: Place, t: Texts) -> int:
    now = SystemClock().stamp()
    with journal_to_write(paths) as journal:
        found = open_incidents(journal)
        id_ = args.id or (next(iter(found)) if len(found) == 1 else "")
        if id_ not in found:
            raise UsageError(t("incident-none", id=id_ or "?", known=" ".join(found) or t("none")))
        row = found[id_]
        lasted_ms, values = since_ms(row, now), row.values()
        event = IncidentClosed(
            source=id_,
            what=str(values["what"]),
            outcome=args.outcome,
            since_ms=lasted_ms,
            by=args.by or user(),
            drill=bool(values.get("drill")),
        )
        journal.append(signed(args, paths, event, t))
    print(t("incident-closed", id=id_, s=length(lasted_ms / 1000)))
    return 0


def _list(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    with journal_to_read(paths) as journal:
        shown = _shown(journal, closed=args.all)
    if args.json:
        print(json.dumps(shown, ensure_ascii=False, indent=2))
        return 0
    cells = [
        [
            one["id"],
            t(one["what"]),
            f"{place.time(one['from_ns'])} - {place.time(one['to_ns']) if one['to_ns'] else t('open')}",
            one["by"],
            " / ".join(filter(None, (one["reason"], one["outcome"]))),
        ]
        for one in shown
    ]
    print("\n".join(columns(cells)) if cells else t("none"))
    return 0


def _shown(journal: Journal, *, closed: bool) -> list[dict[str, Any]]:
    anchors, opened = clock_anchors(journal), open_incidents(journal)
    found: dict[str, dict[str, Any]] = {}
    for row in every(journal, IncidentDeclared.KIND, IncidentClosed.KIND):
        values: Any = row.values()
        at_ns = corrected_ns(row, anchors)
        if row.kind == IncidentDeclared.KIND:
            about = {"id": row.source, "what": values["what"], "from_ns": at_ns - values["since_ms"] * MS, "to_ns": 0}
            about |= {"by": values["by"], "reason": values["reason"], "outcome": ""}
            found[row.source] = about | {"drill": bool(values.get("drill"))}
        elif row.source in found:
            found[row.source] |= {"to_ns": at_ns, "outcome": values["outcome"]}
    return [one for id_, one in found.items() if closed or id_ in opened]
