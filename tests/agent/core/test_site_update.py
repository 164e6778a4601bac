"""A site file in a command: packed and unpacked within bounds, what locks a board out, and what a kill leaves."""

from __future__ import annotations

import base64
import zlib

import pytest

from agent.core.commands import OPS
from agent.core.people import Key, Role
from agent.core.site_update import (
    PACKED_MAX,
    REASON_MAX,
    TEXT_BYTES_MAX,
    Cut,
    Stands,
    Trial,
    after_a_cut,
    is_packed,
    locks_out,
    pack,
    parse_trial,
    reason_of,
    unpack,
)

ANNA = Key("k1", "anna", Role.TECHNICIAN, b"\0" * 32)
HERE = Stands("plant", "pump", {"k1": ANNA}, remote=True)
MAY = OPS["config"].roles
TRIAL = Trial("c-1", "config", "anna", "epoch", 7, "old", "new")


def test_a_file_comes_out_as_it_went_in():
    text = "[site]\nid = 'p'\n# 泵房\n".encode() * 300
    assert unpack(pack(text)) == text
    assert is_packed(pack(text))


def packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "%%%",
        packed(b"no zlib"),
        packed(zlib.compress(b"x" * (TEXT_BYTES_MAX + 1))),
        packed(zlib.compress(b"x" * 50_000_000)),
        packed(zlib.compress(b"cut off")[:-3]),
        packed(zlib.compress(b"more") + b"behind"),
    ],
)
def test_anything_else_is_refused_however_large_it_would_become(value: str):
    with pytest.raises(ValueError, match=r"packed file|base64|bytes"):
        unpack(value)


def test_what_a_command_cannot_carry_is_said_before_it_is_sent():
    import random

    with pytest.raises(ValueError, match=str(PACKED_MAX)):
        pack(random.Random(1).randbytes(30_000))
    assert not is_packed("A" * (PACKED_MAX + 4))
    assert not is_packed(7)
    assert not is_packed("nöt")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (HERE, []),
        (HERE._replace(board="other"), ["for plant/other"]),
        (HERE._replace(remote=False), ["no [uplink]"]),
        (HERE._replace(keys={}), ["the key that signed it"]),
        (HERE._replace(keys={"k1": ANNA._replace(role=Role.AUDITOR)}), ["the key that signed it"]),
        (Stands("a", "b", {}, remote=False), ["for a/b", "no [uplink]", "the key that signed it"]),
    ],
)
def test_a_file_that_would_keep_the_next_one_from_coming_is_refused(then: Stands, words: list[str]):
    found = locks_out(HERE, then, "k1", MAY)
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("stands", "done", "what"),
    [
        ("new", True, Cut.FORGET),
        ("old", True, Cut.FORGET),
        ("new", False, Cut.ROLL_BACK),
        ("old", False, Cut.SAY),
        ("third", False, Cut.LEAVE),
    ],
)
def test_after_a_cut(stands: str, done: bool, what: Cut):
    assert after_a_cut(TRIAL, stands, done=done) is what


def test_the_note_is_read_back_and_nothing_else_is():
    assert parse_trial(TRIAL.text()) == TRIAL
    for text in (b"", b"{}", b"[]", b"null", TRIAL.text()[:-5], TRIAL.text().replace(b"7", b'"7"')):
        assert parse_trial(text) is None


def test_all_reasons_are_told_within_bounds():
    assert reason_of(["a", "b"]) == "a; b"
    many = [f"line {n}: something is wrong here" for n in range(1000)]
    cut = reason_of(many)
    kept = cut.count("line ")
    assert REASON_MAX - 60 < len(cut) <= REASON_MAX + 20
    assert cut.endswith(f"; and {1000 - kept} more")
