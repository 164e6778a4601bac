"""What to send next and what has arrived: the books of the uplink, lane by lane, without any I/O.

Rules of this file:
- a row is delivered when the *collector* says it has stored it; a PUBACK only frees a slot of the window;
- the cursor of a lane never passes a row that is neither stored there nor given up with a `gap` row;
- the collector's word is taken only for our epoch and with a hash that is ours; it may also move a cursor back;
- what was PUBACKed and not acknowledged is sent again after a growing wait; whatever was on its way when the
  connection broke is sent again at once;
- the order is: alarm live, alarm backlog, status live, status backlog. Backlog leaves slots free for live rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.core.backoff import Backoff
from agent.core.lane import BATCH_ROWS, RETRY_MOST_S, RETRY_S, Flight, Lane, union
from agent.core.pace import ROWS, Pace
from agent.core.ranges import Range, add_range
from agent.core.refused import MALFORMED, TOO_LARGE, Refusals, Verdict
from agent.core.wire import BATCH_BYTES, LANES, Ack, LaneAck

LIVE_MOST = 32  # more new rows than this at once are backlog
UNHEARD_MOST = 8  # messages a lane may have out before the collector was heard in this session
AWAIT_MOST = 256  # messages PUBACKed and not acknowledged, a lane; mosquitto drops silently beyond 1000 a client
LIVE_AWAIT_MOST = 512
EMPTY_MOST = 1000
BATCH_LEAST_BYTES = 4096
GROW_AFTER = 1000
STALLED_WAITS = 3
OVERTAKEN_NS = 60 * 10**9  # of two collectors' acks the one made first may come last; older ones tell of a clock

NOBODY = 0x10


@dataclass(frozen=True, slots=True)
class Want:
    """Read rows of `lane` past `after` and below `before`, send at most `rows` in `bytes`.

    bytes: on the wire. live: each as a message of its own; if there are more than LIVE_MOST, call Delivery.overrun
    instead.
    """

    lane: str
    after: int
    before: int
    live: bool
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """The collector's mark at `seq` has a hash that is not ours ("" if we have no such row)."""

    lane: str
    seq: int
    ours: str
    theirs: str


