"""Every event kind, one frozen dataclass each: the vocabulary of the product.

Rules of this file:
- what happens at a site is one of these; nothing else is ever written into the journal;
- `source` says which thing it happened to (a point, pump, relay, camera, process, link, alarm id);
- `drill` marks what happened in a drill, `walk_test` what happened during a walk test: in the row's data only where
  it is true;
- all other fields are the row's `data`: text, whole numbers with the unit last in the name, booleans,
  lists of text. No floats: two JSON writers print 1e16 differently, and rows are hashed;
- `signal` is the class of NFPA 72 (alarm / supervisory / trouble / status). It decides the lane unless the
  kind names its lane itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar, TypeVar, dataclass_transform


class Signal(StrEnum):
    """Signal class, as NFPA 72 uses the words."""

    ALARM = "alarm"
    SUPERVISORY = "supervisory"
    TROUBLE = "trouble"
    STATUS = "status"


class Lane(StrEnum):
    """The two streams of the uplink: `alarm` goes before `status`."""

    ALARM = "alarm"
    STATUS = "status"


Value = str | int | bool | list[str] | list[int] | dict[str, str] | None

E = TypeVar("E", bound="Event")

KINDS: dict[str, type[Event]] = {}
MARKS = ("drill", "walk_test")  # what a row may be marked with, whatever its kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Base of all kinds. `KIND` is the journal's `kind`; a lane set here beats the signal class."""

    KIND: ClassVar[str] = ""
    LANE: ClassVar[Lane | None] = None

    source: str
    signal: Signal = Signal.STATUS
    drill: bool = False
    walk_test: bool = False

    @property
    def lane(self) -> Lane:
        """Alarm lane for everything that is not mere status (see architecture: Journal)."""
        if self.LANE is not None:
            return self.LANE
        return Lane.STATUS if self.signal is Signal.STATUS else Lane.ALARM

    def data(self) -> dict[str, Value]:
        """The row's data: every field but source and signal, and marks only where they are true."""
        names = (f.name for f in fields(self) if f.name not in ("source", "signal", *MARKS))
        found: dict[str, Value] = {name: getattr(self, name) for name in names}
        return found | {mark: True for mark in MARKS if getattr(self, mark)}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def kind(name: str, *, lane: Lane | None = None) -> Callable[[type[E]], type[E]]:
    """Class decorator: a frozen dataclass registered under its journal kind. Twice the same name is a bug."""

    def wrap(cls: type[E]) -> type[E]:
        if name in KINDS:
            raise ValueError(f"two events of kind {name}")
        made = dataclass(frozen=True, kw_only=True, slots=True)(cls)
        made.KIND = name
        made.LANE = lane
        KINDS[name] = made
        return made

    return wrap


# --- the board and its processes (source: the process, "panel", "recorder@pump-room", "uplink", ...) ---


@kind("process.started")
class ProcessStarted(Event):
    """A process of ours came up. `found` says what it took up again (latches, open segments)."""

    version: str
    pid: int
    found: str = ""


@kind("process.stopping")
class ProcessStopping(Event):
    """A process of ours was asked to stop and is doing so; a death without this row was no such stop."""

    pid: int


@kind("journal.opened", lane=Lane.ALARM)
class JournalOpened(Event):
    """First row of every epoch. reason: new / corrupt / restored; before: the epoch it follows, if known."""

    epoch: str
    reason: str
    before: str = ""
    moved_to: str = ""


@kind("journal.rows_lost", lane=Lane.ALARM)
class RowsLost(Event):
    """Rows that never reached the disk: a bounded queue was full while the disk was stuck or full."""

    rows: int
    from_mono_ns: int
    to_mono_ns: int
    reason: str


@kind("journal.checkpoint")
class JournalCheckpoint(Event):
    """Rows up to and including `upto` may be deleted; `hash` is that row's hash, so the chain stays provable."""

    upto: int
    hash: str
    carried: int


@kind("carried", lane=Lane.ALARM)
class Carried(Event):
    """A fact still in force, appended again because its row `of_seq` goes (below a checkpoint, or with its epoch)."""

    of_kind: str
    of_seq: int
    of_class: str
    of_data: str


