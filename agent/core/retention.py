"""What may go, what must stay, and why. Decides; agent/jobs does.

Rules of this file:
- footage goes in the order of its sequence, never of a wall clock: one piece that must stay keeps all after it;
- how old footage is, is reckoned from monotonic time and from the clock as it stood last in that boot (`judged`). Where
  that is in doubt, footage counts as having ended when the next began;
- nothing younger than 15 full days goes, whoever signed whatever; nothing under a hold goes;
- nothing goes without somebody's signature: a standing policy for expiry, an approval for each other deletion;
- after a jump of the clock nothing goes until it is back, or a person has said that it is right (`clock_refusal`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from agent.core.chain import Stamp
from agent.core.spans import DAY_NS, HARD_FLOOR, HARD_FLOOR_DAYS, Span, cutoff_ns

NS = 1_000_000_000
HOUR_NS = 3_600 * NS
NO_POLICY = "there is no standing policy"
PIECES_MAX = 20_000  # of one pass: what is left goes with the next
STEP_NS = 5 * 60 * NS  # clocks that differ by less agree
OFF_NS = {"synced": 31 * DAY_NS, "rtc": 7 * DAY_NS}  # a board may have been off for so long without a question


# --- clocks ---


def clock_refusal(now: Stamp, before: Stamp | None, told_ns: int | None) -> str:
    """Why ages cannot be told by the clock as it stands, "" if they can.

    before: the last pass that could, or the newest footage. told_ns: what time it is by a person who said so since.
    """
    if now.clock not in OFF_NS:
        return "the clock is not set"
    if told_ns is not None and abs(now.at_ns - told_ns) <= STEP_NS:
        return ""
    if before is None:
        return "" if now.clock == "synced" else "the clock is kept by nothing and there is nothing to compare it with"
    moved_ns = now.at_ns - before.at_ns
    same = before.boot == now.boot
    if same:
        moved_ns -= now.mono_ns - before.mono_ns
    most_ns = STEP_NS if same and before.clock == now.clock else OFF_NS[now.clock]
    if -STEP_NS <= moved_ns <= most_ns:
        return ""
    what = "jumped" if same else "moved on"
    return f"the clock {what} by {_days(moved_ns)} since it was last relied on"


def _days(ns: int) -> str:
    sign = "+" if ns > 0 else "-"
    minutes = abs(ns) // (60 * NS)
    return f"{sign}{minutes // 1440} d {minutes % 1440 // 60} h {minutes % 60} min"


class Run(NamedTuple):
    """A camera's footage of one boot. last_*: of its newest segment; last_clock: how far its UTC could be trusted."""

    boot: str
    first_seq: int
    first_mono_ns: int
    last_mono_ns: int
    last_at_ns: int
    last_clock: str


class Reckoning(NamedTuple):
    """When footage of a boot was recorded, at the latest: monotonic time plus `offset_ns`; None if nobody can know."""

    offset_ns: int | None

    def time_ns(self, mono_ns: int) -> int | None:
        """UTC of a moment of that boot."""
        return None if self.offset_ns is None else mono_ns + self.offset_ns


def judged(runs: Sequence[Run], now: Stamp) -> dict[str, Reckoning]:
    """boot -> reckoning, for the runs of one camera in their order. `now` is believed."""
    found: dict[str, Reckoning] = {}
    after_ns: int | None = None  # the last run may be of a camera that is gone
    for run in reversed(runs):
        known = found[run.boot] = _judge(run, now, after_ns)
        after_ns = known.time_ns(run.first_mono_ns)
    return found


def _judge(run: Run, now: Stamp, after_ns: int | None) -> Reckoning:
    """after_ns: when the next run began, None if there is none, or nobody knows.

    A pause before it that no network time vouches for may be a clock that was behind: the run then counts as having
    ended when the next began. Too young is harmless, too old is not.
    """
    if run.boot == now.boot:
        return Reckoning(now.at_ns - now.mono_ns)
    believed = run.last_clock in OFF_NS and run.last_at_ns <= now.at_ns
    pause_ns = 0 if after_ns is None else after_ns - run.last_at_ns
    if believed and pause_ns <= (OFF_NS["synced"] if run.last_clock == "synced" else 0):
        return Reckoning(run.last_at_ns - run.last_mono_ns)
    return Reckoning(None if after_ns is None else after_ns - run.last_mono_ns)


