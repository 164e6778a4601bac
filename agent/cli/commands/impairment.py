"""standpipe impairment: things that are out of order by permission, for a time, and what is done instead."""

from __future__ import annotations

import argparse

from agent.cli import permits
from agent.cli.confirm import asks, wants
from agent.core.events import ImpairmentStarted
from agent.runtime.paths import Paths

HELP = """\
start         supervisory and trouble signals of these things raise no alarm for a time
end           all is in order again: what still is not alarms now
list          impairments that stand

footage-disk is the disk of the footage: who takes it out needs a permit that the safety office has signed (--key), or
it is an alarm. Signals of class alarm, and demand for an impaired pump, alarm as ever. It ends by itself."""
KIND = ImpairmentStarted.KIND


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="start|end|list")
    starting = actions.add_parser("start", help="these things are out of order")
    starting.add_argument("of", nargs="+", metavar="ID", help="points, doors, pumps, cameras, footage-disk")
    starting.add_argument("--measures", required=True, metavar="TEXT", help="what is done instead meanwhile")
    starting.add_argument("--minutes", type=int, required=True, metavar="N", help="how long at most")
    wants(starting)
    permits.signs(starting)
    ending = actions.add_parser("end", help="they are in order again")
    ending.add_argument("id", nargs="?", default="", metavar="ID", help="as `impairment list` shows it")
    asks(ending)
    actions.add_parser("list", help="impairments that stand")


def run(args: argparse.Namespace, paths: Paths) -> int:
    return permits.run(args, paths, KIND, lambda **told: ImpairmentStarted(measures=args.measures, **told))
