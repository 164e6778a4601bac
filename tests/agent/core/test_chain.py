"""The canonical row: one way to write it, the same for whoever writes it, and nothing else is read."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.chain import (
    NUMBER_MAX,
    Row,
    canonical_data,
    canonical_row,
    first_hash,
    next_hash,
    row_from_canonical,
)

Values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
Data = st.dictionaries(st.text(), Values, max_size=6)
Int64 = st.integers(-NUMBER_MAX, NUMBER_MAX)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    seq = draw(st.integers(1, NUMBER_MAX))
    boot, clock, lane, kind, source, signal = (draw(st.text()) for _ in range(6))
    at_ns, mono_ns, prev = draw(Int64), draw(Int64), draw(st.integers(0, seq - 1))
    data, hash_ = canonical_data(draw(Data)), draw(st.binary(min_size=32, max_size=32))
    return Row(seq, at_ns, boot, mono_ns, clock, lane, prev, kind, source, signal, data, hash_)


def stdlib(value: object) -> str:
    """The rule in one line: what any other program would have to write."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@given(Data)
@example({"b": 1, "a": [10**400, -1, 0]})
@example({'\x00\x1f\x7f\u2028\\"/': "\n\t\r\b\f"})
@example({"水": "😀", "é": "e\u0301"})
def test_data_is_written_as_the_rule_says(data: dict[str, object]) -> None:
    text = canonical_data(data)
    assert text == stdlib(data)
    assert json.loads(text) == data


@given(rows())
def test_row_is_a_json_array_and_comes_back(row: Row) -> None:
    text = canonical_row(row)
    assert text.decode() == stdlib([*row[:10], json.loads(row.data)])
    assert row_from_canonical(text, row.hash) == row
    assert row_from_canonical(text.decode(), row.hash) == row


@pytest.mark.parametrize(
    "data",
    [
        {"x": 1.0},
        {"x": float("nan")},
        {"x": [{"y": float("inf")}]},
        {"x": (1, 2.5)},
    ],
)
def test_floats_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="floats"):
        canonical_data(data)


@pytest.mark.parametrize("data", [{1: "x"}, {"x": {2: 1, 10: 1}}, {"x": b"bytes"}, {"x": {1, 2}}, {None: 1}])
def test_what_json_does_not_know_is_refused(data: dict[Any, object]) -> None:
    with pytest.raises(TypeError):
        canonical_data(data)


def test_half_characters_become_question_marks_and_the_row_still_verifies() -> None:
    name = b"clip-\xff.mp4".decode(errors="surrogateescape")
    row = Row(1, 0, "b", 0, "rtc", "status", 0, "k", "s", "status", canonical_data({"z": name, "a": "é"}), b"h" * 32)
    assert row.values() == {"z": "clip-?.mp4", "a": "é"}
    assert row_from_canonical(canonical_row(row), row.hash) == row
    tangled = canonical_data({"\ud800": 1, "z": 2, "!": 3})
    assert tangled == stdlib({"!": 3, "?": 1, "z": 2})


GOOD = '[2,5,"b",6,"synced","alarm",1,"door.opened","d","alarm",{"a":1,"b":"水"}]'


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("2,5", "2, 5"),
        GOOD.replace("2,5", "2.0,5"),
        GOOD.replace("2,5", "2e0,5"),
        GOOD.replace("2,5", "true,5"),
        GOOD.replace("2,5", '"2",5'),
        GOOD.replace("2,5", "0,5"),
        GOOD.replace("2,5", "1,5"),
        GOOD.replace("2,5", f"{NUMBER_MAX + 1},5"),
        GOOD.replace("2,5", f"2,{NUMBER_MAX + 1}"),
        GOOD.replace("2,5", "2,NaN"),
        GOOD.replace('"b",6', "null,6"),
        GOOD.replace('"a":1,"b":"水"', '"b":"水","a":1'),
        GOOD.replace('"a":1', '"a":1,"a":1'),
        GOOD.replace('"a":1', '"a":1.5'),
        GOOD.replace("水", "\\u6c34"),
        GOOD.replace("水", "\\ud800"),
        GOOD.replace("水", "\ud800"),
        GOOD.replace("水", "\x01"),
        GOOD.replace('{"a":1,"b":"水"}', "[]"),
        GOOD.replace('{"a":1,"b":"水"}', "{},{}"),
        GOOD.replace('{"a":1,"b":"水"}', "[" * 100_000),
        GOOD.replace('{"a":1,"b":"水"}', '{"a":' * 3000 + "1" + "}" * 3000),
        GOOD.replace('{"a":1,"b":"水"}', '{"a":' * 18 + "1" + "}" * 18),
        GOOD.replace("1,", "9" * 5000 + ",", 1),
        GOOD + " ",
        "\ufeff" + GOOD,
        "",
        "null",
        "{}",
    ],
)
def test_anything_else_is_no_row(text: str) -> None:
    with pytest.raises(ValueError, match="row"):
        row_from_canonical(text, b"")


def test_other_encodings_are_no_row() -> None:
    assert row_from_canonical(GOOD.encode(), b"h").seq == 2
    for encoding in ("utf-16", "utf-32", "big5"):
        with pytest.raises(ValueError, match="row"):
            row_from_canonical(GOOD.encode(encoding), b"")


@given(st.text() | st.binary() | Values.map(stdlib))
def test_reader_only_ever_raises_value_error(text: str | bytes) -> None:
    with suppress(ValueError):
        row_from_canonical(text, b"")


@given(rows(), st.data())
def test_one_changed_character_changes_the_hash_or_is_no_row(row: Row, data: st.DataObject) -> None:
    text = canonical_row(row).decode()
    at = data.draw(st.integers(0, len(text) - 1))
    other = text[:at] + data.draw(st.characters(codec="utf-8").filter(lambda c: c != text[at])) + text[at + 1 :]
    assert next_hash(b"p" * 32, text.encode()) != next_hash(b"p" * 32, other.encode())


def test_chain_is_plain_sha256() -> None:
    epoch = "3a1f7d52-1111-4222-8333-123456789abc"
    assert first_hash(epoch) == hashlib.sha256(epoch.encode()).digest()
    assert (
        next_hash(first_hash(epoch), b"[1]")
        == hashlib.sha256(hashlib.sha256(epoch.encode()).digest() + b"[1]").digest()
    )
