"""Merkle trees over footage: one root stands for all segments of a camera's hour, a short path proves one of them.

Rules of this file:
- the tree is that of RFC 6962, section 2.1: SHA-256, leaves hashed under the prefix 00 and inner nodes under 01, so
  that no node can be passed off as a leaf; a tree of n leaves splits at the largest power of two below n;
- a leaf is the text that `segment_leaf` writes: a heading and one line of canonical JSON, with everything that says
  what a segment is and when it was taken. Of a file that is only the SHA-256: whoever has file and leaf has the proof;
- the leaves of a tree stand in the order of the segments' numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from agent.core.chain import HASH_BYTES
from agent.core.signed import canonical

LEAF = "standpipe footage leaf v1"
PATH_MAX = 64  # longer than the path of any tree there can be


class SegmentLeaf(NamedTuple):
    """What is sealed of one segment. Times as the board knew them when it recorded; sha256: of the file, lower hex."""

    camera: str
    seq: int
    boot: str
    clock: str
    start_mono_ns: int
    start_at_ns: int
    end_mono_ns: int
    end_at_ns: int
    frames: int
    bytes: int
    sha256: str


def segment_leaf(leaf: SegmentLeaf) -> bytes:
    """The hash of a segment's leaf. ValueError for a text that UTF-8 cannot hold."""
    return leaf_hash(f"{LEAF}\n{canonical(leaf._asdict())}".encode())


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with this content."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(count: int) -> int:
    """How many of `count` (two or more) leaves are left of the top: the largest power of two below it."""
    return 1 << ((count - 1).bit_length() - 1)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over the hashes of one leaf or more. ValueError for none: nothing is sealed by nothing."""
    if not leaves:
        raise ValueError("a tree without leaves")
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node(root(leaves[:at]), root(leaves[at:]))


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What else is needed to get from leaf `index` (from 0) to the root, from the bottom up. IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*path(leaves[:at], index), root(leaves[at:])]
    return [*path(leaves[at:], index - at), root(leaves[:at])]


def root_of(leaf: bytes, index: int, count: int, steps: Sequence[bytes]) -> bytes | None:
    """The root that this path leads to from that leaf; None if no tree of `count` leaves has such a path."""
    if not 0 <= index < count or len(steps) > PATH_MAX or any(len(step) != HASH_BYTES for step in steps):
        return None
    at, last, found = index, count - 1, leaf
    for step in steps:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = _node(step, found)
            while not at & 1 and at:  # the right edge of an uneven tree: levels without a neighbour
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, step)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None
