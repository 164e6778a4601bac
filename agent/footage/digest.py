"""The SHA-256 of a segment's file, and whether the file itself says the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from agent.footage.layout import END_BYTES, ending_of

_CHUNK = 1 << 20


def file_digest(file: Path, wait: Callable[[int], object] = lambda size: None) -> tuple[bytes, bool, int]:
    """(SHA-256 of a whole segment, whether its own end box agrees, bytes). OSError if it cannot be read.

    wait is called with how many bytes have been read, again and again; what was read leaves the cache again.
    """
    digest, tail, size = hashlib.sha256(), b"", 0
    with file.open("rb", buffering=0) as opened:
        while chunk := opened.read(_CHUNK):
            size += len(chunk)
            tail += chunk
            digest.update(tail[:-END_BYTES])
            tail = tail[-END_BYTES:]
            wait(size)
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    ending = ending_of(tail)
    own = ending is not None and ending.sha256 == digest.digest()
    digest.update(tail)
    return digest.digest(), own, size
