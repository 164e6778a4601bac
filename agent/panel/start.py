"""Puts a panel together from a plan, a ring and a way to open the pins, and runs it."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.core.alarm import Alarm
from agent.core.chain import Stamp
from agent.core.commands import Here
from agent.core.events import ProcessStarted
from agent.panel import memory, realtime, report
from agent.panel.commands import Commands
from agent.panel.decide import Decider
from agent.panel.intake import Intake
from agent.panel.loop import AlarmLoop, Banks
from agent.panel.notes import Lost, Notebook
from agent.panel.plan import Plan
from agent.panel.recorders import Recorders
from agent.panel.ring import Ring
from agent.panel.sampler import Sampler
from agent.panel.writer import Fact, Writer
from agent.runtime.clock import mono_ns
from agent.runtime.paths import Paths
from agent.runtime.workers import Workers
from hw.ports import AnalogBank

if TYPE_CHECKING:
    from agent.journal import Journal

log = logging.getLogger(__name__)

LOOP_LIMIT_S = 5.0


def open_ring(paths: Paths) -> tuple[Ring, str]:
    """The ring, and why it is not in /run if it could not be made there. RingBusy if another panel has it."""
    try:
        return Ring.open(paths.ring), ""
    except OSError as error:
        log.warning("%s: %s: a restart will not know what was latched", paths.ring, error.strerror or error)
        return Ring.without_file(), f"{paths.ring}: {error.strerror or error}"


class Panel:
    """One panel. Made, it has its relays where the ring says they belong; `run` does the rest."""

    def __init__(
        self,
        paths: Paths,
        make_plan: Callable[[], Plan],
        ring: Ring,
        open_banks: Callable[[dict[str, bool]], Banks],
        stamp: Callable[[], Stamp],
        here: Here,
        open_channels: Callable[[], AnalogBank] | None = None,
    ) -> None:
        """HardwareError if the pins cannot be had. here: where commands are judged, and whose keys are known.

        open_channels opens the converters, None if the site has none.
        """
        self._here = here
        self._paths, self._ring, self._stamp = paths, ring, stamp
        self._make_plan = make_plan
        self._decider = Decider(make_plan())
        taken_up = self._take_up()
        self._notebook = Notebook(ring, lambda: self._writer.wake())
        if taken_up is not None and taken_up.lost[0]:
            self._notebook.lost = Lost(*taken_up.lost)
        self._loop = AlarmLoop(
            self._decider,
            self._notebook,
            open_banks,
            stamp,
            lambda now: self._writer.stuck(now),
            lambda now: "" if self._sampler is None else self._sampler.silent(now),
        )
        self._sampler = Sampler(self._decider, open_channels, self._loop.put, mono_ns) if open_channels else None
        self._loop.unsaid(taken_up.unsaid if taken_up is not None else [])
        self._writer = Writer(
            ring,
            self._open_journal,
            self._loop.put,
            list(self._decider.contacts),
            self._joined,
            self._decider.carry,
            mono_ns,
        )
        self._started_ns = stamp().mono_ns
        self._loop_ended = threading.Event()

    def _take_up(self) -> memory.Memory | None:
        try:
            known = memory.parse(self._ring.state)
            if known is not None:
                memory.restore(self._decider, known, self._stamp())
        except ValueError as error:
            log.warning("ring: %s; starting from the journal instead", error)
            self._decider = Decider(self._make_plan())
            return None
        return known

    def run(self, version: str, troubles: Mapping[str, str], keep_site: Callable[[], None] | None = None) -> int:
        """Threads, until told to stop; the exit code.

        troubles: what -> detail, of what went wrong before there was a loop to tell it ("": nothing did); keep_site
        keeps the site file that was just used, in a thread that may wait for the disk.
        """
        for what, detail in troubles.items():
            self._loop.put(functools.partial(self._trouble, what, detail))
        workers = Workers("panel")
        counters = self._paths.counters("panel")
        commands = Commands(self._here, self._decider, self._loop.put, self._stamp, self._open_journal, counters)
        intake = Intake(self._paths, self._decider, self._loop.put, self._stamp, commands)
        cameras = self._decider.response.plan.cameras
        recorders = Recorders(self._paths, cameras, self._decider, self._loop.put, mono_ns)
        started = ProcessStarted(source="panel", version=version, pid=os.getpid(), found=self._found())
        workers.start("alarm-loop", lambda tick: self._run_loop(tick, workers, started), limit_s=LOOP_LIMIT_S)
        workers.start("journal", lambda tick: self._writer.run(tick, self._loop_ended), limit_s=None)
        workers.start("intake", lambda tick: intake.run(tick, workers.stop), limit_s=None)
        if self._sampler is not None:
            sampler = self._sampler
            workers.start("converters", lambda tick: sampler.run(tick, workers.stop), limit_s=None)
        workers.start(
            "status",
            lambda tick: report.run(
                self._paths, self._loop, self._ring, self._writer, workers.stop, tick, recorders.look, keep_site
            ),
            limit_s=None,
        )
        code = workers.run(realtime.settle)
        self._loop.close()
        self._ring.close()
        return code

    def _run_loop(self, tick: Callable[[], None], workers: Workers, started: ProcessStarted) -> None:
        try:
            self._loop.run(tick, workers.stop.is_set, started)
        finally:
            self._loop_ended.set()
            self._writer.wake()

    def _trouble(self, what: str, detail: str, now: Stamp) -> None:
        self._decider.response.now = now
        self._decider.response.trouble(what, detail)

    def _found(self) -> str:
        latched = len(self._decider.response.alarms.latched)
        if not self._decider.begun:
            return "nothing in /run: the journal is asked"
        return f"{latched} latched alarms, {self._ring.waiting()} rows noted and not yet written"

    def _open_journal(self) -> Journal:
        from agent.journal import Journal

        return Journal.open(self._paths.journal, self._paths.bell, self._stamp)

    def _joined(self, levels: dict[str, bool], alarms: list[Alarm], facts: list[Fact], now: Stamp) -> None:
        """The journal is open. After a boot it says what was; else we tell it what it does not have."""
        if not self._decider.begun:
            self._decider.begin(levels, alarms, now, facts)
            return
        self._decider.response.now = now
        self._decider.response.recorded(facts, doors=False)
        known = {alarm.id for alarm in alarms}
        missing = [
            alarm
            for alarm in self._decider.response.alarms.latched.values()
            if alarm.id not in known and alarm.since_ns < self._started_ns
        ]
        for alarm in missing:
            self._decider.response.said += self._decider.response.alarms.retell(alarm)
