"""standpipe impairment: things that are out of order by permission, for a time, and what is done instead."""

from __future__ import annotations

import argparse

from agent.cli.confirm import asks, confirmed, user, wants
from agent.cli.permits import begin, end, known, length_s, new_id, place_and_texts, show, signs
from agent.core.events import ImpairmentStarted
from agent.core.permits import MOST_S
from agent.runtime.paths import Paths

HELP = """\
start         supervisory and trouble signals of these things raise no alarm for a time
end           all is in order again: what still is not alarms now
list          impairments that stand

Signals of class alarm, and demand for an impaired pump, alarm as ever. It ends by itself."""
KIND = ImpairmentStarted.KIND


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="start|end|list")
    starting = actions.add_parser("start", help="these things are out of order")
    starting.add_argument("of", nargs="+", metavar="ID", help="points, doors, pumps or cameras")
    starting.add_argument("--measures", required=True, metavar="TEXT", help="what is done instead meanwhile")
    starting.add_argument("--minutes", type=int, required=True, metavar="N", help="how long at most")
    wants(starting)
    signs(starting)
    ending = actions.add_parser("end", help="they are in order again")
    ending.add_argument("id", nargs="?", default="", metavar="ID", help="as `impairment list` shows it")
    asks(ending)
    actions.add_parser("list", help="impairments that stand")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place, t = place_and_texts(paths)
    if args.action == "list":
        return show(paths, KIND, place, t)
    by = args.by or user()
    if args.action == "end":
        return end(paths, KIND, args.id, by, t)
    known(paths, args.of, t)
    for_s = length_s(args, MOST_S[KIND], t)
    if not confirmed(args, t("impairment-asks", of=" ".join(args.of), minutes=args.minutes), t):
        return 1
    permit = ImpairmentStarted(
        source=new_id("impairment"), of=args.of, reason=args.reason, measures=args.measures, for_s=for_s, by=by
    )
    return begin(args, paths, permit, t)
