"""Between the camera's thread and the disk's: a queue bounded in bytes, and what both let others see."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from agent.core.chain import Stamp
from agent.footage.layout import Fragment

QUEUE_BYTES_MAX = 16 << 20


@dataclass(frozen=True)
class RunEnded:
    """A connection is over: its segment may be closed. `cause` in words; empty at the regular end of a file."""

    cause: str


class FragmentQueue:
    """Fragments on their way to the disk. When it is full, whole fragments are dropped up to a keyframe.

    Not the next one, but the first for which half of it is free: a disk that is a little too slow all the time would
    else cost every other second, each in a segment of its own.
    """

    def __init__(self, bytes_max: int = QUEUE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._items: deque[Fragment | RunEnded] = deque()
        self._ready = threading.Condition()
        self._dropping = False
        self._closed = False
        self.bytes = 0
        self.dropped = 0

    def put(self, fragment: Fragment) -> None:
        """Hand over a fragment, or drop it: the camera never waits for the disk."""
        with self._ready:
            full = self.bytes + len(fragment.body) > self._bytes_max
            if full or (self._dropping and not (fragment.key and self.bytes <= self._bytes_max // 2)):
                self._dropping = True
                self.dropped += 1
                return
            self._dropping = False
            self.bytes += len(fragment.body)
            self._items.append(fragment)
            self._ready.notify()

    def end_run(self, cause: str) -> None:
        """The connection is over, after all that was put."""
        with self._ready:
            self._items.append(RunEnded(cause))
            self._ready.notify()

    def close(self) -> None:
        """Nothing more will come."""
        with self._ready:
            self._closed = True
            self._ready.notify()

    @property
    def finished(self) -> bool:
        """True when it is closed and empty."""
        with self._ready:
            return self._closed and not self._items

    def get(self, timeout_s: float) -> Fragment | RunEnded | None:
        """The next item, or None when none came in time or the queue is finished."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, Fragment):
                self.bytes -= len(item.body)
            return item


class Shown:
    """What the threads of a recorder let each other and the status see. Each field has one writer."""

    def __init__(self) -> None:
        # camera's thread
        self.state = "connecting"  # connecting / receiving / lost
        self.reason = ""
        self.about = ""  # what the camera says of itself: codec, size, who encodes
        self.frames = 0
        self.received_bytes = 0
        self.last_packet_ns: int | None = None
        # sub stream's thread
        self.unwatched = False  # it is away, so nothing looks at pictures
        # thread that looks at pictures
        self.faults: tuple[str, ...] = ()
        self.look: dict[str, int | None] | None = None  # figures of the last picture (core/health.py)
        self.looks = 0
        self.unlooked = 0  # packets that were left out or could not be decoded
        self.clock_off_ms: int | None = None  # the camera's clock less ours, if it tells the time
        # disk's thread
        self.stopped = ""  # why nothing is being recorded though the camera sends: disk full, wrong volume, ...
        self.segment = 0
        self.recorded_until: Stamp | None = None

    @property
    def recording(self) -> bool:
        """Pictures come in and go to the disk."""
        return self.state == "receiving" and not self.stopped
