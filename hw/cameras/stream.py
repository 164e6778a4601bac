"""Cameras whose packets are copied, never decoded: RTSP, a file, MPEG-TS over TCP or from a command, V4L2 that encodes.

Rules of this file:
- every call ends: opening within `open_s` (twice: connect and look at the stream), reading within `stall_s`;
- a picture format that changes in the middle is told by NewFormat, and no packet is lost over it;
- no error text leaves here that could hold a password: FFmpeg's own messages print the whole URL, so they are
  put into our words by their kind, and the user and password live nowhere but in the URL handed to FFmpeg.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from hw.cameras.feed import Feed, bytes_in, connection_to, readable, room_in, why_unknown
from hw.cameras.formats import FormatWatch
from hw.cameras.sps import never_reordered
from hw.ports import HardwareError, NewFormat, Picture

OPEN_S = 5.0
# FFmpeg looks at 5 MB or 5 s of a stream by default, and decodes pictures to learn how they are reordered. A camera
# that names its pictures' format at once, and sends them in the order they are shown, needs none of that: 0.1 s
# instead of 1.2 s to the first packet, and 6 to 10 MiB less at 1080p. Others get a second look.
GLANCE = {"probesize": "32768", "analyzeduration": "0", "fpsprobesize": "0", "skip_frame": "all"}
LOOK = {"probesize": "32768", "analyzeduration": "0", "fpsprobesize": "0"}
MORE = {"probesize": "600000", "analyzeduration": "0", "fpsprobesize": "0"}
LONG_LOOK = {"probesize": "5000000", "analyzeduration": "10000000", "fpsprobesize": "0"}
WAITED_NS = (
    500_000  # a read for which nothing was seen to lie there (over UDP nothing ever is) has waited if it took longer
)
LATE_S = 2.0  # after FFmpeg should have noticed by itself
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
    host: str = ""  # and
    port: int = 0  # of the connection that FFmpeg opens
    feed: Callable[[], Feed] | None = None  # bytes that we read for FFmpeg; then `location` is not used
    waits: bool = False  # a device that blocks FFmpeg without end: wait for it outside


class StreamCamera:
    """One stream by copy. See ports.Camera for the contract."""

    def __init__(self, spec: StreamSpec, *, stall_s: float = 8, open_s: float = OPEN_S) -> None:
        self._spec = spec
        self._stall_s = stall_s
        self._open_s = open_s
        self._container: Any = None
        self._feed: Feed | None = None
        self._socket: socket.socket | None = None  # FFmpeg's own connection, to ask it what lies there
        self._packets: Iterator[Any] = iter(())
        self._stream: Any = None
        self._device = -1
        self._watch: FormatWatch | None = None
        self._pending: tuple[Any, int] | None = None
        self._picture_ns = 0
        self._clock: _PacketClock | None = None
        self._pace = _Pace() if spec.paced else None
        self._rest = _Rest() if spec.rests else None
        self._glance = spec.glance
        self.about = ""

    def open(self) -> Any:
        """Connect; the video stream to copy from. Other streams of the source (sound) are not taken."""
        self.close()
        stream = self._connect(GLANCE if self._glance else LOOK)
        if self._glance and not never_reordered(stream.codec_context.extradata):
            self._glance = False  # and not again: what a camera sends does not change with the connection
            stream = self._connect(LOOK)
        for look in (MORE, LONG_LOOK) if self._spec.feed else (LONG_LOOK,):
            if not _describes_itself(stream):
                stream = self._connect(look)
        if not _describes_itself(stream):
            self.close()
            raise HardwareError(f"{self._spec.shown}: sends no picture format (no keyframe within 10 s?)")
        if self._feed is not None:
            self._feed.keep_no_more()
        self._packets, self._stream = self._container.demux(), stream
        self._watch = FormatWatch(stream) if self._spec.endless else None
        self._picture_ns = time.monotonic_ns()
        if self._rest is not None:
            self._socket = connection_to(self._spec.port) if self._feed is None else None
            room = self._feed.room() if self._feed is not None else 0 if self._socket is None else room_in(self._socket)
            self._rest = _Rest(room, None if self._socket is None else functools.partial(bytes_in, self._socket))
            if self._socket is not None:
                self._clock = _PacketClock(self._socket, self._silent_s, self._stall_s + LATE_S)
        if self._feed is not None:
            self._feed.picture_came(self._stall_s)
        context = stream.codec_context
        self.about = f"{context.name}, {context.width}x{context.height}, copied"
        return stream

    def _connect(self, look: dict[str, str]) -> Any:
        self._close_container()
        spec = self._spec
        began = time.monotonic()
        try:
            self._container = av.open(
                spec.location if spec.feed is None else self._rewound(spec.feed),
                format=spec.format,
                options={**look, **spec.options},
                timeout=self._limits,
                **METADATA,
            )
        except av.FFmpegError as error:
            slow = time.monotonic() - began >= self._open_s  # some protocols call their own time-out by other names
            reason = _silent(self._open_s) if slow else _reason(error, self._open_s)
            if spec.host and not slow and error.errno == errno.EIO:  # FFmpeg's word for a name that nobody knows, too
                reason = why_unknown(spec.host) or reason
            reason = (self._feed.ending() if self._feed is not None else "") or reason
            self.close()
            raise HardwareError(f"{spec.shown}: {reason}") from None
        except HardwareError as error:  # of the feed, which knows no name
            self.close()
            raise HardwareError(f"{spec.shown}: {error}") from None
        except (OSError, ValueError) as error:
            self.close()
            raise HardwareError(f"{spec.shown}: cannot be opened ({type(error).__name__})") from None
        videos = self._container.streams.video
        if not videos or videos[0].codec_context is None:
            self.close()
            raise HardwareError(f"{spec.shown}: has no video that this FFmpeg knows")
        if self._pace is not None:
            self._pace = _Pace()
        self._device = _descriptor_of(spec.location) if spec.waits else -1
        return videos[0]

    @property
    def _limits(self) -> tuple[float, float]:
        """FFmpeg's own, to connect and for each read."""
        return self._open_s, self._stall_s

    def _rewound(self, feed: Callable[[], Feed]) -> Feed:
        """The bytes from their beginning: of a new connection, or of the one that stands."""
        if self._feed is None:
            self._feed = feed()
        self._feed.rewind()
        return self._feed

    def read(self) -> tuple[Any, int] | None:
        """The next packet; None at the end of a file."""
        pending, self._pending = self._pending, None
        if pending is not None:
            return pending
        rest = self._rest
        began_ns = 0
        if rest is not None:
            rest.before()
            began_ns = time.monotonic_ns()
        packet = self._next()
        if packet is None:
            return None
        if self._pace is not None:
            self._pace.wait(packet)
        self._picture_ns = mono_ns = time.monotonic_ns()
        if rest is not None:
            rest.after(packet.size, waited=self._waited(mono_ns - began_ns))
        if self._feed is not None:
            self._feed.picture_came(self._stall_s)
        if self._watch is not None and packet.is_keyframe:
            self._compare(self._watch, packet, mono_ns)
        return packet, mono_ns

    def _waited(self, took_ns: int) -> bool:
        """The read that is over had to wait: known, or told by its time. False where what lies there is seen before."""
        if self._feed is not None:
            return self._feed.waited()
        return self._socket is None and took_ns > WAITED_NS

    def _next(self) -> Any:
        """The next packet of the picture stream, None at a regular end."""
        spec = self._spec
        while True:
            if self._device >= 0 and not readable(self._device, self._stall_s):
                raise HardwareError(f"{spec.shown}: {_silent(self._stall_s)}")
            try:
                packet = next(self._packets, None)
            except av.FFmpegError as error:
                raise HardwareError(f"{spec.shown}: {self._ending() or _reason(error, self._stall_s)}") from None
            if packet is None or packet.size == 0:  # FFmpeg marks the end by an empty packet
                if spec.endless:
                    raise HardwareError(f"{spec.shown}: {self._ending() or 'the camera closed the connection'}")
                return None
            if packet.stream is self._stream:
                return packet
            if self._silent_s() > self._stall_s:
                raise HardwareError(f"{spec.shown}: no picture came for {self._stall_s:g} s, though other data did")

    def _silent_s(self) -> float:
        """Since the last picture."""
        return (time.monotonic_ns() - self._picture_ns) / 1e9

    def _ending(self) -> str:
        """Why there is no more, where we know better than FFmpeg."""
        if self._clock is not None and self._clock.struck:
            return f"no picture came for {self._clock.limit_s:g} s"
        return self._feed.ending() if self._feed is not None else ""

    def _compare(self, watch: FormatWatch, packet: Any, mono_ns: int) -> None:
        """NewFormat before a keyframe that does not fit the template; it is read next."""
        try:
            template = watch.look(packet)
        except HardwareError as error:
            raise HardwareError(f"{self._spec.shown}: {error}") from None
        if template is not None:
            self._pending = packet, mono_ns
            raise NewFormat(template)

    pictures = False

    def picture(self) -> Picture | None:
        """None: a copied stream has packets only."""
        return None

    def close(self) -> None:
        """Disconnect. Safe to call twice and after an error."""
        self._close_container()
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def _close_container(self) -> None:
        container, self._container = self._container, None
        connection, self._socket = self._socket, None
        clock, self._clock = self._clock, None
        if clock is not None:
            clock.end()
        if connection is not None:
            connection.close()
        if self._rest is not None:
            self._rest = _Rest()  # the socket that it asked is closed
        self._packets, self._stream, self._pending, self._device = iter(()), None, None, -1
        if container is not None:
            with contextlib.suppress(av.FFmpegError):  # nothing is lost by a farewell that did not arrive
                container.close()


