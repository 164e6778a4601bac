"""A recorder that looks at what it records: motion with its thumbnail, single pictures, the reference."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from sp_recorder import Recorder, decode_errors, until
from sp_rtsp import RtspServer
from sp_scene import LENGTH_S, Part, scene_file, walk

from agent.core.events import CameraBlack, ReferenceRequested, SnapshotRequested
from agent.core.retention import Batch, Why
from agent.footage.delete import Deleter, Order
from agent.footage.index import MediaIndex
from agent.footage.thumbnails import Thumbnails
from agent.journal import Journal
from agent.recorder.analysis import Analysis
from agent.recorder.flow import Shown
from agent.recorder.sight import Sight, Wish
from agent.recorder.tap import Format, Item, Tap
from agent.runtime.clock import SystemClock

LOOKS = """
[camera.motion]
hold_s = 3
[[camera.zone]]
id = "floor"
corners = ["0,30", "100,30", "100,100", "0,100"]
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three quiet seconds, then somebody walks through, then quiet again: a loop of 8 s."""
    parts = (Part("walk", 3, 2, walk(0.0, 1.0, 0.92, 0.5, 40)),)
    LENGTH_S[parts] = 8
    return scene_file(tmp_path_factory.mktemp("film"), parts, size=(320, 180), fps=10, gop=10)


@pytest.fixture
def server(film: Path) -> Iterator[RtspServer]:
    with RtspServer({"main": film, "sub": film}) as server:
        yield server


def test_motion_has_a_thumbnail_that_goes_with_its_footage(
    server: RtspServer, recorder_of: Callable[..., Recorder]
) -> None:
    recorder = recorder_of(server.url("main"), extra=LOOKS).start()
    (started,) = until(lambda: recorder.rows("motion.started")[:1], "motion")
    values = started.values()
    assert values["zones"] == ["floor"]
    picture = recorder.paths.data / str(values["picture"])
    assert cv2.imread(str(picture)).shape == (180, 320, 3)
    (ended,) = until(lambda: recorder.rows("motion.ended")[:1], "the end of it")
    assert ended.values()["motion"] == values["motion"]
    assert int(str(ended.values()["lasted_ms"])) <= 3000
    until(recorder.paths.newest("yard").exists, "the newest picture")
    assert recorder.status()["figures"]["mean"] > 20
    recorder.stop()
    seq = int(picture.name[:8])
    index = MediaIndex(recorder.paths.media)
    (thumbnail, *_) = Thumbnails(index).between("yard", int(str(values["at_ns"])), int(str(values["at_ns"])) + 1)
    assert recorder.paths.footage / thumbnail.path == picture
    batch = Batch("yard", Why.CEILING, (seq,), 0, 1, 1)
    journal = Journal.open(recorder.paths.journal, recorder.paths.bell, SystemClock().stamp)
    order = Order(reason="", authority="", requester="", approver="", by="", floor="")
    Deleter(recorder.paths.footage, index, journal).delete(batch, order)
    assert not picture.exists()
    assert seq not in [one.seq for one in Thumbnails(index).between("yard", 0, 1 << 62)]
    journal.close()
    index.close()


WHO = {"use": "copy", "viewer": "wang", "at": "ssh 10.0.0.9", "present": ["li", "zhao"]}


def test_pictures_on_request_and_a_reference(server: RtspServer, recorder_of: Callable[..., Recorder]) -> None:
    recorder = recorder_of(server.url("main")).start()
    recorder.recording()
    recorder.write(SnapshotRequested(source="panel", snapshot="s-1", cameras=["other", "yard"], cause="x"))
    recorder.write(SnapshotRequested(source="panel", snapshot="s-2", cameras=["other"], cause="x"))
    recorder.write(SnapshotRequested(source="command", snapshot="s-3", cameras=["yard"], cause="person:li", **WHO))
    recorder.write(ReferenceRequested(source="yard", by="tea", cause="person:li", use="copy", at="tty1"))
    (taken,) = until(lambda: recorder.rows("camera.reference_taken"), "the reference")
    ready, other = recorder.rows("snapshot.ready", "snapshot.failed")
    data = (recorder.paths.data / str(ready.values()["path"])).read_bytes()
    assert ready.values()["snapshot"] == "s-1"
    assert hashlib.sha256(data).hexdigest() == ready.values()["sha256"]
    assert (len(data), ready.values()["cause"]) == (ready.values()["bytes"], "x")
    assert taken.values()["by"] == "tea"
    outs = recorder.rows("viewing.still")
    assert [one.seq + 1 for one in outs] == [ready.seq, other.seq, taken.seq], "in one transaction, and before it"
    first, second, third = (one.values() for one in outs)
    by_rule = {"picture": "s-1", "use": "send", "how": "rule", "by": "", "viewer": "", "present": [], "cause": "x"}
    assert {name: first[name] for name in by_rule} == by_rule
    named = {"sha256": ready.values()["sha256"], "bytes": len(data), "at_ns": ready.values()["at_ns"]}
    assert {name: first[name] for name in named} == named
    by_person = {"picture": "s-3", "how": "account", "by": "li", **WHO}
    assert {name: second[name] for name in by_person} == by_person
    asked = recorder.rows("snapshot.requested", "camera.reference_requested")
    assert [first["request"], second["request"], third["request"]] == [asked[0].seq, asked[2].seq, asked[3].seq]
    about = {"picture": "reference", "use": "copy", "by": "li", "viewer": "tea", "at": "tty1"}
    assert {name: third[name] for name in about} == about
    assert third["sha256"] == taken.values()["sha256"]
    assert cv2.imread(str(recorder.paths.data / str(taken.values()["path"]))).shape == (180, 320, 3)
    assert recorder.status().get("figures") is None, "nothing is looked at here"


def test_a_snapshot_asked_for_before_there_are_pictures_is_answered(recorder_of: Callable[..., Recorder]) -> None:
    recorder = recorder_of("tcp://127.0.0.1:9")
    recorder.write(SnapshotRequested(source="panel", snapshot="s-1", cameras=["yard"], cause="x"))
    recorder.start()
    (failed,) = until(lambda: recorder.rows("snapshot.failed"), "the answer")
    assert "no picture has come yet" in str(failed.values()["reason"])


def test_a_camera_that_is_encoded_here_is_looked_at_and_recorded_with_its_mask(
    recorder_of: Callable[..., Recorder],
) -> None:
    mask = '[camera.health]\n[[camera.mask]]\ncorners = ["0,60", "100,60", "100,100", "0,100"]\n'
    recorder = recorder_of("testcard:320x180/10", extra=mask).start()
    until(lambda: recorder.status().get("looks", 0) > 2, "looks at the camera's own pictures")
    until(recorder.paths.newest("yard").exists, "the newest picture")
    newest = cv2.imread(str(recorder.paths.newest("yard")), cv2.IMREAD_GRAYSCALE)
    assert newest[112:].max() < 24, "masked in what is shown"
    assert newest[:100].std() > 20
    recorder.stop()
    film = cv2.VideoCapture(str(recorder.files()[0]))
    more, frame = film.read()
    while more:
        assert frame[112:].max() < 24, "and in every picture that is stored"
        more, frame = film.read()
    assert decode_errors(recorder.files()[0]) == ""


def test_the_cameras_clock_is_what_its_stream_tells_and_nothing_else(tmp_path: Path) -> None:
    """RTCP's time, as FFmpeg puts it beside a packet; a camera that counts from its start tells none."""
    now = SystemClock().stamp()
    sight = Sight(Wish("yard"), print, lambda: now, lambda frame, at: "", tmp_path / "usual.json")
    tap, shown = Tap(), Shown()
    where = (tmp_path / "newest.jpg", tmp_path / "reference.jpg")
    analysis = Analysis(sight, Blind(), tap, None, shown, lambda: now, *where, print)  # type: ignore[arg-type]
    for told_ns, off_ms in ((now.at_ns - 7_000_000_000, -7000), (3_600_000_000_000, None), (0, None)):
        tap._keyframe = Item(Format("h264", None), Told(told_ns), now.mono_ns)
        assert analysis._clock_off_ms() == off_ms
    tap._keyframe = None
    assert analysis._clock_off_ms() is None


