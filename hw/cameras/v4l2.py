"""USB and other V4L2 cameras: what they encode by themselves is copied, all else is encoded here with x264.

    /dev/v4l/by-path/platform-xhci-hcd.0-usb-0:1:1.0-video-index0
    /dev/video0?format=mjpeg&size=1280x720&fps=15&kbit_s=2000

Without `format` the first of H.264, MJPEG, raw that the camera has. A path of /dev/v4l/by-path stays with its socket;
/dev/video0 is whichever camera came first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import urllib.parse
from collections import deque
from typing import Any

import av

from hw.cameras.encoder import Encoder
from hw.cameras.mask import Painter
from hw.cameras.stream import StreamCamera, StreamSpec
from hw.cameras.viewfinder import Viewfinder
from hw.ports import HardwareError, Picture

# linux/videodev2.h: enum v4l2_buf_type, struct v4l2_fmtdesc (64 bytes) and the ioctl that fills it
_CAPTURE = 1
_FMTDESC = struct.Struct("=III32sI16x")
_VIDIOC_ENUM_FMT = 0xC0405602
FORMATS_MAX = 64
# fourcc -> FFmpeg's name, in the order of our liking; the first two need no encoder or little of the bus
KNOWN = {
    "H264": "h264", "HEVC": "hevc", "MJPG": "mjpeg", "JPEG": "mjpeg", "YU12": "yuv420p", "NV12": "nv12",
    "YUYV": "yuyv422", "UYVY": "uyvy422", "RGB3": "rgb24", "BGR3": "bgr24", "GREY": "gray",
}  # fmt: skip
COPIED = ("h264", "hevc")
NAMES = {"format": "input_format", "size": "video_size", "fps": "framerate"}
KBIT_S = 2500
UNMASKED = "add ?format=mjpeg (or yuyv422) to its source, or see mask_by"


def formats_of(device: str) -> list[str]:
    """FFmpeg's names of what a device delivers, in the order of our liking. OSError if it is none."""
    fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    found: list[str] = []
    try:
        for index in range(FORMATS_MAX):
            asked = bytearray(_FMTDESC.pack(index, _CAPTURE, 0, b"", 0))
            try:
                fcntl.ioctl(fd, _VIDIOC_ENUM_FMT, asked)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    break
                raise
            found.append(_FMTDESC.unpack(asked)[4].to_bytes(4, "little").decode("ascii", "replace"))
    finally:
        os.close(fd)
    return list(dict.fromkeys(name for fourcc, name in KNOWN.items() if fourcc in found))


class V4l2Camera:
    """One device. See ports.Camera for the contract; pictures there are where it is encoded here."""

    def __init__(self, source: str, *, stall_s: float = 8, painter: Painter | None = None) -> None:
        """`painter`: masks; then a camera that encodes by itself is refused."""
        self._painter = painter
        url = urllib.parse.urlsplit(source)
        self._device = url.path
        self._asked = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        unknown = sorted(set(self._asked) - {*NAMES, "kbit_s"})
        if unknown:
            raise HardwareError(f"{source}: unknown option {unknown[0]!r}: format, size, fps and kbit_s are understood")
        if not self._asked.get("kbit_s", "1").isdecimal():
            raise HardwareError(f"{source}: kbit_s is a number, such as {KBIT_S}")
        self._stall_s = stall_s
        self._stream: StreamCamera | None = None
        self._encoder: Encoder | None = None
        self._waiting: deque[tuple[Any, int]] = deque()
        self._viewfinder = Viewfinder()
        self.about = ""

    @property
    def pictures(self) -> bool:
        """True where it is encoded here."""
        return self._encoder is not None

    def picture(self) -> Picture | None:
        """The newest frame, small and grey, if it is encoded here."""
        return self._viewfinder.take() if self._encoder is not None else None

    def open(self) -> Any:
        """Open the device; the template of its packets, or of what they are encoded into."""
        self.close()
        format_ = self._asked.get("format") or self._best()
        self._stream = StreamCamera(self.spec(format_), stall_s=self._stall_s)
        stream = self._stream.open()
        context = stream.codec_context
        copied = format_ in COPIED
        self.about = f"{format_}, {context.width}x{context.height}, {'copied' if copied else 'encoded by x264'}"
        if copied and self._painter is not None:
            self.close()
            raise HardwareError(f"{self._device}: encodes by itself, so no mask can be painted: {UNMASKED}")
        if copied:
            return stream
        try:
            fps = round(float(stream.average_rate or stream.base_rate or 25))
            kbit_s = int(self._asked.get("kbit_s", KBIT_S))
            self._encoder = Encoder(context.width, context.height, max(1, min(60, fps)), kbit_s)
        except HardwareError as error:
            self.close()
            raise HardwareError(f"{self._device}: {error}") from None
        return self._encoder.template

    def spec(self, format_: str) -> StreamSpec:
        """What FFmpeg is to open: `input_format` is a codec's name, or for raw pictures that of their pixel format."""
        asked = {**self._asked, "format": format_}
        options = {name: asked[key] for key, name in NAMES.items() if asked.get(key)}
        return StreamSpec(self._device, self._device, "v4l2", options, waits=True)

    def _best(self) -> str:
        try:
            found = formats_of(self._device)
        except OSError as error:
            raise HardwareError(f"{self._device}: {(error.strerror or 'cannot be opened').lower()}") from None
        if not found:
            raise HardwareError(f"{self._device}: is no camera, or has no format that is known here")
        return found[0]

    def read(self) -> tuple[Any, int] | None:
        """The next packet: copied, or encoded from the next frames."""
        assert self._stream is not None
        if self._encoder is None:
            return self._stream.read()
        while not self._waiting:
            found = self._stream.read()
            if found is None:
                return None
            self._encode(self._encoder, *found)
        return self._waiting.popleft()

    def _encode(self, encoder: Encoder, packet: Any, mono_ns: int) -> None:
        """A frame that is damaged, as a USB cable makes them, is left out."""
        with contextlib.suppress(av.error.InvalidDataError):
            for decoded in packet.decode():
                frame = decoded if self._painter is None else self._painter.paint(decoded)
                self._viewfinder.offer(frame, mono_ns)
                self._waiting.extend((made, mono_ns) for made in encoder.encode(frame, mono_ns))

    def close(self) -> None:
        """Let the device go. Safe to call twice and after an error."""
        encoder, self._encoder = self._encoder, None
        self._waiting.clear()
        if encoder is not None:
            encoder.close()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