class Delivery:
    """Both lanes, the window and the pace of one board. `cursors` are the marks kept from earlier runs.

    pace: the link's, if it is shared with the session of files. jitter as in Backoff. Times are seconds of a
    monotonic clock.
    """

    def __init__(
        self, cursors: dict[str, int], jitter: Callable[[], float], *, window: int = 100, pace: Pace | None = None
    ) -> None:
        self.lanes = {
            name: Lane(cursors.get(name, 0), Backoff(RETRY_S, RETRY_MOST_S, _upper(jitter))) for name in LANES
        }
        self.pace = pace or Pace()
        self.window = window
        self.heard = False  # the collector, in this session
        self.nobody = False  # the broker says nobody listens
        self.waited = False  # in vain for an acknowledgement, in this session
        self._waits = 0  # in vain since the last that moved anything
        self.head = 0
        self.delivered_rows = 0
        self.in_flight_bytes = 0
        self._newest_ack_ns = 0
        self._own_window = window
        self._slots: dict[int, Flight | None] = {}
        self._refusals = Refusals(_upper(jitter))
        self._packet_bytes = BATCH_BYTES
        self._batch_bytes = BATCH_BYTES
        self._confirmed = 0  # messages of rows, in this session
        for lane in self.lanes.values():
            lane.settle()

    # --- the session ---

    def online(self, head: int, receive_maximum: int, packet_bytes: int) -> None:
        """A session stands. Rows after `head` are live in it; the broker's limits are kept."""
        self.window = max(1, min(self._own_window, receive_maximum))
        self._packet_bytes = packet_bytes
        self.head = head
        self._drop()
        for lane in self.lanes.values():
            lane.live_after = max(head, lane.cursor)

    def offline(self) -> Verdict | None:
        """The session is gone, and with it everything that was handed over.

        If it confirmed nothing, the batches may have been what it broke on: smaller ones next time. A verdict if one
        row is given up for that: session after session ended over it, though it went by itself.
        """
        verdict = None
        if self.in_flight_bytes and not self._confirmed:
            if self._batch_bytes == BATCH_LEAST_BYTES:
                flights = (flight for flight in self._slots.values() if flight is not None)
                verdict = self._dead(self._refusals.broke_over(flights, BATCH_LEAST_BYTES))
            self._batch_bytes = max(BATCH_LEAST_BYTES, self._batch_bytes // 2)
        self._drop()
        return verdict

    def _dead(self, verdict: Verdict | None) -> Verdict | None:
        """Its rows are given up, if it says so; the caller writes the `gap` row."""
        if verdict is not None and verdict.what == "dead":
            self.excuse(verdict.flight.lane, verdict.flight.span)
        return verdict

    def _drop(self) -> None:
        self.heard = self.nobody = self.waited = self._refusals.parked = False
        self._slots.clear()
        self.pace.anew(ROWS)
        self.in_flight_bytes = self._confirmed = self._waits = self._newest_ack_ns = 0
        for lane in self.lanes.values():
            lane.flights.clear()
            lane.settle()

    def seen(self, head: int) -> None:
        """The journal's newest row is `head`."""
        self.head = head

    # --- the window ---

    @property
    def free(self) -> int:
        """Messages that may be handed over now."""
        return self.window - len(self._slots)

    @property
    def slots(self) -> int:
        return len(self._slots)

    @property
    def parked(self) -> bool:
        """The broker refuses our messages for good, as far as it can tell."""
        return self._refusals.parked

    def occupied(self, token: int) -> None:
        """A message that carries no rows (presence, state, result) was handed over: it takes a slot as well."""
        self._slots[token] = None

    @property
    def spare(self) -> int:
        """Messages that may be handed over now and are no live rows."""
        return self.free - self._reserve()

    def _reserve(self) -> int:
        """Slots that backlog leaves to live rows."""
        return self.window // 4

    # --- what to send ---

    def want(self, now_s: float) -> Want | None:
        """What to hand over next, if there is a slot, room on the link, and something that may be sent."""
        holding = self._refusals.holding(now_s)
        self._tell_pace(holding)
        if self.free <= 0 or holding:
            return None
        for name, lane in self.lanes.items():
            if lane.live_after < self.head:
                rows = min(LIVE_MOST, self.free)
                return Want(name, lane.live_after, self.head + 1, True, rows, self._message_bytes(True))
            gap = lane.gap()
            if gap and self._backlog_may_go(lane, now_s):
                return Want(name, *gap, False, lane.most_rows, self._message_bytes(False))
        return None

    def _tell_pace(self, stuck: bool) -> None:
        """What the session of files has to leave to us."""
        alarm, status = self.lanes["alarm"], self.lanes["status"]
        going = not (stuck or self.nobody or self.parked)
        self.pace.urgent = going and (alarm.live_after < self.head or alarm.gap() is not None)
        self.pace.wants(ROWS, going and status.gap() is not None)

    def _backlog_may_go(self, lane: Lane, now_s: float) -> bool:
        if self.free <= self._reserve():
            return False
        if not self.pace.room(ROWS, self.pace.message_bytes, now_s):
            return False
        if self.nobody:
            return not lane.flights
        return len(lane.flights) < (AWAIT_MOST if self.heard else UNHEARD_MOST)

    def _message_bytes(self, live: bool) -> int:
        return self._packet_bytes if live else min(self._packet_bytes, self._batch_bytes, self.pace.message_bytes)

    def handed(self, token: int, want: Want, span: Range, rows: int, size: int, now_s: float) -> None:
        """`want` went out as message `token`: rows of `span`, from behind the row before the first.

        `occupied` may have been told of the token before.
        """
        flight = Flight(want.lane, span, rows, size, want.live, now_s)
        lane = self.lanes[want.lane]
        self._slots[token] = flight
        self.in_flight_bytes += size
        self.pace.handed(ROWS, size, now_s)
        if want.live:
            lane.live_after = max(lane.live_after, span[1] - 1)
        if len(lane.flights) < LIVE_AWAIT_MOST:  # beyond, it was sent for those who watch and stays to be sent
            lane.flights.append(flight)
            lane.covered = add_range(lane.covered, *span)

    def too_large(self, want: Want, span: Range, size: int, now_s: float) -> Verdict:
        """The one row of `span` makes a message larger than the broker takes: as if it had been refused for that."""
        if want.live:
            self.lanes[want.lane].live_after = max(self.lanes[want.lane].live_after, span[1] - 1)
        flight = Flight(want.lane, span, 1, size, want.live, now_s)
        verdict = self._refusals.one_row(flight, TOO_LARGE, now_s)
        self._dead(verdict)
        return verdict

    def nothing(self, want: Want) -> None:
        """There are no rows where `want` asked for them: the stretch holds other lanes' rows only."""
        lane = self.lanes[want.lane]
        lane.live_after = max(lane.live_after, want.before - 1)
        lane.empty = add_range(lane.empty, want.after + 1, want.before)[-EMPTY_MOST:]
        lane.covered = add_range(lane.covered, want.after + 1, want.before)
        if want.after <= lane.cursor:
            lane.settle()

    def overrun(self, want: Want) -> None:
        """More new rows than can go one by one: they are backlog now."""
        self.lanes[want.lane].live_after = want.before - 1

    # --- what came back ---

    def published(self, token: int, code: int, now_s: float) -> Verdict | None:
        """PUBACK of `token`. A verdict if it was refused; None if all is well, or the message carried no rows."""
        if token not in self._slots:
            return None
        flight = self._slots.pop(token)
        if flight is None:
            return None
        self.in_flight_bytes -= flight.bytes
        if code >= 0x80:
            self.pace.returned(ROWS, flight.bytes)
            return self._refused(flight, code, now_s)
        flight.published_s = now_s
        self._confirmed += 1
        if self._confirmed % GROW_AFTER == 0:
            self._batch_bytes = min(BATCH_BYTES, self._batch_bytes * 2)
        self.nobody = code == NOBODY
        self.pace.confirmed(ROWS, flight.bytes, now_s - flight.handed_s, now_s)
        self._refusals.taken(flight.span)
        if not flight.live:
            lane = self.lanes[flight.lane]
            lane.most_rows = min(BATCH_ROWS, lane.most_rows * 2)
        return None

    def _refused(self, flight: Flight, code: int, now_s: float) -> Verdict:
        lane = self.lanes[flight.lane]
        lane.flights = [f for f in lane.flights if f is not flight]
        lane.settle()
        if code in MALFORMED and flight.rows > 1:
            lane.most_rows = max(1, flight.rows // 2)
        verdict = self._refusals.refused(flight, code, now_s)
        self._dead(verdict)
        return verdict

    def excuse(self, lane: str, span: Range) -> None:
        """Rows that are given up, as a `gap` row says."""
        self.lanes[lane].given_up = add_range(self.lanes[lane].given_up, *span)
        self.lanes[lane].settle()

    def acknowledged(self, ack: Ack, hash_of: Callable[[str, int], str | None]) -> list[Conflict]:
        """The collector's word for our epoch. hash_of(lane, seq) is our row's hash in hex, None if there is none;
        for seq 0 it is what stands before the first row.

        Returns the marks that are not ours; those lanes are left as they were. An ack made before one that was here
        already is passed over: several collectors answer, and the store's clock says in which order they meant it.
        """
        if 0 < self._newest_ack_ns - ack.at_ns < OVERTAKEN_NS:
            return []
        self._newest_ack_ns = ack.at_ns
        if self.nobody:
            self._forget_published()
        self.heard, self.nobody = True, False
        conflicts = []
        for name, mark in ack.lanes.items():
            conflict = _not_ours(name, mark, hash_of)
            if conflict is None:
                self._marked(self.lanes[name], mark)
            else:
                conflicts.append(conflict)
        return conflicts

    def _forget_published(self) -> None:
        """What went out while nobody listened reached nobody: send it again without waiting."""
        for lane in self.lanes.values():
            lane.flights = [f for f in lane.flights if f.published_s is None]
            lane.settle()

    def _marked(self, lane: Lane, mark: LaneAck) -> None:
        flying, before = len(lane.flights), lane.cursor
        lane.cursor = mark.upto
        lane.stored = union([(x, y + 1) for x, y in mark.ranges])
        lane.empty = [r for r in lane.empty if r[1] > mark.upto]
        lane.given_up = [r for r in lane.given_up if r[1] > mark.upto]
        arrived = sum(f.rows for f in lane.flights)
        lane.settle()
        self.delivered_rows += arrived - sum(f.rows for f in lane.flights)
        if len(lane.flights) < flying or lane.cursor > before:
            lane.retry.reset()
            lane.patience_s = RETRY_S
            self._waits = 0

    def distrust(self) -> None:
        """Marks we kept are not of this journal: everything is to be sent again."""
        for lane in self.lanes.values():
            lane.cursor, lane.stored = 0, []
            lane.settle()

    def expire(self, now_s: float) -> int:
        """Send again what was PUBACKed and not acknowledged for too long; returns how many messages."""
        expired = 0
        for lane in self.lanes.values():
            late = [f for f in lane.flights if f.published_s is not None and now_s - f.published_s >= lane.patience_s]
            if not late:
                continue
            lane.flights = [f for f in lane.flights if f not in late]
            lane.settle()
            lane.patience_s = max(RETRY_S, lane.retry.next())
            expired += len(late)
        if expired:
            self.waited = True
            self._waits += 1
        return expired

    @property
    def stalled(self) -> bool:
        """The collector was heard in this session and has acknowledged nothing for several waits: try another one."""
        return self.heard and self._waits >= STALLED_WAITS

    # --- for people and watchdogs ---

    def oldest_unpublished_s(self) -> float | None:
        """When the oldest message without a PUBACK was handed over."""
        times = [f.handed_s for f in self._slots.values() if f is not None]
        return min(times) if times else None

    def cursors(self) -> dict[str, int]:
        return {name: lane.cursor for name, lane in self.lanes.items()}


def _not_ours(lane: str, mark: LaneAck, hash_of: Callable[[str, int], str | None]) -> Conflict | None:
    """A mark with another hash than ours, or of rows we do not have. (Ranges carry no hash; upto proves them later.)"""
    ours = hash_of(lane, mark.upto)
    if ours != mark.hash and (mark.upto or mark.hash):
        return Conflict(lane, mark.upto, ours or "", mark.hash)
    furthest = max((y for _, y in mark.ranges), default=0)
    if furthest and hash_of(lane, furthest) is None:
        return Conflict(lane, furthest, "", "")
    return None


def _upper(jitter: Callable[[], float]) -> Callable[[], float]:
    """Half of the wait fixed, half by chance: these waits protect the far end, so none of them may be near zero."""
    return lambda: 0.5 + jitter() / 2
