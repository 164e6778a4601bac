"""Which disk footage lies on: a row when it is another one than was last told, whoever changed it."""

from __future__ import annotations

from agent.core.events import FootageDisk
from agent.jobs.desk import Desk
from agent.journal.projections import every
from agent.runtime.disks import disk_of


def look(desk: Desk) -> None:
    """Once a pass. A disk that is not there, or cannot be read, is the recorders' to tell."""
    try:
        volume, expected = desk.volume.found, desk.volume.expected
    except OSError:
        volume = expected = ""
    if not volume:
        return
    rows = list(every(desk.journal, "footage.disk"))
    disk = disk_of(desk.paths.footage)
    told = rows[-1].values() if rows else {}
    if told.get("volume") == volume and (told.get("device"), told.get("serial")) == (disk.device, disk.serial):
        return
    before = str(told.get("volume", "")) or expected
    desk.journal.append(FootageDisk(source="footage", volume=volume, before=before, **disk._asdict()))
