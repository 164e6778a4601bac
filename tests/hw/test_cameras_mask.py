"""Masked pixels are constant in what is stored, whoever encodes; nothing else changes."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sp_rtsp import card_file

from hw.cameras import open_camera
from hw.cameras.areas import BLACK, blocks, hidden, rows, spans
from hw.cameras.csi import CsiCamera
from hw.cameras.encoder import TICKS_PER_S, Encoder, Stamps
from hw.cameras.mask import Painter
from hw.cameras.reencode import BITS_A_PIXEL, MaskedCamera
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


class Arriving:
    """A camera whose packets arrive when `arrivals` says (ns), and whose own times are as `stamped` leaves them."""

    pictures, about = False, "a file"

    def __init__(self, path: Path, arrivals: Callable[[int], int], stamped: Callable[[Any], None]) -> None:
        self._path, self._arrivals, self._stamped = path, arrivals, stamped
        self._count = 0

    def open(self) -> Any:
        self._file = av.open(str(self._path))
        self._packets = self._file.demux(video=0)
        return self._file.streams.video[0]

    def read(self) -> tuple[Any, int] | None:
        packet = next(self._packets)
        if packet.size == 0:
            return None
        self._stamped(packet)
        self._count += 1
        return packet, self._arrivals(self._count)

    def picture(self) -> None:
        return None

    def close(self) -> None:
        pass


def reencoded(path: Path, arrivals: Callable[[int], int], stamped: Callable[[Any], None]) -> list[Any]:
    camera = MaskedCamera(Arriving(path, arrivals, stamped), Painter([MASK]))
    camera.open()
    packets = []
    while (found := camera.read()) is not None:
        packets.append(found[0])
    camera.close()
    return packets


def as_stated(packet: Any) -> None:
    """The camera's own times."""


def none_stated(packet: Any) -> None:
    packet.pts = packet.dts = None


def standing(packet: Any) -> None:
    packet.pts = packet.dts = 4711


FRAME_NS, BURST = 1_000_000_000 // 30, 12


def steadily(number: int) -> int:
    return number * FRAME_NS


def in_bursts(number: int) -> int:
    """As on a busy machine: a dozen at once, then none for as long."""
    return number // BURST * BURST * FRAME_NS + number % BURST * 1000


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return card_file(tmp_path_factory.mktemp("card"), seconds=3, fps=30)


@pytest.mark.parametrize("stamped", [as_stated, none_stated, standing])
def test_packets_that_arrive_in_bursts_look_no_worse(card: Path, stamped: Callable[[Any], None]) -> None:
    steady, bursts = reencoded(card, steadily, stamped), reencoded(card, in_bursts, stamped)
    assert len(steady) >= 85
    assert [bytes(packet) for packet in bursts] == [bytes(packet) for packet in steady]


def test_pictures_are_as_far_apart_as_the_camera_says(card: Path) -> None:
    times = [packet.pts for packet in reencoded(card, in_bursts, as_stated)]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {TICKS_PER_S // 30}


@pytest.mark.parametrize("stamped", [none_stated, standing])
def test_without_times_of_the_camera_they_are_as_they_arrive(card: Path, stamped: Callable[[Any], None]) -> None:
    times = [packet.pts for packet in reencoded(card, steadily, stamped)]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} <= {2999, 3000}
    times = [packet.pts for packet in reencoded(card, in_bursts, stamped)]
    assert times == sorted(set(times))


# own times in seconds and arrivals in ns -> ticks
STAMPED = {
    "as stated, from the first arrival on": ([7, 8, 8.5], [1, 1, 1], [90_000, 180_000, 225_000]),
    "none, then some": ([None, None, 70, 71], [1, 2, 3, 9], [90_000, 180_000, 270_000, 360_000]),
    "backwards is as it arrives, and goes on": ([7, 8, 3, 4], [1, 2, 2.5, 9], [90_000, 180_000, 225_000, 315_000]),
    "a jump is as it arrives, and goes on": ([7, 8, 99, 100], [1, 2, 3, 9], [90_000, 180_000, 270_000, 360_000]),
    "standing still": ([7, 7, 7], [1, 2, 2], [90_000, 180_000, 180_001]),
    "a pause of both is bounded": ([7, 70], [1, 71], [90_000, 990_000]),
    "arrivals that run backwards": ([None, None], [5, 4], [450_000, 450_001]),
    "less than a tick": ([7, 7 + 1e-6, 7.5], [1, 1, 1], [90_000, 90_001, 135_001]),
}


@pytest.mark.parametrize(("own", "arrivals_s", "ticks"), STAMPED.values(), ids=STAMPED)
def test_times_of_frames(own: list[float | None], arrivals_s: list[float], ticks: list[int]) -> None:
    stamps = Stamps()
    stated = [None if one is None else Fraction(one) for one in own]
    came_ns = [round(one * 1_000_000_000) for one in arrivals_s]
    assert [stamps.place(*one) for one in zip(stated, came_ns, strict=True)] == ticks


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


def test_blocks_that_an_area_touches_are_painted_whole() -> None:
    triangle = [[10, 10], [90, 50], [30, 90]]
    width, height = 100, 70
    touched = blocks([triangle, [[98, 0], [100, 0], [100, 5], [98, 5]]], width, height)
    painted = {(y, x) for y, start, end in rows(touched, 16, width, height) for x in range(start, end)}
    wanted = {(y, x) for y, start, end in spans(triangle, width, height) for x in range(start, end)}
    assert wanted < painted
    whole = {(y // 16, x // 16) for y, x in wanted | {(0, 99)}}
    assert painted == {(y, x) for y in range(height) for x in range(width) if (y // 16, x // 16) in whole}
    chroma = {(y, x) for y, start, end in rows(touched, 8, width // 2, height // 2) for x in range(start, end)}
    assert chroma == {(y // 2, x // 2) for y, x in painted}


@pytest.mark.parametrize(("every", "kbit_s"), [(4, round(320 * 180 * 30 * BITS_A_PIXEL / 1000)), (1, 600)])
def test_nothing_beside_a_mask_is_rounded_into_it(every: int, kbit_s: int) -> None:
    """Hard edges that change each so many pictures: more than fits into the bit rate, so all is encoded coarsely."""
    rng, painter, encoder = np.random.default_rng(3), Painter([MASK]), Encoder(320, 180, 30, kbit_s)
    decoder, frames = av.CodecContext.create("h264", "r"), []
    for number in range(30):
        if number % every == 0:
            bars = np.kron(rng.integers(0, 2, (36, 64), np.uint8) * 219 + 16, np.ones((5, 5), np.uint8))
        frame = av.VideoFrame.from_ndarray(np.vstack([bars, np.full((90, 320), 128, np.uint8)]), format="yuv420p")
        for packet in encoder.encode(painter.paint(frame), (number + 1) * FRAME_NS):
            frames += [one.to_ndarray(format="gray") for one in decoder.decode(packet)]
    encoder.close()
    assert len(frames) >= 25
    check(frames)


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
