"""rules explain and rules lint: the panel's own decisions over a dry run, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sp_cli import Board, Said

from agent.cli.explaining import answer, event_of, heard, sources
from agent.cli.rule_texts import TEXTS
from agent.config import load
from agent.core.events import KINDS
from agent.panel.plan import plan

Standpipe = Callable[..., Said]
MORE = """
[[contact]]
id = "duty"

[[contact]]
id = "chief"

[[rule]]
on = ["door.forced"]
of = ["gate"]
drive = ["siren"]
tell = ["duty", "chief"]
plan = "look at the camera, then call the guard"
clip = { cameras = ["yard"], hold = true }

[[arming]]
points = ["gate"]
from = "19:00"
until = "06:00"
"""


@pytest.fixture
def board(board: Board) -> Board:
    board.paths.site.write_text(board.paths.site.read_text().replace("\n[uplink]", MORE + "\n[uplink]"))
    return board


def test_explain_says_what_follows_and_why(standpipe: Standpipe) -> None:
    said = standpipe("rules", "explain", "door.forced")
    assert said.code == 0
    for words in (
        "door.forced of gate",
        "class alarm",
        "siren energised, until somebody acknowledges",
        "a clip of yard, 15 s before to 45 s after, held",
        "tells duty",
        "after 2 min without acknowledgement tells chief",
        "people: look at the camera, then call the guard",
        "because of rule 2: on door.forced of gate",
    ):
        assert words in said.out


def test_explain_says_that_nothing_follows(standpipe: Standpipe) -> None:
    said = standpipe("rules", "explain", "door.closed")
    assert "no alarm" in said.out
    assert "no rule answers it" in said.out
    assert "rules do not hear" in standpipe("rules", "explain", "process.started").out


def test_explain_in_chinese(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text(board.paths.site.read_text().replace("[site]", '[site]\nlanguage = "zh-CN"'))
    said = standpipe("rules", "explain", "door.forced", "--source", "gate").out
    assert "级别：报警" in said
    assert "直到有人确认" in said
    assert "依据第 2 条规则" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("door.forcd",), 'did you mean "door.forced"?'),
        (("door.forced", "--source", "yard"), "it can to: gate"),
        (("smoke.detected",), "it can to: none"),
    ],
)
def test_explain_of_what_cannot_be(standpipe: Standpipe, arguments: tuple[str, ...], words: str) -> None:
    said = standpipe("rules", "explain", *arguments)
    assert said.code == 2
    assert words in said.err


def test_lint_names_alarms_without_a_rule_or_a_plan(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("rules", "lint")
    assert said.code == 1
    lines = {line.split()[0]: line for line in said.out.splitlines() if "." in line}
    assert lines["door.forced"].split() == ["door.forced", "rule", "2"]
    assert "NO RULE: yard" in lines["camera.lost"]
    assert "smoke.detected" not in lines, "there is no such point here"
    catch_all = '\n[[rule]]\non = ["alarm.raised"]\ntell = ["duty"]\nplan = "look"\n\n[uplink]'
    board.paths.site.write_text(board.paths.site.read_text().replace("\n[uplink]", catch_all))
    said = standpipe("rules", "lint")
    assert (said.code, said.out.splitlines()[-1]) == (0, "every alarm of this site has a rule and a plan")


def test_every_event_that_rules_hear_can_be_explained(board: Board) -> None:
    site = load(board.paths.site)
    made = plan(site)
    for kind in KINDS:
        for source in sources(kind, site) if heard(kind) else ():
            assert kind == event_of(kind, source, made).KIND
            assert answer(site, kind, source).said


def test_both_languages_say_the_same_things() -> None:
    for english, chinese in TEXTS.values():
        assert {part.split("}")[0] for part in english.split("{")[1:]} == {
            part.split("}")[0] for part in chinese.split("{")[1:]
        }
