"""A camera that needs no camera: the test card, encoded in this process at the pace of the clock."""

from __future__ import annotations

import io
import time
from collections import deque
from typing import Any

import av

from hw.cameras.card import CardPainter
from hw.cameras.encoder import CardEncoder, copyable
from hw.cameras.mask import Painter
from hw.cameras.viewfinder import Viewfinder
from hw.ports import HardwareError, Picture


class TestCard:
    """`testcard:` of site.toml. See ports.Camera for the contract; it never fails once open.

    ValueError for a size the card does not fit into.
    """

    __test__ = False  # not for pytest to collect
    pictures = True

    def __init__(
        self, *, width: int = 640, height: int = 360, fps: int = 10, label: str = "", mask: Painter | None = None
    ) -> None:
        CardPainter(width, height)  # ValueError now rather than at open()
        self._size = (width, height)
        self._fps = fps
        self.about = f"test card, {width}x{height}, encoded by x264"
        self._label = label
        self._painted = mask.paint if mask is not None else None
        self._output: Any = None
        self._sample: Any = None
        self._waiting: deque[Any] = deque()
        self._number = 0
        self._start_ns = 0
        self._viewfinder = Viewfinder()

    def open(self) -> Any:
        """Start the encoder; its packets can be muxed with the stream returned."""
        self.close()
        # A muxer that is never given a packet makes the encoder keep its headers apart, as MP4 needs them.
        self._output = av.open(io.BytesIO(), "w", format="matroska")
        try:
            self._encoder = CardEncoder(self._output, *self._size, self._fps, self._label)
            self._sample, template = copyable(*self._size, self._fps)
        except HardwareError:
            self.close()
            raise
        self._start_ns, self._number = time.monotonic_ns(), 0
        return template

    def read(self) -> tuple[Any, int]:
        """The next packet when its time has come."""
        if self._output is None:
            raise HardwareError("test card: read before open")
        while not self._waiting:
            due_ns = self._start_ns + self._number * 1_000_000_000 // self._fps
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            self._waiting.extend(self._encoder.encode(self._number, seen=self._viewfinder, painted=self._painted))
            self._number += 1
        return self._waiting.popleft(), time.monotonic_ns()

    def picture(self) -> Picture | None:
        """The newest frame, small and grey."""
        return self._viewfinder.take()

    def close(self) -> None:
        """Stop encoding. Safe to call twice."""
        output, self._output = self._output, None
        self._waiting.clear()
        if output is not None:
            output.close()
        sample, self._sample = self._sample, None
        if sample is not None:
            sample.close()
