"""What can go wrong with the journal, in words for the log and the technician."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path


class JournalError(Exception):
    """The journal could not be read or written. The text says which file, what happened, what to do."""


class JournalMoved(JournalError):  # noqa: N818 - a state of the world more than an error
    """The file behind an open journal was moved aside (corrupt, restored). Close it and open again, or exit."""


_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}


def is_corrupt(error: sqlite3.Error) -> bool:
    """True if SQLite says that the file itself is broken, not that the moment is bad."""
    return _primary(error) in _CORRUPT


def explain(path: Path, error: sqlite3.Error | OSError) -> JournalError:
    """The same trouble as one line for a person."""
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return JournalError(f"{path}: disk full: free some space" if full else f"{path}: {error.strerror or error}")
    code = _primary(error)
    if code in _FULL:
        return JournalError(f"{path}: disk full: free some space")
    if code in _BUSY:
        return JournalError(f"{path}: another process has held the journal for 5 s: is the disk stuck?")
    if code in _READONLY:
        return JournalError(f"{path}: may not be written ({error}): is this user in group standpipe?")
    return JournalError(f"{path}: {error}")


def _primary(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", 0)
    return int(code or 0) & 0xFF
