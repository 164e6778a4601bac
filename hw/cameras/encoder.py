"""H.264 of frames that no camera encoded, and of the test card: libx264 that holds nothing back (no B-frames)."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from hw.cameras.card import CardCode, CardPainter
from hw.cameras.formats import Sample
from hw.cameras.viewfinder import Viewfinder
from hw.ports import HardwareError

TICKS_PER_S = 90_000
JUMP_TICKS = 10 * TICKS_PER_S
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

    def encode(
        self,
        number: int,
        *,
        key: bool = False,
        seen: Viewfinder | None = None,
        painted: Callable[[Any], Any] | None = None,
    ) -> list[Any]:
        """Packets of frame `number` (its pts in frames), as `painted` leaves it; `seen` may look at that.

        `key` forces a keyframe.
        """
        frame = self._painter.frame(CardCode(number, time.time_ns()))
        if painted is not None:
            frame = painted(frame)
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


class Stamps:
    """Times of frames in ticks of 1/90000 s that always rise: the camera's own, or as frames arrive where it has none.

    They begin with the first arrival. A camera's times that are missing, stand still, run backwards or jump further
    than JUMP_TICKS are left out, and later ones follow from there. Arrivals say little: frames are read in bursts.
    """

    def __init__(self) -> None:
        self._last = 0
        self._offset: int | None = None
        self._came_ns: int | None = None

    def place(self, own: Fraction | None, mono_ns: int) -> int:
        """The time of a frame that came at `mono_ns`; `own`: what the camera says, in seconds of its own clock."""
        due = mono_ns * TICKS_PER_S // 1_000_000_000
        if self._came_ns is not None:
            passed = (mono_ns - self._came_ns) * TICKS_PER_S // 1_000_000_000
            due = self._last + max(1, min(JUMP_TICKS, passed))
        stated = None if own is None else int(own * TICKS_PER_S)
        if stated is not None and self._offset is not None and 0 < stated + self._offset - self._last <= JUMP_TICKS:
            due = stated + self._offset
        self._last, self._came_ns = due, mono_ns
        self._offset = None if stated is None else due - stated
        return due


class Encoder:
    """Frames of any pixel format and one size -> H.264 packets in 1/90000 s. A keyframe each second.

    FFmpeg has x264 plan by the rate of frames, not by their times: when one comes does not change how it looks.
    HardwareError, without a name in front, when this build of FFmpeg has no libx264 or the size is odd.
    """

    def __init__(self, width: int, height: int, fps: int, kbit_s: int) -> None:
        self._settings = (width, height, fps, kbit_s)
        self._context = self._made()
        first = self._made()
        blank = av.VideoFrame(width, height, "yuv420p")
        blank.pts = 0
        self._sample = Sample("h264", b"".join(bytes(packet) for packet in [*first.encode(blank), *first.encode(None)]))
        self._stamps = Stamps()

    @property
    def template(self) -> Any:
        """A stream to mux the packets with."""
        return self._sample.stream

    def _made(self) -> Any:
        width, height, fps, kbit_s = self._settings
        try:
            context = av.CodecContext.create("libx264", "w")
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            context.time_base, context.framerate = Fraction(1, TICKS_PER_S), Fraction(fps)
            context.gop_size, context.bit_rate = fps, kbit_s * 1000
            context.options = {"preset": "superfast", "tune": "zerolatency", "profile": "main", "bf": "0"}
            context.open()
        except (ValueError, av.FFmpegError) as error:
            raise HardwareError(f"cannot be encoded as H.264 of {width}x{height} ({type(error).__name__})") from None
        return context

    def encode(self, frame: Any, mono_ns: int) -> list[Any]:
        """Packets of a frame that came at `mono_ns`."""
        own = None if frame.pts is None or not frame.time_base else frame.pts * frame.time_base
        wanted = frame.reformat(format="yuv420p")
        wanted.pts, wanted.time_base = self._stamps.place(own, mono_ns), Fraction(1, TICKS_PER_S)
        wanted.pict_type = PictureType.NONE  # as the camera has them each would be a keyframe
        return list(self._context.encode(wanted))

    def close(self) -> None:
        """Let go."""
        self._sample.close()
