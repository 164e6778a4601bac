"""Cameras whose packets are copied, never decoded: RTSP over TCP, V4L2, a file, MPEG-TS over TCP.

Rules of this file:
- every call ends: opening within `open_s` (twice: connect and look at the stream), reading within `stall_s`;
- no error text leaves here that could hold a password: FFmpeg's own messages print the whole URL, so they are
  put into our words by their kind, and the user and password live nowhere but in the URL handed to FFmpeg.
"""

from __future__ import annotations

import contextlib
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import av.error

from hw.cameras.sps import never_reordered
from hw.ports import HardwareError, Picture

OPEN_S = 5.0
# FFmpeg looks at 5 MB or 5 s of a stream by default, and decodes pictures to learn how they are reordered. A camera
# that names its pictures' format at once, and sends them in the order they are shown, needs none of that: 0.1 s
# instead of 1.2 s to the first packet, and 6 to 10 MiB less at 1080p. Others get a second look.
GLANCE = {"probesize": "32768", "analyzeduration": "0", "fpsprobesize": "0", "skip_frame": "all"}
LOOK = {"probesize": "32768", "analyzeduration": "0", "fpsprobesize": "0"}
LONG_LOOK = {"probesize": "5000000", "analyzeduration": "10000000", "fpsprobesize": "0"}
RTSP = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
NEEDS_HEADERS = ("h264", "hevc")
# A name that is not UTF-8 must not keep a camera from opening. PyAV 19 sees to that by itself and has no such argument.
METADATA: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


@dataclass(frozen=True)
class StreamSpec:
    """What FFmpeg is to open. `shown` names it to people; `location` may hold credentials and is never shown."""

    shown: str
    location: str = field(repr=False)
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    paced: bool = False  # a file: hand out its packets at the pace of their times
    endless: bool = True  # an end of the stream is a failure
    glance: bool = False  # headers come before the first packet, so that a glance may be enough
    rests: bool = False  # a network stream: let some of it gather before it is read


class StreamCamera:
    """One stream by copy. See ports.Camera for the contract."""

    def __init__(self, spec: StreamSpec, *, stall_s: float = 8, open_s: float = OPEN_S) -> None:
        self._spec = spec
        self._stall_s = stall_s
        self._open_s = open_s
        self._container: Any = None
        self._packets: Iterator[Any] = iter(())
        self._pace = _Pace() if spec.paced else None
        self._rest = _Rest() if spec.rests else None
        self._glance = spec.glance

    def open(self) -> Any:
        """Connect; the video stream to copy from. Other streams of the source (sound) are not taken."""
        stream = self._connect(GLANCE if self._glance else LOOK)
        if self._glance and not never_reordered(stream.codec_context.extradata):
            self._glance = False  # and not again: what a camera sends does not change with the connection
            stream = self._connect(LOOK)
        if not _describes_itself(stream):
            stream = self._connect(LONG_LOOK)
        if not _describes_itself(stream):
            self.close()
            raise HardwareError(f"{self._spec.shown}: sends no picture format (no keyframe within 10 s?)")
        self._packets = self._container.demux(stream)
        return stream

    def _connect(self, look: dict[str, str]) -> Any:
        self.close()
        spec = self._spec
        began = time.monotonic()
        try:
            self._container = av.open(
                spec.location,
                format=spec.format,
                options={**look, **spec.options},
                timeout=(self._open_s, self._stall_s),
                **METADATA,
            )
        except av.FFmpegError as error:
            slow = time.monotonic() - began >= self._open_s  # some protocols call their own time-out by other names
            reason = _silent(self._open_s) if slow else _reason(error, self._open_s)
            raise HardwareError(f"{spec.shown}: {reason}") from None
        except (OSError, ValueError) as error:
            raise HardwareError(f"{spec.shown}: cannot be opened ({type(error).__name__})") from None
        videos = self._container.streams.video
        if not videos or videos[0].codec_context is None:
            self.close()
            raise HardwareError(f"{spec.shown}: has no video that this FFmpeg knows")
        if self._pace is not None:
            self._pace = _Pace()
        return videos[0]

    def read(self) -> tuple[Any, int] | None:
        """The next packet; None at the end of a file."""
        rest = self._rest
        if rest is not None:
            rest.before()
        try:
            packet = next(self._packets, None)
        except av.FFmpegError as error:
            raise HardwareError(f"{self._spec.shown}: {_reason(error, self._stall_s)}") from None
        if packet is None or packet.size == 0:  # FFmpeg marks the end by an empty packet
            if self._spec.endless:
                raise HardwareError(f"{self._spec.shown}: the camera closed the connection")
            return None
        if self._pace is not None:
            self._pace.wait(packet)
        mono_ns = time.monotonic_ns()
        if rest is not None:
            rest.after(packet.size, mono_ns)
        return packet, mono_ns

    pictures = False

    def picture(self) -> Picture | None:
        """None: a copied stream has packets only."""
        return None

    def close(self) -> None:
        """Disconnect. Safe to call twice and after an error."""
        container, self._container = self._container, None
        self._packets = iter(())
        if container is not None:
            with contextlib.suppress(av.FFmpegError):  # nothing is lost by a farewell that did not arrive
                container.close()


