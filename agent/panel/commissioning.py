"""Walk test and relay tests at the panel: what a technician asked for, done to the Response. Pure, as decide.py.

The panel alone drives lines. A relay test is a hold of its own on the relay (core/rules.py, until "test"), which
neither a walk test nor another rule keeps quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any

from agent.core.analog import ABOVE_UA, BELOW_UA, Fault, Measured
from agent.core.events import Event, RelayTestRequested, WalkTestEnded, WalkTestRequested, WalkTestValue
from agent.core.walk_test import MS, Pulse, RelayTests, WalkTest, result
from agent.panel.response import Cause, Response

SPARE_MS = 100


class Commissioning:
    """One panel's. Every method works on the Response at its `now`."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self.walk = WalkTest()
        self.tests = RelayTests()

    def ask(self, asked: Event, request: int) -> str:
        """A technician asked with row `request`; why nothing was done, if nothing was."""
        if isinstance(asked, WalkTestRequested):
            return self._walk(asked, request)
        if isinstance(asked, RelayTestRequested):
            return self._pulse(asked, request)
        return f"{asked.KIND} asks for nothing"

    def elapse(self) -> None:
        """What time has brought: the end of a pulse, of the walk test."""
        now_ns = self._response.now.mono_ns
        for pulse in self.tests.over(now_ns):
            self._response.because(Cause(), [self._result(pulse)])
        self._end(self.walk.elapse(now_ns))

    def due_ns(self) -> int | None:
        """When time alone brings something."""
        return min((due for due in (self.walk.due_ns(), self.tests.due_ns()) if due is not None), default=None)

    def cut_off(self) -> None:
        """The journal has a walk test that never ended. If it is none of ours, the board restarted meanwhile."""
        if not self.walk.by:
            self._response.because(Cause(), [WalkTestEnded(source="panel", by="restart")])

    def measured(self, id_: str, now: Measured) -> None:
        """How a measured value stands."""
        well = now.fault is Fault.NONE and BELOW_UA <= now.current_ua <= ABOVE_UA  # the fault may not have settled yet
        if well and self.walk.measured(id_, now.value_milli, self._span_milli(id_)):
            self._response.because(Cause(), [self._value(id_)])

    def _span_milli(self, id_: str) -> int:
        scale = self._response.plan.meters[id_][0]
        return scale.full_milli - scale.zero_milli

    def _value(self, id_: str) -> WalkTestValue:
        value, (least, most) = self._response.plan.values[id_], self.walk.values[id_]
        moved = self.walk.moved(id_, self._span_milli(id_))
        fault = "" if value.fault is Fault.NONE else str(value.fault)
        return WalkTestValue(
            source=id_, moved=moved, least_milli=least, most_milli=most, unit=value.unit, fault=fault
        )  # fmt: skip

    def mark(self, said: Sequence[Event]) -> list[Event]:
        """What is said during a walk test, marked as such."""
        if not self.walk.by:
            return list(said)
        return [event if event.KIND.startswith("walk_test.") else replace(event, walk_test=True) for event in said]

    def _walk(self, asked: WalkTestRequested, request: int) -> str:
        response = self._response
        loud = sum(not alarm.acknowledged for alarm in response.alarms.latched.values())
        events, reason = self.walk.ask(asked, request, response.now.mono_ns, loud)
        if asked.does == "end":
            self._end(events)
        else:
            response.rules.muted = bool(self.walk.by)
            if events:
                known = [one for one in response.plan.values.values() if one.read and one.fault is Fault.NONE]
                self.walk.values = {one.id: [one.milli, one.milli] for one in known if one.milli is not None}
            response.because(Cause(), events)
        return reason

    def _end(self, events: list[Event]) -> None:
        if events:
            self._response.rules.unmute(self._response.alarms.latched, self._response.now.mono_ns)
            self._response.because(Cause(), [*(self._value(id_) for id_ in sorted(self.walk.values)), *events])

    def _pulse(self, asked: RelayTestRequested, request: int) -> str:
        response, relay = self._response, asked.source
        if relay not in response.driven:
            return f"there is no relay {relay}"
        if relay in response.plan.start_relays:
            return f"{relay} starts a pump: it is tested by a technician's signed test start (standpipe command start)"
        if response.driven[relay]:
            return f"{relay} is being driven just now: that is no time to test it"
        readback = response.plan.readbacks.get(relay)
        if readback is not None and not readback.follows:
            return f"the read-back of {relay} contradicts it already: see to its wiring first"
        pulse, reason = self.tests.ask(asked, request, response.now.mono_ns, self._least_ms(relay))
        if pulse is not None:
            response.rules.pulse(relay, pulse.cause, response.now.mono_ns, pulse.end_ns)
        return reason

    def _result(self, pulse: Pulse) -> Event:
        readback = self._response.plan.readbacks.get(pulse.relay)
        shown = "none" if readback is None else "seen" if readback.follows else "missing"
        return result(pulse, self._response.failed.get(pulse.relay, ""), shown)

    def _least_ms(self, relay: str) -> int:
        """So long a pulse must be for its read-back to be seen."""
        plan = self._response.plan
        if relay not in plan.readbacks:
            return 0
        settle_ns = sum(p.settle_ns for p in plan.points.values() if p.role == "readback" and p.machine == relay)
        return plan.readbacks[relay].limit_ms + settle_ns // MS + SPARE_MS

    # --- a restart ---

    def snapshot(self) -> list[Any]:
        """What a restart has to know, for restore()."""
        return [astuple(self.walk), [astuple(pulse) for pulse in self.tests.going.values()]]

    def restore(self, snapshot: list[Any]) -> None:
        """Take up where a snapshot of the same boot left."""
        if snapshot:
            walk, pulses = snapshot
            self.walk = WalkTest(*walk)
            self.tests.going = {pulse[0]: Pulse(*pulse) for pulse in pulses}
            self._response.rules.muted = bool(self.walk.by)
