"""Stands in for picamera2 where there is no camera on a ribbon: the calls that csi_worker.py makes, as 0.3.31 has them.

`install(...)` puts it where `import picamera2` finds it. Its camera shows the test card, encoded by libx264; `hangs`
names calls that never return, as the real ones do once the cable was moved.

    python3 -m hw.cameras.mock_picamera2 WORKER.py [WORLD...] -- WORDS

WORLD: encoder=hardware|x264|broken, hangs=CALL,CALL, silent_after=N, cameras=N, unmappable=1
"""

from __future__ import annotations

import io
import runpy
import sys
import threading
import time
import types
from dataclasses import dataclass
from typing import Any

import av

from hw.cameras.card import CardCode, CardPainter
from hw.cameras.encoder import CardEncoder

FOREVER_S = 3600.0


@dataclass
class World:
    """What kind of board this is, and what goes wrong. `silent_after`: pictures until the cable is moved (0: never).

    `unmappable`: buffers cannot be mapped.
    """

    cameras: int = 1
    encoder: str = "hardware"  # hardware / x264 / broken (taken for hardware, but not there)
    hangs: frozenset[str] = frozenset()
    silent_after: int = 0
    unmappable: bool = False


PADDING = 32  # a stream's rows are longer than its picture, as a Pi 5 has them


class _Array:
    """As much of a numpy array as the worker touches: rows of a YUV420 picture, padded to its stride."""

    def __init__(self, rows: list[bytes]) -> None:
        self._rows = rows

    def __getitem__(self, at: tuple[slice, slice]) -> _Array:
        return _Array([row[at[1]] for row in self._rows[at[0]]])

    def tobytes(self) -> bytes:
        return b"".join(self._rows)


class Output:
    """picamera2.outputs.Output."""

    def __init__(self, pts: Any = None) -> None:
        self.recording = False
        self.ptsoutput = pts
        self.needs_pacing = False

    def start(self) -> None:
        self.recording = True

    def stop(self) -> None:
        self.recording = False

    def outputframe(
        self, frame: Any, keyframe: bool = True, timestamp: Any = None, packet: Any = None, audio: bool = False
    ) -> None:
        """Nothing, as in the original."""


class _Encoder:
    """What both of picamera2's H.264 encoders have in common."""

    def __init__(
        self,
        bitrate: int | None = None,
        repeat: bool = True,
        iperiod: int | None = None,
        framerate: float | None = None,
        qp: int | None = None,
        profile: str | None = None,
    ) -> None:
        self.bitrate, self.repeat, self.iperiod, self.framerate = bitrate, repeat, iperiod, framerate
        self.qp, self.profile = qp, profile
        self.output: Any = None


class H264Encoder(_Encoder):
    """The one of a Pi 4's hardware (V4L2)."""

    def __init__(
        self,
        bitrate: int | None = None,
        repeat: bool = True,
        iperiod: int | None = None,
        framerate: float | None = None,
        enable_sps_framerate: bool = False,
        qp: int | None = None,
        profile: str | None = None,
    ) -> None:
        super().__init__(bitrate, repeat, iperiod, framerate, qp, profile)


class LibavH264Encoder(_Encoder):
    """The one of a Pi 5: libx264 through PyAV."""


