"""Escalation: who is to be told of an alarm, and who next while nobody acknowledges it.

Telling is a row; whoever delivers it reads the journal or the broker. An alarm that was acknowledged, reset, or told
to the last of its contacts is escalated no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.core.alarm import Alarm
from agent.core.events import AlarmEscalated, ContactTold, Event

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Contact:
    """One who is told. escalate_after_s: so long they have to acknowledge before the next one is told."""

    id: str
    escalate_after_s: int


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm that waits to be acknowledged: its contacts, how many of them were told, the next one's time."""

    to: tuple[str, ...]
    told: int
    due_ns: int


class Escalation:
    """All alarms that wait."""

    def __init__(self, contacts: Sequence[Contact]) -> None:
        self._after = {contact.id: contact.escalate_after_s for contact in contacts}
        self.everybody = tuple(self._after)
        self.waiting: dict[str, Watch] = {}

    def raised(self, alarm: Alarm, to: Sequence[str], now_ns: int) -> list[Event]:
        """A new alarm, to be told to these contacts in their order."""
        known = self._begin(alarm.id, to, now_ns)
        return [told(known[0], alarm.id, alarm.on, alarm.of, alarm)] if known else []

    def resume(self, alarm: Alarm, to: Sequence[str], now_ns: int) -> None:
        """An alarm from before a boot: its first contact was told; the others' times count from now."""
        if not alarm.acknowledged:
            self._begin(alarm.id, to, now_ns)

    def _begin(self, id_: str, to: Sequence[str], now_ns: int) -> tuple[str, ...]:
        known = tuple(one for one in to if one in self._after)
        self.waiting.pop(id_, None)
        if len(known) > 1:
            self.waiting[id_] = Watch(known, 1, now_ns + self._after[known[0]] * SECOND)
        return known

    def elapse(self, alarms: Mapping[str, Alarm], now_ns: int) -> list[Event]:
        """Contacts whose turn has come; alarms that nobody need be told of any more are forgotten."""
        events: list[Event] = []
        for id_, watch in list(self.waiting.items()):
            alarm = alarms.get(id_)
            if alarm is None or alarm.acknowledged:
                del self.waiting[id_]
            elif now_ns >= watch.due_ns:
                events.append(self._next(alarm, watch))
        return events

    def _next(self, alarm: Alarm, watch: Watch) -> Event:
        before, to, told_now = watch.to[watch.told - 1], watch.to[watch.told], watch.told + 1
        if told_now < len(watch.to):
            due_ns = watch.due_ns + self._after[to] * SECOND
            self.waiting[alarm.id] = replace(watch, told=told_now, due_ns=due_ns)
        else:
            del self.waiting[alarm.id]
        return AlarmEscalated(
            source=alarm.id,
            signal=alarm.signal,
            to=to,
            step=told_now,
            steps=len(watch.to),
            after_s=self._after[before],
            drill=alarm.drill,
        )

    def due_ns(self) -> int | None:
        """When the next contact's turn comes."""
        return min((watch.due_ns for watch in self.waiting.values()), default=None)


def told(contact: str, about: str, on: str, of: str, alarm: Alarm | None = None) -> Event:
    """The row that asks for a contact to be told."""
    if alarm is None:
        return ContactTold(source=contact, about=about, on=on, of=of)
    return ContactTold(source=contact, signal=alarm.signal, about=about, on=on, of=of, drill=alarm.drill)
