"""Every event kind, one frozen dataclass each: the vocabulary of the product.

Rules of this file:
- what happens at a site is one of these; nothing else is ever written into the journal;
- `source` says which thing it happened to (a point, pump, relay, camera, process, link, alarm id);
- `walk_test` marks what happened during a walk test, on purpose: in the row's data only where it is true;
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
MARKS = ("walk_test",)  # what a row may be marked with, whatever its kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Base of all kinds. `KIND` is the journal's `kind`; a lane set here beats the signal class."""

    KIND: ClassVar[str] = ""
    LANE: ClassVar[Lane | None] = None

    source: str
    signal: Signal = Signal.STATUS
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


@kind("button.pressed")
class ButtonPressed(Event):
    """A button at the panel. does: acknowledge, silence, reset."""

    does: list[str]


# --- fire pumps (source: the pump) ---


@kind("pump.demand")
class PumpDemand(Event):
    """Pressure or flow switch asks the pump to run."""

    found: bool = False


@kind("pump.demand_withdrawn")
class PumpDemandWithdrawn(Event):
    """Demand went away; `ran` says whether the pump was running by then."""

    ran: bool


@kind("pump.started")
class PumpStarted(Event):
    """The running contact closed. cause: demand / none / found. start_ms from demand to running, or null."""

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


# --- alarms (source: the alarm's id, "{kind}:{source}") ---


@kind("alarm.raised", lane=Lane.ALARM)
class AlarmRaised(Event):
    """An alarm latched. `on` is the event kind and `of` the point or pump that raised it."""

    on: str
    of: str
    detail: str = ""


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


@kind("panel.requested")
class PanelRequested(Event):
    """What a person asked of the panel. does: acknowledge / silence / reset; alarm: its id, or * for all."""

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
