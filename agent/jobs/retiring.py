"""Destroying disks that held footage, as far as a board can know: whether one may go, whether one is empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.core.events import DeletionCertified
from agent.core.retiring import BLOCK, Disk, empty, offsets, refusal
from agent.core.spans import span
from agent.footage.errors import FootageError, explain
from agent.jobs.desk import Desk
from agent.journal.approvals import Approval
from agent.journal.holds import holds
from agent.journal.projections import every

WHAT = "disk.retire"


def may_not(desk: Desk, volume: str, last_used_ns: int | None) -> str:
    """Why the disk with that marker ("": not known) may not be destroyed now, "" if it may."""
    known = replaced_ns(desk, volume)
    uncopied = [hold.id for hold in holds(desk.journal).values() if not hold.copied]
    disk = Disk(bool(volume) and volume == desk.volume.found, last_used_ns if known is None else known, uncopied)
    floors = [(span(camera.keep), camera.keep) for camera in desk.site.camera]
    return refusal(disk, floors, desk.now().at_ns, desk.zone)


def replaced_ns(desk: Desk, volume: str) -> int | None:
    """When another disk took the place of that one, None if the journal does not tell."""
    rows = [row for row in every(desk.journal, "footage.disk") if volume and row.values().get("before") == volume]
    return rows[-1].at_ns if rows else None


def looked_at(device: Path) -> tuple[int, int | None]:
    """(blocks read, where one was not empty: None if all were). FootageError if it cannot be read, or has nothing."""
    try:
        with device.open("rb") as file:
            at = offsets(file.seek(0, 2))
            for place in at:
                file.seek(place)
                if not empty(file.read(BLOCK)):
                    return len(at), place
    except OSError as error:
        raise explain(device, error) from error
    if not at:
        raise FootageError(f"{device}: there is nothing to read")
    return len(at), None


def certified(desk: Desk, request: str) -> dict[str, Any] | None:
    """The certificate of a request as its row has it, with the row's number and hash; None if there is none yet."""
    for row in every(desk.journal, DeletionCertified.KIND):
        values: Any = row.values()
        if values["request"] == request:
            return {**values, "disk": row.source, "row": row.seq, "hash": row.hash.hex(), "at_ns": row.at_ns}
    return None


def certify(desk: Desk, request: str, looked: str) -> dict[str, Any]:
    """The same, written down now if two people have signed and nothing speaks against it. FootageError says what.

    looked: what reading the disk back has shown, "" if nobody did.
    """
    if (known := certified(desk, request)) is not None:
        return known
    standing = {one.request: one for one in desk.approved(WHAT, desk.now())}
    if request not in standing:
        raise FootageError("nobody has signed that this disk may be destroyed: standpipe approve")
    approval = standing[request]
    scope = approval.scope
    if why := may_not(desk, scope["volume"], int(scope["last_used_ns"])):
        raise FootageError(why)
    desk.journal.append(_event(desk, approval, looked))
    made = certified(desk, request)
    assert made is not None
    return made


def _event(desk: Desk, approval: Approval, looked: str) -> DeletionCertified:
    scope = approval.scope
    signed = [row.values() for row in every(desk.journal, "statement.signed")]
    keys = [str(one["key"]) for one in signed if (one["request"], one["by"]) == (approval.request, approval.approver)]
    return DeletionCertified(
        source=scope["disk"],
        request=approval.request,
        last_used_ns=replaced_ns(desk, scope["volume"]) or int(scope["last_used_ns"]),
        requester=approval.requester,
        approver=approval.approver,
        key=keys[-1],
        reason=approval.reason,
        volume=scope["volume"],
        held=scope["held"],
        method=scope["method"],
        document=scope["document"],
        looked=looked,
    )
