"""Signing a verdict on what somebody asked for: shown whole first, then signed on just that; here or from afar."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from agent.cli.approve_texts import APPROVE_TEXTS, said
from agent.cli.confirm import confirmed
from agent.cli.place import CommandError, Place, UsageError, journal_to_write
from agent.cli.signing import opened
from agent.cli.terminal import amount, columns, safe
from agent.cli.texts import Texts
from agent.config import here_of, load
from agent.core.commands import Here, Now
from agent.core.events import StatementRefused
from agent.core.signed import STATEMENT
from agent.core.statements import VALID_MAX_S, Request, Statement, Waiting, asker
from agent.journal import Journal
from agent.journal.approvals import verdict_refusal, waiting
from agent.journal.projections import told_time
from agent.runtime.clock import SystemClock
from agent.runtime.keys import Signer, verify
from agent.runtime.paths import Paths

By = Callable[[Request], str]  # who asked for it, in words
DAYS, POLICY_DAYS = 7, VALID_MAX_S // 86400
FIRST = ("camera", "cameras", "from", "to", "files", "bytes")  # of a scope, in this order; the rest by name


def add_verdict(parser: argparse.ArgumentParser) -> None:
    """REQUEST, --refuse, --days, --yes."""
    parser.add_argument("request", nargs="?", metavar="REQUEST", help="the request's id; without it: what waits")
    parser.add_argument("--refuse", action="store_true", help="sign that it is refused")
    parser.add_argument(
        "--days",
        type=int,
        metavar="N",
        help=f"for how long it stands (default {DAYS}; a standing policy: {POLICY_DAYS})",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask again before signing")


# --- what is shown ---


def words(request: Request, place: Place) -> str:
    """The scope of a request in a line."""
    told = sorted((name, _value(name, text, place)) for name, text in request.scope.items() if text)
    return " ".join(f"{name}={value}" for name, value in told)


def by_key(t: Texts) -> By:
    """By what is said of it from afar; whether the signature is good, the board judges."""
    return lambda asked: f"{asked.requester} ({t('by-key', key=asked.key) if asked.key else t('unsigned')})"


def by_asker(here: Here, t: Texts) -> By:
    """By whose key it is, at the board itself."""
    return lambda asked: f"{asked.requester} ({t('signed' if asker(asked, here) else 'unsigned')})"


def as_dict(one: Waiting) -> dict[str, Any]:
    """As JSON has it."""
    asked = one.request
    told = {"request": asked.id, "what": asked.kind, "by": asked.requester, "scope": dict(asked.scope)}
    told |= {"reason": asked.reason, "key": asked.key}
    return {**told, "verdict": one.verdict, "signed_by": one.signed_by}


def lines(found: Iterable[Waiting], by: By, t: Texts, place: Place) -> list[str]:
    """A line each of what waits."""
    asked = [one.request for one in found if not one.verdict]
    return columns([one.id, _kind(one, t), by(one), one.reason, words(one, place)] for one in asked)


def shown(one: Waiting, by: By, t: Texts, place: Place) -> str:
    """All of a request, as who signs must see it."""
    asked, scope = one.request, dict(one.request.scope)
    names = [name for name in FIRST if name in scope] + sorted(set(scope) - set(FIRST))
    table = [[t.get(f"scope-{name}", name), _shown(name, scope[name], t, place)] for name in names if scope[name]]
    rows = [[t("scope-by"), by(asked)], *table, [t("scope-reason"), asked.reason or "-"]]
    head = f"{asked.id}: {_kind(asked, t)}"
    verdict = t.get(f"verdict-{one.verdict}", one.verdict)
    signed = [t("approve-signed", verdict=verdict, by=one.signed_by)] if one.verdict else []
    return safe("\n".join([head, *columns(rows), *signed]))


def _kind(asked: Request, t: Texts) -> str:
    return t.get(f"kind-{asked.kind}", asked.kind)


def _shown(name: str, text: str, t: Texts, place: Place) -> str:
    """As _value, and what is one of some words in the language of the site."""
    return t.get(f"value-{name}-{text}", _value(name, text, place))


def _value(name: str, text: str, place: Place) -> str:
    """Times local, sizes short."""
    try:
        if name in ("from", "to"):
            return datetime.fromisoformat(text).astimezone(place.zone).isoformat(" ", "seconds")
        if name.endswith("_ns"):
            return place.time(int(text))
        return amount(int(text)) if name == "bytes" else text
    except (ValueError, OverflowError):
        return text


def listed(found: list[Waiting], by: By, args: argparse.Namespace, t: Texts, place: Place) -> int:
    """What waits, for a person or a script."""
    if args.json:
        print(json.dumps([as_dict(one) for one in found if not one.verdict], ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines(found, by, t, place)) or t("approve-none"))
    return 0


# --- deciding and signing ---


def picked(found: Iterable[Waiting], request: str, t: Texts, command: str) -> Waiting:
    """The request of that id. UsageError."""
    one = next((one for one in found if one.request.id == request), None)
    if one is None:
        raise UsageError(t("approve-unknown", request=request, command=command))
    return one


def looked_through(args: argparse.Namespace, t: Texts) -> None:
    """Whether the options of a verdict make sense. UsageError."""
    if args.key is None:
        raise UsageError(t("approve-whose"))
    if args.days is not None and not 1 <= args.days <= VALID_MAX_S // 86400:
        raise UsageError(t("approve-days", days=args.days, most=VALID_MAX_S // 86400))
    if args.json and not args.yes:
        raise UsageError(t("approve-json"))


def _days(args: argparse.Namespace, asked: Request) -> int:
    """For how long a verdict stands: what runs by itself each hour, until somebody has to think of it again."""
    return int(args.days or (POLICY_DAYS if asked.kind == "policy" else DAYS))


def agreed(args: argparse.Namespace, asked: Request, what: str, t: Texts, place: Place) -> bool:
    """Shows all of it and asks whether to sign. CommandError if there is nobody to ask."""
    print(what, file=sys.stderr if args.json else sys.stdout)
    until = place.time((int(time.time()) + _days(args, asked) * 86400) * 1_000_000_000)
    if confirmed(args, t("approve-refuse" if args.refuse else "approve-approve", until=until), t):
        return True
    print(t("approve-left"))
    return False


def statement_on(site: str, board: str, asked: Request, args: argparse.Namespace, signer: Signer, by: str) -> Statement:
    """The verdict of `args`, signed. CommandError for a request that nobody could sign."""
    now_s = int(time.time())
    try:
        made = Statement(
            site=site,
            board=board,
            kind=asked.kind,
            request=asked.id,
            requester=asked.requester,
            scope=dict(asked.scope),
            digest=asked.digest(site, board),
            verdict="refuse" if args.refuse else "approve",
            by=by,
            key=signer.key_id,
            iat=now_s,
            exp=now_s + _days(args, asked) * 86400,
        )
        return replace(made, sig=signer.sign(STATEMENT, made.unsigned()))
    except ValueError as error:
        raise CommandError(f"{asked.id}: {error}") from error


# --- at the board itself ---


def sign(args: argparse.Namespace, paths: Paths, place: Place) -> int:
    """Sign a verdict on args.request, of this board's journal. UsageError, CommandError."""
    t, here = Texts(place.language, APPROVE_TEXTS), here_of(load(paths.site), verify)
    with journal_to_write(paths) as journal:
        one = picked(waiting(journal), args.request, t, "standpipe")
        if not agreed(args, one.request, shown(one, by_asker(here, t), t, place), t, place):
            return 1
        signer, about = opened(args)
        made = statement_on(here.site, here.board, one.request, args, signer, about.person)
        _keep(journal, here, made, t)
    print(t("approve-done", request=made.request, by=made.by))
    return 0


def _keep(journal: Journal, here: Here, made: Statement, t: Texts) -> None:
    """Written down only if it stands: whoever acts on it judges it again. CommandError, and a row that says why not."""
    now = told_time(journal, SystemClock().stamp())
    wrong = verdict_refusal(journal, made, here, Now(now.at_ns // 1_000_000_000, now.clock, now.boot))
    if wrong:
        refused = StatementRefused(
            source="approve",
            request=made.request,
            what=made.kind,
            verdict=made.verdict,
            by=made.by,
            key=made.key,
            reason=wrong,
        )
        journal.append(refused)
        raise CommandError(t("approve-refused", request=made.request, why=said(wrong, t.language)))
    journal.append(made.event())
