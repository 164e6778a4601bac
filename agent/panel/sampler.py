"""Reads the converters, ten times a second, in a thread of its own: a bus may block, the alarm loop must not.

What a loop or a value comes to show is put to the loop as it changes; values besides each second, for people. A bus
that fails is opened anew; while it fails nothing is known of its points, and that is the trouble `converters`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping

from agent.core.analog import Meter
from agent.core.chain import Stamp
from agent.core.supervision import Loop
from agent.panel.decide import Decider
from hw.ports import AnalogBank, HardwareError

PERIOD_S = 0.1
AGAIN_S = 2.0
SECOND = 1_000_000_000
SILENT_NS = 2 * SECOND


class Sampler:
    """One thread's work: `run`. `silent` from any thread."""

    def __init__(
        self,
        decider: Decider,
        open_bank: Callable[[], AnalogBank],
        put: Callable[[Callable[[Stamp], None]], None],
        now_ns: Callable[[], int],
    ) -> None:
        """open_bank() raises HardwareError."""
        self._decider, self._open, self._put, self._now_ns = decider, open_bank, put, now_ns
        plan = decider.plan
        self._loops = {id_: Loop(bands) for id_, bands in plan.bands.items()}
        self._meters = {id_: Meter(*wanted) for id_, wanted in plan.meters.items()}
        self._read_ns = now_ns()
        self._told_ns = 0
        self._error = ""

    def silent(self, now_ns: int) -> str:
        """What is wrong with the converters, "" if nothing is."""
        if self._error:
            return self._error
        ago_ns = now_ns - self._read_ns
        return f"the converters have not answered for {ago_ns // SECOND} s" if ago_ns > SILENT_NS else ""

    def run(self, tick: Callable[[], None], stop: threading.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            tick()
            try:
                bank = self._open()
            except HardwareError as error:
                self._error = str(error)
                stop.wait(AGAIN_S)
                continue
            try:
                self._sample_on(bank, tick, stop)
            except HardwareError as error:
                self._error = str(error)
                stop.wait(AGAIN_S)
            finally:
                bank.close()

    def _sample_on(self, bank: AnalogBank, tick: Callable[[], None], stop: threading.Event) -> None:
        while not stop.is_set():
            tick()
            at_ns = self._now_ns()
            self.take(bank.ratios_ppm(), at_ns)
            self._read_ns, self._error = self._now_ns(), ""
            stop.wait(max(PERIOD_S - (self._read_ns - at_ns) / SECOND, 0.005))

    def take(self, ratios: Mapping[str, int], at_ns: int) -> None:
        """One sample of every channel, read not before `at_ns`."""
        each_second = at_ns - self._told_ns >= SECOND
        self._told_ns = at_ns if each_second else self._told_ns
        for id_, loop in self._loops.items():
            reading = loop.sample(ratios[id_], at_ns)
            if reading is not None:
                self._put(functools.partial(self._decider.loop, id_, reading))
        for id_, meter in self._meters.items():
            measured, changed = meter.sample(ratios[id_], at_ns)
            if changed or each_second:
                self._put(functools.partial(self._decider.measured, id_, measured))
