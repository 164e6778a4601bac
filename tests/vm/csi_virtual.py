"""csi_virtual.py ARGUMENTS - hw/cameras/csi_worker.py and the real Picamera2, on the virtual camera of libcamera.

That camera gives NV12 alone, whose first plane lies as that of YUV420 does. What else its pipeline lacks the board's
own module rig_picamera2 bridges. Run by the python3 that has both.
"""

from __future__ import annotations

import contextlib
import runpy
import sys
from pathlib import Path
from typing import Any

import picamera2
import rig_picamera2
from picamera2.allocators.allocator import Sync

WORKER = Path(__file__).parents[2] / "hw/cameras/csi_worker.py"
FORMAT = "NV12"


class VirtualCamera(picamera2.Picamera2):  # type: ignore[misc, unused-ignore]
    """Picamera2 as it is, but for the format."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        rig_picamera2.use(self)

    def create_video_configuration(self, **asked: Any) -> Any:
        """Both streams as NV12."""
        streams = {name: {**asked[name], "format": FORMAT} for name in ("main", "lores") if name in asked}
        return super().create_video_configuration(**{**asked, **streams})


def _left(self: Any, *error: Any) -> None:
    """What maps a buffer, left while the encoder's frame still looks at it: the map goes with that frame."""
    with contextlib.suppress(BufferError):
        _leave(self, *error)


_leave, Sync.__exit__ = Sync.__exit__, _left
picamera2.Picamera2 = VirtualCamera
sys.path.insert(0, str(WORKER.parent))  # as if it had been started itself
runpy.run_path(str(WORKER), run_name="__main__")
