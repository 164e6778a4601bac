"""Writing a segment (layout.py says what one is), and giving one that lost its end a regular one."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from agent.footage import boxes
from agent.footage.errors import FootageError, explain
from agent.footage.layout import Ending, Fragment, end_box, fragment_box, segment_box
from agent.footage.reading import Found
from agent.journal.files import sync_folder

MODE = 0o640


class SegmentWriter:
    """Writes one segment; what write() has returned from survives a power cut. FootageError when the disk refuses.

    After an error the segment is no longer written to: abandon() it; recovery ends it later.
    """

    def __init__(self, path: Path, camera: str, seq: int, first: Fragment) -> None:
        self.path = path
        self.seq = seq
        self.start = self.end = first.start
        self.bytes = self.frames = self.ticks = 0
        self._fragments = 0
        self._origin = first.dts
        self._hash = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, MODE)
        except OSError as error:
            raise explain(path, error) from error
        try:
            self._append(first.init, segment_box(camera, seq, first.start.boot))
            os.fsync(self._fd)
            sync_folder(path.parent)
            sync_folder(path.parent.parent)
        except OSError as error:
            self.abandon()
            raise explain(path, error) from error

    def write(self, fragment: Fragment) -> None:
        """Append a fragment and wait until the disk has it."""
        before = self.bytes
        dts = fragment.dts - self._origin
        moof_bytes = int.from_bytes(fragment.body[:4], "big")
        moof = boxes.place_moof(fragment.body[:moof_bytes], self._fragments + 1, dts)
        media = memoryview(fragment.body)[moof_bytes:]
        head = fragment_box(fragment, dts, moof_bytes, zlib.crc32(media, zlib.crc32(moof)))
        try:
            self._append(head, moof, media)
            os.fdatasync(self._fd)
        except OSError as error:
            self._take_back(before)
            raise explain(self.path, error) from error
        self._fragments += 1
        self.frames += fragment.frames
        self.ticks = dts + fragment.duration
        self.end = fragment.end

    def close(self) -> bytes:
        """End the segment regularly: SHA-256 of the whole file. File and folder are synced when this returns."""
        end = self.end
        ending = Ending(self._fragments, self.frames, self.ticks, end.mono_ns, end.at_ns, self._hash.digest())
        try:
            self._append(end_box(ending))
            os.fsync(self._fd)
            sync_folder(self.path.parent)
        except OSError as error:
            raise explain(self.path, error) from error
        finally:
            self.abandon()
        return self._hash.digest()

    def abandon(self) -> None:
        """Close the file as it is. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, *parts: bytes | bytearray | memoryview) -> None:
        size = sum(len(part) for part in parts)
        written = os.writev(self._fd, parts)
        if written < size:  # a disk that fills up takes the first part, and refuses the rest with its reason
            rest = memoryview(b"".join(parts))[written:]
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        for part in parts:
            self._hash.update(part)
        self.bytes += size

    def _take_back(self, size: int) -> None:
        """Cut off a fragment that was written in part. Where even that fails its CRC tells."""
        try:
            os.ftruncate(self._fd, size)
        except OSError:
            return


def end_segment(path: Path, found: Found) -> tuple[int, bytes]:
    """Give a segment a regular end, cutting off what is not whole: (bytes, SHA-256) of the file. All is synced.

    `found` has at least one piece. FootageError when the disk refuses.
    """
    last = found.pieces[-1]
    frames = sum(piece.frames for piece in found.pieces)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, found.end)
            digest = _digest(fd, found.end)
            ticks = last.dts + last.duration
            ending = Ending(len(found.pieces), frames, ticks, last.end.mono_ns, last.end.at_ns, digest.digest())
            os.pwrite(fd, end_box(ending), found.end)
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_folder(path.parent)
    except OSError as error:
        raise explain(path, error) from error
    digest.update(end_box(ending))
    return found.end + len(end_box(ending)), digest.digest()


def _digest(fd: int, size: int) -> hashlib._Hash:
    digest, at = hashlib.sha256(), 0
    while at < size:
        chunk = os.pread(fd, min(1 << 20, size - at), at)
        if not chunk:
            raise FootageError(f"a segment shrank to {at} bytes while it was read", "corrupt")
        digest.update(chunk)
        at += len(chunk)
    return digest
