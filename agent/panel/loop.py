"""The alarm loop: one thread that reads contacts, decides and drives relays. It keeps going, whatever fails.

Rules of this file:
- order: note in the ring, drive the relay, note that it was driven. Never anything slow in between;
- the heartbeat is the last thing of a turn: it tells that the turn has come to its end;
- it opens no file, waits for no disk and no lock of a thread that does; what it has to tell others it leaves in the
  ring (rows) or in `view` (the status thread), what others have to tell it comes through `put`;
- a contact is believed by its edges and, each second, by its level; a masked contact by its level alone.
"""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.core.chain import Stamp
from agent.core.debounce import POLL_NS
from agent.core.events import Event, ProcessStarted, ProcessStopping, RelayDriven, RowsLost
from agent.core.pump import Pump
from agent.panel.decide import Decider
from agent.panel.heart import Heart
from agent.panel.memory import snapshot
from agent.panel.notes import Lost, Notebook
from agent.panel.response import Cause, Drive
from hw.ports import Edge, HardwareError, InputBank, RelayBank

log = logging.getLogger(__name__)

SECOND = 1_000_000_000
READ_NS = SECOND
WAIT_MAX_S = 0.5
INBOX_MAX = 10_000  # edges beyond are dropped: the next reading finds what they led to
BATCH = 256
BEGIN_NS = SECOND  # after a boot: so long is waited for the journal before everything counts as found
REOPEN_NS = 2 * SECOND
LOST_NS = 60 * SECOND  # without one more: that edges were lost is over
REOPEN_AFTER = 2  # readings that failed in a row
LATENCIES = 1000

Message = Edge | Callable[[Stamp], None]


@dataclass
class Banks:
    """The pins, opened: closing lets relays float."""

    inputs: InputBank
    relays: RelayBank
    close: Callable[[], None]


