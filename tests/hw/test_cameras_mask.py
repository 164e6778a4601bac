"""Masked pixels are constant in what is stored, whoever encodes; nothing else changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sp_rtsp import card_file

from hw.cameras import open_camera
from hw.cameras.areas import hidden
from hw.cameras.csi import CsiCamera
from hw.cameras.mask import BLACK, Painter, spans
from hw.ports import Camera, HardwareError

MASK = [[50, 40], [100, 40], [100, 100], [50, 100]]


def decoded(camera: Camera, count: int) -> list[Any]:
    """So many pictures of a camera, decoded from what would be stored."""
    template = camera.open()
    context = av.CodecContext.create(template.codec_context.name, "r")
    context.extradata = template.codec_context.extradata
    frames: list[Any] = []
    try:
        while len(frames) < count:
            found = camera.read()
            assert found is not None
            frames += [frame.to_ndarray(format="gray") for frame in context.decode(found[0])]
    finally:
        camera.close()
    return frames


def check(frames: list[Any]) -> None:
    height, width = frames[0].shape
    for frame in frames:
        hidden = frame[int(0.4 * height) + 1 :, width // 2 + 1 :]
        assert int(hidden.max()) <= 8, "black but for the encoder's rounding, in every picture that is stored"
    assert float(frames[0][: height // 3].std()) > 20, "the rest is there"


def test_a_card_is_masked_before_it_is_encoded() -> None:
    check(decoded(open_camera("testcard:320x180/30", masks=[MASK]), 12))


def test_a_camera_on_the_ribbon_is_masked_before_it_is_encoded() -> None:
    command = [sys.executable, "-m", "hw.cameras.mock_picamera2", "hw/cameras/csi_worker.py", "--"]
    camera = CsiCamera("csi:?size=320x180&fps=30", masks=[MASK], command=command)
    check(decoded(camera, 12))
    camera.open()
    assert camera.picture() is None, "asks for the first"
    while (small := camera.picture()) is None:
        camera.read()
    camera.close()
    luma = np.frombuffer(small.luma, np.uint8).reshape(small.height, small.width)
    assert set(luma[int(0.4 * small.height) + 1 :, small.width // 2 + 1 :].flat) == {BLACK}, (
        "nor is it in what is looked at"
    )
    assert luma[: small.height // 3].std() > 20


def test_a_frame_on_the_ribbon_that_cannot_be_masked_ends_its_process() -> None:
    command = [sys.executable, "-m", "hw.cameras.mock_picamera2", "hw/cameras/csi_worker.py", "unmappable=1", "--"]
    with pytest.raises(HardwareError, match="a mask cannot be painted: mmap failed"):
        CsiCamera("csi:?size=320x180&fps=30", masks=[MASK], command=command).open()


def test_a_stream_is_decoded_masked_and_encoded_again(tmp_path: Path) -> None:
    source = f"file:{card_file(tmp_path, seconds=2, fps=30)}"
    camera = open_camera(source, masks=[MASK], encode=True)
    check(decoded(camera, 20))
    assert camera.pictures


@pytest.mark.parametrize("source", ["rtsp://127.0.0.1/x", "tcp://127.0.0.1:9", "pipe: cat"])
def test_what_is_encoded_elsewhere_is_refused_rather_than_recorded_unmasked(source: str) -> None:
    with pytest.raises(HardwareError, match="no mask can be painted"):
        open_camera(source, masks=[MASK])


def test_every_pixel_that_an_area_touches_is_painted() -> None:
    inside = {(y, x) for y, start, end in spans([[10, 10], [90, 50], [30, 90]], 40, 20) for x in range(start, end)}
    assert {(2, 4), (9, 34), (17, 12), (9, 20)} <= inside
    assert not {(0, 0), (19, 39), (2, 30), (0, 20)} & inside
    corner = spans([[98, 95], [100, 95], [100, 100], [98, 100]], 10, 10)
    assert {(y, x) for y, start, end in corner for x in range(start, end)} >= {(9, 9)}, "less than a pixel is one"


def test_a_whole_picture_in_one_buffer_is_hidden_but_for_its_padding() -> None:
    whole = [[0, 0], [100, 0], [100, 100], [0, 100]]
    width, height, stride = 8, 4, 12
    buffer = bytearray([7]) * (stride * height * 3 // 2)
    for at, black in hidden([whole], width, height, stride):
        buffer[at : at + len(black)] = black
    luma, chroma = bytes(buffer[: stride * height]), bytes(buffer[stride * height :])
    assert luma == (b"\x10" * 8 + b"\7" * 4) * 4
    assert chroma == (b"\x80" * 4 + b"\7" * 2) * 4, "two planes of two rows"


def test_painting_leaves_the_decoders_picture_alone() -> None:
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([100]) * plane.buffer_size)
    painted = Painter([[[0, 0], [100, 0], [100, 100], [0, 100]]]).paint(frame)
    assert set(frame.to_ndarray()[:48].flat) == {100}
    assert set(painted.to_ndarray()[:48].flat) == {BLACK}
