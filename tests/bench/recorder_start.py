"""From a recorder's start to its first footage, with 92 days of eight cameras in the index and its camera's files.

Beside it the same recorder with nothing in its index, in the same run. The camera answers at once and every picture is
a keyframe, so what counts is the program: what it imports (it looks at pictures, too), looks through and puts right
before it writes. The files are empty but have their names, as those of 92 days have: a hundred and thirty thousand.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
import sp_index
from sp_recorder import Recorder, until
from sp_wire import Wire, pictures

from agent.core.chain import Stamp
from agent.footage.index import segment_path
from agent.runtime.clock import SystemClock

DAYS, CAMERAS = 92, 8
CAMERA = "cam-1"
LOOKING = "[camera.motion]\nsensitivity = 5\n"  # cv2 and numpy are imported, too
MUST_S = 1.0
MINUTE_NS = 60 * 1_000_000_000


def play(line: object, number: int) -> None:
    """Keyframes, ten a second."""
    second = 0
    while True:
        line.live(pictures(10, gop=1, first=10 * second), start_s=10.0 + second)  # type: ignore[attr-defined]
        second += 1


def fill(recorder: Recorder, now: Stamp) -> None:
    """Index and names of files, up to a quarter of an hour ago."""
    recorder.paths.data.mkdir(parents=True)
    before = now._replace(at_ns=now.at_ns - 15 * MINUTE_NS)
    sp_index.fill(recorder.paths.media, before, days=DAYS, cameras=CAMERAS)
    folders = set()
    for n in range(DAYS * 1440):
        at_s = (before.at_ns - (DAYS * 1440 - n) * MINUTE_NS) // 1_000_000_000
        utc = datetime.fromtimestamp(at_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = recorder.paths.footage / segment_path(CAMERA, n + 1, utc)
        if path.parent not in folders:
            path.parent.mkdir(parents=True)
            folders.add(path.parent)
        path.touch()


def start_s(recorder: Recorder) -> float:
    """Seconds from exec until a segment has its first fragment; then the recorder is stopped."""
    began, began_ns = time.monotonic(), SystemClock().stamp().mono_ns

    def written() -> bool:
        found = [row for row in recorder.segments("open") if row.camera == CAMERA and row.start_mono_ns >= began_ns]
        return bool(found) and (recorder.paths.footage / found[-1].path).stat().st_size > 2000

    recorder.start()
    until(written, f"footage ({recorder.tail()})")
    took = time.monotonic() - began
    recorder.stop()
    return took


def main() -> None:
    rounds = 10 if sp_bench.long_wanted() else 4
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name, Wire().plays(play) as wire:
        full, empty = (
            Recorder(Path(name) / which, wire.source, camera=CAMERA, extra=LOOKING) for which in ("full", "empty")
        )
        fill(full, SystemClock().stamp())
        ours, reference = [], []
        try:
            for _ in range(rounds):
                reference.append(start_s(empty))
                ours.append(start_s(full))
        finally:
            full.end()
            empty.end()
    value, beside = sp_bench.percentile(ours, 0.5), sp_bench.percentile(reference, 0.5)
    sp_bench.report(
        "recorder start to footage", "s, median", value, beside, f"<= {MUST_S:g} s", value <= MUST_S,
        worst=round(max(ours), 3), segments=DAYS * 1440 * CAMERAS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
