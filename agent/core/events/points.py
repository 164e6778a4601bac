"""Points and doors (source: the point)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("point.changed")
class PointChanged(Event):
    """A settled change of a contact. Times are monotonic: first edge of the change, and the decision."""

    closed: bool
    edge_mono_ns: int
    decided_mono_ns: int


@kind("point.found")
class PointFound(Event):
    """The level of a contact found at start, different from (or without) what was last recorded."""

    closed: bool
    decided_mono_ns: int


@kind("point.chattering", lane=Lane.ALARM)
class PointChattering(Event):
    """More edges a second than a contact can honestly make: masked, and polled instead."""

    edges_per_s: int


@kind("point.steady", lane=Lane.ALARM)
class PointSteady(Event):
    """A chattering contact has come to rest; edges are believed again."""

    edges_masked: int


@kind("point.fault", lane=Lane.ALARM)
class PointFault(Event):
    """A supervised loop is not what it must be. fault: open / short / leak (between the bands) / unsteady."""

    fault: str
    ratio_ppm: int


@kind("point.fault_cleared", lane=Lane.ALARM)
class PointFaultCleared(Event):
    """The loop shows its contact again. was: the fault."""

    was: str


@kind("point.stuck", lane=Lane.ALARM)
class PointStuck(Event):
    """The contact has been active for longer than `limit_s`, which it never should be."""

    limit_s: int


@kind("door.opened")
class DoorOpened(Event):
    """The door is open. `found` is true if it stood open at start rather than being seen to open."""

    found: bool = False


@kind("door.closed")
class DoorClosed(Event):
    """The door is shut; `open_ms` how long it was open, or null if the opening was not seen."""

    open_ms: int | None = None


@kind("door.held_open")
class DoorHeldOpen(Event):
    """The door has been open longer than `limit_s`."""

    limit_s: int


@kind("door.forced")
class DoorForced(Event):
    """The door was opened while it was armed; `found` if it stood open so at start."""

    found: bool = False


@kind("door.open_at_arming")
class DoorOpenAtArming(Event):
    """The door was armed while it stood open."""


@kind("point.armed", lane=Lane.ALARM)
class PointArmed(Event):
    """From now on opening this door is forced entry. by: schedule, or a person; planned: what the schedule says."""

    by: str
    planned: bool


@kind("point.disarmed", lane=Lane.ALARM)
class PointDisarmed(Event):
    """Opening this door is no forced entry any more. by: schedule, or a person; planned: what the schedule says."""

    by: str
    planned: bool


@kind("entry.registered")
class EntryRegistered(Event):
    """The door was opened while these visits or shifts were on record (`visits`: their ids, `who`: their people)."""

    visits: list[str]
    who: list[str]


@kind("entry.unregistered")
class EntryUnregistered(Event):
    """The door was opened (or stood open at start: `found`) and no visit or shift is on record for it."""

    found: bool = False


@kind("button.pressed")
class ButtonPressed(Event):
    """A button at the panel. does: acknowledge, silence, reset."""

    does: list[str]
