"""kill -9 of the recorder at random moments: at most one fragment of what was received is lost; the rest plays."""

import random
import time

from sp_recorder import Recorder, card_numbers, decode_errors, until

from hw.cameras.serve import StreamServer

FPS = 10
FRAGMENT_S = 1.0
UNDERWAY_S = (
    0.8  # drawn by the camera and not yet out of its encoder, the socket (read five times a second), the demuxer
)


def test_kills_at_random_moments(tmp_path, rounds):
    chance = random.Random(20261122)
    server = StreamServer(0, width=320, height=180, fps=FPS)
    server.start()
    recorder = Recorder(tmp_path, f"tcp://127.0.0.1:{server.port}")
    kills = []
    try:
        for _ in range(rounds(2, 50)):
            recorder.start()
            recorder.recording()
            time.sleep(chance.uniform(0, 2))  # not to wait for anything: the moment of the kill is the test
            recorder.kill()
            kills.append(time.time_ns())
        recorder.start()
        recorder.recording()
        recorder.stop()
    finally:
        recorder.end()
        server.close()
    seen = [cards for path in recorder.files() for cards in [numbers_and_times(path)]]
    for kill_ns in kills:
        last_ns = max(at_ns for cards in seen for _, at_ns in cards if at_ns < kill_ns)
        assert (kill_ns - last_ns) / 1e9 <= FRAGMENT_S + UNDERWAY_S
    numbers = [number for cards in seen for number, _ in cards]
    assert numbers == sorted(set(numbers))
    salvaged = {row.values()["segment"]: row.values()["kept_ms"] for row in recorder.rows("footage.salvaged")}
    rows = recorder.segments()
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert {row.seq for row in rows if row.state == "salvaged"} == {seq for seq, kept in salvaged.items() if kept}
    assert len(salvaged) == len(kills)
    gaps = recorder.gaps()
    assert [gap.cause for gap in gaps] == ["recorder died"] * len(kills)


def numbers_and_times(path):
    """(number, UTC) of each frame of a file that must decode without an error."""
    import av

    from hw.cameras.card import read_card

    assert decode_errors(path) == ""
    assert card_numbers(path)
    with av.open(str(path)) as file:
        return [tuple(read_card(frame)) for frame in file.decode(video=0)]


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
