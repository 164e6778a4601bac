"""The processes of the demonstration: started, watched, killed and brought back, by their own ids only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
RESTART_S = 1.0  # as RestartSec= in the units
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_S = 12.0
DEATHS_MAX = 3


class DemoError(Exception):
    """The demonstration cannot go on; the text says why, and where to look."""


@dataclass
class Watched:
    """One program, over all its lives. CPU in seconds and peak RSS in KiB as last sampled."""

    name: str
    command: list[str]
    log: Path
    popen: subprocess.Popen[bytes]
    wanted: bool = True
    lives: int = 1
    deaths: list[str] = field(default_factory=list)
    rss_peak_kib: int = 0
    cpu_before_s: float = 0.0
    cpu_now_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        return self.cpu_before_s + self.cpu_now_s

    def sample(self) -> None:
        """Look at /proc; of a process that is gone the last look stays."""
        with contextlib.suppress(OSError, IndexError, ValueError, StopIteration):
            fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.cpu_now_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
            status = Path(f"/proc/{self.popen.pid}/status").read_text()
            high = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            self.rss_peak_kib = max(self.rss_peak_kib, int(high.split()[1]))


class Crew:
    """All processes. What dies unasked is noted and started again after a second, as systemd does on a board.

    Everything is called from the main thread: a child is tied to the life of the thread that started it.
    """

    def __init__(self, logs: Path, environment: dict[str, str]) -> None:
        self.all: dict[str, Watched] = {}
        self.on_death: Callable[[str, str], None] = lambda name, how: None
        self.on_return: Callable[[str], None] = lambda name: None
        self._logs = logs
        self._environment = environment
        self._began = time.monotonic()
        self._back_at: dict[str, float] = {}

    def start(self, name: str, command: list[str]) -> Watched:
        """Start a program for the first time. DemoError if there is no such program."""
        log = self._logs / f"{name}.log"
        watched = Watched(name, command, log, self._spawn(command, log))
        self.all[name] = watched
        return watched

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            try:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=self._environment,
                    start_new_session=True,  # Ctrl-C is for the demonstration alone; it ends the others in order
                    preexec_fn=_die_with_parent,
                )
            except OSError as error:
                raise DemoError(f"cannot start {command[0]}: {error.strerror}") from error

    def tend(self) -> None:
        """Sample all, note deaths, bring back who is due. Call a few times a second."""
        now = time.monotonic()
        for watched in self.all.values():
            code = watched.popen.poll()
            if code is None:
                watched.sample()
            elif watched.wanted and watched.name not in self._back_at:
                self._note_death(watched, code, now)
        for name in [name for name, at in self._back_at.items() if at <= now]:
            self._bring_back(name)

    def _note_death(self, watched: Watched, code: int, now: float) -> None:
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        watched.deaths.append(how)
        if len(watched.deaths) >= DEATHS_MAX:
            raise DemoError(f"{watched.name} died {DEATHS_MAX} times ({how}); it said: {self.last_words(watched.name)}")
        self._back_at[watched.name] = now + RESTART_S
        self.on_death(watched.name, how)

    def _bring_back(self, name: str) -> None:
        del self._back_at[name]
        watched = self.all[name]
        watched.cpu_before_s, watched.cpu_now_s = watched.cpu_s, 0.0
        watched.popen = self._spawn(watched.command, watched.log)
        watched.lives += 1
        self.on_return(name)

    def kill(self, name: str, *, stay_dead: bool = False) -> None:
        """kill -9, meant: no fault of the program's. With stay_dead it is not brought back until `again`."""
        watched = self.all[name]
        watched.wanted = not stay_dead
        watched.sample()
        watched.popen.kill()
        watched.popen.wait()
        self.on_death(name, "signal 9")
        if not stay_dead:
            self._back_at[name] = time.monotonic() + RESTART_S

    def again(self, name: str) -> None:
        """Start a program that was to stay dead."""
        self.all[name].wanted = True
        self._back_at[name] = 0.0
        self._bring_back(name)

    def stop(self, *names: str) -> None:
        """Ask politely, wait, then insist."""
        for name in names:
            watched = self.all[name]
            watched.wanted = False
            watched.sample()
            if watched.popen.poll() is None:
                watched.popen.terminate()
        deadline = time.monotonic() + STOP_S
        for name in names:
            popen = self.all[name].popen
            try:
                popen.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.all[name].deaths.append("did not stop")
                popen.kill()
                popen.wait()

    def kill_all(self) -> None:
        """However the demonstration ends, nothing of it goes on."""
        for watched in self.all.values():
            if watched.popen.poll() is None:
                watched.popen.kill()
                watched.popen.wait()

    def rest(self, seconds: float) -> None:
        """Nothing for a while."""
        time.sleep(seconds)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._began

    def last_words(self, name: str, lines: int = 1) -> str:
        """The end of a process's log."""
        text = self.all[name].log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(text[-lines:]) or "it said nothing"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
