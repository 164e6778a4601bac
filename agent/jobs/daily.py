"""A picture of each camera each day: asked for once, at the time of day that site.toml names, or as soon as may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from agent.core.events import SnapshotRequested
from agent.jobs.desk import SOURCE, Desk

CAUSE = "daily"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ask(desk: Desk) -> None:
    """What is due and has not been asked for. A board that does not know the time asks for nothing."""
    now = desk.now()
    times = {one.id: one.health.picture_at for one in desk.site.camera if one.health.picture_at is not UNSET}
    if now.clock == "unset" or not times:
        return
    last = desk.journal.last(SnapshotRequested.KIND, source=SOURCE)
    here = (_EPOCH + timedelta(microseconds=now.at_ns // 1000)).astimezone(desk.zone)
    for snapshot, cameras in due(times, here, str(last.values()["snapshot"]) if last is not None else "").items():
        desk.journal.append(SnapshotRequested(source=SOURCE, snapshot=snapshot, cameras=cameras, cause=CAUSE))


def due(times: Mapping[str, str], here: datetime, last: str) -> dict[str, list[str]]:
    """Name of a request -> cameras, of the times of this day that have come; none up to the last one asked for.

    The names grow with the day and the time: a clock that goes back asks for none twice.
    """
    found: dict[str, list[str]] = {}
    for camera, time in sorted(times.items(), key=lambda one: (one[1], one[0])):
        name = f"daily-{here:%Y%m%d}-{time.replace(':', '')}"
        if name > last and time <= f"{here:%H:%M}":
            found.setdefault(name, []).append(camera)
    return found
