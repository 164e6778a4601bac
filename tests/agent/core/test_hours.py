"""Parts of the day, and which clips they let through."""

from __future__ import annotations

import pytest

from agent.core.hours import Allowed, Part, allowed, minutes, wanted

DAY = Part(minutes("08:00"), minutes("18:30"), 512, "requested")
NIGHT = Part(minutes("22:00"), minutes("06:00"), None, "none")


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("07:59", Allowed(None, "all")),
        ("08:00", Allowed(64_000.0, "requested")),
        ("18:29", Allowed(64_000.0, "requested")),
        ("18:30", Allowed(None, "all")),
        ("23:00", Allowed(None, "none")),
        ("00:00", Allowed(None, "none")),
        ("05:59", Allowed(None, "none")),
        ("06:00", Allowed(None, "all")),
    ],
)
def test_parts_of_the_day(at: str, found: Allowed) -> None:
    assert allowed([DAY, NIGHT], minutes(at), metered=False) == found


def test_the_strictest_word_counts() -> None:
    both = [DAY, Part(0, 0, 64, "all")]
    assert allowed(both, minutes("12:00"), metered=False) == Allowed(8000.0, "requested")
    assert allowed([NIGHT], minutes("23:00"), metered=True).files == "none"
    assert allowed([], 0, metered=True).files == "requested"


def test_a_board_without_the_time_keeps_to_no_part_of_the_day() -> None:
    assert allowed([Part(0, 0, 64, "none")], None, metered=False) == Allowed(None, "all")


@pytest.mark.parametrize(
    ("files", "cause", "goes"),
    [
        ("all", "door.opened:gate", True),
        ("requested", "door.opened:gate", False),
        ("requested", "command:anna", True),
        ("requested", "asked for on the command line", True),
        ("none", "command:anna", False),
    ],
)
def test_which_clips_go(files: str, cause: str, goes: bool) -> None:
    assert wanted(files, cause) is goes
