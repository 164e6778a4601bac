"""V4L2 without a device: what is encoded here, what is refused. With a kernel's camera: sh tests/vm/video.sh."""

from __future__ import annotations

import itertools

import av
import pytest

from hw.cameras import v4l2
from hw.cameras.card import CardCode, CardPainter
from hw.cameras.stream import StreamSpec
from hw.cameras.v4l2 import V4l2Camera, formats_of
from hw.ports import HardwareError


def film(path, codec, pix_fmt, count=22, damage=()):
    """Pictures as a camera without an encoder has them, ten a second."""
    with av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream(codec, rate=10)
        video.width, video.height, video.pix_fmt = 320, 180, pix_fmt
        for number in range(count):
            frame = CardPainter(320, 180).frame(CardCode(number, 0)).reformat(format=pix_fmt)
            frame.pts = number
            for packet in video.encode(frame):
                if number in damage:
                    made, packet = packet, av.Packet(b"\0" * 50)
                    packet.pts, packet.dts, packet.time_base, packet.stream = made.pts, made.dts, made.time_base, video
                out.mux_one(packet)
        for packet in video.encode(None):
            out.mux_one(packet)
    return path


class Filmed(V4l2Camera):
    """A device whose pictures come out of a file."""

    def __init__(self, path, format_):
        super().__init__(f"/dev/video0?format={format_}")
        self._film = path

    def spec(self, format_):
        return StreamSpec(self._device, str(self._film), endless=False)


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("mjpeg", "yuvj422p"), ("rawvideo", "yuyv422"), ("rawvideo", "yuv420p")]
)
def test_what_no_camera_encoded_is_encoded_here(tmp_path, codec, pix_fmt):
    camera = Filmed(film(tmp_path / "film.mkv", codec, pix_fmt), codec)
    template = camera.open()
    assert template.codec_context.name == "h264"
    assert (template.codec_context.width, template.codec_context.height) == (320, 180)
    assert camera.about == f"{codec}, 320x180, encoded by x264"
    assert camera.pictures
    assert camera.picture() is None
    found = list(itertools.takewhile(lambda one: one is not None, iter(camera.read, ())))
    assert len(found) == 22
    assert [n for n, (packet, _) in enumerate(found) if packet.is_keyframe] == [0, 10, 20]
    stamps = [packet.pts for packet, _ in found]
    assert stamps == sorted(set(stamps))
    picture = camera.picture()
    assert (picture.width, picture.height, len(picture.luma)) == (320, 180, 57_600)
    camera.close()
    camera.close()


def test_a_damaged_picture_is_left_out(tmp_path):
    camera = Filmed(film(tmp_path / "film.mkv", "mjpeg", "yuvj420p", 12, damage=(4, 5)), "mjpeg")
    camera.open()
    found = list(itertools.takewhile(lambda one: one is not None, iter(camera.read, ())))
    assert len(found) == 10
    camera.close()


def test_the_question_to_the_kernel_has_the_kernel_s_shape():
    """struct v4l2_fmtdesc is 64 bytes, VIDIOC_ENUM_FMT is _IOWR('V', 2, struct v4l2_fmtdesc)."""
    assert v4l2._FMTDESC.size == 64
    both_ways, size, letter, number = 3, 64, ord("V"), 2
    made = both_ways << 30 | size << 16 | letter << 8 | number
    assert made == v4l2._VIDIOC_ENUM_FMT


def test_what_is_no_camera_is_said(tmp_path):
    path = tmp_path / "video0"
    path.touch()
    with pytest.raises(OSError, match="ioctl"):
        formats_of(str(path))
    camera = V4l2Camera("/dev/video0")
    camera._device = str(path)
    with pytest.raises(HardwareError, match=f"{path}: inappropriate ioctl for device"):
        camera.open()


@pytest.mark.parametrize("query", ["kbit_s=fast", "colour=red"])
def test_options_that_make_no_sense_are_refused(query):
    with pytest.raises(HardwareError, match="/dev/video0"):
        V4l2Camera(f"/dev/video0?{query}")