class AlarmLoop:
    """Runs a Decider on the pins. `put` from any thread; everything else from the loop's own."""

    def __init__(
        self,
        decider: Decider,
        notebook: Notebook,
        open_banks: Callable[[dict[str, bool]], Banks],
        stamp: Callable[[], Stamp],
        journal_stuck: Callable[[int], str],
        channels_silent: Callable[[int], str] = lambda now_ns: "",
    ) -> None:
        """open_banks(relay -> energised) opens the pins with those states at once. HardwareError.

        journal_stuck(now_ns) and channels_silent(now_ns) say what is wrong with the journal and with the converters,
        "" if nothing is.
        """
        self._decider = decider
        self._notebook = notebook
        self._open_banks = open_banks
        self._stamp = stamp
        self._journal_stuck = journal_stuck
        self._channels_silent = channels_silent
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._masked: set[str] = set()
        self._unsaid: set[str] = set()
        self._retry: dict[str, Drive] = {}
        self._heart = Heart(decider.plan.heartbeats)
        self._failed_reads = 0
        self._next_read_ns = 0
        self._next_second_ns = 0
        self._reopen_ns = 0
        self._begin_by_ns = 0
        self.dropped = 0
        self.edges_lost = 0  # below us
        self._lost_before = 0  # of these banks
        self._lost_until_ns = 0
        self.latencies_ns: deque[int] = deque(maxlen=LATENCIES)
        self._banks = self._open(stamp())
        self.view: dict[str, Any] = view(decider, stamp().mono_ns, self._retry)

    def put(self, message: Message) -> None:
        """An edge, or something to be done in the loop with its stamp."""
        if self._inbox.qsize() >= INBOX_MAX and isinstance(message, Edge):
            self.dropped += 1
        else:
            self._inbox.put(message)

    # --- start and end ---

    def _open(self, now: Stamp) -> Banks:
        """Open the pins with relays as decided, and leave notes for those that are not at rest or were not yet said."""
        self._unsaid.update(self._decider.restarted(now))
        energised = self._decider.energised()
        banks = self._open_banks(energised)
        written_ns = self._stamp().mono_ns
        rests = self._decider.plan.rests
        for relay, on in energised.items():
            if on != rests[relay] or relay in self._unsaid:
                drive = Drive(relay, on, "restart", Cause())
                self._decider.say(_driven(drive, now.mono_ns, written_ns), now)
        return banks

    def unsaid(self, relays: list[str]) -> None:
        """Relays that were driven by an earlier panel which was killed before it could note so."""
        now = self._stamp()
        energised = self._decider.energised()
        for relay in relays:
            if relay in energised and energised[relay] == self._decider.plan.rests[relay]:
                drive = Drive(relay, energised[relay], "restart", Cause())
                self._decider.say(_driven(drive, now.mono_ns, now.mono_ns), now)

    def run(self, tick: Callable[[], None], stopping: Callable[[], bool], started: ProcessStarted) -> None:
        """Until `stopping`. The relays stay as they are, and the ring too: closing the pins is the caller's."""
        now = self._stamp()
        self._begin_by_ns = now.mono_ns + BEGIN_NS
        self._decider.say(started, now)
        self._watch()
        while not stopping():
            tick()
            self.turn(self._wait_s())
        self._decider.say(ProcessStopping(source="panel", pid=started.pid), self._stamp())
        self._act(self._stamp())

    def close(self) -> None:
        """Let the pins go: relays float."""
        self._banks.close()

    def _watch(self) -> None:
        try:
            self._banks.inputs.watch(self.put)
        except HardwareError as error:
            log.warning("%s", error)
            self._failed_reads = REOPEN_AFTER

    # --- one turn ---

    def turn(self, wait_s: float) -> None:
        """Wait for a message at most so long, then do all that is due."""
        try:
            self._handle(self._inbox.get(timeout=wait_s))
            for _ in range(min(self._inbox.qsize(), BATCH)):
                self._handle(self._inbox.get_nowait())
        except queue.Empty:
            pass  # time is up: something else is due
        now = self._stamp()
        if now.mono_ns >= self._next_read_ns:
            self._read(now)
        if now.mono_ns >= self._next_second_ns:
            self._each_second(now)
        self._decider.elapse(now)
        self._act(now)
        self._heart.beat(now.mono_ns, self._banks.relays, self._decider.response)

    def _wait_s(self) -> float:
        ends = (self._decider.due_ns(), self._heart.due_ns(), self._next_read_ns)
        due = min(end for end in ends if end is not None)
        return min(max(due - self._stamp().mono_ns, 0) / SECOND, WAIT_MAX_S)

    def _handle(self, message: Message) -> None:
        now = self._stamp()
        if isinstance(message, Edge):
            self._decider.edge(message.point, message.closed, message.mono_ns, now)
        else:
            message(now)

    def _act(self, now: Stamp) -> None:
        """Note what was decided, drive, note that it was driven; until nothing more follows."""
        while (outcome := self._decider.take(now)) is not None:
            drives = {drive.relay: drive for drive in outcome.drives}
            self._unsaid |= set(drives)
            self._retry = {relay: drive for relay, drive in self._retry.items() if relay not in drives}
            self._note(outcome.events, now)
            for drive in drives.values():
                self._drive(drive, now)
        self._mask()

    def _note(self, events: list[Event], now: Stamp) -> None:
        said = {event.source for event in events if isinstance(event, RelayDriven)}
        self._unsaid -= said
        self._notebook.note(events, now, self._state)

    def _state(self, lost: Lost) -> bytes:
        return snapshot(self._decider, self._stamp().boot, sorted(self._unsaid), lost)

    def _drive(self, drive: Drive, decided: Stamp) -> None:
        response = self._decider.response
        try:
            self._banks.relays.drive(drive.relay, drive.energised)
        except HardwareError as error:
            self._retry[drive.relay] = drive
            response.now = decided
            response.relay_failed(drive.relay, drive.energised, str(error))
            return
        written = self._stamp()
        self._retry.pop(drive.relay, None)
        response.relay_written(drive.relay)
        if drive.cause.settled_ns is not None:
            self.latencies_ns.append(written.mono_ns - drive.cause.settled_ns)
        self._decider.say(_driven(drive, decided.mono_ns, written.mono_ns), written)

    # --- readings ---

    def _read(self, now: Stamp) -> None:
        self._next_read_ns = now.mono_ns + (POLL_NS if self._masked else READ_NS)
        try:
            self._decider.levels(self._banks.inputs.levels(), now.mono_ns)
        except HardwareError as error:
            self._failed_reads += 1
            self._trouble("board", str(error), now)
            if self._failed_reads >= REOPEN_AFTER and now.mono_ns >= self._reopen_ns:
                self._reopen(now)
            return
        self._failed_reads = 0
        self._trouble("board", "", now)
        self._look_for_lost_edges(now)

    def _look_for_lost_edges(self, now: Stamp) -> None:
        """The levels have just been read, so only what came and went again may be missing; people should know."""
        lost = self._banks.inputs.lost_edges()
        if lost > self._lost_before:
            self.edges_lost += lost - self._lost_before
            self._lost_until_ns = now.mono_ns + LOST_NS
        self._lost_before = lost
        detail = "edges of contacts were lost below the panel: short changes may be missing from the journal"
        self._trouble("edges", detail if now.mono_ns < self._lost_until_ns else "", now)

    def _reopen(self, now: Stamp) -> None:
        """The board is gone for good: let go of its pins and take them anew."""
        self._reopen_ns = now.mono_ns + REOPEN_NS
        try:
            self._banks.close()
            self._banks = self._open(now)
        except HardwareError as error:
            log.warning("%s", error)
            return
        self._lost_before = 0
        self._masked.clear()
        self._retry.clear()
        for relay in list(self._decider.response.failed):
            self._decider.response.relay_written(relay)
        self._watch()
        self._next_read_ns = now.mono_ns

    def _mask(self) -> None:
        wanted = self._decider.masked()
        for point in wanted ^ self._masked:
            try:
                self._banks.inputs.mask(point, point in wanted)
            except HardwareError as error:
                log.warning("%s", error)
        if wanted - self._masked:
            self._next_read_ns = 0
        self._masked = wanted

    def _each_second(self, now: Stamp) -> None:
        self._next_second_ns = now.mono_ns + SECOND
        if not self._decider.begun and now.mono_ns >= self._begin_by_ns:
            self._decider.begin({}, (), now)
        for drive in list(self._retry.values()):
            self._drive(drive, now)
        self._decider.calendar(now)
        self._trouble("journal", self._journal_stuck(now.mono_ns), now)
        self._trouble("converters", self._channels_silent(now.mono_ns), now)
        lost = self._notebook.lost_to_tell()
        if lost is not None:
            told = RowsLost(
                source="panel",
                rows=lost.rows,
                from_mono_ns=lost.from_ns,
                to_mono_ns=lost.to_ns,
                reason="the journal could not be written and its queue was full",
            )
            self._decider.say(told, now)
        self.view = view(self._decider, now.mono_ns, self._retry)

    def _trouble(self, what: str, detail: str, now: Stamp) -> None:
        self._decider.response.now = now
        self._decider.response.trouble(what, detail)


