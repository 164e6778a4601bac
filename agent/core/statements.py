"""Signed statements: a person's word on something that somebody else asked for. Pure; who keeps them is the journal.

Rules of this file:
- what was asked (an approval.requested row) is told again inside what is signed: kind, scope, requester, expiry, and
  the digest of all of it. A statement signed for one request can serve no other, no wider scope and no other reason;
- who asks signs too, where they have a key; what nobody's key asked for is approved only where ASKED_BY_KEY lets it;
- requester and approver differ, by name and by whose their keys are; KINDS says which roles may sign;
- an expired statement approves nothing. A refusal never expires: what was refused, or granted and then revoked, stays
  so until somebody approves it anew; and who asked may take it back;
- it is judged when it is written down and again by whoever acts on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.core.commands import Here, Now
from agent.core.events import StatementSigned
from agent.core.people import Key, Role
from agent.core.signed import NUMBER_MAX, REQUEST, STATEMENT, canonical, fields_of, fits

TEXT_MAX = 200
SCOPE_MAX = 32
VALID_MAX_S = 366 * 86400
_TEXTS = ("kind", "request", "requester", "digest", "verdict", "by", "key", "site", "board", "sig")

_LEADERS = frozenset({Role.SUPERVISOR, Role.MANAGER})
# What can be asked for, and the roles whose signature answers it; a site may narrow them down (Here.approvers).
KINDS: Mapping[str, frozenset[Role]] = {
    "disk.retire": _LEADERS | {Role.SAFETY_OFFICE},
    "footage.delete": _LEADERS,
    "footage.view": _LEADERS | {Role.SAFETY_OFFICE},
    "hold.release": _LEADERS,
    "policy": _LEADERS,
}
# What takes footage away, or what protects it: the board must know for certain that two people wanted it.
ASKED_BY_KEY = frozenset({"disk.retire", "footage.delete", "hold.release"})


@dataclass(frozen=True)
class Request:
    """What a person asked for. id: the request's own; scope: texts that bound it (camera, from, to, ...).

    key: id of the key that the requester signed it with, and sig its signature; both "" where nobody did.
    """

    id: str
    kind: str
    requester: str
    scope: Mapping[str, str]
    reason: str = ""
    key: str = ""
    sig: str = ""

    def unsigned(self, site: str, board: str) -> dict[str, Any]:
        """The fields that are signed, for that board."""
        told = {"request": self.id, "kind": self.kind, "by": self.requester, "scope": dict(self.scope)}
        return {**told, "reason": self.reason, "key": self.key, "site": site, "board": board}

    def digest(self, site: str, board: str) -> str:
        """SHA-256 in hex of the whole request, its signature too: who signs a verdict signs it on just this."""
        return hashlib.sha256(canonical({**self.unsigned(site, board), "sig": self.sig}).encode()).hexdigest()


@dataclass(frozen=True)
class Waiting:
    """A request as a board tells of it to who is far away: with its last verdict ("" if there is none), and whose."""

    request: Request
    verdict: str = ""
    signed_by: str = ""


def parse_waiting(payload: bytes) -> list[Waiting] | None:
    """What `state/requests` holds, oldest first, None if it is none. Whatever it says of itself, it proves nothing."""
    parsed = fields_of(payload)
    found = parsed.get("requests") if parsed else None
    return list(map(_waiting, found)) if isinstance(found, list) and all(map(_is_waiting, found)) else None


def _is_waiting(value: Any) -> bool:
    texts = ("request", "what", "by", "reason", "key", "sig", "verdict", "signed_by")
    if not isinstance(value, dict) or not isinstance(value.get("scope"), dict):
        return False
    return all(isinstance(value.get(name), str) for name in texts) and all(map(_short, value["scope"].values()))


def _waiting(told: Mapping[str, Any]) -> Waiting:
    about = (told["request"], told["what"], told["by"], told["scope"], told["reason"], told["key"], told["sig"])
    return Waiting(Request(*about), told["verdict"], told["signed_by"])


@dataclass(frozen=True)
class Statement:
    """A verdict ("approve" or "refuse") on a request, as it was signed. digest: of the request; iat, exp: unix s."""

    site: str
    board: str
    kind: str
    request: str
    requester: str
    scope: dict[str, str]
    digest: str
    verdict: str
    by: str
    key: str
    iat: int
    exp: int
    sig: str = ""

    def unsigned(self) -> dict[str, Any]:
        """The fields that are signed."""
        return {name: value for name, value in self.__dict__.items() if name != "sig"}

    def text(self) -> str:
        """The whole statement as canonical JSON: what is journaled."""
        return canonical({**self.unsigned(), "sig": self.sig})

    def event(self) -> StatementSigned:
        """The row of it, whichever way it came: signed at the board, or in a command."""
        return StatementSigned(
            source="approve",
            request=self.request,
            what=self.kind,
            verdict=self.verdict,
            by=self.by,
            key=self.key,
            statement=self.text(),
        )


def parse(text: str) -> Statement | None:
    """A statement from its text, None if it is none."""
    parsed = fields_of(text)
    if parsed is None or set(parsed) != {*_TEXTS, "scope", "iat", "exp"}:
        return None
    texts = all(isinstance(parsed[k], str) and 0 < len(parsed[k]) <= TEXT_MAX for k in _TEXTS)
    numbers = all(type(parsed[k]) is int and 0 <= parsed[k] <= NUMBER_MAX for k in ("iat", "exp"))
    scope = parsed["scope"]
    whole = isinstance(scope, dict) and len(scope) <= SCOPE_MAX and all(_short(value) for value in scope.values())
    return Statement(**parsed) if texts and numbers and whole else None


def _short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX


def asker(request: Request, here: Here) -> Key | None:
    """The key that asked, if the request bears a good signature of its requester; None if nobody's does."""
    key = here.keys.get(request.key)
    if key is None or key.person != request.requester:
        return None
    signed = request.unsigned(here.site, here.board)
    return key if fits(key.public, request.sig, REQUEST, signed, here.verify) else None


