"""CPU to record 1 and 4 streams of 1080p25 H.264 (4 Mbit/s, RTSP over TCP) against ffmpeg -c copy -f segment.

Both record the same streams at the same time, so that whatever else the machine does hits both alike. CPU is what
the kernel's scheduler counted for all threads; RSS is the peak (VmHWM) of one recorder.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
from sp_recorder import Recorder
from sp_rtsp import RtspServer, full_hd_file

WARM_S = 5


def cpu_s(pid: int) -> float:
    """Seconds on a CPU, all threads that live."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def peak_mib(pid: int) -> float:
    """Peak resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def ffmpeg(url: str, folder: Path) -> subprocess.Popen[bytes]:
    """The reference: copies the stream into segments of 60 s."""
    folder.mkdir(parents=True)
    command = ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-an", "-c", "copy"]
    segments = ["-f", "segment", "-segment_time", "60", "-segment_format", "mp4", str(folder / "%05d.mp4")]
    return subprocess.Popen([*command, *segments], stdin=subprocess.DEVNULL)


def measure(streams: int, seconds: int, folder: Path, media: Path) -> None:
    names = [f"cam-{n}" for n in range(streams)]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RtspServer(dict.fromkeys(names, media)))
        recorders = [Recorder(folder / name, server.url(name), camera=name).start() for name in names]
        for recorder in recorders:
            stack.callback(recorder.end)
        references = [ffmpeg(server.url(name), folder / f"ffmpeg-{name}") for name in names]
        for reference in references:
            stack.callback(reference.wait)
            stack.callback(reference.kill)
        for recorder in recorders:
            recorder.recording()
        time.sleep(WARM_S)
        ours = [recorder.process.pid for recorder in recorders if recorder.process]
        theirs = [reference.pid for reference in references]
        before, start = (sum(map(cpu_s, ours)), sum(map(cpu_s, theirs))), time.monotonic()
        time.sleep(seconds)
        after, took_s = (sum(map(cpu_s, ours)), sum(map(cpu_s, theirs))), time.monotonic() - start
        value, reference_value = ((b - a) * 60 / took_s for a, b in zip(before, after, strict=True))
        rss = max(map(peak_mib, ours))
        kbit_s = sum(recorder.footage_bytes() for recorder in recorders) * 8 / 1000 / (took_s + WARM_S) / streams
    sp_bench.report(
        f"record {streams} x 1080p25",
        "CPU-s a minute",
        value,
        reference_value,
        "<= 1.25x",
        value <= 1.25 * reference_value,
        seconds=seconds,
        kbit_s=round(kbit_s),
    )
    sp_bench.report(f"recorder RSS, {streams} x 1080p25", "MiB", rss, None, "<= 60 MiB", rss <= 60)


def main() -> None:
    seconds = 120 if sp_bench.long_wanted() else 20
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        media = full_hd_file(Path(tempfile.gettempdir()))
        for streams in (1, 4):
            measure(streams, seconds, Path(name) / str(streams), media)


if __name__ == "__main__":
    main()
