"""Reading segments: what is in a file, by what it says of itself (layout.py)."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.footage import boxes
from agent.footage.boxes import BoxError
from agent.footage.errors import FootageError, explain
from agent.footage.layout import END_BYTES, FRAGMENT_HEAD, SEGMENT, Ending, Piece, ending_of, piece_at

HEAD_BYTES_MAX = 1 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Found:
    """What a segment file says of itself.

    `end` is where its last whole fragment ends; `ending` its regular end, if it has one right there.
    """

    camera: str
    seq: int
    boot: str
    init: bytes
    pieces: list[Piece]
    end: int
    size: int
    ending: Ending | None


def read_segment(path: Path, *, check: bool = False) -> Found:
    """A segment up to its last whole fragment. `check` reads all of it and believes no fragment whose CRC is wrong.

    FootageError when it cannot be read, or does not begin like a segment of ours.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return _read(file.fileno(), path, check)
    except OSError as error:
        raise explain(path, error) from error


def _read(fd: int, path: Path, check: bool) -> Found:
    size = os.fstat(fd).st_size
    init, about, at = _read_head(fd, path, size)
    pieces: list[Piece] = []
    for piece in _pieces(fd, at, size, str(about["boot"])):
        if check and not piece_holds(fd, piece):
            break
        pieces.append(piece)
        at = piece.at + piece.body_bytes
    ending = ending_of(os.pread(fd, END_BYTES + 1, at))
    return Found(about["camera"], about["seq"], about["boot"], init, pieces, at, size, ending)


def read_ends(path: Path) -> Found:
    """As read_segment, but of a regularly ended segment only its first fragment is looked at: two reads a file."""
    try:
        with path.open("rb", buffering=0) as file:
            fd, size = file.fileno(), os.fstat(file.fileno()).st_size
            ending = ending_of(os.pread(fd, END_BYTES, max(0, size - END_BYTES)))
            if ending is None:
                return _read(fd, path, check=False)
            init, about, at = _read_head(fd, path, size)
            first = next(_pieces(fd, at, size, str(about["boot"])), None)
            if first is None:
                raise FootageError(f"{path}: its first fragment is damaged", "corrupt")
            end = size - END_BYTES
            return Found(about["camera"], about["seq"], about["boot"], init, [first], end, size, ending)
    except OSError as error:
        raise explain(path, error) from error


def _read_head(fd: int, path: Path, size: int) -> tuple[bytes, dict[str, Any], int]:
    """(ftyp and moov, what the segment box says, where the first fragment begins)."""
    head = os.pread(fd, min(size, 4096), 0)
    try:
        at = 0
        while True:
            until = at + int.from_bytes(head[at : at + 4], "big")
            if until > len(head) >= 4096 and until <= min(size, HEAD_BYTES_MAX):
                head = os.pread(fd, until + 4096, 0)
            name, start, end = next(boxes.walk(head, at, min(len(head), max(at + 8, until))))
            if name == b"uuid" and head[start : start + 16] == SEGMENT:
                return head[:at], _about(head[start + 16 : end]), end
            at = end
    except (BoxError, StopIteration, ValueError) as error:
        raise FootageError(
            f"{path}: not a segment of ours, or its beginning is damaged ({error})", "corrupt"
        ) from error


def _about(text: bytes) -> dict[str, Any]:
    about = json.loads(text)
    if not isinstance(about, dict) or [type(about.get(key)) for key in ("camera", "seq", "boot")] != [str, int, str]:
        raise BoxError("a segment box without camera, seq or boot")
    return about


def _pieces(fd: int, at: int, size: int, boot: str) -> Iterator[Piece]:
    """Fragments one after another, as far as their boxes make sense and their bytes are there."""
    while True:
        piece = piece_at(os.pread(fd, FRAGMENT_HEAD, at), at, boot)
        if piece is None or piece.at + piece.body_bytes > size:
            return
        yield piece
        at = piece.at + piece.body_bytes


def piece_holds(fd: int, piece: Piece) -> bool:
    """True if the bytes of a fragment are those that were written."""
    crc, at, end = 0, piece.at, piece.at + piece.body_bytes
    while at < end:
        chunk = os.pread(fd, min(_CHUNK, end - at), at)
        if not chunk:
            return False
        crc = zlib.crc32(chunk, crc)
        at += len(chunk)
    return crc == piece.crc
