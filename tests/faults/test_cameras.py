"""Cameras that misbehave: whatever comes down the wire, footage before and after it plays, and the gap says why.

Every fault is played at once, each by a camera of its own and into a folder of its own: most of the time is waiting.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import time

import av
import pytest
from sp_recorder import card_numbers, decode_errors, packets, until
from sp_taking import Taking
from sp_wire import Wire, pictures

from agent.recorder import camera as camera_module
from hw.cameras import open_camera
from hw.cameras.specs import tcp_spec
from hw.cameras.stream import StreamCamera

NO_KEYFRAME_S = 2  # instead of 30: the fault is the same, only shorter
DEADLINE_S = 60.0
LIMIT_S = 1.5
START_S = 10.0
# pictures that the change of codec itself may cost: FFmpeg's parser holds one, and one waits for the next keyframe
LOST_AT_A_CHANGE = 2


def resolution(line, number):
    line.live(pictures(15))
    line.live(pictures(15, size=(320, 192), first=15), start_s=START_S + 1.5)
    line.well_again(30, START_S + 3)


def codec(line, number):
    line.live(pictures(15))
    line.live(pictures(15, codec="hevc", first=15), codec="hevc", start_s=START_S + 1.5)
    line.well_again(30, START_S + 3)


def jump_forward(line, number):
    line.live(pictures(15))
    line.well_again(15, START_S + 5000)


def jump_back(line, number):
    line.live(pictures(15))
    line.well_again(15, START_S - 8)


def stand_still(line, number):
    line.live(pictures(30), times=[(START_S + min(n, 5) / 10,) * 2 for n in range(30)])
    line.well_again(30, START_S + 3)


def run_backwards(line, number):
    line.live(pictures(30), times=[(START_S + 9 - n / 10,) * 2 for n in range(30)])
    line.well_again(30, START_S + 10)


def reordered(line, number):
    line.live(pictures(30, b=2))
    line.well_again(30, START_S + 3)


def no_keyframe(line, number):
    """After a good second only pictures that want a keyframe which never comes; anew connected there is one."""
    if number == 0:
        line.live(pictures(10))
        line.live([shot for shot in pictures(100, gop=400, first=10) if not shot.key], start_s=START_S + 1)
        return
    line.wait(1.0)
    line.well_again()


def garbage(line, number):
    chance = random.Random(4)
    line.live(pictures(15))
    for _ in range(20):
        line.raw(chance.randbytes(1880))
        line.wait(0.01)
    damaged = [shot._replace(data=shot.data[:60] + chance.randbytes(len(shot.data) - 60)) for shot in pictures(10)]
    line.live(damaged, start_s=START_S + 1.5)
    line.well_again(start_s=START_S + 2.5)


def mute(line, number):
    """Takes the connection and sends nothing; the third time it is well again."""
    if number < 2:
        line.wait(DEADLINE_S)
    line.well_again()


def unplugged(line, number):
    if number == 0:
        line.live(pictures(15))
    elif number > 2:
        line.well_again()


def stalled(line, number):
    if number == 0:
        line.live(pictures(15))
        line.wait(DEADLINE_S)
    line.well_again()


DAMAGED = ("garbage", "codec")  # their pictures arrive damaged, or one is missing
FAULTS = {
    fault.__name__: fault
    for fault in (
        resolution, codec, jump_forward, jump_back, stand_still, run_backwards, reordered, no_keyframe, garbage, mute,
        unplugged, stalled,
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """name -> what was recorded while this was played."""
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(camera_module, "KEYFRAME_NS", NO_KEYFRAME_S * 1_000_000_000)
        wires = {name: Wire().plays(fault) for name, fault in FAULTS.items()}
        takings = {name: Taking(folder / name, quick(wire.source)) for name, wire in wires.items()}
        try:
            left, deadline = dict(takings), time.monotonic() + DEADLINE_S
            while left:
                for name in [name for name in left if wires[name].well.wait(0.1)]:
                    left.pop(name).end()
                assert time.monotonic() < deadline, f"never well again: {sorted(left)}"
            yield takings
        finally:
            for taking in takings.values():
                taking.close()
            for wire in wires.values():
                wire.close()


def quick(source):
    """A camera that gives up soon."""
    return StreamCamera(tcp_spec(source, open_s=LIMIT_S), stall_s=LIMIT_S)


def numbers(taking):
    return [card_numbers(path) for path in taking.files]


def causes(taking):
    return [re.sub(r"tcp://\S+:\d+", "CAMERA", gap.cause) for gap in taking.gaps]


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_dies_and_every_segment_plays(played, name):
    taking = played[name]
    assert taking.died == []
    assert [row.state for row in taking.rows] == ["closed"] * len(taking.rows)
    for path in taking.files:
        stamps = [dts for _, dts, _ in packets(path)]
        assert stamps == sorted(set(stamps)), path.name
        assert stamps[0] == 0
        if name not in DAMAGED:
            assert complaints(path) == [], path.name


@pytest.mark.parametrize(("name", "shapes"), [
    ("resolution", [("h264", 160), ("h264", 320), ("h264", 160)]),
    ("codec", [("h264", 160), ("hevc", 160), ("h264", 160)]),
])  # fmt: skip
def test_another_size_or_codec_begins_a_segment_and_leaves_no_gap(played, name, shapes):
    taking = played[name]
    assert [shape(path) for path in taking.files] == shapes
    assert causes(taking) == []
    found = [number for number in itertools.chain(*numbers(taking)) if number < 45]
    assert found == sorted(set(found))
    assert len(found) >= 45 - (LOST_AT_A_CHANGE * 2 if name == "codec" else 0)
    assert "camera.lost" not in taking.kinds()


@pytest.mark.parametrize("name", ["jump_forward", "jump_back", "stand_still", "run_backwards", "reordered"])
def test_times_that_make_no_sense_cost_no_picture_and_no_connection(played, name):
    taking = played[name]
    assert list(itertools.chain(*numbers(taking)))[:40] == list(range(40))
    assert causes(taking) == []
    assert "camera.lost" not in taking.kinds()
    for row in taking.rows:
        length_s = (row.end_mono_ns - row.start_mono_ns) / 1e9
        assert row.frames / 10 - 1 < length_s < row.frames / 10 + 2


def test_without_a_keyframe_what_still_plays_is_kept_and_then_the_camera_is_connected_anew(played):
    taking = played["no_keyframe"]
    first, second = taking.files
    assert card_numbers(first)[:10] == list(range(10))
    assert card_numbers(second)[:19] == list(range(500, 519))
    assert [cause for cause in causes(taking) if cause] == [f"camera lost: yard: no keyframe for {NO_KEYFRAME_S} s"]
    assert taking.kinds() == ["camera.lost", "camera.restored"]


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_minute_without_a_keyframe_with_the_real_limit(tmp_path):
    """Connected anew after 30 s and as often as it then takes; what still plays of the first connection is kept."""
    began = time.monotonic()

    def script(line, number):
        shots = pictures(700, gop=2000)  # one keyframe, the first
        while (left := 61 - (time.monotonic() - began)) > 0:
            line.live(shots[number and 1 :][: max(1, round(left * 10))], start_s=START_S)
        line.well_again()

    with (
        Wire() as wire,
        contextlib.closing(Taking(tmp_path, StreamCamera(tcp_spec(wire.plays(script).source), stall_s=8))) as taking,
    ):
        assert wire.well.wait(150)
        taking.end()
        assert taking.died == []
        assert taking.kinds() == ["camera.lost", "camera.restored", "footage.gap"]
        assert taking.notes[0].reason == "yard: no keyframe for 30 s"
        assert 29_000 < taking.notes[1].lost_ms < 60_000
        first, second = taking.files
        assert len(card_numbers(first)) > 290
        assert card_numbers(first) == list(range(len(card_numbers(first))))
        assert card_numbers(second)[:15] == list(range(500, 515))
        assert complaints(first) == complaints(second) == []


def test_a_codec_that_mp4_cannot_keep_is_named_and_what_to_do(tmp_path):
    path = tmp_path / "film.webm"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libvpx", rate=10)
        video.width, video.height = 64, 48
        out.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        out.mux(video.encode(None))
    with contextlib.closing(Taking(tmp_path / "taken", open_camera(f"file:{path}"))) as taking:
        until(lambda: taking.notes, "its loss")
        taking.end()
        assert [(note.KIND, note.reason) for note in taking.notes] == [
            ("camera.lost", "yard: its codec vp8 cannot be kept in MP4: set it to H.264 or H.265")
        ]
        assert (taking.died, taking.rows) == ([], [])


def test_garbage_is_passed_over(played):
    taking = played["garbage"]
    found = list(itertools.chain(*read_numbers(taking)))
    assert found[:14] == list(range(14))
    assert set(range(500, 515)) <= set(found)


def test_who_takes_the_connection_and_sends_nothing_is_tried_again(played):
    taking = played["mute"]
    assert taking.kinds() == ["camera.lost", "camera.restored"]
    assert "nothing came for" in taking.notes[0].reason
    (path,) = taking.files
    assert card_numbers(path)[:19] == list(range(500, 519))


@pytest.mark.parametrize(("name", "reason"), [
    ("unplugged", "the camera closed the connection"), ("stalled", f"nothing came for {LIMIT_S} s"),
])  # fmt: skip
def test_a_camera_that_goes_and_comes_back_leaves_one_gap_with_its_cause(played, name, reason):
    taking = played[name]
    first, *_, last = numbers(taking)
    assert first[:10] == list(range(10))  # the last few were in FFmpeg's hands, or in nobody's
    assert last[:19] == list(range(500, 519))
    assert set(causes(taking)) == {f"camera lost: CAMERA: {reason}"}
    assert taking.kinds()[:2] == ["camera.lost", "camera.restored"]


def complaints(path):
    """What a decoder says; that some pictures come faster than they can be shown is no fault of theirs."""
    said = decode_errors(path).splitlines()
    return [line for line in said if "non monotonically" not in line and "Last message repeated" not in line]


def shape(path):
    """(codec, width) of a file's video."""
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        return context.name, context.width


def read_numbers(taking):
    """Card numbers of what can be decoded, damaged pictures left out."""
    from hw.cameras.card import read_card

    for path in taking.files:
        with av.open(str(path)) as file:
            found = []
            for packet in file.demux(video=0):
                try:
                    codes = [read_card(frame) for frame in packet.decode()]
                except av.FFmpegError:
                    continue
                found += [code.number for code in codes if code is not None]
            yield found
