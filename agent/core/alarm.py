"""Alarms: which events are alarms, and how one is latched, acknowledged, silenced, restored and reset.

Everything that changes an alarm's state is in TABLE. An alarm is known by the event kind and the thing that raised
it ("pump.fail_to_start:pump-1"). It stays latched until it is both acknowledged and restored, and then reset.
Silence is no state: it quiets the sounders of this alarm only, and a new raise takes it back. An alarm is `first` if
no other was waiting to be acknowledged when it came: what follows it may be its consequence.
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
from agent.core.health import NAMES

# Class of the kinds that are alarms by themselves. `point.changed`, `door.held_open` and sensors (room.py) have their
# point's class.
SIGNALS: Mapping[str, Signal] = {
    "pump.fail_to_start": Signal.ALARM,
    "pump.stopped_on_demand": Signal.ALARM,
    "pump.unexpected_run": Signal.ALARM,
    "pump.not_in_auto": Signal.SUPERVISORY,
    "pump.overrun": Signal.SUPERVISORY,
    "pump.ran_without_demand": Signal.SUPERVISORY,
    "pump.power_lost": Signal.SUPERVISORY,
    "pump.phase_loss": Signal.SUPERVISORY,
    "pump.phase_reversal": Signal.SUPERVISORY,
    "pump.alternate_source": Signal.SUPERVISORY,
    "pump.low_suction": Signal.SUPERVISORY,
    "pump.tank_low": Signal.SUPERVISORY,
    "pump.tank_high": Signal.SUPERVISORY,
    "pump.valve_closed": Signal.SUPERVISORY,
    "pump.trouble": Signal.SUPERVISORY,
    "pump.contradiction_power": Signal.TROUBLE,
    "pump.contradiction_demand": Signal.TROUBLE,
    "pump.contradiction_tank": Signal.TROUBLE,
    "pump.reminder": Signal.SUPERVISORY,
    "pump.main_short_cycle": Signal.SUPERVISORY,
    "pump.jockey_short_cycle": Signal.SUPERVISORY,
    "pump.jockey_frequent": Signal.SUPERVISORY,
    "pump.jockey_long_run": Signal.SUPERVISORY,
    "pump.test_too_short": Signal.SUPERVISORY,
    "pump.test_not_auto_started": Signal.SUPERVISORY,
    "pump.weekly_test_due": Signal.SUPERVISORY,
    "pump.weekly_test_missed": Signal.SUPERVISORY,
    "pump.monthly_test_missed": Signal.SUPERVISORY,
    "pump.patrol_fault": Signal.SUPERVISORY,
    "pump.patrol_missed": Signal.SUPERVISORY,
    "point.fault": Signal.TROUBLE,
    "point.stuck": Signal.TROUBLE,
    "analog.fault": Signal.TROUBLE,
    "pump.demand_while_impaired": Signal.ALARM,
    "door.forced": Signal.ALARM,
    "door.open_at_arming": Signal.SUPERVISORY,
    "entry.unregistered": Signal.SUPERVISORY,
    "point.chattering": Signal.TROUBLE,
    "relay.failed": Signal.TROUBLE,
    "relay.readback_failed": Signal.TROUBLE,
    "trouble.raised": Signal.TROUBLE,
    "journal.rows_lost": Signal.TROUBLE,
    "camera.lost": Signal.TROUBLE,
    "footage.stopped": Signal.TROUBLE,
    **{f"camera.{fault}": Signal.TROUBLE for fault in NAMES},
    "camera.unmasked": Signal.SUPERVISORY,
}

# An event of this kind restores alarms of those kinds at the same source. Alarms of points, doors and pumps are
# restored by their machine's state instead (`standing()`).
RESTORES: Mapping[str, tuple[str, ...]] = {
    "camera.restored": ("camera.lost",),
    **{f"camera.{fault}_cleared": (f"camera.{fault}",) for fault in NAMES},
    "footage.resumed": ("footage.stopped",),
    "link.up": ("link.down",),
    "trouble.cleared": ("trouble.raised",),
    "incident.closed": ("incident.declared",),
}

# These say that something is over by now, not that it stands: latched, and restored in the same breath.
MOMENTARY = frozenset(
    {
        "journal.rows_lost",
        "link.refused",
        "link.conflict",
        "gap",
        "command.refused",
        "clip.failed",
        "snapshot.failed",
        "pump.ran_without_demand",
        "pump.reminder",
        "pump.test_too_short",
        "pump.test_not_auto_started",
        "pump.patrol_fault",
        "entry.unregistered",
    }
)


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
    first: bool = False
    drill: bool = False

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


def _raised(alarm: Alarm) -> Event:
    return AlarmRaised(
        source=alarm.id,
        signal=alarm.signal,
        on=alarm.on,
        of=alarm.of,
        detail=alarm.detail,
        first=alarm.first,
        drill=alarm.drill,
    )


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
        first = all(alarm.acknowledged for alarm in self.latched.values() if alarm.id != id_)
        alarm = Alarm(id_, kind, event.source, signal, detail=detail, since_ns=now_ns, first=first, drill=event.drill)
        self.latched[id_] = alarm
        return [_raised(alarm)]

    def restore(self, id_: str) -> list[Event]:
        """The condition is gone."""
        alarm = self.latched.get(id_)
        if alarm is None or alarm.restored:
            return []
        self._step(alarm, Input.RESTORE)
        return [AlarmRestored(source=id_, signal=alarm.signal, drill=alarm.drill)]

    def acknowledge(self, wanted: str, by: str) -> tuple[list[Event], str]:
        """One alarm, or all with "*". Second: why nothing was done, if nothing was."""
        return self._each(
            wanted,
            Input.ACKNOWLEDGE,
            lambda a: AlarmAcknowledged(source=a.id, signal=a.signal, by=by, drill=a.drill),
        )

    def reset(self, wanted: str, by: str) -> tuple[list[Event], str]:
        """Release one latch, or all that may be released with "*"."""
        return self._each(wanted, Input.RESET, lambda a: AlarmReset(source=a.id, signal=a.signal, by=by, drill=a.drill))

    def silence(self, wanted: str, by: str) -> tuple[list[Event], str]:
        """Quiet the sounders of one alarm or of all."""
        alarms, reason = self._wanted(wanted)
        loud = [alarm for alarm in alarms if not alarm.silenced]
        for alarm in loud:
            self.latched[alarm.id] = replace(alarm, silenced=True)
        if alarms and not loud:
            reason = "silenced already"
        return [AlarmSilenced(source=a.id, signal=a.signal, by=by, drill=a.drill) for a in loud], reason

    def retell(self, alarm: Alarm) -> list[Event]:
        """An alarm as it stands, as if it happened now: for a journal that starts anew."""
        told: list[Event] = [_raised(alarm)]
        if alarm.silenced:
            told.append(AlarmSilenced(source=alarm.id, signal=alarm.signal, by="carried", drill=alarm.drill))
        if alarm.acknowledged:
            told.append(AlarmAcknowledged(source=alarm.id, signal=alarm.signal, by="carried", drill=alarm.drill))
        if alarm.restored:
            told.append(AlarmRestored(source=alarm.id, signal=alarm.signal, drill=alarm.drill))
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
