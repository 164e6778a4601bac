"""Events shorter than the time between two keyframes, at every place there, and what a recorder sees of them.

From packets to rows, without the wait: no network, no disk, and what decoding takes is counted, not measured.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
from sp_detectors import judged
from sp_scene import Part, Scene, box, walk, yuv

from agent.core.chain import Stamp
from agent.core.events import Event, MotionEnded, MotionStarted
from agent.core.motion import Zone, smallest
from agent.recorder import grey
from agent.recorder.eye import Eye
from agent.recorder.sight import Sight, Wish
from agent.recorder.tap import Item, Tap

S = 1_000_000_000
SHORT_S, GOP_S, SLACK_S = 1.1, 2, 2.0
DRAWN = (walk(1.1, -0.1, 0.9, 0.4, 60), box(-0.25, 1.25, 0.88, 0.22, 0.25, 170), walk(-0.1, 0.6, 0.9, 0.35, 45))
WHOLE = [[0, 0], [100, 0], [100, 100], [0, 100]]
MS_A_PICTURE = 4.3  # what 1080p takes to decode


class Dashes(NamedTuple):
    """Somebody dashes by, or something is driven by: at `starts`, in a scene of that size, pace, length and noise."""

    size: tuple[int, int]
    fps: int
    starts: Sequence[float]
    length_s: int
    noise: float = 4.0

    def pictures(self) -> Iterator[bytes]:
        """Raw yuv420p, one after another."""
        parts = tuple(Part(f"dash {n}", at, SHORT_S, DRAWN[n % 3]) for n, at in enumerate(self.starts))
        return yuv(Scene(*self.size, parts, noise=self.noise), self.length_s, self.fps)


class Seen(NamedTuple):
    """What a recorder made of it. closely: pictures that were decoded between keyframes."""

    missed: list[str]
    false: int
    closely: int


def encoded(dashes: Dashes, ways: Sequence[str], folder: Path) -> list[list[Item]]:
    """The packets of cameras that encode it in these ways, a keyframe each 2 s; for each way, all."""
    paths = [folder / f"dashes-{number}.ts" for number in range(len(ways))]
    form = f"-f rawvideo -pix_fmt yuv420p -s {dashes.size[0]}x{dashes.size[1]} -r {dashes.fps} -i -"
    group = f"-bf 0 -g {GOP_S * dashes.fps} -sc_threshold 0"
    command = ["ffmpeg", "-v", "error", "-y", *form.split()]
    for how, path in zip(ways, paths, strict=True):
        command += [*f"-map 0:v -c:v libx264 {how} {group} -f mpegts -muxdelay 0 -muxpreload 0".split(), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for picture in dashes.pictures():
            encoder.stdin.write(picture)
        encoder.stdin.close()
        if encoder.wait():
            raise RuntimeError("ffmpeg could not encode the dashes")
    return [_packets(path) for path in paths]


def _packets(path: Path) -> list[Item]:
    tap, items = Tap(keep_all=True), []
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        tap.begin(video)
        for packet in file.demux(video):
            if packet.size:
                tap.offer(packet, S + int(packet.pts * packet.time_base * S))
                items += tap.take()
    return items


def seen(
    dashes: Dashes, items: list[Item], folder: Path, wanted: Callable[[Sight], bool], *, every: bool = False
) -> Seen:
    """What is told of these packets. wanted: whether to look closely; every: as of a sub stream."""
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

    eye = Eye(show, lambda: wanted(sight), spent_s=spent_s, every=every)
    for item in items:
        at_ns = item.mono_ns
        eye.see(item)
    spans: list[tuple[float, float]] = []
    for event in told:
        if isinstance(event, MotionStarted):
            spans.append((event.at_ns / S - 1, float(dashes.length_s)))
        elif isinstance(event, MotionEnded):
            spans[-1] = (spans[-1][0], spans[-1][0] + event.lasted_ms / 1000)
    missed, false, _ = judged(spans, [(f"at {at}", at, at + SHORT_S) for at in dashes.starts], SLACK_S)
    return Seen(missed, false, eye.closely)
