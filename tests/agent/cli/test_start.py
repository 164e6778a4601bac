"""The dialogue of a remote start: a person at a terminal types the pump's name and holds a key, else nothing goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.cli import starting
from agent.cli.holding import held_ms, typed
from agent.cli.place import CommandError
from agent.cli.reach import Where
from agent.cli.start_texts import TEXTS, ZH
from agent.cli.starting import StartDialogue
from agent.cli.texts import Texts
from agent.core.commands import Envelope
from agent.core.results import Told
from agent.core.start_table import REASONS
from agent.panel.starts import WARNS

DONE = Told("done", "", "", {})


class Pump:
    """A board that answers from a list."""

    where = Where("plant", "pump-house", "b-1")

    def __init__(self, *answers: Told | None) -> None:
        self.answers, self.sent = list(answers), list[tuple[str, dict[str, Any]]]()

    def send(self, envelope: Envelope, wait_s: float, tell: Callable[[Told], None]) -> Told | None:
        self.sent.append((envelope.op, envelope.args))
        return self.answers.pop(0)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal at the dialogue; what is written to this end is typed."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(starting, "terminal", lambda: theirs)
    yield ours
    os.close(ours)
    os.close(theirs)


def signed(op: str, told: dict[str, Any]) -> Envelope:
    return Envelope("plant", "pump-house", op, told, "c-1", "anna", "k", 1, 2, 3)


def hold(keyboard: int, stop: threading.Event) -> None:
    while not stop.wait(0.03):
        os.write(keyboard, b" ")


def dialogue(keyboard: int, board: Pump, text: str, *, holds: bool, language: str = "en") -> tuple[Told | None, str]:
    """Type `text`, and hold the space bar from when it is asked for, or not."""
    said: list[str] = []
    stop = threading.Event()
    t = Texts(language, TEXTS)
    holding = threading.Thread(target=hold, args=(keyboard, stop))

    def say(line: str) -> None:
        said.append(line)
        if line == t("start-type", pump="pump-1"):
            os.write(keyboard, text.encode() + b"\n")
        if line == t("start-hold") and holds:
            holding.start()

    try:
        end = StartDialogue(board, signed, t, say, chinese=language == "zh-CN").run("pump-1", "anna", "fire")
    finally:
        stop.set()
        if holding.is_alive():
            holding.join()
    return end, "\n".join(said)


def test_typed_and_held_it_goes_through(keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A held key, as a keyboard repeats it."""
    assert starting.HOLD_MS == 3000
    monkeypatch.setattr(starting, "HOLD_MS", 300)
    armed = Told("done", "", "", {"within_s": "30", "warnings": "low_suction auto"})
    board = Pump(armed, Told("done", "", "", {"nonce": "n-1"}), Told("done", "", "", {"start_ms": "4200"}, signed=True))
    end, said = dialogue(keyboard, board, "pump-1", holds=True)
    assert end is not None
    assert end.state == "done"
    (_, arm), (_, confirm), (op, start) = board.sent
    assert arm == {"pump": "pump-1", "reason": "fire"}
    assert confirm["typed"] == "pump-1"
    assert confirm["held_ms"] >= 300
    assert (op, start) == ("start", {"pump": "pump-1", "nonce": "n-1", "reason": "fire"})
    assert "suction pressure is low, the controller is not in auto" in said
    assert "pump-1 RUNS, 4.2 s after the pulse" in said
    assert "There is no remote stop" in said


@pytest.mark.parametrize("text", ["pump-2", "", "y", "PUMP-1"])
def test_anything_else_typed_leaves_it(keyboard: int, text: str) -> None:
    board = Pump(DONE)
    end, said = dialogue(keyboard, board, text, holds=False)
    assert end == Told("left", "", "", {})
    assert [op for op, _ in board.sent] == ["start-arm"], "it lapses by itself"
    assert "nothing was started" in said


def test_a_key_that_is_not_held_confirms_nothing(keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "ARMED_S", 0.3)
    board = Pump(DONE)
    end, said = dialogue(keyboard, board, "pump-1", holds=False)
    assert end == Told("left", "", "", {})
    assert len(board.sent) == 1
    assert "too late" in said


def test_typed_too_late(keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "ARMED_S", 0)
    end, said = dialogue(keyboard, Pump(DONE), "pump-1", holds=False)
    assert end == Told("left", "", "", {})
    assert "too late" in said


@pytest.mark.parametrize("code", ["key-off", "spent", "not-commissioned"])
def test_a_refusal_is_told_in_the_persons_language(keyboard: int, code: str) -> None:
    refused = Told("failed", code, REASONS[code], {})
    _, said = dialogue(keyboard, Pump(refused), "", holds=False)
    assert REASONS[code] in said
    _, said = dialogue(keyboard, Pump(refused), "", holds=False, language="zh-CN")
    assert ZH[code] in said
    assert REASONS[code] not in said


def test_silence_is_told_as_silence(keyboard: int) -> None:
    end, said = dialogue(keyboard, Pump(None), "", holds=False)
    assert end is None
    assert "pump room" in said


def test_without_a_terminal_nobody_is_there_to_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "terminal", lambda: -1)
    with pytest.raises(CommandError, match="by hand at a terminal"):
        StartDialogue(Pump(), signed, Texts("en", TEXTS), print, chinese=False)


def test_every_code_and_warning_has_its_words() -> None:
    assert set(ZH) == {*REASONS, "no-start"}
    assert {f"warn-{role}" for role in (*WARNS, "running_unknown")} <= set(TEXTS)
    assert all(len(both) == 2 and all(both) for both in TEXTS.values())


def test_a_line_that_never_ends_is_not_waited_for_longer(keyboard: int) -> None:
    os.write(keyboard, b"pump")
    assert typed(keyboard, 0.05) is None
    assert held_ms(keyboard, 3000, 0.05) == 0
