"""What glibc's malloc is told, so that a recorder stays small: some tens of megabytes for pictures, again and again."""

from __future__ import annotations

import ctypes

M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1  # malloc.h
KEPT_BYTES = 2 << 20  # what looking at a small picture takes again and again
PICTURE_BYTES = 1 << 20  # a decoded one of 1080p is larger
FRAGMENT_BYTES = 1 << 18
_LIBC = ctypes.CDLL(None)


def keep_small() -> None:
    """Have glibc keep one heap for all threads, and give back what is large: each thread's own costs some megabytes.

    By itself glibc takes memory of pictures from the heap once the first has been given back, where what is small
    then lies in between and keeps it: 8 MiB of a 1080p stream, for good. To be called before the first thread starts.
    """
    _set(M_ARENA_MAX, 1)
    _set(M_MMAP_THRESHOLD, PICTURE_BYTES)
    _set(M_TRIM_THRESHOLD, KEPT_BYTES)


def keep_smaller() -> None:
    """For a recorder that looks at pictures: fragments are given back at once, too.

    It leaves fewer holes in the heap, some 2 MiB, for a fifteenth of the CPU that recording takes.
    """
    _set(M_MMAP_THRESHOLD, FRAGMENT_BYTES)


def give_back() -> None:
    """Give whole pages that are free within the heap back to the kernel: after a close look, 8 MiB. A millisecond."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def _set(option: int, value: int) -> None:
    mallopt = getattr(_LIBC, "mallopt", None)
    if mallopt is not None:  # musl has none, and no arenas either
        mallopt(option, value)
