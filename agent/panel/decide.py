"""What the panel decides: edges, levels, requests and time in; events and relay drives out.

Everything at a site is decided here and in response.py, and nothing is done here: no pin, file, clock or thread. The
alarm loop calls the methods with the present Stamp, then `take`s what is to be said and driven.

After a boot what was recorded before is known only once the journal is open. Until `begin` (or a change that cannot
wait for it) levels are read but nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agent.core.alarm import Alarm
from agent.core.analog import Measured
from agent.core.chain import Stamp
from agent.core.debounce import Contact, Settled, Steady
from agent.core.door import Door
from agent.core.events import (
    ButtonPressed,
    ClockSet,
    Event,
    PanelRefused,
    PointChanged,
    PointChattering,
    PointFound,
    PointSteady,
    PointStuck,
    Signal,
)
from agent.core.permits import ENDED, by_command
from agent.core.permits import KINDS as PERMITS
from agent.core.pump import Past, Pump
from agent.core.readback import Readback
from agent.core.room import SENSORS, Reads, kind_of, said
from agent.core.supervision import CONTACT, Reading
from agent.core.supervision import Reads as LoopReads
from agent.panel.channels import Channels
from agent.panel.commissioning import Commissioning
from agent.panel.orders import Order, carry_out, outcome
from agent.panel.plan import Plan, PointPlan
from agent.panel.pumps import Pumps, starts_of
from agent.panel.response import Cause, Drive, Response


class Outcome(NamedTuple):
    """What was decided: rows for the journal, in order, and relays to drive once they are noted."""

    events: list[Event]
    drives: list[Drive]


class Decider:
    """One site's panel. One thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.response = Response(plan)
        self.commissioning = Commissioning(self.response)
        self.starts = starts_of(self.response)
        self.contacts = {point.id: Contact(point.settle_ns) for point in plan.points.values()}
        self.answered = ("", 0)  # (epoch, seq) of the last journal row dealt with
        self.begun = False
        self.channels = Channels(plan)
        self.pumps = Pumps(self.response, self.channels)
        self.stuck_ns: dict[str, int] = {}  # point -> when it will have been active for too long
        self.stuck: set[str] = set()
        self._restless: set[str] = set()
        self._early: dict[str, Callable[[], None]] = {}  # channel -> what it showed before anything was recorded

    # --- what comes in ---

    def edge(self, point: str, closed: bool, at_ns: int, now: Stamp) -> None:
        """A raw edge. Edges of a point come in order; what had settled before this one counts, however late it is."""
        self.response.now = now
        self._settle(point, at_ns)
        chattering = self.contacts[point].edge(closed, at_ns)
        self._restless.add(point)
        if chattering is not None:
            self.response.because(Cause(), [PointChattering(source=point, edges_per_s=chattering.edges_per_s)])

    def levels(self, levels: Mapping[str, bool], at_ns: int) -> None:
        """All levels, read not before `at_ns`."""
        for point, closed in levels.items():
            contact = self.contacts[point]
            contact.level(closed, at_ns)
            if contact.masked or contact.due_ns() is not None:
                self._restless.add(point)

    def elapse(self, now: Stamp) -> None:
        """What time has brought: contacts that settled, limits that are reached."""
        self.response.now = now
        for point in sorted(self._restless):
            self._settle(point, now.mono_ns)
        for machine, due_ns in self._limits():
            if due_ns <= now.mono_ns:
                self.pumps.because(Cause(None, due_ns), machine.elapse(now.mono_ns), (machine.id,))
        if self.begun:
            self.pumps.say_runs(lambda point: self.contacts[point].seen)
            self._elapse_stuck()
            self.response.elapse()
        self.commissioning.elapse()
        if self.starts is not None:
            self.starts.look()

    def begin(
        self,
        recorded: Mapping[str, bool],
        alarms: Iterable[Alarm],
        now: Stamp,
        facts: Iterable[tuple[Event, Stamp]] = (),
    ) -> None:
        """After a boot: what the journal knows. What stands otherwise is said as found; alarms sound again."""
        self.response.now = now
        facts = list(facts)
        self.response.recorded(facts, doors=not self.begun)
        self.response.take_up(alarms)
        if self.starts is not None:
            self.starts.recorded(event for event, _ in facts)
        pasts = self.pumps.pasts(facts)
        if self.begun:
            self.pumps.recall(pasts)
        else:
            self._begin(recorded, pasts=pasts)

    def request(self, row: tuple[str, int], does: str, alarm: str, by: str, refuse: str, now: Stamp) -> None:
        """A person asked. row: (epoch, seq) of the request; refuse: why it must not be done, if it must not."""
        if self._new(row, now) and (reason := refuse or self.response.ask(does, alarm, by)):
            self.response.said.append(PanelRefused(source="panel", request=row[1], reason=reason))

    def asked(self, row: tuple[str, int], event: Event, refuse: str, now: Stamp) -> None:
        """A technician asked for a walk test or a relay test (row, refuse: as in request)."""
        if self._new(row, now) and (reason := refuse or self.commissioning.ask(event, row[1])):
            self.response.said.append(PanelRefused(source="panel", request=row[1], reason=reason))

    def command(self, row: tuple[str, int], order: Order, now: Stamp) -> None:
        """A signed command, written down as started: carried out now, unless it was (row: as in request)."""
        if not self._new(row, now):
            return
        self.response.cause = Cause()
        fate = carry_out(self.response, order, self.starts)
        if not fate.later:
            self.response.because(Cause(), [outcome(order, fate)])

    def answer(self, row: tuple[str, int], event: Event, now: Stamp) -> None:
        """A command that is not carried out: said once."""
        if self._new(row, now):
            self.response.because(Cause(), [event])

    def restarted(self, now: Stamp) -> list[str]:
        """The pins are about to be opened, at a start or anew: relays whose start pulse that cuts off."""
        self.response.now = now
        return [] if self.starts is None else self.starts.restarted()

    def passed(self, row: tuple[str, int], now: Stamp) -> None:
        """A row that needs nothing any more."""
        self._new(row, now)

    def heard(self, row: tuple[str, int], event: Event, now: Stamp, written: Stamp | None = None) -> None:
        """Somebody journaled `event` (a camera lost, a visit): followed, not said again. written: its row's time."""
        if not self._new(row, now):
            return
        if isinstance(event, ClockSet):
            self.response.arming.anchor = (event.boot, event.at_ns - event.mono_ns)
        elif by_command(event) or (event.KIND in ENDED and event.source not in self.response.permits.standing):
            return  # the panel's own word, or too late
        elif event.KIND in PERMITS:
            self.response.permit(event, written or now)
        elif event.source in self.plan.pumps:
            self.pumps.asked(self.plan.pumps[event.source], event, row[1])
        self.response.hear(event)

    def say(self, event: Event, now: Stamp) -> None:
        """The panel itself has something to say: rows lost, its own start."""
        self.response.now = now
        self.response.because(Cause(), [event])

    def _new(self, row: tuple[str, int], now: Stamp) -> bool:
        """Whether a row has not been dealt with before; it has been from now on."""
        self.response.now = now
        epoch, seq = self.answered
        if row[0] == epoch and row[1] <= seq:
            return False
        self.answered = row
        return True

    # --- what comes out ---

    def take(self, now: Stamp) -> Outcome | None:
        """What has been decided since the last call; None if nothing was."""
        response = self.response
        response.now = now
        if self.begun:
            self.pumps.look()
            response.restore_what_is_over(self._standing)
        drives = response.drives({} if self.starts is None else self.starts.driven())
        if not response.said and not drives:
            return None
        said, response.said = self.commissioning.mark(response.said), []
        return Outcome(said, drives)

    def due_ns(self) -> int | None:
        """When time alone brings something."""
        ends = [due for point in self._restless if (due := self.contacts[point].due_ns()) is not None]
        ends += [due for _, due in self._limits()]
        ends += self.stuck_ns.values() if self.begun else ()
        others = (
            self.response.rules.due_ns(),
            self.commissioning.due_ns(),
            self.response.due_ns() if self.begun else None,
            None if self.starts is None else self.starts.due_ns(),
        )
        return min([*ends, *(due for due in others if due is not None)], default=None)

    def masked(self) -> set[str]:
        """Points whose edges are to be masked: read their levels every debounce.POLL_NS."""
        return {point for point in self._restless if self.contacts[point].masked}

    def energised(self) -> dict[str, bool]:
        """relay -> the coil's state as decided."""
        return {relay: self.response.energised(relay) for relay in self.plan.rests}

    # --- contacts and machines ---

    def _settle(self, point: str, by_ns: int) -> None:
        contact = self.contacts[point]
        while (said := contact.elapse(by_ns)) is not None:
            if isinstance(said, Settled):
                self._settled(self.plan.points[point], said)
            elif isinstance(said, Steady):
                self.response.because(Cause(), [PointSteady(source=point, edges_masked=said.edges_masked)])
        if not contact.chattering and contact.due_ns() is None:
            self._restless.discard(point)

    def _settled(self, point: PointPlan, settled: Settled) -> None:
        if not self.begun:
            if settled.found:
                return  # begin() compares it with what was recorded
            self._begin({point.id: not settled.closed}, change=point.id)
        active = point.active(settled.closed)
        self.stuck.discard(point.id)
        self.stuck_ns.pop(point.id, None)
        if active and point.stuck_ns is not None:
            self.stuck_ns[point.id] = settled.edge_ns + point.stuck_ns
        signal = point.signal if active and point.alarms else Signal.STATUS
        events = [_point_event(point.id, settled, self.response.now.mono_ns, signal)]
        events += self._machine(point, active, settled)
        pressed = point.role == "button" and active and not settled.found
        if pressed:
            events.append(ButtonPressed(source=point.id, does=list(point.press)))
        self.pumps.because(Cause(settled.edge_ns, settled.settled_ns), events, point.machines)
        for does in point.press if pressed else ():
            self.response.ask(does, "*", f"button:{point.id}")

    def _machine(self, point: PointPlan, active: bool, settled: Settled) -> list[Event]:
        if point.role == "door":
            return self.plan.doors[point.id].contact(active, settled.edge_ns, found=settled.found)
        if point.role in SENSORS:
            reads = point.trips if active else Reads.NORMAL
            return said(point.role, reads, point.id, point.signal, found=settled.found)
        if point.role == "readback":
            self.plan.readbacks[point.machine].contact(active, settled.edge_ns)
        pumps = [(self.plan.pumps[pump], role) for role, pump in point.pumps]
        at_ns, found = settled.edge_ns, settled.found
        return [event for pump, role in pumps for event in pump.contact(role, active, at_ns, found=found)]

    # --- converter channels ---

    def loop(self, point: str, reading: Reading, now: Stamp) -> None:
        """What a supervised loop has come to show."""
        self.response.now = now
        if reading.reads in CONTACT:
            self.levels({point: reading.reads is LoopReads.CLOSED}, reading.since_ns)
        if not self.begun:
            self._early[point] = lambda: self._loop(point, reading)
            return
        self._loop(point, reading)

    def _loop(self, point: str, reading: Reading) -> None:
        self.pumps.because(Cause(reading.since_ns, self.response.now.mono_ns), self.channels.loop(point, reading))

    def measured(self, id_: str, measured: Measured, now: Stamp) -> None:
        """How a measured value stands."""
        self.response.now = now
        if not self.begun:
            self._early[id_] = lambda: self._measured(id_, measured)
            return
        self._measured(id_, measured)

    def _measured(self, id_: str, measured: Measured) -> None:
        self.commissioning.measured(id_, measured)
        cause = Cause(measured.since_ns, self.response.now.mono_ns)
        for pump, events in self.channels.measured(id_, measured):
            self.pumps.because(cause, events, (pump.id,) if pump is not None else ())

    def _elapse_stuck(self) -> None:
        for point, due_ns in list(self.stuck_ns.items()):
            if due_ns <= self.response.now.mono_ns:
                del self.stuck_ns[point]
                self.stuck.add(point)
                limit_s = (self.plan.points[point].stuck_ns or 0) // 1_000_000_000
                self.response.because(Cause(None, due_ns), [PointStuck(source=point, limit_s=limit_s)])

    def calendar(self, now: Stamp) -> None:
        """Dates and hours of tests, values that are to be written down; each second."""
        self.response.now = now
        if self.begun:
            self.pumps.calendar()
            self.pumps.because(Cause(), self.channels.regular(now.mono_ns))

    def _limits(self) -> list[tuple[Door | Pump | Readback, int]]:
        """Limits that may be reached, and when.

        Not those of a machine one of whose contacts is settling since before the limit: that change is in time.
        """
        if not self.begun:
            return []
        unrest: dict[str, int] = {}
        for point in self._restless:
            since = self.contacts[point].unrest_ns
            if since is None:
                continue
            for machine_id in self.plan.points[point].machines:
                unrest[machine_id] = min(since, unrest.get(machine_id, since))
        found = []
        for machine in self.plan.machines():
            due = machine.due_ns()
            if due is not None and due < unrest.get(machine.id, due + 1):
                found.append((machine, due))
        return found

    def _standing(self, source: str) -> frozenset[str]:
        """Kinds of alarm whose condition holds at a point, door or pump."""
        plan = self.plan
        machine = plan.pumps.get(source) or plan.doors.get(source) or plan.readbacks.get(source)
        kinds = machine.standing() if machine is not None else frozenset()
        kinds |= self.channels.standing(source)
        contact, point = self.contacts.get(source), self.plan.points.get(source)
        if contact is None or point is None:
            return kinds
        kinds |= {"point.stuck"} if source in self.stuck else set()
        if contact.chattering:
            kinds |= {"point.chattering"}
        if contact.closed is not None and point.active(contact.closed):
            kinds |= {"point.changed"} if point.alarms else set()
            kinds |= {kind_of(point.role, point.trips)} if point.role in SENSORS else set()
        return kinds

    # --- a start without memory, a journal without rows ---

    def _begin(self, recorded: Mapping[str, bool], change: str = "", pasts: Mapping[str, Past] | None = None) -> None:
        """Machines take up what was recorded, in silence; what stands otherwise by now is said as found.

        change: the point whose change cannot wait; it is said after this, as a change.
        """
        self.begun = True
        now_ns = self.response.now.mono_ns
        self._resume(recorded, pasts or {}, now_ns)
        for point in self.plan.points.values():
            contact, known = self.contacts[point.id], recorded.get(point.id)
            differs = contact.record(known) if known is not None else True
            if contact.closed is not None and differs and point.id != change:
                self._settled(point, Settled(contact.closed, now_ns, now_ns, found=True))
        early, self._early = self._early, {}
        for show in early.values():
            show()

    def _resume(self, recorded: Mapping[str, bool], pasts: Mapping[str, Past], now_ns: int) -> None:
        for point in self.plan.points.values():
            if point.role == "readback" and point.id in recorded:
                self.plan.readbacks[point.machine].contact(point.active(recorded[point.id]), now_ns)
        for id_, door in self.plan.doors.items():
            if id_ in recorded:
                door.resume(self.plan.points[id_].active(recorded[id_]), now_ns)
        self.pumps.resume(recorded, pasts)

    def carry(self, now: Stamp) -> None:
        """Say facts still in force, for a journal that starts anew: levels, and alarms as they stand."""
        self.response.now = now
        self.response.said += [
            PointFound(source=point, closed=contact.closed, decided_mono_ns=now.mono_ns)
            for point, contact in self.contacts.items()
            if contact.closed is not None
        ]
        for alarm in self.response.alarms.latched.values():
            self.response.said += self.response.alarms.retell(alarm)


def _point_event(point: str, settled: Settled, decided_ns: int, signal: Signal) -> Event:
    if settled.found:
        return PointFound(source=point, closed=settled.closed, decided_mono_ns=decided_ns, signal=signal)
    return PointChanged(
        source=point, closed=settled.closed, edge_mono_ns=settled.edge_ns, decided_mono_ns=decided_ns, signal=signal
    )
