"""standpipe camera: faults in words, and what the recorder answers to a person who wants a picture."""

from __future__ import annotations

import contextlib
import getpass
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_cli import Board, Said

from agent.cli.camera_texts import CAMERA_TEXTS
from agent.core.chain import Row
from agent.core.events import CameraLost, CameraRestored, Event, ReferenceTaken, SnapshotFailed, SnapshotReady
from agent.core.health import NAMES
from agent.runtime import status

Standpipe = Callable[..., Said]
FIGURES = {"mean": 3, "flat": 1000}


def runs(board: Board, **told: object) -> None:
    status.write(board.paths, "recorder@yard", {"state": "recording", **told})


def answering(board: Board, kind: str, answer: Callable[[Row], Event]) -> threading.Thread:
    """A recorder that answers the first row of that kind."""

    def wait() -> None:
        journal = board.journal()
        for _ in range(400):
            if rows := journal.read(kinds=(kind,)):
                journal.append(answer(rows[0]))
                break
            threading.Event().wait(0.02)
        journal.close()

    board.journal().close()
    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_every_fault_has_words_in_both_languages() -> None:
    assert {f"fault-{name}" for name in NAMES} <= set(CAMERA_TEXTS)
    assert all(english and chinese and english != chinese for english, chinese in CAMERA_TEXTS.values())


def test_a_camera_that_is_well_and_one_that_is_not(board: Board, standpipe: Standpipe) -> None:
    runs(board, faults=[], figures=FIGURES)
    said = standpipe("camera", "list")
    assert (said.code, said.out.split()[:2]) == (0, ["yard", "good"])
    runs(board, faults=["black", "slow"], figures=FIGURES)
    said = standpipe("camera", "list")
    assert (said.code, "black, too few pictures" in said.out) == (1, True)
    (line,) = standpipe("camera", "list", "--json").out.splitlines()
    told = json.loads(line)
    assert (told["state"], told["faults"], told["figures"]) == ("faults", ["black", "slow"], FIGURES)
    said = standpipe("status")
    assert (said.code, "black, too few pictures" in said.out) == (1, True), "and status says so too"


def test_what_is_not_known_is_not_called_good(board: Board, standpipe: Standpipe) -> None:
    assert "does not run" in standpipe("camera", "list").out
    runs(board)
    said = standpipe("camera", "list")
    assert (said.code, "no picture looked at yet" in said.out) == (1, True)
    text = board.paths.site.read_text().replace(
        'source = "testcard:"', 'source = "testcard:"\n[camera.health]\nwatch = false'
    )
    board.paths.site.write_text(text)
    assert standpipe("camera", "list").code == 0


def test_a_snapshot(board: Board, standpipe: Standpipe, tmp_path: Path) -> None:
    runs(board)

    def ready(row: Row) -> Event:
        snapshot, cause = str(row.values()["snapshot"]), str(row.values()["cause"])
        path = f"clips/{snapshot}-yard.jpg"
        (board.paths.data / "clips").mkdir()
        (board.paths.data / path).write_bytes(b"jpeg")
        return SnapshotReady(source="yard", snapshot=snapshot, path=path, bytes=4, sha256="", at_ns=1, cause=cause)

    thread = answering(board, "snapshot.requested", ready)
    who = ("--viewer", "wang", "--present", "li", "--present", "zhao")
    said = standpipe("camera", "snapshot", "yard", "--out", str(tmp_path / "now.jpg"), *who)
    thread.join()
    assert (said.code, said.out.strip()) == (0, str(tmp_path / "now.jpg"))
    assert (tmp_path / "now.jpg").read_bytes() == b"jpeg"
    asked = asked_of(board, "snapshot.requested")
    about = {"use": "copy", "viewer": "wang", "present": ["li", "zhao"], "cause": f"person:{getpass.getuser()}"}
    assert {name: asked[name] for name in about} == about
    assert asked["at"], "from where"


def asked_of(board: Board, kind: str) -> dict[str, object]:
    """What the first request of that kind says."""
    with contextlib.closing(board.journal()) as journal:
        return journal.read(kinds=(kind,))[0].values()


def test_no_snapshot(board: Board, standpipe: Standpipe) -> None:
    runs(board)
    thread = answering(
        board,
        "snapshot.requested",
        lambda row: SnapshotFailed(source="yard", snapshot=str(row.values()["snapshot"]), reason="lens cap"),
    )
    said = standpipe("camera", "snapshot", "yard")
    thread.join()
    assert (said.code, "lens cap" in said.out) == (1, True)


def test_a_reference(board: Board, standpipe: Standpipe) -> None:
    runs(board)
    path = "pictures/yard/reference.jpg"
    thread = answering(
        board,
        "camera.reference_requested",
        lambda row: ReferenceTaken(source="yard", by=str(row.values()["by"]), path=path, sha256=""),
    )
    said = standpipe("camera", "reference", "yard", "--by", "tea")
    thread.join()
    assert (said.code, str(board.paths.data / path) in said.out) == (0, True)
    asked = asked_of(board, "camera.reference_requested")
    assert (asked["by"], asked["use"], asked["cause"]) == ("tea", "look", f"person:{getpass.getuser()}")


@pytest.mark.parametrize(("camera", "code", "says"), [("attic", 2, "there are: yard"), ("yard", 1, "is not running")])
def test_who_cannot_answer_is_said_at_once(
    board: Board, standpipe: Standpipe, camera: str, code: int, says: str
) -> None:
    said = standpipe("camera", "snapshot", camera)
    assert (said.code, says in said.out + said.err) == (code, True)


def test_cameras_that_are_due_for_replacement(board: Board, standpipe: Standpipe) -> None:
    board.note(*(one for _ in range(9) for one in (CameraLost(source="yard", reason="x"), back())))
    said = standpipe("camera", "due")
    assert (said.code, "watch it" in said.out, "lost 9 times" in said.out) == (0, True, True)
    board.note(CameraLost(source="yard", reason="x"), CameraLost(source="gone", reason="x"))
    said = standpipe("camera", "due")
    assert (said.code, "REPLACE IT" in said.out, "still since" in said.out) == (1, True, True)
    (one,) = json.loads(standpipe("camera", "due", "--json").out)
    assert (one["camera"], one["due"], one["faults"][0]["times"]) == ("yard", True, 10)
    board.paths.site.write_text(board.paths.site.read_text().replace("[site]\n", '[site]\nlanguage = "zh-CN"\n', 1))
    assert "应更换" in standpipe("camera", "due").out
    assert "断线 10 次" in standpipe("camera", "due").out
    assert standpipe("camera", "due", "--days", "0").code == 2


def back() -> CameraRestored:
    return CameraRestored(source="yard", lost_ms=1)
