"""Walk test and relay tests: what a technician tries on purpose, and how long that may last.

Rules of this file:
- a walk test ends by itself: a panel must not stay quiet because somebody forgot it;
- a measured value has been tried once it has moved by more than its converter's noise;
- a relay is tested by a pulse, one at a time for each relay, and never while something drives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.core.events import Event, RelayTested, RelayTestRequested, WalkTestEnded, WalkTestRequested, WalkTestStarted

MS, SECOND = 1_000_000, 1_000_000_000
FOR_S_MAX = 8 * 3600
FOR_S = 3600
PULSE_MS, PULSE_MS_LEAST, PULSE_MS_MAX = 1000, 50, 30_000
TESTS_MAX = 128
_QUIET = "see to them first (standpipe alarm ack), the sounders would be quiet"
MOVED_PART = 50  # of the span


@dataclass
class WalkTest:
    """At most one at a time. by "": none is going on."""

    by: str = ""
    since_ns: int = 0
    end_ns: int = 0
    values: dict[str, list[int]] = field(default_factory=dict)  # value -> [least, most] since it began

    def ask(self, asked: WalkTestRequested, request: int, now_ns: int, unacknowledged: int) -> tuple[list[Event], str]:
        """Start or end; second: why not. unacknowledged: alarms that nobody has taken note of yet."""
        if asked.does == "end":
            why = "" if self.by else "there is no walk test"
            return self.end(asked.by), why
        if asked.does != "start":
            return [], f"{asked.does!r} is not start or end"
        if self.by:
            return [], f"{self.by} has started a walk test already"
        if unacknowledged:
            return [], f"alarms not acknowledged: {unacknowledged}; {_QUIET}"
        if not 60 <= asked.for_s <= FOR_S_MAX:
            return [], f"a walk test takes 1 to {FOR_S_MAX // 60} minutes"
        self.by, self.since_ns, self.end_ns = asked.by or "somebody", now_ns, now_ns + asked.for_s * SECOND
        self.values = {}
        return [WalkTestStarted(source="panel", for_s=asked.for_s, by=self.by, request=request)], ""

    def end(self, by: str) -> list[Event]:
        """It is over, if it goes on at all."""
        if not self.by:
            return []
        self.by = ""
        return [WalkTestEnded(source="panel", by=by)]

    def elapse(self, now_ns: int) -> list[Event]:
        """Its time may be over."""
        return self.end("limit") if self.by and now_ns >= self.end_ns else []

    def measured(self, value: str, milli: int, span_milli: int) -> bool:
        """One sample of a value that is well; whether it has moved by now, and had not before."""
        if not self.by:
            return False
        least, most = self.values.get(value, (milli, milli))
        before, self.values[value] = most - least, [min(least, milli), max(most, milli)]
        needed = max(abs(span_milli) // MOVED_PART, 1)
        return before < needed <= self.values[value][1] - self.values[value][0]

    def moved(self, value: str, span_milli: int) -> bool:
        """Whether it has moved so far."""
        least, most = self.values.get(value, (0, 0))
        return most - least >= max(abs(span_milli) // MOVED_PART, 1)

    def view(self) -> dict[str, Any] | None:
        """For people; None if none is going on."""
        if not self.by:
            return None
        return {"by": self.by, "since_mono_ns": self.since_ns, "end_mono_ns": self.end_ns, "values": self.values}

    def due_ns(self) -> int | None:
        """When its time is over."""
        return self.end_ns if self.by else None


@dataclass(frozen=True, slots=True)
class Pulse:
    """One relay under test."""

    relay: str
    by: str
    request: int
    pulse_ms: int
    end_ns: int

    @property
    def cause(self) -> str:
        """As it stands in relay.driven rows."""
        return f"test:{self.by}"


@dataclass
class RelayTests:
    """Relays that are being pulsed just now, by id."""

    going: dict[str, Pulse] = field(default_factory=dict)

    def ask(self, asked: RelayTestRequested, request: int, now_ns: int, least_ms: int) -> tuple[Pulse | None, str]:
        """A pulse to be driven, or why not. least_ms: a read-back needs that long to be seen."""
        if asked.source in self.going:
            return None, f"{asked.source} is being tested already"
        if len(self.going) >= TESTS_MAX:
            return None, "too many relays are being tested"
        if not PULSE_MS_LEAST <= asked.pulse_ms <= PULSE_MS_MAX:
            return None, f"a pulse takes {PULSE_MS_LEAST} to {PULSE_MS_MAX} ms"
        pulse_ms = max(asked.pulse_ms, least_ms)
        pulse = Pulse(asked.source, asked.by, request, pulse_ms, now_ns + pulse_ms * MS)
        self.going[asked.source] = pulse
        return pulse, ""

    def over(self, now_ns: int) -> list[Pulse]:
        """Pulses whose time is over; they are forgotten."""
        found = [pulse for pulse in self.going.values() if now_ns >= pulse.end_ns]
        for pulse in found:
            del self.going[pulse.relay]
        return found

    def due_ns(self) -> int | None:
        """When the next pulse is over."""
        return min((pulse.end_ns for pulse in self.going.values()), default=None)


def result(pulse: Pulse, failed: str, readback: str) -> Event:
    """What came of a pulse. failed: why the line could not be written; readback: none / seen / missing."""
    reason = failed or ("its read-back did not follow" if readback == "missing" else "")
    return RelayTested(
        source=pulse.relay,
        by=pulse.by,
        request=pulse.request,
        pulse_ms=pulse.pulse_ms,
        ok=not reason,
        readback=readback,
        reason=reason[:200],
    )
