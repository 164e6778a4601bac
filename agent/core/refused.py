"""What becomes of messages that the broker refuses: tried again, everything held back, or a row given up.

Rules of this file:
- a quota (0x97) is waited for; what is wrong with this very message lets others pass; all else holds everything back;
- one row is given up after STRIKES_MAX refusals for what it is, or after DEADLY_MAX sessions that ended over it;
- no more than DEAD_MOST rows in the life of a process: then the broker is wrong, not the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.core.backoff import Backoff
from agent.core.lane import Flight
from agent.core.ranges import Range

STRIKES_MAX = 3
DEAD_MOST = 100
DEADLY_MAX = 8  # sessions that may end over the same row before it is given up

QUOTA = 0x97
TOO_LARGE = 0x95
MALFORMED = frozenset({0x83, 0x90, 0x95, 0x99})  # of this very message: another may pass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a refused message: retry / park / dead (rows of `span` given up)."""

    what: str
    flight: Flight
    code: int


class Refusals:
    """Strikes and waits of one board. jitter as in Backoff."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self.dead = 0
        self.parked = False  # the broker refuses our messages for good, as far as it can tell
        self._strikes: dict[Range, int] = {}
        self._deaths: dict[Range, int] = {}
        self._hold_until_s = float("-inf")
        self._quota = Backoff(1, 60, jitter)
        self._park = Backoff(30, 600, jitter)

    def holding(self, now_s: float) -> bool:
        """Nothing is to be handed over now."""
        return now_s < self._hold_until_s

    def taken(self, span: Range) -> None:
        """The broker took a message with these rows."""
        self.parked = False
        self._quota.reset()
        self._park.reset()
        self._strikes.pop(span, None)
        self._deaths.pop(span, None)

    def refused(self, flight: Flight, code: int, now_s: float) -> Verdict:
        """A PUBACK said no. "dead": the rows are to be given up; a batch that is malformed is to be halved."""
        if code == QUOTA:
            self._hold_until_s = now_s + self._quota.next()
            return Verdict("retry", flight, code)
        if code not in MALFORMED:
            self._hold_until_s = now_s + self._park.next()
            self.parked = True
            return Verdict("park", flight, code)
        return Verdict("retry", flight, code) if flight.rows > 1 else self.one_row(flight, code, now_s)

    def one_row(self, flight: Flight, code: int, now_s: float) -> Verdict:
        """The one row of the flight is refused for what it is."""
        strikes = self._strikes[flight.span] = self._strikes.get(flight.span, 0) + 1
        if strikes < STRIKES_MAX:
            self._hold_until_s = now_s + self._quota.next()
            return Verdict("retry", flight, code)
        if self.dead >= DEAD_MOST:
            self._hold_until_s = now_s + self._park.next()
            return Verdict("park", flight, code)
        del self._strikes[flight.span]
        self.dead += 1
        return Verdict("dead", flight, code)

    def broke_over(self, flights: Iterable[Flight], least_bytes: int) -> Verdict | None:
        """A session ended with these on their way: a broker may cut off whoever sends a large message, and never say
        how large is too large. A verdict once the same row, by itself, has done that too often."""
        flight = next((f for f in flights if f.rows == 1 and f.bytes > least_bytes), None)
        if flight is None:
            return None
        self._deaths[flight.span] = self._deaths.get(flight.span, 0) + 1
        if self._deaths[flight.span] < DEADLY_MAX or self.dead >= DEAD_MOST:
            return None
        del self._deaths[flight.span]
        self.dead += 1
        return Verdict("dead", flight, TOO_LARGE)