# --- footage ---


class Piece(NamedTuple):
    """What is asked of one segment."""

    seq: int
    boot: str
    start_mono_ns: int
    end_mono_ns: int
    bytes: int


class Aged(NamedTuple):
    """A segment, and when it ended at the latest."""

    piece: Piece
    at_ns: int


def older(pieces: Iterable[Piece], reckoning: Mapping[str, Reckoning], cutoff: int) -> Iterator[Aged]:
    """The pieces, which come in their order, that were surely recorded before the cutoff; ends with the first other."""
    newest = 0
    for piece in pieces:
        known = reckoning.get(piece.boot)
        at_ns = known.time_ns(piece.end_mono_ns) if known is not None else None
        if at_ns is None:
            return
        newest = max(newest, at_ns)  # what was recorded later is not older, whatever a clock said
        if newest > cutoff:
            return
        yield Aged(piece, newest)


class Holds:
    """What of one camera may not go. ranges: (first seq, last seq, hold); windows: (from UTC, to UTC, hold)."""

    def __init__(self, ranges: Iterable[tuple[int, int, str]] = (), windows: Iterable[tuple[int, int, str]] = ()):
        self._ranges = sorted(ranges)
        self._starts = [first for first, _, _ in self._ranges]
        self._reach: list[tuple[int, str]] = []  # furthest end so far, and whose
        furthest = (0, "")
        for _, last, hold in self._ranges:
            furthest = max(furthest, (last, hold))
            self._reach.append(furthest)
        self._windows = list(windows)

    def on(self, aged: Aged) -> str:
        """The hold that this piece is under, "" if none. A window not yet found in the footage has a day to spare."""
        at = bisect_right(self._starts, aged.piece.seq) - 1
        if at >= 0 and self._reach[at][0] >= aged.piece.seq:
            return self._reach[at][1]
        start_ns = aged.at_ns - (aged.piece.end_mono_ns - aged.piece.start_mono_ns)
        for from_ns, to_ns, hold in self._windows:
            if start_ns <= to_ns + DAY_NS and aged.at_ns >= from_ns - DAY_NS:
                return hold
        return ""


class Why(StrEnum):
    """Why footage goes."""

    CEILING = "ceiling"  # older than may be kept
    ROOM = "room"  # past its floor, and the disk needs room
    FORCED = "forced"  # before its floor: the disk is full, and the signed policy allows it
    ASKED = "asked"  # a person asked and a second one approved


class Rule(NamedTuple):
    """What site.toml says of one camera. priority: 1 goes and stops first."""

    camera: str
    floor: Span
    ceiling: Span | None
    priority: int


class Policy(NamedTuple):
    """A standing policy that a person signed. request: its number; overwrite: whether a full disk may force it;
    until_s: when it expires, unix s; 0: not told."""

    request: str
    approver: str
    overwrite: bool = False
    until_s: int = 0


@dataclass(frozen=True)
class Kept:
    """One camera: its rule, and what there is. pieces: gives them from the oldest on, each time anew."""

    rule: Rule
    runs: Sequence[Run]
    pieces: Callable[[], Iterable[Piece]]
    holds: Holds = field(default_factory=Holds)
    bytes: int = 0
    day_bytes: int = 0  # recorded in a day, as of late


