"""Scenarios on the real panel process, in real time, on a board that is the simulator's or the kernel's own lines."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

from sp_core import at_rest
from sp_gpiosim import Wires
from sp_scenario import SITE, Play, PowerCut, Trace
from sp_site import Site, until

from agent.config.model import SiteConfig
from agent.core.chain import Row
from agent.panel.realtime import PRIORITY
from hw.ports import line_name

MS = 1_000_000
# A busy machine: the hand that moves contacts, and what wakes the panel. An emulated one needs more.
SLACK_MS = float(os.environ.get("STANDPIPE_SCENARIO_SLACK_MS", "60"))
LOOK_S = 0.01
START_S = 90.0  # an emulated processor takes its time
# One that needs five seconds to read Python's modules: STANDPIPE_PANELS=read has them read by processes that wait for
# the power. Told to, such a one is a panel from its first line on, and dies of kill -9 like any other.
READ = os.environ.get("STANDPIPE_PANELS") == "read"
WAITS = """
import sys
import agent.journal.projections, hw.gpiod_factory, hw.sim_factory, importlib.metadata, email.parser
import agent.panel.__main__ as panel
print("read", flush=True)
if sys.stdin.readline():
    panel.main()
"""


class Board(Protocol):
    """What the contacts and relays of a site are wired to. Times: CLOCK_MONOTONIC in ns."""

    pins: str  # for the panel

    def set(self, point: str, closed: bool) -> None:
        """A contact closes or opens."""

    def levels(self) -> dict[str, bool]:
        """point -> closed, as it was set last."""

    def relays(self) -> list[tuple[str, bool, int]]:
        """(relay, energised, when), every change so far."""

    def close(self) -> None:
        """The end."""


class SimulatedBoard:
    """The simulator's process."""

    def __init__(self, site: Site, config: SiteConfig) -> None:
        self._driver = site.start_board()
        self.pins = site.pins
        self._levels: dict[str, bool] = {}
        self._coils = {line_name(r.pin): (r.id, 1 if r.active == "high" else 0) for r in config.relay}

    def set(self, point: str, closed: bool) -> None:
        self._driver.contact(point, closed)
        self._levels[point] = closed

    def levels(self) -> dict[str, bool]:
        return self._levels

    def relays(self) -> list[tuple[str, bool, int]]:
        history = ((self._coils[pin], level, at) for pin, level, at in self._driver.relay_history())
        return [(relay, level == active, at) for (relay, active), level, at in history]  # floating is released

    def close(self) -> None:
        """The site ends it."""


class KernelBoard:
    """gpio-sim: the kernel's own lines, GPIOn at offset n, moved and looked at from outside."""

    pins = "gpiod"

    def __init__(self, config: SiteConfig) -> None:
        self._wires = Wires()
        self._offsets = {p.id: _offset(p.pin) for p in config.point}
        self._levels: dict[str, bool] = {}
        self._coils = {r.id: (_offset(r.pin), 1 if r.active == "high" else 0) for r in config.relay}
        self._changes: list[tuple[str, bool, int]] = []
        self._stop = threading.Event()
        self._looks = threading.Thread(target=self._look, daemon=True)
        self._looks.start()

    def set(self, point: str, closed: bool) -> None:
        pull = self._wires.folder / f"sim_gpio{self._offsets[point]}" / "pull"
        pull.write_text("pull-down" if closed else "pull-up")  # all points of these sites conduct to ground
        self._levels[point] = closed

    def levels(self) -> dict[str, bool]:
        return self._levels

    def relays(self) -> list[tuple[str, bool, int]]:
        return list(self._changes)

    def _look(self) -> None:
        states: dict[str, bool] = {}
        while not self._stop.wait(LOOK_S):
            for relay, (offset, active) in self._coils.items():
                on = self._wires.level(offset) == active
                if states.get(relay) is not on:
                    states[relay] = on
                    self._changes.append((relay, on, time.monotonic_ns()))

    def close(self) -> None:
        self._stop.set()
        self._looks.join()


