"""What is decoded and what is not; packets on their way; JPEG files."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from sp_scene import Part, Scene, walk, yuv

from agent.core.quantiser import H264, HEAD_BYTES, SETS_BYTES, Quantiser
from agent.core.quantiser_h265 import H265
from agent.recorder import grey, pictures
from agent.recorder.eye import Eye, picture_of
from agent.recorder.tap import BYTES_MAX, Format, Item, Tap
from hw.ports import Picture

S = 1_000_000_000
FPS, GOP = 10, 20
QUIET_S, LENGTH_S = 12, 16


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """A scene of constant quality, as with a variable bit rate: a dash between two keyframes. Times from 1 s."""
    path = tmp_path_factory.mktemp("film") / "scene.mp4"
    dash = Part("dash", QUIET_S + 0.2, 1.4, walk(-0.1, 1.1, 0.9, 0.5, 45))
    raw = b"".join(yuv(Scene(320, 180, (dash,)), LENGTH_S, FPS))
    size = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x180", "-r", str(FPS), "-i", "-"]
    coder = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-bf", "0", "-g", str(GOP), "-sc_threshold", "0"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *size, *coder, str(path)], input=raw, check=True)
    tap, items = Tap(keep_all=True), []
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        tap.begin(stream)
        for packet in file.demux(stream):
            if packet.size:
                tap.offer(packet, int(packet.pts * packet.time_base * S) + S)
                items += tap.take()
    return items


def looked_at(items: list[Item], **more: Any) -> tuple[Eye, list[float]]:
    shown: list[float] = []
    eye = Eye(lambda frame, mono_ns: shown.append(mono_ns / S), lambda: True, **more)
    for item in items:
        eye.see(item)
    return eye, shown


def test_keyframes_are_looked_at_and_what_is_between_only_where_it_moves(film: list[Item]) -> None:
    eye, shown = looked_at(film, spent_s=lambda: 0.0)
    keyframes = list(range(1, 1 + LENGTH_S, GOP // FPS))
    assert set(keyframes) <= {round(at, 3) for at in shown}
    between = [at for at in shown if round(at % (GOP / FPS), 3) != 1]
    assert between, "somebody dashed through"
    assert all(QUIET_S < at - 1 < QUIET_S + GOP / FPS for at in between)
    assert eye.undecoded == 0


def test_an_allowance_that_is_spent_leaves_keyframes_only(film: list[Item]) -> None:
    clock = iter(range(0, 10_000, 5))
    eye, _ = looked_at(film, spent_s=lambda: float(next(clock)))  # each look takes five seconds
    generous, _ = looked_at(film, spent_s=lambda: 0.0)
    assert 0 < eye.closely < generous.closely <= 2 * GOP
    assert eye._close is None


def test_heads_of_packets_are_read_only_where_it_matters(film: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    monkeypatch.setattr(Quantiser, "of", lambda self, head: read.append(len(head)))
    keyframes = sum(item.packet.is_keyframe for item in film)
    eye = Eye(lambda frame, mono_ns: None, lambda: False)
    for item in film:
        eye.see(item)
    assert len(read) == 1 + keyframes, "the headers, and what stands before keyframes"
    assert eye._group == [], "nor are packets kept"
    read.clear()
    looked_at(film)
    assert len(read) == 1 + len(film)
    assert sorted(read)[len(film) - keyframes] <= HEAD_BYTES
    assert max(read) <= SETS_BYTES


@pytest.mark.parametrize(("codec", "reads"), [("h264", H264), ("hevc", H265), ("mjpeg", type(None))])
def test_each_codec_has_its_reader(codec: str, reads: type) -> None:
    eye = Eye(lambda frame, mono_ns: None, lambda: True)
    eye.see(Item(Format(codec, None), av.Packet(b"\0\0\1\1"), S))
    assert type(eye._quantiser) is reads


def test_a_sub_stream_is_decoded_whole(film: list[Item]) -> None:
    _, shown = looked_at(film, every=True)
    assert len(shown) == pytest.approx(LENGTH_S * FPS / 3, abs=3), "four a second of ten"


def test_garbage_is_left_out_up_to_the_next_keyframe(film: list[Item]) -> None:
    junk = av.Packet(b"\x00\x00\x01\x65" + bytes(range(200)) * 5)
    junk.is_keyframe = True
    broken = [film[0], Item(film[0].format, junk, S + 1), *film[1:]]
    _, shown = looked_at(broken)
    assert 3.0 in [round(at, 3) for at in shown]
    assert picture_of(Item(Format("h264", None), junk, 0)) is None


def test_who_is_behind_loses_the_oldest_up_to_a_keyframe() -> None:
    tap = Tap(keep_all=True)
    tap._format = Format("h264", None)
    for number in range(40):
        packet = av.Packet(bytes(BYTES_MAX // 20))
        packet.is_keyframe = number % 10 == 0
        tap.offer(packet, number)
    items = tap.take()
    assert items[0].packet.is_keyframe
    assert sum(item.packet.size for item in items) <= BYTES_MAX
    assert [item.mono_ns for item in items] == list(range(items[0].mono_ns, 40))
    assert tap.dropped == 40 - len(items)
    assert tap.take() == []


def test_a_tap_that_nobody_reads_keeps_one_keyframe(film: list[Item]) -> None:
    tap = Tap()
    tap._format = film[0].format
    for item in film:
        tap.offer(item.packet, item.mono_ns)
    assert tap.take() == []
    assert tap.keyframe is not None
    assert tap.keyframe.mono_ns == (LENGTH_S - GOP // FPS + 1) * S


def test_a_picture_as_jpeg(film: list[Item], tmp_path: Path) -> None:
    frame = picture_of(film[0])
    small = pictures.jpeg(frame, 160)
    pictures.put(tmp_path / "deep" / "a.jpg", small, sync=True)
    back = cv2.imread(str(tmp_path / "deep" / "a.jpg"), cv2.IMREAD_GRAYSCALE)
    assert back.shape == (90, 160)
    wanted = cv2.resize(grey.of_frame(frame), (160, 90), interpolation=cv2.INTER_AREA)
    assert float(np.abs(back.astype(int) - wanted).mean()) < 4, "the same picture, full range of grey"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.jpg"]


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(OSError, match="directory"):
        pictures.put(tmp_path / "a.jpg", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_a_cameras_own_picture_is_taken_as_it_is() -> None:
    luma = bytes(range(256)) * 225
    assert grey.of_picture(Picture(320, 180, luma, 0)).tobytes() == luma
