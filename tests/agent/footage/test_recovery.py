"""After a crash: the tail is salvaged, files without rows are indexed, what is damaged is told and set aside."""

import hashlib
import os

from sp_footage import NS, fragments, stamp, write_segment
from sp_recorder import card_numbers, decode_errors

from agent.footage.index import MediaIndex
from agent.footage.recovery import days_of, missing, newest, salvage

ALL = 1 << 62


def adopt(index, footage, camera="yard"):
    return [problem for problems in missing(index, footage, camera, ALL) for problem in problems]


def test_the_open_segment_is_ended_and_indexed(footage, index):
    write_segment(footage, 1, fragments(20), index=index)
    path = write_segment(footage, 2, fragments(30, start=stamp(200)), index=index, close=False)
    os.truncate(path, path.stat().st_size - 700)
    (done,), problems = salvage(index, footage, "yard", ALL)
    assert problems == []
    assert (done.seq, done.kept_ms) == (2, 2000)
    assert done.cut_bytes > 0
    row = index.segment("yard", 2)
    assert (row.state, row.frames, row.bytes) == ("salvaged", 20, path.stat().st_size)
    assert row.end_mono_ns - row.start_mono_ns == 2 * NS
    assert card_numbers(path) == list(range(20))
    assert decode_errors(path) == ""
    assert salvage(index, footage, "yard", ALL) == ([], [])


def test_a_file_that_was_closed_but_whose_row_was_not_written_in_time(footage, index):
    write_segment(footage, 1, fragments(20), index=index)
    path = write_segment(footage, 2, fragments(20))
    (done,), _ = salvage(index, footage, "yard", ALL)
    assert (done.seq, done.cut_bytes) == (2, 0)
    row, data = index.segment("yard", 2), path.read_bytes()
    assert (row.state, row.bytes, row.sha256) == ("closed", len(data), hashlib.sha256(data).digest())


def test_a_segment_without_one_whole_fragment_is_set_aside(footage, index):
    path = write_segment(footage, 1, fragments(20), index=index, close=False)
    os.truncate(path, 1500)
    (done,), problems = salvage(index, footage, "yard", ALL)
    assert (done.kept_ms, problems) == (0, [])
    assert index.segments() == []
    assert newest(footage, "yard", ALL) is None
    assert path.with_name(path.name + ".broken").exists()


def test_a_row_whose_file_is_gone_is_dropped(footage, index):
    write_segment(footage, 1, fragments(20), index=index, close=False).unlink()
    salvage(index, footage, "yard", ALL)
    assert index.segments() == []


def test_a_damaged_beginning_is_one_problem_and_the_rest_goes_on(footage, index):
    path = write_segment(footage, 1, fragments(20), index=index, close=False)
    write_segment(footage, 2, fragments(20), index=index, close=False)
    with path.open("r+b") as file:
        file.write(b"\xff" * 3000)
    done, (problem,) = salvage(index, footage, "yard", ALL)
    assert [one.seq for one in done] == [2]
    assert "not a segment of ours" in problem
    assert [row.seq for row in index.segments()] == [2]


def test_what_the_recorder_itself_is_writing_is_left_alone(footage, index):
    path = write_segment(footage, 5, fragments(20), index=index, close=False)
    size = path.stat().st_size
    assert salvage(index, footage, "yard", 5) == ([], [])
    index.drop("yard", 5)
    assert list(missing(index, footage, "yard", 5)) == [[]]
    assert index.segments() == []
    assert path.stat().st_size == size


def test_a_lost_index_is_made_anew_from_the_files(tmp_path, footage, index):
    for n in range(1, 130):
        write_segment(footage, n, fragments(3, start=stamp(100 + n)), index=index)
    other = MediaIndex(tmp_path / "new.db")
    assert adopt(other, footage) == []
    assert [row._replace(sha256=None) for row in index.segments()] == other.segments()
    assert adopt(other, footage) == []
    other.close()


def test_adopting_tells_of_damaged_files_and_salvages_unended_ones(footage, index):
    write_segment(footage, 1, fragments(20))
    torn = write_segment(footage, 2, fragments(20), close=False)
    broken = write_segment(footage, 3, fragments(20))
    broken.write_bytes(b"x" * 500)
    write_segment(footage, 4, fragments(20), camera="yard").rename(
        footage / "yard/20261118/00000009-20261118T000000Z.mp4"
    )
    problems = adopt(index, footage)
    assert len(problems) == 2
    assert [(row.seq, row.state) for row in index.segments()] == [(1, "closed"), (2, "salvaged")]
    assert card_numbers(torn) == list(range(20))


def test_files_that_are_no_segments_are_not_looked_at(footage, index):
    path = write_segment(footage, 1, fragments(5), index=index)
    (path.parent / "notes.txt").write_text("x")
    (path.parent / "00000002-20261118T000000Z.mp4.broken").write_text("x")
    assert [list(names) for _, names in days_of(footage, "yard")] == [[1]]
    assert list(days_of(footage, "no-such-camera")) == []


def test_the_newest_file_is_that_with_the_highest_number_whatever_day_its_folder_says(footage, index):
    """The clock was set back: a later number lies in an earlier day's folder."""
    for seq in (1, 2, 3):
        path = write_segment(footage, seq, fragments(3))
    earlier = footage / "yard/20261101/00000003-20261101T000000Z.mp4"
    earlier.parent.mkdir()
    path.rename(earlier)
    assert [sorted(names) for _, names in days_of(footage, "yard")] == [[3], [1, 2]]
    assert newest(footage, "yard", ALL) == (3, earlier)
    found = newest(footage, "yard", 3)
    assert found is not None
    assert found[0] == 2
    assert newest(footage, "yard", 1) is None
    assert adopt(index, footage) == []
    assert [row.seq for row in index.segments()] == [1, 2, 3]
