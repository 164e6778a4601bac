"""Asking for what a second person must approve: who asks, signed with their key where they have one."""

from __future__ import annotations

import argparse
import secrets
from dataclasses import replace
from pathlib import Path

from agent.cli.place import CommandError, UsageError, journal_to_write
from agent.cli.signing import add_passphrase, opened
from agent.cli.texts import Texts
from agent.config import SiteConfig, here_of, load
from agent.core.events import ApprovalRequested
from agent.core.signed import REQUEST
from agent.core.statements import ASKED_BY_KEY, KINDS, Request, asker
from agent.runtime.keys import verify
from agent.runtime.paths import Paths


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of whoever asks: --by or --key, --reason."""
    parser.add_argument("--by", metavar="PERSON", help="who asks: an id of site.toml (default: whose --key it is)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="sign the request with your key: standpipe keys new")
    add_passphrase(parser)
    parser.add_argument("--reason", required=True, metavar="TEXT")


def ask(
    paths: Paths,
    t: Texts,
    what: str,
    scope: dict[str, str],
    args: argparse.Namespace,
) -> int:
    """Write down that somebody asks for it, and say how it is approved.

    UsageError for somebody unknown, and where only a key will do.
    """
    site = load(paths.site)
    number = f"{'g' if what == 'footage.view' else 'r'}-{secrets.token_hex(4)}"
    asked = Request(number, what, args.by or "", scope, args.reason)
    asked = _signed(asked, site, args, t) if args.key is not None else asked
    known = sorted(one.id for one in site.person)
    if asked.requester not in known:
        raise UsageError(t("unknown-person", by=asked.requester or "?", known=" ".join(known) or t("none")))
    if what in ASKED_BY_KEY and not asked.key:
        raise UsageError(t("ask-key", what=what))
    event = ApprovalRequested(
        source="cli",
        request=asked.id,
        what=what,
        scope=dict(asked.scope),
        by=asked.requester,
        reason=asked.reason,
        key=asked.key,
        sig=asked.sig,
    )
    with journal_to_write(paths) as journal:
        journal.append(event)
    roles = " / ".join(sorted(t(f"role-{role}") for role in _roles(site, what)))
    print(t("asked-for" if asked.key else "asked-unsigned", request=asked.id, roles=roles))
    return 0


def _signed(asked: Request, site: SiteConfig, args: argparse.Namespace, t: Texts) -> Request:
    """Signed with the key of --key. CommandError if this board does not know that key as that person's."""
    signer, about = opened(args)
    if args.by not in (None, about.person):
        raise UsageError(t("not-your-key", key=args.key, person=about.person, by=args.by))
    made = replace(asked, requester=about.person, key=signer.key_id)
    made = replace(made, sig=signer.sign(REQUEST, made.unsigned(site.site.id, site.site.board)))
    if asker(made, here_of(site, verify)) is None:
        raise CommandError(t("key-unknown-here", key=args.key, person=about.person))
    return made


def _roles(site: SiteConfig, what: str) -> frozenset[str]:
    here = here_of(site, verify)
    return frozenset(str(role) for role in KINDS[what] & here.approvers.get(what, KINDS[what]))
