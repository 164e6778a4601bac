"""The journal's files: made with the right mode, locked, and moved aside together when they are corrupt.

Every append holds `journal.lock` shared for as long as its transaction. Who moves the files, or checkpoints the
WAL, holds it exclusively. So no process can commit into a file that is being renamed (it would, without an
error), and no checkpoint ever races a commit (reported to corrupt SQLite before 3.51.3).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

MODE = 0o660
SUFFIXES = ("", "-wal", "-shm")


def make(path: Path) -> None:
    """Create an empty file with mode 0660 whatever the umask, so that a second user of the group may write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return
    os.fchmod(fd, MODE)
    os.close(fd)


def identity(path: Path) -> tuple[int, int] | None:
    """(device, inode) of a file, None if there is none: a renamed journal has another."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class Lock:
    """The lock file beside a journal. One object per opener; not shared between threads."""

    def __init__(self, journal: Path) -> None:
        path = journal.with_suffix(".lock")
        make(path)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Held for one transaction. Waits only while files are moved or a checkpoint runs."""
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def exclusive(self, timeout_s: float) -> Iterator[bool]:
        """Held to move or checkpoint; yields False, unlocked, if writers did not pause within `timeout_s`."""
        got = self._try_exclusive(timeout_s)
        try:
            yield got
        finally:
            if got:
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _try_exclusive(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.002)
            else:
                return True

    def close(self) -> None:
        """Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def aside_name(path: Path, stamp_ns: int) -> Path:
    """Where a database that is moved aside goes: beside its old place."""
    return path.with_name(f"{path.name}.moved-{stamp_ns}")


def remove(path: Path) -> None:
    """Remove a database that nobody uses yet, with its -wal and -shm; none is fine."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def replace(path: Path, fresh: Path, aside: Path) -> None:
    """Put the finished database `fresh` in the place of `path`, which stays whole as `aside`.

    The caller holds the lock exclusively and has folded the WAL of `path` into it. One rename is the change: kill or
    power cut leave the old journal there or the new one, never none. The empty -wal goes last; who still has the old
    database open sees that it has moved, and SQLite then leaves the files of the new one alone.
    """
    aside.hardlink_to(path)
    fresh.replace(path)
    for suffix in SUFFIXES[1:]:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    sync_folder(path.parent)


def move_aside(path: Path, stamp_ns: int) -> Path:
    """Rename db, -wal and -shm together to `NAME.moved-STAMP...`; the caller holds the lock exclusively.

    The WAL goes last but one, the database last: after a crash in between the next opener finds the same corrupt
    database and moves again. Returns the database's new path. Nothing is ever deleted.
    """
    target = aside_name(path, stamp_ns)
    for suffix in reversed(SUFFIXES):
        old = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            old.rename(target.with_name(target.name + suffix))
    sync_folder(path.parent)
    return target


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that names made or changed in it survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
