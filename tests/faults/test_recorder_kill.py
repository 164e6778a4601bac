"""kill -9 of recorders at random moments: at most one fragment of what was received is lost; the rest plays."""

import contextlib
import hashlib
import random
import threading

import pytest
from sp_counting import Counting, cards
from sp_recorder import Recorder, card_numbers, decode_errors, until

from hw.cameras.serve import StreamServer

FPS = 10
FRAGMENT = 10  # pictures: a second
IN_HAND = 4  # one in the demuxer, one that completed the fragment, and what was read while the process wrote it
CAMERAS = ("gate", "hall", "roof", "yard")
APART = 1_000_000  # numbers of a camera's pictures say whose they are
EACH_S = 40  # of a round on a machine that has other things to do


@pytest.mark.timeout(7200)
def test_kills_at_random_moments_while_cameras_are_recorded(tmp_path, rounds):
    """Each round all are killed, each at a moment of its own. Long: four cameras and 100 rounds, so 400 kills."""
    chance, count = random.Random(20261122), rounds(1, 100)
    names = CAMERAS[: rounds(2, 4)]
    shots = {name: cards(count * EACH_S * FPS, first=n * APART) for n, name in enumerate(names)}
    with contextlib.ExitStack() as stack:
        cameras = stack.enter_context(Counting(shots))
        sources = {name: cameras.source(name) for name in names}
        recorders = {name: Recorder(tmp_path, sources[name], camera=name, beside=sources) for name in names}
        for recorder in recorders.values():
            stack.callback(recorder.end)
        for _ in range(count):
            begin(recorders)
            killers = [threading.Timer(chance.uniform(0, 2.5), one.kill) for one in recorders.values()]
            for killer in killers:
                killer.start()
            for killer in killers:
                killer.join()
        begin(recorders)
        assert [recorder.stop() for recorder in recorders.values()] == [0] * len(names)
        read = {name: cameras.read(name) for name in names}
    lost = [one for name in names for one in lost_of(recorders[name], read[name], CAMERAS.index(name) * APART)]
    print(f"lost of what was read, in pictures of a tenth of a second: {sorted(lost)}")
    assert len(lost) == len(names) * (count + 1)
    assert max(lost) <= FRAGMENT + IN_HAND
    for recorder in recorders.values():
        agree(recorder, kills=count)


def begin(recorders):
    for recorder in recorders.values():
        recorder.start()
    for recorder in recorders.values():
        recorder.recording()


def lost_of(recorder, connections, first_number):
    """Of each connection, how many pictures were read and are not in the footage: the last ones, or it is an error."""
    played = [number - first_number for path in recorder.files() for number in sound(path)]
    assert played == sorted(set(played))
    for place, (first, read) in enumerate(connections):
        until = connections[place + 1][0] if place + 1 < len(connections) else first + read + FRAGMENT
        found = [number for number in played if first <= number < until]
        assert found == list(range(first, first + len(found)))
        yield max(0, read - len(found))
        played = played[len(found) :]
    assert played == []


def sound(path):
    """The numbers of a file that must decode without an error."""
    assert decode_errors(path) == ""
    return card_numbers(path)


def agree(recorder, kills):
    """Index, files and journal say the same."""
    rows = recorder.segments()
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert [recorder.paths.footage / row.path for row in rows] == recorder.files()
    for row in rows:
        data = (recorder.paths.footage / row.path).read_bytes()
        assert (row.bytes, row.sha256) == (len(data), hashlib.sha256(data).digest())
        assert row.frames == len(card_numbers(recorder.paths.footage / row.path))
    mine = [row for row in recorder.rows("footage.salvaged") if row.source == recorder.camera]
    assert len(mine) == kills
    kept = {row.values()["segment"] for row in mine if row.values()["kept_ms"]}
    assert {row.seq for row in rows if row.state == "salvaged"} == kept
    assert [gap.cause for gap in recorder.gaps()] == ["recorder died"] * kills


def test_a_kill_while_nothing_was_recorded_yet(tmp_path):
    """Killed between start and the first fragment: the next start finds nothing to stumble over."""
    server = StreamServer(0, width=320, height=180, fps=FPS)
    recorder = Recorder(tmp_path, f"tcp://127.0.0.1:{server.port}").start()
    try:
        until(lambda: recorder.rows("process.started"), "the process to be up")
        recorder.kill()
        server.start()
        recorder.start()
        recorder.recording()
        recorder.stop()
    finally:
        recorder.end()
        server.close()
    assert [row.state for row in recorder.segments()] == ["closed"]
