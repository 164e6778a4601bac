"""Cameras behind hw.ports.Camera: open_camera picks one by its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hw.ports import Camera, HardwareError

if TYPE_CHECKING:
    from hw.cameras.mask import Painter

FORMS = (
    "rtsp://HOST/..., rtsps://HOST/..., /dev/v4l/by-path/..., csi:, pipe: COMMAND, file:PATH, testcard: "
    "and tcp://HOST:PORT"
)
_TESTCARD = re.compile(r"testcard:(?:(\d{3,4})x(\d{3,4}))?(?:/(\d{1,2}))?")


def open_camera(
    source: str,
    *,
    credentials: tuple[str, str] | None = None,
    stall_s: float = 8,
    label: str = "",
    transport: str = "tcp",
    masks: Sequence[Sequence[Sequence[int]]] = (),
    encode: bool = False,
) -> Camera:
    """A camera, not yet connected: call its open(). `label` is written into a test card; `transport` is RTSP's.

    masks: areas that are painted black before anything is encoded, their corners in percent; where the camera encodes
    by itself only with `encode`, which decodes its stream and encodes it again.

    Sources: rtsp://host/path, rtsps://..., /dev/video0 (or /dev/v4l/by-path/...?format=h264&size=1280x720&fps=15),
    csi: (or csi:1?size=1920x1080&fps=15), pipe: COMMAND that writes MPEG-TS, file:/path.mp4, tcp://host:port (MPEG-TS),
    testcard: (or testcard:640x360/10). HardwareError for any other.
    """
    # PyAV is imported here, and not by whoever only imports hw.cameras: it takes 20 MiB.
    from hw.cameras.mask import Painter

    painter = Painter(masks) if masks else None
    if painter is not None and encode:
        from hw.cameras.reencode import MaskedCamera

        plain = open_camera(source, credentials=credentials, stall_s=stall_s, label=label, transport=transport)
        return MaskedCamera(plain, painter)
    if source.startswith("testcard:"):
        return _testcard(source, label, painter)
    from hw.cameras import specs
    from hw.cameras.csi import CsiCamera
    from hw.cameras.stream import StreamCamera
    from hw.cameras.v4l2 import V4l2Camera

    if source.startswith("/dev/"):
        return V4l2Camera(source, stall_s=stall_s, painter=painter)
    if source.startswith("csi:"):
        return CsiCamera(source, stall_s=stall_s, masks=masks)
    if painter is not None:
        raise HardwareError(f"{source.partition(':')[0]}: is encoded elsewhere, so no mask can be painted: see mask_by")
    if source.startswith(("rtsp://", "rtsps://")):
        spec = specs.rtsp_spec(source, credentials, transport)
    elif source.startswith("tcp://"):
        spec = specs.tcp_spec(source)
    elif source.startswith("pipe:"):
        spec = specs.pipe_spec(source, credentials)
    elif source.startswith("file:"):
        spec = specs.file_spec(source)
    else:
        raise HardwareError(f"camera source {source.partition(':')[0][:20]!r}...: {FORMS} are understood")
    return StreamCamera(spec, stall_s=stall_s)


def _testcard(source: str, label: str, mask: Painter | None) -> Camera:
    from hw.cameras.testcard import TestCard

    asked = _TESTCARD.fullmatch(source)
    if asked is None:
        raise HardwareError(f"{source}: testcard:WIDTHxHEIGHT/FPS is the form, such as testcard:640x360/10")
    width, height, fps = (int(found or default) for found, default in zip(asked.groups(), (640, 360, 10), strict=True))
    try:
        return TestCard(width=width, height=height, fps=min(60, max(1, fps)), label=label, mask=mask)
    except ValueError as error:
        raise HardwareError(f"{source}: {error}") from None