def _driven(drive: Drive, decided_ns: int, written_ns: int) -> RelayDriven:
    return RelayDriven(
        source=drive.relay,
        energised=drive.energised,
        reason=drive.reason,
        edge_mono_ns=drive.cause.edge_ns,
        settled_mono_ns=drive.cause.settled_ns,
        decided_mono_ns=decided_ns,
        written_mono_ns=written_ns,
        drill=drive.drill,
    )


def view(decider: Decider, seen_mono_ns: int, failed: dict[str, Drive]) -> dict[str, Any]:
    """The panel as people see it, for the status file."""
    response = decider.response
    return {
        "seen_mono_ns": seen_mono_ns,
        "points": {
            id_: {"closed": one.closed, "active": _active(decider, id_), "chattering": one.chattering}
            | ({"fault": decider.channels.faults[id_]} if id_ in decider.channels.faults else {})
            for id_, one in decider.contacts.items()
        },
        "analogs": {
            one.id: {"milli": one.milli, "unit": one.unit, "limit": str(one.limit), "fault": str(one.fault)}
            for one in decider.channels.values.values()
        },
        "doors": {id_: str(door.state) for id_, door in decider.plan.doors.items()},
        "armed": {id_: one.armed for id_, one in response.arming.doors.items()},
        "permits": {
            one.id: {"kind": one.kind, "of": list(one.of), "who": one.who, "end_mono_ns": one.end_ns}
            for one in response.permits.standing.values()
        },
        "pumps": {id_: _pump(pump) for id_, pump in decider.plan.pumps.items()},
        "relays": {
            id_: {"energised": on, "driven": response.driven[id_], "failed": id_ in failed}
            for id_, on in decider.energised().items()
        },
        "alarms": {
            alarm.id: {"class": str(alarm.signal), "state": str(alarm.state), "silenced": alarm.silenced}
            for alarm in response.alarms.latched.values()
        },
        "troubles": dict(response.troubles),
        "masked": sorted(decider.masked()),
        "walk_test": decider.commissioning.walk.view(),
        "starts": {} if decider.starts is None else decider.starts.view(),
    }


def _pump(pump: Pump) -> dict[str, Any]:
    window = pump.window
    told = None if window is None else {"method": window.method, "end_mono_ns": window.due_ns}
    return {"state": str(pump.state), "selector": str(pump.selector), "window": told}


def _active(decider: Decider, point: str) -> bool | None:
    closed = decider.contacts[point].closed
    return None if closed is None else decider.plan.points[point].active(closed)
