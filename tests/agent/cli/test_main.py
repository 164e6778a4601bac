"""The frame of the command: help, options anywhere, errors in one line, quick to start."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_cli import Board, Said

from agent.cli import __main__ as cli
from agent.cli.commands import COMMANDS, module_of
from agent.runtime import status

Standpipe = Callable[..., Said]
ONE_LINE = re.compile(r"standpipe: [^\n]+\n")


def test_help_lists_every_command(standpipe: Standpipe) -> None:
    said = standpipe("--help", folders=False)
    assert said.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in said.out] == []


def test_no_command_is_a_usage_error(standpipe: Standpipe) -> None:
    said = standpipe(folders=False)
    assert (said.code, said.out) == (2, "")
    assert "usage: standpipe" in said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_of_its_own(standpipe: Standpipe, name: str) -> None:
    said = standpipe(name, "--help", folders=False)
    assert said.code == 0
    assert f"usage: standpipe {name}" in said.out
    assert "--data DIR" in said.out
    assert importlib.import_module(module_of(name)).HELP.split("\n")[0][:40] in said.out


def test_each_module_of_commands_is_in_the_table() -> None:
    folder = Path(cli.__file__).with_name("commands")
    assert {f"agent.cli.commands.{path.stem}" for path in folder.glob("[a-z]*.py")} == set(map(module_of, COMMANDS))


def test_unknown_command_suggests_the_nearest(standpipe: Standpipe) -> None:
    said = standpipe("statsu")
    assert said.code == 2
    assert "did you mean status?" in said.err


def test_folders_may_stand_before_and_after_the_name(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    site, data, run = board.folders[:2], board.folders[2:4], board.folders[4:]
    board.note()
    status.write(board.paths, "other", {})
    for argv in ([*board.folders, "status", "--json"], [*site, "status", *data, "--json", f"--run={run[1]}"]):
        cli.main(argv)
        found = json.loads(capsys.readouterr().out)
        assert found["site"]["file"] == str(board.paths.site)
        assert found["disk"]["path"] == str(board.paths.data)
        assert found["processes"][-1]["process"] == "other"


def test_abbreviated_options_are_refused(standpipe: Standpipe) -> None:
    said = standpipe("events", "--fol", folders=False)
    assert said.code == 2


@pytest.mark.parametrize("arguments", [("events",), ("journal", "check"), ("alarm", "list"), ("clock", "set", "--now")])
def test_no_journal_is_one_line(standpipe: Standpipe, arguments: tuple[str, ...]) -> None:
    said = standpipe(*arguments)
    assert said.code == 1
    assert ONE_LINE.fullmatch(said.err)
    assert "no journal here" in said.err
    assert not list(Path(said.err.split()[1].rstrip(":")).parent.glob("journal.db*"))


@pytest.mark.parametrize("arguments", ["events", "alarm list", "clock set --now"])
def test_no_permission_is_one_line_that_says_what_to_do(board: Board, arguments: str) -> None:
    """With a real user's rights: root may read everything, so it becomes nobody."""
    who = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    try:
        subprocess.run([sys.executable, "-c", "import agent.cli"], check=True, capture_output=True, cwd="/", **who)  # type: ignore[call-overload]
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the Python of these tests is closed to other users")
    board.note()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to other users
        Path(folder).chmod(0o755)
        data = Path(folder, "data")
        board.paths.data.rename(data)
        data.chmod(0)
        argv = [sys.executable, "-m", "agent.cli", *arguments.split(), *board.folders, "--data", str(data)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/", **who)  # type: ignore[call-overload]
        data.chmod(0o700)
    assert done.returncode == 1
    assert ONE_LINE.fullmatch(done.stderr)
    assert "permission denied: join the group standpipe" in done.stderr


def test_a_fault_of_ours_is_one_line_and_told_as_such(standpipe: Standpipe, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("agent.cli.commands.status")

    def broken(*_: object) -> int:
        raise ZeroDivisionError("rtsp://user:hunter2@x")

    monkeypatch.setattr(module, "run", broken)
    said = standpipe("status")
    assert said.code == 1
    assert ONE_LINE.fullmatch(said.err)
    assert "a fault in standpipe itself: ZeroDivisionError" in said.err
    assert "hunter2" not in said.err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            PermissionError(13, "Permission denied", "/var/lib/standpipe"),
            "/var/lib/standpipe: permission denied: join the group",
        ),
        (OSError(28, "No space left on device", "/x"), "/x: No space left on device"),
        (ValueError("x"), "a fault in standpipe itself"),
    ],
)
def test_errors_in_words(standpipe: Standpipe, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    module = importlib.import_module("agent.cli.commands.status")

    def broken(*_: object) -> int:
        raise error

    monkeypatch.setattr(module, "run", broken)
    assert words in standpipe("status").err


def test_head_has_seen_enough(board: Board) -> None:
    """A reader that closes the pipe early gets no complaint."""
    from agent.core.events import DoorOpened

    board.note(*[DoorOpened(source="gate") for _ in range(2000)])
    folders = " ".join(board.folders)
    line = f"{sys.executable} -m agent.cli events --since 0 {folders} | head -2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


# --- quick to start ---

HEAVY = {"av", "paho", "cryptography", "sqlite_utils", "gpiozero", "numpy"}


@pytest.mark.parametrize(
    ("arguments", "also_not"),
    [
        (["--help"], {"msgspec", "sqlite3", "tomllib", "logging", "subprocess"}),
        (["check"], {"sqlite3"}),
        (["status"], set()),
        (["events"], {"difflib"}),
        (["alarm", "list"], set()),
        (["up", "--help"], {"sqlite3"}),
    ],
)
def test_what_a_command_imports(board: Board, arguments: list[str], also_not: set[str]) -> None:
    board.note()
    argv = [sys.executable, "-X", "importtime", "-m", "agent.cli", *arguments]
    done = subprocess.run([*argv, *board.folders], capture_output=True, text=True, check=False)
    imported = {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "argparse" in imported
    assert imported & (HEAVY | also_not) == set()
