"""A segment: one file of footage, whole after every fragment, and telling by itself what it is.

    ftyp moov                            of the connection, as FFmpeg's muxer wrote them
    uuid "segment"                       JSON: camera, seq, boot
    { uuid "fragment" moof mdat } ...    what follows it, when it was taken, and its CRC-32
    uuid "end"                           how much there is, and the SHA-256 of all bytes before; at a regular end

Players skip the uuid boxes. The file is only ever appended to: its SHA-256 grows with it, and a torn tail is cut
off at the end of the last fragment whose CRC holds. Decoding times are ticks of 1/90000 s from 0 in each file.
"""

from __future__ import annotations

import json
import struct
import uuid
from typing import NamedTuple

from agent.core.chain import Stamp
from agent.footage import boxes

TICKS_PER_S = 90_000
VERSION = 1
_CLOCKS = ("unset", "rtc", "synced")
SEGMENT, FRAGMENT, END = (
    uuid.uuid5(uuid.NAMESPACE_URL, f"standpipe:{name}").bytes for name in ("segment", "fragment", "end")
)
# version, starts with a keyframe, clock, -, frames, bytes of moof, bytes of moof and mdat,
# dts, duration (ticks), monotonic ns, UTC ns, CRC-32 of moof and mdat
_ABOUT_FRAGMENT = struct.Struct(">BBBxIIQQIQqI")
_ABOUT_END = struct.Struct(">IIQQq32s")  # fragments, frames, end in ticks, monotonic and UTC ns, SHA-256
_UUID_HEAD = 24
FRAGMENT_HEAD = _UUID_HEAD + _ABOUT_FRAGMENT.size
END_BYTES = _UUID_HEAD + _ABOUT_END.size


class Fragment(NamedTuple):
    """Up to a second of one connection's footage, as the muxer made it. dts and duration in ticks of 1/90000 s."""

    run: int  # which connection: fragments of one run follow each other
    number: int  # within the run, without holes
    init: bytes  # ftyp and moov of the run
    body: bytes  # moof and mdat
    dts: int
    duration: int
    frames: int
    key: bool  # begins with a keyframe
    start: Stamp  # when its first packet came

    @property
    def end(self) -> Stamp:
        return later(self.start, self.duration)


class Piece(NamedTuple):
    """A fragment as found in a file: where (`at` is its moof), what, and when."""

    at: int
    moof_bytes: int
    body_bytes: int
    dts: int
    duration: int
    frames: int
    key: bool
    start: Stamp
    crc: int

    @property
    def end(self) -> Stamp:
        return later(self.start, self.duration)


class Ending(NamedTuple):
    """The end box: how much there is, when it ends, and the SHA-256 of all bytes before it."""

    fragments: int
    frames: int
    ticks: int
    mono_ns: int
    at_ns: int
    sha256: bytes


def later(stamp: Stamp, ticks: int) -> Stamp:
    """A stamp moved by so many ticks of footage."""
    ns = ticks * 1_000_000_000 // TICKS_PER_S
    return stamp._replace(mono_ns=stamp.mono_ns + ns, at_ns=stamp.at_ns + ns)


def segment_box(camera: str, seq: int, boot: str) -> bytes:
    """The box that makes a file a segment of ours."""
    about = {"v": VERSION, "camera": camera, "seq": seq, "boot": boot}
    return boxes.box(b"uuid", SEGMENT, json.dumps(about).encode())


def fragment_box(fragment: Fragment, dts: int, moof_bytes: int, crc: int) -> bytes:
    """The box before a fragment; `dts` counts from the segment's first."""
    start = fragment.start
    sizes = (fragment.frames, moof_bytes, len(fragment.body))
    times = (dts, fragment.duration, start.mono_ns, start.at_ns)
    packed = _ABOUT_FRAGMENT.pack(VERSION, fragment.key, _CLOCKS.index(start.clock), *sizes, *times, crc)
    return boxes.box(b"uuid", FRAGMENT, packed)


def piece_at(head: bytes, at: int, boot: str) -> Piece | None:
    """The fragment whose box is `head`, found at `at` in the file; None if it is none."""
    if len(head) != FRAGMENT_HEAD or head[4:_UUID_HEAD] != b"uuid" + FRAGMENT:
        return None
    version, key, clock, frames, moof, body, dts, duration, mono_ns, at_ns, crc = _ABOUT_FRAGMENT.unpack_from(
        head, _UUID_HEAD
    )
    if version != VERSION or clock >= len(_CLOCKS) or not 8 < moof < body:
        return None
    start = Stamp(at_ns, boot, mono_ns, _CLOCKS[clock])
    return Piece(at + FRAGMENT_HEAD, moof, body, dts, duration, frames, bool(key), start, crc)


def end_box(ending: Ending) -> bytes:
    """The box that ends a segment regularly."""
    return boxes.box(b"uuid", END, _ABOUT_END.pack(*ending))


def ending_of(tail: bytes) -> Ending | None:
    """What an end box says; None if these bytes are none."""
    if len(tail) != END_BYTES or tail[4:_UUID_HEAD] != b"uuid" + END:
        return None
    return Ending(*_ABOUT_END.unpack_from(tail, _UUID_HEAD))
