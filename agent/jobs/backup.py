"""The pass that makes a backup where one is due, reads it back, and lets old rows of the journal go that are in it.

Order of things: copy to NAME.part -> walk the copied chain -> rename -> `backup.verified` -> the oldest copies go -> a
restore test where one is due (restore.py) -> rows past their time, past every reader and in that copy go
(core/records.py). Killed anywhere, the next pass goes on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import UNSET

from agent.core.chain import Row, Stamp
from agent.core.events import BackupVerified, JournalPruned
from agent.core.records import Dated, Going, RecordClass, class_of, cutoffs, going
from agent.core.retention import Policy
from agent.core.spans import span
from agent.core.wire import LANES
from agent.footage.errors import FootageError, explain
from agent.footage.query import Footage
from agent.footage.volume import MIB
from agent.jobs import clips, restore
from agent.jobs.dating import Dating
from agent.jobs.desk import SOURCE, Desk
from agent.jobs.retention import standing_policy
from agent.journal import Cursor, JournalError
from agent.journal.backup import copy_database, verify_database, verify_journal
from agent.journal.files import sync_folder
from agent.journal.projections import every, uncarried
from agent.journal.prune import finish, prune

HOUR_NS = 3_600 * 1_000_000_000
EARLY_NS = 75 * 60 * 1_000_000_000  # a look comes each hour and some minutes: the last one before the time makes it
LATE_NS = 60 * 1_000_000_000
PRUNED_MOST = 100_000  # of one pass: what it writes again must not hold others up; the rest goes with the next
JOURNAL, MEDIA, SITE = "journal.db", "media.db", "site.toml"


def run(desk: Desk) -> None:
    """One pass by itself. What fails is told as trouble, and tried again with the next."""
    with desk.alone():
        finish(desk.journal)
        failed: dict[str, str] = {}
        if desk.site.backup.path:
            try:
                _back_up(desk, Path(desk.site.backup.path))
            except (JournalError, FootageError) as error:
                failed["backup failed"] = str(error)
            failed |= _late(desk) | _restored(desk)
        desk.tell("backup ", failed)
        if not failed:
            let_go(desk)


# --- the copy ---


def last(desk: Desk) -> Row | None:
    """The newest backup of this journal that was read back."""
    rows = [row for row in every(desk.journal, "backup.verified") if row.values()["path"]]
    return rows[-1] if rows else None


def _back_up(desk: Desk, folder: Path) -> None:
    newest = last(desk)
    every_ns = desk.site.backup.every_h * HOUR_NS
    if newest is not None and desk.age_ns(newest) < every_ns - min(EARLY_NS, every_ns // 4) and _there(newest):
        return
    if not folder.is_dir():
        raise FootageError(f"{folder}: is the disk of the backups mounted? (path of [backup])", "wrong volume")
    here = folder.stat().st_dev == desk.paths.data.stat().st_dev
    if here and newest is not None and newest.values()["apart"] and Path(str(newest.values()["path"])).parent == folder:
        told = (
            f"{folder}: the copies were on a disk of their own, which is not there: is it mounted? (path of [backup])"
        )
        raise FootageError(told, "wrong volume")
    name = f"{desk.site.site.id}-{desk.site.site.board}-{desk.journal.epoch[:8]}-{desk.journal.head()[0]:010d}"
    part, whole = folder / f"{name}.part", folder / name
    try:
        for old in folder.glob("*.part"):
            shutil.rmtree(old)
        if whole.exists():  # nothing was written since, or a pass was killed before its row
            shutil.rmtree(whole)
        _room(desk, folder)
        part.mkdir()
        event = _copied(desk, part, whole)
        part.rename(whole)
        sync_folder(folder)
        desk.journal.append(event)
        _rotate(desk, folder)
    except OSError as error:
        raise explain(error.filename or folder, error) from error


def _copied(desk: Desk, part: Path, whole: Path) -> BackupVerified:
    """All that belongs to a backup, each read back from the disk."""
    size = copy_database(desk.paths.journal, part / JOURNAL)
    found = verify_journal(part / JOURNAL)
    if found.epoch != desk.journal.epoch:
        raise JournalError(f"{desk.paths.journal}: was moved aside while it was copied")
    if desk.paths.media.exists():
        size += copy_database(desk.paths.media, part / MEDIA)
        verify_database(part / MEDIA)
    if desk.paths.site.exists():
        shutil.copyfile(desk.paths.site, part / SITE)
        size += (part / SITE).stat().st_size
    sync_folder(part)
    return BackupVerified(
        source=SOURCE,
        path=str(whole),
        upto=found.head_seq,
        hash=found.head_hash.hex(),
        files=len(list(part.iterdir())),
        bytes=size,
        apart=part.stat().st_dev != desk.paths.data.stat().st_dev,
    )


def _room(desk: Desk, folder: Path) -> None:
    """Where it lies on the data's own disk, it must not be what fills it."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    needs = sum(path.stat().st_size for path in (desk.paths.journal, desk.paths.media) if path.exists())
    same = folder.stat().st_dev == desk.paths.data.stat().st_dev
    needs += desk.site.retention.reserve_mb * MIB if same else 0
    if free < needs:
        told = f"{folder}: {free // MIB} MiB free, a backup needs {needs // MIB}: free some space"
        raise FootageError(told, "disk full")


