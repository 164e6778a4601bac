"""Permits: visits, impairments and drills. What stands for a time, by whom, and what it is for.

Rules of this file:
- a permit begins by its row (a person wrote it) and ends by a person or by itself, after its `for_s` seconds;
- what CONSENT names is out of order by a signed permit alone, whoever may write others at the site;
- of a permit from before a boot the time that is left is known only if both clocks were; if not, it ends: a board
  must not become deaf for longer because it lost its clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.core.chain import Stamp
from agent.core.events import DrillEnded, Event, FootageStopped, ImpairmentEnded, VisitClosed
from agent.core.people import Role

SECOND = 1_000_000_000
HOUR_S = 3600
MOST_S: Mapping[str, int] = {  # how long one may last
    "visit.opened": 24 * HOUR_S,
    "impairment.started": 7 * 24 * HOUR_S,
    "drill.started": 8 * HOUR_S,
}
PERMITS_MAX = 256  # standing at once; whoever opens more waits until one ends

ENDS: Mapping[str, Callable[[str, str], Event]] = {
    "visit.opened": lambda id_, by: VisitClosed(source=id_, by=by),
    "impairment.started": lambda id_, by: ImpairmentEnded(source=id_, by=by),
    "drill.started": lambda id_, by: DrillEnded(source=id_, by=by),
}
ENDED: Mapping[str, str] = {
    "visit.closed": "visit.opened",
    "impairment.ended": "impairment.started",
    "drill.ended": "drill.started",
}
KINDS = frozenset({*ENDS, *ENDED})
DISK = "footage-disk"  # a thing that every site has: whoever takes it out has the safety office's consent
CONSENT: Mapping[str, frozenset[Role]] = {DISK: frozenset({Role.SAFETY_OFFICE})}
PULLED = ("wrong volume", "write error", "read-only")  # what a recorder says where its disk is gone


def things_of(event: Event) -> tuple[str, ...]:
    """What an event is about, beside its source."""
    return (DISK,) if isinstance(event, FootageStopped) and event.reason.startswith(PULLED) else ()


def may_sign(of: Iterable[str], roles: frozenset[Role]) -> frozenset[Role]:
    """Whose signature a permit of these things takes, of those that may begin it."""
    for thing in of:
        roles &= CONSENT.get(thing, roles)
    return roles


def signed_fields(site: str, board: str, permit: Event) -> dict[str, Any]:
    """What a person signs of a permit that they write at the site: all of it but the signature, and for which board."""
    told = {
        name: value for name, value in permit.data().items() if name not in ("sig", "request", "drill", "walk_test")
    }
    return {"site": site, "board": board, "kind": permit.KIND, "id": permit.source, **told}


def by_command(event: Event) -> bool:
    """Whether the panel itself wrote this row, on a signed command."""
    return bool(getattr(event, "request", 0))


@dataclass(frozen=True, slots=True)
class Permit:
    """One that stands. kind: of the event that began it; of: points, doors, pumps (none: all doors, for a visit)."""

    id: str
    kind: str
    of: tuple[str, ...]
    end_ns: int
    who: str = ""
    what: str = ""


def began_ns(written: Stamp, now: Stamp) -> int | None:
    """When a row was written, by the clock of this boot; None if that cannot be known."""
    if written.boot == now.boot:
        return written.mono_ns
    if "unset" in (written.clock, now.clock):
        return None
    return now.mono_ns - (now.at_ns - written.at_ns)


class Permits:
    """All that stand. Every method that ends one returns the events that say so."""

    def __init__(self) -> None:
        self.standing: dict[str, Permit] = {}

    def take(self, event: Event, since_ns: int | None, now_ns: int) -> list[Event]:
        """A row of KINDS, written by somebody. since_ns: when, by this boot's clock; None if that cannot be known."""
        if event.KIND in ENDED:
            known = self.standing.get(event.source)
            if known is not None and known.kind == ENDED[event.KIND]:
                del self.standing[event.source]
            return []
        data = event.data()
        if since_ns is None:
            return [ENDS[event.KIND](event.source, "restart")]
        if len(self.standing) >= PERMITS_MAX:
            return [ENDS[event.KIND](event.source, "too many")]
        of, for_s = data["of"], data["for_s"]
        assert isinstance(of, list)
        assert isinstance(for_s, int)
        self.standing[event.source] = Permit(
            event.source,
            event.KIND,
            tuple(thing for thing in map(str, of) if thing not in CONSENT or data.get("sig") or by_command(event)),
            since_ns + for_s * SECOND,
            str(data.get("who", "")),
            str(data.get("what", "")),
        )
        return self.elapse(now_ns)

    def elapse(self, now_ns: int) -> list[Event]:
        """Those whose time is over."""
        over = [one for one in self.standing.values() if now_ns >= one.end_ns]
        for one in over:
            del self.standing[one.id]
        return [ENDS[one.kind](one.id, "limit") for one in over]

    def due_ns(self) -> int | None:
        """When the next one ends."""
        return min((one.end_ns for one in self.standing.values()), default=None)

    def visits(self, door: str) -> list[Permit]:
        """Visits and shifts that may pass this door."""
        return [one for one in self._of("visit.opened") if not one.of or door in one.of]

    def work(self) -> bool:
        """Whether somebody may open enclosures now."""
        return any(one.what == "work" for one in self._of("visit.opened"))

    def impaired(self, *things: str) -> bool:
        """Whether any of these is out of order by permission."""
        return self._names("impairment.started", things)

    def drilled(self, *things: str) -> bool:
        """Whether any of these takes part in a drill."""
        return self._names("drill.started", things)

    def _names(self, kind: str, things: Iterable[str]) -> bool:
        if not self.standing:
            return False
        return any(thing in one.of for one in self._of(kind) for thing in things)

    def _of(self, kind: str) -> list[Permit]:
        return [one for one in self.standing.values() if one.kind == kind]
