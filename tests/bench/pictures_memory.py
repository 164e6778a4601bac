"""Memory of looking at pictures for hours: a drawn scene, over and over, as fast as it can be decoded.

The same path as in a recorder, from packets to rows (Tap, Eye, Sight), on a clock of its own: an hour of the camera
takes some seconds. What is resident after the first tenth and at the end is compared.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import av
import sp_bench
from sp_scene import LENGTH_S, SHORT, scene_file

from agent.core.chain import Stamp
from agent.core.motion import Zone, smallest
from agent.recorder import grey
from agent.recorder.eye import Eye
from agent.recorder.sight import Sight, Wish
from agent.recorder.tap import Item, Tap

S = 1_000_000_000
WHOLE = [[0, 0], [100, 0], [100, 100], [0, 100]]


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


class Camera:
    """A film played in a loop; `now_ns` is the time of the packet that was played last."""

    def __init__(self, film: Path) -> None:
        self.now_ns = S
        tap = Tap(keep_all=True)
        self._packets: list[tuple[Item, int]] = []
        with av.open(str(film)) as file:
            stream = file.streams.video[0]
            tap.begin(stream)
            for packet in file.demux(stream):
                if packet.size:
                    tap.offer(packet, int(packet.pts * packet.time_base * S))
                    self._packets += [(item, item.mono_ns) for item in tap.take()]

    def stamp(self) -> Stamp:
        return Stamp(1_800_000_000 * S + self.now_ns, "boot", self.now_ns, "synced")

    def play(self, eye: Eye, hours: float, at: dict[float, Any]) -> dict[float, float]:
        """Play so many hours; what is resident at each of these parts of them."""
        found: dict[float, float] = {}
        rounds = int(hours * 3600 / LENGTH_S[SHORT])
        marks = {max(1, round(part * rounds)): part for part in at}
        for number in range(1, rounds + 1):
            begin_ns = self.now_ns
            for item, offset_ns in self._packets:
                self.now_ns = begin_ns + offset_ns
                eye.see(Item(item.format, item.packet, self.now_ns))
            self.now_ns = begin_ns + LENGTH_S[SHORT] * S
            if number in marks:
                found[marks[number]] = resident_mib()
        return found


def main() -> None:
    hours = 6.0 if sp_bench.long_wanted() else 0.5
    camera = Camera(scene_file(Path(tempfile.gettempdir()), SHORT, size=(640, 360), fps=10, gop=20))
    level = smallest(5, "always", night=False)
    rows: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        wish = Wish("yard", zones=[Zone("", level, level)], areas=[WHOLE])
        sight = Sight(
            wish, lambda row: rows.append(row.KIND), camera.stamp, lambda frame, at: "", Path(folder) / "usual"
        )
        eye = Eye(lambda frame, ns: sight.see(grey.of_frame(frame), ns, frame), lambda: sight.close_wanted)
        began = time.monotonic()
        found = camera.play(eye, hours, {0.1: None, 1.0: None})
    grown = found[1.0] - found[0.1]
    faults = [kind for kind in rows if kind.startswith("camera.")]
    sp_bench.report("memory of looking, over hours", "MiB more at the end", grown, None, "<= 3 MiB", grown <= 3,
                    hours=hours, looks=sight.looks, resident_mib=round(found[1.0], 1),
                    seconds=round(time.monotonic() - began, 1))  # fmt: skip
    sp_bench.report("false faults of a healthy camera", "rows", len(faults), None, "0", not faults, hours=hours)


if __name__ == "__main__":
    main()
