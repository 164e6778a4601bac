"""A file replaced as a whole: its name always leads to the old bytes or to the new ones, all on the disk."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes, *, like: Path | None = None) -> None:
    """Replace `path`. like: a file whose mode and group the new one gets. OSError: the old one stands."""
    part = path.with_name(f".{path.name}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    with os.fdopen(fd, "wb") as file:
        if like is not None:
            found = like.stat()
            os.fchmod(fd, found.st_mode & 0o777)
            os.fchown(fd, -1, found.st_gid)
        file.write(data)
        file.flush()
        os.fsync(fd)
    part.replace(path)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Gone for good, or never there."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names in it are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
