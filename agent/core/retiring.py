"""When a disk that held footage may be destroyed, and where to look whether it is empty. Pure.

Rules of this file:
- what lies on a disk that is destroyed is deleted: nothing within 15 full days, nor within the longest `keep` of the
  site, counted from the day on which the disk was last recorded to;
- a disk that is in use is not destroyed, nor one that may have the only copy of what is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from agent.core.spans import HARD_FLOOR, HARD_FLOOR_DAYS, Span, cutoff_ns

METHODS = ("overwritten", "erased", "degaussed", "shredded")
BLOCK = 4096
LOOKS = 256  # blocks of a device that are read, spread over all of it


class Disk(NamedTuple):
    """A disk to be destroyed. last_used_ns: when footage was last written to it (UTC), None: nobody knows."""

    in_use: bool
    last_used_ns: int | None
    uncopied: Sequence[str]  # holds of which there is no copy yet


def refusal(disk: Disk, floors: Sequence[tuple[Span, str]], now_ns: int, zone: tzinfo = UTC) -> str:
    """Why it may not be destroyed now, "" if it may. floors: (span, in words) of each camera."""
    if disk.in_use:
        return "footage is recorded to this disk: it must be replaced first"
    if disk.last_used_ns is None:
        return "nobody knows when it was last recorded to: say so (--last-used)"
    if disk.last_used_ns > cutoff_ns(now_ns, HARD_FLOOR, zone):
        return f"footage on it may be younger than {HARD_FLOOR_DAYS} full days"
    for floor, words in floors:
        if disk.last_used_ns > cutoff_ns(now_ns, floor, zone):
            return f"footage on it may be younger than keep asks, {words}: put it into the safe until then"
    return f"hold {disk.uncopied[0]} has no copy yet" if disk.uncopied else ""


def offsets(size: int) -> list[int]:
    """Where blocks are read of a device of that size: its beginning, its end, and between them."""
    blocks = size // BLOCK
    count = min(blocks, LOOKS)
    return sorted({at * (blocks - 1) // max(1, count - 1) * BLOCK for at in range(count)})


def empty(block: bytes) -> bool:
    """One value all over: nothing can be read out of it."""
    return block.count(block[:1]) == len(block)
