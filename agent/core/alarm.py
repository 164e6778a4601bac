"""Alarms: which events are alarms, and how one is latched, acknowledged, silenced, restored and reset.

Everything that changes an alarm's state is in TABLE. An alarm is known by the event kind and the thing that raised
it ("pump.fail_to_start:pump-1"). It stays latched until it is both acknowledged and restored, and then reset.
Silence is no state: it quiets the sounders of this alarm only, and a new raise takes it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, auto

from agent.core.events import (
    AlarmAcknowledged,
    AlarmRaised,
    AlarmReset,
    AlarmRestored,
    AlarmSilenced,
    Event,
    Signal,
)

# Class of the kinds that are alarms by themselves. `point.changed` and `door.held_open` have their point's class.
SIGNALS: Mapping[str, Signal] = {
    "pump.fail_to_start": Signal.ALARM,
    "pump.stopped_on_demand": Signal.ALARM,
    "pump.unexpected_run": Signal.ALARM,
    "pump.not_in_auto": Signal.SUPERVISORY,
    "point.chattering": Signal.TROUBLE,
    "relay.failed": Signal.TROUBLE,
    "trouble.raised": Signal.TROUBLE,
    "journal.rows_lost": Signal.TROUBLE,
    "camera.lost": Signal.TROUBLE,
    "footage.stopped": Signal.TROUBLE,
}

# An event of this kind restores alarms of those kinds at the same source. Alarms of points, doors and pumps are
# restored by their machine's state instead (`standing()`).
RESTORES: Mapping[str, tuple[str, ...]] = {
    "camera.restored": ("camera.lost",),
    "footage.resumed": ("footage.stopped",),
    "link.up": ("link.down",),
    "trouble.cleared": ("trouble.raised",),
}

# These say that something is over by now, not that it stands: latched, and restored in the same breath.
MOMENTARY = frozenset({"journal.rows_lost", "link.refused", "link.conflict", "gap", "command.refused", "clip.failed"})


class State(StrEnum):
    """(acknowledged, condition) of a latched alarm."""

    STANDING = auto()
    ACKNOWLEDGED = auto()  # and still standing
    GONE = auto()  # restored, nobody has taken note
    RESTING = auto()  # acknowledged and restored: may be reset


class Input(StrEnum):
    RAISE = auto()
    RESTORE = auto()
    ACKNOWLEDGE = auto()
    RESET = auto()


S, In = State, Input

# (state or None for no alarm, input) -> next state (None: the latch is released), or why not.
TABLE: Mapping[tuple[State | None, Input], State | str | None] = {
    (None, In.RAISE): S.STANDING,
    (None, In.RESTORE): None,
    (None, In.ACKNOWLEDGE): "there is no such alarm",
    (None, In.RESET): "there is no such alarm",
    (S.STANDING, In.RAISE): S.STANDING,
    (S.STANDING, In.RESTORE): S.GONE,
    (S.STANDING, In.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.STANDING, In.RESET): "neither acknowledged nor restored",
    (S.ACKNOWLEDGED, In.RAISE): S.ACKNOWLEDGED,
    (S.ACKNOWLEDGED, In.RESTORE): S.RESTING,
    (S.ACKNOWLEDGED, In.ACKNOWLEDGE): "acknowledged already",
    (S.ACKNOWLEDGED, In.RESET): "its condition still stands",
    (S.GONE, In.RAISE): S.STANDING,
    (S.GONE, In.RESTORE): S.GONE,
    (S.GONE, In.ACKNOWLEDGE): S.RESTING,
    (S.GONE, In.RESET): "not acknowledged",
    (S.RESTING, In.RAISE): S.STANDING,
    (S.RESTING, In.RESTORE): S.RESTING,
    (S.RESTING, In.ACKNOWLEDGE): "acknowledged already",
    (S.RESTING, In.RESET): None,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One latched alarm."""

    id: str
    on: str
    of: str
    signal: Signal
    state: State = State.STANDING
    silenced: bool = False
    detail: str = ""
    since_ns: int = 0

    @property
    def acknowledged(self) -> bool:
        return self.state in (State.ACKNOWLEDGED, State.RESTING)

    @property
    def restored(self) -> bool:
        return self.state in (State.GONE, State.RESTING)


def classed(event: Event) -> Event:
    """The event with the class that the table gives its kind, unless it has one of its own."""
    signal = SIGNALS.get(event.KIND)
    return event if signal is None or event.signal is not Signal.STATUS else replace(event, signal=signal)


