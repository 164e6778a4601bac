"""What people asked for and a second one approved: judged anew each time, as rows only say who claimed what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.core.commands import Here, Now
from agent.core.statements import Request, Statement, Waiting, asker, parse, refusal, standing
from agent.journal.journal import Journal
from agent.journal.projections import OpenRequest, approvals


@dataclass(frozen=True)
class Approval:
    """A request that a second person has signed, and that stands now. scope: what it covers, and no more.

    asked_by_key: the requester signed too, so that the board itself knows of two people.
    """

    request: str
    what: str
    scope: dict[str, str]
    requester: str
    approver: str
    reason: str
    expires_s: int
    asked_by_key: bool


def request_of(found: OpenRequest) -> Request:
    """What was asked, of its row."""
    values: Any = found.asked.values()
    key, sig = str(values.get("key", "")), str(values.get("sig", ""))
    told = (str(values["request"]), str(values["what"]), str(values["by"]), dict(values["scope"]))
    return Request(*told, str(values["reason"]), key, sig)


def waiting(journal: Journal) -> list[Waiting]:
    """All that was asked for, oldest first, each with its last verdict, whether or not that stands."""
    return [_waiting(found) for found in approvals(journal).values()]


def _waiting(found: OpenRequest) -> Waiting:
    last = found.signed[-1].values() if found.signed else {}
    return Waiting(request_of(found), str(last.get("verdict", "")), str(last.get("by", "")))


def verdict_refusal(journal: Journal, statement: Statement, here: Here, now: Now) -> str:
    """Why a verdict on what was asked for in this journal is not to be written into it; "" if it is."""
    found = approvals(journal).get(statement.request)
    if found is None:
        return f"there is no request {statement.request}"
    return refusal(statement, request_of(found), here, now)


def approval_of(found: OpenRequest, here: Here, now: Now) -> Approval | None:
    """The approval of a request, None if none stands now."""
    asked = request_of(found)
    signed = [parse(str(row.values()["statement"])) for row in found.signed]
    last = standing(asked, [one for one in signed if one is not None], here, now)
    if last is None:
        return None
    by_key = asker(asked, here) is not None
    told = (asked.id, asked.kind, dict(asked.scope), asked.requester, last.by)
    return Approval(*told, asked.reason, last.exp, by_key)


def approved(journal: Journal, what: str, here: Here, now: Now) -> list[Approval]:
    """What of this kind was asked for, approved by a second person, and stands now, oldest first."""
    wanted = (one for one in approvals(journal).values() if one.asked.values()["what"] == what)
    found = (approval_of(one, here, now) for one in wanted)
    return [one for one in found if one is not None]
