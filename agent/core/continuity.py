"""Is anything missing? One lane of one epoch, as its reader sees it arrive: in any order, with holes, with forks.

Rules of this file:
- a row names the row before it in its lane (`lane_prev`), so rows join into stretches without knowing the sender;
- the *mark* is the last row up to which nothing of the lane is missing; only real rows are marks;
- a stretch given up by the sender (its `gap` row says so) joins like a row, but is never a mark;
- two different rows that follow the same row, or a new row where nothing can be missing, is a fork: refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

STRETCHES_MAX = 10_000
GAPS_MAX = 1000

Span = tuple[int, int]


class ContinuityError(ValueError):
    """A row that cannot be in this lane together with those that are."""


@dataclass(slots=True)
class Stretch:
    """Rows first..last of the lane without a hole, behind row `prev`; `hash` of the last one."""

    prev: int
    first: int
    last: int
    hash: bytes


class LaneBook:
    """What has arrived of one lane. `upto` and `hash` are the mark, (0, before) while the first row is missing."""

    def __init__(self, upto: int, hash_: bytes) -> None:
        self.upto = upto
        self.hash = hash_
        self._floor = self._reach = upto  # a row that follows any number in here joins; they differ after a gap
        self._by_prev: dict[int, Stretch] = {}
        self._by_last: dict[int, Stretch] = {}
        self._given_up: list[Span] = []

    @property
    def reach(self) -> int:
        """Up to here every number is accounted for in this lane: stored, given up, or of another lane."""
        return self._reach

    def add(self, seq: int, prev: int, hash_: bytes) -> None:
        """A row that was not here before. Raises ContinuityError and changes nothing if it cannot be."""
        if self._floor <= prev <= self._reach < seq:
            self._join(seq, hash_)
            self._catch_up()
        elif prev > self._reach:
            self._beyond(seq, prev, hash_)
        elif not any(first <= seq <= last for first, last in self._given_up):
            raise ContinuityError(f"row {seq} says it follows row {prev}, but row {self.upto} has that place")

    def give_up(self, first: int, last: int) -> None:
        """The sender will never send its rows first..last; `first` may be any number behind the row before them."""
        if len(self._given_up) >= GAPS_MAX:
            self._given_up = [gap for gap in self._given_up if gap[1] > self._reach][1 - GAPS_MAX :]
        self._given_up.append((first, last))
        self._catch_up()

    @property
    def furthest(self) -> int:
        """No row beyond this number was added, or given up."""
        return max([self._reach, *self._by_last])

    def beyond(self) -> list[Span]:
        """Stretches (first, last) behind a hole, in order."""
        return sorted((s.first, s.last) for s in self._by_prev.values()) if self._by_prev else []

    def stretches(self) -> list[Stretch]:
        """What stands behind a hole, in order: with the mark, all that another book needs to go on from here."""
        return sorted(self._by_prev.values(), key=lambda stretch: stretch.first)

    def resume(self, stretches: Iterable[Stretch]) -> None:
        """Take over another book's stretches, before anything is added here."""
        for stretch in stretches:
            self._by_prev[stretch.prev] = self._by_last[stretch.last] = stretch

    def missing(self) -> list[Span]:
        """(from, to): somewhere in there rows of this lane are missing; row `to` is."""
        ends = [self._reach, *(last for _, last in self.beyond())]
        holes = sorted((s.prev, s.first) for s in self._by_prev.values())
        return [(end + 1, prev) for end, (prev, _) in zip(ends, holes, strict=False) if end < prev]

    def _beyond(self, seq: int, prev: int, hash_: bytes) -> None:
        if prev in self._by_prev:
            raise ContinuityError(f"rows {self._by_prev[prev].first} and {seq} both say they follow row {prev}")
        stretch = self._by_last.pop(prev, None)
        if stretch is None:
            if len(self._by_prev) >= STRETCHES_MAX:
                raise ContinuityError(f"more than {STRETCHES_MAX} holes in the lane")
            stretch = self._by_prev[prev] = Stretch(prev, seq, seq, hash_)
        stretch.last, stretch.hash = seq, hash_
        follower = self._by_prev.pop(seq, None)
        if follower is not None:
            del self._by_last[follower.last]
            stretch.last, stretch.hash = follower.last, follower.hash
        self._by_last[stretch.last] = stretch

    def _join(self, last: int, hash_: bytes) -> None:
        self.upto, self.hash = last, hash_
        self._floor = self._reach = last

    def _catch_up(self) -> None:
        """Join what stands behind the mark now: stretches, and what was given up."""
        while self._next_stretch() or self._next_gap():
            pass

    def _next_stretch(self) -> bool:
        stretch = self._by_prev.get(self._reach)
        if stretch is None and self._floor < self._reach:
            behind = (s for s in self._by_prev.values() if self._floor <= s.prev <= self._reach)
            stretch = min(behind, key=lambda s: s.first, default=None)
        if stretch is None:
            return False
        del self._by_prev[stretch.prev], self._by_last[stretch.last]
        self._join(stretch.last, stretch.hash)  # back into a gap, if it came although it had been given up
        return True

    def _next_gap(self) -> bool:
        for first, last in self._given_up:
            if first - 1 <= self._reach < last:
                self._floor, self._reach = min(self._floor, self._reach), last
                return True
        return False