def refusal(statement: Statement, request: Request, here: Here, now: Now) -> str:
    """Why this statement does not stand for that request now; "" if it does (whatever its verdict is)."""
    key = here.keys.get(statement.key)
    if (statement.site, statement.board) != (here.site, here.board):
        return "signed for another board"
    if key is None or key.person != statement.by:
        return "signed by a key that is not known here"
    if not fits(key.public, statement.sig, STATEMENT, statement.unsigned(), here.verify):
        return "the signature does not fit: forged or changed"
    asked = (request.id, request.kind, request.requester, dict(request.scope), request.digest(here.site, here.board))
    if (statement.request, statement.kind, statement.requester, statement.scope, statement.digest) != asked:
        return "signed for another request, or what is asked has another scope or reason now"
    if statement.verdict == "refuse":
        return "" if statement.by == request.requester else _may(statement, key.role, here)
    return _two(statement, key, request, here) or _may(statement, key.role, here) or _in_time(statement, now)


def standing(request: Request, statements: Iterable[Statement], here: Here, now: Now) -> Statement | None:
    """The approval that stands now, of all verdicts on a request in their order; None if none does."""
    last = None
    for one in statements:
        if not refusal(one, request, here, now):
            last = one
    return last if last is not None and last.verdict == "approve" else None


def _two(statement: Statement, key: Key, request: Request, here: Here) -> str:
    """Whether two people are behind it, as far as keys can tell."""
    asked_by = asker(request, here)
    if key.person == request.requester or (asked_by is not None and asked_by.person == key.person):
        return "who asks may not approve: a second person must sign"
    if asked_by is None and request.kind in ASKED_BY_KEY:
        return "nobody's key asked for it: who wants it must ask again, with --key"
    return ""


def _may(statement: Statement, role: Role, here: Here) -> str:
    if statement.verdict not in ("approve", "refuse"):
        return "the verdict is neither approve nor refuse"
    roles = KINDS.get(statement.kind)
    if roles is None:
        return "there is no such kind of request"
    roles &= here.approvers.get(statement.kind, roles)
    return "" if role in roles else f"role {role} may not sign this, it takes {' or '.join(sorted(roles))}"


def _in_time(statement: Statement, now: Now) -> str:
    if not 0 < statement.exp - statement.iat <= VALID_MAX_S:
        return f"must be valid for at most {VALID_MAX_S // 86400} days"
    if now.clock == "unset":
        return "this board's clock is not set: an expiry cannot be judged"
    if now.at_s >= statement.exp:
        return "expired"
    return ""
