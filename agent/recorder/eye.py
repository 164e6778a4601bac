"""Which packets are decoded: a keyframe every two seconds, and what is between two only where something may move.

Decoding all of a 1080p25 stream takes ten times what recording it does; its keyframes alone, less than that. What is
shorter than the time between two keyframes shows in the sizes of the packets, where the camera spends bits on what
moves, and in how coarse the pictures are, where it keeps to a bit rate: then the pictures since the last keyframe are
decoded too, as far as the allowance goes. A little in much noise shows in neither; it is seen with the camera's sub
stream, which is decoded whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import av

from agent.core.motion import Allowance, Surge
from agent.core.quantiser import H264, HEAD_BYTES, SETS_BYTES, Quantiser
from agent.core.quantiser_h265 import H265
from agent.recorder import memory
from agent.recorder.tap import Format, Item

log = logging.getLogger(__name__)
LOOK_NS = 1_900_000_000  # between two keyframes that are looked at
CLOSE_NS = 240_000_000  # between two pictures that are looked at closely
GROUP_BYTES_MAX = 6 << 20
CLOSE_SHARE, CLOSE_MOST_S = 0.003, 1.0  # of a core, for close looks; saved up for so long

CODECS: dict[str, type[Quantiser]] = {"h264": H264, "hevc": H265}

Show = Callable[[Any, int], None]  # (av.VideoFrame, when its packet came)


def decoder(form: Format, *, quick: bool = False) -> Any:
    """A decoder on one thread. `quick`: no smoothing over block edges, for pictures that are made small anyway."""
    context = av.CodecContext.create(form.codec, "r")
    context.extradata = form.headers
    context.thread_count = 1
    context.options = {"flags": "low_delay", **({"skip_loop_filter": "all"} if quick else {})}
    return context


def picture_of(item: Item) -> Any | None:
    """A keyframe's picture as `av.VideoFrame`, in full quality; None if it cannot be decoded."""
    try:
        return _decoded(decoder(item.format), item.packet)
    except (av.FFmpegError, ValueError) as error:
        log.warning("a keyframe cannot be decoded: %s", type(error).__name__)
        return None


def _decoded(context: Any, packet: Any) -> Any | None:
    """The picture of a keyframe, from a decoder that is at its beginning, and at its beginning again afterwards."""
    frames = [*context.decode(packet), *context.decode(None)]
    context.flush_buffers()
    return frames[-1] if frames else None


class Eye:
    """Decodes as said above and shows what came of it. `close_wanted` tells whether a closer look is of any use now.

    every: all pictures are decoded, of a stream that is small.
    """

    def __init__(
        self,
        show: Show,
        close_wanted: Callable[[], bool],
        *,
        every: bool = False,
        spent_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self._show = show
        self._every = every
        self._close_wanted = close_wanted
        self._spent_s = spent_s
        self._format: Format | None = None
        self._keys: Any = None
        self._close: Any = None
        self._surge = Surge()
        self._quantiser: Quantiser | None = None
        self._allowance = Allowance(CLOSE_SHARE, CLOSE_MOST_S)
        self._group: list[Item] = []
        self._group_bytes = 0
        self._looked_ns = 0
        self._shown_ns = 0
        self.undecoded = 0  # packets that were not what they should be
        self.closely = 0  # pictures that were decoded between keyframes

    @property
    def is_close(self) -> bool:
        """Whether pictures between keyframes are being decoded just now: no time for what takes memory, too."""
        return self._close is not None

    def see(self, item: Item) -> None:
        """The next packet. Never raises for what is in it."""
        if item.format is not self._format:
            self._begin(item.format)
        try:
            if self._every:
                self._each(item)
            elif item.packet.is_keyframe:
                self._keyframe(item)
            elif self._group:
                self._between(item)
        except (av.FFmpegError, ValueError):
            self.undecoded += 1
            self._keys = None
            self._forget()

    def _begin(self, form: Format) -> None:
        self._format, self._keys, self._surge = form, None, Surge()
        self._quantiser = CODECS[form.codec](form.headers) if form.codec in CODECS else None
        self._forget()

    def _each(self, item: Item) -> None:
        if self._keys is None:
            if not item.packet.is_keyframe:
                return
            self._keys = decoder(item.format, quick=True)
        self._show_some(self._keys.decode(item.packet), item.mono_ns)

    def skipped(self) -> None:
        """Packets are missing: nothing until the next keyframe."""
        self._keys = None
        self._forget()

    def _keyframe(self, item: Item) -> None:
        self._forget()
        self._surge.keyframe()
        self._coarseness(item, SETS_BYTES)
        if item.mono_ns - self._looked_ns < LOOK_NS and not self._close_wanted():
            return
        self._looked_ns = item.mono_ns
        if self._keys is None:
            self._keys = decoder(item.format, quick=True)
        frame = _decoded(self._keys, item.packet)
        if frame is not None:
            self._present(frame, item.mono_ns)
        if self._close_wanted():  # else nothing of what is up to the next keyframe matters
            self._group, self._group_bytes = [item], item.packet.size

    def _coarseness(self, item: Item, count: int) -> int | None:
        """As so many bytes at a packet's beginning tell; None if they do not."""
        return self._quantiser.of(bytes(memoryview(item.packet)[:count])) if self._quantiser is not None else None

    def _between(self, item: Item) -> None:
        self._group.append(item)
        self._group_bytes += item.packet.size
        rises = self._surge.see(item.packet.size, self._coarseness(item, HEAD_BYTES))
        if self._group_bytes > GROUP_BYTES_MAX:
            self._forget()
        elif self._close is not None:
            self._look_closely([item])
        elif rises and self._close_wanted() and self._allowance.left(item.mono_ns / 1e9) > 0:
            self._keys = None  # one decoder at a time: each holds pictures of its own
            memory.give_back()
            self._close = decoder(item.format)
            self._look_closely(self._group)

    def _look_closely(self, items: list[Item]) -> None:
        """Decode these, in their order from the keyframe on, and show some of them."""
        began_s = self._spent_s()
        for item in items:
            self.closely += self._show_some(self._close.decode(item.packet), item.mono_ns)
        self._allowance.spend(self._spent_s() - began_s)
        if self._allowance.left(items[-1].mono_ns / 1e9) <= 0 or not self._close_wanted():
            self._close = None

    def _show_some(self, frames: list[Any], mono_ns: int) -> int:
        """Show what is due of them; how many there are. None is held when this returns: a picture takes 4 MiB."""
        for frame in frames:
            if mono_ns - self._shown_ns >= CLOSE_NS:
                self._present(frame, mono_ns)
        return len(frames)

    def _present(self, frame: Any, mono_ns: int) -> None:
        if mono_ns > self._shown_ns:
            self._shown_ns = mono_ns
            self._show(frame, mono_ns)

    def _forget(self) -> None:
        """Nothing more of this group of pictures."""
        self._group, self._group_bytes, self._close = [], 0, None
