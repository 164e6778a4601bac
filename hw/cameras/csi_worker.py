"""The process that talks to picamera2, for one camera: python3 csi_worker.py CAMERA WIDTH HEIGHT FPS KBIT_S MASKS.

MASKS is JSON: areas to paint black, their corners in percent. It stands alone: the standard library, areas.py and
picamera2, which Raspberry Pi OS has for its own python3 only. What it finds goes to its standard output as messages
(HEADER and so many bytes), libcamera's talk to its standard error. On its standard input "p" asks for a small picture;
the end of it, or SIGTERM, ends everything.

Rules of this file:
- every call of picamera2 has a time limit, since stop() and close() may hang; who hangs is named, and the process ends;
- the encoder's thread only queues: a reader that is slow costs packets up to the next keyframe, never a frame's buffer;
- masks are painted into the frame before picamera2 hands it to anybody, and a frame that cannot be painted ends the
  process: nothing that is to be hidden leaves it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

try:
    from hw.cameras.areas import Area, hidden
except ImportError:  # run by the system's python3, which knows this folder alone
    from areas import Area, hidden  # type: ignore[import-not-found, no-redef, unused-ignore]

HEADER = struct.Struct("<BBHIqq")  # kind, keyframe, height of a picture, bytes that follow, time in us, monotonic ns
HELLO, PACKET, PICTURE, FAILED = 1, 2, 3, 4
OPEN_S, STOP_S, PICTURE_S = 8.0, 2.0, 2.5
QUEUE_PACKETS = 120
LORES_WIDTH = 320
INSTALL = "apt install --no-install-recommends python3-picamera2"


class Hung(Exception):  # noqa: N818 - a state of the world
    """A call of picamera2 did not return in time."""


def within(limit_s: float, what: str, call: Callable[[], Any]) -> Any:
    """What `call` returns or raises; Hung when it takes longer. It is left behind then, in a thread of its own."""
    done: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((True, call()))
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            done.put((False, error))

    threading.Thread(target=run, daemon=True, name=what).start()
    try:
        fine, value = done.get(timeout=limit_s)
    except queue.Empty:
        raise Hung(f"{what} did not return within {limit_s:g} s") from None
    if not fine:
        raise value
    return value


def in_words(error: BaseException) -> str:
    """What went wrong, and by what: picamera2 says "did not complete" of a camera that another process has."""
    said = str(error) or type(error).__name__
    return said if error.__cause__ is None else f"{said} ({in_words(error.__cause__)})"


class Sender:
    """Messages to the recorder, by a thread of its own."""

    def __init__(self, fd: int, over: threading.Event) -> None:
        self._fd = fd
        self._over = over
        self._waiting: queue.Queue[tuple[bytes, bytes]] = queue.Queue(QUEUE_PACKETS)
        self._skipping = False
        threading.Thread(target=self._run, daemon=True, name="sender").start()

    def packet(self, data: bytes, *, key: bool, at_us: int) -> None:
        """Queue an encoded picture, or drop it and all up to the next keyframe."""
        if self._skipping and not key:
            return
        self._skipping = not self._put(HEADER.pack(PACKET, key, 0, len(data), at_us, time.monotonic_ns()), data)

    def picture(self, luma: bytes, height: int) -> None:
        """A small picture; dropped when there is no room."""
        self._put(HEADER.pack(PICTURE, 0, height, len(luma), 0, time.monotonic_ns()), luma)

    def say(self, kind: int, text: str) -> None:
        """A message in words, at once: HELLO before anything else, FAILED after which nothing is sent."""
        data = text.encode()
        with contextlib.suppress(OSError):
            _write(self._fd, HEADER.pack(kind, 0, 0, len(data), 0, time.monotonic_ns()) + data)

    def _put(self, head: bytes, data: bytes) -> bool:
        try:
            self._waiting.put_nowait((head, data))
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        try:
            while True:
                head, data = self._waiting.get()
                _write(self._fd, head + data)
        except OSError:  # the recorder is gone
            self._over.set()


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def packets_into(sender: Sender) -> Any:
    """An Output of picamera2 that only queues."""
    from picamera2.outputs import Output

    class Packets(Output):  # type: ignore[misc, unused-ignore]
        def outputframe(
            self,
            frame: Any,
            keyframe: bool = True,
            timestamp: int | None = None,
            packet: Any = None,
            audio: bool = False,
        ) -> None:
            if not audio:
                at_us = time.monotonic_ns() // 1000 if timestamp is None else timestamp
                sender.packet(bytes(frame), key=bool(keyframe), at_us=at_us)

    return Packets()


class Masks:
    """picamera2's pre_callback: paints `areas` into every stream of a request, or ends the process by `failed`."""

    def __init__(self, areas: Sequence[Area], failed: Callable[[str], None]) -> None:
        self._areas = areas
        self._failed = failed
        self._writes: dict[tuple[int, int, int], list[tuple[int, bytes]]] = {}

    def __call__(self, request: Any) -> None:
        """Each stream's buffer in place, by memoryview: it is an array of numpy's."""
        try:
            from picamera2 import MappedArray

            for name in ("main", "lores"):
                with MappedArray(request, name, reshape=False) as mapped, memoryview(mapped.array) as view:
                    for at, black in self._of(request.config[name]):
                        view[at : at + len(black)] = black
        except Exception as error:  # noqa: BLE001 - whatever it is, this frame must not go on
            self._failed(f"a mask cannot be painted: {in_words(error)}")

    def _of(self, stream: dict[str, Any]) -> list[tuple[int, bytes]]:
        (width, height), stride = stream["size"], stream["stride"]
        if (width, height, stride) not in self._writes:
            self._writes[width, height, stride] = hidden(self._areas, width, height, stride)
        return self._writes[width, height, stride]


