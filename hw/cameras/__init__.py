"""Cameras behind hw.ports.Camera: open_camera picks one by the scheme of its source."""

from __future__ import annotations

import urllib.parse

from hw.ports import Camera, HardwareError

SCHEMES = ("rtsp", "rtsps", "v4l2", "file", "tcp", "testcard")


def open_camera(
    source: str, *, credentials: tuple[str, str] | None = None, stall_s: float = 8, label: str = ""
) -> Camera:
    """A camera, not yet connected: call its open(). `label` is written into a test card.

    Sources: rtsp://host/path, rtsps://..., v4l2:/dev/video0?format=h264&size=1280x720&fps=15, file:/path.mp4,
    tcp://host:port (MPEG-TS), testcard:?size=640x360&fps=10. HardwareError names what is wrong with any other.
    """
    scheme = source.partition(":")[0].lower()
    if scheme not in SCHEMES:
        raise HardwareError(f"camera source of kind {scheme[:20]!r}: {', '.join(SCHEMES)} are understood")
    if scheme == "testcard":
        return _testcard(source, label)
    # PyAV is imported here, and not by whoever only imports hw.cameras: it takes 20 MiB.
    from hw.cameras import stream

    if scheme in ("rtsp", "rtsps"):
        spec = stream.rtsp_spec(source, credentials)
    else:
        spec = {"tcp": stream.tcp_spec, "file": stream.file_spec, "v4l2": stream.v4l2_spec}[scheme](source)
    return stream.StreamCamera(spec, stall_s=stall_s)


def _testcard(source: str, label: str) -> Camera:
    from hw.cameras.testcard import TestCard

    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(source).query))
    try:
        width, _, height = asked.pop("size", "640x360").partition("x")
        fps = int(asked.pop("fps", "10"))
        if asked or not 1 <= fps <= 60:
            raise ValueError
        return TestCard(width=int(width), height=int(height), fps=fps, label=label)
    except ValueError:
        raise HardwareError(f"{source}: testcard:?size=640x360&fps=10 is the form (fps 1 to 60)") from None
