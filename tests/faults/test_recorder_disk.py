"""A disk that refuses: recording stops with an alarm, the process lives, and goes on by itself when it can."""

import contextlib
import fcntl
import os
import resource
import struct
import subprocess
import threading

import pytest
from sp_footage import fragments, stamp, write_segment
from sp_recorder import Recorder, card_numbers, decode_errors, until

from agent.footage.index import MediaIndex
from agent.footage.volume import Volume
from agent.recorder.books import Books, Job
from agent.recorder.disk import DiskLoop
from agent.recorder.flow import FragmentQueue, Shown
from agent.runtime.clock import SystemClock
from hw.cameras.serve import StreamServer

MIB = 1 << 20
EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2  # linux/ext4.h


@pytest.fixture
def server():
    server = StreamServer(0, width=320, height=180, fps=10)
    server.start()
    yield server
    server.close()


@pytest.fixture
def recorder(tmp_path, server):
    recorder = Recorder(tmp_path, f"tcp://127.0.0.1:{server.port}")
    yield recorder
    recorder.end()


@contextlib.contextmanager
def tmpfs(folder, mib):
    """A small filesystem of its own; needs root."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_below_the_reserve_it_stops_and_when_there_is_room_again_it_goes_on(recorder):
    with tmpfs(recorder.paths.footage, 24):
        recorder.start()
        recorder.recording()
        ballast = recorder.paths.footage / "ballast"
        ballast.write_bytes(bytes(10 * MIB))
        (stopped,) = until(lambda: recorder.rows("footage.stopped"), "footage.stopped")
        assert (stopped.source, stopped.lane) == ("yard", "alarm")
        assert stopped.values()["reason"].startswith("disk full: ")
        until(lambda: recorder.status().get("state") == "stopped", "the status")
        assert recorder.process.poll() is None
        ballast.unlink()
        until(lambda: recorder.rows("footage.resumed"), "footage.resumed")
        recorder.recording()
        recorder.stop()
        assert len(recorder.rows("footage.stopped", "footage.resumed")) == 2
        (gap,) = recorder.gaps()
        assert gap.cause == "disk full"
        assert [decode_errors(path) for path in recorder.files()] == ["", ""]


@contextlib.contextmanager
def full_disk(tmp_path):
    """A tmpfs with room for some fragments; yields the footage folder and how to make room."""
    with tmpfs(tmp_path / "footage", 2) as footage:
        ballast = footage / "ballast"
        ballast.write_bytes(bytes(2 * MIB - 120_000))
        yield footage, ballast.unlink


@contextlib.contextmanager
def failing_disk(tmp_path):
    """The kernel refuses to write beyond a size, as a failing disk would somewhere: EFBIG in place of EIO."""
    (tmp_path / "footage").mkdir()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    limit(200_000)  # more than a new index takes, less than the footage below
    try:
        yield tmp_path / "footage", lambda: limit(hard)
    finally:
        limit(hard)


@pytest.mark.parametrize(("disk", "reason"), [(full_disk, "disk full"), (failing_disk, "write error")])
def test_a_disk_that_refuses_in_the_middle_of_a_fragment(tmp_path, disk, reason):
    """The fragment is taken back, nothing before it is lost, and recording goes on in a new segment."""
    with disk(tmp_path) as (footage, mend):
        notes, shown = [], Shown()
        index = MediaIndex(tmp_path / "media.db")
        job = Job("yard", "recorder@yard", footage, 600, "recorder started")
        volume = Volume(footage, tmp_path, 0)
        volume.check = lambda *, recording: None  # the reserve would stop it long before

        def run(parts, loop=None):
            queue = FragmentQueue()
            loop = loop or DiskLoop(
                job, Books(job, index, notes.append), volume, queue, shown, notes.append, SystemClock().stamp
            )
            loop._queue = queue
            for part in parts:
                queue.put(part)
            queue.close()
            loop.run(lambda: False, lambda: None)
            return loop

        loop = run(fragments(600, size=(640, 360))[:40])
        assert [note.KIND for note in notes] == ["footage.stopped"]
        assert notes[0].reason.startswith(f"{reason}: ")
        assert shown.stopped
        mend()
        loop._look_at_s = 0.0
        run(fragments(30, run=2, start=stamp(500), size=(640, 360)), loop)
        kinds = ["footage.stopped", "footage.salvaged", "footage.gap", "footage.resumed"]
        assert [note.KIND for note in notes] == kinds
        rows = index.segments()
        assert [row.state for row in rows] == ["salvaged", "closed"]
        assert 5 <= rows[0].frames // 10 < 40
        assert [decode_errors(footage / row.path) for row in rows] == ["", ""]
        assert [gap.cause for gap in index.gaps()] == [reason]
        index.close()


def test_what_came_before_the_disk_took_anything_is_a_gap_of_the_disk(tmp_path):
    """Not even the first fragment of a new camera is kept: what is missing is told all the same."""
    notes, shown, queue = [], Shown(), FragmentQueue()
    index = MediaIndex(tmp_path / "media.db")
    job = Job("yard", "recorder@yard", tmp_path / "footage", 600, "recorder started")
    volume = Volume(job.footage, tmp_path, 0)
    volume.check = lambda *, recording: None
    job.footage.write_text("a file in the folder's place")
    loop = DiskLoop(job, Books(job, index, notes.append), volume, queue, shown, notes.append, SystemClock().stamp)
    first, *_ = parts = fragments(240, start=stamp(500))
    for part in parts[:20]:
        loop._take(part)
    assert [note.KIND for note in notes] == ["footage.stopped"]
    job.footage.unlink()
    loop._look()
    for part in parts[20:]:
        loop._take(part)
    loop._end_segment("recorder stopped")
    (gap,), (segment,) = index.gaps(), index.segments()
    assert (gap.from_mono_ns, gap.to_mono_ns, gap.cause) == (first.start.mono_ns, segment.start_mono_ns, "write error")
    assert [note.KIND for note in notes] == ["footage.stopped", "footage.gap", "footage.resumed"]
    index.close()


def test_a_slow_disk_holds_up_no_camera_and_what_it_cost_is_told(tmp_path, monkeypatch):
    """A sync that hangs: the queue fills to its bound, whole fragments go, and what is kept plays."""
    notes, made, held, go = [], fragments(350), threading.Event(), threading.Event()

    def slow(fd):
        held.set()
        assert go.wait(60)

    monkeypatch.setattr("agent.footage.segment.os.fdatasync", slow)
    size = len(made[0].body)
    queue, index = FragmentQueue(8 * size), MediaIndex(tmp_path / "media.db")
    job = Job("yard", "recorder@yard", tmp_path / "footage", 600, "recorder started")
    books, volume = Books(job, MediaIndex(tmp_path / "media.db"), notes.append), Volume(job.footage, tmp_path, 0)
    loop = DiskLoop(job, books, volume, queue, Shown(), notes.append, SystemClock().stamp)
    thread = threading.Thread(target=loop.run, args=(lambda: False, lambda: None), daemon=True)
    thread.start()
    try:
        queue.put(made[0])
        assert held.wait(60)
        for part in made[1:30]:  # put() returns: the camera is not held up
            queue.put(part)
            assert queue.bytes <= 8 * size
        assert queue.dropped > 0
        go.set()
        until(lambda: not queue.bytes, "what waited to be written")
        for part in made[30:]:
            queue.put(part)
    finally:
        go.set()
        queue.close()
        thread.join(60)
    first, second = (card_numbers(job.footage / row.path) for row in index.segments())
    assert [decode_errors(job.footage / row.path) for row in index.segments()] == ["", ""]
    assert first == list(range(len(first)))
    assert second == list(range(300, 350))
    assert len(first) // 10 + queue.dropped == 30
    (gap,), (told,) = index.gaps(), notes
    assert gap.cause == told.cause == "disk too slow"
    assert (gap.length_ns // 1_000_000, told.KIND) == (told.gap_ms, "footage.gap")
    assert told.gap_ms == pytest.approx(queue.dropped * 1000, abs=100)
    index.close()


def mounted(image, folder):
    """Mount an ext4 image there; needs root and a loop device."""
    done = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount an image here: {done.stderr.strip()}")


def give_up(folder):
    """The file system stops, as after the loss of its disk: every write is EIO, also of who has a file open."""
    fd = os.open(folder, os.O_RDONLY)
    fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    os.close(fd)


def go_read_only(folder):
    """What ext4 does by itself after an error of its disk (errors=remount-ro)."""
    subprocess.run(["mount", "-o", "remount,abort", str(folder)], check=True)


@pytest.mark.parametrize(("fault", "said"), [
    (give_up, "Input/output error"), pytest.param(go_read_only, "read-only: ", marks=pytest.mark.long),
])  # fmt: skip
def test_a_disk_that_fails_under_a_recorder_is_told_and_used_again_once_it_is_mended(tmp_path, recorder, fault, said):
    image, footage = tmp_path / "disk", recorder.paths.footage
    footage.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    mounted(image, footage)
    try:
        recorder.start()
        recorder.recording()
        fault(footage)
        (stopped,) = until(lambda: recorder.rows("footage.stopped"), "footage.stopped")
        assert said in stopped.values()["reason"]
        until(lambda: recorder.status().get("state") == "stopped", "the status")
        subprocess.run(["umount", "-l", str(footage)], check=True)
        assert recorder.process.poll() is None
        mounted(image, footage)
        until(lambda: recorder.rows("footage.resumed"), "footage.resumed")
        recorder.recording()
        assert recorder.stop() == 0
        assert len(recorder.rows("footage.stopped", "footage.resumed")) == 2
        assert [row.state for row in recorder.segments()][-1] == "closed"
        assert [decode_errors(path) for path in recorder.files()] == [""] * len(recorder.files())
        (gap,) = recorder.gaps()
        assert stopped.values()["reason"].startswith(gap.cause)
    finally:
        recorder.end()
        subprocess.run(["umount", "-l", str(footage)], check=True)
    assert list(footage.iterdir()) == []  # nothing was written under the disk while it was away


def test_a_disk_that_was_pulled_is_not_replaced_by_the_folder_under_it(recorder):
    recorder.start()
    recorder.recording()
    marker = recorder.paths.footage / ".standpipe-volume"
    text = marker.read_text()
    marker.unlink()
    (stopped,) = until(lambda: recorder.rows("footage.stopped"), "footage.stopped")
    assert stopped.values()["reason"].startswith("wrong volume: ")
    size = recorder.footage_bytes()
    until(lambda: recorder.status().get("state") == "stopped", "the status")
    assert recorder.footage_bytes() == size
    marker.write_text(text)
    until(lambda: recorder.rows("footage.resumed"), "footage.resumed")
    recorder.recording()


def test_a_corrupt_index_and_a_corrupt_segment_are_told_once_and_nothing_stops(recorder):
    damaged, _ = (write_segment(recorder.paths.footage, seq, fragments(20)) for seq in (1, 2))
    write_segment(recorder.paths.footage, 3, fragments(20), close=False)
    with damaged.open("r+b") as file:
        file.write(os.urandom(1000))
    recorder.paths.media.write_bytes(os.urandom(20_000))
    recorder.start()
    until(lambda: [row.seq for row in recorder.segments("closed")] == [2], "the sound file to be in the new index")
    recorder.recording()
    recorder.stop()
    troubles = [row.values()["what"] for row in recorder.rows("trouble.raised")]
    assert sorted(troubles) == ["footage index", "segment damaged"]
    assert [(row.seq, row.state) for row in recorder.segments()] == [(2, "closed"), (3, "salvaged"), (4, "closed")]
    assert len(list(recorder.paths.data.glob("media.db.moved-*"))) == 1
