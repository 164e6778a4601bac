"""After a crash, a power cut, or the loss of the index: files are looked at, ended, and indexed again.

The names of the files carry the sequence, so the newest is known without opening any. Only the tail is salvaged
before recording starts; files that have no row are indexed later, a few at a time, while recording goes on. A camera
may have a hundred thousand files: no more than a day's are held in memory at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.core.chain import Stamp
from agent.footage.digest import file_digest
from agent.footage.errors import FootageError, explain
from agent.footage.index import MediaIndex, Segment
from agent.footage.layout import END_BYTES, TICKS_PER_S
from agent.footage.reading import Found, piece_holds, read_ends, read_segment
from agent.footage.segment import end_segment

_NAME = re.compile(r"^(\d{8,})-[0-9TZ]+\.mp4$")
BATCH = 50


@dataclass(frozen=True)
class Salvaged:
    """What became of a segment that was open: how much of it can be played, how much was cut off."""

    seq: int
    kept_ms: int
    cut_bytes: int
    end: Stamp | None


def days_of(footage: Path, camera: str) -> Iterator[tuple[Path, dict[int, str]]]:
    """Folder by folder, seq -> name of the segments of a camera that are in it. OSError if one cannot be read."""
    folder = footage / camera
    for day in sorted(folder.iterdir()) if folder.is_dir() else []:
        if day.is_dir():
            with os.scandir(day) as entries:
                names = {int(match[1]): match[0] for entry in entries if (match := _NAME.match(entry.name))}
            yield day, names


def newest(footage: Path, camera: str, below: int) -> tuple[int, Path] | None:
    """The segment with the highest number under `below`, and its number; None if there is no file."""
    tops = ((top, day / names[top]) for day, names in days_of(footage, camera) if (top := _top(names, below)))
    return max(tops, default=None)


def _top(names: dict[int, str], below: int) -> int:
    return max((seq for seq in names if seq < below), default=0)


def salvage(index: MediaIndex, footage: Path, camera: str, below: int) -> tuple[list[Salvaged], list[str]]:
    """End whatever was being written when the recorder died: what was salvaged, and what could not be, in words.

    That is every segment with an open row, and the newest file if it has no row; of sequence numbers under `below`
    only, as the recorder itself is writing from there on. FootageError when the disk or the index refuse.
    """
    last = newest(footage, camera, below)
    open_rows = {row.seq: row for row in index.segments(camera, state="open") if row.seq < below}
    suspects = {**{seq: footage / row.path for seq, row in open_rows.items()}, **dict([last] if last else [])}
    done: list[Salvaged] = []
    problems: list[str] = []
    for seq, path in sorted(suspects.items()):
        try:
            if seq in open_rows or index.segment(camera, seq) is None:
                done.append(_salvage_one(index, footage, camera, seq, path))
        except FootageError as error:
            if error.reason != "corrupt":
                raise
            problems.append(str(error))
    return done, problems


def _salvage_one(index: MediaIndex, footage: Path, camera: str, seq: int, path: Path) -> Salvaged:
    if not path.exists():
        index.drop(camera, seq)
        return Salvaged(seq, 0, 0, None)
    try:
        found = read_segment(path, check=True)
    except FootageError as error:
        if error.reason == "corrupt":
            _set_aside(index, camera, seq, path)
        raise
    if not found.pieces:
        size = found.size
        _set_aside(index, camera, seq, path)
        return Salvaged(seq, 0, size, None)
    if found.ending is not None and found.size == found.end + END_BYTES:
        index.finish(_row(found, path, footage, "closed")._replace(sha256=_hash_of(path)))
        return Salvaged(seq, _length_ms(found), 0, found.pieces[-1].end)
    size, digest = end_segment(path, found)
    row = _row(found, path, footage, "salvaged")._replace(bytes=size, sha256=digest)
    index.finish(row)
    return Salvaged(seq, _length_ms(found), found.size - found.end, found.pieces[-1].end)


def _hash_of(path: Path) -> bytes | None:
    """SHA-256 of a segment that was ended; None where its own end says another: the scrub tells."""
    try:
        digest, own, _ = file_digest(path)
    except OSError as error:
        raise explain(path, error) from error
    return digest if own else None


def _set_aside(index: MediaIndex, camera: str, seq: int, path: Path) -> None:
    """Nothing in the file can be played: it stays for whoever wants to look, under a name that is no segment's."""
    try:
        path.rename(path.with_name(path.name + ".broken"))
    except OSError as error:
        raise FootageError(f"{path}: {error.strerror}") from error
    index.drop(camera, seq)


def sound_ns(path: Path) -> int:
    """How much of a segment holds by its own check sums, wherever in it. FootageError if it cannot be read at all."""
    found = read_segment(path)
    try:
        with path.open("rb", buffering=0) as file:
            pieces = [piece for piece in found.pieces if piece_holds(file.fileno(), piece)]
    except OSError as error:
        raise explain(path, error) from error
    return sum(piece.end.mono_ns - piece.start.mono_ns for piece in pieces)


def _length_ms(found: Found) -> int:
    last = found.pieces[-1]
    return (last.dts + last.duration) * 1000 // TICKS_PER_S


def _row(found: Found, path: Path, footage: Path, state: str) -> Segment:
    """The index row of a file from what it says of itself; the hash of a whole file is not known without reading it."""
    first, last, ending = found.pieces[0], found.pieces[-1], found.ending
    end = (ending.mono_ns, ending.at_ns) if ending else (last.end.mono_ns, last.end.at_ns)
    frames = ending.frames if ending else sum(piece.frames for piece in found.pieces)
    where = str(path.relative_to(footage))
    start = first.start
    began = (start.clock, start.mono_ns, start.at_ns)
    return Segment(found.camera, found.seq, where, state, found.boot, *began, *end, frames, found.size)


def missing(index: MediaIndex, footage: Path, camera: str, below: int) -> Iterator[list[str]]:
    """Index every file of a camera that has no row, a batch at each step; yields what could not be, in words.

    Only sequence numbers under `below`: the recorder itself is writing from there on. A file that lost its regular
    end gets one.
    """
    for day, names in days_of(footage, camera):
        wanted = sorted(seq for seq in names if seq < below)
        known = index.sequences(camera, wanted[0], wanted[-1]) if wanted else set()
        unknown = [(seq, day / names[seq]) for seq in wanted if seq not in known]
        for start in range(0, len(unknown) or 1, BATCH):
            yield _adopt_all(index, footage, camera, unknown[start : start + BATCH])


def _adopt_all(index: MediaIndex, footage: Path, camera: str, files: list[tuple[int, Path]]) -> list[str]:
    problems: list[str] = []
    rows: list[Segment] = []
    for seq, path in files:
        try:
            rows += _adopt(index, footage, camera, seq, path)
        except FootageError as error:
            problems.append(str(error))
    if rows:
        index.add(rows)
    return problems


def _adopt(index: MediaIndex, footage: Path, camera: str, seq: int, path: Path) -> list[Segment]:
    found = read_ends(path)
    if found.camera != camera or found.seq != seq:
        raise FootageError(f"{path}: says it is segment {found.seq} of {found.camera}", "corrupt")
    if found.ending is None:
        _salvage_one(index, footage, camera, seq, path)
        return []
    return [_row(found, path, footage, "closed")]
