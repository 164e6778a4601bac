"""Pumps as the panel sees them: boots, people, permits, hours; what a test mutes. Pure, as decide.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.core.chain import Stamp
from agent.core.events import Event, PanelRefused, PumpExplained, PumpTestRequested
from agent.core.pump import Past, Pump, past_of
from agent.panel.channels import Channels
from agent.panel.response import Cause, Response

if TYPE_CHECKING:
    from agent.panel.starts import Starts


def starts_of(response: Response) -> Starts | None:
    """The remote starts of its plan, None if it has none."""
    if not response.plan.starts:
        return None
    from agent.panel.starts import Starts  # only sites with a remote start pay for it

    return Starts(response, response.plan.starts)


class Pumps:
    """All pumps of one panel. Every method works on the Response at its `now`."""

    def __init__(self, response: Response, channels: Channels) -> None:
        self._response, self._channels, self._plan = response, channels, response.plan
        self._unsaid_runs: set[str] = set()  # pumps of which it is not known yet whether they run, after a boot

    def because(self, cause: Cause, events: Iterable[Event], machines: Iterable[str] = ()) -> None:
        """Say it; what a pump among `machines` raises in its test window is latched and shown, and sounds nothing."""
        response, pumps = self._response, self._plan.pumps
        muted = {id_ for id_ in machines if id_ in pumps and pumps[id_].muting}
        before = set(response.alarms.latched) if muted else set()
        events = list(events)
        response.because(cause, [*events, *self._channels.beside(events)])
        for alarm in list(response.alarms.latched.values()) if muted else ():
            if alarm.of in muted and alarm.id not in before:
                response.ask("silence", alarm.id, "test window")

    def _say(self, pump: Pump, events: Iterable[Event]) -> None:
        self.because(Cause(), events, (pump.id,))

    # --- a boot ---

    def pasts(self, facts: Iterable[tuple[Event, Stamp]]) -> dict[str, Past]:
        """pump -> what the journal knows of it."""
        events = [(event, written.at_ns) for event, written in facts]
        return {id_: self._past(id_, events) for id_ in self._plan.pumps}

    def _past(self, pump: str, events: list[tuple[Event, int]]) -> Past:
        mine = [alarm for alarm in self._response.alarms.latched.values() if alarm.of == pump]
        return replace(
            past_of(pump, events),
            alarms=frozenset(alarm.on for alarm in mine if not alarm.restored),
            waits=frozenset(alarm.on for alarm in mine if not alarm.acknowledged),
        )

    def resume(self, recorded: Mapping[str, bool], pasts: Mapping[str, Past]) -> None:
        """Take up the levels that were recorded, in silence."""
        for id_, pump in self._plan.pumps.items():
            levels = self._plan.recorded(id_, recorded)
            pump.resume(levels, pasts.get(id_, Past()), self._response.now.mono_ns)
        self._unsaid_runs = set(self._plan.pumps)

    def recall(self, pasts: Mapping[str, Past]) -> None:
        """The journal came late."""
        for id_, pump in self._plan.pumps.items():
            pump.recall(pasts[id_])

    def say_runs(self, seen: Callable[[str], bool]) -> None:
        """After a boot: a pump that runs is said to run, once its contact has been seen (asked by the point's id)."""
        if not self._unsaid_runs:
            return
        for point in self._plan.points.values():
            for role, id_ in point.pumps if seen(point.id) else ():
                if role == "running" and id_ in self._unsaid_runs:
                    self._unsaid_runs.discard(id_)
                    self._say(self._plan.pumps[id_], self._plan.pumps[id_].at_start())

    # --- people, permits, hours ---

    def look(self) -> None:
        """What people and permits have to do with pumps: an acknowledgement, an impairment."""
        response = self._response
        for pump in self._plan.pumps.values():
            pump.impaired = response.permits.impaired(pump.id)
            waits = pump.awaits
            if waits:
                alarm = response.alarms.latched.get(f"{waits}:{pump.id}")
                if alarm is None or alarm.acknowledged:
                    self._say(pump, pump.acknowledged(response.now.mono_ns))

    def asked(self, pump: Pump, event: Event, request: int) -> None:
        """A person opens or closes a test window, or explains a run; refused where there is none."""
        now_ns, reason = self._response.now.mono_ns, ""
        if isinstance(event, PumpExplained):
            self._say(pump, events := pump.explain(event.by, event.reason, now_ns))
            reason = "" if events else f"{pump.id} does not run without cause: there is nothing to explain"
        elif isinstance(event, PumpTestRequested) and event.does == "open":
            self._say(pump, pump.open_window(event.method, event.limit_s, event.by, now_ns))
        elif isinstance(event, PumpTestRequested):
            self._say(pump, events := pump.close_window(event.by, now_ns))
            reason = "" if events else f"{pump.id} has no open test window"
        if reason:
            self._response.said.append(PanelRefused(source="panel", request=request, reason=reason))

    def calendar(self) -> None:
        """Dates of tests, and hours of test windows; each second. Nothing while nobody knows the time."""
        now, plan = self._response.now, self._plan
        at_ns = self._response.arming.known_ns(now)
        if at_ns is None:
            return
        local = plan.local(at_ns) if plan.planned else None
        for pump in plan.pumps.values():
            self._say(pump, pump.dates(at_ns))
            if local is not None:
                self._say(pump, pump.scheduled(local, at_ns, now.mono_ns))
