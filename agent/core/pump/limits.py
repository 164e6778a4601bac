"""Every time and count of the pump machine, with its default."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.events import Signal

SMALL_KW = 132  # up to here an electric pump must run within 30 s, above within 55 s

# profile -> least minutes of a test run, (electric, diesel)
TEST_MIN: dict[str, tuple[int, int]] = {"nfpa25": (10, 30), "en12845": (15, 20), "gb50974": (10, 30)}


def fail_to_start_s(driver: str, rated_kw: int | None) -> int:
    """How long a pump may take to run: six cranks of a diesel may last 165 s, two minutes are waited for it."""
    if driver == "diesel":
        return 120
    return 30 if rated_kw is None or rated_kw <= SMALL_KW else 55


@dataclass(frozen=True)
class Limits:
    """Seconds but where the name says otherwise.

    unexpected_run_s is None where demand is not wired, as then no run can be told from another; patrol_days is None
    where there is no patrol contact, weekly_days and monthly_days None where nobody tests.
    """

    fail_to_start_s: int = 30
    unexpected_run_s: int | None = 5
    not_in_auto_s: int = 10
    power_lost_ms: int = 2_500  # longer than a changeover of 2 s, below 3 s
    phase_loss_ms: int = 2_500
    phase_reversal_ms: int = 1_000
    alternate_source_ms: int = 1_000
    water_s: int = 10
    trouble_ms: int = 1_000
    contradiction_power_s: int = 5
    contradiction_demand_s: int = 60
    reminder_s: int = 1_800
    overrun_s: int = 600
    loops_well_s: int = 5
    test_min_s: int = 600
    test_window_s: int = 3_600
    weekly_days: int | None = 7
    monthly_days: int | None = 31
    patrol_days: int | None = None
    patrol_min_s: int = 120
    jockey_starts: int = 15
    jockey_often: int = 6
    jockey_run_s: int = 600
    main_starts: int = 3
    main_within_s: int = 1_800
    running_class: Signal = Signal.SUPERVISORY
