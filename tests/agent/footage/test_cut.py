"""Clips: the pictures asked for and no others, from as many segments as it takes, damaged ones included."""

import hashlib

import pytest
from sp_footage import BOOT, NS, fragments, stamp, write_segment
from sp_recorder import card_numbers, decode_errors, packets

from agent.core.clips import Window
from agent.footage.cut import NoFootage, cut
from agent.footage.errors import FootageError
from agent.footage.reading import read_segment


@pytest.fixture
def two_segments(footage):
    """Frames 0 to 119 at 10 a second from second 100 on, a keyframe each second, in two segments of 6 s."""
    made = fragments(120)
    return [write_segment(footage, 1, made[:6]), write_segment(footage, 2, made[6:])]


def clip(tmp_path, window, paths):
    return cut(window, paths, tmp_path / "clips" / "c-yard.mp4", {"clip": "c"})


def test_it_begins_at_the_keyframe_before_and_ends_at_the_last_picture(tmp_path, two_segments):
    made = clip(tmp_path, Window.around(stamp(105.25), 2, 3), two_segments)
    assert card_numbers(made.path) == list(range(30, 83))
    assert decode_errors(made.path) == ""
    assert made.start.mono_ns == pytest.approx(103 * NS, abs=NS // 100)
    assert made.covered_ns == 5 * NS


def test_no_other_footage_is_in_the_file_hidden_or_not(tmp_path, two_segments):
    made = clip(tmp_path, Window.around(stamp(105), 1, 1), two_segments)
    found = packets(made.path)
    assert [pts for pts, _, _ in found] == list(range(0, 20 * 9000, 9000))
    assert [key for _, _, key in found] == [n % 10 == 0 for n in range(20)]
    whole = sum(path.stat().st_size for path in two_segments)
    assert made.size_bytes < whole / 4
    with pytest.raises(ValueError, match="subsection not found"):
        made.path.read_bytes().index(b"elst")


def test_its_hash_is_that_of_the_file(tmp_path, two_segments):
    made = clip(tmp_path, Window.around(stamp(105), 1, 1), two_segments)
    assert made.sha256 == hashlib.sha256(made.path.read_bytes()).digest()
    assert made.size_bytes == made.path.stat().st_size
    assert [p.name for p in made.path.parent.iterdir()] == [made.path.name]


def test_a_segment_still_being_written_can_be_cut_from(tmp_path, footage):
    path = write_segment(footage, 1, fragments(50), close=False)
    with path.open("ab") as file:
        file.write(b"half a fragm")
    made = clip(tmp_path, Window.around(stamp(102), 1, 1), [path])
    assert card_numbers(made.path) == list(range(10, 30))


def test_a_hole_is_a_picture_that_stands_and_is_not_counted_as_covered(tmp_path, footage):
    paths = [
        write_segment(footage, 1, fragments(20, start=stamp(100))),
        write_segment(footage, 2, fragments(20, first=500, start=stamp(107), run=2)),
    ]
    made = clip(tmp_path, Window.around(stamp(101), 1, 8), paths)
    assert card_numbers(made.path) == [*range(20), *range(500, 520)]
    assert made.covered_ns == pytest.approx(4 * NS, abs=NS // 50)
    times = [pts for pts, _, _ in packets(made.path)]
    assert times[20] - times[0] == pytest.approx(7 * 90_000, abs=900)


def test_segments_in_different_formats_go_into_one_clip(tmp_path, footage):
    paths = [
        write_segment(footage, 1, fragments(20, start=stamp(100), gop=10)),
        write_segment(footage, 2, fragments(20, first=20, start=stamp(102), run=2, size=(640, 360))),
    ]
    made = clip(tmp_path, Window.around(stamp(101), 1, 3), paths)
    assert decode_errors(made.path) == ""
    assert card_numbers(made.path) == list(range(40))


def test_a_damaged_fragment_is_left_out_and_named(tmp_path, two_segments):
    piece = read_segment(two_segments[0]).pieces[2]
    with two_segments[0].open("r+b") as file:
        file.seek(piece.at + piece.body_bytes - 500)
        file.write(b"\xff" * 200)
    made = clip(tmp_path, Window.around(stamp(102.5), 2, 2), two_segments)
    assert card_numbers(made.path) == [*range(0, 20), *range(30, 45)]
    assert decode_errors(made.path) == ""
    (problem,) = made.damaged
    assert two_segments[0].name in problem


def test_pictures_that_need_a_damaged_one_are_left_out_too(tmp_path, footage):
    path = write_segment(footage, 1, fragments(60, gop=30))
    first = read_segment(path).pieces[0]
    with path.open("r+b") as file:
        file.seek(first.at + first.body_bytes - 100)
        file.write(b"\xff" * 50)
    made = clip(tmp_path, Window.around(stamp(102), 2, 3), [path])
    assert card_numbers(made.path) == list(range(30, 50))
    assert [key for _, _, key in packets(made.path)] == [True, *[False] * 19]
    assert decode_errors(made.path) == ""


def test_a_corrupt_segment_does_not_keep_the_other_from_the_clip(tmp_path, two_segments):
    two_segments[0].write_bytes(b"\0" * 1000)
    made = clip(tmp_path, Window.around(stamp(106), 3, 3), two_segments)
    assert card_numbers(made.path) == list(range(60, 90))
    assert len(made.damaged) == 1


def test_no_footage_is_said_and_leaves_no_file(tmp_path, two_segments):
    with pytest.raises(NoFootage, match="no footage of that time"):
        clip(tmp_path, Window.around(stamp(300), 5, 5), two_segments)
    with pytest.raises(NoFootage):
        clip(tmp_path, Window.around(stamp(300), 5, 5), [])
    assert not (tmp_path / "clips").exists()


def test_a_request_from_before_the_boot_is_matched_by_utc(tmp_path, footage):
    path = write_segment(footage, 1, fragments(50, start=stamp(10, boot="after-the-boot", at_offset_s=990)))
    made = clip(tmp_path, Window.around(stamp(1002, boot=BOOT), 1, 2), [path])
    assert card_numbers(made.path) == list(range(10, 40))


def test_a_disk_that_refuses_is_one_clear_error(tmp_path, two_segments):
    (tmp_path / "clips").write_text("a file where the folder should be")
    with pytest.raises(FootageError, match="clips"):
        clip(tmp_path, Window.around(stamp(105), 1, 1), two_segments)