def _rotate(desk: Desk, folder: Path) -> None:
    """The oldest copies go; those of an epoch before go first. What a kill leaves of one goes with the next pass."""
    prefix = f"{desk.site.site.id}-{desk.site.site.board}-"
    ours = [path for path in folder.iterdir() if path.name.startswith(prefix) and (path / JOURNAL).is_file()]
    ours.sort(key=lambda path: path.stat().st_mtime_ns)
    for old in ours[: -desk.site.backup.copies]:
        part = old.with_name(f"{old.name}.part")
        old.rename(part)
        shutil.rmtree(part)


def _there(row: Row) -> bool:
    return (Path(str(row.values()["path"])) / JOURNAL).is_file()


def _restored(desk: Desk) -> dict[str, str]:
    """Try the newest backup where it is time for that."""
    newest = last(desk)
    if newest is None or not _there(newest) or not restore.due(desk):
        return {}
    try:
        desk.journal.append(restore.tested(desk, newest))
    except (JournalError, FootageError) as error:
        return {"backup restore failed": str(error)}
    except OSError as error:
        return {"backup restore failed": str(explain(error.filename or Path(str(newest.values()["path"])), error))}
    return {}


def _late(desk: Desk) -> dict[str, str]:
    newest = last(desk)
    if newest is not None and _there(newest):
        if desk.age_ns(newest) <= desk.site.backup.every_h * HOUR_NS + LATE_NS:
            return {}
        return {"backup late": f"the last one is of row {newest.values()['upto']}: {newest.values()['path']}"}
    return {"backup late": f"there is none in {desk.site.backup.path}"}


# --- what may go ---


@dataclass(frozen=True)
class Ahead:
    """What of the journal would go now. refused: why nothing does, "" if it does; policy, backup: by whose leave."""

    going: Going = field(default_factory=Going)
    refused: str = ""
    policy: Policy | None = None
    backup: Row | None = None


def ahead(desk: Desk) -> Ahead:
    """Nothing goes without a policy, a clock that can be relied on, and a backup that is there."""
    now = desk.now()
    policy, newest = standing_policy(desk, now), last(desk)
    if policy is None:
        return Ahead(refused="there is no standing policy")
    if newest is None or not _there(newest):
        return Ahead(refused="there is no backup that was read back")
    if clock := desk.clock_refusal(now):
        return Ahead(refused=clock)
    found = _going(desk, now, min([int(str(newest.values()["upto"])), *cursors(desk).values()]))
    return Ahead(found, "" if found.worth else "too few rows are past their time", policy, newest)


def let_go(desk: Desk) -> int:
    """Delete rows past their time; how many went."""
    plan = ahead(desk)
    if plan.refused or plan.policy is None or plan.backup is None:
        return 0
    goes, backed_up = plan.going, plan.backup.values()
    told = JournalPruned(
        source=SOURCE,
        upto=goes.upto,
        rows=goes.rows,
        kept=len(goes.keep),
        from_ns=goes.from_ns,
        to_ns=goes.to_ns,
        authority=plan.policy.request,
        approver=plan.policy.approver,
        backup=str(backed_up["path"]),
    )
    return prune(
        desk.journal,
        goes.upto,
        cursors=cursors(desk),
        verified_upto=int(str(backed_up["upto"])),
        floor_seq=goes.upto + 1,
        keep=goes.keep,
        told=[told],
    )


def _going(desk: Desk, now: Stamp, most_seq: int) -> Going:
    spans = {name: span(getattr(desk.site.retention, name)) for name in RecordClass}
    needed = clips.waiting(desk)
    firsts = {camera: desk.index.first(camera) for camera in Footage(desk.index).cameras()}
    oldest = {camera: first.start_at_ns for camera, first in firsts.items() if first is not None}

    def wanted(row: Row) -> bool:
        """A clip or picture that lies there, or the seal of footage that does."""
        values: Any = row.values()
        if row.kind.startswith(("clip.", "snapshot.")):
            return (row.source, clips.id_of(row)) in needed
        return row.kind == "footage.sealed" and row.source in oldest and values["to_ns"] >= oldest[row.source]

    return going(_dated(desk, now, most_seq), cutoffs(now.at_ns, spans, desk.zone), PRUNED_MOST, wanted)


def _dated(desk: Desk, now: Stamp, most_seq: int) -> Iterator[Dated]:
    dating = Dating(desk.journal, now)
    after = 0
    while rows := desk.journal.read(after, limit=1000):
        for row in rows:
            if row.seq > most_seq:
                return
            moved = dating.moved(row)
            was = uncarried(row) if moved else row
            yield Dated(was, class_of(was.kind), dating.at_ns(row), moved)
        after = rows[-1].seq


def cursors(desk: Desk) -> dict[str, int]:
    """Reader -> the last row that it needs no more: by those that its marks stand on it knows the journal again.

    Without an uplink in the site file nobody reads for one.
    """
    if desk.site.uplink is UNSET:
        return {}
    path = desk.paths.cursor("uplink")
    if not path.exists():
        return {"uplink": 0}
    with contextlib.closing(Cursor(path)) as cursor:
        return {"uplink": min(cursor.get(desk.journal.epoch, lane) for lane in LANES) - 1}
