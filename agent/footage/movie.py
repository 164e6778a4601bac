"""A plain MP4 around samples that are copied: all tables first, then the media, so it plays while it is sent.

Times are as in the world: a hole in the footage is a picture that stands for as long.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.footage.boxes import BoxError, Sample, box, content, full
from agent.footage.layout import TICKS_PER_S

_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True)
class Chunk:
    """Samples whose bytes lie one after another, and which of the movie's formats they are in (from 0)."""

    samples: list[Sample]
    format: int

    @property
    def size(self) -> int:
        return sum(sample.size for sample in self.samples)


def sample_entries(init: bytes) -> bytes:
    """The picture format (codec, size, decoder configuration) out of a segment's ftyp and moov. BoxError."""
    stsd = content(init, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    if int.from_bytes(stsd[4:8], "big") != 1:
        raise BoxError("more than one picture format in one connection")
    return stsd[8:]


def head(init: bytes, formats: list[bytes], chunks: list[Chunk], about: bytes) -> bytes:
    """Everything before the media: ftyp, `about` (boxes of the caller), moov, and the mdat's own head."""
    start = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41") + about
    media_bytes = sum(chunk.size for chunk in chunks)
    mdat = struct.pack(">I4sQ", 1, b"mdat", media_bytes + 16)
    without = _moov(init, formats, chunks, 0)
    return start + _moov(init, formats, chunks, len(start) + len(without) + len(mdat)) + mdat


def _moov(init: bytes, formats: list[bytes], chunks: list[Chunk], media_at: int) -> bytes:
    duration = sum(sample.duration for chunk in chunks for sample in chunk.samples)
    tkhd = content(init, b"moov", b"trak", b"tkhd")
    size = tkhd[-8:]  # width and height
    mvhd = struct.pack(">IIIIIHxx8x", 0, 0, TICKS_PER_S, duration, 0x10000, 0x100)
    mdia = (b"moov", b"trak", b"mdia")
    return box(
        b"moov",
        full(b"mvhd", 0, 0, mvhd, _MATRIX, bytes(24), struct.pack(">I", 2)),
        box(
            b"trak",
            full(b"tkhd", 0, 3, struct.pack(">IIIII8xHHHxx", 0, 0, 1, 0, duration, 0, 0, 0), _MATRIX, size),
            box(
                b"mdia",
                full(b"mdhd", 0, 0, struct.pack(">IIIIHxx", 0, 0, TICKS_PER_S, duration, 0x55C4)),
                box(b"hdlr", content(init, *mdia, b"hdlr")),
                box(
                    b"minf",
                    box(b"vmhd", content(init, *mdia, b"minf", b"vmhd")),
                    box(b"dinf", content(init, *mdia, b"minf", b"dinf")),
                    _tables(formats, chunks, media_at),
                ),
            ),
        ),
    )


def _tables(formats: list[bytes], chunks: list[Chunk], media_at: int) -> bytes:
    """stbl: what each sample is, how long it stands, and where it lies."""
    samples = [sample for chunk in chunks for sample in chunk.samples]
    numbers = [number for number, sample in enumerate(samples, 1) if sample.sync]
    places = itertools.accumulate((chunk.size for chunk in chunks[:-1]), initial=media_at)
    chunk_rows = [(n, len(chunk.samples), chunk.format + 1) for n, chunk in enumerate(chunks, 1)]
    parts = [
        full(b"stsd", 0, 0, struct.pack(">I", len(formats)), *formats),
        _table(b"stts", _runs(sample.duration for sample in samples), ">II"),
        _table(b"stsc", chunk_rows, ">III"),
        full(b"stsz", 0, 0, struct.pack(f">II{len(samples)}I", 0, len(samples), *(s.size for s in samples))),
        _table(b"co64", [(at,) for at in places], ">Q"),
    ]
    if len(numbers) < len(samples):
        parts.append(_table(b"stss", [(number,) for number in numbers], ">I"))
    if any(sample.offset for sample in samples):
        parts.append(_table(b"ctts", _runs(sample.offset for sample in samples), ">Ii", version=1))
    return box(b"stbl", *parts)


def _runs(values: Iterable[int]) -> list[tuple[int, int]]:
    """(how often, value) for each run of equal values."""
    return [(sum(1 for _ in run), value) for value, run in itertools.groupby(values)]


def _table(name: bytes, rows: Sequence[tuple[int, ...]], form: str, version: int = 0) -> bytes:
    entry = struct.Struct(form)
    return full(name, version, 0, struct.pack(">I", len(rows)), *(entry.pack(*row) for row in rows))
