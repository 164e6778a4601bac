"""Text on a terminal: colours only where wanted, columns that line up, lengths and sizes for people."""

from __future__ import annotations

import io

import pytest

from agent.cli import terminal
from agent.cli.texts import TEXTS


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert terminal.coloured(Tty())
    assert not terminal.coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.coloured(Tty())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal.coloured(Tty())
    assert terminal.paint("x", terminal.RED, on=True) == "\x1b[31mx\x1b[0m"
    assert terminal.paint("x", terminal.RED, on=False) == "x"


def test_columns_line_up_in_chinese_too() -> None:
    lines = terminal.columns([["门", "打开", "a"], ["gate", "shut", ""], ["e\u0301", "x", "b"]], indent="")
    assert lines == ["门    打开  a", "gate  shut", "e\u0301     x     b"]
    assert terminal.columns([]) == []


def test_nothing_moves_the_cursor() -> None:
    assert terminal.safe("a\x1b[2J\rb\nc") == "a\\x1b[2J\\rb\nc"
    assert terminal.columns([["\x9b31m"]], indent="") == ["\\x9b31m"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (5, "5 s"),
        (9.94, "9.9 s"),
        (12, "12 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (270_000, "3 d 3 h"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert terminal.span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (3_456_789, "3.5 MB"), (12_000_000_000, "12 GB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes(count: int, text: str) -> None:
    assert terminal.amount(count) == text


def test_every_text_takes_the_same_values_in_both_languages() -> None:
    for name, (english, chinese) in TEXTS.items():
        fields = [{part.partition("}")[0] for part in text.split("{")[1:]} for text in (english, chinese)]
        assert fields[0] == fields[1], name
