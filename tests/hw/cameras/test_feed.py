"""Bytes for FFmpeg: limits on pictures and not on bytes, a look that can be repeated, and room for what gathers."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
import sp_rtsp
from sp_wire import Wire, pictures

from hw.cameras.child import PIPE_BYTES, Child
from hw.cameras.feed import ROOM_BYTES, Feed, TcpSource, bytes_in, connection_to, room_in
from hw.cameras.specs import rtsp_spec, tcp_spec
from hw.cameras.stream import StreamCamera
from hw.ports import HardwareError


class Said:
    """A source that has these answers; None is silence."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def receive(self, size, timeout_s):
        return self.answers.pop(0) if self.answers else None

    def ending(self):
        return "said so"

    def room(self):
        return 0

    def close(self):
        pass


def test_what_was_read_can_be_read_again_until_it_is_kept_no_more():
    feed = Feed(Said(b"abc", b"def", b"ghi"), 5)
    assert [feed.read(9), feed.read(9)] == [b"abc", b"def"]
    feed.rewind()
    assert [feed.read(4), feed.read(9)] == [b"abcd", b"ef"]
    feed.rewind()
    feed.read(2)
    feed.keep_no_more()
    assert [feed.read(9), feed.read(9)] == [b"cdef", b"ghi"]
    assert feed._kept is None
    assert feed.read(9) == b""


@pytest.mark.parametrize(
    ("answers", "why"),
    [((b"",), "said so"), ((None,), "nothing came for 5 s (said so)"), ((), "nothing came for 5 s (said so)")],
)
def test_an_end_is_an_end_whatever_it_is_and_says_which(answers, why):
    feed = Feed(Said(*answers), 5)
    assert (feed.ending(), feed.read(9)) == ("", b"")
    assert (feed.ending(), feed.over) == (why, True)
    assert feed.read(9) == b""


def test_bytes_that_are_no_pictures_are_silence():
    """A stream of something else: what counts is when the last picture came."""
    feed = Feed(Said(*[b"x" * 100] * 100_000), 0.05)
    feed.keep_no_more()
    reads = sum(1 for _ in iter(lambda: feed.read(100) and not time.sleep(0.001), b""))
    assert 0 < reads < 20_000
    assert feed.ending() == "nothing came for 0.05 s (said so)"


def test_a_stream_of_other_things_is_given_up():
    def script(line, number):
        line.live(pictures(10))
        while True:  # packets that no program table names
            line.raw((b"\x47\x01\xff\x10" + b"\xff" * 184) * 20)
            line.wait(0.02)

    with Wire().plays(script) as wire:
        camera = StreamCamera(tcp_spec(wire.source), stall_s=0.5)
        camera.open()
        with pytest.raises(HardwareError, match=r"nothing came for 0.5 s"):
            list(iter(camera.read, None))
        camera.close()


def test_there_is_room_for_what_gathers():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert connection_to(port) is None
        source = TcpSource("127.0.0.1", port, 5)
        taken, _ = listener.accept()
        assert source.room() >= ROOM_BYTES
        connection = connection_to(port)
        assert room_in(connection) >= ROOM_BYTES
        assert bytes_in(connection) == 0
        taken.setblocking(False)
        sent = 0
        while sent < ROOM_BYTES:  # nobody reads, and nobody has to wait
            sent += taken.send(bytes(16384))
        assert bytes_in(connection) > 0
        connection.close()
        source.close()
        taken.close()


def test_a_command_s_pipe_has_room_too():
    child = Child(["sleep", "60"])
    assert child.room() in (PIPE_BYTES, 65536)  # as much as this system lets anybody have
    child.close()


@pytest.mark.parametrize("over", ["tcp", pytest.param("rtsp", marks=pytest.mark.long)])
def test_on_a_busy_processor_nobody_rests_while_pictures_wait(monkeypatch, tmp_path, over):
    """Each read takes long, though its picture is there: no camera is left behind for that."""

    def slow_next(camera, found=StreamCamera._next):
        time.sleep(0.003)
        return found(camera)

    monkeypatch.setattr(StreamCamera, "_next", slow_next)
    with contextlib.ExitStack() as stack:
        if over == "tcp":
            wire = stack.enter_context(Wire())
            wire.plays(lambda line, number: line.live(pictures(300), fps=30))
            spec = tcp_spec(wire.source)
        else:
            server = stack.enter_context(sp_rtsp.RtspServer({"main": sp_rtsp.card_file(tmp_path, seconds=5, fps=30)}))
            spec = rtsp_spec(server.url("main"), None)
        camera = StreamCamera(spec, stall_s=5)
        camera.open()
        stack.callback(camera.close)
        rests = []
        monkeypatch.setattr(
            time, "sleep", lambda s, sleep=time.sleep: (rests.append(s) if s > 0.01 else None, sleep(s))
        )
        for _ in range(60):
            camera.read()
    assert sum(rest > 0.01 for rest in rests) < 30  # a rest before each, and five a second would be read
