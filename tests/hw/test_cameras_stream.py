"""Stream copy: what comes out of real servers and files, and that every call ends and no password is shown."""

import io
import itertools
import socket
import threading
import time

import av
import pytest
import sp_rtsp

from hw.cameras import open_camera, specs, v4l2
from hw.cameras.sps import never_reordered
from hw.cameras.stream import StreamCamera, _Rest
from hw.ports import HardwareError

SECRET = "p@ss:w/rd"


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return sp_rtsp.card_file(tmp_path_factory.mktemp("media"), seconds=4)


@pytest.fixture
def mute():
    """A server that accepts and never sends; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken = []

    def accept():
        while True:
            try:
                taken.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for connection in taken:
        connection.close()


def quick(spec, stall_s=1.0):
    return StreamCamera(spec, stall_s=stall_s, open_s=1.0)


def read(camera, count):
    return [camera.read() for _ in range(count)]


def test_rtsp_gives_packets_with_arrival_times_and_the_headers_to_keep_them(card):
    with sp_rtsp.RtspServer({"main": card}) as server:
        camera = open_camera(server.url("main"))
        video = camera.open()
        assert (video.codec_context.name, video.codec_context.width) == ("h264", 320)
        assert video.codec_context.extradata
        found = read(camera, 20)
        camera.close()
        camera.close()
    assert any(packet.is_keyframe for packet, _ in found)
    arrivals = [mono_ns for _, mono_ns in found]
    assert arrivals == sorted(arrivals)
    assert abs(time.monotonic_ns() - arrivals[-1]) < 5_000_000_000


@pytest.mark.parametrize(("credentials", "reason"), [
    (None, "refused user or password (401)"), (("viewer", "wrong-" + SECRET), "refused user or password (401)"),
])  # fmt: skip
def test_rtsp_refused_names_no_password(card, credentials, reason, capfd):
    with sp_rtsp.RtspServer({"main": card}, "viewer", SECRET) as server:
        with pytest.raises(HardwareError) as caught:
            open_camera(server.url("main"), credentials=credentials).open()
        shown = server.url("main")
    assert str(caught.value) == f"{shown}: {reason}: see secrets.toml"
    assert caught.value.__cause__ is None
    out, err = capfd.readouterr()
    assert "wrong" not in out + err + repr(caught.value)


def test_credentials_with_any_character_are_understood(card):
    with sp_rtsp.RtspServer({"main": card}, "view er", SECRET) as server:
        camera = open_camera(server.url("main"), credentials=("view er", SECRET))
        camera.open()
        read(camera, 3)
        assert SECRET not in repr(camera._spec)
        camera.close()


@pytest.mark.parametrize(("only", "transport", "fine"), [
    ("udp", "tcp", False), ("udp", "tcp-or-udp", True),
    pytest.param("udp", "udp", True, marks=pytest.mark.long),
    pytest.param("tcp", "tcp-or-udp", True, marks=pytest.mark.long),
])  # fmt: skip
def test_rtsp_goes_over_tcp_and_over_udp_where_that_is_allowed(card, only, transport, fine):
    with sp_rtsp.RtspServer({"main": card}, over=only) as server:
        camera = open_camera(server.url("main"), transport=transport)
        if fine:
            camera.open()
            assert len(read(camera, 10)) == 10
            camera.close()
        else:
            with pytest.raises(HardwareError, match=r"rtsp://127.0.0.1:\d+/main: "):
                camera.open()


def test_a_stream_that_is_not_there_says_so(card):
    with (
        sp_rtsp.RtspServer({"main": card}) as server,
        pytest.raises(HardwareError, match=r"has no such stream \(404\)"),
    ):
        open_camera(server.url("other")).open()


def test_a_camera_that_refuses_the_connection_says_so(free_port):
    with pytest.raises(HardwareError, match=rf"tcp://127.0.0.1:{free_port}: connection refused"):
        open_camera(f"tcp://127.0.0.1:{free_port}").open()


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "tcp"])
def test_a_name_that_nobody_knows_is_said_to_be_that(scheme):
    with pytest.raises(HardwareError, match=r"name or service not known|temporary failure in name resolution"):
        open_camera(f"{scheme}://no-such-host.invalid:8554/main").open()


@pytest.mark.parametrize("scheme", ["rtsp", "tcp"])
def test_a_server_that_accepts_and_never_sends_is_given_up(mute, scheme):
    source = f"{scheme}://127.0.0.1:{mute}"
    spec = specs.tcp_spec(source, open_s=1.0) if scheme == "tcp" else specs.rtsp_spec(source, ("viewer", SECRET))
    with pytest.raises(HardwareError, match="nothing came for 1 s") as caught:
        quick(spec).open()
    assert SECRET not in str(caught.value)


def test_a_camera_that_stops_sending_is_noticed(card):
    with sp_rtsp.RtspServer({"main": card}) as server:
        camera = quick(specs.rtsp_spec(server.url("main"), None))
        camera._open_s = 5.0
        camera.open()
        read(camera, 5)
        server.freeze()
        with pytest.raises(HardwareError, match="nothing came for 1 s"):
            read(camera, 1000)
        camera.close()
        server.thaw()


def test_a_server_that_goes_away_is_an_error_and_not_an_end(card):
    server = sp_rtsp.RtspServer({"main": card})
    camera = open_camera(server.url("main"))
    camera.open()
    read(camera, 3)
    server.close()
    with pytest.raises(HardwareError, match=r"rtsp://127.0.0.1:\d+/main: "):
        read(camera, 1000)
    camera.close()


def test_a_file_is_played_at_its_pace_and_ends(card):
    camera = open_camera(f"file:{card}")
    camera.open()
    found = list(itertools.takewhile(lambda item: item is not None, (camera.read() for _ in range(1000))))
    assert len(found) == 60
    assert 3.5 < (found[-1][1] - found[0][1]) / 1e9 < 6
    assert camera.read() is None
    camera.open()
    assert camera.read()[0].is_keyframe
    camera.close()


def test_only_video_is_taken(tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        out.mux(sound.encode(frame))
    with pytest.raises(HardwareError, match="has no video"):
        open_camera(f"file:{path}").open()


@pytest.mark.parametrize("content", [b"", b"\0" * 10_000, b"<html>not a camera</html>"])
def test_what_is_no_stream_is_one_clear_error(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(HardwareError, match=f"file:{path}: "):
        open_camera(f"file:{path}").open()


def test_b_frames_come_with_decoding_times_or_none_but_never_wrong_ones(tmp_path):
    path = tmp_path / "b.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=15, options={"bf": "2", "g": "30"})
        video.width, video.height = 320, 180
        for n in range(45):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([n * 5 % 250]) * plane.buffer_size)
            frame.pts = n
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    with sp_rtsp.RtspServer({"main": path}) as server:
        camera = open_camera(server.url("main"))
        camera.open()
        stamps = [(packet.pts, packet.dts) for packet, _ in read(camera, 30)]
        camera.close()
    known = [(pts, dts) for pts, dts in stamps if dts is not None]
    assert len(known) >= 26
    assert all(pts >= dts for pts, dts in known)
    assert any(pts > dts for pts, dts in known)


@pytest.mark.parametrize(
    "source", ["http://x/y", "main", "", "testcard:banana", "testcard:100x50", "/dev/video0?colour=red"]
)
def test_a_source_of_no_known_form_is_refused(source):
    with pytest.raises(HardwareError):
        open_camera(source)


def test_v4l2_options_reach_ffmpeg_under_its_names():
    spec = v4l2.V4l2Camera("/dev/video0?size=1280x720&fps=15&kbit_s=900").spec("h264")
    assert (spec.location, spec.format) == ("/dev/video0", "v4l2")
    assert spec.options == {"input_format": "h264", "video_size": "1280x720", "framerate": "15"}


def test_a_v4l2_device_that_is_not_there_says_so():
    with pytest.raises(HardwareError, match="/dev/video97: no such file or directory"):
        open_camera("/dev/video97").open()


def test_test_cards_of_other_sizes():
    camera = open_camera("testcard:320x180/20", label="yard")
    assert camera.open().codec_context.width == 320
    camera.close()


def headers(**options):
    """The first packet of libx264, headers in front of it as Annex B has them."""
    with av.open(io.BytesIO(), "w", format="h264") as out:
        video = out.add_stream("libx264", rate=10, options=options)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        frame = av.VideoFrame(320, 180, "yuv420p")
        frame.pts = 0
        packets = [*video.encode(frame), *video.encode(None)]
        return bytes(packets[0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"profile": "baseline"}, True),
        ({"profile": "main", "bf": "0"}, True),
        ({"profile": "high", "bf": "0"}, True),
        ({"profile": "main", "bf": "2"}, False),
        ({"profile": "high", "bf": "3"}, False),
    ],
)
def test_headers_tell_whether_pictures_may_be_reordered(options, expected):
    assert never_reordered(headers(**options)) is expected


@pytest.mark.parametrize(
    "data", [None, b"", b"\0\0\1", b"\0\0\1\x67", b"\0\0\1\x67\x4d\0\x1f", b"\1\x64\0\x1f", b"\0\0\1\x68xyz"]
)
def test_headers_that_say_nothing_rule_nothing_out(data):
    assert never_reordered(data) is False


@pytest.fixture
def rests(monkeypatch):
    """How long was rested, each time."""
    found = []
    monkeypatch.setattr("hw.cameras.stream.time.sleep", found.append)
    return found


def test_what_lies_in_the_socket_is_asked_when_what_was_seen_there_is_read_up(rests):
    """Pictures of 16 KB, ten at a time: it asks once for them all, and rests when there is none left."""
    asked, answers = [], iter([170_000, 20_000, 0, 170_000])
    rest = _Rest(200_000, lambda: asked.append(1) or next(answers))
    rest._typical_bytes = 16_000
    for _ in range(10):
        rest.before()
        rest.after(16_000, waited=False)
    assert (len(asked), rests) == (1, [])
    rest.before()
    rest.after(16_000, waited=False)
    assert (len(asked), rests) == (2, []), "one more was there"
    rest.before()
    assert (len(asked), len(rests)) == (3, 1)
    rest.before()
    assert (len(asked), len(rests)) == (4, 1), "after a rest it is seen anew"


def test_a_read_that_had_to_wait_is_followed_by_a_rest_where_nothing_is_seen(rests):
    rest = _Rest()
    for waited in (False, True):
        rest.before()
        rest.after(1000, waited=waited)
    assert rests == []
    rest.before()
    rest.before()
    assert len(rests) == 1


def test_reading_after_close_is_an_error_of_the_camera(card):
    with sp_rtsp.RtspServer({"main": card}) as server:
        camera = open_camera(server.url("main"))
        camera.open()
        camera.read()
        camera.close()
        with pytest.raises(HardwareError):
            camera.read()
