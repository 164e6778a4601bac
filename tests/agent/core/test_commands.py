"""Commands are refused for the right reason, and refusing costs little."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.commands import (
    COMMAND_BYTES_MAX,
    REFUSALS_A_MINUTE,
    Envelope,
    Refusal,
    RefusalMeter,
    judge,
    result_payload,
)

BOARD = "plant-3/pump-house"
GOOD: dict[str, Any] = {
    "id": "c-1",
    "board": BOARD,
    "op": "alarm.ack",
    "args": {"alarm": "*"},
    "iat": 1,
    "exp": 2,
    "ctr": 3,
    "key_id": "k1",
    "sig": "00",
}


def refused(payload: bytes, *, retained: bool = False) -> Refusal:
    verdict = judge(payload, retained=retained, board=BOARD)
    assert isinstance(verdict, Refusal)
    return verdict


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "JSON object"),
        (b"\xff\xfe", "JSON object"),
        (b"[1]", "JSON object"),
        (b"[" * 10_000, "JSON object"),
        (b"{}", "not signed"),
        (json.dumps({**GOOD, "sig": ""}).encode(), "not signed"),
        (json.dumps({**GOOD, "more": 1}).encode(), "exactly"),
        (json.dumps({**GOOD, "ctr": "3"}).encode(), "wrong form"),
        (json.dumps({**GOOD, "exp": True}).encode(), "wrong form"),
        (json.dumps({**GOOD, "id": "a b"}).encode(), "wrong form"),
        (json.dumps({**GOOD, "board": "plant-3/other"}).encode(), "another board"),
        (json.dumps(GOOD).encode(), "key that is not known"),
        (b"x" * (COMMAND_BYTES_MAX + 1), "allowed"),
    ],
)
def test_each_wrong_command_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    refusal = refused(payload)
    assert reason in refusal.reason
    assert refusal.digest == hashlib.sha256(payload).hexdigest()
    assert refusal.size == len(payload)


def test_a_retained_command_is_refused_however_good() -> None:
    verdict = judge(json.dumps(GOOD).encode(), retained=True, board=BOARD, keys=["k1"])
    assert isinstance(verdict, Refusal)
    assert "retained" in verdict.reason


def test_a_known_key_gets_as_far_as_its_signature() -> None:
    assert isinstance(judge(json.dumps(GOOD).encode(), retained=False, board=BOARD, keys=["k1"]), Envelope)


def test_result_names_the_command_by_its_own_id_only_if_that_is_fit() -> None:
    assert json.loads(result_payload(refused(b'{"id": "c-7"}')))["id"] == "c-7"
    assert json.loads(result_payload(refused(b'{"id": "\\u001b[2J"}')))["id"] == ""


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(repr).map(str.encode)
)
def test_nothing_makes_it_raise_and_reasons_are_short(payload: bytes) -> None:
    assert len(refused(payload).reason) < 200


def test_a_flood_is_written_down_a_few_times_a_minute_and_then_summed_up() -> None:
    meter = RefusalMeter()
    assert sum(meter.admit(now_s=0.01 * n) for n in range(1000)) == REFUSALS_A_MINUTE
    assert meter.due(30) == 0
    assert meter.due(61) == 1000 - REFUSALS_A_MINUTE
    assert meter.due(62) == 0
    assert meter.admit(63)
