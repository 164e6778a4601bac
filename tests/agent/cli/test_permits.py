"""visit, impairment, drill and arm: rows that the panel hears, and what makes a site deafer wants a yes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sp_cli import Board, Said
from sp_people import Person

from agent.core.chain import Row
from agent.core.events import ImpairmentStarted, PointArmed, PointDisarmed
from agent.runtime.keys import write_key

Standpipe = Callable[..., Said]
# Commands that make a site deafer, with what they want beside --reason and --yes.
DEAFENING = {
    ("impairment", "start", "gate", "--measures", "a guard", "--minutes", "5"): "impairment.started",
    ("drill", "start", "gate"): "drill.started",
    ("arm", "off", "gate"): "panel.requested",
}


@pytest.fixture
def board(board: Board) -> Board:
    board.note(PointArmed(source="gate", by="schedule", planned=True))
    return board


def rows(board: Board, kind: str) -> list[Row]:
    journal = board.journal()
    found = journal.read(kinds=[kind])
    journal.close()
    return found


@pytest.mark.parametrize("command", DEAFENING, ids=" ".join)
def test_what_makes_a_site_deafer_wants_a_reason_and_a_yes(
    board: Board, standpipe: Standpipe, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = DEAFENING[command]
    assert standpipe(*command, "--yes").code == 2, "no reason"
    said = standpipe(*command, "--reason", "repair")
    assert (said.code, "add --yes" in said.err) == (1, True), "nobody to ask"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: "n")
    assert standpipe(*command, "--reason", "repair").code == 1
    assert rows(board, kind) == []
    monkeypatch.setattr("builtins.input", lambda text: "y")
    standpipe(*command, "--reason", "repair")
    assert len(rows(board, kind)) == 1


def test_a_visit_from_its_beginning_to_its_end(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("visit", "open", "Li Na", "--reason", "read the meter", "--door", "gate", "--by", "anna")
    assert said.code == 0
    (row,) = rows(board, "visit.opened")
    wanted: dict[str, Any] = {
        "who": "Li Na",
        "reason": "read the meter",
        "what": "visit",
        "of": ["gate"],
        "for_s": 7200,
        "by": "anna",
        "key": "",
        "sig": "",
    }
    assert row.values() == wanted
    assert row.source in said.out
    listed = standpipe("visit", "list").out
    assert row.source in listed
    assert "Li Na" in listed
    assert standpipe("visit", "close", "--by", "anna").code == 0
    assert [one.source for one in rows(board, "visit.closed")] == [row.source]
    assert standpipe("visit", "list").out == "none\n"
    assert standpipe("visit", "close").code == 2


# --- signed ---


def key_file(board: Board, person: Person) -> list[str]:
    """The options by which this person signs."""
    key, secret = board.paths.data / f"{person.id}.key", board.paths.data / "passphrase"
    write_key(key, person.signer, person.id, "correct horse battery")
    secret.write_text("correct horse battery\n")
    return ["--key", str(key), "--passphrase-file", str(secret)]


def test_a_permit_may_bear_its_writers_signature(board: Board, standpipe: Standpipe) -> None:
    chen, anna = (Person(name, role, "plant-3") for name, role in (("chen", "supervisor"), ("anna", "operator")))
    eve = Person("eve", "supervisor", "plant-3")
    board.paths.site.write_text(board.paths.site.read_text() + chen.section + anna.section)
    start = ["impairment", "start", "gate", "--reason", "paint", "--measures", "a guard", "--minutes", "5", "--yes"]
    assert standpipe(*start, "--by", "bo").code == 0
    assert standpipe(*start, "--by", "bo", *key_file(board, chen)).code == 0
    plain, signed = rows(board, "impairment.started")
    assert (plain.values()["by"], plain.values()["sig"]) == ("bo", "")
    assert (signed.values()["by"], signed.values()["key"]) == ("chen", chen.key.id), "the key says who, not --by"
    refused = standpipe(*start, *key_file(board, anna))
    assert (refused.code, "takes one of safety-office supervisor" in refused.err) == (2, True)
    assert "not known here" in standpipe(*start, *key_file(board, eve)).err
    assert len(rows(board, "impairment.started")) == 2
    listed = standpipe("impairment", "list").out.splitlines()
    assert "not signed" in listed[0]
    assert "signed by chen (supervisor)" in listed[1]
    longer = signed.values() | {"for_s": 3600}
    board.note(ImpairmentStarted(source=signed.source, **longer))  # type: ignore[arg-type]
    assert "DOES NOT FIT" in standpipe("impairment", "list").out, "changed after it was signed"
    board.note(ImpairmentStarted(source="i-9", **(signed.values() | {"request": 7, "sig": ""})))  # type: ignore[arg-type]
    assert "by signed command, row 7" in standpipe("impairment", "list").out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("visit", "open", "Li", "--reason", "x", "--door", "attic"), "there are: gate"),
        (("visit", "open", "Li", "--reason", "x", "--minutes", "9999"), "from 1 to 1 d"),
        (("drill", "start", "attic", "--reason", "x", "--yes"), "there are: gate yard"),
        (("arm", "on", "attic"), "there are: gate"),
        (("arm", "on"), "say which door"),
        (("impairment", "end", "i-1"), "there is no i-1"),
    ],
)
def test_what_cannot_be(board: Board, standpipe: Standpipe, command: tuple[str, ...], words: str) -> None:
    said = standpipe(*command)
    assert said.code == 2
    assert words in said.err


def test_arming_is_the_panels_to_do(board: Board, standpipe: Standpipe) -> None:
    assert standpipe("arm", "list").out.split() == ["gate", "armed"]
    stop = threading.Event()

    def panel() -> None:
        while not stop.wait(0.02):
            if rows(board, "panel.requested"):
                board.note(PointDisarmed(source="gate", by="anna: cleaning", planned=True))
                return

    answering = threading.Thread(target=panel)
    answering.start()
    said = standpipe("arm", "off", "gate", "--reason", "cleaning", "--by", "anna", "--yes")
    stop.set()
    answering.join()
    assert (said.code, said.out) == (0, "gate: disarmed by anna: cleaning\n")
    assert rows(board, "panel.requested")[0].values() == {"does": "disarm", "alarm": "gate", "by": "anna: cleaning"}
    assert standpipe("arm", "list").out.split() == ["gate", "not", "armed"]