class _Rest:
    """Lets packets gather in the socket: once there is nothing more to be read, the next read is put off for a moment.

    A picture comes as a dozen RTP packets, and waking for each of them takes most of what a recorder spends. Not
    more is left to gather than fits: `room` bytes, or what any socket's buffer has from the start. So no camera is
    ever held up. A read that only took long, on a busy processor, has not waited: who rested then would fall behind.
    `there` tells how many bytes have come, where that is seen; it is asked when what it told of is read up.
    """

    LONGEST_S = 0.2
    LEAST_BYTES, MOST_BYTES = 64 * 1024, 160 * 1024

    def __init__(self, room: int = 0, there: Callable[[], int] | None = None) -> None:
        self._there = there
        self._there_bytes = 0
        self._gathered_bytes = max(self.LEAST_BYTES, min(self.MOST_BYTES, room))
        self._since_ns = time.monotonic_ns()
        self._bytes = 0
        self._typical_bytes = 0  # of a picture, the last sixteen or so
        self._due = False

    def before(self) -> None:
        """Rest if it is time to: after a read that waited, or when less than a picture is there, where that is seen."""
        if self._due or self._little_is_there():
            now_ns = time.monotonic_ns()
            took_s = max(1, now_ns - self._since_ns) / 1e9
            rest_s = min(self.LONGEST_S, self._gathered_bytes * took_s / max(1, self._bytes))
            self._since_ns, self._bytes, self._due = now_ns, 0, False
            self._there_bytes = 0
            time.sleep(rest_s)

    def _little_is_there(self) -> bool:
        if self._there is None or self._there_bytes > self._typical_bytes:
            return False
        self._there_bytes = self._there()
        return self._there_bytes <= self._typical_bytes

    def after(self, size: int, *, waited: bool) -> None:
        """A packet of `size` was read; had it to be waited for, nothing more is there."""
        self._bytes += size
        self._there_bytes -= size + size // 32  # and the heads of RTP
        self._typical_bytes += (size - self._typical_bytes) // 16
        self._due = waited


class _PacketClock:
    """Ends a connection of FFmpeg's on which no picture has come for `limit_s`, whatever else comes and FFmpeg thinks.

    FFmpeg has a limit of its own (stall_s), but it is FFmpeg's: while it answers a camera's keep-alives it is in there,
    and a thread of ours waits.
    """

    def __init__(self, connection: socket.socket, silent_s: Callable[[], float], limit_s: float) -> None:
        self._connection, self._silent_s, self.limit_s = connection, silent_s, limit_s
        self.struck = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="packet clock", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(max(0.05, self.limit_s - self._silent_s())):
            if self._silent_s() >= self.limit_s:
                self.struck = True
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
                return

    def end(self) -> None:
        """The connection is closed by others now."""
        self._over.set()
        self._thread.join()


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


def _descriptor_of(device: str) -> int:
    """The file descriptor by which FFmpeg has a device open, or -1."""
    try:
        wanted = Path(device).stat().st_rdev
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if entry.stat().st_rdev == wanted:
                    return int(entry.name)
    except OSError:
        return -1
    return -1
