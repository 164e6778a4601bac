"""What follows from an event: alarms latched and restored, relays driven, clips asked for. Pure, as decide.py."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from agent.core.alarm import MOMENTARY, RESTORES, Alarm, Alarms, alarm_id, classed
from agent.core.chain import Stamp
from agent.core.escalation import Escalation, told
from agent.core.events import (
    AlarmSilenced,
    ClipRequested,
    EntryRegistered,
    EntryUnregistered,
    Event,
    PointArmed,
    PointDisarmed,
    PumpDemandWhileImpaired,
    RelayFailed,
    Signal,
    TroubleCleared,
    TroubleRaised,
)
from agent.core.permits import KINDS as PERMITS
from agent.core.permits import Permits, began_ns, things_of
from agent.core.rules import LIMIT, ClipWish, Rule
from agent.panel.plan import Plan

# Alarms whose condition the panel itself can see.
OURS = (
    "point.", "analog.", "door.", "pump.", "button.", "relay.", "tamper.", "smoke.", "flood.", "temperature.",
    "humidity.",
)  # fmt: skip
BLIND = "the board does not know the time: doors stay armed or not, no test window opens (standpipe clock set)"
ANSWERED_MAX = 64


class Cause(NamedTuple):
    """Times of what led to a decision: first edge, and end of settling or of a limit; None where there was none."""

    edge_ns: int | None = None
    settled_ns: int | None = None


class Drive(NamedTuple):
    """A relay to be driven, why, and the times of what led to it."""

    relay: str
    energised: bool
    reason: str
    cause: Cause
    drill: bool = False


class Response:
    """Alarms, rules and relays of one panel, and what is yet to be said. One thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.alarms = Alarms()
        self.rules = plan.rules
        self.arming = plan.arming
        self.permits = Permits()
        self.escalation = Escalation(plan.contacts)
        self.muted: dict[str, Event] = {}  # alarm id -> what would be that alarm, were it not for a permit
        # (event kind, rule) since the last drives(): for who asks why
        self.answered: deque[tuple[str, Rule]] = deque(maxlen=ANSWERED_MAX)
        self.driven: dict[str, bool] = dict.fromkeys(plan.rests, False)
        self.failed: dict[str, str] = {}  # relay -> why it could not be written
        self.troubles: dict[str, str] = {}  # the panel's own, by what
        self.said: list[Event] = []
        self.now = Stamp(0, "", 0, "unset")
        self.cause = Cause()
        self._causes: dict[str, Cause] = {}  # of what was triggered since the last drives()

    # --- events ---

    def because(self, cause: Cause, events: Iterable[Event]) -> None:
        """Say events that have one cause, and do what follows from them."""
        self.cause = cause
        for event in events:
            event = self._marked(classed(event))
            if self._by_permission(event):
                self.muted[alarm_id(event)] = event
                self.said.append(replace(event, signal=Signal.STATUS))
            else:
                self.said.append(event)
                self.follow(event)
            if besides := self._besides(event):
                self.because(cause, besides)

    def hear(self, event: Event) -> None:
        """Another process has journaled this: followed, not said again."""
        event = self._marked(classed(event))
        self.cause = Cause()
        if self._by_permission(event):
            self.muted[alarm_id(event)] = event
        else:
            self.follow(event)

    def _marked(self, event: Event) -> Event:
        return replace(event, drill=True) if self.permits.drilled(*self._things(event.source)) else event

    def _things(self, source: str) -> tuple[str, ...]:
        """The thing itself, and the door or pump that it is a part of."""
        point = self.plan.points.get(source)
        return (source, point.watched_by) if point is not None else (source,)

    def _by_permission(self, event: Event) -> bool:
        """Whether this raises no alarm because a permit says so: an impairment, or work on an enclosure."""
        if not self.permits.standing or not self.latches(event):
            return False
        if event.KIND == "tamper.opened":
            return self.permits.work()
        mild = self._class_of(event) in (Signal.SUPERVISORY, Signal.TROUBLE)
        return mild and self.permits.impaired(*self._things(event.source), *things_of(event))

    def _besides(self, event: Event) -> list[Event]:
        """What the same event is, seen from elsewhere: an entry, a demand for a pump that is out of order."""
        if event.KIND == "pump.demand" and self.permits.impaired(*self._things(event.source)):
            return [PumpDemandWhileImpaired(source=event.source, found=bool(getattr(event, "found", False)))]
        if event.KIND != "door.opened" or event.source not in self.plan.entries:
            return []
        visits = self.permits.visits(event.source)
        if visits:
            return [EntryRegistered(source=event.source, visits=[v.id for v in visits], who=[v.who for v in visits])]
        return [EntryUnregistered(source=event.source, found=bool(getattr(event, "found", False)))]

    def follow(self, event: Event) -> None:
        """Alarms that this event raises or restores, and the rules that it triggers. The event itself is not said."""
        id_, raised = "", False
        if self.latches(event):
            id_ = alarm_id(event)
            raised = self._say(self.alarms.raise_(event, self.now.mono_ns, self._class_of(event)))
        for kind in RESTORES.get(event.KIND, ()):
            over = alarm_id(event).replace(event.KIND, kind, 1)
            self.muted.pop(over, None)
            self._say(self.alarms.restore(over))
        self._trigger(event, id_, id_ or f"{event.KIND}:{event.source}", raised)
        if id_ and event.KIND in MOMENTARY:
            self._say(self.alarms.restore(id_))

    def _say(self, events: list[Event]) -> bool:
        self.said += events
        return bool(events)

    def _trigger(self, event: Event, id_: str, cause: str, raised: bool) -> None:
        now_ns, source = self.now.mono_ns, event.source
        quiet = event.drill and self.plan.quiet_drills
        self._causes[cause] = self.cause
        rules = self.rules.trigger(event.KIND, id_, cause, now_ns, raised=raised, source=source, quiet=quiet)
        if raised:
            rules += self.rules.trigger("alarm.raised", id_, id_, now_ns, raised=True, source=source, quiet=quiet)
        self.answered.extend((event.KIND, rule) for rule in rules)
        wishes = [rule.clip for rule in rules if rule.clip is not None]
        self._say([self._clip(wish, cause, number, event.drill) for number, wish in enumerate(wishes)])
        if raised:
            alarm = self.alarms.latched[id_]
            self._say(self.escalation.raised(alarm, self._contacts(alarm, rules), now_ns))
        elif not id_:
            to = dict.fromkeys(one for rule in rules for one in rule.tell)
            self._say([told(one, cause, event.KIND, source) for one in to])

    def _contacts(self, alarm: Alarm, rules: list[Rule]) -> list[str]:
        """Who is told of an alarm: whom its rules name, else everybody if it is of class alarm."""
        named = list(dict.fromkeys(one for rule in rules for one in rule.tell))
        return named or (list(self.escalation.everybody) if alarm.signal is Signal.ALARM else [])

    def latches(self, event: Event) -> bool:
        """True if this event, with its class, is an alarm here."""
        if event.KIND in RESTORES:  # it has the class of what it ends, and is no alarm of its own
            return False
        if event.KIND.startswith(("point.changed", "point.found", "alarm.", "contact.", "panel.")):
            return event.KIND.startswith("point.") and event.signal is not Signal.STATUS
        return event.signal is not Signal.STATUS or self.rules.latches(event.KIND, event.source)

    def _class_of(self, event: Event) -> Signal:
        """Class of the alarm: the event's, its point's, or supervisory for what only a rule makes an alarm of."""
        if event.signal is not Signal.STATUS:
            return event.signal
        point = self.plan.points.get(event.source)
        return Signal.SUPERVISORY if point is None or point.signal is Signal.STATUS else point.signal

    def _clip(self, wish: ClipWish, cause: str, number: int, drill: bool) -> Event:
        now = self.now
        known = [at for at in (*self.cause, now.mono_ns) if at is not None]
        name = f"{now.boot} {now.mono_ns} {cause} {number}"
        return ClipRequested(
            source="panel",
            clip="c-" + hashlib.sha256(name.encode()).hexdigest()[:12],
            cameras=list(wish.cameras),
            at_ns=now.at_ns - (now.mono_ns - known[0]),
            at_mono_ns=known[0],
            boot=now.boot,
            before_s=wish.before_s,
            after_s=wish.after_s,
            hold=wish.hold,
            cause=cause,
            drill=drill,
        )

    def ask_clip(self, wish: ClipWish, cause: str) -> None:
        """A clip that no rule asks for."""
        self.cause = Cause()
        self._say([self._clip(wish, cause, 0, drill=False)])

    # --- people ---

    def ask(self, does: str, alarm: str, by: str) -> str:
        """Acknowledge, silence or reset alarms, arm or disarm doors; why nothing was done, if nothing was."""
        ask = {"acknowledge": self.alarms.acknowledge, "silence": self.alarms.silence, "reset": self.alarms.reset}
        if does in ("arm", "disarm"):
            armed, reason = self.arming.ask(alarm, does == "arm", by)
            self._arm(armed)
            return reason
        if does not in ask:
            return f"{does!r} is neither acknowledge, silence or reset nor arm or disarm"
        events, reason = ask[does](alarm, by)
        if does == "silence" and alarm == "*" and self.rules.silence() and not events:
            events, reason = [AlarmSilenced(source="*", by=by)], ""
        self._say(events)
        return reason

    # --- permits, arming, escalation ---

    def permit(self, event: Event, written: Stamp) -> None:
        """Somebody has begun or ended a visit, an impairment or a drill; `written` is its row's time."""
        self.because(Cause(), self.permits.take(event, began_ns(written, self.now), self.now.mono_ns))

    def recorded(self, facts: Iterable[tuple[Event, Stamp]], *, doors: bool) -> None:
        """What stands by the journal: permits, and (doors) which doors are armed. Nothing is said of it."""
        for event, written in facts:
            if event.KIND in PERMITS and event.source not in self.permits.standing:
                self.permit(event, written)
            elif doors:
                self.arming.recorded(event)
        for id_, one in self.arming.doors.items() if doors else ():
            self.plan.doors[id_].armed = one.armed

    def elapse(self) -> None:
        """What time has brought: permits that end, hours that arm, alarms that nobody has acknowledged."""
        now = self.now
        self.because(Cause(), self.permits.elapse(now.mono_ns))
        self._arm(self.arming.elapse(now))
        blind = self.arming.blind or (self.plan.planned and self.arming.known_ns(now) is None)
        self.trouble("clock", BLIND if blind else "")
        self.because(Cause(), self.escalation.elapse(self.alarms.latched, now.mono_ns))

    def due_ns(self) -> int | None:
        """When time alone brings something of these."""
        ends = (self.permits.due_ns(), self.arming.due_ns(), self.escalation.due_ns())
        return min((due for due in ends if due is not None), default=None)

    def _arm(self, events: list[Event]) -> None:
        for event in events:
            self.because(Cause(), [event])
            if isinstance(event, PointArmed | PointDisarmed):
                door = self.plan.doors[event.source]
                self.because(Cause(), door.arm(isinstance(event, PointArmed), self.now.mono_ns))

    # --- the panel's own troubles ---

    def trouble(self, what: str, detail: str) -> None:
        """Raise the panel's own trouble `what`, or clear it with detail ""."""
        if bool(detail) == (what in self.troubles):
            return
        if detail:
            self.troubles[what] = detail
            self.because(Cause(), [TroubleRaised(source="panel", what=what, detail=detail[:300])])
        else:
            was = self.troubles.pop(what)
            self.because(Cause(), [TroubleCleared(source="panel", what=what, detail=was[:300])])

    def relay_failed(self, relay: str, energised: bool, reason: str) -> None:
        """The line could not be written. Said once, until relay_written."""
        if relay not in self.failed:
            self.failed[relay] = reason
            self.because(Cause(), [RelayFailed(source=relay, energised=energised, reason=reason[:300])])

    def relay_written(self, relay: str) -> None:
        """The line was written."""
        self.failed.pop(relay, None)

    # --- alarms over, relays ---

    def take_up(self, alarms: Iterable[Alarm]) -> None:
        """Alarms that are recorded already: their relays are driven anew, no clip is asked for again."""
        for alarm in alarms:
            if alarm.id not in self.alarms.latched:
                self.alarms.latched[alarm.id] = alarm
                quiet = alarm.drill and self.plan.quiet_drills
                rules: list[Rule] = []
                for kind in (alarm.on, "alarm.raised"):
                    rules += self.rules.resume(kind, alarm.id, self.now.mono_ns, source=alarm.of, quiet=quiet)
                self.escalation.resume(alarm, self._contacts(alarm, rules), self.now.mono_ns)

    def restore_what_is_over(self, standing: Callable[[str], frozenset[str]]) -> None:
        """Restore alarms of ours whose kind is not among those `standing` at their source."""
        for alarm in list(self.alarms.latched.values()):
            if not alarm.restored and self._over(alarm.id, alarm.of, standing):
                self._say(self.alarms.restore(alarm.id))
        for id_, event in list(self.muted.items()):
            over, by_permission = self._over(id_, event.source, standing), self._by_permission(event)
            if over or not by_permission:
                del self.muted[id_]
            if not over and not by_permission:
                self.follow(event)  # its permit has ended, and it still stands

    def _over(self, id_: str, of: str, standing: Callable[[str], frozenset[str]]) -> bool:
        on = id_.partition(":")[0]
        if on == "trouble.raised" and of == "panel":
            return id_.rpartition(":")[2] not in self.troubles
        if on == "relay.failed":
            return of not in self.failed
        return on in MOMENTARY or (on.startswith(OURS) and on not in standing(of))

    def drives(self, starts: Mapping[str, str] = MappingProxyType({})) -> list[Drive]:
        """Relays whose state is to change by now. starts: start relays that are being pulsed -> why."""
        now_ns = self.now.mono_ns
        cut = self.rules.overdue(now_ns)
        wanted = {**self.rules.driven(self.alarms.latched, now_ns), **starts}
        drives = []
        for relay, was in self.driven.items():
            if (relay in wanted) == was:
                continue
            self.driven[relay] = not was
            reason = wanted.get(relay) or (LIMIT if relay in cut else "rule ended")
            alarm = self.alarms.latched.get(reason)
            drill = alarm is not None and alarm.drill
            drives.append(Drive(relay, self.energised(relay), reason, self._causes.get(reason, Cause()), drill))
            if relay in self.plan.readbacks:
                self.plan.readbacks[relay].drive(self.energised(relay), now_ns)
        self._causes.clear()
        self.answered.clear()
        return drives

    def energised(self, relay: str) -> bool:
        """The coil's state as decided."""
        return self.driven[relay] != self.plan.rests[relay]
