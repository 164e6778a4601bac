"""standpipe alarm: what it asks of the panel, and what it makes of the answer. A thread plays the panel."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sp_cli import Board, Said

from agent.cli.commands import alarm
from agent.core.chain import Row
from agent.core.events import (
    AlarmAcknowledged,
    AlarmRaised,
    AlarmReset,
    AlarmRestored,
    AlarmSilenced,
    Event,
    PanelRefused,
    Signal,
)

Standpipe = Callable[..., Said]
GATE, PUMP = "door.held_open:gate", "pump.fail_to_start:pump-1"
DONE = {"acknowledge": AlarmAcknowledged, "silence": AlarmSilenced, "reset": AlarmReset}


def raised(id_: str, signal: Signal = Signal.ALARM, detail: str = "") -> AlarmRaised:
    on, _, of = id_.partition(":")
    return AlarmRaised(source=id_, on=on, of=of, signal=signal, detail=detail)


def does_it(request: Row) -> list[Event]:
    """A panel that does as asked."""
    values = request.values()
    ids = [GATE, PUMP] if values["alarm"] == "*" else [str(values["alarm"])]
    return [DONE[str(values["does"])](source=id_, by=str(values["by"])) for id_ in ids]


def refuses(request: Row) -> list[Event]:
    return [PanelRefused(source="panel", request=request.seq, reason="its condition still stands")]


@contextmanager
def panel(board: Board, answer: Callable[[Row], list[Event]]) -> Iterator[None]:
    """Answers requests as they come, in a thread with its own journal."""
    stop = threading.Event()
    journal = board.journal()
    mark = journal.head()[0]

    def run() -> None:
        nonlocal mark
        while not stop.wait(0.01):
            for row in journal.read(mark, kinds=["panel.requested"]):
                mark = row.seq
                journal.append(*answer(row))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        journal.close()


def test_list_shows_how_far_each_alarm_is_dealt_with(board: Board, standpipe: Standpipe) -> None:
    board.note(
        raised(GATE, Signal.SUPERVISORY),
        raised(PUMP, detail="no running contact"),
        AlarmAcknowledged(source=PUMP, by="li"),
    )
    board.note(AlarmRestored(source=PUMP))
    lines = standpipe("alarm", "list").out.splitlines()
    assert len(lines) == 2
    assert GATE in lines[0]
    assert "supervisory" in lines[0]
    assert "not acknowledged" in lines[0]
    assert "acknowledged, condition gone" in lines[1]
    assert "no running contact" in lines[1]


def test_list_without_alarms(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE), AlarmReset(source=GATE, by="li"))
    assert standpipe("alarm", "list").out == "no open alarms\n"
    assert json.loads(standpipe("alarm", "list", "--json").out) == []


def test_list_as_json(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE), AlarmSilenced(source=GATE, by="li"))
    (found,) = json.loads(standpipe("alarm", "list", "--json").out)
    assert (found["id"], found["class"], found["acknowledged"], found["silenced"]) == (GATE, "alarm", False, True)


@pytest.mark.parametrize(
    ("action", "words"), [("ack", "acknowledged by li"), ("silence", "silenced by li"), ("reset", "reset by li")]
)
def test_the_panel_does_it(board: Board, standpipe: Standpipe, action: str, words: str) -> None:
    board.note(raised(GATE), raised(PUMP))
    with panel(board, does_it):
        said = standpipe("alarm", action, GATE, "--by", "li")
    assert (said.code, said.out) == (0, f"{GATE}: {words}\n")
    journal = board.journal()
    request = journal.last("panel.requested")
    journal.close()
    assert request
    assert request.values() == {"does": alarm.DOES[action], "alarm": GATE, "by": "li"}


def test_all_waits_for_each_of_them(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE), raised(PUMP))
    with panel(board, does_it):
        said = standpipe("alarm", "ack", "--all", "--by", "li")
    assert said.code == 0
    assert sorted(said.out.splitlines()) == [f"{GATE}: acknowledged by li", f"{PUMP}: acknowledged by li"]


def test_all_does_not_wait_for_what_is_done_already(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE), raised(PUMP), AlarmAcknowledged(source=PUMP, by="wu"))
    with panel(board, lambda row: [AlarmAcknowledged(source=GATE, by="li")]):
        said = standpipe("alarm", "ack", "--all", "--by", "li")
    assert (said.code, said.out) == (0, f"{GATE}: acknowledged by li\n")


def test_refusal_is_told_with_its_reason(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE))
    with panel(board, refuses):
        said = standpipe("alarm", "reset", GATE)
    assert (said.code, said.out) == (1, f"{GATE}: the panel refused: its condition still stands\n")


def test_refusal_of_another_request_is_not_ours(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE))

    def both(row: Row) -> list[Event]:
        return [PanelRefused(source="panel", request=row.seq - 1, reason="not yours"), *does_it(row)]

    with panel(board, both):
        assert standpipe("alarm", "ack", GATE).code == 0


def test_a_silent_panel_is_told(board: Board, standpipe: Standpipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "ANSWER_S", 0.2)
    board.note(raised(GATE))
    said = standpipe("alarm", "ack", GATE)
    assert said.code == 1
    assert "the panel has not answered" in said.out


def test_an_alarm_that_is_not_open_asks_nothing(board: Board, standpipe: Standpipe) -> None:
    board.note(raised(GATE))
    said = standpipe("alarm", "ack", "door.heldopen:gate")
    assert said.code == 2
    assert f'did you mean "{GATE}"?' in said.err
    journal = board.journal()
    assert journal.last("panel.requested") is None
    journal.close()


@pytest.mark.parametrize("arguments", [("ack",), ("ack", GATE, "--all")])
def test_either_an_alarm_or_all(board: Board, standpipe: Standpipe, arguments: tuple[str, ...]) -> None:
    board.note(raised(GATE))
    said = standpipe("alarm", *arguments)
    assert said.code == 2
    assert GATE in said.err


def test_nothing_to_do(board: Board, standpipe: Standpipe) -> None:
    board.note()
    said = standpipe("alarm", "silence", "--all")
    assert (said.code, said.out) == (0, "no open alarms\n")
    journal = board.journal()
    assert journal.last("panel.requested") is None
    journal.close()


def test_in_chinese(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text(board.paths.site.read_text().replace("[site]", '[site]\nlanguage = "zh-CN"'))
    board.note(raised(GATE))
    assert "未确认" in standpipe("alarm", "list").out
    with panel(board, does_it):
        assert standpipe("alarm", "ack", GATE, "--by", "李工").out == f"{GATE}：已由 李工 确认\n"
