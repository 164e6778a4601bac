"""video.py FOLDER - part of video.sh, in the board: vivid's camera through hw.cameras and the recorder.

Says what it saw, and ends at the first thing that is not as it should be.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import av

from agent.journal import Journal, JournalError
from agent.recorder.fragments import Fragmenter
from agent.runtime.clock import SystemClock
from hw.cameras import open_camera
from hw.cameras.v4l2 import formats_of
from hw.ports import HardwareError

DEADLINE_S = 240.0
SIZE, FPS = "320x180", 5
DRIVER = Path("/sys/bus/platform/drivers/vivid")


def check(true: object, what: str) -> None:
    if not true:
        sys.exit(f"not so: {what}")


def wait(true: Callable[[], Any], what: str) -> Any:
    """Look until it is true and return it."""
    end = time.monotonic() + DEADLINE_S
    while not (found := true()):
        if time.monotonic() > end:
            sys.exit(f"not within {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.5)
    return found


def say(text: str) -> None:
    print(f"video: {text}", flush=True)


def device() -> str:
    """The camera by its path, which stays with its socket; by number where udev gave it none."""
    paths = sorted(Path("/dev/v4l/by-path").glob("*video-index0")) if Path("/dev/v4l/by-path").is_dir() else []
    found = str(paths[0]) if paths else "/dev/video0"
    say(f"{found} delivers {', '.join(formats_of(found))}")
    return found


def encoded(source: str) -> None:
    """Raw pictures, encoded here: packets that can be kept, and pictures beside them."""
    camera = open_camera(source, stall_s=10)
    for again in range(2):
        template = camera.open()
        check(camera.about.endswith(f"{SIZE}, encoded by x264"), f"what it says of itself: {camera.about}")
        fragmenter = Fragmenter(template, 1, SystemClock().stamp)
        found, kept, seen = [], [], None
        for _ in range(12):
            packet, mono_ns = camera.read()
            found.append((packet.pts, packet.is_keyframe, mono_ns))
            kept += fragmenter.add(packet, mono_ns)
            seen = camera.picture() or seen
        kept += fragmenter.finish()
        camera.close()
        stamps = [pts for pts, _, _ in found]
        check(stamps == sorted(set(stamps)), f"times rise: {stamps}")
        check(sum(key for _, key, _ in found) in (2, 3), f"a keyframe each second: {found}")
        check(
            seen is not None and len(set(seen.luma)) > 4, "a picture with something in it: colour bars have few greys"
        )
        check(sum(fragment.frames for fragment in kept) == 12, "every picture can be kept")
        rate = (len(found) - 1) / ((found[-1][2] - found[0][2]) / 1e9)
        say(f"{'again' if again else 'opened'}: {camera.about}, {rate:.1f} pictures a second")


def wrong(device_: str) -> None:
    """What the device cannot do is one line."""
    for query in ("format=h264", "format=mjpeg", "format=nonsense", "size=1x1"):
        try:
            open_camera(f"{device_}?{query}").open()
        except HardwareError as error:
            say(f"{query}: {error}")
        else:
            say(f"{query}: taken (the driver chose what is nearest)")


class Recorder:
    """A recorder process on the camera."""

    def __init__(self, folder: Path, source: str) -> None:
        folder.mkdir(parents=True)
        self._folder, self._where = (
            folder,
            [f"--site={folder}/site.toml", f"--data={folder}/data", f"--run={folder}/run"],
        )
        (folder / "site.toml").write_text(
            f'[site]\nid = "plant"\nboard = "rig"\n[[camera]]\nid = "yard"\nsource = "{source}"\nstall_s = 10\n'
            "segment_s = 10\n[retention]\nreserve_mb = 16\n"
        )
        command = [sys.executable, "-m", "agent.recorder", "--camera", "yard", *self._where]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def size(self) -> int:
        return sum(path.stat().st_size for path in (self._folder / "data/footage/yard").glob("*/*.mp4"))

    def rows(self, kind: str) -> list[dict[str, Any]]:
        try:
            journal = Journal.open_to_read(self._folder / "data/journal.db")
        except JournalError:
            return []
        try:
            return [row.values() for row in journal.read(kinds=(kind,))]
        finally:
            journal.close()

    def status(self) -> dict[str, Any]:
        path = self._folder / "run/status-recorder@yard.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def files(self) -> list[Path]:
        return sorted((self._folder / "data/footage/yard").glob("*/*.mp4"))


def recorded(folder: Path, source: str) -> None:
    """Footage of a recorder, over an unplugging; all of it plays."""
    recorder = Recorder(folder, source)
    try:
        wait(lambda: recorder.process.poll() is not None or recorder.size() > 20_000, "footage")
        check(recorder.process.poll() is None, "the recorder runs")
        wait(lambda: recorder.status().get("state") == "recording", "its status")
        say(f"recording: {recorder.status()['about']}, {recorder.status()['fps']} pictures a second")
        unplug_and_plug_in(recorder)
        os.kill(recorder.process.pid, signal.SIGTERM)
        check(recorder.process.wait(60) == 0, "a clean end")
    finally:
        if recorder.process.poll() is None:
            recorder.process.kill()
            recorder.process.wait()
    pictures = 0
    for path in recorder.files():
        with av.open(str(path)) as file:
            pictures += sum(1 for _ in file.decode(video=0))
    check(len(recorder.files()) >= 2 and pictures > 20, f"{len(recorder.files())} files, {pictures} pictures")
    say(f"{len(recorder.files())} files, {pictures} pictures decoded")


def unplug_and_plug_in(recorder: Recorder) -> None:
    name = next(path.name for path in DRIVER.iterdir() if path.name.startswith("vivid"))
    (DRIVER / "unbind").write_text(name)
    reason = wait(lambda: recorder.rows("camera.lost"), "the loss is told")[0]["reason"]
    say(f"unplugged: {reason}")
    before = recorder.size()
    (DRIVER / "bind").write_text(name)
    wait(lambda: recorder.rows("camera.restored"), "it is back")
    wait(lambda: recorder.size() > before + 5_000, "footage again")
    say("plugged in again: recording goes on")


def main() -> None:
    found = device()
    encoded(f"{found}?size={SIZE}&fps={FPS}")
    wrong(found)
    folder = Path(sys.argv[1])
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    recorded(folder, f"{found}?size={SIZE}&fps={FPS}")


if __name__ == "__main__":
    main()
