"""What a board says in English is there in Chinese too, for whoever sends it commands."""

from __future__ import annotations

import pytest

from agent.cli.approve_texts import APPROVE_TEXTS
from agent.cli.command_texts import COMMAND_TEXTS, REFUSED_ZH, in_chinese
from agent.core.alarm import TABLE
from agent.core.commands import CODES
from agent.core.results import STATES
from agent.core.statements import KINDS


def test_every_code_of_a_refusal_has_its_words() -> None:
    assert set(REFUSED_ZH) == set(CODES)
    assert in_chinese("refused", "not-allowed", "role x may not").endswith("（role x may not）"), "and the board's own"
    assert in_chinese("refused", "of-another-version", "why") == "why"


@pytest.mark.parametrize("reason", sorted({one for one in TABLE.values() if isinstance(one, str) and " " in one}))
def test_every_reason_of_an_alarm_has_its_words(reason: str) -> None:
    assert in_chinese("failed", "", reason) != reason


def test_names_are_kept_and_what_nobody_knows_is_told_as_it_is() -> None:
    assert in_chinese("failed", "", "there is no camera yard") == "没有摄像机 yard"
    assert in_chinese("failed", "", "the siren is on fire") == "the siren is on fire"


def test_every_state_and_kind_of_request_has_its_words() -> None:
    assert {f"command-{state}" for state in STATES.values()} <= set(COMMAND_TEXTS)
    assert {f"kind-{kind}" for kind in KINDS} <= set(APPROVE_TEXTS)
