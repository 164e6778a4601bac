"""A camera on a TCP port that sends what a test says, byte by byte: MPEG-TS with any times, garbage, silence.

    with Wire() as wire:
        wire.plays(lambda line: line.live(pictures(30), fps=10))
        open_camera(wire.source)

The transport stream is put together here, for FFmpeg's own muxer refuses the times and turns that a fault has.
"""

from __future__ import annotations

import functools
import io
import itertools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import av

from hw.cameras.card import CardCode, CardPainter

PACKET, VIDEO_PID, PMT_PID = 188, 256, 4096
STREAM_TYPES = {"h264": 0x1B, "hevc": 0x24}
ENCODERS = {"h264": "libx264", "hevc": "libx265"}
TICKS_PER_S = 90_000


class Shot(NamedTuple):
    """One encoded picture. pts and dts count pictures."""

    data: bytes
    key: bool
    pts: int
    dts: int


@functools.cache
def pictures(
    count: int, *, codec: str = "h264", size: tuple[int, int] = (160, 128), gop: int = 10, b: int = 0, first: int = 0
) -> tuple[Shot, ...]:
    """Test cards numbered from `first`, with headers before each keyframe, in decoding order."""
    with av.open(io.BytesIO(), "w", format="mpegts") as out:
        options = {"preset": "ultrafast", "tune": "zerolatency"}
        if b:
            options = {"preset": "superfast", "bf": str(b), "b_strategy": "0"}
        if codec == "hevc":
            options["x265-params"] = f"log-level=none:pools=1:frame-threads=1:keyint={gop}:min-keyint={gop}"
        video = out.add_stream(ENCODERS[codec], rate=10, options=options)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = gop
        painter, made = CardPainter(*size), []
        for number in range(count):
            frame = painter.frame(CardCode(first + number, 0))
            frame.pts = number
            made += list(video.encode(frame))
        made += list(video.encode(None))
    return tuple(Shot(bytes(one), bool(one.is_keyframe), _of(one.pts, one), _of(one.dts, one)) for one in made)


def _of(stamp: int, packet: Any) -> int:
    return round(stamp * packet.time_base * 10)


def seconds(shots: Sequence[Shot], fps: int = 10, start_s: float = 10.0) -> list[tuple[float, float]]:
    """(pts, dts) in seconds, as a camera in order has them."""
    return [(start_s + shot.pts / fps, start_s + shot.dts / fps) for shot in shots]


class Line:
    """One connection. Sending raises OSError once the other side is gone."""

    def __init__(self, connection: socket.socket, stop: threading.Event, well: threading.Event) -> None:
        self._connection = connection
        self._stop = stop
        self._well = well
        self._codec = "h264"
        self._counters: dict[int, int] = {}

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._connection.sendall(data)

    def wait(self, for_s: float) -> None:
        """Silence. OSError when the test is over."""
        if self._stop.wait(for_s):
            raise OSError("over")

    def tables(self, codec: str, version: int = 0) -> None:
        """What says which codec follows."""
        self._codec = codec
        pat = bytes([0, 1]) + (0xE000 | PMT_PID).to_bytes(2, "big")
        pmt = (0xE000 | VIDEO_PID).to_bytes(2, "big") + bytes([0xF0, 0])
        pmt += bytes([STREAM_TYPES[codec]]) + (0xE000 | VIDEO_PID).to_bytes(2, "big") + bytes([0xF0, 0])
        self._table(0, 0, pat, version)
        self._table(PMT_PID, 2, pmt, version)

    def live(
        self,
        shots: Sequence[Shot],
        fps: float = 10,
        times: Sequence[tuple[float, float]] | None = None,
        *,
        codec: str = "h264",
        start_s: float = 10.0,
    ) -> None:
        """Pictures at the pace of the clock, stamped with `times` (pts, dts in seconds)."""
        began = time.monotonic()
        for number, (shot, (pts_s, dts_s)) in enumerate(
            zip(shots, times or seconds(shots, round(fps), start_s), strict=True)
        ):
            self.wait(max(0.0, began + number / fps - time.monotonic()))
            if shot.key:
                self.tables(codec)
            self.picture(shot.data, pts_s, dts_s)

    def well_again(self, first: int = 500, start_s: float = 100.0) -> None:
        """What a camera in order sends, for as long as the test likes; after two seconds of it the wire is `well`."""
        for second in itertools.count():
            self.live(pictures(10, first=first + 10 * min(second, 2)), start_s=start_s + second)
            if second == 1:
                self._well.set()

    def picture(self, data: bytes, pts_s: float, dts_s: float) -> None:
        """One picture, stamped."""
        pts, dts = (round(at * TICKS_PER_S) % (1 << 33) for at in (pts_s, dts_s))
        aud = b"\0\0\0\1\x46\x01\x50" if self._codec == "hevc" else b"\0\0\0\1\x09\xf0"
        head = b"\0\0\1\xe0\0\0\x80\xc0\x0a" + _stamp(3, pts) + _stamp(1, dts)
        self._send(VIDEO_PID, head + aud + data)

    def _table(self, pid: int, table: int, body: bytes, version: int) -> None:
        body = bytes([0, 1, 0xC1 | version << 1, 0, 0]) + body
        section = bytes([table]) + (0xB000 | len(body) + 4).to_bytes(2, "big") + body
        self._send(pid, b"\0" + section + _crc32_mpeg(section).to_bytes(4, "big"), section=True)

    def _send(self, pid: int, data: bytes, *, section: bool = False) -> None:
        out, start = bytearray(), True
        while data or start:
            chunk, data = data[: PACKET - 4], data[PACKET - 4 :]
            counter = self._counters[pid] = (self._counters.get(pid, -1) + 1) & 15
            head = bytes([0x47, (0x40 if start else 0) | pid >> 8, pid & 255])
            missing = PACKET - 4 - len(chunk)
            if section or not missing:
                out += head + bytes([0x10 | counter]) + chunk.ljust(PACKET - 4, b"\xff")
            else:  # an adaptation field fills what is left
                filling = b"" if missing == 1 else b"\0" + b"\xff" * (missing - 2)
                out += head + bytes([0x30 | counter, missing - 1]) + filling + chunk
            start = False
        self._connection.sendall(out)


def _stamp(mark: int, ticks: int) -> bytes:
    first = mark << 4 | (ticks >> 30 & 7) << 1 | 1
    return (
        bytes([first])
        + ((ticks >> 15 & 0x7FFF) << 1 | 1).to_bytes(2, "big")
        + ((ticks & 0x7FFF) << 1 | 1).to_bytes(2, "big")
    )


def _crc32_mpeg(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


class Wire:
    """Listens on 127.0.0.1; each connection plays the script, given how many came before it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.source = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.well = threading.Event()
        self._script: Callable[[Line, int], None] = lambda line, number: None
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def plays(self, script: Callable[[Line, int], None]) -> Wire:
        """script(line, number of the connection from 0): what to send; the connection is closed when it returns."""
        self._script = script
        self._threads[0].start()
        return self

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                self._script(Line(connection, self._stop, self.well), number)
            except OSError:
                return

    def close(self) -> None:
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(5)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