class Blind:
    """A camera that gives no pictures of its own."""

    pictures = False


class Told:
    """A packet with the camera's own time beside it, none if it is 0."""

    def __init__(self, at_ns: int) -> None:
        self._at_ns = at_ns

    def has_sidedata(self, name: str) -> bool:
        return name == "prft" and self._at_ns > 0

    def get_sidedata(self, name: str) -> bytes:
        return (self._at_ns // 1000).to_bytes(8, sys.byteorder, signed=True) + bytes(8)


@pytest.mark.long
def test_by_the_sub_stream_a_fault_of_an_earlier_run_is_taken_back(
    server: RtspServer, recorder_of: Callable[..., Recorder]
) -> None:
    recorder = recorder_of(server.url("main"), extra=f'sub = "{server.url("sub")}"\n{LOOKS}')
    recorder.write(CameraBlack(source="yard", detail="mean 1, flat 1000"))
    recorder.start()
    until(lambda: recorder.status().get("looks", 0) > 3, "looks")
    assert recorder.status()["faults"] == ["black"]
    (cleared,) = until(lambda: recorder.rows("camera.black_cleared"), "the picture is fine", 60)
    assert int(str(cleared.values()["lasted_ms"])) > 15_000
    until(lambda: recorder.status()["faults"] == [], "the status")