@kind("clock.set")
class ClockSet(Event):
    """Anchor of one boot: at `mono_ns` of boot `boot` it was `at_ns` UTC. by: ntp / rtc / collector / person."""

    boot: str
    mono_ns: int
    at_ns: int
    by: str


@kind("trouble.raised", lane=Lane.ALARM)
class TroubleRaised(Event):
    """Something of ours does not work as it should; `what` is a stable key, `detail` says it in words."""

    what: str
    detail: str


@kind("trouble.cleared", lane=Lane.ALARM)
class TroubleCleared(Event):
    """The trouble of the same source and `what` is over."""

    what: str
    detail: str


# --- points and doors (source: the point) ---


@kind("point.changed")
class PointChanged(Event):
    """A settled change of a contact. Times are monotonic: first edge of the change, and the decision."""

    closed: bool
    edge_mono_ns: int
    decided_mono_ns: int


@kind("point.found")
class PointFound(Event):
    """The level of a contact found at start, different from (or without) what was last recorded."""

    closed: bool
    decided_mono_ns: int


@kind("point.chattering", lane=Lane.ALARM)
class PointChattering(Event):
    """More edges a second than a contact can honestly make: masked, and polled instead."""

    edges_per_s: int


@kind("point.steady", lane=Lane.ALARM)
class PointSteady(Event):
    """A chattering contact has come to rest; edges are believed again."""

    edges_masked: int


@kind("point.fault", lane=Lane.ALARM)
class PointFault(Event):
    """A supervised loop is not what it must be. fault: open / short / leak (between the bands) / unsteady."""

    fault: str
    ratio_ppm: int


@kind("point.fault_cleared", lane=Lane.ALARM)
class PointFaultCleared(Event):
    """The loop shows its contact again. was: the fault."""

    was: str


@kind("point.stuck", lane=Lane.ALARM)
class PointStuck(Event):
    """The contact has been active for longer than `limit_s`, which it never should be."""

    limit_s: int


@kind("door.opened")
class DoorOpened(Event):
    """The door is open. `found` is true if it stood open at start rather than being seen to open."""

    found: bool = False


@kind("door.closed")
class DoorClosed(Event):
    """The door is shut; `open_ms` how long it was open, or null if the opening was not seen."""

    open_ms: int | None = None


@kind("door.held_open")
class DoorHeldOpen(Event):
    """The door has been open longer than `limit_s`."""

    limit_s: int


@kind("door.forced")
class DoorForced(Event):
    """The door was opened while it was armed; `found` if it stood open so at start."""

    found: bool = False


@kind("door.open_at_arming")
class DoorOpenAtArming(Event):
    """The door was armed while it stood open."""


@kind("point.armed", lane=Lane.ALARM)
class PointArmed(Event):
    """From now on opening this door is forced entry. by: schedule, or a person; planned: what the schedule says."""

    by: str
    planned: bool


@kind("point.disarmed", lane=Lane.ALARM)
class PointDisarmed(Event):
    """Opening this door is no forced entry any more. by: schedule, or a person; planned: what the schedule says."""

    by: str
    planned: bool


@kind("entry.registered")
class EntryRegistered(Event):
    """The door was opened while these visits or shifts were on record (`visits`: their ids, `who`: their people)."""

    visits: list[str]
    who: list[str]


@kind("entry.unregistered")
class EntryUnregistered(Event):
    """The door was opened (or stood open at start: `found`) and no visit or shift is on record for it."""

    found: bool = False


@kind("button.pressed")
class ButtonPressed(Event):
    """A button at the panel. does: acknowledge, silence, reset."""

    does: list[str]


# --- rooms (source: the point) ---


@kind("tamper.opened")
class TamperOpened(Event):
    """The enclosure was opened. No alarm while a visit of what = work is on record."""

    found: bool = False


@kind("tamper.closed")
class TamperClosed(Event):
    """The enclosure is shut again."""


@kind("smoke.detected")
class SmokeDetected(Event):
    """The detector reports smoke."""

    found: bool = False


@kind("smoke.cleared")
class SmokeCleared(Event):
    """The detector reports no smoke any more."""


@kind("flood.detected")
class FloodDetected(Event):
    """Water where none should be."""

    found: bool = False


@kind("flood.cleared")
class FloodCleared(Event):
    """No water any more."""


