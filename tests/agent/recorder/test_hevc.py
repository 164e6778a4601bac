"""H.265 all the way: recorded, salvaged after a kill, cut, and named hvc1, so that common players open it."""

from __future__ import annotations

import json
import subprocess

import pytest
from sp_recorder import card_numbers, decode_errors, until
from sp_rtsp import RtspServer
from sp_taking import Taking
from sp_wire import Wire, pictures

from agent.core.clips import Window
from agent.footage.cut import cut
from agent.footage.index import MediaIndex
from agent.footage.recovery import salvage
from hw.cameras import open_camera


def codec_of(path):
    """(codec, tag, width) as ffprobe has them."""
    ask = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,codec_tag_string,width", "-of", "json"]
    found = json.loads(subprocess.run([*ask, str(path)], capture_output=True, check=True).stdout)["streams"][0]
    return found["codec_name"], found["codec_tag_string"], found["width"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recording of H.265 with 45 pictures and more, and a copy of it as a dead recorder would have left it."""
    folder = tmp_path_factory.mktemp("hevc")

    def script(line, number):
        line.live(pictures(100, codec="hevc"), fps=20, codec="hevc")
        line.wait(30)

    with Wire().plays(script) as wire:
        taking = Taking(folder, open_camera(wire.source))
        try:
            until(lambda: taking.shown.recorded_until and taking.shown.frames > 45, "two seconds of footage")
            dead = folder / "dead"
            torn = taking.files[0].read_bytes()[:-7]
            (dead / taking.rows[0].path).parent.mkdir(parents=True)
            (dead / taking.rows[0].path).write_bytes(torn)
            taking.end()
            yield taking, dead
        finally:
            taking.close()


def test_it_is_recorded_as_it_came(recorded):
    taking, _ = recorded
    (path,) = taking.files
    assert taking.shown.about == "hevc, 160x128, copied"
    assert codec_of(path) == ("hevc", "hvc1", 160)
    assert decode_errors(path) == ""
    numbers = card_numbers(path)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 40


def test_what_a_dead_recorder_left_is_salvaged_and_plays(recorded, tmp_path):
    taking, dead = recorded
    index = MediaIndex(tmp_path / "media.db")
    index.begin(taking.rows[0]._replace(state="open"))
    done, problems = salvage(index, dead, "yard", 99)
    index.close()
    assert problems == []
    assert [one.seq for one in done] == [1]
    path = dead / taking.rows[0].path
    assert decode_errors(path) == ""
    assert codec_of(path)[1] == "hvc1"
    assert card_numbers(path)[:20] == list(range(20))


def test_a_clip_of_it_plays(recorded, tmp_path):
    taking, _ = recorded
    row = taking.rows[0]
    start = taking.shown.recorded_until._replace(mono_ns=row.start_mono_ns + 1_500_000_000)
    window = Window(start, start._replace(mono_ns=start.mono_ns + 500_000_000, at_ns=start.at_ns + 500_000_000))
    made = cut(window, taking.files, tmp_path / "clip.mp4", {})
    assert codec_of(made.path) == ("hevc", "hvc1", 160)
    assert decode_errors(made.path) == ""
    numbers = card_numbers(made.path)
    assert numbers[0] in (20, 30)
    assert 8 <= len(numbers) <= 22


H265 = (
    "( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 ! x265enc tune=zerolatency "
    "speed-preset=ultrafast key-int-max=10 log-level=none ! h265parse config-interval=-1 ! rtph265pay name=pay0 pt=96 )"
)


@pytest.mark.long
def test_over_rtsp_too(tmp_path):
    with RtspServer({"main": H265}) as server:
        taking = Taking(tmp_path, open_camera(server.url("main")))
        try:
            until(lambda: taking.shown.frames > 25, "two seconds of footage")
            taking.end()
            (path,) = taking.files
            assert codec_of(path) == ("hevc", "hvc1", 320)
            assert decode_errors(path) == ""
        finally:
            taking.close()