class Batch(NamedTuple):
    """Segments of one camera and one hour that go together, and for one reason."""

    camera: str
    why: Why
    seqs: tuple[int, ...]
    from_ns: int
    to_ns: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What goes, in this order. refused: why nothing does; waits: what would go, were there a policy; held: pieces past
    their floor that holds keep, by hold, and bytes of all of them."""

    batches: list[Batch] = field(default_factory=list)
    refused: str = ""
    waits: list[Batch] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    held_bytes: int = 0
    more: bool = False  # there is more to go than one pass takes

    @property
    def bytes(self) -> int:
        return sum(batch.bytes for batch in self.batches)


class Room(NamedTuple):
    """The disk: free now; footage past its floor goes below `wanted`; recording stops below `reserve`."""

    free: int
    wanted: int
    reserve: int


class _Going(NamedTuple):
    rule: Rule
    why: Why
    aged: Aged


def plan(
    now: Stamp, cameras: Sequence[Kept], room: Room, policy: Policy | None, clock: str = "", zone: tzinfo = UTC
) -> Plan:
    """What expires now. clock: what clock_refusal said."""
    if clock:
        return Plan(refused=clock)
    held: list[tuple[str, int]] = []
    must: list[_Going] = []
    may: list[_Going] = []
    for kept in cameras:
        for one in _ripe(kept, now, zone, held):
            (must if one.why is Why.CEILING else may).append(one)
    stays: dict[str, Any] = {"held": Counter(hold for hold, _ in held), "held_bytes": sum(size for _, size in held)}
    need = room.wanted - room.free - sum(going.aged.piece.bytes for going in must)
    going = must + _enough(may, need)
    if policy is None:
        return Plan(refused=NO_POLICY if must or may else "", waits=_batches(going[:PIECES_MAX]), **stays)
    if policy.overwrite and room.free + sum(one.aged.piece.bytes for one in going) < room.reserve:
        need = room.reserve - room.free - sum(one.aged.piece.bytes for one in going)
        going += _enough(_forced(cameras, now, going, zone), need)
    return Plan(_batches(going[:PIECES_MAX]), more=len(going) > PIECES_MAX, **stays)


def floor_ns(rule: Rule, now_ns: int, zone: tzinfo = UTC) -> int:
    """What ended at or before this is past the camera's floor, and past the hard one."""
    return min(cutoff_ns(now_ns, rule.floor, zone), cutoff_ns(now_ns, HARD_FLOOR, zone))


def _ripe(kept: Kept, now: Stamp, zone: tzinfo, held: list[tuple[str, int]]) -> Iterator[_Going]:
    """Past the floor, and not held; the first so many. held: takes the hold and bytes of what is."""
    rule = kept.rule
    floor = floor_ns(rule, now.at_ns, zone)
    ceiling = min(floor, cutoff_ns(now.at_ns, rule.ceiling, zone)) if rule.ceiling is not None else -1
    count = 0
    for aged in older(kept.pieces(), judged(kept.runs, now), floor):
        if hold := kept.holds.on(aged):
            held.append((hold, aged.piece.bytes))
            continue
        yield _Going(rule, Why.CEILING if aged.at_ns <= ceiling else Why.ROOM, aged)
        count += 1
        if count > PIECES_MAX:
            return


def _forced(cameras: Sequence[Kept], now: Stamp, going: Sequence[_Going], zone: tzinfo) -> list[_Going]:
    """Before the floor, after the hard one, not held."""
    taken = {(one.rule.camera, one.aged.piece.seq) for one in going}
    found = []
    for kept in cameras:
        hard = cutoff_ns(now.at_ns, HARD_FLOOR, zone)
        for aged in older(kept.pieces(), judged(kept.runs, now), hard):
            if (kept.rule.camera, aged.piece.seq) not in taken and not kept.holds.on(aged):
                found.append(_Going(kept.rule, Why.FORCED, aged))
                if len(found) > PIECES_MAX:
                    break
    return found


def _enough(may: list[_Going], need: int) -> list[_Going]:
    """The least important cameras first, of each the oldest, until there is enough."""
    taken = []
    for going in sorted(may, key=lambda one: (one.rule.priority, one.aged.at_ns)):
        if need <= 0:
            break
        taken.append(going)
        need -= going.aged.piece.bytes
    return taken


