"""Relays (source: the relay)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("relay.driven", lane=Lane.ALARM)
class RelayDriven(Event):
    """A relay was energised or released. reason: alarm id, "limit", "restart", "rule ended".

    edge_mono_ns is the first edge of what led here (null if none), settled_mono_ns the end of its settle time,
    decided_mono_ns the decision, written_mono_ns the return of the write to the line.
    """

    energised: bool
    reason: str
    edge_mono_ns: int | None
    settled_mono_ns: int | None
    decided_mono_ns: int
    written_mono_ns: int


@kind("relay.failed", lane=Lane.ALARM)
class RelayFailed(Event):
    """The line could not be written; it is tried again every second."""

    energised: bool
    reason: str


@kind("relay.readback_failed", lane=Lane.ALARM)
class RelayReadbackFailed(Event):
    """The contact that reads this relay back has not shown `energised` for `limit_ms`: welded, stuck or not wired."""

    energised: bool
    limit_ms: int