class _Request:
    """CompletedRequest: the buffers of one frame, YUV420 with rows of `stride`."""

    def __init__(self, config: dict[str, Any], number: int) -> None:
        self.config = {
            name: {**config[name], "stride": config[name]["size"][0] + PADDING} for name in ("main", "lores")
        }
        code = CardCode(number, time.time_ns())
        self.buffers = {
            name: bytearray().join(_padded(plane, index) for index, plane in enumerate(_card(stream, code).planes))
            for name, stream in self.config.items()
        }

    def main(self, _: Any = None) -> Any:
        """What is in the main stream's buffer, as an encoder takes it."""
        (width, height), stride = self.config["main"]["size"], self.config["main"]["stride"]
        made, at = av.VideoFrame(width, height, "yuv420p"), 0
        for plane, line in zip(made.planes, (stride, stride // 2, stride // 2), strict=True):
            rows = (self.buffers["main"][at + y * line : at + y * line + plane.width] for y in range(plane.height))
            plane.update(b"".join(row.ljust(plane.line_size, b"\0") for row in rows))
            at += line * plane.height
        return made


def _card(stream: dict[str, Any], code: CardCode) -> Any:
    return CardPainter(*stream["size"]).frame(code)


def _padded(plane: Any, index: int) -> bytes:
    luma, line = bytes(plane), plane.width + PADDING // (2 if index else 1)
    rows = (luma[y * plane.line_size : y * plane.line_size + plane.width] for y in range(plane.height))
    return b"".join(row.ljust(line, b"\0") for row in rows)


class MappedArray:
    """picamera2.MappedArray; without its reshape `array` is flat."""

    def __init__(self, request: _Request, stream: str, reshape: bool = True, write: bool = True) -> None:
        if reshape or not write:
            raise NotImplementedError("the stand-in maps flat and to write")
        self._buffer = request.buffers[stream]

    def __enter__(self) -> MappedArray:
        if Picamera2.world.unmappable:
            raise OSError("mmap failed")
        self.array = memoryview(self._buffer)
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_traceback: Any) -> None:
        self.array.release()


class Picamera2:
    """One camera: a thread that encodes the card at the asked pace, from start() to stop()."""

    world = World()

    def __init__(
        self, camera_num: int = 0, verbose_console: Any = None, tuning: Any = None, allocator: Any = None
    ) -> None:
        if camera_num >= self.world.cameras:
            raise IndexError("list index out of range")
        self.camera_properties = {"Model": "imx708"}
        self._config: dict[str, Any] | None = None
        self._encoder: _Encoder | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._frame = threading.Condition()
        self._newest: _Request | None = None
        self.pre_callback: Any = None

    def create_video_configuration(
        self,
        main: dict[str, Any] = {},  # noqa: B006 - the original's signature
        lores: dict[str, Any] | None = None,
        raw: dict[str, Any] = {},  # noqa: B006
        transform: Any = None,
        colour_space: Any = None,
        buffer_count: int = 6,
        controls: dict[str, Any] = {},  # noqa: B006
        display: str = "main",
        encode: str = "main",
        queue: bool = True,
        sensor: dict[str, Any] = {},  # noqa: B006
        use_case: str = "video",
    ) -> dict[str, Any]:
        """A configuration; sizes are made even as the original does."""
        made = {"main": {"format": "XBGR8888", "size": (1280, 720), **main}, "lores": lores, "controls": controls}
        for stream in (made["main"], made["lores"]):
            if stream is not None:
                stream["size"] = tuple(side - side % 2 for side in stream["size"])
        return made

    def configure(self, camera_config: Any = None) -> None:
        """RuntimeError as the original has it for a lores stream larger than the main one."""
        self._hang("configure")
        main, lores = camera_config["main"]["size"], (camera_config["lores"] or camera_config["main"])["size"]
        if lores[0] > main[0] or lores[1] > main[1]:
            raise RuntimeError("lores stream dimensions may not exceed main stream")
        self._config = camera_config

    def camera_configuration(self) -> dict[str, Any] | None:
        return self._config

    def start_encoder(
        self, encoder: Any = None, output: Any = None, pts: Any = None, quality: Any = None, name: str | None = None
    ) -> None:
        """OSError where the hardware's encoder is not there."""
        self._hang("start_encoder")
        if isinstance(encoder, H264Encoder) and self.world.encoder == "broken":
            raise FileNotFoundError(2, "No such file or directory", "/dev/video11")
        if not isinstance(output, Output):
            raise RuntimeError("Must pass Output")  # noqa: TRY004 - the original's
        encoder.output = output
        self._encoder = encoder
        output.start()

    def start(self, config: Any = None, show_preview: bool = False) -> None:
        self._hang("start")
        self._over.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._hang("stop")
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def stop_encoder(self, encoders: Any = None) -> None:
        self._hang("stop_encoder")
        if self._encoder is None:
            raise RuntimeError("Encoder already stopped")
        self._encoder.output.stop()
        self._encoder = None

    def cancel_all_and_flush(self) -> None:
        self._hang("cancel_all_and_flush")

    def close(self) -> None:
        self._hang("close")

    def capture_array(self, name: str = "main", wait: Any = None, signal_function: Any = None) -> _Array:
        """The next frame. TimeoutError after `wait` seconds, for ever without a number."""
        assert self._config is not None
        with self._frame:
            seen = self._newest
            fresh = self._frame.wait_for(lambda: self._newest is not seen, wait if wait not in (None, True) else None)
            if not fresh or self._newest is None:
                raise TimeoutError
            newest = self._newest
        stride, picture = newest.config[name]["stride"], bytes(newest.buffers[name])
        return _Array([picture[at : at + stride] for at in range(0, len(picture), stride)])

    def _hang(self, call: str) -> None:
        if call in self.world.hangs:
            time.sleep(FOREVER_S)

    def _run(self) -> None:
        assert self._config is not None
        assert self._encoder is not None
        encoder, (width, height) = self._encoder, self._config["main"]["size"]
        fps = round(1_000_000 / self._config["controls"]["FrameDurationLimits"][0])
        sink = av.open(io.BytesIO(), "w", format="mpegts")  # its headers stay in the stream: repeat
        card, began, number = CardEncoder(sink, width, height, fps, gop=encoder.iperiod), time.monotonic(), 0
        while not self._over.wait(max(0.0, began + number / fps - time.monotonic())):
            if self.world.silent_after and number >= self.world.silent_after:
                continue  # libcamera says "Camera frontend has timed out" to its log, and nothing to anybody else
            request = _Request(self._config, number)
            if self.pre_callback:
                self.pre_callback(request)
            for packet in card.encode(number, painted=request.main):
                encoder.output.outputframe(bytes(packet), packet.is_keyframe, number * 1_000_000 // fps)
            number += 1
            with self._frame:
                self._newest = request
                self._frame.notify_all()
        sink.close()


def install(world: World) -> None:
    """Put modules picamera2, picamera2.encoders and picamera2.outputs where import finds them."""
    package, encoders, outputs = (types.ModuleType(f"picamera2{name}") for name in ("", ".encoders", ".outputs"))
    Picamera2.world = world
    hardware = world.encoder in ("hardware", "broken")
    package.__dict__.update(Picamera2=Picamera2, MappedArray=MappedArray, encoders=encoders, outputs=outputs)
    encoders.__dict__.update(
        H264Encoder=H264Encoder if hardware else LibavH264Encoder, LibavH264Encoder=LibavH264Encoder
    )
    outputs.__dict__.update(Output=Output)
    sys.modules.update({module.__name__: module for module in (package, encoders, outputs)})


def main() -> None:
    """Run a script as if picamera2 were here."""
    words, arguments = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    asked = dict(word.split("=", 1) for word in words[1:])
    world = World(
        cameras=int(asked.get("cameras", 1)),
        encoder=asked.get("encoder", "hardware"),
        hangs=frozenset(filter(None, asked.get("hangs", "").split(","))),
        silent_after=int(asked.get("silent_after", 0)),
        unmappable="unmappable" in asked,
    )
    install(world)
    sys.argv = [words[0], *arguments]
    runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
