"""What proof costs: sealing an hour, reading footage again, making an export package, verifying one.

Real segments of 60 s, 1080p25, 4 Mbit/s. References in the same run: one journal append for each camera; sha256sum over
the same bytes, in seconds of processor time; cp of the same files and a sync.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import sp_bench
import sp_index
from clip_cut import SEGMENT_S, looped
from sp_export import TWO
from sp_footage import stamp
from sp_rtsp import full_hd_file
from sp_viewing import ViewingSite

from agent.config import load
from agent.core.chain import Stamp
from agent.core.events import FootageSealed
from agent.core.people import public_of
from agent.footage.export import Board, Exporter, Order, Receiver
from agent.footage.index import MediaIndex, Segment, segment_path
from agent.footage.layout import Fragment
from agent.footage.seal import Sealer
from agent.footage.segment import SegmentWriter
from agent.footage.verify import verify_package
from agent.jobs.desk import Desk
from agent.jobs.scrub import Pass, scrub
from agent.journal import Journal
from agent.runtime.keys import board_key, verify

NS = 1_000_000_000
CAMERAS = 8
SEAL_MS, SCRUB_RATIO, EXPORT_RATIO, VERIFY_RATIO = 25, 1.0, 1.6, 1.2


def cpu_s(do: Callable[[], object]) -> float:
    """Processor time of ours and of children that ended meanwhile."""

    def spent() -> float:
        found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in found)

    began = spent()
    do()
    return spent() - began


def sealing(folder: Path) -> tuple[float, float]:
    """(ms for the hour of each camera, ms for an append) of one hour of eight cameras."""
    now = Stamp(498_612 * 3600 * NS, sp_index.BOOT, 100 * 3600 * NS, "synced")
    index = MediaIndex(folder / "media.db")
    for camera in range(CAMERAS):
        rows = []
        for n in range(60):
            at_ns = now.at_ns - 7200 * NS + n * 60 * NS
            mono_ns = now.mono_ns - 7200 * NS + n * 60 * NS
            times = (mono_ns, at_ns, mono_ns + 60 * NS, at_ns + 60 * NS)
            path = segment_path(f"cam-{camera}", n + 1, "20261118T000000Z")
            rows.append(Segment(f"cam-{camera}", n + 1, path, "closed", now.boot, "synced", *times, 1500, 1, bytes(32)))
        index.add(rows)
    journal = Journal.open(folder / "journal.db", folder / "bell", lambda: now)
    sealer = Sealer(folder / "footage", index, journal)
    began = time.perf_counter()
    if sealer.run(now) != CAMERAS:
        raise SystemExit("an hour of eight cameras is eight rows")
    ours_ms = (time.perf_counter() - began) * 1000 / CAMERAS
    row = FootageSealed(source="x", hour_ns=0, segments="1-60", leaves=60, root="0" * 64, part=1, before="")
    began = time.perf_counter()
    for _ in range(CAMERAS):
        journal.append(row)
    append_ms = (time.perf_counter() - began) * 1000 / CAMERAS
    index.close()
    journal.close()
    return ours_ms, append_ms


def record(site: ViewingSite, media: Path, count: int) -> None:
    """So many segments of camera yard, from second 100 on."""
    writer: SegmentWriter | None = None
    for fragment in looped(media, count * SEGMENT_S):
        if writer is not None and fragment.key and writer.ticks >= SEGMENT_S * 90_000:
            writer = _closed(site, writer)
        writer = writer or _opened(site, fragment)
        writer.write(fragment)
    if writer is not None:
        _closed(site, writer)


def _opened(site: ViewingSite, fragment: Fragment) -> SegmentWriter:
    seq = site.index.last_seq("yard") + 1
    return SegmentWriter(site.paths.footage / segment_path("yard", seq, "20261118T000000Z"), "yard", seq, fragment)


def _closed(site: ViewingSite, writer: SegmentWriter) -> None:
    start, end, digest = writer.start, writer.end, writer.close()
    where = str(writer.path.relative_to(site.paths.footage))
    times = (start.mono_ns, start.at_ns, end.mono_ns, end.at_ns)
    about = ("yard", writer.seq, where, "closed", start.boot, start.clock, *times)
    site.index.finish(Segment(*about, writer.frames, writer.bytes, digest))


def main() -> None:
    count = 40 if sp_bench.long_wanted() else 6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, append = sealing(folder)
        sp_bench.report(
            "seal_camera_hour", "ms", ours, append, f"<= {SEAL_MS} ms of 60 segments", ours <= SEAL_MS, cameras=CAMERAS
        )
        site = ViewingSite(folder / "site", 0, TWO)
        record(site, full_hd_file(folder), count)
        site.now = stamp(count * SEGMENT_S + 10_000)
        files = sorted(site.paths.footage.rglob("*.mp4"))
        size_mb = sum(path.stat().st_size for path in files) / 1e6
        hashed = cpu_s(lambda: subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL))
        _scrub(site, hashed, size_mb)
        _package(site, folder, files, count, size_mb)
        site.close()


def _scrub(site: ViewingSite, hashed: float, size_mb: float) -> None:
    with Desk(site.paths, load(site.paths.site), lambda: site.now) as desk:
        desk.volume.adopt()
        read = cpu_s(lambda: scrub(desk, Pass(bytes_per_s=10**12)))
    ok = read <= SCRUB_RATIO * hashed
    sp_bench.report("scrub", "CPU s", read, hashed, f"<= {SCRUB_RATIO} x sha256sum", ok, megabytes=round(size_mb))


def _package(site: ViewingSite, folder: Path, files: list[Path], count: int, size_mb: float) -> None:
    signer = board_key(site.paths.data)
    board = Board("plant", "pump-house", "UTC", {}, signer, "bench")
    end = site.at(100 + count * SEGMENT_S)
    grant = site.granted(100, 100 + count * SEGMENT_S, copies=True)
    receiver = Receiver("court")
    order = Order(grant, "wang", ("yard",), site.at(100), end, receiver, "law", "root", "tty1")
    out = folder / "out.zip"
    copied = cpu_s(lambda: _copied(files, folder))
    made = cpu_s(lambda: Exporter(site.screen, board).make(order, out))
    hashed = cpu_s(lambda: subprocess.run(["sha256sum", out], check=True, stdout=subprocess.DEVNULL))
    must, ok = f"<= {EXPORT_RATIO} x (cp twice + sha256sum)", made <= EXPORT_RATIO * (2 * copied + hashed)
    sp_bench.report("export", "CPU s", made, 2 * copied + hashed, must, ok, megabytes=round(size_mb))
    verdicts = []
    judged = cpu_s(lambda: verdicts.append(verify_package(out, [public_of(signer.public_text)], verify)))
    ok = verdicts[0].good and verdicts[0].proven == len(files) and judged <= VERIFY_RATIO * hashed
    sp_bench.report("verify", "CPU s", judged, hashed, f"<= {VERIFY_RATIO} x sha256sum", ok, megabytes=round(size_mb))


def _copied(files: list[Path], folder: Path) -> None:
    target = folder / "copied"
    target.mkdir()
    subprocess.run(["cp", *files, target], check=True)
    subprocess.run(["sync", "-f", target], check=True)


if __name__ == "__main__":
    main()
