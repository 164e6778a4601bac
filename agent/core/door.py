"""The door machine: opened, closed, held open, forced. Everything that changes a door's state is the table below.

What comes in is in the world's terms (the door is open), not the wire's. FOUND inputs are levels that stood so when
they were first looked at: they set the state without pretending that somebody just opened the door. FORCED inputs are
openings of a door that is armed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto

from agent.core.events import (
    DoorClosed,
    DoorForced,
    DoorHeldOpen,
    DoorOpenAtArming,
    DoorOpened,
    Event,
    Signal,
)

SECOND = 1_000_000_000


class State(StrEnum):
    UNKNOWN = auto()
    CLOSED = auto()
    OPEN = auto()
    HELD_OPEN = auto()


class Input(StrEnum):
    OPENS = auto()
    SHUTS = auto()
    FOUND_OPEN = auto()
    FOUND_SHUT = auto()
    FORCED = auto()  # opens while armed
    FOUND_FORCED = auto()
    ARMED = auto()
    LIMIT = auto()  # open for longer than held_open_s


class Say(StrEnum):
    OPENED = auto()
    OPENED_FOUND = auto()
    CLOSED = auto()
    HELD_OPEN = auto()
    FORCED = auto()
    FORCED_FOUND = auto()
    OPEN_AT_ARMING = auto()


S, In = State, Input

# (state, input) -> (next state, what is said). Inputs that are not listed change nothing and say nothing.
TABLE: Mapping[tuple[State, Input], tuple[State, tuple[Say, ...]]] = {
    (S.UNKNOWN, In.OPENS): (S.OPEN, (Say.OPENED,)),
    (S.UNKNOWN, In.SHUTS): (S.CLOSED, (Say.CLOSED,)),
    (S.UNKNOWN, In.FOUND_OPEN): (S.OPEN, (Say.OPENED_FOUND,)),
    (S.UNKNOWN, In.FOUND_SHUT): (S.CLOSED, ()),
    (S.UNKNOWN, In.FORCED): (S.OPEN, (Say.OPENED, Say.FORCED)),
    (S.UNKNOWN, In.FOUND_FORCED): (S.OPEN, (Say.OPENED_FOUND, Say.FORCED_FOUND)),
    (S.CLOSED, In.OPENS): (S.OPEN, (Say.OPENED,)),
    (S.CLOSED, In.FOUND_OPEN): (S.OPEN, (Say.OPENED_FOUND,)),
    (S.CLOSED, In.FORCED): (S.OPEN, (Say.OPENED, Say.FORCED)),
    (S.CLOSED, In.FOUND_FORCED): (S.OPEN, (Say.OPENED_FOUND, Say.FORCED_FOUND)),
    (S.OPEN, In.SHUTS): (S.CLOSED, (Say.CLOSED,)),
    (S.OPEN, In.FOUND_SHUT): (S.CLOSED, (Say.CLOSED,)),
    (S.OPEN, In.ARMED): (S.OPEN, (Say.OPEN_AT_ARMING,)),
    (S.OPEN, In.LIMIT): (S.HELD_OPEN, (Say.HELD_OPEN,)),
    (S.HELD_OPEN, In.ARMED): (S.HELD_OPEN, (Say.OPEN_AT_ARMING,)),
    (S.HELD_OPEN, In.SHUTS): (S.CLOSED, (Say.CLOSED,)),
    (S.HELD_OPEN, In.FOUND_SHUT): (S.CLOSED, (Say.CLOSED,)),
}

# Alarms whose condition may still hold in a state: one of them is restored only in a state that does not list it.
STANDING: Mapping[State, frozenset[str]] = {
    S.OPEN: frozenset({"door.opened", "door.held_open", "door.forced", "door.open_at_arming"}),
    S.HELD_OPEN: frozenset({"door.opened", "door.held_open", "door.forced", "door.open_at_arming"}),
}

# (open, found, armed) -> input.
CHANGES: Mapping[tuple[bool, bool, bool], Input] = {
    (True, False, False): In.OPENS,
    (True, False, True): In.FORCED,
    (True, True, False): In.FOUND_OPEN,
    (True, True, True): In.FOUND_FORCED,
    (False, False, False): In.SHUTS,
    (False, False, True): In.SHUTS,
    (False, True, False): In.FOUND_SHUT,
    (False, True, True): In.FOUND_SHUT,
}
SEEN = frozenset({In.OPENS, In.FORCED})


class Door:
    """One door. held_open_s: None for no limit; signal: class of `door.held_open`."""

    def __init__(self, id_: str, held_open_s: int | None = None, signal: Signal = Signal.STATUS) -> None:
        self.id = id_
        self.state = State.UNKNOWN
        self.armed = False
        self._limit_s = held_open_s
        self._signal = signal
        self._since_ns: int | None = None  # first edge of the opening; time of finding if it was found
        self._seen = False  # the opening was seen

    def contact(self, is_open: bool, edge_ns: int, *, found: bool = False) -> list[Event]:
        """A settled change; `edge_ns` is the edge that began it."""
        return self._take(CHANGES[is_open, found, self.armed], edge_ns)

    def arm(self, armed: bool, now_ns: int) -> list[Event]:
        """Arm or disarm. A door that stands open when it is armed says so."""
        before, self.armed = self.armed, armed
        return self._take(Input.ARMED, now_ns) if armed and not before else []

    def elapse(self, now_ns: int) -> list[Event]:
        """What time alone brings by `now_ns`."""
        due = self.due_ns()
        return [] if due is None or now_ns < due else self._take(Input.LIMIT, due)

    def due_ns(self) -> int | None:
        """When the limit is reached."""
        if self.state is not State.OPEN or self._limit_s is None or self._since_ns is None:
            return None
        return self._since_ns + self._limit_s * SECOND

    def standing(self) -> frozenset[str]:
        """Kinds of alarm whose condition holds now."""
        return STANDING.get(self.state, frozenset())

    def snapshot(self) -> list[object]:
        """What a restart has to know, for restore()."""
        return [str(self.state), self._since_ns, self._seen, self.armed]

    def restore(self, snapshot: list[object]) -> None:
        """Take up where a snapshot of the same boot left. Raises ValueError."""
        state, since, seen, armed = snapshot
        self.state = State(str(state))
        self._since_ns = since if isinstance(since, int) else None
        self._seen, self.armed = bool(seen), bool(armed)

    def resume(self, is_open: bool, now_ns: int) -> None:
        """Take up a level that is recorded already: nothing is said. An open door's time counts from now."""
        self.state = State.OPEN if is_open else State.CLOSED
        self._since_ns, self._seen = (now_ns if is_open else None), False

    def _take(self, what: Input, at_ns: int) -> list[Event]:
        step = TABLE.get((self.state, what))
        if step is None:
            return []
        self.state, said = step
        events = [self._event(say, at_ns) for say in said]
        if self.state is State.CLOSED:
            self._since_ns, self._seen = None, False
        elif what not in (Input.LIMIT, Input.ARMED):
            self._since_ns, self._seen = at_ns, what in SEEN
        return events

    def _event(self, say: Say, at_ns: int) -> Event:
        if say is Say.HELD_OPEN:
            return DoorHeldOpen(source=self.id, limit_s=self._limit_s or 0, signal=self._signal)
        if say is Say.CLOSED:
            seen = self._seen and self._since_ns is not None
            open_ms = (at_ns - (self._since_ns or 0)) // 1_000_000 if seen else None
            return DoorClosed(source=self.id, open_ms=open_ms)
        if say is Say.OPEN_AT_ARMING:
            return DoorOpenAtArming(source=self.id)
        if say in (Say.FORCED, Say.FORCED_FOUND):
            return DoorForced(source=self.id, found=say is Say.FORCED_FOUND)
        return DoorOpened(source=self.id, found=say is Say.OPENED_FOUND)
