"""csi.py - part of video.sh, in the board: a camera on the ribbon by the real Picamera2, on libcamera's virtual one.

Says what it saw, and ends at the first thing that is not as it should be. Not to be had here: a sensor, a Pi's hardware
encoder, and the allocator of its kernel.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import av
import numpy as np

from hw.cameras.csi import CsiCamera
from hw.ports import HardwareError

SOURCE = "csi:?size=640x480&fps=10&kbit_s=1000"
MASK = [[0, 0], [50, 0], [50, 50], [0, 50]]
STALL_S = 20
PICTURES = 25


def check(true: object, what: str) -> None:
    if not true:
        sys.exit(f"not so: {what}")


def say(text: str) -> None:
    print(f"csi: {text}", flush=True)


def camera(number: int = 0) -> CsiCamera:
    """The worker by the python3 that has picamera2: not ours."""
    python = shutil.which("python3") or ""
    command = [python, str(Path(__file__).with_name("csi_virtual.py"))]
    return CsiCamera(SOURCE.replace("csi:", f"csi:{number}"), stall_s=STALL_S, masks=[MASK], command=command)


def masked(luma: Any, what: str) -> None:
    height, width = luma.shape
    hidden, shown = luma[: height // 2 - 4, : width // 2 - 4], luma[:, width // 2 + 8 :]
    check(int(hidden.max()) <= 20 and float(shown.std()) > 30, f"a quarter of {what} is black, the rest not")


def pictures(found: CsiCamera) -> None:
    """What is to be stored, and what is looked at, are masked; times rise; a keyframe each second."""
    context, stamps, keys, frames, small = av.CodecContext.create("h264", "r"), [], 0, [], None
    for _ in range(PICTURES):
        packet, _ = found.read()
        stamps.append(packet.pts)
        keys += packet.is_keyframe
        frames += context.decode(packet)
        small = found.picture() or small
    check(stamps == sorted(set(stamps)), f"times rise: {stamps}")
    check(keys == 3, f"a keyframe in ten: {keys} of {PICTURES}")
    for frame in frames:
        masked(frame.to_ndarray(format="gray"), "each picture")
    check(small is not None, "a picture to look at")
    assert small is not None
    masked(np.frombuffer(small.luma, np.uint8).reshape(small.height, small.width), "what is looked at")
    say(f"{len(frames)} pictures of {frames[0].width}x{frames[0].height}, masked, and one to look at")


def main() -> None:
    found = camera()
    for again in range(2):  # a camera that was not let go would be busy
        found.open()
        say(f"{'opened again' if again else 'opened'}: {found.about}")
        check(found.about == "Virtual Video Device, 640x480, encoded by x264", "what it says of itself")
        pictures(found)
        found.close()
    try:
        camera(3).open()
    except HardwareError as error:
        say(f"one that is not there: {error}")
        check("amera" in str(error) and "3" in str(error), "told which")
    else:
        sys.exit("not so: a camera that is not there is refused")


if __name__ == "__main__":
    main()
