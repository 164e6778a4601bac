"""Packets of one connection -> fragments of MP4, each of which can be played once it is on disk.

FFmpeg's muxer does the work, in memory: a fragment ends before each keyframe, so that segments and clips can begin
there, and after a second at most (cameras send up to 10 s from keyframe to keyframe).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from agent.core.chain import Stamp
from agent.footage.layout import Fragment
from agent.recorder.timeline import TICKS_PER_S, Timeline, backfill

FRAGMENT_MS = 1000
HELD_MAX = 16  # packets looked at for the first decoding time: as deep as H.264 reorders
KEYFRAMES_ONLY = ("mjpeg",)  # every picture is one: a fragment of each would be a sync of the disk for each
OPTIONS = {
    "movflags": "empty_moov+default_base_moof+skip_trailer",
    "frag_duration": str(FRAGMENT_MS * 1000),
    "flush_packets": "1",
    "video_track_timescale": str(TICKS_PER_S),
}
BUFFER_BYTES = 256 * 1024


class _Sink:
    """File object the muxer writes into."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, chunk: bytes) -> int:
        self._chunks.append(bytes(chunk))
        return len(chunk)

    def take(self) -> bytes:
        """All that was written since the last take."""
        if not self._chunks:
            return b""
        taken = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        return taken


@dataclass
class _Growing:
    """The fragment whose packets are in the muxer."""

    key: bool
    dts: int
    born_ns: int  # monotonic time of dts 0, as the packet that came with least delay says
    frames: int = 0
    end: int = 0


class Fragmenter:
    """One connection's muxer. `template` is the camera's stream; `run` numbers the connection.

    Raises av.FFmpegError from any method when the codec does not fit into MP4 or a packet cannot be muxed.
    """

    def __init__(self, template: Any, run: int, stamp: Callable[[], Stamp]) -> None:
        self._run = run
        self._stamp = stamp
        self._sink = _Sink()
        options = dict(OPTIONS)
        if template.codec_context.name not in KEYFRAMES_ONLY:
            options["movflags"] += "+frag_keyframe"
        self._muxer = av.open(self._sink, "w", format="mp4", options=options, buffer_size=BUFFER_BYTES)
        try:
            self._stream = self._muxer.add_stream_from_template(template, opaque=True)
            self._stream.time_base = Fraction(1, TICKS_PER_S)
            if template.codec_context.name == "hevc":
                self._stream.codec_tag = "hvc1"  # by FFmpeg's own choice, hev1, Apple's players show nothing
            self._muxer.start_encoding()
        except (av.FFmpegError, ValueError):
            self._muxer.close()
            raise
        self._time_base = self._stream.time_base  # asked of PyAV, it is made anew each time
        self.init = self._sink.take()
        self._timeline: Timeline | None = None
        self._held: list[tuple[Any, int]] | None = []
        self._growing: _Growing | None = None
        self._count = 0

    @property
    def due_ns(self) -> int:
        """Monotonic time from which on a packet may complete a fragment."""
        growing = self._growing
        if growing is None:
            return 0
        return growing.born_ns + growing.dts * 1_000_000_000 // TICKS_PER_S + (FRAGMENT_MS - 20) * 1_000_000

    def add(self, packet: Any, mono_ns: int) -> list[Fragment]:
        """Take a packet that arrived at `mono_ns`; the fragments it completes (mostly none, sometimes one).

        Nothing is taken before the first keyframe.
        """
        if self._held is None:
            return self._mux(packet, packet.pts, packet.dts, mono_ns)
        if not self._held and not packet.is_keyframe:
            return []
        self._held.append((packet, mono_ns))
        return self._release() if packet.dts is not None or len(self._held) >= HELD_MAX else []

    def finish(self) -> list[Fragment]:
        """The end of the connection: what is left becomes the last fragment."""
        fragments = self._release() if self._held else []
        self._muxer.close()
        return fragments + self._completed()

    def _release(self) -> list[Fragment]:
        held, self._held = self._held or [], None
        self._timeline = Timeline(held[0][0].time_base)
        stamps = backfill([(packet.pts, packet.dts) for packet, _ in held])
        fragments: list[Fragment] = []
        for (packet, mono_ns), (pts, dts) in zip(held, stamps, strict=True):
            fragments += self._mux(packet, pts, dts, mono_ns)
        return fragments

    def _mux(self, packet: Any, pts: int | None, dts: int | None, mono_ns: int) -> list[Fragment]:
        timeline = self._timeline
        assert timeline is not None
        packet.pts, packet.dts = pts, dts = timeline.place(pts, dts, mono_ns)
        packet.time_base, packet.duration = self._time_base, timeline.step
        packet.stream = self._stream
        key = packet.is_keyframe
        self._muxer.mux_one(packet)
        completed = self._completed(dts)
        born_ns = mono_ns - dts * 1_000_000_000 // TICKS_PER_S
        growing = self._growing
        if growing is None:
            growing = self._growing = _Growing(key, dts, born_ns)
        growing.frames += 1
        growing.end = dts + timeline.step
        growing.born_ns = min(growing.born_ns, born_ns)
        return completed

    def _completed(self, next_dts: int | None = None) -> list[Fragment]:
        """The fragment the muxer has just written out, if any: it writes one when it sees the first packet after it."""
        body = self._sink.take()
        growing, self._growing = self._growing, self._growing if not body else None
        if not body or growing is None:
            return []
        end = growing.end if next_dts is None else next_dts
        start_ns = growing.born_ns + growing.dts * 1_000_000_000 // TICKS_PER_S
        now = self._stamp()
        start = now._replace(mono_ns=start_ns, at_ns=now.at_ns - (now.mono_ns - start_ns))
        self._count += 1
        about = (growing.dts, end - growing.dts, growing.frames, growing.key, start)
        return [Fragment(self._run, self._count, self.init, body, *about)]
