"""MP4 boxes: as much of ISO 14496-12 as segments and clips need. Bytes in, bytes out.

A box is a 4-byte big-endian size (its own eight bytes included), a 4-byte name, and its content. BoxError is raised
for bytes that are no such thing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_U32 = struct.Struct(">I")
_HEAD = struct.Struct(">I4s")
RUN_MAX = 100_000  # pictures in a fragment: a file that claims more is none of ours


class BoxError(ValueError):
    """Not the boxes that should be here."""


class Sample(NamedTuple):
    """One picture: bytes, duration and composition offset in ticks, and whether decoding can start here."""

    size: int
    duration: int
    offset: int
    sync: bool


def box(name: bytes, *content: bytes) -> bytes:
    """A box around its content."""
    body = b"".join(content)
    return _HEAD.pack(8 + len(body), name) + body


def full(name: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A box with version and flags."""
    return box(name, _U32.pack(version << 24 | flags), *content)


def walk(
    data: bytes | bytearray | memoryview, start: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of each box of a region; start and end embrace its content only."""
    at, stop = start, len(data) if end is None else end
    while at < stop:
        if stop - at < 8:
            raise BoxError(f"{stop - at} bytes where a box should be")
        size, name = _HEAD.unpack_from(data, at)
        if size < 8 or at + size > stop:
            raise BoxError(f"box {name!r} of {size} bytes where {stop - at} are left")
        yield name, at + 8, at + size
        at += size


def find(data: bytes | bytearray | memoryview, *path: bytes) -> tuple[int, int]:
    """Where the content of the box at this path (moov, trak, ...) begins and ends. BoxError if there is none."""
    start, end = 0, len(data)
    for name in path:
        found = next(((a, b) for n, a, b in walk(data, start, end) if n == name), None)
        if found is None:
            raise BoxError(f"no box {name!r}")
        start, end = found
    return start, end


def content(data: bytes, *path: bytes) -> bytes:
    """The content of the box at this path."""
    start, end = find(data, *path)
    return data[start:end]


def place_moof(moof: bytes | bytearray, sequence: int, dts: int) -> bytearray:
    """A moof of a single track with its sequence number and decoding time replaced. BoxError if it is not ours."""
    placed = bytearray(moof)
    start, _ = find(placed, b"moof", b"mfhd")
    _U32.pack_into(placed, start + 4, sequence)
    start, end = find(placed, b"moof", b"traf", b"tfdt")
    if placed[start] != 1 or end - start != 12:
        raise BoxError("tfdt is not version 1")
    struct.pack_into(">Q", placed, start + 4, dts)
    return placed


def samples(moof: bytes) -> list[Sample]:
    """The samples of a moof of a single track, in decoding order. Their bytes lie one after another in the mdat."""
    start, end = find(moof, b"moof", b"traf", b"tfhd")
    duration, size, flags = _track_defaults(moof[start:end])
    traf_start, traf_end = find(moof, b"moof", b"traf")
    found: list[Sample] = []
    for name, at, until in walk(moof, traf_start, traf_end):
        if name == b"trun":
            found += _run(moof[at:until], duration, size, flags)
    return found


def _track_defaults(tfhd: bytes) -> tuple[int, int, int]:
    """(duration, size, flags) that a sample has unless it says otherwise."""
    present = _U32.unpack_from(tfhd)[0] & 0xFFFFFF
    at = 8 + 8 * bool(present & 0x1) + 4 * bool(present & 0x2)
    values = []
    for bit in (0x8, 0x10, 0x20):
        values.append(_U32.unpack_from(tfhd, at)[0] if present & bit else 0)
        at += 4 * bool(present & bit)
    return values[0], values[1], values[2]


def _run(trun: bytes, duration: int, size: int, flags: int) -> list[Sample]:
    present, count = struct.unpack_from(">II", trun)
    at = 8 + 4 * bool(present & 0x1)
    first = _U32.unpack_from(trun, at)[0] if present & 0x4 else None
    at += 4 * (first is not None)
    bits = [bit for bit in (0x100, 0x200, 0x400, 0x800) if present & bit]
    entry = struct.Struct(f">{len(bits)}I")
    if count > RUN_MAX or at + entry.size * count > len(trun):
        raise BoxError("trun is cut short, or for more pictures than a fragment has")
    found = []
    for index, values in enumerate(entry.iter_unpack(trun[at : at + entry.size * count]) if bits else [()] * count):
        own = dict(zip(bits, values, strict=True))
        mark = own.get(0x400, first if index == 0 and first is not None else flags)
        offset = own.get(0x800, 0)
        signed = offset - (1 << 32) if offset >= 1 << 31 else offset
        found.append(Sample(own.get(0x200, size), own.get(0x100, duration), signed, not mark & 0x10000))
    return found
