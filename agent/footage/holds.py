"""Holds on disk: which segments a hold means, and their copies in a store of their own, with hash and manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.core.chain import Stamp
from agent.core.numbers import read_numbers, written
from agent.footage.errors import FootageError, explain
from agent.footage.index import MediaIndex, Segment
from agent.footage.keeping import Keeping
from agent.journal.files import sync_folder
from agent.journal.holds import Hold

NS = 1_000_000_000
SETTLED_NS = 60 * NS  # after the end of what is held: its last fragment is in the index by then
MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@dataclass(frozen=True)
class Copied:
    """What lies in the store of one hold. digest: SHA-256 of the manifest, which has that of each file."""

    path: Path
    files: int
    bytes: int
    digest: str


class HoldsError(FootageError):
    """A copy could not be made: `reason` is disk full (or quota), corrupt, write error."""


def find(index: MediaIndex, hold: Hold, now: Stamp) -> dict[str, str] | None:
    """camera -> numbers of the segments that the hold means; None while its end is not yet on disk."""
    window = hold.window
    if now.at_ns < window.end.at_ns + SETTLED_NS and now.boot != window.end.boot:
        return None
    if now.boot == window.end.boot and now.mono_ns < window.end.mono_ns + SETTLED_NS:
        return None
    found: dict[str, str] = {}
    for camera in hold.cameras:
        rows = index.around(camera, window.start.boot, window.start, window.end)
        if any(row.state == "open" for row in rows):
            return None
        if rows:
            found[camera] = written(row.seq for row in rows)
    return found


class Store:
    """The folder of all copies. FootageError when it cannot be read."""

    def __init__(self, path: Path, quota_bytes: int) -> None:
        self.path = path
        self._quota = quota_bytes

    def used(self) -> int:
        """Bytes that all copies take."""
        try:
            files = (path for path in self.path.rglob("*") if path.is_file())
            return sum(path.stat().st_size for path in files)
        except OSError as error:
            raise explain(self.path, error) from error

    def copy(self, hold: Hold, index: MediaIndex, footage: Path) -> Copied:
        """Copy what is not there yet, each file checked against the index while it is read. HoldsError."""
        target = self.path / _name(hold.id)
        rows = [
            row
            for camera, numbers in sorted(hold.segments.items())
            for row in Keeping(index).rows(camera, read_numbers(numbers))
        ]
        used = self.used()
        try:
            hashes = {}
            for row in rows:
                copy = target / row.camera / Path(row.path).name
                if not copy.exists():
                    used += row.bytes or 0
                    if used > self._quota:
                        raise HoldsError(f"{self.path}: no room for hold {hold.id}: raise quota_mb in [holds]", "quota")
                hashes[copy] = _copy(row, footage / row.path, copy)
            return self._list(hold, target, rows, hashes)
        except OSError as error:
            told = explain(error.filename or self.path, error)
            raise HoldsError(str(told), told.reason) from error

    def _list(self, hold: Hold, target: Path, rows: list[Segment], hashes: dict[Path, str]) -> Copied:
        """Write the manifest, by which the copies can be read without anything else of ours."""
        sizes = {copy: copy.stat().st_size for copy in hashes}
        entries = [
            {
                "file": str(copy.relative_to(target)),
                "camera": row.camera,
                "segment": row.seq,
                "from_ns": str(row.start_at_ns),
                "to_ns": str(row.end_at_ns),
                "clock": row.clock,
                "bytes": sizes[copy],
                "sha256": digest,
            }
            for row, (copy, digest) in zip(rows, hashes.items(), strict=True)
        ]
        about = {"hold": hold.id, "reason": hold.reason, "owner": hold.owner, "cause": hold.cause}
        text = json.dumps({**about, "review_ns": str(hold.review_ns), "files": entries}, ensure_ascii=False, indent=1)
        target.mkdir(parents=True, exist_ok=True)
        _write(target / MANIFEST, text.encode())
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Copied(target, len(rows), sum(sizes.values()), digest)

    def check(self, hold: str) -> list[str]:
        """What is wrong with the copies of a hold, in words; nothing if their hashes are those of the manifest."""
        target = self.path / _name(hold)
        try:
            entries = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return [f"{target / MANIFEST}: missing or damaged"]
        return [
            f"{target / entry['file']}: not what was copied"
            for entry in entries
            if not _holds(target / entry["file"], entry["sha256"])
        ]

    def lacks(self, hold: str) -> bool:
        """Whether copies that were made are not there: taken away, or another disk."""
        return not (self.path / _name(hold) / MANIFEST).is_file()

    def remove(self, hold: str) -> tuple[int, int]:
        """(files, bytes) of what is taken away with a hold that was released. FootageError."""
        target = self.path / _name(hold)
        try:
            sizes = [path.stat().st_size for path in target.rglob("*.mp4")] if target.is_dir() else []
            if target.is_dir():
                shutil.rmtree(target)
                sync_folder(self.path)
        except OSError as error:
            raise explain(error.filename or target, error) from error
        return len(sizes), sum(sizes)


def _name(hold: str) -> str:
    """The hold's id as the name of a folder. HoldsError for one that could lead elsewhere."""
    if not _ID.fullmatch(hold):
        raise HoldsError(f"{hold!r}: no id of a hold: small letters, digits and -", "corrupt")
    return hold


def _copy(row: Segment, source: Path, copy: Path) -> str:
    """The SHA-256 of the copy, which is whole and synced. One that is there already is read again, and set aside if it
    is not what was recorded."""
    found = _hash_of(copy) if copy.exists() else ""
    if found and row.sha256 is not None and found != row.sha256.hex():
        copy.rename(copy.with_name(f"{copy.name}.{found[:8]}.bad"))
        found = ""
    if not found:
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_name(copy.name + ".part")
        with part.open("wb") as out:
            found = _hash_of(source, out.write)
            out.flush()
            os.fsync(out.fileno())
        if row.sha256 is None or found == row.sha256.hex():
            part.rename(copy)
            sync_folder(copy.parent)
            sync_folder(copy.parent.parent)
    if row.sha256 is not None and found != row.sha256.hex():
        raise HoldsError(f"{source}: not what was recorded (its hash differs): its copy was not made", "corrupt")
    return found


def _holds(path: Path, digest: str) -> bool:
    try:
        return _hash_of(path) == digest
    except OSError:
        return False


def _hash_of(path: Path, also: Callable[[bytes], object] | None = None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if also is not None:
                also(chunk)
    return digest.hexdigest()


def _write(path: Path, text: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_folder(path.parent)
