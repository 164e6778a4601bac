"""The pass over holds: find the footage they mean, copy it to the special store, release what was approved."""

from __future__ import annotations

from dataclasses import replace

from agent.core.chain import Stamp
from agent.core.events import DeletionRefused, HoldCopied, HoldPlaced, HoldReleased
from agent.footage.errors import FootageError
from agent.footage.holds import Store, find
from agent.footage.volume import MIB
from agent.jobs import by_rule
from agent.jobs.desk import SOURCE, Desk
from agent.journal.approvals import Approval
from agent.journal.holds import Hold, holds

DAY_NS = 86_400 * 1_000_000_000


def run(desk: Desk) -> None:
    """One pass by itself."""
    with desk.alone():
        tend(desk)


def tend(desk: Desk) -> None:
    """One pass, alone. What cannot be copied is told as trouble and tried again; the footage itself stays meanwhile."""
    now = desk.now()
    store = Store(desk.holds_path, desk.site.holds.quota_mb * MIB)
    failed: dict[str, str] = {}
    by_rule.place(desk, now)
    for hold in holds(desk.journal).values():
        placed = hold if hold.placed else _place(desk, hold, now)
        if placed is not None and not placed.copied:
            try:
                _copy(desk, placed, store)
            except FootageError as error:
                failed[f"hold copy {hold.id}"] = str(error)
    desk.tell("hold copy ", failed)
    _release(desk, store, now)
    late = {f"hold review {h.id}": h.reason for h in holds(desk.journal).values() if 0 < h.review_ns < now.at_ns}
    desk.tell("hold review ", late if now.clock != "unset" else {})


def _place(desk: Desk, hold: Hold, now: Stamp) -> Hold | None:
    segments = find(desk.index, hold, now)
    if segments is None:
        return None
    review_ns = now.at_ns + desk.site.holds.review_days * DAY_NS
    desk.journal.append(
        HoldPlaced(
            source=hold.id,
            segments=segments,
            from_ns=hold.window.start.at_ns,
            to_ns=hold.window.end.at_ns,
            reason=hold.reason,
            owner=hold.owner,
            cause=hold.cause,
            review_ns=review_ns,
        )
    )
    return replace(hold, placed=True, segments=segments, review_ns=review_ns)


def _copy(desk: Desk, hold: Hold, store: Store) -> None:
    made = store.copy(hold, desk.index, desk.paths.footage)
    desk.journal.append(
        HoldCopied(source=hold.id, path=str(made.path), files=made.files, bytes=made.bytes, digest=made.digest)
    )


def _release(desk: Desk, store: Store, now: Stamp) -> None:
    """Copies go before the row: killed in between, they are found gone and the row is written."""
    done = desk.answered("hold.released", "deletion.refused")
    for approval in desk.approved("hold.release", now):
        if approval.request in done:
            continue
        hold = holds(desk.journal).get(approval.scope.get("hold", ""))
        if hold is None:
            reason = "there is no such hold (any more)"
            desk.journal.append(DeletionRefused(source=SOURCE, request=approval.request, reason=reason))
        else:
            _over(desk, store, hold, approval)


def _over(desk: Desk, store: Store, hold: Hold, approval: Approval) -> None:
    gone = approval.scope.get("copies") == "delete"
    files, size = store.remove(hold.id) if gone else (0, 0)
    desk.journal.append(
        HoldReleased(
            source=hold.id,
            request=approval.request,
            requester=approval.requester,
            approver=approval.approver,
            reason=approval.reason,
            copies="deleted" if gone else "kept",
            files=files,
            bytes=size,
        )
    )