def alarm_id(event: Event) -> str:
    """ "{kind}:{source}"; troubles of one process are told apart by `what`, a level found is an alarm like a change."""
    kind = "point.changed" if event.KIND == "point.found" else event.KIND
    kind = "trouble.raised" if kind == "trouble.cleared" else kind
    what = getattr(event, "what", "")
    return f"{kind}:{event.source}:{what}" if what else f"{kind}:{event.source}"


class Alarms:
    """All latched alarms, by id. Every method returns the events that say what changed (none: nothing did)."""

    def __init__(self) -> None:
        self.latched: dict[str, Alarm] = {}

    def raise_(self, event: Event, now_ns: int, signal: Signal) -> list[Event]:
        """Latch what `event` says. Empty if the same alarm already stands."""
        id_ = alarm_id(event)
        before = self.latched.get(id_)
        if before is not None and not before.restored:
            return []
        detail = str(getattr(event, "detail", "") or getattr(event, "reason", ""))[:200]
        kind = id_.partition(":")[0]
        self.latched[id_] = Alarm(id_, kind, event.source, signal, detail=detail, since_ns=now_ns)
        return [AlarmRaised(source=id_, signal=signal, on=kind, of=event.source, detail=detail)]

    def restore(self, id_: str) -> list[Event]:
        """The condition is gone."""
        alarm = self.latched.get(id_)
        if alarm is None or alarm.restored:
            return []
        self._step(alarm, Input.RESTORE)
        return [AlarmRestored(source=id_, signal=alarm.signal)]

    def acknowledge(self, wanted: str, by: str) -> tuple[list[Event], str]:
        """One alarm, or all with "*". Second: why nothing was done, if nothing was."""
        return self._each(wanted, Input.ACKNOWLEDGE, lambda a: AlarmAcknowledged(source=a.id, signal=a.signal, by=by))

    def reset(self, wanted: str, by: str) -> tuple[list[Event], str]:
        """Release one latch, or all that may be released with "*"."""
        return self._each(wanted, Input.RESET, lambda a: AlarmReset(source=a.id, signal=a.signal, by=by))

    def silence(self, wanted: str, by: str) -> tuple[list[Event], str]:
        """Quiet the sounders of one alarm or of all."""
        alarms, reason = self._wanted(wanted)
        loud = [alarm for alarm in alarms if not alarm.silenced]
        for alarm in loud:
            self.latched[alarm.id] = replace(alarm, silenced=True)
        if alarms and not loud:
            reason = "silenced already"
        return [AlarmSilenced(source=alarm.id, signal=alarm.signal, by=by) for alarm in loud], reason

    def retell(self, alarm: Alarm) -> list[Event]:
        """An alarm as it stands, as if it happened now: for a journal that starts anew."""
        told: list[Event] = [
            AlarmRaised(source=alarm.id, signal=alarm.signal, on=alarm.on, of=alarm.of, detail=alarm.detail)
        ]
        if alarm.silenced:
            told.append(AlarmSilenced(source=alarm.id, signal=alarm.signal, by="carried"))
        if alarm.acknowledged:
            told.append(AlarmAcknowledged(source=alarm.id, signal=alarm.signal, by="carried"))
        if alarm.restored:
            told.append(AlarmRestored(source=alarm.id, signal=alarm.signal))
        return told

    def _each(self, wanted: str, what: Input, say: Callable[[Alarm], Event]) -> tuple[list[Event], str]:
        alarms, reason = self._wanted(wanted)
        events: list[Event] = []
        for alarm in alarms:
            refused = self._step(alarm, what)
            if refused:
                reason = refused
            else:
                events.append(say(alarm))
        return events, "" if events else reason

    def _wanted(self, wanted: str) -> tuple[list[Alarm], str]:
        if wanted == "*":
            return list(self.latched.values()), "" if self.latched else "there is no alarm"
        alarm = self.latched.get(wanted)
        return ([alarm], "") if alarm else ([], "there is no such alarm")

    def _step(self, alarm: Alarm, what: Input) -> str:
        """Walk the table; why not, if not."""
        after = TABLE[alarm.state, what]
        if after is None:
            del self.latched[alarm.id]
        elif isinstance(after, State):
            self.latched[alarm.id] = replace(alarm, state=after)
        else:
            return after
        return ""
