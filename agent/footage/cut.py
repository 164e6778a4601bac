"""Cutting a clip: the pictures of a window of time, and no others, copied out of segments into one MP4.

It begins at the keyframe at or before the window's start, for without it nothing can be decoded, and ends with the
last picture before the window's end. Bytes are copied, nothing is decoded; a fragment whose CRC is wrong is left out,
and so is what depends on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.chain import Stamp
from agent.core.clips import CONTIGUOUS_NS, Window, covered_ns, overlap_ns, since_ns
from agent.footage import boxes, movie
from agent.footage.boxes import BoxError, Sample
from agent.footage.errors import FootageError, explain
from agent.footage.layout import TICKS_PER_S, Piece, later
from agent.footage.reading import Found, read_segment
from agent.journal.files import sync_folder

CLIP = uuid.uuid5(uuid.NAMESPACE_URL, "standpipe:clip").bytes
MODE = 0o640


@dataclass(frozen=True)
class Cut:
    """A finished clip. `covered_ns` is how much of the window is in it; `damaged` names segments that are not whole."""

    path: Path
    size_bytes: int
    sha256: bytes
    start: Stamp
    end: Stamp
    covered_ns: int
    damaged: list[str]


@dataclass(frozen=True)
class _Part:
    """Samples to copy: where their bytes lie, and when they were taken."""

    path: Path
    at: int
    init: bytes
    samples: list[Sample]
    start: Stamp
    end: Stamp


class NoFootage(FootageError):  # noqa: N818 - a state of the world more than an error
    """There is none in the window."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "no footage")


def cut(window: Window, segments: Sequence[Path], target: Path, about: dict[str, str]) -> Cut:
    """Write the clip: temporary file, fsync, rename, fsync of the folder. `about` goes into the file as JSON.

    NoFootage if no segment holds any of the window; FootageError when the disk refuses.
    """
    parts: list[_Part] = []
    damaged: list[str] = []
    for path in segments:
        try:
            parts += _parts(window, path, damaged)
        except (FootageError, BoxError) as error:
            damaged.append(f"{path.name}: {error}")
    if not parts:
        raise NoFootage("no footage of that time" + (f" ({damaged[0]})" if damaged else ""))
    size, digest = _write(parts, target, about)
    covered = covered_ns(window, parts)
    return Cut(target, size, digest, parts[0].start, parts[-1].end, covered, damaged)


# --- choosing ---


def _parts(window: Window, path: Path, damaged: list[str]) -> list[_Part]:
    """What of one segment goes into the clip."""
    found = read_segment(path)
    wanted = [i for i, piece in enumerate(found.pieces) if overlap_ns(window, piece) > 0]
    if not wanted:
        return []
    first = max(i for i, piece in enumerate(found.pieces) if piece.key and i <= wanted[0])
    parts: list[_Part] = []
    need_key = True
    with path.open("rb", buffering=0) as file:
        for piece in found.pieces[first : wanted[-1] + 1]:
            if need_key and not piece.key:
                continue
            moof = _sound_moof(file.fileno(), piece)
            need_key = moof is None
            if moof is None:
                damaged.append(f"{path.name}: damaged at byte {piece.at}")
            else:
                parts.append(_part(path, found, piece, boxes.samples(moof)))
    return _trimmed(window, parts)


def _sound_moof(fd: int, piece: Piece) -> bytes | None:
    """The moof of a fragment whose CRC holds, else None."""
    body = os.pread(fd, piece.body_bytes, piece.at)
    return body[: piece.moof_bytes] if zlib.crc32(body) == piece.crc else None


def _part(path: Path, found: Found, piece: Piece, samples: list[Sample]) -> _Part:
    return _Part(path, piece.at + piece.moof_bytes + 8, found.init, samples, piece.start, piece.end)


def _trimmed(window: Window, parts: list[_Part]) -> list[_Part]:
    """Parts without the pictures after the window's end, and without those before the last keyframe it can start at."""
    kept = [_until(part, since_ns(window.end, part.start)) for part in parts]
    kept = [part for part in kept if part.samples]
    if not kept:
        return []
    return [_from_keyframe(kept[0], since_ns(window.start, kept[0].start)), *kept[1:]]


def _until(part: _Part, end_ns: int) -> _Part:
    at, count = 0, 0
    for sample in part.samples:
        if at * 1_000_000_000 // TICKS_PER_S >= end_ns:
            break
        at += sample.duration
        count += 1
    return replace(part, samples=part.samples[:count], end=later(part.start, at))


def _from_keyframe(part: _Part, start_ns: int) -> _Part:
    at = skip = skip_at = 0
    for index, sample in enumerate(part.samples):
        if at * 1_000_000_000 // TICKS_PER_S > start_ns:
            break
        if sample.sync:
            skip, skip_at = index, at
        at += sample.duration
    gone = sum(sample.size for sample in part.samples[:skip])
    return replace(part, samples=part.samples[skip:], at=part.at + gone, start=later(part.start, skip_at))


# --- writing ---


def _write(parts: list[_Part], target: Path, about: dict[str, str]) -> tuple[int, bytes]:
    part_file = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    size = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(part_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        try:
            for data in _bytes_of(parts, about):
                digest.update(data)
                size += len(data)
                _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        part_file.rename(target)
        sync_folder(target.parent)
    except (OSError, FootageError) as error:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            part_file.unlink()
        if isinstance(error, OSError):
            raise explain(target, error) from error
        raise
    return size, digest.digest()


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _bytes_of(parts: list[_Part], about: dict[str, str]) -> Iterator[bytes]:
    formats = list(dict.fromkeys(movie.sample_entries(part.init) for part in parts))
    chunks = [
        movie.Chunk(samples, formats.index(movie.sample_entries(part.init)))
        for part, samples in zip(parts, _stretched(parts), strict=True)
    ]
    yield movie.head(parts[0].init, formats, chunks, boxes.box(b"uuid", CLIP, json.dumps(about).encode()))
    for part, chunk in zip(parts, chunks, strict=True):
        with part.path.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), chunk.size, part.at)
        if len(data) != chunk.size:
            raise FootageError(f"{part.path}: shrank while it was read", "corrupt")
        yield data


def _stretched(parts: list[_Part]) -> Iterator[list[Sample]]:
    """Each part's samples; before a hole the last one stands until the next part begins."""
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        samples = part.samples
        hole_ns = since_ns(following.start, part.end) if following is not None else 0
        if hole_ns > CONTIGUOUS_NS:
            last = samples[-1]
            samples = [*samples[:-1], last._replace(duration=last.duration + hole_ns * TICKS_PER_S // 1_000_000_000)]
        yield samples
