"""standpipe visit: who may be in the room, so that an opened door is an entry and no intrusion."""

from __future__ import annotations

import argparse

from agent.cli.confirm import asks, user
from agent.cli.permits import begin, end, known, length_s, new_id, place_and_texts, show, signs
from agent.core.events import VisitOpened
from agent.core.permits import MOST_S
from agent.runtime.paths import Paths

HELP = """\
open          put a visit on record: a door with entry = true that opens meanwhile is entry.registered
close         the visitors have left
list          visits on record

A visit ends by itself. --as work may open enclosures (tamper) too, --as shift is the people on duty."""
KIND = VisitOpened.KIND


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="open|close|list")
    opening = actions.add_parser("open", help="put a visit on record")
    opening.add_argument("who", metavar="WHO", help="the visitors' names")
    opening.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")
    opening.add_argument("--as", dest="what", choices=["visit", "work", "shift"], default="visit", help="what it is")
    opening.add_argument("--door", action="append", default=[], metavar="ID", help="only these doors (default: all)")
    opening.add_argument("--minutes", type=int, default=120, metavar="N", help="how long at most (default: 120)")
    asks(opening)
    signs(opening)
    closing = actions.add_parser("close", help="they have left")
    closing.add_argument("id", nargs="?", default="", metavar="ID", help="as `visit list` shows it")
    asks(closing)
    actions.add_parser("list", help="visits on record")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place, t = place_and_texts(paths)
    if args.action == "list":
        return show(paths, KIND, place, t)
    by = args.by or user()
    if args.action == "close":
        return end(paths, KIND, args.id, by, t)
    known(paths, args.door, t, doors=True)
    visit = VisitOpened(
        source=new_id("visit"),
        who=args.who,
        reason=args.reason,
        what=args.what,
        of=args.door,
        for_s=length_s(args, MOST_S[KIND], t),
        by=by,
    )
    return begin(args, paths, visit, t)
