"""Recording, camera health and motion together: CPU and memory, and what of a drawn scene is seen, against Motion.

A scene with known events (sp_scene.py) is served over RTSP as 1080p25 H.264 of 4 Mbit/s with a keyframe each 2 s, and
as 640x360 at 10 pictures a second, as cameras' sub streams are. At the same time look at it: a recorder by keyframes, a
recorder by the sub stream, and Motion (Debian: apt install motion), which decodes all of it. A further recorder has the
same scene with a variable bit rate, by keyframes and what the sizes of packets say. The same film is judged
by a detector of Frigate's kind, at 5 pictures a second. An event that meets a true one counts; each other one is false.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
from record_cpu import cpu_s, peak_mib
from sp_detectors import Motion, Span, frigate_events, judged
from sp_recorder import Recorder, until
from sp_rtsp import RtspServer
from sp_scene import LENGTH_S, LONG, SHORT, scene_file, truth

OURS = ("keyframes", "keyframes, variable bit rate", "sub")
MOTION = "[camera.motion]\nsensitivity = 5"
SLACK_S = 2.5
WARM_S = 8


def events_of(recorder: Recorder, zero_ns: int, end_s: float) -> list[Span]:
    """What the recorder saw, in seconds of the scene."""
    rows = recorder.rows("motion.started", "motion.ended")
    ended = {row.values()["motion"]: row.values()["lasted_ms"] for row in rows if row.kind == "motion.ended"}
    found = []
    for row in rows:
        if row.kind == "motion.started":
            start = (int(str(row.values()["at_ns"])) - zero_ns) / 1e9
            lasted_ms = ended.get(row.values()["motion"])
            found.append((start, end_s if lasted_ms is None else start + int(str(lasted_ms)) / 1000))
    return found


def spent(processes: dict[str, int]) -> dict[str, float]:
    return {name: cpu_s(pid) for name, pid in processes.items()}


def measure(
    folder: Path, films: dict[str, Path], seconds: int
) -> tuple[dict[str, float], dict[str, list[Span]], float]:
    """CPU-seconds a minute and events of each, over one round of the scene, and the recorders' peak memory."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RtspServer(films))
        with_sub = f'sub = "{server.url("sub")}"\n{MOTION}'
        asked = (("keys", "main", MOTION), ("vbr", "vbr", MOTION), ("sub", "main", with_sub))
        recorders = [Recorder(folder / name, server.url(film), extra=extra) for name, film, extra in asked]
        for recorder in recorders:
            stack.callback(recorder.end)
            recorder.start().recording()
        zeros = [until(lambda r=r: r.segments(), "the first segment")[0].start_at_ns for r in recorders]
        zero_ns = zeros[0]
        processes = {name: r.process.pid for name, r in zip(OURS, recorders, strict=True)}  # type: ignore[union-attr]
        motion = Motion(server.url("main"), folder / "motion") if Motion.is_there() else None
        if motion is not None:
            stack.callback(motion.close)
            processes["Motion"] = motion.process.pid
        time.sleep(WARM_S)
        before, start = spent(processes), time.monotonic()
        time.sleep(max(0.0, max(zeros) / 1e9 + seconds + 1 - time.time()))
        took_s = time.monotonic() - start
        cpu = {name: (after - before[name]) * 60 / took_s for name, after in spent(processes).items()}
        rss = max(peak_mib(processes[name]) for name in OURS)
        found = zip(OURS, recorders, zeros, strict=True)
        events = {name: events_of(recorder, began_ns, seconds) for name, recorder, began_ns in found}
        if motion is not None:
            events["Motion"] = motion.events(zero_ns / 1e9, seconds)
    return cpu, {name: [span for span in spans if span[0] < seconds] for name, spans in events.items()}, rss


def report(cpu: dict[str, float], events: dict[str, list[Span]], rss: float, parts: tuple) -> None:  # type: ignore[type-arg]
    wanted = truth(parts)
    verdicts = {name: judged(spans, wanted, SLACK_S) for name, spans in events.items()}
    reference = cpu.get("Motion")
    most = min(1.3, 0.15 * reference) if reference else 1.3
    bound = "<= 1.3, <= 0.15x of Motion" if reference else "<= 1.3; apt install motion compares"
    for name in OURS:
        label = f"record, health, motion by {name}"
        sp_bench.report(label, "CPU-s a minute", cpu[name], reference, bound, cpu[name] <= most)
    others = {name: verdict for name, verdict in verdicts.items() if name not in OURS}
    found = {name: len(wanted) - len(missed) for name, (missed, _, _) in verdicts.items()}
    for name in OURS:
        missed, false, precision = verdicts[name]
        best = max(found[other] for other in others)
        exact = max(verdict[2] for verdict in others.values())
        ok = found[name] >= best and precision >= exact
        must = "recall, precision >= theirs"
        theirs = {other: f"missed {v[0]}, {v[1]} false" for other, v in others.items()}
        sp_bench.report(f"events seen by {name}", f"of {len(wanted)}", found[name], best, must, ok,
                        missed=missed, false=false, precision=round(precision, 3), theirs=theirs)  # fmt: skip
    sp_bench.report("recorder RSS, looking at pictures", "MiB", rss, None, "<= 110 MiB", rss <= 110)


def main() -> None:
    parts = LONG if sp_bench.long_wanted() else SHORT
    media = Path(tempfile.gettempdir())
    film, small = scene_file(media, parts), scene_file(media, parts, size=(640, 360), fps=10, gop=20)
    films = {"main": film, "sub": small, "vbr": scene_file(media, parts, variable=True)}
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        cpu, events, rss = measure(Path(name), films, LENGTH_S[parts])
    events["Frigate's way"] = frigate_events(film)
    if "Motion" not in events:
        print("bench: Motion is not here; apt install motion compares with it", file=sys.stderr)
    report(cpu, events, rss, parts)


if __name__ == "__main__":
    main()
