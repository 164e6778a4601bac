"""A whole site in a temporary folder: site.toml, data, run, the simulated board, and our processes over it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import sp_children
from sp_board import Board

from agent.config import load
from agent.core.chain import Row
from agent.core.events import Event, PanelRequested
from agent.journal import Journal, JournalError
from agent.panel.plan import plan
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths
from hw.simulator import Driver

T = TypeVar("T")
DEADLINE_S = 20.0

# Short times, so that tests need not wait; everything the panel knows is in it.
SITE = """
[site]
id = "plant"
board = "pump-house"

[[point]]
id = "door"
kind = "door"
pin = "GPIO17"
contact = "normally-closed"
class = "supervisory"
held_open_s = 5
settle_ms = 30

[[point]]
id = "gate"
kind = "door"
pin = "GPIO18"
contact = "normally-closed"
settle_ms = 30

[[point]]
id = "flood"
pin = "GPIO24"
class = "alarm"
settle_ms = 30

[[point]]
id = "running"
pin = "GPIO22"
settle_ms = 30

[[point]]
id = "demand"
pin = "GPIO27"
settle_ms = 30

[[point]]
id = "auto"
pin = "GPIO10"
contact = "normally-open"
settle_ms = 30

[[point]]
id = "hush"
kind = "button"
pin = "GPIO9"
settle_ms = 30
press = ["silence"]

[[point]]
id = "noted"
kind = "button"
pin = "GPIO11"
settle_ms = 30
press = ["acknowledge", "reset"]

[[pump]]
id = "pump-1"
running = "running"
demand = "demand"
auto = "auto"
fail_to_start_s = 1
unexpected_run_s = 1
not_in_auto_s = 600

[[relay]]
id = "siren"
pin = "GPIO23"

[[relay]]
id = "beacon"
pin = "GPIO25"
active = "low"
silence = false

[[relay]]
id = "lamp"
pin = "GPIO26"

[[relay]]
id = "fault"
pin = "GPIO16"
rest = "energised"

[[camera]]
id = "pump-room"
source = "testcard:"
[camera.health]
watch = false

[[rule]]
on = ["pump.fail_to_start", "pump.stopped_on_demand", "pump.unexpected_run", "point.changed"]
drive = ["siren", "beacon"]
until = "acknowledged"
clip = { cameras = ["pump-room"], before_s = 1, after_s = 2, hold = true }

[[rule]]
on = ["door.opened"]
drive = ["lamp"]
until = "time"
for_s = 1

[[rule]]
on = ["trouble.raised", "point.chattering"]
drive = ["fault"]
until = "restored"
"""


def until(true: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Look until it is true and return it; AssertionError with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not (found := true()):
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.005)
    return found


class Site:
    """A site in `folder`. A context manager: everything started here is killed at its end.

    Start the board first; then any of panel, recorder, uplink. `processes` holds what runs, by name.
    """

    def __init__(self, folder: Path, text: str = SITE, *, data: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.paths = Paths(folder / "site.toml", data or folder / "data", folder / "run")
        self.paths.site.write_text(text, encoding="utf-8")
        self.board: Board | None = None
        self.driver_: Driver | None = None
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.clock = SystemClock()
        self._journal: Journal | None = None

    # --- the simulated board ---

    def start_board(self) -> Driver:
        """The simulator of this site's points and relays; the auto contact is closed, as at a healthy site."""
        made = plan(load(self.paths.site))
        self.board = Board(self.folder, made.inputs, made.outputs, made.channels)
        if "auto" in made.points:
            self.driver.contact("auto", True)
        return self.driver

    @property
    def driver(self) -> Driver:
        """The hand that moves the world."""
        assert self.board is not None, "start_board() first"
        if self.driver_ is None:
            self.driver_ = Driver(self.board.socket)
        return self.driver_

    @property
    def pins(self) -> str:
        assert self.board is not None
        return f"sim:{self.board.socket}"

    # --- processes ---

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        """`python -m agent.NAME` over this site; its stderr goes to NAME.log."""
        where = ["--site", self.paths.site, "--data", self.paths.data, "--run", self.paths.run]
        command = [sys.executable, "-m", f"agent.{name}", *map(str, where), *more]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        return self.processes[name]

    def start_panel(self, *, joined: bool = True, told_pins: bool = True) -> subprocess.Popen[bytes]:
        """The panel; waits until it has joined its journal, if `joined`. told_pins: by an argument, not by the site."""
        process = self.start("panel", *(["--pins", self.pins] if told_pins else []))
        if joined:
            until(lambda: self._has_started(process), f"panel {process.pid} starts:\n{self.log('panel')}")
        return process

    def _has_started(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, f"the panel ended with {process.returncode}:\n{self.log('panel')}"
        return any(row.values()["pid"] == process.pid for row in self.rows("process.started")) and bool(
            self.rows("point.found")
        )

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(20)

    def stop(self, name: str) -> int:
        """SIGTERM; returns the exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(20)

    def cut_power(self) -> None:
        """Everything of ours dies at once, and /run is empty afterwards."""
        for name in list(self.processes):
            self.kill(name)
        shutil.rmtree(self.paths.run)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- the journal ---

    @property
    def journal(self) -> Journal:
        """The journal, opened to append."""
        if self._journal is None:
            self._journal = Journal.open(self.paths.journal, self.paths.bell, self.clock.stamp)
        return self._journal

    def rows(self, *kinds: str, source: str | None = None, after: int = 0) -> list[Row]:
        """Rows of those kinds; none while there is no journal."""
        if self._journal is None and not self.paths.journal.exists():
            return []
        try:
            return self.journal.read(after, kinds=kinds, source=source, limit=100_000)
        except JournalError:
            return []

    def wait_row(self, kind: str, source: str | None = None, *, after: int = 0, deadline_s: float = DEADLINE_S) -> Row:
        """The first such row past `after`."""
        what = f"row {kind} of {source or 'anything'} past {after}; panel says:\n{self.log('panel')}"
        return until(lambda: self.rows(kind, source=source, after=after), what, deadline_s)[0]

    def head(self) -> int:
        return self.journal.head()[0] if self.paths.journal.exists() else 0

    def request(self, does: str, alarm: str = "*", by: str = "cli:anna") -> Row:
        """What `standpipe alarm ack|silence|reset` writes."""
        return self.append(PanelRequested(source="cli", does=does, alarm=alarm, by=by))[0]

    def append(self, *events: Event) -> Sequence[Row]:
        return self.journal.append(*events)

    def status(self, process: str = "panel") -> dict[str, Any]:
        """What a process says of itself; {} while it says nothing."""
        path = self.paths.status(process)
        return dict(json.loads(path.read_text())) if path.exists() else {}

    # --- the end ---

    def __enter__(self) -> Site:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        helpers = {pid for process in self.processes.values() for pid in sp_children.alive(process.pid)}
        for name in list(self.processes):
            self.kill(name)
        # one that signs or checks a signature just now ends by itself
        until(lambda: not helpers & sp_children.alive().keys(), "helpers of what was killed end")
        if self._journal is not None:
            self._journal.close()
        if self.driver_ is not None:
            self.driver_.close()
        if self.board is not None:
            self.board.kill()
