"""A confirmation by hand: what is typed within a time, and a key that is held down. Terminals only."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable

GAP_S = 0.8  # a keyboard repeats a held key after 0.25 to 0.66 s, then every 30 ms or so
READ = 1024


def typed(fd: int, within_s: float) -> str | None:
    """The line that was typed within the time, None if none was."""
    text, end = b"", time.monotonic() + within_s
    while b"\n" not in text:
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            return None
        got = os.read(fd, READ)
        if not got:
            return None
        text += got
    return text.partition(b"\n")[0].decode(errors="replace").strip()


def held_ms(fd: int, least_ms: int, within_s: float, tell: Callable[[int], None] = lambda ms: None) -> int:
    """How long a key was held down, at least `least_ms`; 0 if it was not, within the time.

    A held key repeats itself: a gap means that it was let go, and the count begins anew. tell(ms) as it goes on.
    """
    before = termios.tcgetattr(fd)
    end, begun, last = time.monotonic() + within_s, 0.0, 0.0
    try:
        tty.setcbreak(fd, termios.TCSADRAIN)
        termios.tcflush(fd, termios.TCIFLUSH)
        while time.monotonic() < end:
            if not select.select([fd], [], [], min(GAP_S, max(0.0, end - time.monotonic())))[0]:
                begun = 0.0
                continue
            if not os.read(fd, READ):
                return 0
            now = time.monotonic()
            begun = now if not begun or now - last > GAP_S else begun
            last, ms = now, round((now - begun) * 1000)
            tell(ms)
            if ms >= least_ms:
                return ms
        return 0
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def terminal() -> int:
    """The terminal that somebody sits at, -1 if there is none."""
    return sys.stdin.fileno() if sys.stdin.isatty() else -1
