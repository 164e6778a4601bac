"""The bell: one byte in a tmpfs file, rewritten after every commit; readers wait on it with inotify.

A ring may be missed (the file is made anew, the queue overflows), so a reader looks at the journal each second too.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from inotify_simple import INotify, flags

from agent.journal.files import make


class Bell:
    """One process's hold on the bell. Rings from any thread; waits from one."""

    def __init__(self, path: Path) -> None:
        make(path)
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._watch: INotify | None = None

    def ring(self) -> None:
        """Tell every waiting reader that something was committed. A full or vanished tmpfs costs them a second."""
        with contextlib.suppress(OSError):
            os.pwrite(self._fd, b"!", 0)

    def wait(self, timeout_s: float) -> bool:
        """True if it rang within `timeout_s` (or since the last wait). Look at the journal either way."""
        if self._watch is None:
            self._watch = INotify(nonblocking=True)
            self._watch.add_watch(self._path, flags.MODIFY)
            return True  # whatever was committed before the watch stood has to be read now
        return bool(self._watch.read(timeout=int(timeout_s * 1000)))

    def fileno(self) -> int:
        """The inotify descriptor, for a selector; only after a first wait()."""
        if self._watch is None:
            self.wait(0)
        assert self._watch is not None
        return int(self._watch.fileno())

    def close(self) -> None:
        """Release both descriptors. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._watch is not None:
            self._watch.close()
            self._watch = None