def _offset(pin: str) -> int:
    return int(line_name(pin).removeprefix("GPIO"))


class PanelWorld:
    """A World over the real panel."""

    def __init__(self, scenario: Play, site: Site, board: Board) -> None:
        self._site, self._board = site, board
        self._rests = {relay.id: relay.rest == "energised" for relay in scenario.config.relay}
        for point, closed in at_rest(scenario.config).items():
            board.set(point, closed)
        cuts = sum(isinstance(step, PowerCut) for step in scenario.steps)
        self._waiting = [self._that_waits() for _ in range(1 + cuts)] if READ else []
        self._start()
        _hand(steady=True)
        self._origin_ns = time.monotonic_ns()
        self._first_seq = site.head()

    def _start(self) -> None:
        process = self._begin()
        until(lambda: self._site._has_started(process), "the panel starts", START_S)
        until(lambda: self._site.status(), "it has begun", START_S)

    def _begin(self) -> subprocess.Popen[bytes]:
        if not self._waiting:
            return self._site.start("panel", "--pins", self._board.pins)
        process = self._site.processes["panel"] = self._waiting.pop()
        assert process.stdin is not None
        with process.stdin as told:
            told.write(b"\n")
        return process

    def _that_waits(self) -> subprocess.Popen[bytes]:
        paths = self._site.paths
        where = ["--site", paths.site, "--data", paths.data, "--run", paths.run, "--pins", self._board.pins]
        command = [sys.executable, "-c", WAITS, *map(str, where)]
        with (self._site.folder / "panel.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None
        with process.stdout as said:
            assert said.readline() == b"read\n", self._site.log("panel")
        return process

    def to(self, at_ms: float) -> None:
        while (left_s := (at_ms - self.now_ms()) / 1000) > 0:
            time.sleep(left_s)  # a scenario's own time

    def now_ms(self) -> float:
        return (time.monotonic_ns() - self._origin_ns) / MS

    def contact(self, point: str, closed: bool) -> None:
        self._board.set(point, closed)

    def closed(self, point: str) -> bool:
        return self._board.levels()[point]

    def power(self, on: bool) -> None:
        if on:
            self._begin()
        else:
            self._site.cut_power()

    def ask(self, does: str, alarm: str) -> None:
        self._site.request(does, alarm)

    def trace(self) -> Trace:
        _hand(steady=False)
        self._site.stop("panel")  # what it has said is on the disk then
        first, now, relays = dict(self._rests), dict(self._rests), []
        for relay, on, at_ns in self._board.relays():
            if at_ns < self._origin_ns:
                first[relay] = on
            elif now[relay] != on:  # a released relay whose line floats is released still
                relays.append((relay, on, (at_ns - self._origin_ns) / MS))
            now[relay] = on
        rows = self._site.rows(after=self._first_seq)
        events = [(row.kind, row.source, self._ms(row)) for row in rows]
        return Trace(at_first=first, relays=relays, events=events, slack_ms=SLACK_MS)

    def _ms(self, row: Row) -> float:
        return (row.mono_ns - self._origin_ns) / MS


def _hand(*, steady: bool) -> None:
    """What moves contacts is no part of the board: where both share a processor, it goes before the real-time panel."""
    if READ:
        policy, priority = (os.SCHED_FIFO, PRIORITY + 1) if steady else (os.SCHED_OTHER, 0)
        os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, os.sched_param(priority))


def new_site(folder: Path, *, own_pulls: bool = True) -> Site:
    """The scenarios' site in a folder of its own. own_pulls: gpio-sim moves a line whose holder asks for one."""
    text = SITE.read_text(encoding="utf-8")
    return Site(folder, text if own_pulls else text.replace("[[point]]\n", '[[point]]\nbias = "none"\n'))
