"""Which cameras are due for replacement."""

from __future__ import annotations

import pytest

from agent.core.events import KINDS
from agent.core.health import NAMES
from agent.core.worn import HOUR_NS, OF_ITSELF, OF_PEOPLE, Fault, Told, kinds, worn

NOW = 10_000 * HOUR_NS
FROM = NOW - 720 * HOUR_NS


def told(*rows: tuple[str, float]) -> list[Told]:
    """(kind, so many hours ago) of one camera."""
    return [Told(f"camera.{kind}", "yard", NOW - round(hours * HOUR_NS)) for kind, hours in rows]


def only(*rows: tuple[str, float]) -> Fault:
    ((fault,),) = worn(told(*rows), FROM, NOW).values()
    return fault


def test_each_fault_is_one_of_the_camera_or_of_people() -> None:
    assert {*OF_ITSELF, *OF_PEOPLE} == {"lost", *NAMES}
    assert not set(OF_ITSELF) & OF_PEOPLE
    assert set(kinds()) <= set(KINDS)
    assert len(kinds()) == 2 * len(OF_ITSELF)


@pytest.mark.parametrize(
    ("rows", "times", "hours", "due"),
    [
        ([("lost", 30), ("restored", 29)], 1, 1, False),
        ([("lost", 30), ("restored", 6)], 1, 24, True),
        ([("lost", 23.9)], 1, 23.9, False),
        ([("frozen", 24)], 1, 24, True),
        ([("lost", 2000), ("restored", 700)], 1, 20, False),
        ([("frozen", 30), ("frozen", 20), ("frozen_cleared", 19)], 1, 11, False),
        ([row for n in range(10) for row in (("thin", 100 - n), ("thin_cleared", 99.9 - n))], 10, 1, True),
        ([row for n in range(9) for row in (("thin", 100 - n), ("thin_cleared", 99.9 - n))], 9, 0.9, False),
    ],
)
def test_often_or_long_is_due(rows: list[tuple[str, float]], times: int, hours: float, due: bool) -> None:
    fault = only(*rows)
    assert (fault.times, round(fault.ns / HOUR_NS, 3), fault.due) == (times, hours, due)


def test_what_was_over_before_the_period_is_not_told() -> None:
    assert worn(told(("lost", 1000), ("restored", 800), ("restored", 10)), FROM, NOW) == {}


def test_the_worst_comes_first_and_what_stands_is_told() -> None:
    found = worn(told(("lost", 9), ("restored", 8), ("black", 3)), FROM, NOW)
    assert [(one.name, bool(one.since_ns)) for one in found["yard"]] == [("black", True), ("lost", False)]
