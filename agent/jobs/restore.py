"""The restore test: the newest backup is unpacked into an empty folder and used as a board would use it.

Order of things: copy every file -> compare its hash with the backup's -> open journal, index and site file by what a
board opens them with -> walk the chain, read what is in force -> the folder goes -> `backup.restore_tested`. Killed
anywhere, the next pass begins anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path

from agent.config import ConfigError, load
from agent.core.chain import Row
from agent.core.events import BackupRestoreTested
from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex
from agent.footage.query import Footage
from agent.footage.volume import MIB
from agent.jobs.desk import SOURCE, Desk
from agent.journal import Journal, JournalError
from agent.journal.backup import verify_database
from agent.journal.check import check_chain
from agent.journal.facts import facts_in_force
from agent.journal.projections import every

FOLDER = "restore-test"
JOURNAL, MEDIA, SITE = "journal.db", "media.db", "site.toml"
# What a board needs and no backup has: whoever takes the backup away must not have the keys with it.
APART = ("board.key",)
DAY_NS = 86_400 * 1_000_000_000
_CHUNK = 1 << 20


def tested(desk: Desk, backup: Row) -> BackupRestoreTested:
    """What came of it. JournalError, FootageError or OSError say why this backup is none."""
    source, target = Path(str(backup.values()["path"])), desk.paths.data / FOLDER
    began = time.monotonic()
    shutil.rmtree(target, ignore_errors=True)
    _room(source, target)
    target.mkdir()
    try:
        size = _copied(source, target)
        facts = _journal(target / JOURNAL, backup)
        cameras = _index(target / MEDIA)
        _site(target / SITE)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    return BackupRestoreTested(
        source=SOURCE,
        path=str(source),
        upto=int(str(backup.values()["upto"])),
        facts=facts,
        cameras=cameras,
        bytes=size,
        took_ms=round((time.monotonic() - began) * 1000),
        lacks=_lacks(desk),
    )


def due(desk: Desk) -> bool:
    """Whether it is time for one."""
    rows = list(every(desk.journal, "backup.restore_tested"))
    return not rows or desk.age_ns(rows[-1]) >= desk.site.backup.restore_test_days * DAY_NS


def _room(source: Path, target: Path) -> None:
    free = os.statvfs(target.parent)
    needs = sum(path.stat().st_size for path in source.iterdir())
    if free.f_bavail * free.f_frsize < 2 * needs:
        told = f"{target.parent}: a restore test needs {2 * needs // MIB} MiB: free some space"
        raise FootageError(told, "disk full")


def _copied(source: Path, target: Path) -> int:
    """Every file, the same on both sides; bytes of all."""
    size = 0
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, target / path.name)
        if _digest(path) != _digest(target / path.name):
            raise FootageError(f"{path}: reads otherwise the second time", "corrupt")
        size += path.stat().st_size
    return size


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _journal(path: Path, backup: Row) -> int:
    """The chain holds, up to the row and hash that were noted; how many facts in force can be read."""
    values = backup.values()
    with contextlib.closing(Journal.open_to_read(path)) as journal:
        report = check_chain(journal)
        if report.bad_seq is not None:
            raise JournalError(f"{path}: row {report.bad_seq}: {report.reason}")
        seq, found = journal.head()
        if (seq, found.hex()) != (values["upto"], values["hash"]):
            raise JournalError(f"{path}: ends with row {seq}, not with row {values['upto']} as it was noted")
        return len(facts_in_force(journal, seq))


def _index(path: Path) -> int:
    """Of how many cameras it knows footage; 0 where the site records none."""
    if not path.exists():
        return 0
    verify_database(path)
    with contextlib.closing(MediaIndex(path, create=False)) as index:
        return sum(index.first(camera) is not None for camera in Footage(index).cameras())


def _site(path: Path) -> None:
    """A board would start with it."""
    try:
        if path.exists():
            load(path)
    except ConfigError as error:
        raise FootageError(f"{path}: {error}", "corrupt") from error


def _lacks(desk: Desk) -> list[str]:
    here = [desk.paths.secrets, *(desk.paths.data / name for name in APART)]
    return [path.name for path in here if path.exists()]
