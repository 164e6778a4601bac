"""The example site, mistreated: whatever is done to a key, it is named, or the file is still good; never a crash."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.config import Checked
from agent.config.convert import Report, Table, read_table
from agent.config.lines import Lines
from agent.config.model import SiteConfig
from agent.config.words import TEXTS, Words

EXAMPLE = Path(__file__).parents[3] / "provisioning/examples/pump-house.toml"
Keys = tuple[str | int, ...]
Look = Callable[..., Checked]


def keys_of(value: Any, path: Keys = ()) -> Iterator[Keys]:
    """Every key and list item of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from keys_of(one, (*path, key))


def at(document: Any, path: Keys) -> Any:
    for key in path:
        document = document[key]
    return document


def as_toml(document: dict[str, Any]) -> str:
    """The document with every section written inline: ugly, and the same to a TOML parser."""

    def write(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(k)} = {write(v)}" for k, v in value.items()) + "}"
        return f"[{', '.join(map(write, value))}]" if isinstance(value, list) else json.dumps(value)

    return "\n".join(f"{json.dumps(key)} = {write(value)}" for key, value in document.items())


DOCUMENT = tomllib.loads(EXAMPLE.read_text())
PATHS = list(keys_of(DOCUMENT))


def name_of(path: Keys) -> str:
    """The last name in a path, as a message would have it."""
    return next(str(key) for key in reversed(path) if isinstance(key, str))


def mentions(checked: Checked, path: Keys) -> bool:
    name = name_of(path)
    return any(name in problem.key or name in problem.message for problem in checked.problems)


def test_example_written_inline_is_good(look: Look) -> None:
    assert look(as_toml(DOCUMENT)).problems == []


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_key_deleted(look: Look, path: Keys) -> None:
    """Gone: either it was not needed, or the message says that it is missing or what leads nowhere now."""
    document = copy.deepcopy(DOCUMENT)
    gone = at(document, path)
    del at(document, path[:-1])[path[-1]]
    checked = look(as_toml(document))
    if checked.config is None:
        led_here = [p for p in checked.problems if isinstance(gone, dict) and gone.get("id") and gone["id"] in p.value]
        assert mentions(checked, path) or led_here


@pytest.mark.parametrize("path", [path for path in PATHS if isinstance(path[-1], str)], ids=str)
def test_key_misspelled(look: Look, path: Keys) -> None:
    """Never taken in silence, and the right spelling is suggested."""
    document = copy.deepcopy(DOCUMENT)
    table, right = at(document, path[:-1]), str(path[-1])
    wrong = right + "x" if len(right) > 3 else right + right[-1]
    table[wrong] = table.pop(right)
    checked = look(as_toml(document))
    assert checked.config is None
    told = [problem for problem in checked.problems if problem.key.split(".")[-1] == wrong]
    assert told, checked.problems
    assert f'"{right}"' in told[0].message


WRONG_TYPES: list[Any] = [
    None,
    True,
    -1,
    10**30,
    1.5,
    float("inf"),
    "",
    "\x1b[31m",
    "x" * 5000,
    [],
    [[]],
    {},
    {"a": 1},
    [1],
]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_value_of_a_wrong_type(look: Look, path: Keys) -> None:
    """Each value replaced by fourteen others: a usable file or a problem that names the key or its section."""
    for value in WRONG_TYPES[1:]:
        document = copy.deepcopy(DOCUMENT)
        at(document, path[:-1])[path[-1]] = value
        checked = look(as_toml(document).replace("Infinity", "inf"))
        if type(value) is not type(at(DOCUMENT, path)) and not (name_of(path) == "pin" and value == -1):
            assert checked.config is None, value
        if checked.config is None:
            assert mentions(checked, path) or isinstance(value, (dict, list)), (value, checked.problems)
        assert "\x1b" not in str(checked)


def test_every_problem_has_words_in_both_languages() -> None:
    for name, (english, chinese) in TEXTS.items():
        assert english, name
        assert any("\u4e00" <= char <= "\u9fff" or char in "，；" for char in chinese), name
        fields = [
            sorted(part.split("}")[0] for part in text.replace("{{", "").split("{")[1:]) for text in (english, chinese)
        ]
        assert set(fields[1]) <= set(fields[0]), name


# --- convert.py and the model must agree: msgspec itself is the oracle ---

scalars = st.one_of(
    st.integers(-5, 100_000),
    st.booleans(),
    st.text(st.characters(codec="utf-8", min_codepoint=32, max_codepoint=0x2FFF), max_size=12),
    st.sampled_from(
        ["door", "alarm", "high", "lgpio", "3 months", "time", "a-b", "-a", "GPIO4", "normally-open", "en"]
    ),
    st.floats(allow_nan=False),
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(st.sampled_from(["id", "pin", "x"]), scalars)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(changes=[(("board", "adc", 0), 0)])
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), values), min_size=1, max_size=4))
def test_convert_agrees_with_msgspec(changes: list[tuple[Keys, Any]]) -> None:
    document = copy.deepcopy(DOCUMENT)
    for path, value in changes:
        try:
            at(document, path[:-1])[path[-1]] = value
        except (KeyError, IndexError, TypeError):  # an earlier change took its section away
            continue
    kind = msgspec.inspect.type_info(SiteConfig)
    assert isinstance(kind, msgspec.inspect.StructType)
    report = Report(Words("en"), Lines(""))
    table = read_table(Table(document), kind, report)
    try:
        msgspec.convert(_pins_as_text(document), SiteConfig)
        good = not any(isinstance(v, str) and not v.isprintable() for v in _leaves(document))
    except msgspec.ValidationError:
        good = False
    assert good == (not report.problems), report.problems
    if good:
        assert msgspec.convert(table.plain(), SiteConfig) == msgspec.convert(_pins_as_text(document), SiteConfig)


def _leaves(value: Any) -> Iterator[Any]:
    for path in keys_of({"all": value}):
        yield at({"all": value}, path)


def _pins_as_text(document: dict[str, Any]) -> dict[str, Any]:
    """Numbers are pins too; the struct has text."""
    plain = copy.deepcopy(document)
    items = [each for kind in ("point", "analog", "relay") for each in _list(plain, kind) if isinstance(each, dict)]
    for item in items:
        item.update({"pin": _pin(item["pin"])} if "pin" in item else {})
    board = plain.get("board")
    if isinstance(board, dict) and isinstance(board.get("adc"), list):
        board["adc"] = [_pin(each) for each in board["adc"]]
    return plain


def _list(table: dict[str, Any], key: str) -> list[Any]:
    found = table.get(key)
    return found if isinstance(found, list) else []


def _pin(value: Any) -> Any:
    return str(value) if type(value) is int and 0 <= value < 10_000 else value
