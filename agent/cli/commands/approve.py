"""standpipe approve: what waits for a second person's signature, and signing it. Works offline, at the board."""

from __future__ import annotations

import argparse
import json

from agent.cli.place import UsageError, journal_to_read, look
from agent.cli.signing import add_passphrase
from agent.cli.terminal import columns
from agent.cli.texts import Texts
from agent.cli.verdicts import sign, words
from agent.config import here_of, load
from agent.core.commands import Here
from agent.core.statements import VALID_MAX_S, asker
from agent.journal.approvals import request_of
from agent.journal.projections import OpenRequest, approvals
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

HELP = """\
Without REQUEST: what was asked for and waits for a second person. With it: shows what it is, and signs it with your
key. Who asks may not approve. What is signed names the request, its whole scope and its expiry, and stands for
nothing else."""


def add(parser: argparse.ArgumentParser) -> None:
    from pathlib import Path

    parser.add_argument("request", nargs="?", metavar="REQUEST", help="the request's id")
    parser.add_argument("--key", type=Path, metavar="FILE", help="your key: standpipe keys new FILE")
    add_passphrase(parser)
    parser.add_argument("--refuse", action="store_true", help="sign that it is refused")
    parser.add_argument("--days", type=int, default=7, metavar="N", help="for how long it stands (default 7)")
    parser.add_argument("--yes", action="store_true", help="do not ask again before signing")
    parser.add_argument("--json", action="store_true", help="the list as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    t = Texts(look(paths).language)
    if args.request is None:
        return _list(args, paths, t)
    if args.key is None:
        raise UsageError("whose signature? name your key with --key FILE")
    if not 1 <= args.days <= VALID_MAX_S // 86400:
        raise UsageError(f"--days {args.days}: from 1 to {VALID_MAX_S // 86400}")
    return sign(args, paths, t, args.request, "refuse" if args.refuse else "approve")


def _list(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    with journal_to_read(paths) as journal:
        found = approvals(journal)
    here = here_of(load(paths.site), verify)
    waiting = [one for one in found.values() if not one.signed]
    if args.json:
        print(json.dumps([one.asked.values() for one in waiting], ensure_ascii=False, indent=2))
    else:
        print("\n".join(columns(_line(one, here, t) for one in waiting)) if waiting else t("approve-none"))
    return 0


def _line(found: OpenRequest, here: Here, t: Texts) -> list[str]:
    asked = request_of(found)
    signed = t("signed" if asker(asked, here) else "unsigned")
    return [asked.id, asked.kind, f"{asked.requester} ({signed})", words(asked), asked.reason]
