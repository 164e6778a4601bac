"""What a stream's pictures are like, read off its own headers: a template to mux them with, and when it changes.

Headers are Annex B, as RTSP, MPEG-TS and every encoder have them. A change of size, codec or profile in the middle of a
stream is found at the keyframe that begins it, for FFmpeg tells nobody.
"""

from __future__ import annotations

import io
import re
from typing import Any, NamedTuple

import av

from hw.ports import HardwareError

HEAD_BYTES = 2048  # parameter sets stand at the beginning of a keyframe
_UNIT = re.compile(rb"\x00\x00\x01")
H264_SPS, H264_PPS = 7, 8
HEVC_VPS, HEVC_SPS = 32, 33


class Headers(NamedTuple):
    """The sequence parameter set in front of a keyframe, and which codec has it."""

    codec: str
    sps: bytes


def headers_of(head: bytes) -> Headers | None:
    """The parameter sets at the beginning of a keyframe or in extradata; None if there are none."""
    units = [unit for unit in _UNIT.split(head)[1:] if len(unit) > 2]
    hevc = {unit[0] >> 1 & 0x3F: unit for unit in units if unit[1] & 7 == 1 and not unit[0] & 0x81}
    if HEVC_VPS in hevc and HEVC_SPS in hevc:
        return Headers("hevc", hevc[HEVC_SPS].rstrip(b"\0"))
    h264 = {unit[0] & 0x1F: unit for unit in units if not unit[0] & 0x80}
    return Headers("h264", h264[H264_SPS].rstrip(b"\0")) if H264_SPS in h264 else None


class Sample:
    """A container of one keyframe, so that its stream can serve as a template. Keep it while the template is used.

    HardwareError when nobody can make sense of the keyframe.
    """

    def __init__(self, codec: str, keyframe: bytes) -> None:
        try:
            self._container = av.open(io.BytesIO(keyframe), format=codec, options={"probesize": "5000000"})
            self.stream = self._container.streams.video[0]
        except (av.FFmpegError, IndexError) as error:
            raise HardwareError(f"sends a keyframe that cannot be read ({type(error).__name__})") from None

    @property
    def shape(self) -> tuple[Any, ...]:
        """What must stay the same within one track."""
        return shape_of(self.stream.codec_context)

    def close(self) -> None:
        self._container.close()


def shape_of(context: Any) -> tuple[Any, ...]:
    """Codec, size and profile of a codec context."""
    return (context.name, context.width, context.height, context.profile)


class FormatWatch:
    """Notices at a keyframe that a stream's pictures have become others."""

    def __init__(self, template: Any) -> None:
        context = template.codec_context
        self._shape = shape_of(context)
        self._headers = headers_of(bytes(context.extradata or b""))
        self._sample: Sample | None = None

    def look(self, keyframe: Any) -> Any:
        """The template for this keyframe and what follows it, or None if the last one still fits.

        HardwareError when the pictures changed into what cannot be read.
        """
        found = headers_of(bytes(memoryview(keyframe)[:HEAD_BYTES]))
        if found is None or found == self._headers:
            return None
        known, self._headers = self._headers, found
        sample = Sample(found.codec, bytes(keyframe))
        if sample.shape == self._shape or (known is None and sample.shape[:3] == self._shape[:3]):
            sample.close()
            return None
        self.close()
        self._shape, self._sample = sample.shape, sample
        return sample.stream

    def close(self) -> None:
        """Let go of the last template."""
        sample, self._sample = self._sample, None
        if sample is not None:
            sample.close()