class Camera:
    """picamera2, and what is asked of it, each call with its limit."""

    def __init__(self, number: int, size: tuple[int, int], fps: int, kbit_s: int) -> None:
        self._size, self._fps, self._kbit_s = size, fps, kbit_s
        self._lores = (LORES_WIDTH, max(2, size[1] * LORES_WIDTH // size[0] // 2 * 2))
        self._picamera = within(OPEN_S, "opening", lambda: _opened(number))
        self._encoder: Any = None

    def start(self, sender: Sender, masks: Masks | None) -> dict[str, Any]:
        """Configure and start: what there is then. The hardware's encoder if there is one, else x264."""
        from picamera2 import encoders

        picamera = self._picamera
        if masks is not None:
            picamera.pre_callback = masks
        frame_us = 1_000_000 // self._fps
        config = picamera.create_video_configuration(
            main={"size": self._size, "format": "YUV420"},
            lores={"size": self._lores, "format": "YUV420"},
            controls={"FrameDurationLimits": (frame_us, frame_us)},
        )
        within(OPEN_S, "configure()", lambda: picamera.configure(config))
        output = packets_into(sender)
        asked = {"bitrate": self._kbit_s * 1000, "repeat": True, "iperiod": self._fps, "framerate": self._fps}
        kinds = list(dict.fromkeys((encoders.H264Encoder, encoders.LibavH264Encoder)))
        for kind in kinds:
            encoder = kind(**asked)
            try:
                begin = functools.partial(picamera.start_encoder, encoder, output, name="main")
                within(OPEN_S, "start_encoder()", begin)
            except OSError as error:  # picamera2 takes any board it does not know for one with a hardware encoder
                if kind is kinds[-1]:
                    raise
                print(f"{kind.__name__}: {error}; x264 instead", file=sys.stderr)
                continue
            self._encoder = encoder
            break
        within(OPEN_S, "start()", picamera.start)
        return self._found()

    def _found(self) -> dict[str, Any]:
        config = self._picamera.camera_configuration()
        width, height = config["main"]["size"]
        software = type(self._encoder).__name__.startswith("Libav")
        model = str(self._picamera.camera_properties.get("Model", "camera"))
        return {"width": width, "height": height, "encoder": "x264" if software else "hardware", "model": model}

    def picture(self) -> tuple[bytes, int]:
        """(luma, height) of the next small picture. TimeoutError when none comes."""
        array = self._picamera.capture_array("lores", wait=PICTURE_S)
        width, height = self._picamera.camera_configuration()["lores"]["size"]
        return bytes(array[:height, :width].tobytes()), height

    def stop(self) -> None:
        """Stop and close as far as it lets itself. Hung names the call that did not return."""
        within(STOP_S, "cancel_all_and_flush()", self._picamera.cancel_all_and_flush)
        within(STOP_S, "stop()", self._picamera.stop)
        if self._encoder is not None:
            within(STOP_S, "stop_encoder()", self._picamera.stop_encoder)
        within(STOP_S, "close()", self._picamera.close)


def _opened(number: int) -> Any:
    from picamera2 import Picamera2

    try:
        return Picamera2(number)
    except IndexError:
        raise RuntimeError(f"no camera {number}: is its cable in, and is it in rpicam-hello --list-cameras?") from None


def run(number: int, size: tuple[int, int], fps: int, kbit_s: int, areas: Sequence[Area]) -> int:
    """Until the recorder has enough. Exit code."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever picamera2 prints is not for the recorder to read
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    sender = Sender(out, over)

    def unmasked(why: str) -> None:
        sender.say(FAILED, f"picamera2: {why}")
        os._exit(1)  # at once: this is the thread that would hand the frame on

    try:
        camera = Camera(number, size, fps, kbit_s)
        sender.say(HELLO, json.dumps(camera.start(sender, Masks(areas, unmasked) if areas else None)))
        _serve(camera, sender, over)
        camera.stop()
    except Hung as error:
        sender.say(FAILED, f"picamera2: {error}")
        return 3
    except ModuleNotFoundError as error:
        sender.say(FAILED, f"picamera2: {error.name} is not there: {INSTALL}")
        return 1
    except Exception as error:  # noqa: BLE001 - libcamera and picamera2 raise anything; the recorder is told in words
        sender.say(FAILED, f"picamera2: {in_words(error)}")
        return 1
    return 0


def _serve(camera: Camera, sender: Sender, over: threading.Event) -> None:
    asked = threading.Event()

    def listen() -> None:
        while os.read(0, 64):
            asked.set()
        over.set()
        asked.set()

    threading.Thread(target=listen, daemon=True, name="listener").start()
    while not over.is_set():
        if asked.wait(0.2) and not over.is_set():
            asked.clear()
            with contextlib.suppress(TimeoutError):  # no frames: the recorder notices that by itself
                sender.picture(*camera.picture())


def main() -> None:
    number, width, height, fps, kbit_s = map(int, sys.argv[1:6])
    code = run(number, (width, height), fps, kbit_s, json.loads(sys.argv[6]))
    sys.stderr.flush()
    os._exit(code)  # what hangs is left behind


if __name__ == "__main__":
    main()
