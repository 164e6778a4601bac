"""Which processes the tests started, and which of them are still there.

The test process makes itself the reaper of its descendants, so that one whose parent was killed stays in sight.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Descendants whose parent dies become children of this process instead (not of init). OSError if refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def alive(below: int = 0) -> dict[int, str]:
    """pid -> command line of every living descendant, of process `below` if that is given.

    One that ended and is not waited for yet is not living.
    """
    found: dict[int, str] = {}
    look = _children(below or os.getpid())
    while look:
        pid = look.pop()
        line = _command(pid)
        if line is not None:
            found[pid] = line
            look += _children(pid)
    return found


def kill(pids: dict[int, str]) -> None:
    """kill -9 of exactly these."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def go_on(pids: dict[int, str]) -> None:
    """SIGCONT to those of them that stand still."""
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T":
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def _command(pid: int) -> str | None:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, IndexError):
        return None
    return None if state in "ZX" else b" ".join(words).decode(errors="replace").strip()
