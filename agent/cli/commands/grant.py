"""standpipe grant: permission to view recorded footage, asked for by one person and signed by another."""

from __future__ import annotations

import argparse
import json
from typing import Any

from agent.cli.footage_texts import FOOTAGE_TEXTS
from agent.cli.moments import TIME_HELP, span
from agent.cli.place import Place, UsageError, journal_to_read, look
from agent.cli.requests import ask
from agent.cli.requests import wants as wants_asker
from agent.cli.signing import add_key
from agent.cli.terminal import columns
from agent.cli.texts import Texts
from agent.cli.verdicts import sign
from agent.config import here_of, load
from agent.core.commands import Here, Now
from agent.core.viewing import Grant, Why, grant_of, scope_of
from agent.footage.viewing import KIND
from agent.journal import Journal
from agent.journal.approvals import approval_of, request_of
from agent.journal.projections import OpenRequest, approvals, told_time
from agent.runtime.clock import SystemClock
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

HELP = f"""\
ask      for leave to view footage: who, which cameras, which time, why. Another person signs it: standpipe approve
list     every grant: what it covers, and whether it stands
revoke   signs that a grant is over, whoever signed it; who asked for it may do so too

{TIME_HELP}"""
NS = 1_000_000_000


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ask|list|revoke")
    asking = actions.add_parser("ask", help="for leave to view footage")
    asking.add_argument("--camera", action="append", required=True, metavar="ID", help="may be given several times")
    asking.add_argument("--from", dest="start", required=True, metavar="TIME")
    asking.add_argument("--to", dest="end", required=True, metavar="TIME")
    asking.add_argument("--viewer", required=True, metavar="NAME", help="who will look at it: this one person")
    asking.add_argument("--why", default=str(Why.INCIDENT), choices=[str(one) for one in Why])
    asking.add_argument("--document", default="", metavar="NUMBER", help="of the paper with the written approval")
    asking.add_argument("--copies", action="store_true", help="copies and exports too, not only looking at it here")
    wants_asker(asking)
    listing = actions.add_parser("list", help="every grant")
    listing.add_argument("--json", action="store_true", help="as JSON")
    revoke = actions.add_parser("revoke", help="sign that a grant is over")
    revoke.add_argument("request", metavar="GRANT")
    add_key(revoke)
    revoke.add_argument("--yes", action="store_true", help="do not ask again before signing")
    revoke.set_defaults(days=1, refuse=True, json=False)


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, FOOTAGE_TEXTS)
    if args.action == "ask":
        return _ask(args, paths, place, t)
    if args.action == "list":
        return _list(args, paths, place, t)
    return _revoke(args, paths, place, t)


def _ask(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    known = [camera.id for camera in load(paths.site).camera]
    for camera in args.camera:
        if camera not in known:
            raise UsageError(t("unknown-camera", camera=camera, known=" ".join(known)))
    from_ns, to_ns = span(args.start, args.end, place)
    if to_ns <= from_ns:
        raise UsageError(t("to-before-from"))
    cameras = tuple(dict.fromkeys(args.camera))
    about = (args.viewer, Why(args.why), args.reason, args.document, args.copies)
    to_ns = -(-to_ns // NS) * NS
    try:
        scope = scope_of(Grant("", cameras, from_ns, to_ns, *about))
    except ValueError as error:
        raise UsageError(str(error)) from None
    return ask(paths, t, KIND, scope, args)


def _list(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    here = here_of(load(paths.site), verify)
    with journal_to_read(paths) as journal:
        found = [as_dict(one, here, _now(journal)) for one in _asked(journal)]
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print("\n".join(columns(_line(one, place, t) for one in found)) if found else t("no-grants"))
    return 0


def _asked(journal: Journal) -> list[OpenRequest]:
    return [one for one in approvals(journal).values() if one.asked.values()["what"] == KIND]


def _now(journal: Journal) -> Now:
    told = told_time(journal, SystemClock().stamp())
    return Now(told.at_ns // NS, told.clock, told.boot)


def as_dict(found: OpenRequest, here: Here, now: Now) -> dict[str, Any]:
    """A grant as plain data. state: waits / stands / over; expires_s: unix seconds, 0 unless it stands."""
    asked = request_of(found)
    stands = approval_of(found, here, now)
    state = "stands" if stands else "over" if found.signed else "waits"
    about = {"id": asked.id, "state": state, "by": asked.requester, "scope": dict(asked.scope), "reason": asked.reason}
    return {**about, "approver": stands.approver if stands else "", "expires_s": stands.expires_s if stands else 0}


def _line(found: dict[str, Any], place: Place, t: Texts) -> list[str]:
    try:
        grant = grant_of(found["id"], found["scope"])
    except ValueError as error:
        return [found["id"], str(error)]
    between = f"{place.time(grant.from_ns)} - {place.time(grant.to_ns)}"
    state = t(f"grant-{found['state']}", time=place.time(found["expires_s"] * NS))
    use = t("grant-copies" if grant.copies else "grant-play")
    cameras = " ".join(grant.cameras)
    return [grant.id, state, grant.viewer, cameras, between, use, t(f"why-{grant.why}"), grant.purpose, grant.document]


def _revoke(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    with journal_to_read(paths) as journal:
        known = [str(one.asked.values()["request"]) for one in _asked(journal)]
    if args.request not in known:
        raise UsageError(t("unknown-grant", grant=args.request, known=" ".join(known) or t("none")))
    return sign(args, paths, place)
