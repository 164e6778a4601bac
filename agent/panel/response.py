"""What follows from an event: alarms latched and restored, relays driven, clips asked for. Pure, as decide.py."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent.core.alarm import MOMENTARY, RESTORES, Alarm, Alarms, alarm_id, classed
from agent.core.chain import Stamp
from agent.core.events import (
    AlarmSilenced,
    ClipRequested,
    Event,
    RelayFailed,
    Signal,
    TroubleCleared,
    TroubleRaised,
)
from agent.core.rules import LIMIT, ClipWish
from agent.panel.plan import Plan

OURS = ("point.", "door.", "pump.", "button.", "relay.")  # alarms whose condition the panel itself can see


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


class Response:
    """Alarms, rules and relays of one panel, and what is yet to be said. One thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.alarms = Alarms()
        self.rules = plan.rules
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
            event = classed(event)
            self.said.append(event)
            self.follow(event)

    def follow(self, event: Event) -> None:
        """Alarms that this event raises or restores, and the rules that it triggers. The event itself is not said."""
        id_, raised = "", False
        if self._latches(event):
            id_ = alarm_id(event)
            raised = self._say(self.alarms.raise_(event, self.now.mono_ns, self._class_of(event)))
        for kind in RESTORES.get(event.KIND, ()):
            self._say(self.alarms.restore(alarm_id(event).replace(event.KIND, kind, 1)))
        self._trigger(event.KIND, id_, id_ or f"{event.KIND}:{event.source}", raised)
        if id_ and event.KIND in MOMENTARY:
            self._say(self.alarms.restore(id_))

    def _say(self, events: list[Event]) -> bool:
        self.said += events
        return bool(events)

    def _trigger(self, kind: str, id_: str, cause: str, raised: bool) -> None:
        now_ns = self.now.mono_ns
        self._causes[cause] = self.cause
        wishes = self.rules.trigger(kind, id_, cause, now_ns, raised=raised)
        if raised:
            wishes += self.rules.trigger("alarm.raised", id_, id_, now_ns, raised=True)
        self._say([self._clip(wish, cause, number) for number, wish in enumerate(wishes)])

    def _latches(self, event: Event) -> bool:
        if event.KIND in RESTORES:  # it has the class of what it ends, and is no alarm of its own
            return False
        if event.KIND.startswith(("point.changed", "point.found", "alarm.", "panel.")):
            return event.KIND.startswith("point.") and event.signal is not Signal.STATUS
        return event.signal is not Signal.STATUS or self.rules.latches(event.KIND)

    def _class_of(self, event: Event) -> Signal:
        """Class of the alarm: the event's, its point's, or supervisory for what only a rule makes an alarm of."""
        if event.signal is not Signal.STATUS:
            return event.signal
        point = self.plan.points.get(event.source)
        return Signal.SUPERVISORY if point is None or point.signal is Signal.STATUS else point.signal

    def _clip(self, wish: ClipWish, cause: str, number: int) -> Event:
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
        )

    # --- people ---

    def ask(self, does: str, alarm: str, by: str) -> str:
        """Acknowledge, silence or reset; why nothing was done, if nothing was."""
        ask = {"acknowledge": self.alarms.acknowledge, "silence": self.alarms.silence, "reset": self.alarms.reset}
        if does not in ask:
            return f"{does!r} is not acknowledge, silence or reset"
        events, reason = ask[does](alarm, by)
        if does == "silence" and alarm == "*" and self.rules.silence() and not events:
            events, reason = [AlarmSilenced(source="*", by=by)], ""
        self._say(events)
        return reason

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
                for kind in (alarm.on, "alarm.raised"):
                    self.rules.resume(kind, alarm.id, self.now.mono_ns)

    def restore_what_is_over(self, standing: Callable[[str], frozenset[str]]) -> None:
        """Restore alarms of ours whose kind is not among those `standing` at their source."""
        for alarm in list(self.alarms.latched.values()):
            if not alarm.restored and self._over(alarm, standing):
                self._say(self.alarms.restore(alarm.id))

    def _over(self, alarm: Alarm, standing: Callable[[str], frozenset[str]]) -> bool:
        if alarm.on == "trouble.raised" and alarm.of == "panel":
            return alarm.id.rpartition(":")[2] not in self.troubles
        if alarm.on == "relay.failed":
            return alarm.of not in self.failed
        return alarm.on.startswith(OURS) and alarm.on not in standing(alarm.of)

    def drives(self) -> list[Drive]:
        """Relays whose state is to change by now."""
        now_ns = self.now.mono_ns
        cut = self.rules.overdue(now_ns)
        wanted = self.rules.driven(self.alarms.latched, now_ns)
        drives = []
        for relay, was in self.driven.items():
            if (relay in wanted) == was:
                continue
            self.driven[relay] = not was
            reason = wanted.get(relay) or (LIMIT if relay in cut else "rule ended")
            drives.append(Drive(relay, self.energised(relay), reason, self._causes.get(reason, Cause())))
        self._causes.clear()
        return drives

    def energised(self, relay: str) -> bool:
        """The coil's state as decided."""
        return self.driven[relay] != self.plan.rests[relay]
