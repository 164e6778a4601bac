"""The disk that footage is on: is it the right one, and is there room.

A file `.standpipe-volume` in the footage folder holds a UUID, and `footage-volume` in the data folder the same one.
A disk that is not mounted, or is another one, is so refused, and the root filesystem under it is not filled.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from agent.footage.errors import FootageError, explain
from agent.journal.files import make, sync_folder

MARKER = ".standpipe-volume"
EXPECTED = "footage-volume"
MIB = 1 << 20


class Volume:
    """The footage folder and its marker. `reserve_bytes` stay free."""

    def __init__(self, footage: Path, data: Path, reserve_bytes: int) -> None:
        self.footage = footage
        self._marker = footage / MARKER
        self._expected = data / EXPECTED
        self._reserve = reserve_bytes
        self._slack = max(MIB, reserve_bytes // 16)

    def adopt(self) -> None:
        """Make the marker, or note the one found, if none is expected yet. FootageError when it cannot be written."""
        try:
            self.footage.mkdir(parents=True, exist_ok=True)
            with self._alone():
                if self._expected.exists():
                    return
                if not self._marker.exists():
                    _write(self._marker, str(uuid.uuid4()))
                _write(self._expected, self._marker.read_text().strip())
        except OSError as error:
            raise explain(self.footage, error) from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time: at the first start of a board all recorders find no marker, and there may be one only."""
        lock = self._expected.with_suffix(".lock")
        make(lock)
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def accept(self) -> None:
        """A person says that this disk is the right one: from now on its marker (made if need be) is expected."""
        self._expected.unlink(missing_ok=True)
        self.adopt()

    @property
    def expected(self) -> str:
        """The UUID that is recorded on, "" before there was any. OSError."""
        return _uuid(self._expected)

    @property
    def found(self) -> str:
        """The UUID of the disk that is there, "" without a marker. OSError."""
        return _uuid(self._marker)

    def mark(self) -> str:
        """The UUID of the disk that is there; it is given one if it has none. FootageError."""
        try:
            self.footage.mkdir(parents=True, exist_ok=True)
            with self._alone():
                if not self._marker.exists():
                    _write(self._marker, str(uuid.uuid4()))
                return self.found
        except OSError as error:
            raise explain(self.footage, error) from error

    def check(self, *, recording: bool) -> None:
        """FootageError with its reason if footage must not be written here now.

        Recording stops below the reserve and starts again only with some slack above it.
        """
        try:
            expected = self.expected
            if not expected:
                self.adopt()
                expected = self.expected
            found, free = self.found, self.free_bytes()
        except OSError as error:
            raise explain(self.footage, error) from error
        if found != expected:
            what = "another disk." if found else "no marker: is the disk mounted?"
            raise FootageError(
                f"{self.footage}: {what} To record here all the same: standpipe footage accept-volume", "wrong volume"
            )
        if free < self._reserve + (0 if recording else self._slack):
            raise FootageError(
                f"{self.footage}: {free // MIB} MiB free, {self._reserve // MIB} MiB are kept: free some space",
                "disk full",
            )

    def free_bytes(self) -> int:
        """What others than root can still write. OSError if the folder is gone."""
        found = os.statvfs(self.footage)
        return found.f_bavail * found.f_frsize


def _uuid(path: Path) -> str:
    """What stands in a marker, "" without one. OSError."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(100).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_folder(path.parent)
