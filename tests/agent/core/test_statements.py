"""A second person's signature stands for one request, one scope, one time, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sp_people import Person

from agent.core.commands import Here, Now
from agent.core.people import Role
from agent.core.statements import ASKED_BY_KEY, KINDS, VALID_MAX_S, Request, Statement, parse, refusal, standing
from agent.runtime.keys import verify

ANNA, CHEN, AUDE = Person("anna", "operator"), Person("chen", "supervisor"), Person("aude", "auditor")
STRANGER = Person("chen", "supervisor")
HERE = Here("plant", "pump-house", {one.key.id: one.key for one in (ANNA, CHEN, AUDE)}, verify)
SCOPE = {"camera": "pump-room", "from": "2026-11-01 00:00", "to": "2026-11-02 00:00"}
ASKED = ANNA.asks("r-1", "footage.delete", SCOPE)
UNSIGNED = Request("r-1", "footage.delete", "anna", SCOPE)
NOW_S = 1_800_000_000


def made(who: Person = CHEN, **changes: Any) -> Statement:
    asked: Request = changes.pop("asked", ASKED)
    return who.states(asked, **{"iat": NOW_S, "exp": NOW_S + 3600, **changes})


def on(asked: Request, who: Person = CHEN, **changes: Any) -> str:
    """Of a verdict on just this request."""
    return why_not(made(who, asked=asked, **changes), asked=asked)


def why_not(statement: Statement, *, asked: Request = ASKED, at_s: int = NOW_S, clock: str = "synced") -> str:
    return refusal(statement, asked, HERE, Now(at_s, clock, "b-1"))


def test_a_good_one_stands_and_comes_back_from_its_text() -> None:
    statement = made()
    assert why_not(statement) == ""
    assert parse(statement.text()) == statement
    assert why_not(made(verdict="refuse")) == "", "a refusal is a verdict too"


WRONG: list[tuple[Callable[[], str], str]] = [
    (lambda: why_not(made(site="other")), "another board"),
    (lambda: why_not(made(STRANGER)), "not known here"),
    (lambda: why_not(made(ANNA, by="chen")), "not known here"),
    (lambda: why_not(replace(made(), scope={**SCOPE, "camera": "yard"})), "forged"),
    (lambda: why_not(replace(made(), exp=NOW_S + 7200)), "forged"),
    (lambda: why_not(replace(made(verdict="refuse"), verdict="approve")), "forged"),
    (lambda: why_not(made(scope={**SCOPE, "to": "2026-11-03 00:00"})), "another scope"),
    (lambda: why_not(made(), asked=replace(ASKED, id="r-2")), "another request"),
    (lambda: why_not(made(), asked=replace(ASKED, scope={})), "another scope"),
    (lambda: why_not(made(kind="footage.view")), "another request"),
    (lambda: why_not(made(AUDE)), "takes manager or supervisor"),
    (lambda: why_not(made(verdict="perhaps")), "neither approve nor refuse"),
    (lambda: why_not(made(), asked=replace(ASKED, reason="another")), "another scope or reason"),
    (lambda: why_not(made(), asked=ANNA.asks("r-1", "footage.delete", SCOPE, "asked anew")), "another scope or reason"),
    (lambda: why_not(made(), asked=UNSIGNED), "signed for another request"),
    (lambda: why_not(made(digest="0" * 64)), "signed for another request"),
    (lambda: on(replace(ASKED, requester="chen")), "second person"),
    (lambda: on(CHEN.asks("r-1", "footage.delete", SCOPE)), "second person"),
    (lambda: on(UNSIGNED), "nobody's key asked"),
    (lambda: on(replace(ASKED, reason="another")), "nobody's key asked"),
    (lambda: on(replace(CHEN.asks("r-1", "footage.delete", SCOPE), requester="anna")), "nobody's"),
    (lambda: on(replace(ASKED, kind="odd")), "no such kind"),
    (lambda: why_not(made(exp=NOW_S + VALID_MAX_S + 1)), "at most 366 days"),
    (lambda: why_not(made(), at_s=NOW_S + 3600), "expired"),
    (lambda: why_not(made(), clock="unset"), "cannot be judged"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_why_one_does_not_stand(wrong: Callable[[], str], says: str) -> None:
    assert says in wrong()


def test_who_may_sign_what() -> None:
    assert {kind: set(roles) for kind, roles in KINDS.items()} == {
        "disk.retire": {Role.SUPERVISOR, Role.SAFETY_OFFICE, Role.MANAGER},
        "footage.delete": {Role.SUPERVISOR, Role.MANAGER},
        "footage.view": {Role.SUPERVISOR, Role.SAFETY_OFFICE, Role.MANAGER},
        "hold.release": {Role.SUPERVISOR, Role.MANAGER},
        "policy": {Role.SUPERVISOR, Role.MANAGER},
    }


def test_what_takes_footage_away_is_asked_for_by_key_and_the_rest_may_be_unsigned() -> None:
    for kind in KINDS:
        assert ("nobody's key" in on(replace(UNSIGNED, kind=kind))) is (kind in ASKED_BY_KEY)


def test_a_site_chooses_among_the_roles_and_gains_none() -> None:
    asked = replace(UNSIGNED, kind="footage.view")
    statement = made(asked=asked)
    for chosen, says in ((Role.MANAGER, "takes manager"), (Role.AUDITOR, "takes "), (Role.SUPERVISOR, "")):
        here = HERE._replace(approvers={"footage.view": frozenset({chosen})})
        said = refusal(statement, asked, here, Now(NOW_S, "synced", "b-1"))
        assert (bool(said), says in said) == (bool(says), True)


def stands(*signed: Statement, at_s: int = NOW_S) -> bool:
    return standing(ASKED, signed, HERE, Now(at_s, "synced", "b-1")) is not None


def test_the_last_verdict_counts_and_a_refusal_does_not_expire() -> None:
    month = {"exp": NOW_S + 30 * 86400}
    assert stands(made(**month))
    assert not stands(made(**month), made(verdict="refuse"))
    assert not stands(made(**month), made(verdict="refuse"), at_s=NOW_S + 7200), "the refusal's hour is over"
    assert stands(made(verdict="refuse"), made(**month))
    assert not stands(made(AUDE, **month))
    assert stands(made(**month), made(AUDE, verdict="refuse")), "not hers to refuse"
    assert not stands(made(**month), made(ANNA, verdict="refuse")), "who asked may take it back"
    assert not stands()


@given(st.text(max_size=300))
def test_what_is_no_statement_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("change", [{"sig": ""}, {"scope": {"a": "x" * 201}}, {"iat": -1}, {"kind": "x" * 201}])
def test_a_statement_of_a_wrong_form_is_none(change: dict[str, Any]) -> None:
    assert parse(replace(made(), **change).text()) is None
