"""A camera made of software: a live H.264 test card as MPEG-TS over TCP on the loopback, for the simulated site.

One encoder feeds any number of viewers, and rests while there are none. A viewer starts at a keyframe. The frame
number follows the clock and not the viewers, so a gap in what was watched shows in the numbers.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

import av

from hw.cameras.encoder import CardEncoder
from hw.ports import HardwareError

PENDING_BYTES_MAX = 4 << 20
SEND_BUFFER_BYTES = 256 << 10  # else the kernel hides megabytes of a viewer that does not read
VIEWERS_MAX = 16


class _Catcher:
    """File object the muxer writes into; take() hands out what one frame became."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, chunk: bytes) -> int:
        self._chunks.append(bytes(chunk))
        return len(chunk)

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken


@dataclass(eq=False)
class _Viewer:
    connection: socket.socket
    started: bool = False
    pending: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> bool:
        """Hand over what the socket takes now, keep the rest. False when the viewer is gone or too slow."""
        self.pending += data
        try:
            while self.pending:
                del self.pending[: self.connection.send(self.pending)]
        except BlockingIOError:
            return len(self.pending) <= PENDING_BYTES_MAX
        except OSError:
            return False
        return True


class StreamServer:
    """Serves the card on 127.0.0.1:`port` (0: a free one). All methods may be called from any thread.

    HardwareError when the port is taken or H.264 cannot be encoded here.
    """

    def __init__(self, port: int, *, width: int = 640, height: int = 360, fps: int = 10, label: str = "") -> None:
        self._listener: socket.socket | None = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._catcher = _Catcher()
        options = {"flush_packets": "1", "mpegts_flags": "resend_headers"}
        self._muxer = av.open(self._catcher, "w", format="mpegts", options=options)
        self._encoder = CardEncoder(self._muxer, width, height, fps, label)
        self._fps = fps
        self._lock = threading.Lock()
        self._viewers: list[_Viewer] = []
        self._frozen = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="stream-server", daemon=True)

    def start(self) -> None:
        """Serve from a thread of its own. Once."""
        self._thread.start()

    def cut(self) -> None:
        """The cable is pulled: viewers are dropped and new ones refused until mend()."""
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            self._drop(self._viewers)

    def freeze(self) -> None:
        """The camera hangs: connections stand, new ones are taken, and nothing is sent until mend()."""
        with self._lock:
            self._frozen = True

    def mend(self) -> None:
        """The end of cut() or freeze(). HardwareError when somebody has taken the port meanwhile."""
        with self._lock:
            self._frozen = False
            if self._listener is None and not self._stop.is_set():
                self._listener = _listen(self.port)

    def close(self) -> None:
        """Stop serving. Safe to call twice."""
        self._stop.set()
        self.cut()
        if self._thread.is_alive():
            self._thread.join(5)
        with self._lock:
            self._muxer.close()  # left to the garbage collector it may take PyAV before 17 down with it

    def _serve(self) -> None:
        start = time.monotonic()
        number = 0
        while not self._stop.wait(max(0.0, start + number / self._fps - time.monotonic())):
            with self._lock:
                self._accept()
                if self._viewers and not self._frozen:
                    self._send_frame(number)
            due = int((time.monotonic() - start) * self._fps)
            number = number + 1 if due - number <= self._fps else due  # late on a busy machine is not lost

    def _send_frame(self, number: int) -> None:
        newcomers = any(not viewer.started for viewer in self._viewers)
        self._catcher.take()
        keyframe = False
        for packet in self._encoder.encode(number, key=newcomers):
            keyframe = keyframe or packet.is_keyframe
            self._muxer.mux_one(packet)
        data = self._catcher.take()
        for viewer in self._viewers:
            viewer.started = viewer.started or keyframe
        self._drop([v for v in self._viewers if v.started and not v.send(data)])

    def _accept(self) -> None:
        while self._listener is not None:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            if len(self._viewers) >= VIEWERS_MAX:
                connection.close()
                continue
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            self._viewers.append(_Viewer(connection))

    def _drop(self, viewers: list[_Viewer]) -> None:
        for viewer in list(viewers):
            with contextlib.suppress(OSError):
                viewer.connection.shutdown(socket.SHUT_RDWR)
            viewer.connection.close()
            self._viewers.remove(viewer)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise HardwareError(f"simulated camera: port {port} on 127.0.0.1 is taken ({error.strerror})") from error
    listener.listen(8)
    listener.setblocking(False)
    return listener
