"""The door machine: all states x all inputs, and times."""

from __future__ import annotations

import itertools

import pytest

from agent.core.door import STANDING, TABLE, Door, Input, Say, State
from agent.core.events import DoorClosed, DoorForced, DoorHeldOpen, DoorOpenAtArming, DoorOpened, Signal

S = 1_000_000_000


@pytest.mark.parametrize(("state", "what"), list(itertools.product(State, Input)))
def test_every_state_with_every_input(state: State, what: Input) -> None:
    """Each pair either stands in the table or changes nothing; what it says fits where it leads."""
    after, said = TABLE.get((state, what), (state, ()))
    opens = what in (Input.OPENS, Input.FOUND_OPEN, Input.FORCED, Input.FOUND_FORCED)
    shuts = what in (Input.SHUTS, Input.FOUND_SHUT)
    if opens:
        assert after in (State.OPEN, State.HELD_OPEN)
    if shuts:
        assert after is State.CLOSED
    assert (Say.HELD_OPEN in said) == (state is State.OPEN and what is Input.LIMIT)
    assert (Say.CLOSED in said) == (shuts and (state in (State.OPEN, State.HELD_OPEN) or what is Input.SHUTS)) or (
        state is State.CLOSED
    )
    if state is State.CLOSED and shuts:
        assert not said


def test_opened_closed_and_held_open() -> None:
    door = Door("door", 120, Signal.SUPERVISORY)
    assert door.contact(False, 0, found=True) == []
    assert door.contact(True, 10 * S) == [DoorOpened(source="door")]
    assert door.due_ns() == 130 * S
    assert door.elapse(130 * S - 1) == []
    assert door.elapse(130 * S) == [DoorHeldOpen(source="door", limit_s=120, signal=Signal.SUPERVISORY)]
    assert door.elapse(500 * S) == []
    assert "door.held_open" in door.standing()
    assert door.contact(False, 200 * S) == [DoorClosed(source="door", open_ms=190_000)]
    assert not door.standing()
    assert door.due_ns() is None


def test_a_door_found_open_was_not_seen_to_open() -> None:
    door = Door("door", 60)
    assert door.contact(True, 5 * S, found=True) == [DoorOpened(source="door", found=True)]
    assert door.due_ns() == 65 * S
    assert door.contact(False, 9 * S) == [DoorClosed(source="door", open_ms=None)]


def test_no_limit_no_held_open() -> None:
    door = Door("door")
    door.contact(True, 0)
    assert door.due_ns() is None
    assert door.elapse(10**6 * S) == []


def test_a_restart_says_nothing_twice_and_keeps_the_time() -> None:
    door = Door("door", 60)
    door.contact(True, 5 * S)
    again = Door("door", 60)
    again.restore(door.snapshot())
    assert again.due_ns() == 65 * S
    again.elapse(65 * S)
    third = Door("door", 60)
    third.restore(again.snapshot())
    assert third.elapse(99 * S) == []
    assert third.contact(False, 105 * S) == [DoorClosed(source="door", open_ms=100_000)]


def test_after_a_boot_a_recorded_level_is_taken_up_in_silence() -> None:
    door = Door("door", 60)
    door.resume(True, 1 * S)
    assert door.state is State.OPEN
    assert door.due_ns() == 61 * S
    assert door.contact(False, 2 * S, found=True) == [DoorClosed(source="door", open_ms=None)]


def test_standing_covers_the_whole_time_open() -> None:
    assert STANDING[State.HELD_OPEN] >= STANDING[State.OPEN]
    assert State.CLOSED not in STANDING


def test_a_snapshot_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="ajar"):
        Door("door").restore(["ajar", 1, True, False])


def test_opened_while_armed_it_is_forced() -> None:
    door = Door("gate")
    door.contact(False, 0, found=True)
    assert door.arm(True, 1 * S) == []
    assert door.contact(True, 2 * S) == [DoorOpened(source="gate"), DoorForced(source="gate")]
    assert "door.forced" in door.standing()
    assert door.contact(False, 3 * S) == [DoorClosed(source="gate", open_ms=1000)]
    assert "door.forced" not in door.standing()
    assert door.arm(False, 4 * S) == []
    assert door.contact(True, 5 * S) == [DoorOpened(source="gate")]


def test_armed_while_it_stands_open_it_says_so_once() -> None:
    door = Door("gate", 60)
    door.contact(True, 2 * S)
    assert door.arm(True, 3 * S) == [DoorOpenAtArming(source="gate")]
    assert door.arm(True, 4 * S) == []
    assert door.due_ns() == 62 * S, "how long it has been open does not begin anew"


def test_found_open_while_armed() -> None:
    door = Door("gate")
    door.armed = True
    assert door.contact(True, 2 * S, found=True) == [
        DoorOpened(source="gate", found=True),
        DoorForced(source="gate", found=True),
    ]
    other = Door("gate")
    other.restore(door.snapshot())
    assert other.armed
