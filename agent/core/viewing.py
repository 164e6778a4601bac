"""Permission to view footage: what a grant covers, and why something is not covered by one. Pure.

Rules of this file:
- a grant is an approved request of kind footage.view (statements.py): everything that bounds it stands in the scope
  that two people signed or are named in, and is told there as text;
- it covers these cameras, this stretch of time, this one viewer, this use, until it expires: nothing else;
- a purpose is never empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from agent.core.statements import TEXT_MAX

NS = 1_000_000_000
CAMERAS_MAX = 64


def asked_by(cause: str) -> tuple[str, str]:
    """(how, by whom) a clip was asked for, of a request's cause: command / account, and who; or rule, and nobody."""
    how, _, who = cause.partition(":")
    return {"command": ("command", who), "person": ("account", who)}.get(how, ("rule", ""))


class Why(StrEnum):
    """What kind of viewing it is."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance_lookup"  # repairers who look for the cause of a machine's accident
    EVIDENCE = "evidence"  # for an authority
    INSPECTION = "inspection"


class Use(StrEnum):
    """What is done with it. A copy leaves the board, an export too, as evidence."""

    PLAY = "play"
    COPY = "copy"
    EXPORT = "export"


@dataclass(frozen=True)
class Grant:
    """Who may view what, why, and until when. id: the request's. document: number of the paper, "" without one."""

    id: str
    cameras: tuple[str, ...]
    from_ns: int
    to_ns: int
    viewer: str
    why: Why
    purpose: str
    document: str = ""
    copies: bool = False
    requester: str = ""
    asked_by_key: bool = False
    approver: str = ""
    expires_s: int = 0


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to view now. by: the account at the board; at: from where; present: who else looks on."""

    camera: str
    from_ns: int
    to_ns: int
    viewer: str
    use: Use
    by: str
    at: str
    present: tuple[str, ...] = ()


def scope_of(grant: Grant) -> dict[str, str]:
    """What bounds it as the texts that are signed. ValueError for what is too long, empty or upside down."""
    scope = {
        "cameras": " ".join(grant.cameras),
        "from": utc_text(grant.from_ns),
        "to": utc_text(grant.to_ns),
        "viewer": grant.viewer,
        "why": str(grant.why),
        "purpose": grant.purpose,
        "document": grant.document,
        "copies": "yes" if grant.copies else "no",
    }
    for name, text in scope.items():
        if len(text) > TEXT_MAX:
            raise ValueError(f"{name}: more than {TEXT_MAX} characters")
    grant_of(grant.id, scope)
    return scope


def grant_of(
    request: str,
    scope: Mapping[str, str],
    requester: str = "",
    approver: str = "",
    expires_s: int = 0,
    *,
    asked_by_key: bool = False,
) -> Grant:
    """The grant that such a scope makes. ValueError, in words, if it is none."""
    missing = [
        name for name in ("cameras", "from", "to", "viewer", "why", "purpose") if not scope.get(name, "").strip()
    ]
    if missing:
        raise ValueError(f"a grant says {', '.join(missing)}")
    cameras = tuple(scope["cameras"].split())
    from_ns, to_ns = ns_of(scope["from"]), ns_of(scope["to"])
    if not from_ns < to_ns or len(cameras) > CAMERAS_MAX:
        raise ValueError("a grant ends after it begins, and has at most 64 cameras")
    about = (scope["viewer"], Why(scope["why"]), scope["purpose"], scope.get("document", ""))
    copies = scope.get("copies") == "yes"
    return Grant(request, cameras, from_ns, to_ns, *about, copies, requester, asked_by_key, approver, expires_s)


def refusal(grant: Grant, wanted: Wanted) -> str:
    """Why this is not covered by that grant, "" if it is. Whether the grant stands is for statements.py to say."""
    if wanted.viewer != grant.viewer:
        return f"it is {grant.viewer}'s, not {wanted.viewer}'s"
    if wanted.camera not in grant.cameras:
        return f"it does not cover camera {wanted.camera}"
    if not grant.from_ns <= wanted.from_ns < wanted.to_ns <= grant.to_ns:
        return f"it covers {utc_text(grant.from_ns)} to {utc_text(grant.to_ns)}, and no other time"
    if wanted.use is not Use.PLAY and not grant.copies:
        return "it allows looking at it here, and no copies"
    return ""


def utc_text(ns: int) -> str:
    """A moment as it stands in a scope: whole seconds, UTC. ValueError for one that no calendar has."""
    try:
        return datetime.fromtimestamp(ns // NS, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError) as error:
        raise ValueError(f"{ns}: no time") from error


def ns_of(text: str) -> int:
    """UTC ns of a moment in a scope. ValueError if it is none, or says no offset."""
    told = datetime.fromisoformat(text)
    if told.tzinfo is None:
        raise ValueError(f"{text}: without an offset from UTC")
    return int(told.timestamp()) * NS
