"""Fragments to segments: where one ends and the next begins, and what is said of what is missing."""

import threading
import time

import pytest
from sp_footage import fragments, stamp, write_segment
from sp_recorder import card_numbers, decode_errors

from agent.footage.index import MediaIndex
from agent.footage.volume import Volume
from agent.recorder.books import Books, Job
from agent.recorder.disk import DiskLoop
from agent.recorder.flow import FragmentQueue, Shown


@pytest.fixture
def record(tmp_path):
    """record(parts, segment_s): rows, gaps and notes after these fragments and run endings went through the loop."""
    index = MediaIndex(tmp_path / "media.db")
    footage = tmp_path / "footage"

    def run(parts, segment_s=60, first_cause="recorder died"):
        notes, queue = [], FragmentQueue()
        job = Job("yard", "recorder@yard", footage, segment_s, first_cause)
        volume = Volume(footage, tmp_path, 0)
        books = Books(job, index, notes.append)
        loop = DiskLoop(job, books, volume, queue, Shown(), notes.append, lambda: stamp(0))
        for part in parts:
            if isinstance(part, str):
                queue.end_run(part)
            else:
                queue.put(part)
        queue.close()
        loop.run(lambda: False, lambda: None)
        return index.segments(), index.gaps(), notes

    run.numbers = lambda row: card_numbers(footage / row.path)
    run.errors = lambda row: decode_errors(footage / row.path)
    yield run
    index.close()


def test_segments_change_at_the_first_keyframe_after_their_time(record):
    rows, gaps, _ = record(fragments(150, gop=30), segment_s=5)
    assert [(row.seq, row.state, row.frames) for row in rows] == [
        (1, "closed", 60),
        (2, "closed", 60),
        (3, "closed", 30),
    ]
    assert [number for row in rows for number in record.numbers(row)] == list(range(150))
    assert gaps == []


def test_after_fragments_were_dropped_a_new_segment_begins_at_a_keyframe(record):
    made = fragments(90, gop=30)
    rows, gaps, notes = record([*made[:2], *made[4:]])
    assert [record.numbers(row) for row in rows] == [list(range(20)), list(range(60, 90))]
    assert [record.errors(row) for row in rows] == ["", ""]
    assert [(gap.cause, round(gap.length_ns / 1e9, 1)) for gap in gaps] == [("disk too slow", 4.0)]
    assert [(note.KIND, note.cause) for note in notes] == [("footage.gap", "disk too slow")]


def test_each_connection_has_its_own_segments_and_the_gap_its_cause(record):
    first, second = fragments(25), fragments(25, first=100, start=stamp(115), run=2)
    rows, gaps, notes = record([*first, "camera lost: no route to host", *second, "recorder stopped"])
    assert [record.numbers(row) for row in rows] == [list(range(25)), list(range(100, 125))]
    assert [gap.cause for gap in gaps] == ["camera lost: no route to host"]
    assert [note.KIND for note in notes] == ["footage.gap"]


def test_the_gap_since_the_last_run_is_told_with_its_cause(record):
    record(fragments(20))
    rows, gaps, notes = record(fragments(20, start=stamp(200)), first_cause="recorder died")
    assert [row.seq for row in rows] == [1, 2]
    assert [(gap.cause, round(gap.length_ns / 1e9)) for gap in gaps] == [("recorder died", 98)]
    assert [note.gap_ms // 1000 for note in notes] == [98]


def test_a_file_that_is_played_again_at_once_leaves_no_gap(record):
    again = fragments(20, start=stamp(102.1), run=2)
    rows, gaps, _ = record([*fragments(20), "", *again])
    assert len(rows) == 2
    assert gaps == []


def test_a_lost_index_is_filled_while_fragments_keep_coming(tmp_path):
    """They come more often than the loop ever waits for nothing to come."""
    footage, queue, index = tmp_path / "footage", FragmentQueue(), MediaIndex(tmp_path / "media.db")
    short = fragments(2)
    for seq in range(1, 121):
        write_segment(footage, seq, short)
    job = Job("yard", "recorder@yard", footage, 60, "recorder died")
    books = Books(job, MediaIndex(tmp_path / "media.db"), [].append)
    volume = Volume(footage, tmp_path, 0)
    loop = DiskLoop(job, books, volume, queue, Shown(), [].append, lambda: stamp(0))
    thread = threading.Thread(target=loop.run, args=(lambda: False, lambda: None))
    thread.start()
    try:
        for fragment in fragments(300, gop=1):
            queue.put(fragment)
            if len(index.segments("yard", state="closed")) >= 119:
                break
            time.sleep(0.05)  # the pace of the camera
    finally:
        queue.close()
        thread.join(20)
    assert [row.seq for row in index.segments()] == list(range(1, 122))
    index.close()