@kind("temperature.high")
class TemperatureHigh(Event):
    """Too warm. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("temperature.low")
class TemperatureLow(Event):
    """Too cold: pipes may freeze. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("temperature.normal")
class TemperatureNormal(Event):
    """Neither too warm nor too cold any more."""

    reads: str = ""


@kind("humidity.high")
class HumidityHigh(Event):
    """Too damp. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("humidity.low")
class HumidityLow(Event):
    """Too dry. `reads`: the value with its unit, where one is measured."""

    found: bool = False
    reads: str = ""


@kind("humidity.normal")
class HumidityNormal(Event):
    """Neither too damp nor too dry any more."""

    reads: str = ""


# --- permits: each ends by itself after `for_s` (source: the permit's id) ---


@kind("visit.opened", lane=Lane.ALARM)
class VisitOpened(Event):
    """`who` may be in the room. what: visit / work (enclosures may be opened) / shift; of: doors by id, or all."""

    who: str
    reason: str
    what: str
    of: list[str]
    for_s: int
    by: str


@kind("visit.closed", lane=Lane.ALARM)
class VisitClosed(Event):
    """The visit is over. by: a person, `limit` (its time was over) or `restart` (its time could not be known)."""

    by: str


@kind("impairment.started", lane=Lane.ALARM)
class ImpairmentStarted(Event):
    """Points, doors or pumps `of` are out of order by permission: supervisory and trouble of them raise no alarm.

    measures: what is done instead. Alarms of class alarm, and demand, still alarm.
    """

    of: list[str]
    reason: str
    measures: str
    for_s: int
    by: str


@kind("impairment.ended", lane=Lane.ALARM)
class ImpairmentEnded(Event):
    """The permit is over; what is still wrong alarms now. by: a person, limit or restart."""

    by: str


@kind("drill.started", lane=Lane.ALARM)
class DrillStarted(Event):
    """A drill with points, doors or pumps `of`: their rows are marked `drill`. Everything else is as real as ever."""

    of: list[str]
    reason: str
    for_s: int
    by: str


@kind("drill.ended", lane=Lane.ALARM)
class DrillEnded(Event):
    """The drill is over. by: a person, limit or restart."""

    by: str


# --- measured values (source: the analog input); numbers are thousandths of `unit` ---


@kind("analog.low")
class AnalogLow(Event):
    """Below `limit_milli`."""

    value_milli: int
    limit_milli: int
    unit: str


@kind("analog.high")
class AnalogHigh(Event):
    """Above `limit_milli`."""

    value_milli: int
    limit_milli: int
    unit: str


@kind("analog.normal")
class AnalogNormal(Event):
    """Neither low nor high any more."""

    value_milli: int
    unit: str


@kind("analog.value")
class AnalogValue(Event):
    """What is measured, for the records. why: start / stop of a pump (`of`), or regularly."""

    value_milli: int
    unit: str
    why: str
    of: str = ""


@kind("analog.fault", lane=Lane.ALARM)
class AnalogFault(Event):
    """The current is none that a working transmitter sends. fault: below (< 3.6 mA) / above (> 21 mA) / stuck."""

    fault: str
    current_ua: int


@kind("analog.fault_cleared", lane=Lane.ALARM)
class AnalogFaultCleared(Event):
    """The transmitter sends something credible again. was: the fault."""

    was: str
    value_milli: int
    unit: str


# --- fire pumps (source: the pump) ---


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


# --- alarms (source: the alarm's id, "{kind}:{source}") ---


@kind("alarm.raised", lane=Lane.ALARM)
class AlarmRaised(Event):
    """An alarm latched. `on` is the event kind and `of` the point or pump that raised it.

    first: no other alarm was waiting to be acknowledged, so this one came first (what follows may be its consequence).
    """

    on: str
    of: str
    detail: str = ""
    first: bool = False


@kind("alarm.restored", lane=Lane.ALARM)
class AlarmRestored(Event):
    """The condition is gone; the alarm stays latched until acknowledged and reset."""


@kind("alarm.acknowledged", lane=Lane.ALARM)
class AlarmAcknowledged(Event):
    """Somebody has taken note."""

    by: str


@kind("alarm.silenced", lane=Lane.ALARM)
class AlarmSilenced(Event):
    """Its sounders are quiet; a new alarm sounds again."""

    by: str


@kind("alarm.reset", lane=Lane.ALARM)
class AlarmReset(Event):
    """The latch is released. Only a restored and acknowledged alarm can be reset."""

    by: str


@kind("alarm.escalated", lane=Lane.ALARM)
class AlarmEscalated(Event):
    """Nobody has acknowledged within `after_s`: `to` is the contact to be told now, the `step`-th of `steps`."""

    to: str
    step: int
    steps: int
    after_s: int


@kind("contact.told", lane=Lane.ALARM)
class ContactTold(Event):
    """The contact (source) is to be told of `about`: an alarm's id, or "kind:source" of what a rule answers."""

    about: str
    on: str
    of: str


