"""What ports.Camera promises, asked of every source that can run without a camera.

Each source is made to fall silent in its own way, and to come back; the test card never fails, and a file ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import sp_rtsp
from sp_wire import Wire, pictures

from agent.recorder.fragments import Fragmenter
from agent.runtime.clock import SystemClock
from hw.cameras import open_camera
from hw.cameras.csi import CsiCamera
from hw.cameras.specs import rtsp_spec, tcp_spec
from hw.cameras.stream import StreamCamera
from hw.ports import Camera, HardwareError

STALL_S = 1.0
ENDS_S = 15.0  # far above any limit of a source, far below for ever
GST = (
    "gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 ! h264parse config-interval=-1 "
    "! mpegtsmux ! fdsink"
)
WORKER = ("-m", "hw.cameras.mock_picamera2", "hw/cameras/csi_worker.py", "--")


@dataclass
class Source:
    """A camera, and how to silence what is behind it."""

    camera: Camera
    silence: Callable[[], None] | None = None
    wake: Callable[[], None] = lambda: None
    over: list[Callable[[], None]] = field(default_factory=list)


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return sp_rtsp.card_file(tmp_path_factory.mktemp("media"), seconds=4, gop=1)


def rtsp(card):
    server = sp_rtsp.RtspServer({"main": card})
    camera = StreamCamera(rtsp_spec(server.url("main"), None), stall_s=STALL_S)
    return Source(camera, server.freeze, server.thaw, [server.thaw, server.close])


def pipe(_):
    camera = open_camera(f"pipe: {GST}", stall_s=STALL_S)
    return Source(camera, lambda: os.kill(camera._feed._source.pid, signal.SIGSTOP))


def csi(_):
    camera = CsiCamera("csi:?size=320x180&fps=10", stall_s=STALL_S, command=[sys.executable, *WORKER])
    return Source(camera, lambda: os.kill(camera._child.pid, signal.SIGSTOP))


def tcp(_):
    quiet = threading.Event()

    def script(line, number):
        for second in range(60):
            line.live(pictures(10, gop=5, size=(320, 180)), start_s=10.0 + second)
            if quiet.is_set():
                line.wait(60)

    wire = Wire().plays(script)
    return Source(StreamCamera(tcp_spec(wire.source), stall_s=STALL_S), quiet.set, quiet.clear, [wire.close])


def card_camera(_):
    return Source(open_camera("testcard:320x180/20"))


def file_camera(card):
    return Source(open_camera(f"file:{card}"))


SOURCES = {"rtsp": rtsp, "pipe": pipe, "csi": csi, "tcp": tcp, "testcard": card_camera, "file": file_camera}


class Life:
    """One source opened, read, closed, opened again, silenced, and opened once more; what was seen of it."""

    def __init__(self, source):
        self.source, self.camera, self.died = source, source.camera, None
        self.silence = ""
        self.thread = threading.Thread(target=self._guarded, daemon=True)
        self.thread.start()

    def _guarded(self):
        try:
            self._live()
        except BaseException as error:  # noqa: BLE001 - a test looks at it
            self.died = error
        finally:
            self.camera.close()

    def _live(self):
        camera = self.camera
        template = camera.open()
        self.template = (template.codec_context.name, template.codec_context.width)
        self.about, self.pictures, self.seen = camera.about, camera.pictures, None
        fragmenter = Fragmenter(template, 1, SystemClock().stamp)
        self.packets, self.kept = [], []
        for _ in range(22):
            packet, mono_ns = camera.read()
            self.seen = camera.picture() or self.seen
            stamp = packet.pts if packet.dts is None else packet.dts
            self.packets.append((None if stamp is None else stamp * packet.time_base, packet.is_keyframe, mono_ns))
            self.kept += fragmenter.add(packet, mono_ns)
        self.kept += fragmenter.finish()
        camera.close()
        camera.close()
        camera.open()
        self.again = read(camera, 3)
        if self.source.silence is not None:
            self._fall_silent(camera)

    def _fall_silent(self, camera):
        self.source.silence()
        try:
            read(camera, 200)
        except HardwareError as error:
            self.silence = str(error)
        camera.close()
        self.source.wake()
        camera.open()
        self.again_after_silence = read(camera, 3)


@pytest.fixture(scope="module")
def lives(card):
    sources = {name: make(card) for name, make in SOURCES.items()}
    lived = {name: Life(source) for name, source in sources.items()}
    try:
        until = time.monotonic() + ENDS_S * 3
        for life in lived.values():
            life.thread.join(max(0.0, until - time.monotonic()))
        yield lived
    finally:
        for source in sources.values():
            for step in source.over:
                step()


@pytest.fixture(params=SOURCES)
def life(request, lives):
    return lives[request.param]


def read(camera, count):
    return [camera.read() for _ in range(count)]


def test_every_call_ended_and_none_failed(life):
    assert not life.thread.is_alive()
    assert life.died is None


def test_packets_come_with_rising_times_and_keyframes(life):
    assert life.template == ("h264", 320)
    assert "320x180" in life.about
    arrivals = [mono_ns for _, _, mono_ns in life.packets]
    assert arrivals == sorted(arrivals)
    assert 0 <= time.monotonic_ns() - arrivals[-1] < 10 * ENDS_S * 1e9
    stamps = [stamp for stamp, _, _ in life.packets if stamp is not None]
    assert stamps == sorted(set(stamps))
    assert len(stamps) >= 18
    assert sum(key for _, key, _ in life.packets) >= 1


def test_what_came_can_be_kept(life):
    assert life.kept[0].key
    assert sum(fragment.frames for fragment in life.kept) >= 10
    assert b"avc1" in life.kept[0].init


def test_closed_twice_it_can_be_opened_again(life):
    assert len(life.again) == 3


def test_pictures_are_there_where_the_camera_says_so(life):
    assert (life.seen is not None) == life.pictures
    if life.seen is not None:
        assert (life.seen.width, life.seen.height, len(life.seen.luma)) == (320, 180, 320 * 180)
        assert len(set(life.seen.luma)) > 20


@pytest.mark.parametrize("name", ["rtsp", "pipe", "csi", "tcp"])
def test_who_is_silent_is_noticed_and_can_be_opened_again(lives, name):
    life = lives[name]
    assert "nothing came for 1 s" in life.silence
    assert len(life.again_after_silence) == 3
