"""JPEG files: the newest picture, thumbnails of motion, snapshots, the reference picture."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

NEWEST_WIDTH = THUMBNAIL_WIDTH = 640
REFERENCE_WIDTH = 1280  # it is compared much smaller; a whole 1080p picture takes 9 MiB to write, this one 4
QUALITY = "4"  # FFmpeg's scale: 2 is best, 31 worst


def jpeg(frame: Any, width: int | None = None) -> bytes:
    """A decoded `av.VideoFrame` as JPEG, made smaller to `width` if it is wider. ValueError, av.FFmpegError."""
    wide, high = frame.width, frame.height
    if width is not None and wide > width:
        wide, high = width, max(2, frame.height * width // frame.width)
    wide, high = wide - wide % 2, high - high % 2
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = wide, high, "yuvj420p"
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    context.options = {"qmin": QUALITY, "qmax": QUALITY}
    shown = frame.reformat(width=wide, height=high, format="yuvj420p", dst_color_range="JPEG")
    shown.pts, shown.time_base = 0, context.time_base
    return b"".join(bytes(packet) for packet in [*context.encode(shown), *context.encode(None)])


def of_file(path: Path) -> Any | None:
    """The `av.VideoFrame` of a JPEG file; None where it cannot be read. (cv2 could too, and takes 3 MiB for it.)"""
    try:
        context = av.CodecContext.create("mjpeg", "r")
        context.thread_count = 1
        frames = [*context.decode(av.Packet(path.read_bytes())), *context.decode(None)]
    except (OSError, av.FFmpegError, ValueError):
        return None
    return frames[0] if frames else None


def put(path: Path, data: bytes, *, sync: bool = False) -> None:
    """The file is there in one step, whole. OSError when the disk refuses, and then nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    if sync:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
