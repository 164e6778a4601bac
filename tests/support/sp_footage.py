"""Footage made at once instead of at the pace of the clock: test cards through the real encoder and muxer."""

from __future__ import annotations

import io
from pathlib import Path

import av

from agent.core.chain import Stamp
from agent.footage.index import MediaIndex, Segment, segment_path
from agent.footage.layout import Fragment
from agent.footage.segment import SegmentWriter
from agent.recorder.fragments import Fragmenter
from hw.cameras.encoder import CardEncoder, copyable

BOOT = "11111111-2222-3333-4444-555555555555"
AT_NS = 1_795_000_000_000_000_000
NS = 1_000_000_000


def stamp(seconds: float, *, boot: str = BOOT, at_offset_s: float = 0, clock: str = "synced") -> Stamp:
    """A moment so many seconds into a boot; its UTC runs along unless `at_offset_s` shifts it."""
    return Stamp(AT_NS + int((seconds + at_offset_s) * NS), boot, int(seconds * NS), clock)


def fragments(
    frames: int,
    *,
    first: int = 0,
    fps: int = 10,
    gop: int = 10,
    start: Stamp | None = None,
    run: int = 1,
    size: tuple[int, int] = (320, 180),
) -> list[Fragment]:
    """Frames numbered from `first` that arrived at their pace from `start` on, as fragments of one connection."""
    begin = start or stamp(100)
    with av.open(io.BytesIO(), "w", format="matroska") as out:
        encoder = CardEncoder(out, *size, fps, gop=gop)
        sample, template = copyable(*size, fps, gop)
        made: list[Fragment] = []
        fragmenter = Fragmenter(template, run, lambda: begin)
        for n in range(frames):
            for packet in encoder.encode(first + n):
                made += fragmenter.add(packet, begin.mono_ns + n * NS // fps)
        made += fragmenter.finish()
        sample.close()
        return made


def write_segment(
    footage: Path,
    seq: int,
    parts: list[Fragment],
    *,
    camera: str = "yard",
    index: MediaIndex | None = None,
    close: bool = True,
) -> Path:
    """A segment file of these fragments, with its row; `close=False` leaves both as a dead recorder would."""
    where = segment_path(camera, seq, "20261118T000000Z")
    writer = SegmentWriter(footage / where, camera, seq, parts[0])
    start = writer.start
    row = Segment(camera, seq, where, "open", start.boot, start.clock, start.mono_ns, start.at_ns)
    if index is not None:
        index.begin(row)
    for part in parts:
        writer.write(part)
    if not close:
        writer.abandon()
        return writer.path
    digest = writer.close()
    if index is not None:
        end = writer.end
        row = row._replace(state="closed", end_mono_ns=end.mono_ns, end_at_ns=end.at_ns)
        index.finish(row._replace(frames=writer.frames, bytes=writer.bytes, sha256=digest))
    return writer.path
