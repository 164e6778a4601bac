"""standpipe approve: what waits for a second person's signature, and signing it. Works offline, at the board."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace

from agent.cli.place import CommandError, UsageError, journal_to_read, journal_to_write, look
from agent.cli.signing import add_passphrase, opened
from agent.cli.terminal import columns, safe
from agent.cli.texts import Texts
from agent.config import SiteConfig, keys_of, load
from agent.core.chain import Stamp
from agent.core.commands import Here, Now
from agent.core.events import StatementSigned
from agent.core.signed import STATEMENT
from agent.core.statements import VALID_MAX_S, Request, Statement, refusal
from agent.journal import Journal
from agent.journal.projections import OpenRequest, approvals, told_time
from agent.runtime.clock import SystemClock
from agent.runtime.keys import Signer, verify
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
    return _sign(args, paths, t)


def request_of(found: OpenRequest) -> Request:
    """What was asked, of its row."""
    values = found.asked.values()
    scope = values["scope"]
    assert isinstance(scope, dict)
    return Request(str(values["request"]), str(values["what"]), str(values["by"]), scope)


def _list(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    with journal_to_read(paths) as journal:
        found = approvals(journal)
    waiting = [one for one in found.values() if not one.signed]
    if args.json:
        print(json.dumps([one.asked.values() for one in waiting], ensure_ascii=False, indent=2))
    else:
        print("\n".join(columns(_line(one) for one in waiting)) if waiting else t("approve-none"))
    return 0


def _line(found: OpenRequest) -> list[str]:
    asked = request_of(found)
    reason = str(found.asked.values()["reason"])
    return [asked.id, asked.kind, asked.requester, _scope(asked), reason]


def _scope(request: Request) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(request.scope.items()))


def _sign(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    site = load(paths.site)
    with journal_to_write(paths) as journal:
        found = approvals(journal).get(args.request)
        if found is None:
            raise UsageError(t("approve-unknown", request=args.request))
        asked = request_of(found)
        verdict = "refuse" if args.refuse else "approve"
        print(safe(t(f"approve-{verdict}", kind=asked.kind, by=asked.requester, scope=_scope(asked), days=args.days)))
        if not args.yes and input(t("approve-sure")).strip().lower() not in ("yes", "y", "是"):
            print(t("approve-left"))
            return 1
        signer, about = opened(args)
        statement = _statement(site, asked, verdict, args.days, signer, about.person)
        _keep(journal, site, asked, statement)
    print(t("approve-done", request=asked.id, by=statement.by))
    return 0


def _statement(site: SiteConfig, asked: Request, verdict: str, days: int, signer: Signer, person: str) -> Statement:
    now_s = int(time.time())
    made = Statement(
        site=site.site.id,
        board=site.site.board,
        kind=asked.kind,
        request=asked.id,
        requester=asked.requester,
        scope=dict(asked.scope),
        verdict=verdict,
        by=person,
        key=signer.key_id,
        iat=now_s,
        exp=now_s + days * 86400,
    )
    return replace(made, sig=signer.sign(STATEMENT, made.unsigned()))


def _keep(journal: Journal, site: SiteConfig, asked: Request, statement: Statement) -> None:
    """Written down only if it stands: whoever acts on it judges it again. CommandError."""
    here = Here(site.site.id, site.site.board, keys_of(site), verify)
    now: Stamp = told_time(journal, SystemClock().stamp())
    wrong = refusal(statement, asked, here, Now(now.at_ns // 1_000_000_000, now.clock, now.boot))
    if wrong:
        raise CommandError(f"{asked.id}: {wrong}; nothing was written")
    journal.append(
        StatementSigned(
            source="approve",
            request=asked.id,
            what=asked.kind,
            verdict=statement.verdict,
            by=statement.by,
            key=statement.key,
            statement=statement.text(),
        )
    )
