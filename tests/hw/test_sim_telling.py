"""What the simulator tells: words for everything that happens, and never at the world's cost."""

from __future__ import annotations

import ast
import io
import threading
from pathlib import Path

import pytest
from sp_board import until

from hw.simulator.board import News
from hw.simulator.telling import QUEUE_MAX, WORDS, Teller, in_words

SOURCES = (*Path("hw/simulator").glob("*.py"), Path("agent/cli/commands/simulate.py"))


def told_in_the_source() -> set[tuple[str, str]]:
    """(what, state) of every News(...) in the source whose words stand there literally."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse((Path(__file__).parents[2] / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "News":
                what, state = node.args[0], node.args[2]
                if isinstance(what, ast.Constant) and isinstance(state, ast.Constant):
                    found.add((str(what.value), str(state.value)))
    return found


def test_there_are_words_for_everything_that_is_told() -> None:
    told = told_in_the_source()
    assert ("scenario", "begins") in told
    assert told <= set(WORDS)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "siren                     ENERGISED         GPIO23 high"),
        ("zh-CN", "siren                     吸合              GPIO23 高"),
    ],
)
def test_a_line_is_read_easily(language: str, line: str) -> None:
    assert in_words(News("relay", "siren", "energised", "GPIO23", 1), language) == line


def test_lines_carry_the_seconds() -> None:
    stream = io.StringIO()
    teller = Teller(stream, "en")
    teller.tell(News("panel", "4711", "came"))
    teller.close()
    seconds, unit, *rest = stream.getvalue().split()
    assert 0 <= float(seconds) < 60
    assert (unit, rest) == ("s", ["process", "4711", "panel", "connects"])


class Stuck(io.StringIO):
    """A terminal that was stopped with Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait()
        return super().write(text)


def test_a_stopped_terminal_stops_nothing() -> None:
    stream = Stuck()
    teller = Teller(stream, "en")
    for _ in range(3 * QUEUE_MAX):
        teller.tell(News("scenario", "", "begins"))
    stream.go_on.set()

    def both_went_on() -> bool:
        teller.tell(News("scenario", "", "ends"))
        return "lines left out" in stream.getvalue()

    until(both_went_on, "it says how many lines were left out")
    teller.close()


def test_a_closed_terminal_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    teller = Teller(stream, "en")
    for _ in range(3 * QUEUE_MAX):
        teller.tell(News("scenario", "", "begins"))
    teller.close()
