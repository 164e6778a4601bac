"""Raw edges and level re-reads of one contact -> settled changes.

Rules of this file:
- a change counts once the contact has been still for its settle time; a shorter pulse is nothing;
- its time is that of the first edge of the unrest it ends, not of the end of settling;
- a level read from the line is the truth as of its reading: an edge that was lost is found by it, an older edge
  that arrives late moves nothing but the first-edge time;
- a contact with more edges than it can honestly make, or that never comes to rest, is chattering: its edges are
  masked, and its level is believed only after it has read the same for a while. Each new bout soon after the last
  asks for a longer rest, so that a loose wire cannot fill a journal. Memory is a handful of numbers per contact.
"""

from __future__ import annotations

from dataclasses import dataclass

MS = 1_000_000
SECOND = 1_000_000_000

EDGES_PER_S_MAX = 100
UNREST_MAX_NS = 3 * SECOND  # without a rest of one settle time: chattering too, however slow the edges
BELIEVE_NS = SECOND  # a masked contact has read the same for so long: that is its level
POLL_NS = 100 * MS  # how often a masked contact should be read
STEADY_FIRST_NS = 2 * SECOND
STEADY_LAST_NS = 256 * SECOND
PROBATION_NS = SECOND
BOUT_NS = 600 * SECOND  # chattering again within this: the same bout, a longer rest is asked


@dataclass(frozen=True, slots=True)
class Settled:
    """The contact has a new settled level. found: no edge was seen for it, it stood so when first read.

    edge_ns: first edge of the change; settled_ns: end of its settle time. Both CLOCK_MONOTONIC.
    """

    closed: bool
    edge_ns: int
    settled_ns: int
    found: bool = False


@dataclass(frozen=True, slots=True)
class Chattering:
    """Edges are masked from now on; read the level every POLL_NS."""

    edges_per_s: int


@dataclass(frozen=True, slots=True)
class Steady:
    """At rest again, edges are believed; `edges_masked` were ignored meanwhile (those that still came)."""

    edges_masked: int


Outcome = Settled | Chattering | Steady


