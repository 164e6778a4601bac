"""incident: declared and closed by a person, on record with the time it began; drills and wrong times."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sp_cli import Board, Said

from agent.core.chain import Row
from agent.core.events import LinkUp
from agent.core.rules import FOLLOWED, Rule

Standpipe = Callable[..., Said]


def rows(board: Board, *kinds: str) -> list[Row]:
    journal = board.journal()
    found = journal.read(kinds=kinds)
    journal.close()
    return found


@pytest.fixture
def board(board: Board) -> Board:
    board.note(LinkUp(source="uplink", broker="b"))  # a row, so that there is a journal
    return board


def test_an_incident_from_its_declaration_to_its_end(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("incident", "declare", "fire", "--reason", "smoke in the boiler room", "--by", "anna")
    assert said.code == 0, said.err
    assert "119" in said.out
    (row,) = rows(board, "incident.declared")
    assert row.source in said.out
    assert row.values() == {
        "what": "fire", "reason": "smoke in the boiler room", "since_ms": 0, "by": "anna", "key": "", "sig": "",
        "request": 0,
    }  # fmt: skip
    (told,) = json.loads(standpipe("incident", "list", "--json").out)
    assert (told["id"], told["to_ns"], told["drill"]) == (row.source, 0, False)
    assert standpipe("incident", "close").code == 2, "no outcome"
    closed = standpipe("incident", "close", "--outcome", "out; 119 called 14:02", "--by", "bo")
    assert closed.code == 0, closed.err
    (end,) = rows(board, "incident.closed")
    assert (end.source, end.values()["by"], end.values()["what"], end.lane) == (row.source, "bo", "fire", "alarm")
    assert standpipe("incident", "list").out == "none\n"
    assert "out; 119 called 14:02" in standpipe("incident", "list", "--all").out
    again = standpipe("incident", "close", "--outcome", "x")
    assert (again.code, "open: none" in again.err) == (2, True)


def test_it_began_before_it_was_declared(board: Board, standpipe: Standpipe) -> None:
    about = ("incident", "declare", "theft", "--reason", "gate broken")
    future, old = standpipe(*about, "--since", "2999-01-01 00:00"), standpipe(*about, "--since", "2020-01-01 00:00")
    assert [(one.code, "--since" in one.err) for one in (future, old)] == [(2, True)] * 2
    assert rows(board, "incident.declared") == []
    assert standpipe(*about, "--since", "00:00").code == 0
    assert standpipe("incident", "close", "--outcome", "x").code == 0
    (declared,), (closed,) = rows(board, "incident.declared"), rows(board, "incident.closed")
    began, lasted = (int(str(row.values()["since_ms"])) for row in (declared, closed))
    assert 0 <= began <= 86_400_000
    assert began <= lasted <= began + 60_000


def test_with_two_open_it_asks_which(board: Board, standpipe: Standpipe) -> None:
    for what in ("fire", "flood"):
        standpipe("incident", "declare", what, "--reason", "x")
    said = standpipe("incident", "close", "--outcome", "x")
    first, second = (row.source for row in rows(board, "incident.declared"))
    assert (said.code, first in said.err, second in said.err) == (2, True, True)
    assert standpipe("incident", "close", second, "--outcome", "x").code == 0


def test_a_drill_of_one_is_marked_to_its_end(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("incident", "declare", "fire", "--reason", "exercise", "--drill")
    assert "nothing is held" in said.out
    standpipe("incident", "close", "--outcome", "done")
    marked = [row.values().get("drill") for row in rows(board, "incident.declared", "incident.closed")]
    assert marked == [True, True]


def test_a_site_that_holds_nothing_of_it_is_told(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text(board.paths.site.read_text() + '\n[holds]\non = ["pump.demand"]\n')
    assert "standpipe hold place" in standpipe("incident", "declare", "fire", "--reason", "x").out


def test_rules_can_follow_it() -> None:
    assert "incident.declared".startswith(FOLLOWED)
    assert Rule(("incident.*",), ("siren",)).names("incident.declared", "incident-ab12")
