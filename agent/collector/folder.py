"""Files in a folder: `files/SITE/BOARD/FID/.part` while it grows, `files/SITE/BOARD/FID/NAME` when it is whole.

What keeps a kill or a power cut harmless, in this order: bytes written, part synced, ranges committed, answer sent;
and at the end: whole hashed, synced, renamed, folder synced, `done_ns` committed, answer sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from agent.collector.shelf import Place, ShelfError
from agent.core.filewire import Info
from agent.core.ranges import Range

OPEN_MAX = 32
FREE_BYTES_MIN = 64 * 1024 * 1024


class FolderShelf:
    """Files under `top`. Raises ShelfError if it cannot be made."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._open: OrderedDict[Place, int] = OrderedDict()
        self._changed: set[Place] = set()
        with _disk():
            top.mkdir(parents=True, exist_ok=True)

    def room(self) -> str:
        with _disk():
            free = shutil.disk_usage(self._top).free
        return f"{free} bytes free at the collector" if free < FREE_BYTES_MIN else ""

    def keep(self, at: Place) -> None:
        with _disk():
            folder = self._folder(at)
            made = _make_folder(folder, self._top)
            self._fd(at)
            for one in (folder, *made):
                _sync(one)

    def stage(self, payloads: Sequence[bytes]) -> None:
        """A disk needs no preparation."""

    def staged(self, what: object) -> None:
        """Never called with anything."""

    def write(self, at: Place, offset: int, data: bytes, number: int) -> None:
        with _disk():
            os.pwrite(self._fd(at), data, offset)
        self._changed.add(at)

    def sync(self) -> None:
        changed, self._changed = self._changed, set()
        with _disk():
            for at in changed:
                if at in self._open:
                    os.fdatasync(self._open[at])

    def holds(self, at: Place, info: Info, stored: list[Range]) -> list[Range]:
        with _disk():
            on_disk = _size(self._part(at))
            if on_disk is None and (self._folder(at) / info.name).exists():
                return [(0, info.size)] if info.size else []  # killed between rename and commit: `fin` looks again
        return [] if stored and (on_disk is None or on_disk < stored[-1][1]) else stored

    def whole(self, at: Place, info: Info) -> Callable[[], bool]:
        part, final = self._part(at), self._folder(at) / info.name

        def job() -> bool:
            with _disk():
                return _place(part, final, info.sha256)

        return job

    def done(self, at: Place) -> None:
        self._close(at)

    def drop(self, at: Place) -> None:
        with _disk():
            self._part(at).unlink(missing_ok=True)
        self._close(at)

    def ended(self, *, committed: bool) -> None:
        if not committed:
            self.close()

    def close(self) -> None:
        for at in list(self._open):
            self._close(at)

    def _folder(self, at: Place) -> Path:
        return self._top / at.path

    def _part(self, at: Place) -> Path:
        return self._folder(at) / ".part"

    def _fd(self, at: Place) -> int:
        fd = self._open.get(at)
        if fd is None:
            for old in list(self._open)[: max(0, len(self._open) - OPEN_MAX + 1)]:
                if old not in self._changed:
                    self._close(old)
            fd = self._open[at] = os.open(self._part(at), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._open.move_to_end(at)
        return fd

    def _close(self, at: Place) -> None:
        fd = self._open.pop(at, None)
        self._changed.discard(at)
        if fd is not None:
            os.close(fd)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ShelfError(error.strerror or str(error)) from error


def _place(part: Path, final: Path, sha256: str) -> bool:
    """The whole has its SHA-256 and lies, synced, in its place; False if its bytes are other ones.

    Of two collectors that do it at once over one folder, the later finds the part gone, and looks at what lies there.
    """
    try:
        with part.open("rb") as file:
            if not _synced(file, sha256):
                return False
        part.rename(final)
    except FileNotFoundError:
        with final.open("rb") as file:
            return _synced(file, sha256)
    _sync(final.parent)
    return True


def _synced(file: BufferedReader, sha256: str) -> bool:
    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
        return False
    os.fsync(file.fileno())
    return True


def _make_folder(folder: Path, top: Path) -> list[Path]:
    """Make it; returns the folders above, up to `top`, whose entries must be synced for it to last."""
    folder.mkdir(parents=True, exist_ok=True)
    return [parent for parent in folder.parents if parent == top or top in parent.parents]


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _size(path: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return None
