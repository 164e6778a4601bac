"""standpipe arm: which doors are armed, and arming or disarming them by hand."""

from __future__ import annotations

import argparse

from agent.cli.commands.alarm import ask_panel
from agent.cli.confirm import asks, confirmed, user, wants
from agent.cli.permits import known, place_and_texts
from agent.cli.place import UsageError, journal_to_read, journal_to_write
from agent.cli.terminal import columns
from agent.cli.texts import Texts
from agent.config import load
from agent.core.events import PanelRequested
from agent.journal.projections import standing
from agent.runtime.paths import Paths

HELP = """\
list          doors, and whether each is armed
on            from now on opening these doors is forced entry (door.forced)
off           it is no longer, until the hours of [[arming]] next begin

The panel does it; the command waits up to three seconds for its answer. Exit code 1 if it refuses or is silent."""
DOES = {"on": "arm", "off": "disarm"}


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|on|off")
    actions.add_parser("list", help="doors, and whether each is armed")
    for name, does in DOES.items():
        action = actions.add_parser(name, help=f"{does} a door, or --all")
        action.add_argument("id", nargs="?", metavar="ID", help="the door")
        action.add_argument("--all", action="store_true", help="all doors")
        (wants if name == "off" else asks)(action)


def run(args: argparse.Namespace, paths: Paths) -> int:
    _, t = place_and_texts(paths)
    doors = [point.id for point in load(paths.site).point if point.kind == "door"]
    armed = _armed(paths)
    if args.action == "list":
        print("\n".join(columns([door, t("armed" if door in armed else "disarmed")] for door in doors)) or t("none"))
        return 0
    if args.all == bool(args.id):
        raise UsageError(t("which-door", doors=" ".join(doors)))
    known(paths, [args.id] if args.id else [], t, doors=True)
    return _ask(args, paths, set(doors) if args.all else {args.id}, armed, t)


def _armed(paths: Paths) -> set[str]:
    with journal_to_read(paths) as journal:
        return {row.source for row in standing(journal) if row.kind == "point.armed"}


def _ask(args: argparse.Namespace, paths: Paths, doors: set[str], armed: set[str], t: Texts) -> int:
    if args.action == "off" and not confirmed(args, t("disarm-asks", doors=" ".join(sorted(doors))), t):
        return 1
    reason = f": {args.reason}" if args.action == "off" else ""
    by = f"{args.by or user()}{reason}"[:200]
    does = DOES[args.action]
    request = PanelRequested(source="command", does=does, alarm="*" if args.all else args.id, by=by)
    waiting = (doors - armed if does == "arm" else doors & armed) or doors
    with journal_to_write(paths) as journal:
        return ask_panel(journal, paths, request, waiting, t)
