"""standpipe drill: an exercise with some of a site's things, marked in every row, for a time."""

from __future__ import annotations

import argparse

from agent.cli.confirm import asks, confirmed, user, wants
from agent.cli.permits import begin, end, known, length_s, new_id, place_and_texts, show, signs
from agent.core.events import DrillStarted
from agent.core.permits import MOST_S
from agent.runtime.paths import Paths

HELP = """\
start         rows of these points, doors or pumps are marked `drill`; their sounders by [drill] of site.toml
end           the drill is over
list          drills that run

Everything else is as real as ever and acts so. A drill ends by itself."""
KIND = DrillStarted.KIND


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="start|end|list")
    starting = actions.add_parser("start", help="a drill with these things")
    starting.add_argument("of", nargs="+", metavar="ID", help="points, doors or pumps that take part")
    starting.add_argument("--minutes", type=int, default=60, metavar="N", help="how long at most (default: 60)")
    wants(starting)
    signs(starting)
    ending = actions.add_parser("end", help="it is over")
    ending.add_argument("id", nargs="?", default="", metavar="ID", help="as `drill list` shows it")
    asks(ending)
    actions.add_parser("list", help="drills that run")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place, t = place_and_texts(paths)
    if args.action == "list":
        return show(paths, KIND, place, t)
    by = args.by or user()
    if args.action == "end":
        return end(paths, KIND, args.id, by, t)
    known(paths, args.of, t)
    for_s = length_s(args, MOST_S[KIND], t)
    if not confirmed(args, t("drill-asks", of=" ".join(args.of), minutes=args.minutes), t):
        return 1
    drill = DrillStarted(source=new_id("drill"), of=args.of, reason=args.reason, for_s=for_s, by=by)
    return begin(args, paths, drill, t)
