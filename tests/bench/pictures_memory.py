"""Memory of a recorder that looks at pictures, over hours: the whole process, on a clock that runs 10 times as fast.

A drawn scene (sp_scene.py) comes as 1080p25 of 4 Mbit/s from a command, as a camera behind `pipe:` does, 10 times as
fast as life; the recorder lives on a clock as fast (sp_hurried.py): the same threads, segments, index, journal,
thumbnails. What is resident is read each 5 minutes of its time; segments are taken away behind it. The reference is
the same recorder looking at nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
from sp_recorder import BLIND, Recorder
from sp_scene import LONG, SHORT, scene_file

from agent.core.health import NAMES

SUPPORT = Path(__file__).parents[1] / "support"
SPEED = 10
EVERY_S, SETTLED_S = 300.0, 1800.0  # of the recorder's time; what is resident grows until all has been done once
KEPT = 20  # segments
MOST_MIB, SLOPE_MIB = 110, 0.5
FAULTS = {f"camera.{name}" for name in NAMES}
MOTION = "[camera.motion]\nsensitivity = 5\n"


class Hurried(Recorder):
    """A recorder on the fast clock, of a camera that is as fast."""

    def __init__(self, folder: Path, film: Path, extra: str) -> None:
        play = f"ffmpeg -v error -readrate {SPEED} -stream_loop -1 -i {film} -c copy -f mpegts -"
        super().__init__(folder, f"pipe:{play}", extra=f"stall_s = 10\n{extra}")

    def start(self) -> Hurried:
        where = ("--site", self.paths.site, "--data", self.paths.data, "--run", self.paths.run)
        script = [sys.executable, str(SUPPORT / "sp_hurried.py"), str(SPEED), "agent.recorder", "--camera", self.camera]
        with self.log.open("ab") as log:
            command = [*script, *map(str, where)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def memory_mib(self) -> tuple[float, float]:
        """(resident now, at most so far)."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        now, most = (int(status.split(f"{name}:")[1].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return now, most

    def tidy(self) -> None:
        """Keep the newest files only: the disk has not room for hours."""
        for old in self.files()[:-KEPT]:
            with contextlib.suppress(OSError):
                old.unlink()


def hours_of(recorder: Hurried, hours: float) -> Iterator[tuple[float, float, float]]:
    """(time of the recorder in seconds, resident, at most) each 5 minutes of its time."""
    began, number = time.monotonic(), 0
    while (at_s := (time.monotonic() - began) * SPEED) < hours * 3600:
        assert recorder.process is not None
        if recorder.process.poll() is not None:
            raise RuntimeError(f"the recorder ended: {recorder.tail()}")
        if at_s >= number * EVERY_S:
            number += 1
            recorder.tidy()
            now, most = recorder.memory_mib()
            print(f"{at_s / 3600:.2f} h: {now:.1f} MiB, at most {most:.1f}", file=sys.stderr, flush=True)
            yield at_s, now, most
        time.sleep(0.5)


def slope(points: list[tuple[float, float]]) -> float:
    """MiB an hour, by least squares; 0 of fewer than three points."""
    if len(points) < 3:
        return 0.0
    middle_s, middle = (sum(values) / len(points) for values in zip(*points, strict=True))
    across = sum((at_s - middle_s) ** 2 for at_s, _ in points)
    return sum((at_s - middle_s) * (mib - middle) for at_s, mib in points) / across * 3600


def measure(folder: Path, film: Path, extra: str, hours: float) -> tuple[list[tuple[float, float]], float, Hurried]:
    """What was resident when, in MiB, and the most; the recorder has ended."""
    recorder = Hurried(folder, film, extra).start()
    try:
        recorder.recording()
        found = list(hours_of(recorder, hours))
    finally:
        recorder.stop()
        recorder.end()
    return [(at_s, mib) for at_s, mib, _ in found], max(most for *_, most in found), recorder


def main() -> None:
    parts, hours = (LONG, 6.0) if sp_bench.long_wanted() else (SHORT, 0.6)
    film = scene_file(Path(tempfile.gettempdir()), parts)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        _, blind, _ = measure(Path(name) / "blind", film, BLIND, 0.1)
        points, most, recorder = measure(Path(name) / "looking", film, MOTION, hours)
        faults = [row.kind for row in recorder.rows() if row.kind in FAULTS]
        moved, behind = len(recorder.rows("motion.started")), int(recorder.status().get("unlooked_packets", 0))
        seconds = sum(segment.end_at_ns - segment.start_at_ns for segment in recorder.segments("closed")) / 1e9
    grows = slope([point for point in points if point[0] >= min(SETTLED_S, hours * 1800)])
    sp_bench.report("recorder RSS, looking at pictures", "MiB at most", most, blind, f"<= {MOST_MIB} MiB",
                    most <= MOST_MIB, hours=round(seconds / 3600, 2), motion=moved, unlooked_packets=behind,
                    resident_mib=[round(mib, 1) for _, mib in points[:: max(1, len(points) // 12)]])  # fmt: skip
    sp_bench.report("its growth once all was done", "MiB an hour", grows, None, f"<= {SLOPE_MIB}",
                    grows <= SLOPE_MIB, after_s=min(SETTLED_S, hours * 1800))  # fmt: skip
    sp_bench.report("false faults of a healthy camera", "rows", len(faults), None, "0", not faults,
                    kinds=sorted(set(faults)))  # fmt: skip


if __name__ == "__main__":
    main()
