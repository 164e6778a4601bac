"""The pass over holds: find the footage they mean, copy it to the special store, release what was approved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.core.chain import Row, Stamp
from agent.core.events import DeletionRefused, HoldChecked, HoldCopied, HoldPlaced, HoldReleased
from agent.core.numbers import read_numbers
from agent.footage.errors import FootageError
from agent.footage.holds import Store, find
from agent.footage.volume import MIB
from agent.jobs import by_rule, daily
from agent.jobs.desk import SOURCE, Desk
from agent.journal.approvals import Approval
from agent.journal.holds import Hold, holds

WRONG_MAX = 10  # told of one hold
DAY_NS = 86_400 * 1_000_000_000


def run(desk: Desk) -> None:
    """One pass by itself; it comes most often, so it asks for the pictures of the day, too."""
    with desk.alone():
        tend(desk)
        daily.ask(desk)


def tend(desk: Desk) -> None:
    """One pass, alone. What cannot be copied is told as trouble and tried again; the footage itself stays meanwhile."""
    now = desk.now()
    store = Store(desk.holds_path, desk.site.holds.quota_mb * MIB)
    failed: dict[str, str] = {}
    by_rule.place(desk, now)
    lost = _lost(desk, store)
    for hold in holds(desk.journal).values():
        placed = hold if hold.placed else _place(desk, hold, now)
        if placed is not None and (not placed.copied or placed.wrong or placed.id in lost):
            try:
                _mounted(desk, store, lost)
                _copy(desk, placed, store)
            except FootageError as error:
                failed[f"hold copy {hold.id}"] = str(error)
    desk.tell("hold copy ", failed)
    _read_again(desk, store)
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


def _lost(desk: Desk, store: Store) -> list[str]:
    """Holds whose copies were made here, and are not there."""
    standing = (hold for hold in holds(desk.journal).values() if hold.copied)
    return [hold.id for hold in standing if Path(hold.path).parent == store.path and store.lacks(hold.id)]


def _mounted(desk: Desk, store: Store, lost: list[str]) -> None:
    """Copies are not made where a disk was, and is not. FootageError."""
    if not lost or store.path.is_relative_to(desk.paths.data):
        return
    if not store.path.exists() or store.path.stat().st_dev == desk.paths.data.stat().st_dev:
        told = f"{store.path}: copies that were made are not there: is its disk mounted? (path of [holds])"
        raise FootageError(told, "wrong volume")


def _read_again(desk: Desk, store: Store) -> None:
    """The copies of one hold a pass, of each as often as footage is read again: what is wrong is copied anew."""
    copied = [hold for hold in holds(desk.journal).values() if hold.copied and Path(hold.path).parent == store.path]
    due = [hold for hold in copied if desk.age_ns(_read_at(hold)) >= desk.site.scrub.every_days * DAY_NS]
    for hold in due[:1]:
        files = sum(len(read_numbers(numbers)) for numbers in hold.segments.values())
        desk.journal.append(HoldChecked(source=hold.id, files=files, wrong=store.check(hold.id)[:WRONG_MAX]))
    found = [hold for hold in holds(desk.journal).values() if hold.wrong]
    desk.tell("hold damaged ", {f"hold damaged {hold.id}": hold.wrong[0] for hold in found})


def _read_at(hold: Hold) -> Row:
    return next(row for row in reversed(hold.rows) if row.kind in ("hold.copied", "hold.checked"))


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
