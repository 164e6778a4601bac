"""A recorder process on a site of its own, and what to ask of what it leaves on the disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.core.chain import Row
from agent.footage.errors import FootageError
from agent.footage.index import Gap, MediaIndex, Segment
from agent.journal import Journal, JournalError
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

DEADLINE_S = 30.0
BLIND = "\n[camera.health]\nwatch = false\n"  # unless a test is about looking at pictures: it costs a second to start


def until(true: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Look until it is true and return it; AssertionError with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not (found := true()):
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)
    return found


class Recorder:
    """The site, data and run folders of one camera under `folder`, and the process once start() was called.

    beside: other cameras of the same site and their sources; each has a Recorder of its own with the same folder.
    """

    def __init__(
        self,
        folder: Path,
        source: str,
        *,
        camera: str = "yard",
        extra: str = "",
        reserve_mb: int = 16,
        beside: Mapping[str, str] | None = None,
        segment_s: int = 10,
    ) -> None:
        self.camera = camera
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.log = folder / f"{camera}.log"
        folder.mkdir(parents=True, exist_ok=True)
        more = extra if "[camera" in extra else extra + BLIND
        cameras = {camera: source, **(beside or {})}
        sections = [
            f'[[camera]]\nid = "{one}"\nsource = "{cameras[one]}"\nsegment_s = {segment_s}\n{more}' for one in cameras
        ]
        self.paths.site.write_text(
            f'[site]\nid = "test"\nboard = "board"\n{"".join(sections)}\n[retention]\nreserve_mb = {reserve_mb}\n'
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> Recorder:
        where = ("--site", self.paths.site, "--data", self.paths.data, "--run", self.paths.run)
        command = [sys.executable, "-m", "agent.recorder", "--camera", self.camera, *map(str, where), *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def end(self) -> None:
        """Whatever state it is in, it is gone afterwards."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    # --- what it says and leaves ---

    def status(self) -> dict[str, Any]:
        """Its status file, {} as long as there is none."""
        path = self.paths.status(f"recorder@{self.camera}")
        return json.loads(path.read_text()) if path.exists() else {}

    def rows(self, *kinds: str) -> list[Row]:
        """The journal's rows of these kinds, [] as long as there is no journal or it is just being made."""
        try:
            journal = Journal.open_to_read(self.paths.journal)
        except JournalError:
            return []
        try:
            return journal.read(kinds=kinds, limit=10_000)
        finally:
            journal.close()

    def write(self, *events: Any) -> list[Row]:
        """Rows of another process, such as a rule's request for a clip."""
        journal = Journal.open(self.paths.journal, self.paths.bell, SystemClock().stamp)
        try:
            return journal.append(*events)
        finally:
            journal.close()

    def segments(self, state: str | None = None) -> list[Segment]:
        """Rows of the index, [] as long as there is none that can be read."""
        try:
            index = MediaIndex(self.paths.media, create=False)
        except FootageError:
            return []
        try:
            return index.segments(self.camera, state=state)
        except FootageError:
            return []
        finally:
            index.close()

    def gaps(self) -> list[Gap]:
        index = MediaIndex(self.paths.media, create=False)
        try:
            return index.gaps(self.camera)
        finally:
            index.close()

    def files(self) -> list[Path]:
        """Segment files in order."""
        return sorted((self.paths.footage / self.camera).glob("*/*.mp4"))

    def footage_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files())

    def recording(self, deadline_s: float = DEADLINE_S) -> None:
        """Wait until fragments are being written, now and not by an earlier run."""
        before = self.footage_bytes() + 1500  # more than the beginning of a file and the end of a salvaged one
        until(lambda: self.footage_bytes() > before, f"footage to grow ({self.tail()})", deadline_s)

    def tail(self) -> str:
        return self.log.read_text()[-600:] if self.log.exists() else ""


# --- what ffmpeg and the pictures say of a file ---


def decode_errors(path: Path) -> str:
    """What ffmpeg has to complain of when it decodes the whole file; empty when it is sound."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"], capture_output=True, text=True, check=False
    )
    return done.stderr + ("" if done.returncode == 0 else f" exit {done.returncode}")


def packets(path: Path) -> list[tuple[int, int, bool]]:
    """(pts, dts, key) of every packet as ffprobe finds them, edit lists not applied: what really is in the file."""
    ask = ["-show_entries", "packet=pts,dts,flags", "-of", "json"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-ignore_editlist", "1", *ask, str(path)], capture_output=True, check=True
    )
    return [(int(p["pts"]), int(p["dts"]), "K" in p["flags"]) for p in json.loads(done.stdout)["packets"]]


def card_numbers(path: Path) -> list[int]:
    """The numbers of the test-card frames in a file, in the order shown; AssertionError for a frame without one."""
    import av

    from hw.cameras.card import read_card

    numbers = []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            code = read_card(frame)
            assert code is not None, f"{path.name}: a frame that cannot be read after {numbers[-1:]}"
            numbers.append(code.number)
    return numbers
