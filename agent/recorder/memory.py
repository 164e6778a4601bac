"""What glibc's malloc is told, so that a recorder stays small: some tens of megabytes for pictures, again and again."""

from __future__ import annotations

import ctypes

M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1  # malloc.h
LARGE_BYTES, KEPT_BYTES = 1 << 18, 2 << 20  # a decoded picture, a fragment; what a small picture takes again and again
_LIBC = ctypes.CDLL(None)


def keep_small() -> None:
    """Have glibc keep one heap for all threads, and give back what is large: each thread's own costs some megabytes.

    By itself glibc takes memory of pictures from the heap once the first has been given back, where what is small
    then lies in between and keeps it: 8 MiB of a 1080p stream, for good. To be called before the first thread starts.
    """
    mallopt = getattr(_LIBC, "mallopt", None)
    if mallopt is not None:  # musl has none, and no arenas either
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def give_back() -> None:
    """Give whole pages that are free within the heap back to the kernel: after a close look, 8 MiB. A millisecond."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)
