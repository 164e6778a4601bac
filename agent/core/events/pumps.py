"""Fire pumps (source: the pump)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("pump.demand")
class PumpDemand(Event):
    """Pressure or flow switch asks the pump to run."""

    found: bool = False


@kind("pump.demand_while_impaired")
class PumpDemandWhileImpaired(Event):
    """Demand for a pump that is out of order by permission: it may not start, somebody must see to it."""

    found: bool = False


@kind("pump.demand_withdrawn")
class PumpDemandWithdrawn(Event):
    """Demand went away; `ran` says whether the pump was running by then."""

    ran: bool


@kind("pump.started")
class PumpStarted(Event):
    """The running contact closed. cause: demand / command / test / patrol / none / found. start_ms: from demand on."""

    cause: str
    start_ms: int | None = None


@kind("pump.stopped")
class PumpStopped(Event):
    """The running contact opened; `run_ms` how long it ran, or null if the start was not seen."""

    run_ms: int | None = None


@kind("pump.fail_to_start")
class PumpFailToStart(Event):
    """Demand, and no running contact within `limit_s`."""

    limit_s: int


@kind("pump.stopped_on_demand")
class PumpStoppedOnDemand(Event):
    """The running contact was lost for more than `limit_ms` while demand stands."""

    limit_ms: int


@kind("pump.unexpected_run")
class PumpUnexpectedRun(Event):
    """Running for `limit_s` without any cause."""

    limit_s: int


@kind("pump.not_in_auto")
class PumpNotInAuto(Event):
    """The controller's selector has not been in auto for `limit_s`."""

    limit_s: int


@kind("pump.restored")
class PumpRestored(Event):
    """The condition behind the pump alarm `was` is gone."""

    was: str


@kind("pump.running")
class PumpRunning(Event):
    """Running, and neither as a test nor on patrol. Class by the site's file; once at a start that finds it running."""

    cause: str
    found: bool = False


@kind("pump.overrun")
class PumpOverrun(Event):
    """Still running `limit_s` after demand went away: a reminder, nobody but a person stops a fire pump."""

    limit_s: int


@kind("pump.ran_without_demand")
class PumpRanWithoutDemand(Event):
    """The whole run, from start to stop, had no cause."""

    run_ms: int | None = None


@kind("pump.explained", lane=Lane.ALARM)
class PumpExplained(Event):
    """A person says why the pump runs."""

    by: str
    reason: str = ""


@kind("pump.classified")
class PumpClassified(Event):
    """A person has explained a run without cause: it counts as started by hand."""

    by: str
    reason: str = ""


@kind("pump.power_lost")
class PumpPowerLost(Event):
    """The controller has had no power for `limit_ms`."""

    limit_ms: int


@kind("pump.phase_loss")
class PumpPhaseLoss(Event):
    """A phase has been missing for `limit_ms`."""

    limit_ms: int


@kind("pump.phase_reversal")
class PumpPhaseReversal(Event):
    """The phases have been in the wrong order for `limit_ms`."""

    limit_ms: int


@kind("pump.alternate_source")
class PumpAlternateSource(Event):
    """The controller has been on its alternate source for `limit_ms`."""

    limit_ms: int


@kind("pump.low_suction")
class PumpLowSuction(Event):
    """Suction pressure has been low for `limit_ms`."""

    limit_ms: int


@kind("pump.tank_low")
class PumpTankLow(Event):
    """The water level has been low for `limit_ms`."""

    limit_ms: int


@kind("pump.tank_high")
class PumpTankHigh(Event):
    """The water level has been high for `limit_ms`."""

    limit_ms: int


@kind("pump.valve_closed")
class PumpValveClosed(Event):
    """A valve has not been fully open for `limit_ms`."""

    limit_ms: int


@kind("pump.trouble")
class PumpTrouble(Event):
    """The controller has reported common trouble for `limit_ms`."""

    limit_ms: int


