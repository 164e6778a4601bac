"""Major incidents (source: the incident's id): a person says that there is one, and when it is over."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind

# key, sig: `by` signed it with this key (core/permits.py). request: row of the signed command by which the panel itself
# wrote it; 0: written at the site. since_ms: how long before the row it began: what is held of it (core/incidents.py)
# begins there.


@kind("incident.declared", lane=Lane.ALARM)
class IncidentDeclared(Event):
    """Something grave goes on. what: fire / theft / flood / injury / other; reason: place and course, in words."""

    what: str
    reason: str
    since_ms: int
    by: str
    key: str = ""
    sig: str = ""
    request: int = 0


@kind("incident.closed", lane=Lane.ALARM)
class IncidentClosed(Event):
    """It is over. what: as it was declared; outcome: how it ended, and who was called when."""

    outcome: str
    since_ms: int
    by: str
    key: str = ""
    sig: str = ""
    request: int = 0
    what: str = ""
