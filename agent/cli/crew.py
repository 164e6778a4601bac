"""Child processes in one terminal: their output with a name before each line, one that dies started again.

One thread reads each child's output; the main thread starts, watches and ends them (a child asks the kernel to be
told when its parent's thread ends, so nothing else may start one).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

from agent.cli.terminal import BLUE, CYAN, DIM, GREEN, MAGENTA, YELLOW, pad, paint, safe, span
from agent.core.backoff import Backoff

FIRST_S, MOST_S = 0.5, 15.0  # waits before a dead child is started again
STEADY_S = 30  # having run for so long, a child's next death counts as its first
END_S = 10  # given to end tidily before SIGKILL
LOOK_S = 0.1
LINE_MAX = 4000
_PR_SET_PDEATHSIG = 1
_COLOURS = (GREEN, CYAN, BLUE, MAGENTA, YELLOW)


@dataclass
class Child:
    """One process to keep running; or, with once, to run when it is called."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    started_s: float = 0.0
    again_s: float | None = 0.0  # monotonic time of the next start, None while it runs
    once: bool = False
    rests_s: float = 0.0  # once: not before this time, as its last run failed
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_S, MOST_S, random.random))


class Crew:
    """Children that are kept running until `stop` is set. look: called between looks at the children."""

    def __init__(self, children: Sequence[Child], look: Callable[[Crew], None] = lambda crew: None) -> None:
        self.stop = threading.Event()
        self._look = look
        self._print = threading.Lock()
        self._die_with_us = _death_signal()
        self._take(children)

    def _take(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self._width = max(len(child.name) for child in self.children)
        self._colours = {child.name: _COLOURS[i % len(_COLOURS)] for i, child in enumerate(self.children)}
        for child in self.children:
            if child.once and child.process is None:
                child.again_s = None

    def run(self) -> None:
        """Start all, start anew what dies, until `stop`; then end all. BrokenPipeError if nobody reads any more."""
        try:
            while not self.stop.is_set():
                self._look(self)
                for child in self.children:
                    self._tend(child)
                self.stop.wait(LOOK_S)
        finally:
            self._end(self.children)

    def call(self, name: str) -> None:
        """Run that child once, unless it runs or rests after a failure."""
        child = next(one for one in self.children if one.name == name)
        if child.process is None and time.monotonic() >= child.rests_s:
            child.again_s = 0.0

    def replace(self, children: Sequence[Child]) -> None:
        """End all and go on with these; what runs once goes on."""
        passing = [child for child in self.children if child.once]
        self._end([child for child in self.children if not child.once])
        self._take([*children, *passing])

    def say(self, name: str, text: str, colour: str | None = None) -> None:
        """One line of output under a child's name."""
        prefix = paint(pad(name, self._width) + " |", colour or self._colours.get(name, DIM))
        with self._print:
            print(f"{prefix} {text}", flush=True)

    def _tend(self, child: Child) -> None:
        now_s = time.monotonic()
        if child.process is None:
            if child.again_s is not None and now_s >= child.again_s:
                self._start(child, now_s)
        elif child.process.poll() is not None:
            self._bury(child, now_s)

    def _start(self, child: Child, now_s: float) -> None:
        child.process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C reaches us alone; we end them in order
            preexec_fn=self._die_with_us,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert child.process.stdout is not None
        child.started_s, child.again_s = now_s, None
        child.reader = threading.Thread(target=self._pass_on, args=(child.name, child.process.stdout), daemon=True)
        child.reader.start()

    def _bury(self, child: Child, now_s: float) -> None:
        assert child.process is not None
        assert child.reader is not None
        child.reader.join(timeout=1)  # its last words before ours
        if now_s - child.started_s > STEADY_S:
            child.backoff.reset()
        wait_s = child.backoff.next()
        if child.once:
            child.rests_s = now_s + wait_s if child.process.returncode else 0.0
            child.process = None
            return
        child.again_s = now_s + wait_s
        self.say(child.name, paint(f"{how(child.process.returncode)}; again in {span(wait_s)}", YELLOW))
        child.process = None

    def _pass_on(self, name: str, output: IO[bytes]) -> None:
        """Lines of a child, until it closes its output. A reader of ours that went away ends everything."""
        with output:
            for line in iter(lambda: output.readline(LINE_MAX), b""):
                try:
                    self.say(name, safe(line.decode(errors="replace").rstrip("\n")))
                except OSError:
                    self.stop.set()
                    return

    def _end(self, children: Sequence[Child]) -> None:
        """SIGTERM to all, patience, SIGKILL; every child is gone and waited for afterwards."""
        running = {child.name: child.process for child in children if child.process is not None}
        for process in running.values():
            process.terminate()
        deadline = time.monotonic() + END_S
        for name, process in running.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with contextlib.suppress(OSError):  # nobody reads any more
                self.say(name, paint(how(process.returncode), DIM))
        for child in children:
            if child.reader is not None:
                child.reader.join(timeout=1)


def how(returncode: int) -> str:
    """A process's end in words."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    return f"killed by {signal.Signals(-returncode).name}"


def _death_signal() -> Callable[[], None]:
    """For a child, before it becomes another program: SIGTERM when we die, even by kill -9."""
    prctl = ctypes.CDLL(None).prctl
    number = int(signal.SIGTERM)

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, number)

    return ask


def python(module: str, *arguments: str) -> list[str]:
    """Command line of one of our modules, by the Python that runs us."""
    return [sys.executable, "-m", module, *arguments]
