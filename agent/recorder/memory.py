"""What glibc and the kernel are told, so that a recorder stays small: tens of MiB for pictures, again and again."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

MADV_DONTNEED = 4  # madvise(2)
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1  # malloc.h
KEPT_BYTES = 2 << 20  # what looking at a small picture takes again and again
PICTURE_BYTES = 1 << 20  # a decoded one of 1080p is larger
FRAGMENT_BYTES = 1 << 18
_LIBC = ctypes.CDLL(None)
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-(?:x|-)p \S+ \S+ \d+ +/.*")  # of a file, not to be written


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


def let_go_of_start() -> int:
    """Have the kernel unmap code and constants of libraries, most of which only a start needs; how many bytes that was.

    What is run again is mapped again, from the kernel's cache while there is room: of 39 MiB 16 come back. To be called
    when all is imported, and before there are threads that could load a library.
    """
    gone = 0
    for start, end, resident in _clean(_smaps()):
        if _LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED) == 0:
            gone += resident
    return gone


def _clean(smaps: Iterable[str]) -> Iterator[tuple[int, int, int]]:
    """(start, end, resident bytes) of what is mapped from a file to be read, of which no page is the process's own.

    Of its own are those that the loader has relocated, be they in memory or swapped out: they would be lost.
    """
    start = end = resident = own = 0
    for line in smaps:
        name, _, value = line.partition(":")
        if "-" in name:
            found = _MAPPING.match(line)
            start, end = (int(found[1], 16), int(found[2], 16)) if found else (0, 0)
        elif name == "Rss":
            resident = int(value.split()[0]) << 10
        elif name == "Anonymous":
            own = int(value.split()[0])
        elif name == "Swap" and end and resident and own + int(value.split()[0]) == 0:
            yield start, end, resident


def _smaps() -> list[str]:
    """proc_pid_smaps(5); nothing where the kernel has it not."""
    try:
        return Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _set(option: int, value: int) -> None:
    mallopt = getattr(_LIBC, "mallopt", None)
    if mallopt is not None:  # musl has none, and no arenas either
        mallopt(option, value)
