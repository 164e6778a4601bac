"""The pass over footage: finish what was begun, delete what was approved, let expire what may, look ahead."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import UNSET

from agent.core.chain import Stamp
from agent.core.events import DeletionDone, DeletionRefused, FootageDeleted, RetentionRan
from agent.core.numbers import read_ranges
from agent.core.retention import (
    Batch,
    Holds,
    Kept,
    Plan,
    Policy,
    Room,
    Rule,
    Why,
    asked,
    floor_ns,
    forecast,
    full_in_days,
    plan,
    stops_at,
)
from agent.core.spans import span
from agent.footage.delete import Deleter, Order, Step
from agent.footage.errors import FootageError
from agent.footage.keeping import Amount, Keeping
from agent.footage.volume import MIB
from agent.jobs import clips as clips_job
from agent.jobs import holds as holds_job
from agent.jobs import seal as seal_job
from agent.jobs.desk import SOURCE, Desk
from agent.journal.approvals import Approval
from agent.journal.holds import Hold, holds
from agent.journal.projections import every

POLICY_ABOUT = "retention"
AHEAD_DAYS = 14  # before a policy ends, or the disk is full without one
REASONS = {
    Why.CEILING: "older than keep_at_most",
    Why.ROOM: "older than keep, and the disk needs room",
    Why.FORCED: "the disk is full, and the signed policy allows overwriting",
}


@dataclass(frozen=True)
class Outlook:
    """What a pass would do now, and what it goes by."""

    now: Stamp
    cameras: list[Kept]
    room: Room
    policy: Policy | None
    plan: Plan
    risks: dict[str, tuple[int, int]] = field(default_factory=dict)
    full_in_days: int | None = None


def outlook(desk: Desk) -> Outlook:
    """Nothing is changed. FootageError if the disk is not the right one."""
    _right_disk(desk)
    now = desk.now()
    cameras = _cameras(desk)
    reserve = desk.site.retention.reserve_mb * MIB
    free = desk.volume.free_bytes()
    priorities = [camera.priority for camera in desk.site.camera]
    first_stops = max((stops_at(reserve, one, priorities) for one in priorities), default=reserve)
    room = Room(free, first_stops + desk.site.retention.room_mb * MIB, reserve + reserve // 8)
    policy = standing_policy(desk, now)
    made = plan(now, cameras, room, policy, desk.clock_refusal(now), desk.zone)
    ahead = max(0, free - reserve)
    risks = forecast(cameras, ahead - made.held_bytes, now.at_ns, desk.zone)
    return Outlook(now, cameras, room, policy, made, risks, full_in_days(cameras, ahead))


def run(desk: Desk, step: Step | None = None) -> Outlook:
    """One pass; what it did is in the journal. A pass killed at any moment is completed by the next."""
    with desk.alone():
        return _pass(desk, step)


def _pass(desk: Desk, step: Step | None) -> Outlook:
    _right_disk(desk)
    deleter = Deleter(desk.paths.footage, desk.index, desk.journal, *([step] if step is not None else []))
    deleter.finish()
    seal_job.tend(desk)  # what goes has been sealed: its hash outlives it where another's proof needs it
    holds_job.tend(desk)
    _on_request(desk, deleter)
    mark = desk.journal.head()[0]
    seen = outlook(desk)
    done = []
    for batch in seen.plan.batches:
        if desk.journal.read(mark, kinds=("clip.requested", "hold.requested"), limit=1):
            break  # somebody may want just this kept: the next pass knows
        done.append(deleter.delete(batch, _standing(desk, batch, seen)))
    _tell(desk, seen)
    if not desk.clock_refusal(seen.now):
        clips_job.tend(desk, seen.policy)
        desk.journal.append(_ran(seen, done))
    return seen


def _right_disk(desk: Desk) -> None:
    """A disk that is not there has no files to delete, and all its rows would go."""
    try:
        desk.volume.check(recording=True)
    except FootageError as error:
        if error.reason != "disk full":
            raise


# --- what there is ---


def rules(desk: Desk, recorded: Iterable[str] = ()) -> dict[str, tuple[Rule, str]]:
    """camera -> (rule, its floor in words). One that is gone from site.toml keeps the longest floor of all."""
    found = {}
    for one in desk.site.camera:
        ceiling = None if one.keep_at_most is UNSET else span(one.keep_at_most)
        found[one.id] = (Rule(one.id, span(one.keep), ceiling, one.priority), one.keep)
    longest = max((floor for _, floor in found.values()), key=lambda text: _days(span(text)), default="31 days")
    for camera in recorded:
        found.setdefault(camera, (Rule(camera, span(longest), None, 1), longest))
    return found


def _days(of: tuple[int, int]) -> int:
    return of[0] * 31 + of[1]


def _cameras(desk: Desk) -> list[Kept]:
    keeping = Keeping(desk.index)
    amounts = keeping.amounts()
    standing = list(holds(desk.journal).values())
    found = rules(desk, [amount.camera for amount in amounts])
    return [_kept(keeping, amount, found[amount.camera][0], standing) for amount in amounts if amount.files]


def _kept(keeping: Keeping, amount: Amount, rule: Rule, standing: list[Hold]) -> Kept:
    camera = amount.camera
    ranges = [
        (first, last, hold.id)
        for hold in standing
        if hold.placed
        for first, last in read_ranges(hold.segments.get(camera, ""))
    ]
    windows = [
        (hold.window.start.at_ns, hold.window.end.at_ns, hold.id)
        for hold in standing
        if not hold.placed and camera in hold.cameras
    ]
    pieces: Callable[..., object] = functools.partial(keeping.pieces, camera)
    return Kept(
        rule,
        keeping.runs(camera),
        pieces,  # type: ignore[arg-type]
        Holds(ranges, windows),
        amount.bytes,
        amount.day_bytes,
    )


# --- by whose word ---


def standing_policy(desk: Desk, now: Stamp) -> Policy | None:
    """The newest standing policy on retention that a person signed and that stands."""
    signed = [one for one in desk.approved("policy", now) if one.scope.get("about") == POLICY_ABOUT]
    if not signed:
        return None
    last = signed[-1]
    return Policy(last.request, last.approver, last.scope.get("overwrite") == "yes", last.expires_s)


def _standing(desk: Desk, batch: Batch, seen: Outlook) -> Order:
    assert seen.policy is not None
    floor = rules(desk, [batch.camera])[batch.camera][1]
    return Order(
        reason=REASONS[batch.why],
        authority=seen.policy.request,
        requester="policy",
        approver=seen.policy.approver,
        by=SOURCE,
        floor=floor if batch.why is Why.FORCED else "",
    )


# --- on request ---


def _on_request(desk: Desk, deleter: Deleter) -> None:
    """What was asked for and approved is deleted, all of its scope or nothing; why not is told once."""
    now = desk.now()
    if desk.clock_refusal(now):
        return
    over = desk.answered("deletion.done", "deletion.refused")
    for approval in desk.approved("footage.delete", now):
        if approval.request not in over:
            _delete_asked(desk, deleter, approval, now)


def _delete_asked(desk: Desk, deleter: Deleter, approval: Approval, now: Stamp) -> None:
    """A pass that was killed half-way has deleted some of it: the rest goes now."""
    batches, why = goes(desk, approval.scope, now)
    for batch in batches:
        deleter.delete(batch, _by_approval(approval))
    done: list[Any] = [row.values() for row in every(desk.journal, "footage.deleted")]
    done = [said for said in done if said["authority"] == approval.request]
    request, files, size = approval.request, sum(d["files"] for d in done), sum(d["bytes"] for d in done)
    if done:
        desk.journal.append(DeletionDone(source=SOURCE, request=request, files=files, bytes=size))
    else:
        desk.journal.append(DeletionRefused(source=SOURCE, request=request, reason=why))


def goes(desk: Desk, scope: Mapping[str, str], now: Stamp) -> tuple[list[Batch], str]:
    """What of the footage such a request is about; nothing, and why. Never more files than it tells, if it tells."""
    try:
        camera, from_ns, to_ns = scope["camera"], _utc_ns(scope["from"]), _utc_ns(scope["to"])
        most = int(scope["files"]) if "files" in scope else None
    except (KeyError, ValueError):
        return [], "its scope names no camera, from and to"
    kept = next((one for one in _cameras(desk) if one.rule.camera == camera), None)
    if kept is None:
        return [], f"there is no footage of {camera}"
    batches, why = asked(now, kept, from_ns, to_ns, desk.zone)
    files = sum(len(batch.seqs) for batch in batches)
    if most is not None and files > most:
        return [], f"{files} files lie within this scope now, and {most} did when it was asked for"
    return batches, why


def before_keep(desk: Desk, camera: str, batches: Iterable[Batch], now: Stamp) -> str:
    """What keep asks for, if some of that is younger; "" if none is. With two signatures it goes all the same."""
    rule, words = rules(desk, [camera])[camera]
    return words if any(batch.to_ns > floor_ns(rule, now.at_ns, desk.zone) for batch in batches) else ""


def _utc_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def _by_approval(approval: Approval) -> Order:
    return Order(
        reason=approval.reason,
        authority=approval.request,
        requester=approval.requester,
        approver=approval.approver,
        by=SOURCE,
    )


# --- what is told ---


def _tell(desk: Desk, seen: Outlook) -> None:
    refused = {"retention stopped": f"{seen.plan.refused}: nothing expires"} if seen.plan.refused else {}
    desk.tell("retention stopped", refused)
    found = {}
    for camera, (days, wanted) in seen.risks.items():
        detail = f"{camera}: room for {days} days of the {wanted} that keep asks for: a larger disk, or fewer pictures"
        found[f"retention risk {camera}"] = detail
    desk.tell("retention risk ", found)
    desk.tell("retention policy", policy_risk(seen) if desk.site.camera else {})


def policy_risk(seen: Outlook) -> dict[str, str]:
    """What comes of it that nobody has signed a standing policy, or that it ends soon; nothing if nothing does."""
    what, now_s, full = "retention policy", seen.now.at_ns // 1_000_000_000, seen.full_in_days
    if seen.policy is not None:
        days = (seen.policy.until_s - now_s) // 86400
        detail = f"the standing policy {seen.policy.request} ends in {days} days: standpipe retention policy"
        return {what: detail} if days < AHEAD_DAYS else {}
    if full is None or full >= AHEAD_DAYS:
        return {}
    return {what: f"nothing may expire, and the disk is full in {full} days: standpipe retention policy"}


def _ran(seen: Outlook, done: list[FootageDeleted]) -> RetentionRan:
    return RetentionRan(
        source=SOURCE,
        files=sum(one.files for one in done),
        bytes=sum(one.bytes for one in done),
        held=sum(seen.plan.held.values()),
        refused=seen.plan.refused,
    )
