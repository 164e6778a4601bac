"""The samples of a plain MP4 with one track, read from its tables. As much as is needed to compare a clip; the file
may be anything: sizes and counts are believed only as far as there are bytes for them."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from agent.footage.boxes import BoxError, content, walk

HEAD_BYTES_MAX = 64 * 1024 * 1024
SAMPLES_MAX = 4_000_000  # a day and a half at 30 pictures a second

Read = Callable[[int, int], bytes]  # (where, how many bytes): those bytes, fewer at the end of the file


class Placed(NamedTuple):
    """One picture: where its bytes lie, how long it stands (ticks), its offset, whether decoding can start there."""

    at: int
    size: int
    duration: int
    offset: int
    sync: bool


def movie_samples(read: Read, size: int) -> tuple[Iterator[Placed], bytes]:
    """(samples in decoding order, picture formats one after another) of the movie. BoxError for what is no such file,
    at once or from the samples."""
    moov = _moov(read, size)
    stbl = (b"trak", b"mdia", b"minf", b"stbl")
    there = {name for name, _, _ in walk(content(moov, *stbl))}
    wanted = [b"stsd", b"stts", b"stsc", b"stsz", b"co64", *({b"stss", b"ctts"} & there)]
    tables = {name: content(moov, *stbl, name) for name in wanted}
    return _samples(tables), tables[b"stsd"][8:]


def _samples(tables: dict[bytes, bytes]) -> Iterator[Placed]:
    count = _count(tables[b"stsz"])
    durations = _spread(tables[b"stts"], ">II", count)
    offsets = _spread(tables[b"ctts"], ">Ii", count) if b"ctts" in tables else itertools.repeat(0, count)
    keys = {row[0] for row in _rows(tables[b"stss"], ">I")} if b"stss" in tables else None
    places = _places(tables[b"co64"], tables[b"stsc"], tables[b"stsz"])
    for number in range(1, count + 1):
        try:
            (at, size), duration, offset = next(places), next(durations), next(offsets)
        except StopIteration:
            raise BoxError("tables for different numbers of samples") from None
        yield Placed(at, size, duration, offset, keys is None or number in keys)


def _moov(read: Read, size: int) -> bytes:
    """The content of the box moov, which is one of the first."""
    at = 0
    for _ in range(16):
        head = read(at, 16)
        if len(head) < 16:
            break
        length, name = struct.unpack(">I4s", head[:8])
        length = struct.unpack(">Q", head[8:])[0] if length == 1 else length
        if length < 16 or at + length > size:
            break
        if name == b"moov":
            if length > HEAD_BYTES_MAX:
                raise BoxError("tables of more than 64 MiB")
            return read(at + 8, length - 8)
        at += length
    raise BoxError("no moov where one should be")


def _rows(table: bytes, form: str) -> Iterator[tuple[int, ...]]:
    entry = struct.Struct(form)
    (count,) = struct.unpack_from(">I", table, 4) if len(table) >= 8 else (1 << 32,)
    if 8 + entry.size * count != len(table):
        raise BoxError("a table is cut short")
    return entry.iter_unpack(table[8:])


def _count(stsz: bytes) -> int:
    """How many samples there are; each has a size of its own."""
    if len(stsz) < 12:
        raise BoxError("a table is cut short")
    each, count = struct.unpack_from(">II", stsz, 4)
    if each or len(stsz) != 12 + 4 * count or count > SAMPLES_MAX:
        raise BoxError("sizes of samples that are none of ours")
    return int(count)


def _spread(table: bytes, form: str, count: int) -> Iterator[int]:
    """Runs of (how often, value), value by value; never more than there are samples."""
    runs = (itertools.repeat(value, min(often, count)) for often, value in _rows(table, form))
    return itertools.islice(itertools.chain.from_iterable(runs), count)


def _places(co64: bytes, stsc: bytes, stsz: bytes) -> Iterator[tuple[int, int]]:
    """Where each sample begins, and its size: chunk by chunk, one sample after another in each."""
    sizes = (row[0] for row in struct.iter_unpack(">I", stsz[12:]))
    per_chunk = {row[0]: row[1] for row in _rows(stsc, ">III")}
    each = 0
    for number, (at,) in enumerate(_rows(co64, ">Q"), 1):
        each = per_chunk.get(number, each)
        for size in itertools.islice(sizes, each):
            yield at, size
            at += size
