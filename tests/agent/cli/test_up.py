"""standpipe up: children with a name before each line, started again when they die, and all gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sp_cli import Board, Said

from agent.cli import crew as crew_module
from agent.cli.crew import Child, Crew

Standpipe = Callable[..., Said]
Command = Callable[..., "subprocess.Popen[str]"]
WITHIN_S = 20


def until(happens: Callable[[], bool]) -> None:
    """Wait for something, or fail."""
    deadline = time.monotonic() + WITHIN_S
    while not happens():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


def script(text: str) -> list[str]:
    return [sys.executable, "-uc", text]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Crew]]:
    """running(Child, ...) -> a crew at work in a thread of its own; ended with the test."""
    monkeypatch.setattr(crew_module, "FIRST_S", 0.01)
    monkeypatch.setattr(crew_module, "MOST_S", 0.05)
    started: list[tuple[Crew, threading.Thread]] = []

    def run(*children: Child) -> Crew:
        crew = Crew(children)
        thread = threading.Thread(target=crew.run)
        thread.start()
        started.append((crew, thread))
        return crew

    yield run
    for crew, thread in started:
        crew.stop.set()
        thread.join(30)
        assert not thread.is_alive()
        assert all(child.process is None or child.process.poll() is not None for child in crew.children)


def test_lines_are_named_and_harmless(running: Callable[..., Crew], capsys: pytest.CaptureFixture[str]) -> None:
    text = "import time; print('hello \\x1b[31mred'); print('x' * 5000); time.sleep(60)"
    running(Child("panel", script(text)), Child("recorder@yard", script(text)))
    out = ""

    def said() -> bool:
        nonlocal out
        out += capsys.readouterr().out
        return out.count("hello") == 2 and out.count("x" * 1000) == 10

    until(said)
    assert "panel         | hello \\x1b[31mred\n" in out
    assert "recorder@yard | hello" in out
    assert "\x1b" not in out


def test_a_dead_child_is_told_and_started_again(
    running: Callable[..., Crew], capsys: pytest.CaptureFixture[str]
) -> None:
    crew = running(
        Child("panel", script("import time; print('up', flush=True); time.sleep(60)")),
        Child("other", script("import time; time.sleep(60)")),
    )
    child, other = crew.children
    until(lambda: child.process is not None and other.process is not None)
    assert child.process
    assert other.process
    first, others = child.process.pid, other.process.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: child.process is not None and child.process.pid != first)
    assert other.process.pid == others
    out = ""

    def said() -> bool:
        nonlocal out
        out += capsys.readouterr().out
        return out.count("up\n") == 2 or "again in" in out

    until(said)
    assert "killed by SIGKILL; again in" in out


def test_a_child_that_ends_by_itself_comes_back_too(running: Callable[..., Crew], tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("")
    running(Child("panel", script(f"open({str(count)!r}, 'a').write('x')")))
    until(lambda: len(count.read_text()) >= 4)


def test_a_child_that_will_not_end_is_killed(
    running: Callable[..., Crew], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crew_module, "END_S", 0.3)
    ready = tmp_path / "ready"
    stubborn = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(60)"
    crew = running(Child("panel", script(stubborn)))
    until(ready.exists)
    crew.stop.set()
    child = crew.children[0]
    until(lambda: child.process is not None and child.process.poll() == -signal.SIGKILL)


# --- the command itself, with a real process of the agent ---


def pid_of(board: Board, process: str) -> int:
    """The pid that a process tells of itself, 0 while there is none (or only a dead one, not yet waited for)."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(json.loads(board.paths.status(process).read_text())["pid"])
        return 0 if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z" else pid
    return 0


class Output:
    """The lines of a running command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            self._lines.put(line)

    def until(self, words: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not any(words in line for line in self.seen):
            self.seen.append(self._lines.get(timeout=max(0.01, deadline - time.monotonic())))


@pytest.fixture
def up(board: Board, command: Command) -> subprocess.Popen[str]:
    """`standpipe up --only uplink` with an uplink that has nobody to talk to, in folders that do not exist yet."""
    board.paths.run.rmdir()
    board.paths.data.rmdir()
    return command("up", "--only", "uplink")


def test_up_restarts_and_ends_tidily(board: Board, up: subprocess.Popen[str]) -> None:
    output = Output(up)
    output.until("site plant-3/pump-house: uplink. Ctrl-C ends it.")
    until(lambda: pid_of(board, "uplink") > 0)
    first = pid_of(board, "uplink")
    os.kill(first, signal.SIGKILL)
    output.until("killed by SIGKILL; again in")
    until(lambda: pid_of(board, "uplink") not in (0, first))
    second = pid_of(board, "uplink")
    up.send_signal(signal.SIGINT)
    output.until("ended with exit code 0")
    assert up.wait(WITHIN_S) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
    assert up.stderr
    assert up.stderr.read() == ""


def test_children_do_not_outlive_a_killed_up(board: Board, up: subprocess.Popen[str]) -> None:
    until(lambda: pid_of(board, "uplink") > 0)
    up.kill()
    up.wait(WITHIN_S)
    until(lambda: pid_of(board, "uplink") == 0)


def test_up_of_a_wrong_site_says_what_is_wrong(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text("[site]\nid = 3\n")
    said = standpipe("up")
    assert said.code == 1
    assert "site.id = 3" in said.err
    assert "site.board" in said.err


def test_only_what_the_site_has(standpipe: Standpipe) -> None:
    said = standpipe("up", "--only", "panel,recoder")
    assert said.code == 2
    assert "this site has panel, recorder@yard, uplink" in said.err


def test_folders_that_cannot_be_made(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("up", "--data", "/proc/standpipe", folders=False)
    assert said.code == 1
    board.paths.data.rmdir()
    board.paths.data.write_text("a file")
    said = standpipe("up")
    assert said.code == 1
    assert len(said.err.splitlines()) == 1
