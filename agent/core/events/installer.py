"""A new site file that came as a command (source: "installer")."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("config.tried", lane=Lane.ALARM)
class ConfigTried(Event):
    """A new site file stands in the place of the old one and all processes start anew; it must prove good."""

    command: str
    by: str
    old_sha256: str
    new_sha256: str


@kind("config.applied", lane=Lane.ALARM)
class ConfigApplied(Event):
    """All processes run with the new site file, and the broker is reached as before: it stays."""

    command: str
    by: str
    sha256: str


@kind("config.rolled_back", lane=Lane.ALARM)
class ConfigRolledBack(Event):
    """The new site file did not prove good; the old one stands again. reason: what was missing."""

    command: str
    by: str
    sha256: str
    reason: str
