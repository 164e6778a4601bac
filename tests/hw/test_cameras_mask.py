"""Masked pixels are constant in what is stored, whoever encodes; nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from sp_rtsp import card_file

from hw.cameras import open_camera
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


def test_a_stream_is_decoded_masked_and_encoded_again(tmp_path: Path) -> None:
    source = f"file:{card_file(tmp_path, seconds=2, fps=30)}"
    camera = open_camera(source, masks=[MASK], encode=True)
    check(decoded(camera, 20))
    assert camera.pictures


@pytest.mark.parametrize("source", ["rtsp://127.0.0.1/x", "tcp://127.0.0.1:9", "csi:", "pipe: cat"])
def test_what_is_encoded_elsewhere_is_refused_rather_than_recorded_unmasked(source: str) -> None:
    with pytest.raises(HardwareError, match="no mask can be painted"):
        open_camera(source, masks=[MASK])


def test_every_pixel_that_an_area_touches_is_painted() -> None:
    inside = {(y, x) for y, start, end in spans([[10, 10], [90, 50], [30, 90]], 40, 20) for x in range(start, end)}
    assert {(2, 4), (9, 34), (17, 12), (9, 20)} <= inside
    assert not {(0, 0), (19, 39), (2, 30), (0, 20)} & inside
    corner = spans([[98, 95], [100, 95], [100, 100], [98, 100]], 10, 10)
    assert {(y, x) for y, start, end in corner for x in range(start, end)} >= {(9, 9)}, "less than a pixel is one"


def test_painting_leaves_the_decoders_picture_alone() -> None:
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([100]) * plane.buffer_size)
    painted = Painter([[[0, 0], [100, 0], [100, 100], [0, 100]]]).paint(frame)
    assert set(frame.to_ndarray()[:48].flat) == {100}
    assert set(painted.to_ndarray()[:48].flat) == {BLACK}
