"""standpipe approve: what waits for a second person's signature, and signing it. Works offline, at the board."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.cli.approve_texts import APPROVE_TEXTS
from agent.cli.place import journal_to_read, look
from agent.cli.signing import add_passphrase
from agent.cli.texts import Texts
from agent.cli.verdicts import add_verdict, by_asker, listed, looked_through, sign
from agent.config import here_of, load
from agent.journal.approvals import waiting
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

HELP = """\
Without REQUEST: what was asked for and waits for a second person. With it: shows what it is, and signs it with your
key. Who asks may not approve. What is signed names the request, its whole scope and its expiry, and stands for
nothing else. From afar: standpipe command --broker URL ... approve."""


def add(parser: argparse.ArgumentParser) -> None:
    add_verdict(parser)
    parser.add_argument("--key", type=Path, metavar="FILE", help="your key: standpipe keys new FILE")
    add_passphrase(parser)
    parser.add_argument("--json", action="store_true", help="the list as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, APPROVE_TEXTS)
    if args.request is None:
        with journal_to_read(paths) as journal:
            return listed(waiting(journal), by_asker(here_of(load(paths.site), verify), t), args, t, place)
    looked_through(args, t)
    return sign(args, paths, place)
