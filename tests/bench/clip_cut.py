"""A 30 s clip out of four segments of 60 s 1080p25, 4 Mbit/s, against ffmpeg -ss -t -c copy over the same segments.

Both leave a file on the disk; ours is hashed and synced as well. Alternately, so that the machine's moods hit both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import av
import sp_bench
from sp_footage import BOOT, stamp
from sp_recorder import packets
from sp_rtsp import full_hd_file

from agent.core.clips import Window
from agent.footage.cut import cut
from agent.footage.layout import Fragment
from agent.footage.segment import SegmentWriter
from agent.recorder.fragments import Fragmenter

NS = 1_000_000_000
FPS = 25
SEGMENT_S = 60


def looped(media: Path, seconds: int) -> Iterator[Fragment]:
    """Fragments of the file, played again and again without waiting, from second 100 of a boot on."""
    with av.open(str(media)) as source:
        stream = source.streams.video[0]
        taken = [(bytes(packet), packet.is_keyframe) for packet in source.demux(stream) if packet.size]
        fragmenter = Fragmenter(stream, 1, lambda: stamp(100))
        for n in range(seconds * FPS):
            data, key = taken[n % len(taken)]
            yield from fragmenter.add(_packet(data, key, n, stream.time_base), 100 * NS + n * NS // FPS)
        yield from fragmenter.finish()


def _packet(data: bytes, key: bool, n: int, time_base: Any) -> Any:
    packet = av.Packet(data)
    packet.is_keyframe, packet.time_base = key, time_base
    packet.pts = packet.dts = int(n / FPS / time_base)
    return packet


def ring(folder: Path, media: Path) -> list[Path]:
    """Four segments."""
    writers: list[SegmentWriter] = []
    for fragment in looped(media, 4 * SEGMENT_S):
        if not writers or (fragment.key and writers[-1].ticks >= SEGMENT_S * 90_000):
            if writers:
                writers[-1].close()
            writers.append(
                SegmentWriter(folder / "cam/day" / f"{len(writers) + 1}.mp4", "cam", len(writers) + 1, fragment)
            )
        writers[-1].write(fragment)
    writers[-1].close()
    return [writer.path for writer in writers]


def ours(window: Window, segments: list[Path], target: Path) -> float:
    start = time.perf_counter()
    made = cut(window, segments, target, {"clip": "bench"})
    assert made.covered_ns == window.length_ns
    return time.perf_counter() - start


def reference(listing: Path, start_s: float, seconds: int, target: Path) -> float:
    start = time.perf_counter()
    where = ["-ss", str(start_s), "-f", "concat", "-safe", "0", "-i", str(listing), "-t", str(seconds)]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *where, "-c", "copy", str(target)], check=True)
    return time.perf_counter() - start


def main() -> None:
    rounds = 30 if sp_bench.long_wanted() else 8
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        segments = ring(folder, full_hd_file(Path(tempfile.gettempdir())))
        listing = folder / "list.txt"
        listing.write_text("".join(f"file '{path}'\nduration {SEGMENT_S}\n" for path in segments))
        window = Window.around(stamp(100 + SEGMENT_S, boot=BOOT), 10, 20)
        value, other = [], []
        for _ in range(rounds):
            value.append(ours(window, segments, folder / "ours.mp4"))
            other.append(reference(listing, SEGMENT_S - 10, 30, folder / "theirs.mp4"))
        frames = len(packets(folder / "ours.mp4"))
        size = (folder / "ours.mp4").stat().st_size
    median, reference_median = sp_bench.percentile(value, 0.5) * 1e3, sp_bench.percentile(other, 0.5) * 1e3
    ok = median <= 0.5 * reference_median and 30 * FPS <= frames <= 32 * FPS
    more = {"frames": frames, "mib": round(size / 2**20, 1), "worst": round(max(value) * 1e3, 1)}
    sp_bench.report("30 s clip", "ms", median, reference_median, "<= 0.5x", ok, **more)


if __name__ == "__main__":
    main()
