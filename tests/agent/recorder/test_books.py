"""The books: gaps told and indexed, rows that wait while the index refuses, an index that was lost filled again."""

import pytest
from sp_footage import fragments, stamp, write_segment

from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex, Segment
from agent.recorder.books import ROWS_WAITING_MAX, Books, Job


@pytest.fixture
def notes():
    return []


@pytest.fixture
def index(tmp_path):
    index = MediaIndex(tmp_path / "media.db")
    yield index
    index.close()


@pytest.fixture
def books(tmp_path, index, notes):
    return Books(Job("yard", "recorder@yard", tmp_path / "footage", 60, "recorder died"), index, notes.append)


def row(seq):
    start, end = stamp(100 * seq), stamp(100 * seq + 60)
    began = (start.boot, start.clock, start.mono_ns, start.at_ns)
    return Segment("yard", seq, f"yard/{seq}", "closed", *began, end.mono_ns, end.at_ns, 10, 10)


@pytest.mark.parametrize(
    ("seconds", "indexed", "told"), [(0.2, 0, 0), (1, 1, 0), (9.9, 1, 0), (10.1, 1, 1), (-5, 0, 0)]
)
def test_gaps_are_indexed_and_long_ones_told(books, index, notes, seconds, indexed, told):
    books.gap(stamp(100), stamp(100 + seconds), "camera lost: x")
    assert [gap.cause for gap in index.gaps()] == ["camera lost: x"] * indexed
    assert [(note.KIND, note.gap_ms) for note in notes] == [("footage.gap", int(seconds * 1000))] * told


def test_what_was_dropped_for_a_slow_disk_is_told_however_short(books, index, notes):
    books.gap(stamp(100), stamp(102), "disk too slow")
    assert [note.cause for note in notes] == [gap.cause for gap in index.gaps()] == ["disk too slow"]


def test_a_gap_across_boots_is_measured_by_utc(books, notes):
    books.gap(stamp(5000), stamp(20, boot="next", at_offset_s=5100), "board lost power or was reset")
    assert notes[0].gap_ms == 120_000
    books.gap(stamp(5000), stamp(20, boot="next", at_offset_s=-9000), "clock went back")
    assert len(notes) == 1


def test_rows_wait_while_the_index_refuses_and_one_trouble_is_told(books, index, notes, monkeypatch):
    real = index.finish

    def refuse(_):
        raise FootageError("media.db: disk full: free some space", "disk full")

    monkeypatch.setattr(index, "finish", refuse)
    books.finish(row(1))
    books.finish(row(2))
    books.settle()
    assert [note.KIND for note in notes] == ["trouble.raised"]
    assert "disk full" in notes[0].detail
    monkeypatch.setattr(index, "finish", real)
    books.settle()
    assert [note.KIND for note in notes] == ["trouble.raised", "trouble.cleared"]
    assert [segment.seq for segment in index.segments()] == [1, 2]


def test_what_waits_is_bounded(books, index, monkeypatch):
    monkeypatch.setattr(index, "finish", lambda _: (_ for _ in ()).throw(FootageError("no")))
    for seq in range(1, ROWS_WAITING_MAX + 50):
        books.finish(row(seq))
    assert len(books._owed) == ROWS_WAITING_MAX


def test_an_index_that_another_process_made_anew_is_filled_with_ours(tmp_path, books, index):
    for seq in (1, 2, 3):
        write_segment(tmp_path / "footage", seq, fragments(5, start=stamp(100 * seq)), index=index)
    assert books.recover()[0] == 4
    books.begin(row(4)._replace(state="open", end_mono_ns=None, end_at_ns=None, frames=None, bytes=None))
    (tmp_path / "media.db").rename(tmp_path / "aside.db")
    books.gap(stamp(1), stamp(2), "x")
    for _ in range(3):
        books.idle()
    assert [(s.seq, s.state) for s in index.segments()] == [(1, "closed"), (2, "closed"), (3, "closed"), (4, "open")]


def test_without_a_usable_index_recording_still_finds_its_next_number(tmp_path, books, index, notes, monkeypatch):
    write_segment(tmp_path / "footage", 7, fragments(5), index=index)

    def refuse(*_, **__):
        raise FootageError("media.db: stuck")

    with monkeypatch.context() as broken:
        for name in ("check", "segments", "last", "sequences"):
            broken.setattr(index, name, refuse)
        assert books.recover() == (8, None)
        books.idle()
    assert [note.what for note in notes] == ["footage index"]
    index.drop("yard", 7)
    books.settle()
    books.idle()
    assert [segment.seq for segment in index.segments()] == [7]
