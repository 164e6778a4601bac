"""Time: monotonic for deciding, UTC for showing, and how far the UTC can be trusted."""

from __future__ import annotations

import ctypes
import functools
import time
from pathlib import Path

from agent.core.chain import Stamp

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 208  # sizeof(struct timex) on 64-bit and, with room to spare, 32-bit Linux; all zero asks, sets nothing
# A clock before this was never set: the board starts at its image's build date, or at 1970.
OLDEST_BELIEVABLE_NS = 1_767_225_600 * 1_000_000_000  # 2026-01-01
SYNCED_MARK = Path("/run/systemd/timesync/synchronized")


def mono_ns() -> int:
    """CLOCK_MONOTONIC, the clock of kernel GPIO events too. Boards do not suspend."""
    return time.monotonic_ns()


@functools.cache
def boot_id() -> str:
    """The kernel's id of this boot: two mono_ns compare only if their boots are equal."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def synchronised() -> bool:
    """True if the kernel says that something (NTP, chrony, PTP) keeps its clock."""
    state = int(_libc().adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    return state not in (_TIME_ERROR, -1) or SYNCED_MARK.exists()


class SystemClock:
    """The board's clock. `offset` is a file holding ns to add to UTC: how a simulated site steps its clock."""

    def __init__(self, offset: Path | None = None) -> None:
        self._offset = offset
        self._state = "unset"
        self._state_until_ns = 0

    def stamp(self) -> Stamp:
        """Now, with boot and trust."""
        mono = mono_ns()
        at_ns = time.time_ns() + self._offset_ns()
        return Stamp(at_ns, boot_id(), mono, self.state(at_ns, mono))

    def state(self, at_ns: int, mono: int) -> str:
        """synced / rtc (believable, not kept by anything) / unset. Looked up once a second at most."""
        if mono >= self._state_until_ns:
            self._state = "synced" if synchronised() else "rtc"
            self._state_until_ns = mono + 1_000_000_000
        return self._state if at_ns >= OLDEST_BELIEVABLE_NS else "unset"

    def _offset_ns(self) -> int:
        if self._offset is None:
            return 0
        try:
            return int(self._offset.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0
