"""Uplink (source: "uplink")."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("link.up")
class LinkUp(Event):
    """Session with the broker stands."""

    broker: str


@kind("link.down")
class LinkDown(Event):
    """Session lost or refused. reason in words, without credentials."""

    broker: str
    reason: str


@kind("link.refused", lane=Lane.ALARM)
class LinkRefused(Event):
    """The broker or the far end refuses what we send: kept here, never counted as delivered."""

    what: str
    code: int
    reason: str


@kind("link.conflict", lane=Lane.ALARM)
class LinkConflict(Event):
    """The far end holds another row under one of our identities: (epoch, seq) with a different hash."""

    epoch: str
    seq: int
    ours: str
    theirs: str


@kind("gap", lane=Lane.ALARM)
class Gap(Event):
    """Rows of a lane that will not be sent: from / to inclusive sequence numbers.

    from_seq comes right behind the lane's last row before them (whatever lane has that number), so that a reader
    can join the lane over the hole.
    """

    of_lane: str
    from_seq: int
    to_seq: int
    rows: int
    bytes: int
    reason: str
