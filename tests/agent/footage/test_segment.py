"""Segments: playable after every fragment, self-describing, their tail's damage found by CRC."""

import errno
import hashlib
import os
import subprocess

import av
import pytest
from sp_footage import BOOT, NS, fragments, stamp, write_segment
from sp_recorder import card_numbers, decode_errors, packets

from agent.footage import boxes
from agent.footage.boxes import BoxError
from agent.footage.errors import FootageError
from agent.footage.reading import read_ends, read_segment
from agent.footage.segment import SegmentWriter, end_segment


def test_a_segment_can_be_played_and_holds_every_frame(footage):
    path = write_segment(footage, 7, fragments(35, first=100))
    assert decode_errors(path) == ""
    assert card_numbers(path) == list(range(100, 135))
    assert [dts for _, dts, _ in packets(path)] == list(range(0, 35 * 9000, 9000))


def test_it_says_by_itself_what_it_is(footage):
    path = write_segment(footage, 7, fragments(35, start=stamp(50)))
    found = read_segment(path, check=True)
    assert (found.camera, found.seq, found.boot) == ("yard", 7, BOOT)
    assert [(p.frames, p.key) for p in found.pieces] == [(10, True)] * 3 + [(5, True)]
    assert [round(p.start.mono_ns / NS) for p in found.pieces] == [50, 51, 52, 53]
    assert found.pieces[0].start.clock == "synced"
    assert found.pieces[-1].end.mono_ns == pytest.approx(53.5 * NS, abs=NS // 100)
    assert found.ending is not None
    assert found.ending.frames == 35
    ends = read_ends(path)
    assert (ends.camera, ends.seq, ends.pieces, ends.ending) == ("yard", 7, found.pieces[:1], found.ending)


def test_the_hash_of_the_row_is_that_of_the_file_and_the_end_box_has_that_of_all_before(footage, index):
    path = write_segment(footage, 7, fragments(12), index=index)
    whole = path.read_bytes()
    assert index.segment("yard", 7).sha256 == hashlib.sha256(whole).digest()
    found = read_segment(path)
    assert found.ending.sha256 == hashlib.sha256(whole[: found.end]).digest()


def test_a_later_part_of_a_connection_starts_at_zero_too(footage):
    later = fragments(60)[4:]
    path = write_segment(footage, 8, later)
    assert packets(path)[0] == (0, 0, True)
    assert card_numbers(path) == list(range(40, 60))


def gstreamer_finds(path, raw):
    """How many pictures GStreamer's own MP4 reader, that of GNOME's players, gets out of a file."""
    to_file = ["!", "video/x-h264,stream-format=byte-stream", "!", "filesink", f"location={raw}"]
    read = ["gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", "qtdemux", "!", "h264parse"]
    done = subprocess.run([*read, *to_file], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with av.open(str(raw), format="h264") as film:
        return sum(1 for packet in film.demux(video=0) if packet.size)


def test_players_open_it_while_it_is_written_and_salvaged(footage, tmp_path):
    """By FFmpeg (mpv and most others) and by GStreamer, which read MP4 each in their own way."""
    path = write_segment(footage, 9, fragments(35), close=False)
    assert (card_numbers(path), gstreamer_finds(path, tmp_path / "raw")) == (list(range(35)), 35)
    assert decode_errors(path) == ""
    os.truncate(path, path.stat().st_size - 100)
    end_segment(path, read_segment(path, check=True))
    assert (card_numbers(path), gstreamer_finds(path, tmp_path / "raw")) == (list(range(30)), 30)


@pytest.mark.parametrize("missing", [1, 100, 5000])
def test_after_a_torn_tail_all_whole_fragments_are_found_and_can_be_played(footage, missing):
    path = write_segment(footage, 9, fragments(30), close=False)
    os.truncate(path, path.stat().st_size - missing)
    found = read_segment(path, check=True)
    assert [p.frames for p in found.pieces] == [10, 10]
    size, digest = end_segment(path, found)
    assert (size, digest) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).digest())
    assert card_numbers(path) == list(range(20))
    assert decode_errors(path) == ""
    assert read_ends(path).ending.frames == 20


def test_bytes_that_came_back_as_zeros_are_found_by_the_crc_alone(footage):
    path = write_segment(footage, 9, fragments(30), close=False)
    second = read_segment(path).pieces[1]
    with path.open("r+b") as file:
        file.seek(second.at + second.body_bytes - 3000)
        file.write(bytes(2000))
    assert len(read_segment(path).pieces) == 3
    assert len(read_segment(path, check=True).pieces) == 1


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"not a movie at all", os.urandom(5000)], ids=["empty", "zeros", "text", "noise"]
)
def test_what_is_no_segment_is_one_clear_error(footage, content):
    footage.mkdir()
    path = footage / "00000001-20261118T000000Z.mp4"
    path.write_bytes(content)
    with pytest.raises(FootageError, match="not a segment of ours") as caught:
        read_segment(path)
    assert caught.value.reason == "corrupt"


def test_a_fragment_that_is_no_mp4_is_refused(footage):
    (good, *_) = fragments(10)
    writer = SegmentWriter(footage / "yard/20261118/1.mp4", "yard", 1, good)
    with pytest.raises(BoxError):
        writer.write(good._replace(body=b"\0\0\0\x10moof" + bytes(20)))
    writer.abandon()


def test_a_fragment_the_disk_would_not_sync_is_taken_back(footage, monkeypatch):
    first, second, third = fragments(30)
    writer = SegmentWriter(footage / "yard/20261118/1.mp4", "yard", 1, first)
    writer.write(first)
    size = writer.path.stat().st_size

    def refuse(_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", refuse)
        with pytest.raises(FootageError, match="Input/output error"):
            writer.write(second)
    writer.abandon()
    assert writer.path.stat().st_size == size
    assert len(read_segment(writer.path).pieces) == 1
    assert third.key


def test_fragments_are_numbered_and_timed_anew_in_each_file(footage):
    path = write_segment(footage, 8, fragments(60)[3:])
    data = path.read_bytes()
    numbers, times = [], []
    for piece in read_segment(path).pieces:
        moof = data[piece.at : piece.at + piece.moof_bytes]
        numbers.append(int.from_bytes(boxes.content(moof, b"moof", b"mfhd")[4:], "big"))
        times.append(int.from_bytes(boxes.content(moof, b"moof", b"traf", b"tfdt")[4:], "big"))
    assert numbers == [1, 2, 3]
    assert times == [0, 90_000, 180_000]


def test_a_segment_is_never_written_over(footage):
    write_segment(footage, 3, fragments(10))
    with pytest.raises(FootageError):
        write_segment(footage, 3, fragments(10))
