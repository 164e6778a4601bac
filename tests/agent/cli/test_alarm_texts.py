"""What alarms are called in Chinese, and why the panel refuses: nothing that it can say is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sp_cli import Board, Said

from agent.cli.alarm_texts import NAMES, REASONS, named, reason
from agent.core.alarm import SIGNALS, TABLE
from agent.core.arming import Arming
from agent.core.events import KINDS, AlarmRaised, PumpFailToStart, RelayTestRequested, Signal, WalkTestRequested
from agent.core.room import SENSORS
from agent.core.walk_test import PULSE_MS, RelayTests, WalkTest

Standpipe = Callable[..., Said]


def test_every_alarm_has_a_name() -> None:
    sensors = {event.KIND for one in SENSORS.values() for event in (one.high, one.low) if event is not None}
    assert {*SIGNALS, *sensors, "door.held_open", "point.changed"} <= set(NAMES)
    assert set(NAMES) <= set(KINDS)
    assert len(set(NAMES.values())) == len(NAMES), "two alarms of one name"


def refusals() -> list[str]:
    """What the machines say for no, where saying it takes no more than this."""
    walk, going, relays, doors = WalkTest(), WalkTest(), RelayTests(), Arming(["gate"], {}, lambda at_ns: (0, 0))
    start, asked = (
        WalkTestRequested(source="cli", does="start", for_s=60, by="tea"),
        RelayTestRequested(source="siren", pulse_ms=PULSE_MS, by="tea"),
    )
    going.ask(start, 1, 0, 0)
    relays.ask(asked, 1, 0, 0)
    doors.ask("gate", True, "anna")
    return [
        walk.ask(start, 1, 0, 3)[1],
        walk.ask(WalkTestRequested(source="cli", does="start", for_s=1, by="tea"), 1, 0, 0)[1],
        walk.ask(WalkTestRequested(source="cli", does="end", for_s=0, by="tea"), 1, 0, 0)[1],
        going.ask(start, 2, 0, 0)[1],
        relays.ask(asked, 2, 0, 0)[1],
        RelayTests().ask(RelayTestRequested(source="siren", pulse_ms=1, by="tea"), 2, 0, 0)[1],
        doors.ask("attic", True, "anna")[1],
        doors.ask("gate", True, "anna")[1],
        *(why for why in TABLE.values() if isinstance(why, str) and not hasattr(why, "name")),
    ]


@pytest.mark.parametrize("said", sorted(set(refusals())))
def test_every_refusal_is_told_in_chinese(said: str) -> None:
    assert said
    told = reason(said, "zh-CN")
    assert any(ord(letter) > 0x4E00 for letter in told), told
    assert "{" not in told
    assert reason(said, "en") == said


def test_what_stands_in_a_reason_stays_in_it() -> None:
    assert reason("tea has started a walk test already", "zh-CN") == "tea 已开始步行测试"
    assert reason("a pulse takes 50 to 30000 ms", "zh-CN") == "脉冲时长为 50 至 30000 毫秒"
    assert reason("something new", "zh-CN") == "something new"
    assert all(text.count("{}") == chinese.count("{}") for text, chinese in REASONS.items())


def test_names_stand_beside_ids(board: Board, standpipe: Standpipe) -> None:
    board.note(AlarmRaised(source="camera.lost:yard", on="camera.lost", of="yard", signal=Signal.TROUBLE))
    assert "摄像机断线" not in standpipe("alarm", "list").out
    board.paths.site.write_text(board.paths.site.read_text().replace("[site]\n", '[site]\nlanguage = "zh-CN"\n'))
    for command in (["alarm", "list"], ["status"], ["rules", "explain", "camera.lost:yard"], ["rules", "lint"]):
        assert "摄像机断线" in standpipe(*command).out, command
    assert named(f"{PumpFailToStart.KIND}:pump-1", "zh-CN") == "消防泵启动失败"


def test_an_alarms_id_is_explained_too(standpipe: Standpipe) -> None:
    assert standpipe("rules", "explain", "door.held_open:gate").out.startswith("door.held_open of gate:")
    said = standpipe("rules", "explain", "door.held_open:attic")
    assert (said.code, "it can to: gate" in said.err) == (2, True)
    assert "standpipe rules lint" in standpipe("rules", "explain", "nonsense").err
