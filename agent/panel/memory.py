"""The panel's whole state as bytes, and back: what lies in the ring beside the rows.

A state of this boot is taken up with its times. After another boot (a /run that is no tmpfs) its levels and alarms
count as recorded, its times mean nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.alarm import Alarm, State, alarm_id
from agent.core.arming import Armed
from agent.core.chain import Stamp
from agent.core.debounce import Contact
from agent.core.escalation import Watch
from agent.core.events import KINDS, Event, Signal
from agent.core.permits import Permit
from agent.core.rules import Hold
from agent.panel.decide import Decider
from agent.panel.notes import Lost
from agent.panel.response import Response

_encode = msgspec.json.Encoder().encode


class Memory(msgspec.Struct, frozen=True):
    """One state. unsaid: relays driven whose relay.driven row may be missing."""

    boot: str
    begun: bool
    levels: dict[str, bool]
    doors: dict[str, list[Any]]
    pumps: dict[str, dict[str, Any]]
    alarms: list[tuple[str, str, str, str, str, bool, str, int, bool, bool]]
    holds: list[tuple[str, str, str, str, int, bool]]
    on_ns: dict[str, int]
    driven: dict[str, bool]
    unsaid: list[str]
    troubles: dict[str, str]
    answered: tuple[str, int]
    lost: tuple[int, int, int] = (0, 0, 0)
    readbacks: dict[str, list[Any]] = {}
    permits: list[tuple[str, str, list[str], int, str, str]] = []
    muted: list[tuple[str, str, str, dict[str, Any]]] = []
    waiting: dict[str, tuple[list[str], int, int]] = {}
    armed: dict[str, tuple[bool, str, bool]] = {}
    anchor: tuple[str, int] = ("", 0)
    channels: dict[str, Any] = {}
    stuck: tuple[dict[str, int], list[str]] = ({}, [])
    commissioning: list[Any] = []
    starts: dict[str, list[Any]] = {}


_decoder = msgspec.json.Decoder(Memory)


def snapshot(decider: Decider, boot: str, unsaid: list[str], lost: Lost) -> bytes:
    """The decider's state."""
    plan, response = decider.plan, decider.response
    return _encode(
        Memory(
            boot=boot,
            begun=decider.begun,
            levels={id_: one.closed for id_, one in decider.contacts.items() if one.closed is not None},
            doors={id_: door.snapshot() for id_, door in plan.doors.items()},
            pumps={id_: pump.snapshot() for id_, pump in plan.pumps.items()},
            alarms=[_alarm(alarm) for alarm in response.alarms.latched.values()],
            holds=[(h.relay, h.until, h.alarm, h.cause, h.end_ns, h.cut) for h in response.rules.holds],
            on_ns=response.rules.on_ns,
            driven=response.driven,
            unsaid=unsaid,
            troubles=response.troubles,
            answered=decider.answered,
            lost=(lost.rows, lost.from_ns, lost.to_ns),
            readbacks={id_: one.snapshot() for id_, one in plan.readbacks.items()},
            permits=[(p.id, p.kind, list(p.of), p.end_ns, p.who, p.what) for p in response.permits.standing.values()],
            muted=[_event(event) for event in response.muted.values()],
            waiting={id_: (list(w.to), w.told, w.due_ns) for id_, w in response.escalation.waiting.items()},
            armed={id_: (one.armed, one.by, one.planned) for id_, one in response.arming.doors.items()},
            anchor=response.arming.anchor,
            channels=decider.channels.snapshot(),
            stuck=(decider.stuck_ns, sorted(decider.stuck)),
            commissioning=decider.commissioning.snapshot(),
            starts={} if decider.starts is None else decider.starts.snapshot(),
        )
    )


def parse(state: bytes) -> Memory | None:
    """A state, None for none. ValueError if another version wrote it."""
    if not state:
        return None
    try:
        return _decoder.decode(state)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the ring's state cannot be read: {error}") from error


