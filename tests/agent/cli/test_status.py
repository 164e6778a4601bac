"""standpipe status: from what processes say of themselves and what the journal says, each part alone missing too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from sp_cli import Board, Said

from agent.core.events import (
    AlarmRaised,
    CameraLost,
    CameraRestored,
    DoorOpened,
    PointChanged,
    RelayDriven,
    Signal,
)
from agent.runtime import status
from agent.runtime.clock import mono_ns

Standpipe = Callable[..., Said]
PROCESSES = ("panel", "recorder@yard", "uplink")


def all_run(board: Board, **uplink: Any) -> None:
    """Every process has just said that it runs (this test's own pid stands for theirs)."""
    for name in PROCESSES:
        status.write(board.paths, name, {"uplink": uplink, "recorder@yard": {"state": "recording"}}.get(name, {}))


def told(standpipe: Standpipe) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(standpipe("status", "--json").out)
    return found


def test_a_board_that_is_well(board: Board, standpipe: Standpipe) -> None:
    queue = {"alarm": {"rows": 0, "oldest_s": 0}, "status": {"rows": 12, "oldest_s": 95}}
    all_run(board, state="connected", queue=queue)
    board.note(
        PointChanged(source="gate", closed=True, edge_mono_ns=1, decided_mono_ns=2),
        RelayDriven(
            source="siren", energised=False, reason="x", edge_mono_ns=None, settled_mono_ns=None,
            decided_mono_ns=1, written_mono_ns=2,
        ),
    )  # fmt: skip
    said = standpipe("status")
    assert said.code == 0
    flat = [" ".join(line.split()) for line in said.out.splitlines()]
    assert flat[0] == "plant-3/pump-house"
    for name in PROCESSES:
        assert any(line.startswith(f"{name} runs pid {os.getpid()} seen") for line in flat), flat
    for line in ("gate shut", "siren released", "yard recording", "mqtt://127.0.0.1:1 connected"):
        assert line in flat
    assert "status lane 12 rows waiting, oldest 1 min 35 s old" in flat
    assert any(line.startswith("row 3, epoch ") for line in flat)
    assert any(" free of " in line for line in flat)


def test_before_anything_ran(board: Board, standpipe: Standpipe) -> None:
    board.paths.run.rmdir()
    board.paths.data.rmdir()
    said = standpipe("status")
    assert said.code == 1
    assert "none yet" in said.out
    found = told(standpipe)
    assert [one["state"] for one in found["processes"]] == ["dead"] * 3
    assert (found["journal"], found["disk"], found["alarms"]) == (None, None, None)
    assert found["points"] == [
        {"id": "gate", "name": "", "kind": "door", "closed": None, "active": None, "chattering": False, "fault": ""}
    ]
    assert not board.paths.data.exists()


def test_a_process_that_died_and_one_that_is_stuck(board: Board, standpipe: Standpipe) -> None:
    all_run(board)
    board.note()
    dead, stuck = board.paths.status("panel"), board.paths.status("uplink")
    dead.write_text(json.dumps({**json.loads(dead.read_text()), "pid": 2**22 + 1}))
    stuck.write_text(json.dumps({**json.loads(stuck.read_text()), "mono_ns": 0}))
    assert [one["state"] for one in told(standpipe)["processes"]] == ["dead", "runs", "stuck"]
    assert standpipe("status").code == 1


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [("recording", "", 0), ("connecting", "", 1), ("lost", "no packets for 8 s", 1), ("stopped", "disk full", 1)],
)
def test_cameras(board: Board, standpipe: Standpipe, state: str, reason: str, code: int) -> None:
    all_run(board)
    told_of = {"state": state, "reason": reason, "fps": 25.0, "kbit_s": 900, "about": "h264, 1920x1080, copied"}
    status.write(board.paths, "recorder@yard", told_of)
    board.note(CameraLost(source="yard", reason="x"), CameraRestored(source="yard", lost_ms=9))
    camera = told(standpipe)["cameras"][0]
    assert (camera["state"], camera["reason"]) == (state, reason)
    said = standpipe("status")
    assert said.code == code
    assert reason in said.out
    assert ("h264, 1920x1080, copied" in said.out) == (not reason)
    assert "25.0 /s, 900 kbit/s" in said.out


def test_points_pumps_and_relays_as_the_panel_sees_them(board: Board, standpipe: Standpipe) -> None:
    """The panel itself, before the last row: that is what the journal will say."""
    with board.paths.site.open("a") as file:
        file.write('[[point]]\nid = "p"\npin = "GPIO22"\n[[pump]]\nid = "pump-1"\nrunning = "p"\n')
    all_run(board)
    board.note(PointChanged(source="gate", closed=True, edge_mono_ns=1, decided_mono_ns=2))
    view = {
        "points": {
            "gate": {"closed": False, "active": True, "chattering": False, "fault": ""},
            "p": {"closed": True, "chattering": True},
        },
        "pumps": {"pump-1": {"state": "fail_to_start", "selector": "in_auto"}},
        "relays": {"siren": {"energised": True}},
        "walk_test": {"by": "tea", "end_mono_ns": mono_ns() + 90 * 10**9},
    }
    status.write(board.paths, "panel", view)
    flat = [" ".join(line.split()) for line in standpipe("status").out.splitlines()]
    assert any(line.startswith("walk-test WALK TEST: sounders are quiet * tea 1 min") for line in flat)
    for line in ("gate open", "p chatters: check its wiring", "pump-1 FAILED TO START in auto", "siren energised"):
        assert line in flat
    status.write(
        board.paths, "panel", {**view, "pumps": {"pump-1": {"state": "from a later version", "selector": "x"}}}
    )
    assert "from a later version" in standpipe("status").out


def test_no_recorder_records_nothing(board: Board, standpipe: Standpipe) -> None:
    board.note()
    assert told(standpipe)["cameras"][0]["state"] == "stopped"


def test_an_open_alarm(board: Board, standpipe: Standpipe) -> None:
    all_run(board)
    board.note(AlarmRaised(source="door.held_open:gate", on="door.held_open", of="gate", signal=Signal.SUPERVISORY))
    said = standpipe("status")
    assert said.code == 1
    assert "door.held_open:gate  supervisory" in said.out


def test_queue_of_an_uplink_that_is_not_there(board: Board, standpipe: Standpipe) -> None:
    """Counted from the marks that it told last."""
    status.write(board.paths, "uplink", {"cursors": {"alarm": 0, "status": 2}})
    path = board.paths.status("uplink")
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": 2**22 + 1}))
    board.note(*[DoorOpened(source="gate") for _ in range(5)])
    link = told(standpipe)["uplink"]
    assert link["state"] == "dead"
    assert link["lanes"]["status"]["rows"] == 4
    assert link["lanes"]["alarm"]["rows"] == 1  # journal.opened


def test_a_broken_site_file_hides_nothing_else(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text("[site]\nid = 3\n")
    board.note(AlarmRaised(source="door.held_open:gate", on="door.held_open", of="gate"))
    said = standpipe("status")
    assert said.code == 1
    assert "2 mistakes" in said.out
    assert "door.held_open:gate" in said.out


def test_in_chinese(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text(board.paths.site.read_text().replace("[site]", '[site]\nlanguage = "zh-CN"'))
    board.note(PointChanged(source="gate", closed=False, edge_mono_ns=1, decided_mono_ns=2))
    out = standpipe("status").out
    assert "未运行" in out
    assert " ".join(next(line for line in out.splitlines() if "gate" in line).split()) == "gate 打开"
