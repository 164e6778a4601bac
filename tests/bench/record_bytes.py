"""Bytes that recording 1080p25 (4 Mbit/s, RTSP over TCP) writes for each byte the camera sent, beside ffmpeg's copy.

Written is what the kernel counts for the process (write_bytes of /proc/PID/io: every page it dirtied, so a page that
two synced fragments share counts twice): segments, index and journal. What the file system writes for itself is not in
it. Sent is the size of the pictures' packets that came to be in the files meanwhile. ffmpeg records the same stream at
the same time, and syncs nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
from sp_recorder import Recorder, until
from sp_rtsp import RtspServer, full_hd_file

SEGMENT_S = 60
MUST = 1.02


class Written(NamedTuple):
    """At one moment: bytes by the kernel's count, and sizes of the files."""

    counted: int
    in_files: int


def written(pid: int, files: Callable[[], int]) -> Written:
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return Written(int(fields["write_bytes"]), files())


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.mp4"))


def share_of_pictures(folder: Path) -> float:
    """Which part of the files are packets of pictures."""
    ask = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=size", "-of", "csv=p=0"]
    paths = sorted(folder.rglob("*.mp4"))
    sizes = [subprocess.run([*ask, str(path)], stdout=subprocess.PIPE, check=True, text=True).stdout for path in paths]
    packets = sum(int(line.strip(",")) for text in sizes for line in text.split())
    return packets / sum(path.stat().st_size for path in paths)


def ratio(before: Written, after: Written, share: float) -> float:
    """Bytes written for each that was sent."""
    return (after.counted - before.counted) / ((after.in_files - before.in_files) * share)


def measure(folder: Path, seconds: int) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RtspServer({"main": full_hd_file(Path(tempfile.gettempdir()))}))
        recorder = Recorder(folder / "ours", server.url("main"), segment_s=SEGMENT_S).start()
        stack.callback(recorder.end)
        theirs = folder / "theirs"
        theirs.mkdir(parents=True)
        copy = ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", server.url("main"), "-an", "-c", "copy"]
        into = ["-f", "segment", "-segment_time", str(SEGMENT_S), "-segment_format", "mp4", str(theirs / "%05d.mp4")]
        reference = subprocess.Popen([*copy, *into], stdin=subprocess.DEVNULL)
        stack.callback(reference.kill)
        recorder.recording()
        until(lambda: size_of(theirs) > 0, "ffmpeg records")
        assert recorder.process is not None
        looks = [
            (recorder.process.pid, recorder.footage_bytes),
            (reference.pid, lambda: size_of(theirs)),
        ]
        before = [written(*look) for look in looks]
        time.sleep(seconds)
        after = [written(*look) for look in looks]
        recorder.stop()
        reference.terminate()
        reference.wait()
        segments = len(recorder.files())
        shares = [share_of_pictures(recorder.paths.footage), share_of_pictures(theirs)]
    ours, beside = (ratio(*each) for each in zip(before, after, shares, strict=True))
    sp_bench.report(
        "bytes written a byte received", "x", ours, beside, f"<= {MUST}x of what came", ours <= MUST,
        seconds=seconds, segments=segments, files_alone=round(1 / shares[0], 4),
        kbit_s=round((after[0].in_files - before[0].in_files) * 8 / 1000 / seconds),
    )  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        measure(Path(name), 300 if sp_bench.long_wanted() else 70)


if __name__ == "__main__":
    main()
