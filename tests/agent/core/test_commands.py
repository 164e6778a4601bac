"""Commands are refused for the right reason, each reason has its own code, and refusing costs little."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sp_people import Person

from agent.core.commands import (
    AHEAD_MAX_S,
    CODES,
    COMMAND_BYTES_MAX,
    LIFE_MAX_S,
    OPS,
    Envelope,
    Here,
    Now,
    Refusal,
    judge,
)
from agent.core.events import KINDS
from agent.core.meter import REFUSALS_A_MINUTE, RefusalMeter
from agent.core.people import Role
from agent.core.results import ENDS, STATES, believed, parse_result, result_payload, seal
from agent.core.signed import COMMAND
from agent.runtime.keys import verify

ANNA, CHEN, TEA, AUDE = (
    Person(name, role)
    for name, role in (("anna", "operator"), ("chen", "supervisor"), ("tea", "technician"), ("aude", "auditor"))
)
STRANGER = Person("anna", "operator")
OF_EACH_ROLE = [Person(f"one-{role}", role) for role in Role]
KNOWN = (ANNA, CHEN, TEA, AUDE, *OF_EACH_ROLE)
HERE = Here("plant", "pump-house", {one.key.id: one.key for one in KNOWN}, verify)
NOW_S, BOOT = 1_800_000_000, "b-1"
ARGS: dict[str, dict[str, Any]] = {
    "acknowledge": {"alarm": "*"},
    "silence": {"alarm": "pump.fail_to_start:pump-1"},
    "reset": {"alarm": "*"},
    "clip": {"cameras": ["pump-room"], "at_s": 1_799_999_990, "before_s": 5, "after_s": 600, "hold": True},
    "hold": {"cameras": ["pump-room"], "from_s": 1, "to_s": 2, "reason": "a fire"},
    "config": {"file": "eNo="},
    "arm": {"door": "gate"},
    "disarm": {"door": "*", "reason": "cleaning"},
    "drill-start": {"of": ["gate"], "reason": "exercise", "for_s": 600},
    "drill-end": {"permit": "drill-1"},
    "impairment-start": {"of": ["pump-1"], "reason": "repair", "measures": "a guard", "for_s": 600},
    "impairment-end": {"permit": "impairment-1"},
    "incident-declare": {"what": "fire", "reason": "smoke", "since_s": 1_799_999_990, "drill": True},
    "incident-close": {"incident": "incident-1", "outcome": "out"},
    "start-arm": {"pump": "pump-1", "reason": "fire"},
    "start-confirm": {"pump": "pump-1", "typed": "pump-1", "held_ms": 3000},
    "start": {"pump": "pump-1", "nonce": "n-1", "reason": "fire"},
    "snapshot": {"cameras": ["pump-room"]},
    "report": {},
    "approve": {"statement": "{}"},
}


def made(who: Person = ANNA, op: str = "silence", **changes: Any) -> Envelope:
    fields = {"iat": NOW_S, "exp": NOW_S + 60, "nonce": BOOT, "args": ARGS.get(op, {}), **changes}
    return who.command(op, **fields)


def judged(
    envelope: Envelope | bytes, *, clock: str = "synced", counters: dict[str, int] | None = None, retained: bool = False
) -> Envelope | Refusal:
    payload = envelope if isinstance(envelope, bytes) else envelope.text().encode()
    return judge(payload, HERE, Now(NOW_S, clock, BOOT), counters or {}, retained=retained)


def code(verdict: Envelope | Refusal) -> str:
    return verdict.code if isinstance(verdict, Refusal) else ""


def changed(**fields: Any) -> bytes:
    """A good command, changed after it was signed; None takes a field away."""
    whole = {**json.loads(made().text()), **fields}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


# --- what is taken ---


def test_a_good_command_comes_out_as_it_was_signed() -> None:
    envelope = made()
    assert judged(envelope) == envelope
    assert judged(json.dumps(json.loads(envelope.text()), indent=3).encode()) == envelope, "however it is laid out"


def may(op: str) -> set[str]:
    return {str(who.role) for who in OF_EACH_ROLE if code(judged(made(who, op))) not in ("not-allowed",)}


def test_who_may_sign_what() -> None:
    """The whole table, written out: a change of it is a decision, not an accident."""
    at_site = {"operator", "shift-leader", "supervisor", "technician"}
    deafer = {"shift-leader", "supervisor", "technician"}
    assert {op: may(op) for op in OPS} == {
        "acknowledge": at_site,
        "silence": at_site,
        "reset": {"supervisor", "technician"},
        "clip": at_site,
        "hold": {"operator", "supervisor"},
        "config": {"technician"},
        "arm": at_site,
        "disarm": deafer,
        "drill-start": deafer,
        "drill-end": at_site,
        "impairment-start": {"supervisor", "safety-office"},
        "impairment-end": at_site,
        "incident-declare": set(map(str, Role)),
        "incident-close": set(map(str, Role)),
        "start-arm": at_site,
        "start-confirm": at_site,
        "start": at_site,
        "snapshot": at_site,
        "report": {"operator", "shift-leader", "supervisor", "technician", "auditor"},
        "approve": set(map(str, Role)),  # of the verdict inside, statements.KINDS says whose counts
    }
    assert set(ARGS) == set(OPS)
    assert all(op.roles <= set(Role) for op in OPS.values())


@pytest.mark.parametrize("op", list(OPS))
def test_every_command_is_taken_with_its_arguments_and_with_no_other(op: str) -> None:
    who = next(one for one in (CHEN, TEA) if one.key.role in OPS[op].roles)
    assert code(judged(made(who, op))) == ""
    for name in OPS[op].needs:
        lacking = {k: v for k, v in ARGS[op].items() if k != name}
        assert code(judged(made(who, op, args=lacking))) == "bad-args"
    for name in ARGS[op]:
        for wrong in (None, "", [], -1, {}, "a\nb", ["A B"], 2**40):
            assert code(judged(made(who, op, args={**ARGS[op], name: wrong}))) == "bad-args", (name, wrong)
    assert code(judged(made(who, op, args={**ARGS[op], "more": 1}))) == "bad-args"


# --- what is refused, and why ---

OTHER_SIG = made().sig
REFUSED: list[tuple[Callable[[], Envelope | bytes], str, str]] = [
    (lambda: b"", "malformed", "JSON object"),
    (lambda: b"\xff\xfe", "malformed", "JSON object"),
    (lambda: b"[1]", "malformed", "JSON object"),
    (lambda: b"[" * 10_000, "malformed", "JSON object"),
    (lambda: b'{"a":' * 3000, "malformed", "JSON object"),
    (lambda: b'{"sig": "00", "sig": "11"}', "malformed", "JSON object"),
    (lambda: b'{"sig": "00", "ctr": 1.0}', "malformed", "JSON object"),
    (lambda: b'{"sig": "00", "ctr": ' + b"9" * 5000 + b"}", "malformed", "JSON object"),
    (lambda: b'{"sig": "\\ud800"}', "malformed", "JSON object"),
    (lambda: b"x" * (COMMAND_BYTES_MAX + 1), "too-large", "allowed"),
    (lambda: b"{}", "unsigned", "not signed"),
    (lambda: changed(sig=""), "unsigned", "not signed"),
    (lambda: changed(sig=None), "unsigned", "not signed"),
    (lambda: changed(more=1), "malformed", "exactly"),
    (lambda: changed(ctr=None), "malformed", "exactly"),
    (lambda: changed(ctr="3"), "malformed", "wrong form"),
    (lambda: changed(exp=True), "malformed", "wrong form"),
    (lambda: changed(iat=-1), "malformed", "wrong form"),
    (lambda: changed(id="a b"), "malformed", "wrong form"),
    (lambda: changed(args=[]), "malformed", "wrong form"),
    (lambda: changed(nonce=""), "malformed", "nonce or sig"),
    (lambda: changed(sig="zz" * 64), "malformed", "nonce or sig"),
    (lambda: made(site="other"), "foreign", "another board"),
    (lambda: made(board="other"), "foreign", "another board"),
    (lambda: made(STRANGER), "unknown-key", "not known"),
    (lambda: made(ANNA, by="chen"), "unknown-key", "another person"),
    (lambda: replace(made(), sig=OTHER_SIG), "bad-signature", "forged"),
    (lambda: changed(op="reset"), "bad-signature", "forged"),
    (lambda: changed(args={"alarm": "other"}), "bad-signature", "forged"),
    (lambda: changed(exp=NOW_S + 61), "bad-signature", "forged"),
    (lambda: changed(ctr=2**62), "bad-signature", "forged"),
    (lambda: changed(nonce="b-2"), "bad-signature", "forged"),
    (lambda: changed(nonce=None), "bad-signature", "forged"),
    (lambda: made(op="pump.stop"), "unknown-op", "no such command"),
    (lambda: made(AUDE, "silence"), "not-allowed", "operator or shift-leader or supervisor or technician"),
    (lambda: made(ANNA, "reset"), "not-allowed", "role operator"),
    (lambda: made(exp=NOW_S + LIFE_MAX_S + 1), "bad-life", "valid for"),
    (lambda: made(exp=NOW_S), "bad-life", "valid for"),
    (lambda: made(exp=0), "bad-life", "valid for"),
    (lambda: made(nonce="b-0"), "bad-nonce", "started anew"),
    (lambda: made(iat=NOW_S - 60, exp=NOW_S), "expired", "just now"),
    (lambda: made(iat=NOW_S - 14 * 86400, exp=NOW_S - 14 * 86400 + 60), "expired", "1209540 s ago"),
    (lambda: made(iat=NOW_S + AHEAD_MAX_S + 1, exp=NOW_S + AHEAD_MAX_S + 30), "future", "clocks is wrong"),
]


@pytest.mark.parametrize(("wrong", "which", "says"), REFUSED)
def test_the_reason_is_told(wrong: Callable[[], Envelope | bytes], which: str, says: str) -> None:
    verdict = judged(wrong())
    assert isinstance(verdict, Refusal)
    assert verdict.code == which
    assert says in verdict.reason
    assert verdict.code in CODES
    assert len(verdict.reason) < 250


def test_a_retained_command_is_refused_whatever_it_is() -> None:
    assert code(judged(made(), retained=True)) == "retained"


def test_what_may_have_been_done_before_counters_were_lost_is_refused() -> None:
    payload, lost = made().text().encode(), Now(NOW_S, "synced", BOOT, since_s=NOW_S)
    assert code(judge(payload, HERE, lost, {})) == "forgotten"
    assert code(judge(payload, HERE, lost._replace(since_s=NOW_S - 1), {})) == ""
    later = made(iat=NOW_S + 5, exp=NOW_S + 60)
    assert code(judge(later.text().encode(), HERE, lost, {})) == ""


def test_every_code_has_a_test() -> None:
    tried = {which for _, which, _ in REFUSED} | {"retained", "replayed", "forgotten", "bad-args"}
    assert tried == set(CODES) - {"late", "unverified", "not-approved", "journal"}, "those are not of judge()"


def test_a_counter_serves_once() -> None:
    envelope = made()
    used = {envelope.key: envelope.ctr}
    assert code(judged(envelope, counters=used)) == "replayed"
    assert code(judged(made(ctr=envelope.ctr - 1), counters=used)) == "replayed"
    assert code(judged(made(ctr=envelope.ctr + 1), counters=used)) == ""
    assert code(judged(made(CHEN, ctr=0), counters=used)) == "", "each key has its own"


@pytest.mark.parametrize(
    ("clock", "nonce", "exp", "told"),
    [
        ("unset", "", NOW_S + 60, "bad-nonce"),
        ("unset", BOOT, NOW_S - 86400, ""),
        ("unset", "b-0", NOW_S + 60, "bad-nonce"),
        ("told", "", NOW_S + 60, "bad-nonce"),
        ("told", BOOT, NOW_S - 1, "expired"),
        ("rtc", "", NOW_S + 60, ""),
        ("rtc", "", NOW_S - 1, "expired"),
        ("synced", "", NOW_S + 60, ""),
    ],
)
def test_without_a_clock_the_boot_stands_in_for_it(clock: str, nonce: str, exp: int, told: str) -> None:
    assert code(judged(made(iat=exp - 60, exp=exp, nonce=nonce), clock=clock)) == told


def test_a_refusal_names_the_command_only_when_its_name_is_fit() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert judged(b"x") == Refusal("malformed", judged(b"x").reason, 1, digest)  # type: ignore[union-attr]
    assert judged(b'{"id": "c-1", "op": "silence"}').id == "c-1"  # type: ignore[union-attr]
    assert judged(json.dumps({"id": "x" * 65, "by": "a\nb"}).encode()).id == ""  # type: ignore[union-attr]


# --- fuzz ---

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=500), st.booleans())
def test_whatever_comes_is_judged_without_an_error(payload: bytes, retained: bool) -> None:
    assert isinstance(judged(payload, retained=retained), Refusal)


@pytest.mark.timeout(900)
def test_a_good_command_with_anything_in_any_field_is_refused_unless_it_is_signed(
    rounds: Callable[[int, int], int],
) -> None:
    whole = json.loads(made().text())

    @settings(max_examples=rounds(300, 20_000), deadline=None)
    @given(st.sampled_from(sorted(whole)), json_values)
    def one(name: str, value: Any) -> None:
        told = judged(json.dumps({**whole, name: value}).encode())
        assert isinstance(told, Refusal) or whole[name] == value

    one()


@pytest.mark.timeout(900)
def test_a_signed_command_of_any_content_never_passes_but_in_its_form(rounds: Callable[[int, int], int]) -> None:
    """Even a person who may sign gets nothing odd past the table."""
    names = st.sampled_from(sorted(OPS)) | st.text(min_size=1, max_size=10)
    keys = st.sampled_from(["alarm", "cameras", "at_s", "from_s", "to_s", "x"])
    args = st.dictionaries(keys, json_values, max_size=4)

    @settings(max_examples=rounds(300, 20_000), deadline=None)
    @given(names, args, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
    def one(op: str, args: dict[str, Any], iat: int, exp: int) -> None:
        try:
            envelope = made(CHEN, op, args=args, iat=iat, exp=exp)
            payload = envelope.text().encode()
        except ValueError:  # half characters cannot be signed
            return
        told = judged(payload)
        if isinstance(told, Envelope):
            assert told.op in OPS
            assert 0 < told.exp - told.iat <= LIFE_MAX_S
            assert set(OPS[op].needs) <= set(told.args)

    one()


def damaged(payload: bytes, chance: random.Random) -> bytes:
    """A few bytes of it flipped, cut out, doubled or put elsewhere, with a liking for what JSON is made of."""
    bytes_ = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        at, upto = sorted(chance.randrange(len(bytes_) + 1) for _ in range(2))
        what = chance.randrange(5)
        if what == 0 and at < len(bytes_):
            bytes_[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del bytes_[at : min(upto, at + 20)]
        elif what == 2:
            bytes_[at:at] = bytes_[at : min(upto, at + 20)]
        elif what == 3:
            bytes_[at:at] = chance.choice((b'"', b"{", b"[", b",", b"0", b"-", b"\\u0000", b"1e9", b"null", b"\xff"))
        else:
            bytes_[at:upto] = bytes_[at:upto][::-1]
    return bytes(bytes_)


@pytest.mark.timeout(900)
def test_random_damage_is_never_taken(rounds: Callable[[int, int], int]) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    good = [made(CHEN, op).text().encode() for op in OPS]
    for number in range(rounds(3000, 1_000_000)):
        payload = chance.choice(good)
        hurt = damaged(payload, chance)
        told = judged(hurt, retained=number % 7 == 0)
        assert isinstance(told, Refusal) or told.text().encode() == payload, (seed, number, hurt)


def test_one_flipped_bit_anywhere_is_seen(rounds: Callable[[int, int], int]) -> None:
    payload = made().text().encode()
    step = rounds(37, 1)
    for bit in range(0, len(payload) * 8, step):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        assert isinstance(judged(bytes(flipped)), Refusal), bit


def test_a_signature_for_another_purpose_does_not_serve() -> None:
    envelope = made()
    as_statement = replace(envelope, sig=ANNA.signer.sign("standpipe statement v1", envelope.unsigned()))
    assert code(judged(as_statement)) == "bad-signature"
    assert code(judged(replace(envelope, sig=ANNA.signer.sign(COMMAND, envelope.unsigned())))) == ""


# --- results ---


def test_a_result_says_what_is_known() -> None:
    row = {"command": "c-1", "op": "silence", "by": "anna", "reason": "no such alarm", "request": 7}
    payload = result_payload("failed", row)
    told = json.loads(payload)
    assert told == {"v": 1, "id": "c-1", "state": "failed", "op": "silence", "by": "anna", "reason": "no such alarm"}
    result = parse_result(payload)
    assert result is not None
    assert (result.id, result.state, result.code, result.reason) == ("c-1", "failed", "", "no such alarm")


def test_the_last_word_is_signed_with_the_boards_key_and_stands_for_no_other() -> None:
    board = ANNA.signer

    def sealed(told: dict[str, Any]) -> dict[str, Any]:
        return seal(told, "plant", "pump-house", board.public_text, board.sign)

    row = {"command": "c-1", "op": "start-confirm", "by": "anna", "answer": {"nonce": "n-1"}, "request": 7}
    for state in STATES.values():
        result = parse_result(result_payload(state, row, sealed))
        assert result is not None
        assert bool(result.sig) == (state in ENDS), "what comes before promises nothing"
        signed = believed(result, "plant", "pump-house", board.public_text, verify)
        assert signed == (state in ENDS)
        assert result.answer == {"nonce": "n-1"}
    payload = result_payload("done", row, sealed)
    result = parse_result(payload)
    assert result is not None
    assert not believed(result, "plant", "other", board.public_text, verify)
    assert not believed(result, "plant", "pump-house", CHEN.signer.public_text, verify)
    for old, new in ((b"n-1", b"n-2"), (b"c-1", b"c-2"), (b'"done"', b'"failed"'), (b"anna", b"chen")):
        forged = parse_result(payload.replace(old, new))
        assert forged is not None
        assert not believed(forged, "plant", "pump-house", board.public_text, verify), old


@pytest.mark.parametrize("answer", [["n"], {"nonce": 3}, {"nonce": "x" * 201}, "n"])
def test_an_answer_of_another_form_is_no_result(answer: Any) -> None:
    assert parse_result(json.dumps({"id": "c-1", "state": "done", "answer": answer}).encode()) is None


@pytest.mark.parametrize("clock", ["unset", "told", "rtc", "synced"])
def test_a_start_asks_no_clock_and_wants_the_boot(clock: str) -> None:
    """Whatever the board takes the time to be: an hour behind, an hour ahead, none. Its own nonce keeps the time."""
    for iat in (NOW_S - 3600, NOW_S, NOW_S + 3600):
        for op in ("start-arm", "start-confirm", "start"):
            assert code(judged(made(op=op, iat=iat, exp=iat + 60), clock=clock)) == ""
            assert code(judged(made(op=op, iat=iat, exp=iat + 60, nonce=""), clock=clock)) == "bad-nonce"
            assert code(judged(made(op=op, nonce="b-0"), clock=clock)) == "bad-nonce"
    used = made(op="start-arm")
    assert code(judged(used, counters={used.key: used.ctr}, clock=clock)) == "replayed"
    assert code(judged(made(op="start-arm"), retained=True, clock=clock)) == "retained"


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"state": "odd"}', b'{"state": "done", "id": 3}', b"\xff"])
def test_what_is_no_result_is_none(payload: bytes) -> None:
    assert parse_result(payload) is None


def test_every_kind_of_command_row_has_its_state() -> None:
    assert set(STATES) == {kind for kind in KINDS if kind.startswith("command.")}


# --- how much is written down ---


def test_refusals_are_written_down_a_few_a_minute_and_the_rest_counted() -> None:
    meter = RefusalMeter()
    assert [meter.admit(float(n)) for n in range(20)] == [True] * REFUSALS_A_MINUTE + [False] * 14
    assert meter.due(30.0) == 0
    assert meter.due(61.0) == 14
    assert meter.due(61.0) == 0
    assert meter.admit(62.0)
