"""Signing a verdict on what somebody asked for: shown first, then signed, written down only if it stands."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from agent.cli.place import CommandError, UsageError, journal_to_write
from agent.cli.signing import opened
from agent.cli.terminal import safe
from agent.cli.texts import Texts
from agent.config import SiteConfig, here_of, load
from agent.core.commands import Now
from agent.core.events import StatementSigned
from agent.core.signed import STATEMENT
from agent.core.statements import Request, Statement, asker, refusal
from agent.journal import Journal
from agent.journal.approvals import request_of
from agent.journal.projections import approvals, told_time
from agent.runtime.clock import SystemClock
from agent.runtime.keys import Signer, verify
from agent.runtime.paths import Paths


def words(request: Request) -> str:
    """The scope of a request in a line."""
    return " ".join(f"{name}={value}" for name, value in sorted(request.scope.items()) if value)


def sign(args: argparse.Namespace, paths: Paths, t: Texts, request: str, verdict: str) -> int:
    """Sign "approve" or "refuse" on a request, with the key of args.key. UsageError, CommandError."""
    site = load(paths.site)
    with journal_to_write(paths) as journal:
        found = approvals(journal).get(request)
        if found is None:
            raise UsageError(t("approve-unknown", request=request))
        asked = request_of(found)
        by = f"{asked.requester} ({t('signed' if asker(asked, here_of(site, verify)) else 'unsigned')})"
        print(safe(t(f"approve-{verdict}", kind=asked.kind, by=by, scope=words(asked), days=args.days)))
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
    here = here_of(site, verify)
    now = told_time(journal, SystemClock().stamp())
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
