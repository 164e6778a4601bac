"""What is shorter than the time between two keyframes, on a camera that spends bits where something moves: known
events at every place between two keyframes, from packets to rows, against keyframes alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from sp_detectors import judged
from sp_scene import Part, Scene, box, walk, yuv

from agent.core.chain import Stamp
from agent.core.events import Event, MotionEnded, MotionStarted
from agent.core.motion import Zone, smallest
from agent.recorder import grey
from agent.recorder.eye import CLOSE_MOST_S, CLOSE_SHARE, Eye
from agent.recorder.sight import Sight, Wish
from agent.recorder.tap import Item, Tap

S = 1_000_000_000
FPS, GOP_S, SHORT_S = 10, 2, 1.1
FIRST_S, EVERY_S, COUNT = 14, 10, 8
LENGTH_S = FIRST_S + COUNT * EVERY_S
DRAWN = (walk(1.1, -0.1, 0.9, 0.4, 60), box(-0.25, 1.25, 0.88, 0.22, 0.25, 170), walk(-0.1, 0.6, 0.9, 0.35, 45))
STARTS = [FIRST_S + EVERY_S * n + GOP_S * n / COUNT for n in range(COUNT)]
WHOLE = [[0, 0], [100, 0], [100, 100], [0, 100]]
MS_A_PICTURE = 4.3  # what 1080p takes to decode


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Somebody dashes by, or something is driven by, each 10 s, a quarter second later in the group each time."""
    path = tmp_path_factory.mktemp("film") / "dashes.mp4"
    parts = tuple(Part(f"dash {n}", at, SHORT_S, DRAWN[n % 3]) for n, at in enumerate(STARTS))
    raw = b"".join(yuv(Scene(320, 180, parts), LENGTH_S, FPS))
    size = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x180", "-r", str(FPS), "-i", "-"]
    coder = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-bf", "0", "-g", str(GOP_S * FPS)]
    command = ["ffmpeg", "-v", "error", "-y", *size, *coder, "-sc_threshold", "0", str(path)]
    subprocess.run(command, input=raw, check=True)
    tap, items = Tap(keep_all=True), []
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        tap.begin(stream)
        for packet in file.demux(stream):
            if packet.size:
                tap.offer(packet, S + int(packet.pts * packet.time_base * S))
                items += tap.take()
    return items


def seen(items: list[Item], folder: Path, wanted: Callable[[Sight], bool]) -> tuple[list[str], int, Eye]:
    """(events that were missed, false ones, the eye) of a recorder that looks at these packets."""
    at_ns, told = S, list[Event]()
    level = smallest(5, "always", night=False)
    wish = Wish("yard", zones=[Zone("", level, level)], areas=[WHOLE], hold_s=3)
    sight = Sight(wish, told.append, lambda: Stamp(at_ns, "b", at_ns, "synced"), lambda frame, at: "", folder / "usual")
    decoded = 0

    def spent_s() -> float:
        return decoded * MS_A_PICTURE / 1000

    def show(frame: av.VideoFrame, mono_ns: int) -> None:
        nonlocal decoded
        decoded = eye.closely
        sight.see(grey.of_frame(frame), mono_ns, frame)

    eye = Eye(show, lambda: wanted(sight), spent_s=spent_s)
    for item in items:
        at_ns = item.mono_ns
        eye.see(item)
    spans: list[tuple[float, float]] = []
    for event in told:
        if isinstance(event, MotionStarted):
            spans.append((event.at_ns / S - 1, float(LENGTH_S)))
        elif isinstance(event, MotionEnded):
            spans[-1] = (spans[-1][0], spans[-1][0] + event.lasted_ms / 1000)
    missed, false, _ = judged(spans, [(f"at {at}", at, at + SHORT_S) for at in STARTS], 2.0)
    return missed, false, eye


def test_what_is_short_is_seen_wherever_it_falls(packets: list[Item], tmp_path: Path) -> None:
    missed, false, eye = seen(packets, tmp_path, lambda sight: sight.close_wanted)
    assert (missed, false) == ([], 0)
    spent_s = eye.closely * MS_A_PICTURE / 1000
    assert spent_s <= CLOSE_MOST_S + LENGTH_S * CLOSE_SHARE + GOP_S * FPS * MS_A_PICTURE / 1000, "within its allowance"


def test_keyframes_alone_miss_some_of_it(packets: list[Item], tmp_path: Path) -> None:
    missed, false, eye = seen(packets, tmp_path, lambda sight: False)
    assert (len(missed) >= 2, false, eye.closely) == (True, 0, 0)
