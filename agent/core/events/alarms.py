"""Alarms (source: the alarm's id, "{kind}:{source}")."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("alarm.raised", lane=Lane.ALARM)
class AlarmRaised(Event):
    """An alarm latched. `on` is the event kind and `of` the point or pump that raised it.

    first: no other alarm was waiting to be acknowledged, so this one came first (what follows may be its consequence).
    """

    on: str
    of: str
    detail: str = ""
    first: bool = False


@kind("alarm.restored", lane=Lane.ALARM)
class AlarmRestored(Event):
    """The condition is gone; the alarm stays latched until acknowledged and reset."""


@kind("alarm.acknowledged", lane=Lane.ALARM)
class AlarmAcknowledged(Event):
    """Somebody has taken note."""

    by: str


@kind("alarm.silenced", lane=Lane.ALARM)
class AlarmSilenced(Event):
    """Its sounders are quiet; a new alarm sounds again."""

    by: str


@kind("alarm.reset", lane=Lane.ALARM)
class AlarmReset(Event):
    """The latch is released. Only a restored and acknowledged alarm can be reset."""

    by: str


@kind("alarm.escalated", lane=Lane.ALARM)
class AlarmEscalated(Event):
    """Nobody has acknowledged within `after_s`: `to` is the contact to be told now, the `step`-th of `steps`."""

    to: str
    step: int
    steps: int
    after_s: int


@kind("contact.told", lane=Lane.ALARM)
class ContactTold(Event):
    """The contact (source) is to be told of `about`: an alarm's id, or "kind:source" of what a rule answers."""

    about: str
    on: str
    of: str


@kind("panel.requested")
class PanelRequested(Event):
    """What a person asked of the panel. does: acknowledge / silence / reset, arm / disarm.

    alarm: the alarm's id (the door's to arm), or * for all.
    """

    does: str
    alarm: str
    by: str


@kind("panel.refused")
class PanelRefused(Event):
    """The panel did not do what row `request` asked, and why."""

    request: int
    reason: str
