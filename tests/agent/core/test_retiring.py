"""When a disk that held footage may be destroyed, and where one is looked at."""

from __future__ import annotations

import pytest

from agent.core.retiring import BLOCK, LOOKS, Disk, empty, offsets, refusal
from agent.core.spans import DAY_NS, span

NOW = 1_795_360_000 * 10**9
FLOORS = [(span("15 days"), "15 days"), (span("3 months"), "3 months")]
OLD = NOW - 100 * DAY_NS


@pytest.mark.parametrize(
    ("disk", "says"),
    [
        (Disk(False, OLD, ()), ""),
        (Disk(True, OLD, ()), "replaced first"),
        (Disk(False, None, ()), "nobody knows"),
        (Disk(False, NOW - 14 * DAY_NS - 23 * 3600 * 10**9, ()), "15 full days"),
        (Disk(False, NOW - 80 * DAY_NS, ()), "3 months"),
        (Disk(False, OLD, ("h-1",)), "h-1 has no copy"),
    ],
)
def test_what_may_be_on_it_decides(disk: Disk, says: str) -> None:
    found = refusal(disk, FLOORS, NOW)
    assert says in found
    assert bool(found) is bool(says)


def test_without_any_camera_fifteen_full_days_stand() -> None:
    assert refusal(Disk(False, NOW - 15 * DAY_NS, ()), [], NOW) == ""
    assert "15 full days" in refusal(Disk(False, NOW - 15 * DAY_NS + 1, ()), [], NOW)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5, 10**9, 4 * 10**12])
def test_looks_are_spread_from_the_first_block_to_the_last(size: int) -> None:
    found = offsets(size)
    blocks = size // BLOCK
    assert len(found) == len(set(found)) == min(blocks, LOOKS)
    if blocks:
        assert (found[0], found[-1]) == (0, (blocks - 1) * BLOCK)
        assert all(at % BLOCK == 0 for at in found)


def test_a_block_is_empty_if_it_is_one_value() -> None:
    assert empty(bytes(BLOCK))
    assert empty(b"\xff" * BLOCK)
    assert not empty(bytes(BLOCK - 1) + b"\x01")
