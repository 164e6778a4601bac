"""What can go wrong with footage, in words for the log and the technician."""

from __future__ import annotations

import errno

_WORDS = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk full",
    errno.EROFS: "read-only",
    errno.EIO: "write error",
}


class FootageError(Exception):
    """Footage could not be read or written. The text says which file, what happened, what to do.

    `reason` is the short form: disk full, read-only, write error, wrong volume, corrupt.
    """

    def __init__(self, text: str, reason: str = "write error") -> None:
        super().__init__(text)
        self.reason = reason


def explain(path: object, error: OSError) -> FootageError:
    """An OSError as one line for a person."""
    reason = _WORDS.get(error.errno or 0, "write error")
    words = reason if reason != "write error" else (error.strerror or "write error")
    advice = ": free some space" if reason == "disk full" else ""
    return FootageError(f"{path}: {words}{advice}", reason)