class _Rest:
    """Lets packets gather in the socket: once a read had to wait, the next is put off for a moment.

    A picture comes as a dozen RTP packets, and waking for each of them takes most of what a recorder spends. Not
    more is left to gather than fits into a socket's buffer from the start, so no camera is ever held up.
    """

    LONGEST_S = 0.2
    GATHERED_BYTES = 64 * 1024
    WAITED_NS = 500_000

    def __init__(self) -> None:
        self._began_ns = self._since_ns = time.monotonic_ns()
        self._bytes = 0
        self._rest_s = 0.0

    def before(self) -> None:
        """Rest if it is time to, then note when the read began."""
        if self._rest_s:
            time.sleep(self._rest_s)
            self._rest_s = 0.0
        self._began_ns = time.monotonic_ns()

    def after(self, size: int, now_ns: int) -> None:
        """A packet of `size` was read: had it to be waited for, nothing more is there, and it is time for a rest."""
        self._bytes += size
        if now_ns - self._began_ns > self.WAITED_NS:
            took_s = max(1, now_ns - self._since_ns) / 1e9
            self._rest_s = min(self.LONGEST_S, self.GATHERED_BYTES * took_s / max(1, self._bytes))
            self._since_ns, self._bytes = now_ns, 0


class _Pace:
    """Holds a file's packets back until their time, counted from the first."""

    def __init__(self) -> None:
        self._start_s = 0.0
        self._first_s: Fraction | None = None

    def wait(self, packet: Any) -> None:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return
        at_s = stamp * packet.time_base
        if self._first_s is None:
            self._start_s, self._first_s = time.monotonic(), at_s
        time.sleep(min(5.0, max(0.0, self._start_s + float(at_s - self._first_s) - time.monotonic())))


def _describes_itself(stream: Any) -> bool:
    """True if the stream's packets can be written to a file that says how to decode them."""
    context = stream.codec_context
    return bool(context.width and context.height and (context.extradata or context.name not in NEEDS_HEADERS))


def _reason(error: av.FFmpegError, limit_s: float) -> str:
    """The error in our words. Never its own text: that names the URL with user and password."""
    words: tuple[tuple[str, str], ...] = (
        ("ExitError", _silent(limit_s)),
        ("HTTPUnauthorizedError", "refused user or password (401): see secrets.toml"),
        ("HTTPForbiddenError", "access forbidden (403): see secrets.toml"),
        ("HTTPNotFoundError", "has no such stream (404)"),
        ("HTTPClientError", "refused the request (4xx)"),
        ("HTTPServerError", "has an error of its own (5xx)"),
        ("InvalidDataError", "sends what FFmpeg cannot read"),
        ("EOFError", "the camera closed the connection"),
    )
    for name, text in words:
        kind = getattr(av.error, name, None)
        if kind is not None and isinstance(error, kind):
            return text
    return (error.strerror or type(error).__name__).lower()


def _silent(limit_s: float) -> str:
    return f"nothing came for {limit_s:g} s"


def rtsp_spec(source: str, credentials: tuple[str, str] | None) -> StreamSpec:
    """rtsp:// or rtsps://, always over TCP; user and password, if any, go into the location only."""
    url = urllib.parse.urlsplit(source)
    host = url.netloc.rpartition("@")[2]
    shown = urllib.parse.urlunsplit((url.scheme, host, url.path, "", ""))
    location = source
    if credentials is not None:
        user, password = (urllib.parse.quote(part, safe="") for part in credentials)
        location = urllib.parse.urlunsplit(url._replace(netloc=f"{user}:{password}@{host}"))
    return StreamSpec(shown, location, "rtsp", dict(RTSP), glance=True, rests=True)


def tcp_spec(source: str) -> StreamSpec:
    """tcp://host:port that sends MPEG-TS."""
    return StreamSpec(source, source, "mpegts", rests=True)


def file_spec(source: str) -> StreamSpec:
    """file:/path, played at the pace of its times."""
    path = source.removeprefix("file:")
    path = path[2:] if path.startswith("//") else path
    return StreamSpec(source, path, paced=True, endless=False)


def v4l2_spec(source: str) -> StreamSpec:
    """/dev/video0?format=h264&size=1280x720&fps=15: a camera that encodes by itself (h264, hevc or mjpeg)."""
    url = urllib.parse.urlsplit(source)
    asked = dict(urllib.parse.parse_qsl(url.query))
    names = {"format": "input_format", "size": "video_size", "fps": "framerate"}
    unknown = sorted(set(asked) - set(names))
    if unknown:
        raise HardwareError(f"{source}: unknown option {unknown[0]!r}: format, size and fps are understood")
    options = {names[name]: value for name, value in {"format": "h264", **asked}.items()}
    return StreamSpec(url.path, url.path, "v4l2", options)
