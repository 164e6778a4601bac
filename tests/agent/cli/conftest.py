"""A board's folders for the commands, with a journal that real code has written, and the commands in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sp_cli import SITE, Board, Said

from agent.cli.__main__ import main
from agent.runtime.paths import Paths


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """English, no colours, and the umask as it was: commands that write set it."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("STANDPIPE_TRACEBACK", raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board with a site file and empty folders."""
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    for name in ("data", "run"):
        (tmp_path / name).mkdir()
    return Board(Paths(site, tmp_path / "data", tmp_path / "run"))


@pytest.fixture
def standpipe(board: Board, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """standpipe("status", "--json") -> what the command says, run in this process on the board's folders."""

    def run(*arguments: str, folders: bool = True) -> Said:
        capsys.readouterr()
        try:
            code = main([*arguments, *(board.folders if folders else [])])
        except SystemExit as exit_:  # argparse
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def command(board: Board) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """command("events", "--follow") -> the real command as a process of its own on the board's folders; ended here."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "agent.cli", *arguments, *board.folders]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
