"""Small grey pictures of frames that are at hand anyway, made only while somebody looks at them."""

from __future__ import annotations

from typing import Any

from hw.ports import Picture

WIDTH = 320


class Viewfinder:
    """The newest picture, from the thread that has the frames to the one that looks. Nothing here waits or locks."""

    def __init__(self) -> None:
        self._asked = False
        self._picture: Picture | None = None

    def offer(self, frame: Any, mono_ns: int) -> None:
        """A frame (`av.VideoFrame`) passes by: make a picture of it if one was asked for since the last."""
        if self._asked:
            self._asked = False
            self._picture = small(frame, mono_ns)

    def put(self, picture: Picture) -> None:
        """A picture that came as one."""
        self._picture = picture

    def take(self) -> Picture | None:
        """The newest picture since the last call; asks for the next."""
        picture, self._picture = self._picture, None
        self._asked = True
        return picture


def small(frame: Any, mono_ns: int) -> Picture:
    """A decoded frame as a grey picture at most WIDTH wide; its bytes are copied, so the frame may go."""
    width = min(WIDTH, frame.width)
    height = max(2, frame.height * width // frame.width)
    grey = frame.reformat(width=width, height=height, format="gray")
    plane = grey.planes[0]
    luma = bytes(plane)
    if plane.line_size != width:
        luma = b"".join(luma[y * plane.line_size : y * plane.line_size + width] for y in range(height))
    return Picture(width, height, luma[: width * height], mono_ns)
