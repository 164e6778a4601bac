"""Packets on their way from the camera's thread to the one that looks at pictures. Nobody waits for anybody.

Bounded in bytes: who is behind loses the oldest, up to a keyframe, and the number is kept. Recording is not concerned.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

BYTES_MAX = 4 << 20


@dataclass(frozen=True)
class Format:
    """What it takes to decode packets: FFmpeg's name of the codec, and the headers that come apart from them."""

    codec: str
    headers: bytes | None


class Item(NamedTuple):
    """An encoded `av.Packet`, and when it came."""

    format: Format
    packet: Any
    mono_ns: int


class Tap:
    """`begin` and `offer` are the camera thread's; `take` and `keyframe` anybody's."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self._keep_all = keep_all
        self._format: Format | None = None
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._keyframe: Item | None = None
        self.dropped = 0

    def begin(self, template: Any) -> None:
        """A connection, or another picture format: `template` is the `av` video stream its packets fit."""
        context = template.codec_context
        headers = context.extradata
        self._format = Format(context.name, bytes(headers) if headers else None)

    def offer(self, packet: Any, mono_ns: int) -> None:
        """A packet that was recorded. Costs next to nothing."""
        if self._format is None or not (packet.is_keyframe or self._keep_all):
            return
        item = Item(self._format, packet, mono_ns)
        if packet.is_keyframe:
            self._keyframe = item
        if not self._keep_all:
            return
        with self._lock:
            self._items.append(item)
            self._bytes += packet.size
            while self._bytes > BYTES_MAX:
                self._drop()

    def _drop(self) -> None:
        """The oldest goes, and what cannot be decoded without it."""
        first = True
        while self._items and (first or not self._items[0].packet.is_keyframe):
            self._bytes -= self._items.popleft().packet.size
            self.dropped += 1
            first = False

    def take(self) -> list[Item]:
        """All there is."""
        with self._lock:
            items, self._items = list(self._items), deque()
            self._bytes = 0
        return items

    @property
    def keyframe(self) -> Item | None:
        """The newest."""
        return self._keyframe