@kind("pump.contradiction_power")
class PumpContradictionPower(Event):
    """Running without power for `limit_ms`: one of the two contacts lies."""

    limit_ms: int


@kind("pump.contradiction_demand")
class PumpContradictionDemand(Event):
    """Demand at normal pressure for `limit_ms`: the switch or the transmitter lies."""

    limit_ms: int


@kind("pump.contradiction_tank")
class PumpContradictionTank(Event):
    """Water level low and high at once for `limit_ms`: one of the two contacts lies."""

    limit_ms: int


@kind("pump.reminder")
class PumpReminder(Event):
    """The condition `was` has stood for `stands_s` by now and still does."""

    was: str
    stands_s: int


@kind("pump.main_short_cycle")
class PumpMainShortCycle(Event):
    """The main pump has started `starts` times within `within_s`."""

    starts: int
    within_s: int


@kind("pump.jockey_short_cycle")
class PumpJockeyShortCycle(Event):
    """The jockey pump has started `starts` times within the hour: the system leaks."""

    starts: int
    limit: int


@kind("pump.jockey_frequent")
class PumpJockeyFrequent(Event):
    """The jockey pump starts more often than it should: `starts` within the hour. A warning."""

    starts: int
    limit: int


@kind("pump.jockey_long_run")
class PumpJockeyLongRun(Event):
    """The jockey pump has been running for `limit_s`."""

    limit_s: int


@kind("pump.jockey_day")
class PumpJockeyDay(Event):
    """What the jockey pump did since the row before: starts, seconds run, longest run."""

    starts: int
    run_s: int
    longest_s: int


@kind("pump.test_requested", lane=Lane.ALARM)
class PumpTestRequested(Event):
    """A person opens or closes a test window. does: open / close; method: pressure-drop or manual."""

    does: str
    method: str
    limit_s: int
    by: str


@kind("pump.test_opened")
class PumpTestOpened(Event):
    """A test window is open for at most `limit_s`: what the pump does in it is muted, and recorded."""

    method: str
    limit_s: int
    by: str


@kind("pump.test_closed")
class PumpTestClosed(Event):
    """The test window is over. by: a person, or "limit"; `ran`: whether the pump ran in it."""

    by: str
    ran: bool


@kind("pump.test_started")
class PumpTestStarted(Event):
    """The pump runs as a test. auto_started: the drop of pressure started it."""

    method: str
    auto_started: bool


@kind("pump.test_finished")
class PumpTestFinished(Event):
    """A test run is over. run_ms: null if its start was not seen; `counts` says whether it is the test it was to be."""

    method: str
    auto_started: bool
    run_ms: int | None
    counts: bool


@kind("pump.test_too_short")
class PumpTestTooShort(Event):
    """The pump ran for less than `needed_s` in its test, or for how long is not known."""

    run_ms: int | None
    needed_s: int


@kind("pump.test_not_auto_started")
class PumpTestNotAutoStarted(Event):
    """The pump was to be started by a drop of pressure, and was not."""


@kind("pump.weekly_test_due")
class PumpWeeklyTestDue(Event):
    """The last weekly test was `days` days ago. A warning."""

    days: int


@kind("pump.weekly_test_missed")
class PumpWeeklyTestMissed(Event):
    """No weekly test for `days` days."""

    days: int


@kind("pump.monthly_test_missed")
class PumpMonthlyTestMissed(Event):
    """No test by hand for `days` days."""

    days: int


@kind("pump.patrol_started")
class PumpPatrolStarted(Event):
    """The controller turns the pump at low speed, to keep it free."""


@kind("pump.patrol_finished")
class PumpPatrolFinished(Event):
    """The patrol is over. interrupted: by demand, as it should be."""

    run_ms: int | None
    interrupted: bool


@kind("pump.patrol_fault")
class PumpPatrolFault(Event):
    """The patrol was shorter than `needed_s`."""

    run_ms: int
    needed_s: int


@kind("pump.patrol_missed")
class PumpPatrolMissed(Event):
    """No patrol for `days` days."""

    days: int
