"""What the journal says of this recorder's last run: was the camera lost, was recording stopped, how did it end."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.chain import Row, Stamp
from agent.core.health import NAMES
from agent.journal import Journal
from agent.journal.projections import every


@dataclass(frozen=True)
class History:
    """`cause` of the gap between the last footage and the first of this run; `lost_since` if the camera is lost."""

    cause: str
    lost_since: Stamp | None


def look_back(journal: Journal, camera: str, source: str, boot: str) -> History:
    """The state of things when the last run ended. JournalError if the journal cannot be read."""
    lost = journal.last("camera.lost", "camera.restored", source=camera)
    stopped = journal.last("footage.stopped", "footage.resumed", source=camera)
    ended = journal.last("process.started", "process.stopping", source=source)
    lost_since = _stamp(lost) if lost is not None and lost.kind == "camera.lost" else None
    if stopped is not None and stopped.kind == "footage.stopped":
        return History(str(stopped.values()["reason"]), lost_since)
    if lost is not None and lost_since is not None:
        return History(f"camera lost: {lost.values()['reason']}", lost_since)
    return History(_how_it_ended(ended, boot), None)


def named_faults(journal: Journal, camera: str) -> list[str]:
    """Faults of its pictures that are named and not taken back. JournalError if the journal cannot be read."""
    last = {fault: journal.last(f"camera.{fault}", f"camera.{fault}_cleared", source=camera) for fault in NAMES}
    return [fault for fault, row in last.items() if row is not None and row.kind == f"camera.{fault}"]


def told_of(journal: Journal, camera: str, what: str) -> bool:
    """Whether this trouble of the camera stands. JournalError if the journal cannot be read."""
    rows = every(journal, "trouble.raised", "trouble.cleared", source=camera)
    kinds = [row.kind for row in rows if row.values()["what"] == what]
    return kinds[-1:] == ["trouble.raised"]


def _how_it_ended(ended: Row | None, boot: str) -> str:
    if ended is None:
        return "recorder started"
    if ended.kind == "process.stopping":
        return "recorder stopped" if ended.boot == boot else "board restarted"
    return "recorder died" if ended.boot == boot else "board lost power or was reset"


def _stamp(row: Row) -> Stamp:
    return Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)