@kind("panel.requested")
class PanelRequested(Event):
    """What a person asked of the panel. does: acknowledge / silence / reset, arm / disarm.

    alarm: the alarm's id (the door's to arm), or * for all.
    """

    does: str
    alarm: str
    by: str


@kind("panel.refused")
class PanelRefused(Event):
    """The panel did not do what row `request` asked, and why."""

    request: int
    reason: str


# --- commissioning: walk tests and relay tests (source: who said it, or the relay) ---


@kind("walk_test.requested")
class WalkTestRequested(Event):
    """A technician asks for a walk test of `for_s`, or for its end. does: start / end."""

    does: str
    for_s: int
    by: str


@kind("walk_test.started", lane=Lane.ALARM)
class WalkTestStarted(Event):
    """Every point is being tripped on purpose: sounders are quiet, alarms are recorded as ever, for `for_s` at most."""

    for_s: int
    by: str
    request: int


@kind("walk_test.ended", lane=Lane.ALARM)
class WalkTestEnded(Event):
    """Sounders sound again, for alarms whose condition still stands. by: a person, limit or restart (of the board)."""

    by: str


@kind("walk_test.recorded", lane=Lane.ALARM)
class WalkTestRecorded(Event):
    """What was tripped, heard and seen is in `file`; `hash` is its SHA-256, `sig` the key's signature ("": unsigned).

    left: points, relays and cameras that were not tried.
    """

    file: str
    hash: str
    by: str
    key: str
    sig: str
    tried: int
    left: list[str]


@kind("relay.test_requested")
class RelayTestRequested(Event):
    """A technician asks the panel to drive this relay for `pulse_ms`."""

    pulse_ms: int
    by: str


@kind("relay.tested")
class RelayTested(Event):
    """The relay was driven as row `request` asked. ok: the line was written and no read-back contradicts.

    readback: none (not wired) / seen / missing; reason: what was wrong.
    """

    by: str
    request: int
    pulse_ms: int
    ok: bool
    readback: str
    reason: str = ""


@kind("relay.heard")
class RelayHeard(Event):
    """Somebody at the site says whether they heard or saw what the relay switches, while it was tested."""

    heard: bool
    by: str


# --- relays (source: the relay) ---


@kind("relay.driven", lane=Lane.ALARM)
class RelayDriven(Event):
    """A relay was energised or released. reason: alarm id, "limit", "restart", "rule ended".

    edge_mono_ns is the first edge of what led here (null if none), settled_mono_ns the end of its settle time,
    decided_mono_ns the decision, written_mono_ns the return of the write to the line.
    """

    energised: bool
    reason: str
    edge_mono_ns: int | None
    settled_mono_ns: int | None
    decided_mono_ns: int
    written_mono_ns: int


@kind("relay.failed", lane=Lane.ALARM)
class RelayFailed(Event):
    """The line could not be written; it is tried again every second."""

    energised: bool
    reason: str


@kind("relay.readback_failed", lane=Lane.ALARM)
class RelayReadbackFailed(Event):
    """The contact that reads this relay back has not shown `energised` for `limit_ms`: welded, stuck or not wired."""

    energised: bool
    limit_ms: int


# --- cameras, footage, clips (source: the camera) ---


@kind("camera.lost", lane=Lane.ALARM)
class CameraLost(Event):
    """No packets. reason in words, without credentials."""

    reason: str


@kind("camera.restored", lane=Lane.ALARM)
class CameraRestored(Event):
    """Packets again after `lost_ms`."""

    lost_ms: int


