"""standpipe drill: an exercise with some of a site's things, marked in every row, for a time."""

from __future__ import annotations

import argparse

from agent.cli import permits
from agent.cli.confirm import asks, wants
from agent.core.events import DrillStarted
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
    permits.signs(starting)
    ending = actions.add_parser("end", help="it is over")
    ending.add_argument("id", nargs="?", default="", metavar="ID", help="as `drill list` shows it")
    asks(ending)
    actions.add_parser("list", help="drills that run")


def run(args: argparse.Namespace, paths: Paths) -> int:
    return permits.run(args, paths, KIND, DrillStarted)
