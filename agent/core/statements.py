"""Signed statements: a person's word on something that somebody else asked for. Pure; who keeps them is the journal.

Rules of this file:
- what was asked (an approval.requested row) is told again inside what is signed: kind, scope, requester, expiry. A
  statement signed for one request can serve no other, and no wider scope;
- requester and signer differ; KINDS says which roles may sign; an expired statement approves nothing;
- it is judged when it is written down and again by whoever acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.core.commands import Here, Now
from agent.core.people import Role
from agent.core.signed import NUMBER_MAX, STATEMENT, canonical, fields_of, fits

TEXT_MAX = 200
SCOPE_MAX = 32
VALID_MAX_S = 366 * 86400
_TEXTS = ("kind", "request", "requester", "verdict", "by", "key", "site", "board", "sig")

# What can be asked for, and the roles whose signature answers it.
KINDS: Mapping[str, frozenset[Role]] = {
    "footage.delete": frozenset({Role.SUPERVISOR}),
    "footage.view": frozenset({Role.SUPERVISOR}),
    "hold.release": frozenset({Role.SUPERVISOR}),
    "policy": frozenset({Role.SUPERVISOR}),
}


@dataclass(frozen=True)
class Request:
    """What a person asked for. id: the request's own; scope: texts that bound it (camera, from, to, ...)."""

    id: str
    kind: str
    requester: str
    scope: Mapping[str, str]


@dataclass(frozen=True)
class Statement:
    """A verdict ("approve" or "refuse") on a request, as it was signed. iat, exp: unix seconds."""

    site: str
    board: str
    kind: str
    request: str
    requester: str
    scope: dict[str, str]
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


def refusal(statement: Statement, request: Request, here: Here, now: Now) -> str:
    """Why this statement does not stand for that request now; "" if it does (whatever its verdict is)."""
    key = here.keys.get(statement.key)
    if (statement.site, statement.board) != (here.site, here.board):
        return "signed for another board"
    if key is None or key.person != statement.by:
        return "signed by a key that is not known here"
    if not fits(key.public, statement.sig, STATEMENT, statement.unsigned(), here.verify):
        return "the signature does not fit: forged or changed"
    asked = (request.id, request.kind, request.requester, dict(request.scope))
    if (statement.request, statement.kind, statement.requester, statement.scope) != asked:
        return "signed for another request or another scope"
    return _may(statement, key.role) or _in_time(statement, now)


def _may(statement: Statement, role: Role) -> str:
    if statement.by == statement.requester:
        return "who asks may not approve: a second person must sign"
    if statement.verdict not in ("approve", "refuse"):
        return "the verdict is neither approve nor refuse"
    roles = KINDS.get(statement.kind)
    if roles is None:
        return "there is no such kind of request"
    return "" if role in roles else f"role {role} may not sign this, it takes {' or '.join(sorted(roles))}"


def _in_time(statement: Statement, now: Now) -> str:
    if not 0 < statement.exp - statement.iat <= VALID_MAX_S:
        return f"must be valid for at most {VALID_MAX_S // 86400} days"
    if now.clock == "unset":
        return "this board's clock is not set: an expiry cannot be judged"
    if now.at_s >= statement.exp:
        return "expired"
    return ""
