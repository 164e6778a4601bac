"""Commands that make a site deafer: each wants a reason, and a yes from a person or --yes."""

from __future__ import annotations

import argparse
import getpass
import sys

from agent.cli.place import CommandError
from agent.cli.texts import Texts


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of such a command: --reason, --by, --yes."""
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")
    asks(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def asks(parser: argparse.ArgumentParser) -> None:
    """--by: who it is that asks."""
    parser.add_argument("--by", metavar="NAME", help="who asks (default: the user's name)")


def user() -> str:
    """The name of whoever runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "command line"


def confirmed(args: argparse.Namespace, what: str, t: Texts) -> bool:
    """Whether the person wants it. CommandError if there is nobody to ask."""
    if args.yes:
        return True
    print(what)
    if not sys.stdin.isatty():
        raise CommandError(t("nobody-to-ask"))
    return input(t("go-on")).strip().lower() in ("y", "yes", "是")
