"""Cameras that misbehave over real RTSP: another size in the middle, another codec, no pictures though it lives."""

from __future__ import annotations

import av
import pytest
from sp_recorder import card_numbers, decode_errors, packets, until
from sp_rtsp import RtspServer, card_file
from sp_taking import Taking

from hw.cameras import stream
from hw.cameras.specs import rtsp_spec
from hw.cameras.stream import StreamCamera

STALL_S = 1.5
X265 = (
    "( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 "
    "! x265enc speed-preset=ultrafast tune=zerolatency key-int-max=10 option-string=pools=1:frame-threads=1 "
    "! h265parse config-interval=-1 ! rtph265pay name=pay0 pt=96 )"
)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def take(tmp_path):
    takings = []

    def taking(server):
        camera = StreamCamera(rtsp_spec(server.url("main"), None), stall_s=STALL_S)
        takings.append(Taking(tmp_path / "taken", camera))
        return takings[-1]

    yield taking
    for one in takings:
        one.close()


def shape(path):
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        return context.name, context.width


def whole(taking):
    """Segments that were ended, and what they are."""
    return [shape(path) for path, row in zip(taking.files, taking.rows, strict=True) if row.state == "closed"]


def test_another_size_in_the_middle_begins_a_segment_and_costs_no_picture(media, take):
    small, large = (card_file(media, seconds=1, fps=10, gop=10, size=size) for size in ((160, 128), (320, 192)))
    with RtspServer({"main": [small, large]}) as server:
        taking = take(server)
        until(lambda: len(whole(taking)) >= 3, "it changed there and back again")
        taking.end()
    shapes = [shape(path) for path in taking.files]
    assert shapes[:3] in ([("h264", 160), ("h264", 320), ("h264", 160)], [("h264", 320), ("h264", 160), ("h264", 320)])
    assert taking.died == []
    assert "camera.lost" not in taking.kinds()
    assert taking.gaps == []
    for path in taking.files[1:3]:  # each the whole of its file: nothing is lost at a change
        assert card_numbers(path) == list(range(10))
        assert decode_errors(path) == ""
        stamps = [dts for _, dts, _ in packets(path)]
        assert stamps == sorted(set(stamps))


@pytest.mark.long
def test_another_codec_after_the_camera_was_set_up_anew(media, take, free_port):
    """RTSP says what the codec is when a session begins: a camera that changes it ends the session."""
    with RtspServer({"main": card_file(media, seconds=4, fps=10, gop=10)}, port=free_port) as server:
        taking = take(server)
        until(lambda: taking.shown.recorded_until, "footage")
    with RtspServer({"main": X265}, port=free_port):
        until(lambda: "camera.restored" in taking.kinds(), "it is back")
        until(lambda: taking.rows[-1].seq > 1 and taking.files[-1].stat().st_size > 5000, "footage again")
        taking.end()
    assert [shape(path)[0] for path in taking.files] == ["h264", "hevc"]
    assert [decode_errors(path) for path in taking.files] == ["", ""]
    (gap,) = taking.gaps
    assert gap.cause.startswith("camera lost: rtsp://127.0.0.1:")
    assert taking.kinds() == ["camera.lost", "camera.restored"]


@pytest.mark.parametrize("who", [pytest.param("FFmpeg's limit", marks=pytest.mark.long), "our own clock"])
def test_pictures_that_stop_while_the_connection_stands(media, take, monkeypatch, who):
    """The server lives, answers and reports, and sends no picture. Our clock counts where FFmpeg's limit does not."""
    reason = f"nothing came for {STALL_S} s"
    if who == "our own clock":
        reason = f"no picture came for {STALL_S + 0.5:g} s"
        monkeypatch.setattr(stream, "LATE_S", 0.5)
        monkeypatch.setattr(StreamCamera, "_limits", property(lambda camera: (5.0, 600.0)))
    with RtspServer({"main": card_file(media, seconds=4, fps=10, gop=10)}) as server:
        taking = take(server)
        until(lambda: taking.shown.recorded_until, "footage")
        server.hush()
        (lost,) = until(lambda: [note for note in taking.notes if note.KIND == "camera.lost"], "its loss")
        assert lost.reason == f"{server.url('main')}: {reason}"
        server.hush()
        until(lambda: "camera.restored" in taking.kinds(), "it is back")
        size = taking.files[-1].stat().st_size
        until(lambda: taking.files[-1].stat().st_size > size, "footage again")
        taking.end()
    assert taking.died == []
    assert {gap.cause for gap in taking.gaps} == {f"camera lost: {lost.reason}"}
    assert [decode_errors(path) for path in taking.files] == [""] * len(taking.files)
    assert len(taking.files) >= 2