class Contact:
    """One input. `closed` is its settled level, None until one is known."""

    __slots__ = (
        "_believed_ns",
        "_by_level",
        "_count",
        "_count_before",
        "_count_ns",
        "_edges_masked",
        "_first_ns",
        "_found",
        "_last_ns",
        "_raw",
        "_read_ns",
        "_settle_ns",
        "_steady_at_ns",
        "_steady_ns",
        "_watched_ns",
        "closed",
        "masked",
    )

    def __init__(self, settle_ns: int, closed: bool | None = None) -> None:
        """closed: the level last recorded, if there is one; what is read first is `found` against it."""
        self.closed = closed
        self.masked = False
        self._settle_ns = settle_ns
        self._raw = closed
        self._read_ns = -1
        self._first_ns: int | None = None  # unrest since
        self._last_ns = 0  # its latest edge
        self._by_level = False  # it was a reading that noticed it, its edge may be on the way
        self._found = True  # until the first level read has settled
        self._count = 0
        self._count_ns = 0
        self._count_before = 0  # of the second before
        self._edges_masked = 0
        self._believed_ns = 0  # masked: reading the same since
        self._watched_ns: int | None = None  # edges believed on probation, quiet since
        self._steady_ns = STEADY_FIRST_NS
        self._steady_at_ns: int | None = None

    @property
    def chattering(self) -> bool:
        """From masking until probation is passed."""
        return self.masked or self._watched_ns is not None

    @property
    def seen(self) -> bool:
        """True once a level has been read and stands: `closed` is no longer what was recorded before."""
        return not self._found

    @property
    def unrest_ns(self) -> int | None:
        """First edge of what may yet settle; None while the contact is still (or masked)."""
        return self._first_ns

    def record(self, closed: bool) -> bool:
        """Told late what was last recorded. True if it has settled meanwhile at another level."""
        if self.closed is None:
            self.closed = closed
            return False
        return self.closed != closed

    def edge(self, closed: bool, at_ns: int) -> Chattering | None:
        """An edge: the contact after it, and when. Chattering if this was one too many."""
        if self.masked:
            self._edges_masked += 1
            return None
        if self._by_level and closed == self._raw:
            self._first_ns, self._by_level = at_ns, False
        if at_ns >= self._read_ns:
            self._raw = closed
        self._stir(at_ns)
        if not self._too_many(at_ns):
            return None
        return self._mask(at_ns)

    def level(self, closed: bool, at_ns: int) -> None:
        """The level, read from the line at (not before) `at_ns`."""
        self._read_ns = at_ns
        if self.masked:
            self._poll(closed, at_ns)
        elif closed != self._raw:
            self._by_level = self._first_ns is None
            self._raw = closed
            self._stir(at_ns)
        elif self._first_ns is None:
            self._found = False  # as recorded

    def elapse(self, now_ns: int) -> Settled | Steady | None:
        """What has come to its end by `now_ns`. Call again until None."""
        if self.masked:
            return self._believe(now_ns)
        if self._first_ns is not None and now_ns >= self._last_ns + self._settle_ns:
            return self._settle() or self.elapse(now_ns)
        if self._watched_ns is not None and now_ns >= self._watched_ns + PROBATION_NS:
            return self._steady(now_ns)
        return None

    def due_ns(self) -> int | None:
        """When elapse() has something to say if nothing else happens; a masked contact waits for levels."""
        if self.masked:
            return None
        ends = []
        if self._first_ns is not None:
            ends.append(self._last_ns + self._settle_ns)
        if self._watched_ns is not None:
            ends.append(self._watched_ns + PROBATION_NS)
        return min(ends, default=None)

    def _stir(self, at_ns: int) -> None:
        if self._first_ns is None:
            self._first_ns = self._last_ns = at_ns
        else:
            self._last_ns = max(self._last_ns, at_ns)
        if self._watched_ns is not None:
            self._watched_ns = max(self._watched_ns, at_ns)

    def _settle(self) -> Settled | None:
        assert self._first_ns is not None
        first, found, raw = self._first_ns, self._found, self._raw
        self._first_ns, self._found, self._by_level = None, False, False
        if raw is None or raw == self.closed:
            return None
        self.closed = raw
        return Settled(raw, first, self._last_ns + self._settle_ns, found)

    def _too_many(self, at_ns: int) -> bool:
        if at_ns - self._count_ns >= SECOND:
            self._count_ns, self._count_before, self._count = at_ns, self._count, 0
        self._count += 1
        unrest = 0 if self._first_ns is None else self._last_ns - self._first_ns
        return self._count > EDGES_PER_S_MAX or unrest > UNREST_MAX_NS

    def _mask(self, at_ns: int) -> Chattering | None:
        """Mask; says so only if the contact was not chattering already (on probation)."""
        relapse = self._watched_ns is not None
        rate = max((self._count - 1) * SECOND // max(at_ns - self._count_ns, MS), self._count_before, 1)
        same_bout = self._steady_at_ns is not None and at_ns - self._steady_at_ns < BOUT_NS
        if relapse or same_bout:
            self._steady_ns = min(self._steady_ns * 2, STEADY_LAST_NS)
        else:
            self._steady_ns = STEADY_FIRST_NS
        self.masked, self._by_level, self._watched_ns, self._first_ns = True, False, None, None
        self._raw, self._believed_ns, self._count = None, at_ns, 0  # only readings from now on say how it stands
        return None if relapse else Chattering(rate)

    def _poll(self, closed: bool, at_ns: int) -> None:
        if closed != self._raw:
            self._raw, self._believed_ns = closed, at_ns

    def _believe(self, now_ns: int) -> Settled | Steady | None:
        same_ns = self._read_ns - self._believed_ns
        if self._raw != self.closed and same_ns >= max(self._settle_ns, BELIEVE_NS):
            assert self._raw is not None
            self.closed, found, self._found = self._raw, self._found, False
            return Settled(self._raw, self._believed_ns, self._read_ns, found)
        if same_ns >= max(self._settle_ns, self._steady_ns):
            self.masked, self._watched_ns, self._count = False, now_ns, 0
        return None

    def _steady(self, now_ns: int) -> Steady:
        masked, self._edges_masked = self._edges_masked, 0
        self._watched_ns, self._steady_at_ns = None, now_ns
        return Steady(masked)