def _batches(going: Iterable[_Going]) -> list[Batch]:
    """One a camera, hour and reason; in each camera the oldest first."""

    def together(one: _Going) -> tuple[str, Why, int]:
        return one.rule.camera, one.why, one.aged.at_ns // HOUR_NS

    ordered = sorted(going, key=lambda one: (one.rule.camera, one.aged.piece.seq))
    return [
        batch_of(camera, why, [one.aged for one in group]) for (camera, why, _), group in groupby(ordered, together)
    ]


def batch_of(camera: str, why: Why, aged: Sequence[Aged]) -> Batch:
    """These pieces as one batch."""
    first, last = aged[0], aged[-1]
    start_ns = first.at_ns - (first.piece.end_mono_ns - first.piece.start_mono_ns)
    seqs = tuple(one.piece.seq for one in aged)
    return Batch(camera, why, seqs, start_ns, last.at_ns, sum(one.piece.bytes for one in aged))


# --- what a person asked for ---


def asked(now: Stamp, kept: Kept, from_ns: int, to_ns: int, zone: tzinfo = UTC) -> tuple[list[Batch], str]:
    """What of a camera lies wholly within from / to (UTC), if all of it may go; else nothing, and why not."""
    floor = cutoff_ns(now.at_ns, HARD_FLOOR, zone)
    if to_ns > floor:
        return [], f"footage of less than {HARD_FLOOR_DAYS} full days is never deleted"
    found = []
    for aged in older(kept.pieces(), judged(kept.runs, now), floor):
        start_ns = aged.at_ns - (aged.piece.end_mono_ns - aged.piece.start_mono_ns)
        if start_ns >= from_ns and aged.at_ns <= to_ns:
            if hold := kept.holds.on(aged):
                return [], f"segment {aged.piece.seq} is under hold {hold}"
            found.append(_Going(kept.rule, Why.ASKED, aged))
    return (_batches(found), "") if found else ([], "no whole segment lies within this scope")


# --- the days ahead ---


def forecast(cameras: Sequence[Kept], free: int, now_ns: int, zone: tzinfo = UTC) -> dict[str, tuple[int, int]]:
    """camera -> (days of footage that there will be room for, days that its floor asks), where that is too few.

    free: bytes that may yet be filled, less those of footage that will not go. Whoever asks for more days than there is
    room for gets what all can have.
    """
    asks = {kept.rule.camera: _floor_days(kept.rule, now_ns, zone) for kept in cameras}
    space = free + sum(kept.bytes for kept in cameras)

    def fills(days: int) -> bool:
        return sum(kept.day_bytes * min(asks[kept.rule.camera], days) for kept in cameras) > space

    days = bisect_right(range(max(asks.values(), default=0) + 1), False, key=fills) - 1
    return {camera: (max(0, days), wanted) for camera, wanted in asks.items() if days < wanted}


def full_in_days(cameras: Sequence[Kept], free: int) -> int | None:
    """In how many whole days nothing can be recorded any more if nothing goes; None where nothing is recorded."""
    day_bytes = sum(kept.day_bytes for kept in cameras)
    return free // day_bytes if day_bytes else None


def oldest_ns(kept: Kept, now: Stamp) -> int | None:
    """When the oldest footage of a camera ended, at the latest; None where there is none, or nobody can know."""
    return next((aged.at_ns for aged in older(kept.pieces(), judged(kept.runs, now), now.at_ns)), None)


def _floor_days(rule: Rule, now_ns: int, zone: tzinfo) -> int:
    """Whole days, a started one counted; an hour more or less is daylight saving."""
    return -(-(now_ns - floor_ns(rule, now_ns, zone) - HOUR_NS) // DAY_NS)


def stops_at(reserve: int, priority: int, others: Iterable[int]) -> int:
    """Free bytes at which a camera stops recording: the least important first, each level a quarter reserve apart."""
    above = len({one for one in others if one > priority})
    return reserve + above * (reserve // 4)