def restore(decider: Decider, memory: Memory, now: Stamp) -> None:
    """Take up where the state left, in a decider that has seen nothing yet. ValueError if it cannot be.

    Points, pumps and relays that the site's file no longer has are left out.
    """
    response = decider.response
    decider.answered = memory.answered
    response.troubles = dict(memory.troubles)
    _restore_arming(response, memory)
    alarms = [_alarm_back(one) for one in memory.alarms]
    if memory.boot != now.boot:
        response.now = now
        response.take_up(alarms)
        if memory.begun:
            decider.begin(memory.levels, (), now)
        return
    response.alarms.latched = {alarm.id: alarm for alarm in alarms}
    _restore_relays(response, memory)
    _restore_permits(response, memory)
    for id_, point in decider.plan.points.items():
        if id_ in memory.levels:
            decider.contacts[id_] = Contact(point.settle_ns, memory.levels[id_])
    _restore_machines(decider, memory)
    decider.channels.restore(memory.channels)
    decider.stuck_ns = {point: due for point, due in memory.stuck[0].items() if point in decider.contacts}
    decider.stuck = set(memory.stuck[1]) & set(decider.contacts)
    decider.commissioning.restore(memory.commissioning)
    if decider.starts is not None:
        decider.starts.restore(memory.starts)
    decider.begun = memory.begun


def _restore_machines(decider: Decider, memory: Memory) -> None:
    plan = decider.plan
    for id_, door in plan.doors.items():
        if id_ in memory.doors:
            door.restore(memory.doors[id_])
    for id_, pump in plan.pumps.items():
        if id_ in memory.pumps:
            pump.restore(memory.pumps[id_])
    for id_, readback in plan.readbacks.items():
        if id_ in memory.readbacks:
            readback.restore(memory.readbacks[id_])


def _restore_arming(response: Response, memory: Memory) -> None:
    response.arming.anchor = memory.anchor
    for id_, one in memory.armed.items():
        if id_ in response.arming.doors:
            response.arming.doors[id_] = Armed(*one)
            response.plan.doors[id_].armed = one[0]


def _restore_permits(response: Response, memory: Memory) -> None:
    for id_, kind, of, end_ns, who, what in memory.permits:
        response.permits.standing[id_] = Permit(id_, kind, tuple(of), end_ns, who, what)
    for kind, source, signal, data in memory.muted:
        event = KINDS[kind](source=source, signal=Signal(signal), **data)
        response.muted[alarm_id(event)] = event
    waiting = {id_: Watch(tuple(to), told, due_ns) for id_, (to, told, due_ns) in memory.waiting.items()}
    response.escalation.waiting = waiting


def _restore_relays(response: Response, memory: Memory) -> None:
    outputs = response.rules.outputs
    response.rules.holds = [Hold(*hold) for hold in memory.holds if hold[0] in outputs]
    response.rules.on_ns = {relay: since for relay, since in memory.on_ns.items() if relay in outputs}
    response.driven.update({relay: on for relay, on in memory.driven.items() if relay in response.driven})


def _event(event: Event) -> tuple[str, str, str, dict[str, Any]]:
    return event.KIND, event.source, str(event.signal), event.data()


def _alarm(alarm: Alarm) -> tuple[str, str, str, str, str, bool, str, int, bool, bool]:
    signal, state, detail = str(alarm.signal), str(alarm.state), alarm.detail
    marks = (alarm.first, alarm.drill)
    return alarm.id, alarm.on, alarm.of, signal, state, alarm.silenced, detail, alarm.since_ns, *marks


def _alarm_back(one: tuple[str, str, str, str, str, bool, str, int, bool, bool]) -> Alarm:
    id_, on, of, signal, state, silenced, detail, since_ns, first, drill = one
    return Alarm(id_, on, of, Signal(signal), State(state), silenced, detail, since_ns, first, drill)
