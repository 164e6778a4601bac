"""The recorder as a process, on real streams: footage, status, clips, a camera that comes and goes."""

import hashlib
import itertools

import pytest
import sp_rtsp
from sp_recorder import Recorder, card_numbers, decode_errors, packets, until

from agent.core.events import ClipRequested
from agent.runtime.clock import SystemClock
from hw.cameras.serve import StreamServer


@pytest.fixture(scope="session")
def card(tmp_path_factory):
    return sp_rtsp.card_file(tmp_path_factory.mktemp("media"))


def request(clip, before_s, after_s, *, camera="yard", at=None):
    at = at or SystemClock().stamp()
    return ClipRequested(
        source="test", clip=clip, cameras=[camera], at_ns=at.at_ns, at_mono_ns=at.mono_ns, boot=at.boot,
        before_s=before_s, after_s=after_s, hold=False, cause="command:chen",
    )  # fmt: skip


def without_hole(numbers):
    return all(b == a + 1 for a, b in itertools.pairwise(numbers))


LONG_AGO = SystemClock().stamp()._replace(at_ns=1_700_000_000_000_000_000, boot="", mono_ns=0)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A recorder that has run for a segment and a bit, was asked for clips, and has been stopped. (recorder, status)"""
    server = StreamServer(0, width=320, height=180, fps=10, label="yard")
    server.start()
    recorder = Recorder(tmp_path_factory.mktemp("ran"), f"tcp://127.0.0.1:{server.port}").start()
    try:
        until(lambda: recorder.footage_bytes() > 20_000, "some seconds of footage")
        senseless = request("../../etc/x", 1, 1)
        recorder.write(request("door-1", 2, 3), request("other", 1, 1, camera="gate"), senseless)
        recorder.write(request("long-ago", 1, 1, at=LONG_AGO))
        until(lambda: recorder.segments("closed"), "a closed segment")
        status = recorder.status()
        until(lambda: len(recorder.rows("clip.ready", "clip.failed")) >= 3, "three answers")
        before = recorder.footage_bytes()
        until(lambda: recorder.footage_bytes() > before + 2000, "the second segment to grow")
        assert recorder.stop() == 0
        yield recorder, status
    finally:
        recorder.end()
        server.close()


def test_segments_follow_each_other_without_losing_a_frame(ran):
    recorder, _ = ran
    rows = recorder.segments()
    assert [(row.seq, row.state) for row in rows] == [(1, "closed"), (2, "closed")]
    numbers = []
    for row in rows:
        path = recorder.paths.footage / row.path
        assert decode_errors(path) == ""
        assert row.sha256 == hashlib.sha256(path.read_bytes()).digest()
        assert len(packets(path)) == row.frames
        numbers += card_numbers(path)
    assert without_hole(numbers)
    assert rows[1].start_mono_ns == pytest.approx(rows[0].end_mono_ns, abs=50_000_000)
    assert recorder.gaps() == []
    assert [row.kind for row in recorder.rows("process.started", "process.stopping")] == [
        "process.started",
        "process.stopping",
    ]


def test_the_status_says_what_comes_in(ran):
    _, status = ran
    assert status["state"] == "recording"
    assert 5 < status["fps"] < 15
    assert status["kbit_s"] > 10
    assert status["segment"] == 1
    assert status["last_packet_age_ms"] < 5000


def test_a_clip_across_the_present_moment_has_every_frame_and_its_hash(ran):
    recorder, _ = ran
    (ready,) = recorder.rows("clip.ready")
    values = ready.values()
    path = recorder.paths.data / values["path"]
    assert (ready.source, values["clip"], values["short_ms"]) == ("yard", "door-1", 0)
    assert values["path"] == "clips/door-1-yard.mp4"
    assert (values["bytes"], values["sha256"]) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    numbers = card_numbers(path)
    assert without_hole(numbers)
    assert 50 <= len(numbers) <= 61  # 5 s, and up to a second back to the keyframe
    assert len(packets(path)) == len(numbers)
    (cut,) = recorder.rows("viewing.cut")
    about = cut.values()
    assert (about["how"], about["by"], about["cause"]) == ("command", "chen", "command:chen")
    asked = next(row for row in recorder.rows("clip.requested") if row.values()["clip"] == "door-1")
    assert (about["request"], about["sha256"], cut.seq + 1) == (asked.seq, values["sha256"], ready.seq)


def test_requests_for_other_cameras_and_senseless_ones(ran):
    recorder, _ = ran
    failed = {row.values()["clip"]: row.values()["reason"] for row in recorder.rows("clip.failed")}
    assert set(failed) == {"../../etc/x", "long-ago"}
    assert "no footage of that time" in failed["long-ago"]
    assert [path.name for path in recorder.paths.clips.iterdir()] == ["door-1-yard.mp4"]


def test_a_request_that_was_pending_at_a_kill_is_answered_once_after_the_restart(recorder):
    recorder.start()
    recorder.recording()
    recorder.write(request("door-2", 1, 3))
    recorder.kill()
    recorder.start()
    (ready,) = until(lambda: recorder.rows("clip.ready", "clip.failed"), "the clip")
    assert ready.values()["short_ms"] > 0  # the second or so that the kill took
    assert decode_errors(recorder.paths.data / ready.values()["path"]) == ""
    recorder.stop()
    assert len(recorder.rows("clip.ready", "clip.failed")) == 1


def test_a_cut_camera_is_lost_and_restored_and_the_gap_told(server, recorder):
    recorder.start()
    recorder.recording()
    server.cut()
    (lost,) = until(lambda: recorder.rows("camera.lost"), "camera.lost")
    assert (lost.source, lost.lane, lost.signal) == ("yard", "alarm", "trouble")
    assert until(lambda: recorder.status().get("state") == "lost", "the status to say lost")
    row = until(lambda: recorder.segments("closed"), "the segment to be closed")[0]
    assert decode_errors(recorder.paths.footage / row.path) == ""
    server.mend()
    (restored,) = until(lambda: recorder.rows("camera.restored"), "camera.restored")
    assert restored.values()["lost_ms"] > 0
    (gap,) = until(recorder.gaps, "the gap in the index")
    assert gap.cause.startswith("camera lost: tcp://127.0.0.1")
    recorder.stop()
    assert len(recorder.rows("camera.lost")) == 1
    before, after = (card_numbers(path) for path in recorder.files())
    assert gap.length_ns / 1e9 == pytest.approx((after[0] - before[-1] - 1) / 10, abs=0.3)


def test_a_camera_that_was_lost_before_the_restart_is_not_lost_anew_and_its_gap_spans_both(server, recorder):
    recorder.start()
    recorder.recording()
    server.cut()
    until(lambda: recorder.rows("camera.lost"), "camera.lost")
    recorder.stop()
    server.mend()
    recorder.start()
    until(lambda: recorder.rows("camera.restored"), "camera.restored")
    (gap,) = until(recorder.gaps, "the gap")
    assert gap.cause.startswith("camera lost: ")
    recorder.stop()
    assert len(recorder.rows("camera.lost")) == 1


def test_rtsp_with_password_is_recorded_and_the_password_is_nowhere(card, recorder_of):
    secret = "s3cret:p@ss/word"
    with sp_rtsp.RtspServer({"main": card}, "viewer", secret) as camera:
        recorder = recorder_of(camera.url("main"))
        recorder.paths.site.with_name("secrets.toml").write_text(f'[yard]\nuser = "viewer"\npassword = "{secret}"\n')
        recorder.paths.secrets.chmod(0o600)
        recorder.start()
        recorder.recording()
        until(lambda: recorder.footage_bytes() > 20_000, "some footage")
        recorder.stop()
        (path,) = recorder.files()
        assert decode_errors(path) == ""
        assert without_hole(card_numbers(path))
        recorder.paths.secrets.write_text('[yard]\nuser = "viewer"\npassword = "wr0ng-one"\n')
        recorder.start()
        (lost,) = until(lambda: recorder.rows("camera.lost"), "camera.lost")
        assert "refused user or password (401)" in lost.values()["reason"]
        until(lambda: recorder.status().get("state") == "lost", "the status")
        recorder.stop()
    for shown in (secret, "wr0ng-one", "s3cret", "viewer"):
        for path in recorder.paths.data.parent.rglob("*"):
            if path.is_file() and path.name != "secrets.toml":
                assert shown.encode() not in path.read_bytes(), f"{shown} in {path.name}"


def test_a_camera_that_hangs_without_closing_is_noticed(card, recorder_of):
    with sp_rtsp.RtspServer({"main": card}) as camera:
        recorder = recorder_of(camera.url("main"), extra="stall_s = 2").start()
        recorder.recording()
        camera.freeze()
        (lost,) = until(lambda: recorder.rows("camera.lost"), "camera.lost")
        assert "nothing came for 2 s" in lost.values()["reason"]
        camera.thaw()
        until(lambda: recorder.rows("camera.restored"), "camera.restored")
        recorder.recording()


@pytest.mark.long
def test_a_long_gap_is_an_event(server, recorder):
    recorder.start()
    recorder.recording()
    server.cut()
    (lost,) = until(lambda: recorder.rows("camera.lost"), "camera.lost")
    until(lambda: SystemClock().stamp().mono_ns - lost.mono_ns > 12_000_000_000, "the gap to be longer than 10 s")
    server.mend()
    (gap,) = until(lambda: recorder.rows("footage.gap"), "footage.gap", 60)
    values = gap.values()
    assert values["gap_ms"] > 10_000
    assert values["cause"].startswith("camera lost: tcp://127.0.0.1")
    assert values["to_ns"] - values["from_ns"] == pytest.approx(values["gap_ms"] * 1_000_000, abs=1_000_000)


def test_a_file_is_played_again_and_again_without_being_lost(card, recorder_of, tmp_path):
    short = sp_rtsp.card_file(tmp_path, seconds=1)
    recorder = recorder_of(f"file:{short}").start()
    until(lambda: len(recorder.segments("closed")) >= 2, "two rounds")
    recorder.stop()
    assert recorder.rows("camera.lost") == []
    assert card_numbers(recorder.files()[0]) == list(range(15))


def test_a_camera_that_is_not_in_the_site_file_is_one_line(recorder_of):
    recorder = recorder_of("testcard:")
    recorder.camera = "gate"
    recorder.log = recorder.log.with_name("gate.log")
    recorder.start()
    assert recorder.process.wait(20) == 1
    assert recorder.log.read_text().splitlines() == [
        f"recorder: {recorder.paths.site}: no camera 'gate' there (known: yard)"
    ]
