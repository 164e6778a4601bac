"""The test card as H.264: libx264 tuned to cost little and to hold nothing back (no B-frames, no look-ahead)."""

from __future__ import annotations

import io
import time
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from hw.cameras.card import CardCode, CardPainter
from hw.cameras.viewfinder import Viewfinder
from hw.ports import HardwareError

TUNING = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26"}


class CardEncoder:
    """Frames of a test card, encoded into a stream of `output`. `gop` is the distance of keyframes in frames.

    HardwareError when this build of FFmpeg has no libx264.
    """

    def __init__(self, output: Any, width: int, height: int, fps: int, label: str = "", gop: int | None = None) -> None:
        self._painter = CardPainter(width, height, label)
        try:
            stream = output.add_stream("libx264", rate=fps, options=dict(TUNING))
        except (ValueError, av.FFmpegError) as error:
            raise HardwareError("test card: this FFmpeg cannot encode H.264 (libx264 is missing)") from error
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = gop or fps
        stream.codec_context.time_base = Fraction(1, fps)
        self._time_base = Fraction(1, fps)
        self.stream = stream

    def encode(self, number: int, *, key: bool = False, seen: Viewfinder | None = None) -> list[Any]:
        """Packets of frame `number` (its pts in frames); `key` forces a keyframe; `seen` may look at the frame."""
        frame = self._painter.frame(CardCode(number, time.time_ns()))
        if seen is not None:
            seen.offer(frame, time.monotonic_ns())
        frame.pts, frame.time_base = number, self._time_base
        if key:
            frame.pict_type = PictureType.I
        return list(self.stream.encode(frame))


def copyable(width: int, height: int, fps: int, gop: int | None = None) -> tuple[Any, Any]:
    """(container, its video stream) that packets of such an encoder can be muxed with; keep the container open.

    An encoder's own stream will not do: PyAV before 17 opens a second encoder for a stream that is made after it,
    and writes that one's headers.
    """
    sample = io.BytesIO()
    with av.open(sample, "w", format="mpegts") as output:
        encoder = CardEncoder(output, width, height, fps, gop=gop)
        for packet in [*encoder.encode(0), *encoder.stream.encode(None)]:
            output.mux_one(packet)
    sample.seek(0)
    container = av.open(sample, format="mpegts")
    return container, container.streams.video[0]
