"""Read-back: a relay that does not show what was written for its limit is a trouble, once."""

from __future__ import annotations

import pytest

from agent.core.events import RelayReadbackFailed
from agent.core.readback import KIND, Readback

MS = 1_000_000


def relay() -> Readback:
    made = Readback("siren", 500, energised=False)
    made.contact(False, 0)
    return made


def test_a_relay_that_follows_says_nothing() -> None:
    siren = relay()
    siren.drive(True, 1000 * MS)
    assert siren.due_ns() == 1500 * MS
    siren.contact(True, 1020 * MS)
    assert siren.due_ns() is None
    assert siren.elapse(9000 * MS) == []


def test_a_relay_that_does_not_follow_is_said_once() -> None:
    siren = relay()
    siren.drive(True, 1000 * MS)
    assert siren.elapse(1500 * MS - 1) == []
    assert siren.elapse(1500 * MS) == [RelayReadbackFailed(source="siren", energised=True, limit_ms=500)]
    assert siren.elapse(9000 * MS) == []
    assert siren.standing() == {KIND}
    siren.contact(True, 9000 * MS)
    assert siren.standing() == frozenset()


def test_one_that_goes_by_itself() -> None:
    """Held by hand, welded, or its driver broken: nobody wrote, and it changed."""
    siren = relay()
    siren.contact(True, 1000 * MS)
    assert siren.elapse(1500 * MS) == [RelayReadbackFailed(source="siren", energised=False, limit_ms=500)]


def test_another_write_is_another_chance() -> None:
    siren = relay()
    siren.drive(True, 1000 * MS)
    siren.drive(False, 1400 * MS)
    assert siren.due_ns() is None
    siren.drive(True, 1450 * MS)
    assert siren.due_ns() == 1950 * MS


def test_nothing_is_expected_of_a_contact_that_was_not_read_yet() -> None:
    siren = Readback("siren", 500, energised=True)
    siren.drive(True, 0)
    assert siren.due_ns() is None


@pytest.mark.parametrize("failed", [False, True])
def test_a_restart(failed: bool) -> None:
    siren = relay()
    siren.drive(True, 1000 * MS)
    if failed:
        siren.elapse(1500 * MS)
    other = Readback("siren", 500, energised=False)
    other.restore(siren.snapshot())
    assert other.standing() == siren.standing()
    assert other.due_ns() == siren.due_ns()