@kind("footage.gap", lane=Lane.ALARM)
class FootageGap(Event):
    """No footage for more than 10 s, or some was cut off: from / to in UTC and (same boot) length in ms."""

    from_ns: int
    to_ns: int
    gap_ms: int
    cause: str


@kind("footage.salvaged")
class FootageSalvaged(Event):
    """A segment that was open when the recorder died: what of it can be played."""

    segment: int
    kept_ms: int
    cut_bytes: int


@kind("footage.stopped", lane=Lane.ALARM)
class FootageStopped(Event):
    """Recording stopped by itself. reason: disk full, read-only, wrong volume, write error."""

    reason: str


@kind("footage.resumed", lane=Lane.ALARM)
class FootageResumed(Event):
    """Recording goes on after `stopped_ms`."""

    stopped_ms: int


@kind("clip.requested", lane=Lane.ALARM)
class ClipRequested(Event):
    """A rule or a person wants `before_s` + `after_s` of `cameras` around `at_ns` (same instant: `at_mono_ns`, `boot`).

    clip: the request's id, lowercase letters, digits and dashes; each camera answers with clip.ready or clip.failed.
    """

    clip: str
    cameras: list[str]
    at_ns: int
    at_mono_ns: int
    boot: str
    before_s: int
    after_s: int
    hold: bool
    cause: str


@kind("clip.ready", lane=Lane.ALARM)
class ClipReady(Event):
    """The clip is on disk (`path` under the data folder), synced. `short_ms` is footage asked for but not there."""

    clip: str
    path: str
    bytes: int
    sha256: str
    from_ns: int
    to_ns: int
    short_ms: int


@kind("clip.failed", lane=Lane.ALARM)
class ClipFailed(Event):
    """The clip could not be made before its deadline, and why."""

    clip: str
    reason: str


@kind("clip.delivered")
class ClipDelivered(Event):
    """The far end has confirmed the clip's hash. file: the transfer's id."""

    clip: str
    file: str
    sha256: str


@kind("clip.given_up", lane=Lane.ALARM)
class ClipGivenUp(Event):
    """The clip will not be sent: more waited than the board keeps for sending. Its file stays until its time is up."""

    clip: str
    bytes: int
    reason: str


# --- uplink (source: "uplink") ---


@kind("link.up")
class LinkUp(Event):
    """Session with the broker stands."""

    broker: str


@kind("link.down")
class LinkDown(Event):
    """Session lost or refused. reason in words, without credentials."""

    broker: str
    reason: str


@kind("link.refused", lane=Lane.ALARM)
class LinkRefused(Event):
    """The broker or the far end refuses what we send: kept here, never counted as delivered."""

    what: str
    code: int
    reason: str


@kind("link.conflict", lane=Lane.ALARM)
class LinkConflict(Event):
    """The far end holds another row under one of our identities: (epoch, seq) with a different hash."""

    epoch: str
    seq: int
    ours: str
    theirs: str


@kind("gap", lane=Lane.ALARM)
class Gap(Event):
    """Rows of a lane that will not be sent: from / to inclusive sequence numbers.

    from_seq comes right behind the lane's last row before them (whatever lane has that number), so that a reader
    can join the lane over the hole.
    """

    of_lane: str
    from_seq: int
    to_seq: int
    rows: int
    bytes: int
    reason: str


# --- people: signed commands (source: the process), approvals (source: "approve" or who asks) ---


@kind("command.received", lane=Lane.ALARM)
class CommandReceived(Event):
    """A command from the broker that passed its first check. `envelope` is all of it, as its signer wrote it.

    command: the sender's id; by: person; key: id of their key; ctr: the key's counter.
    """

    command: str
    op: str
    by: str
    key: str
    ctr: int
    envelope: str


@kind("command.started", lane=Lane.ALARM)
class CommandStarted(Event):
    """Row `request` (command.received) was judged again and is being done. Found started, it is never repeated."""

    command: str
    request: int
    op: str
    by: str
    key: str
    ctr: int


@kind("command.done", lane=Lane.ALARM)
class CommandDone(Event):
    """The command of row `request` has been carried out."""

    command: str
    request: int
    op: str
    by: str


