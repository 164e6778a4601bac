"""site.toml as a file: what can be wrong with it before any key is looked at, and what is said of all keys at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from agent.config import Checked, ConfigError, check, load
from agent.core.spans import least_days, span

Look = Callable[..., Checked]


def only(checked: Checked) -> tuple[int | None, str]:
    """(line, message) of the one problem."""
    assert checked.config is None
    assert len(checked.problems) == 1, checked.problems
    return checked.problems[0].line, checked.problems[0].message


def test_good_file_is_loaded(tmp_path: Path, good: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(good)
    config = load(path)
    assert config.point[0].kind == "door"
    assert config.point[0].held_open_s is UNSET
    assert config.point[0].held_open_s is UNSET
    assert config.rule[0].clip is not UNSET
    assert config.rule[0].clip.before_s == 10
    assert check(path).warnings == []


def test_every_wrong_field_is_told_at_once(changed: Look) -> None:
    checked = changed(
        'id = "plant-3"', 'id = "Plant 3"',
        'kind = "door"', 'kind = "gate"\nsettle_ms = "100"\nheld_opne_s = 30',
        "before_s = 10", "before_s = 700",
        '"mqtts://broker.example:8883"', '"broker.example"',
        'running = "pump-1-running"', 'running = "pump-2-running"',
    )  # fmt: skip
    assert [(p.line, p.key, p.value) for p in checked.problems] == [
        (2, "site.id", '"Plant 3"'),
        (8, 'point[1] "pump-door".kind', '"gate"'),
        (9, 'point[1] "pump-door".settle_ms', '"100"'),
        (10, 'point[1] "pump-door".held_opne_s', "30"),
        (24, 'pump[1] "pump-1".running', '"pump-2-running"'),
        (37, "rule[1].clip.before_s", "700"),
        (40, "uplink.broker", '"broker.example"'),
    ]


def test_error_text_has_a_line_for_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nid = "a"\nlanguage = "en"\nbord = 3\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems) == 2
    assert lines[0].startswith(f"{path}:1: site.board: this key is needed")
    assert lines[1].startswith(f"{path}:4: site.bord = 3: unknown key")
    assert 'did you mean "board"?' in lines[1]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ('[site]\nid = "a"\nboard = \n', 3, "not valid TOML here"),
        ('[site]\nid = "a', 2, "not valid TOML"),
        ('[site]\nid = "a"\nboard = ["b",\n', 3, "may have been cut off"),
        ("[site]\nid = 'a'\nid = 'b'\n", 3, "not valid TOML here"),
        (b'[site]\nid = "a"\n# \xb2\xe2\xca\xd4\n', 3, "UTF-8"),
        ('[site]\nid = "a"\n'.encode("utf-16"), 1, "UTF-8"),
        ("a = " + "[" * 50_000, None, "nested too deeply"),
        ("a = " + "9" * 5000, None, "not valid TOML here"),
        ("a = 2026-13-45\n", 1, "not valid TOML here"),
        (b"#" * (1024 * 1024 + 1), None, "larger than 1048576 bytes"),
        (b"\x00" * 100, 1, "not valid TOML here"),
    ],
)
def test_unreadable_content_is_one_line_with_its_place(
    look: Look, content: str | bytes, line: int | None, words: str
) -> None:
    found, message = only(look(content))
    assert found == line
    assert words in message
    assert "\n" not in message


def test_empty_file_misses_the_site_section(look: Look) -> None:
    assert "[site]" in only(look(""))[1]


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file" in only(check(tmp_path / "none.toml", "en"))[1]
    assert "a folder" in only(check(tmp_path, "en"))[1]
    assert "cannot be read" in only(check(tmp_path / ("x" * 300), "en"))[1]


def test_byte_order_mark_and_windows_line_ends_are_no_mistake(look: Look, good: str) -> None:
    checked = look(b"\xef\xbb\xbf" + good.replace("\n", "\r\n").encode())
    assert checked.problems == []
    wrong = look(b"\xef\xbb\xbf" + good.replace("\n", "\r\n").replace("GPIO22", "GPIO17").encode())
    assert wrong.problems[0].line == 12


def test_every_truncation_is_a_config_or_a_config_error(
    look: Look, good: str, rounds: Callable[[int, int], int]
) -> None:
    step = rounds(7, 1)
    for length in range(0, len(good), step):
        checked = look(good[:length])
        assert (checked.config is None) == bool(checked.problems)


@pytest.mark.parametrize(
    ("language", "lang", "words"), [("zh-CN", "C", "未知的键"), ("en", "zh_CN.UTF-8", "unknown key")]
)
def test_messages_are_in_the_files_own_language(
    look: Look, monkeypatch: pytest.MonkeyPatch, language: str, lang: str, words: str
) -> None:
    monkeypatch.setenv("LC_ALL", lang)
    checked = look(f'[site]\nid = "a"\nboard = "b"\nlanguage = "{language}"\nx = 1\n', None)
    assert checked.language == language
    assert words in checked.problems[0].message


def test_without_a_usable_language_the_environment_decides(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "不完整" in look('[site]\nid = ["a",', None).problems[0].message
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert look("[site]\nlanguage = 'fr'\n", None).language == "en"


def test_footage_is_kept_for_thirty_days_at_least_where_nothing_is_said(tmp_path: Path) -> None:
    """Whatever the calendar: the shortest month has 28."""
    file = tmp_path / "site.toml"
    file.write_text('[site]\nid = "a"\nboard = "b"\n[[camera]]\nid = "yard"\nsource = "testcard:"\n')
    assert least_days(span(load(file).camera[0].keep)) >= 30
