"""The test card: its code survives H.264, and what is drawn stays within the picture."""

import io
import itertools

import av
import pytest

from hw.cameras.card import CardCode, CardPainter, read_card
from hw.cameras.encoder import CardEncoder
from hw.cameras.testcard import TestCard
from hw.ports import HardwareError


@pytest.mark.parametrize(("width", "height"), [(640, 360), (320, 180), (330, 186), (1280, 720)])
def test_the_code_of_a_frame_is_read_back(width, height):
    frame = CardPainter(width, height, "pump-room").frame(CardCode(123456, 1_795_358_554_227_929_498))
    assert read_card(frame) == (123456, 1_795_358_554_227_929_498)


def test_a_damaged_code_is_not_read():
    frame = CardPainter(640, 360).frame(CardCode(7, 99))
    luma = bytearray(frame.planes[0])
    luma[: 640 * 16] = bytes([235]) * (640 * 16)
    frame.planes[0].update(luma)
    assert read_card(frame) is None


@pytest.mark.parametrize(("width", "height"), [(96, 360), (640, 100), (641, 360)])
def test_a_size_without_room_for_the_code_is_refused(width, height):
    with pytest.raises(ValueError, match="too small or odd"):
        CardPainter(width, height)


def test_the_code_survives_encoding():
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as out:
        encoder = CardEncoder(out, 320, 180, 10, "x", gop=10)
        for number in range(25):
            out.mux(encoder.encode(number))
        out.mux(list(encoder.stream.encode(None)))
    sink.seek(0)
    with av.open(sink) as back:
        codes = [read_card(frame) for frame in back.decode(video=0)]
    assert [code.number for code in codes if code] == list(range(25))


def test_the_card_as_a_camera_keeps_its_pace_and_can_be_muxed():
    camera = TestCard(width=320, height=180, fps=20)
    template = camera.open()
    read = [camera.read() for _ in range(21)]
    arrivals = [mono_ns for _, mono_ns in read]
    assert arrivals[-1] - arrivals[0] >= 0.99e9
    assert [packet.is_keyframe for packet, _ in read].count(True) == 2
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        stream = out.add_stream_from_template(template, opaque=True)
        for packet, _ in read:
            packet.stream = stream
            out.mux_one(packet)
    camera.close()
    camera.close()
    sink.seek(0)
    with av.open(sink) as back:
        numbers = [read_card(frame).number for frame in itertools.islice(back.decode(video=0), 21)]
    assert numbers == list(range(21))


def test_reading_before_opening_is_an_error_and_not_a_crash():
    with pytest.raises(HardwareError, match="read before open"):
        TestCard().read()