@kind("command.failed", lane=Lane.ALARM)
class CommandFailed(Event):
    """The command of row `request` was started and did nothing, or nobody knows what it did; `reason` says which."""

    command: str
    request: int
    op: str
    by: str
    reason: str


@kind("command.refused", lane=Lane.ALARM)
class CommandRefused(Event):
    """A command from the broker was not carried out, and why. `digest` is the payload's SHA-256; code: a stable word.

    request: its row if it was received; command, op, by: what it says of itself, proven only if it was received.
    """

    reason: str
    bytes: int
    digest: str
    code: str = ""
    request: int = 0
    command: str = ""
    op: str = ""
    by: str = ""


@kind("hold.requested", lane=Lane.ALARM)
class HoldRequested(Event):
    """A person wants footage of these cameras from / to (UTC) kept from deletion. hold: the request's id."""

    hold: str
    cameras: list[str]
    from_ns: int
    to_ns: int
    reason: str
    by: str


@kind("hold.placed", lane=Lane.ALARM)
class HoldPlaced(Event):
    """Footage that may not go (source: the hold's id). segments: camera -> its numbers, like "12-15,20".

    cause: the event, or the person, that asked for it; review_ns: when somebody must look at it again (UTC).
    """

    segments: dict[str, str]
    from_ns: int
    to_ns: int
    reason: str
    owner: str
    cause: str
    review_ns: int


@kind("hold.copied")
class HoldCopied(Event):
    """The footage of a hold (source: its id) lies in the special store, hashed. digest: SHA-256 of its manifest."""

    path: str
    files: int
    bytes: int
    digest: str


@kind("hold.reviewed")
class HoldReviewed(Event):
    """`by` has looked at the hold (source: its id); it stands, to be looked at again at review_ns (UTC)."""

    by: str
    review_ns: int
    note: str


@kind("hold.released", lane=Lane.ALARM)
class HoldReleased(Event):
    """The hold (source: its id) is over: `requester` asked (`request`), `approver` signed. copies: kept / deleted."""

    request: str
    requester: str
    approver: str
    reason: str
    copies: str
    files: int
    bytes: int


@kind("footage.deleted")
class FootageDeleted(Event):
    """Segments of a camera that are gone: expired (a camera and hour each), or on request.

    why: ceiling / room / forced / asked. authority: number of the standing policy or of the request that was approved.
    segments: their numbers, like "12-71,75"; digest: SHA-256 over their SHA-256 in order; hashes: each, if asked for.
    verified: the files were looked for afterwards and are gone.
    """

    deletion: str
    why: str
    reason: str
    authority: str
    requester: str
    approver: str
    from_ns: int
    to_ns: int
    segments: str
    files: int
    bytes: int
    digest: str
    hashes: list[str]
    retention_checked: bool
    holds_checked: bool
    by: str
    verified: bool


@kind("deletion.refused", lane=Lane.ALARM)
class DeletionRefused(Event):
    """What `request` asked for, approved though it was, is not deleted or released, and why."""

    request: str
    reason: str


@kind("deletion.done", lane=Lane.ALARM)
class DeletionDone(Event):
    """All that `request` asked for is deleted: so many files, each in a footage.deleted row."""

    request: str
    files: int
    bytes: int


@kind("retention.breach", lane=Lane.ALARM)
class RetentionBreach(Event):
    """Footage was given up before its floor: the disk was full, and the signed policy `authority` allows it."""

    deletion: str
    authority: str
    approver: str
    floor: str
    from_ns: int
    to_ns: int
    files: int
    bytes: int


@kind("retention.ran")
class RetentionRan(Event):
    """A pass over all footage by a clock that could be relied on. refused: why nothing expired, if so."""

    files: int
    bytes: int
    held: int
    refused: str


@kind("approval.requested", lane=Lane.ALARM)
class ApprovalRequested(Event):
    """`by` asks for something that a second person must approve. what: a kind of core/statements.py, within scope."""

    request: str
    what: str
    scope: dict[str, str]
    by: str
    reason: str


@kind("statement.signed", lane=Lane.ALARM)
class StatementSigned(Event):
    """A person's signed verdict on a request. `statement` is all of it, as it was signed (core/statements.py)."""

    request: str
    what: str
    verdict: str
    by: str
    key: str
    statement: str
