"""When a camera's hour may be sealed."""

from __future__ import annotations

import pytest

from agent.core.chain import Stamp
from agent.core.sealing import AFTER_NS, HOUR_NS, NS, Waiting, due, hour_of

HOUR = 500_000 * HOUR_NS
MONO = 10_000 * NS  # of the hour's begin
LAST = Waiting("yard", HOUR, "now", MONO + 3590 * NS, HOUR + 3590 * NS)


def at(seconds: int, *, boot: str = "now", step_s: int = 0) -> Stamp:
    """So many seconds into the hour."""
    return Stamp(HOUR + (seconds + step_s) * NS, boot, MONO + seconds * NS, "synced")


def test_an_hour_is_sealed_two_minutes_after_its_end() -> None:
    assert AFTER_NS == 120 * NS
    assert not due(LAST, at(3600 + 119))
    assert due(LAST, at(3600 + 120))


@pytest.mark.parametrize("step_s", [-86_400, 7200, 86_400])
def test_no_step_of_the_clock_seals_early_or_late(step_s: int) -> None:
    assert not due(LAST, at(3600 + 119, step_s=step_s))
    assert due(LAST, at(3600 + 120, step_s=step_s))


def test_a_segment_that_is_being_written_is_waited_for_unless_its_boot_is_over() -> None:
    assert not due(LAST._replace(being_written="now"), at(9000))
    assert due(LAST._replace(being_written="before"), at(9000))


def test_what_an_earlier_boot_left_waits_for_the_recorder_to_settle() -> None:
    late = Stamp(HOUR, "next", 119 * NS, "rtc")
    assert not due(LAST, late)
    assert due(LAST, late._replace(mono_ns=120 * NS))


def test_hours_are_those_of_utc() -> None:
    assert hour_of(HOUR) == hour_of(HOUR + HOUR_NS - 1) == HOUR
    assert hour_of(0) == 0
