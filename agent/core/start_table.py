"""The remote start of a fire pump as a table, and what forbids one.

Everything that changes its state is in TABLE; remote_start.py walks it, `remote_start.md` draws it. Its one output is
the start pulse. There is no input, state or output by which a pump could be stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum, auto
from typing import NamedTuple

MS, SECOND = 1_000_000, 1_000_000_000
ARMED_S = 15  # from arm to confirm
NONCE_S = 10  # from the board's nonce to the order that bears it
HOLD_MS = 3_000  # so long the person holds a key down to confirm
PULSE_MS, PULSE_MS_MAX = 2_000, 5_000  # what we give; what the time relay behind it lets through at most
LOCKED_S = 10  # from the end of a pulse to the next attempt
ATTEMPTS = 3  # without a running pump: then the pump room


class State(StrEnum):
    IDLE = auto()
    ARMED = auto()  # by one person, who has ARMED_S to confirm
    CHALLENGED = auto()  # confirmed: the nonce is out, and must come back signed within NONCE_S
    PULSING = auto()  # the relay is energised
    LOCKED = auto()  # the pulse is over, another attempt must wait
    SPENT = auto()  # ATTEMPTS pulses and no running pump


class Input(StrEnum):
    ARM = auto()  # orders: of anybody while nobody has armed, else of who has
    CONFIRM = auto()
    START = auto()
    MISTAKE = auto()  # an order of theirs that does not fit: the wrong pump, the wrong nonce
    BLOCK = auto()  # an interlock stands (INTERLOCKS)
    KEY_OFF = auto()  # the key switch in the pump room is off: somebody is there
    RUN = auto()  # the pump runs
    LIMIT = auto()  # the time of the state is over
    LAST = auto()  # the same, after the last attempt
    RESTART = auto()  # the panel starts anew, or opens its pins anew


class Say(StrEnum):
    ARMED = auto()
    CHALLENGED = auto()
    DISARMED = auto()
    PULSE = auto()
    RELEASE = auto()
    RESET = auto()  # attempts are counted anew


S, In = State, Input
Step = tuple[State, tuple[Say, ...]]
_GONE: Step = (S.IDLE, (Say.DISARMED,))

# (state, input) -> (next state, what is said), or the code of why not. What is not listed changes nothing.
TABLE: Mapping[tuple[State, Input], Step | str] = {
    (S.IDLE, In.ARM): (S.ARMED, (Say.ARMED,)),
    (S.IDLE, In.CONFIRM): "not-armed",
    (S.IDLE, In.START): "not-armed",
    (S.IDLE, In.KEY_OFF): (S.IDLE, (Say.RESET,)),
    (S.IDLE, In.RUN): (S.IDLE, (Say.RESET,)),
    (S.ARMED, In.ARM): (S.ARMED, (Say.ARMED,)),
    (S.ARMED, In.CONFIRM): (S.CHALLENGED, (Say.CHALLENGED,)),
    (S.ARMED, In.START): "not-confirmed",
    (S.ARMED, In.MISTAKE): _GONE,
    (S.ARMED, In.BLOCK): _GONE,
    (S.ARMED, In.KEY_OFF): _GONE,
    (S.ARMED, In.RUN): _GONE,
    (S.ARMED, In.LIMIT): _GONE,
    (S.ARMED, In.RESTART): _GONE,
    (S.CHALLENGED, In.ARM): (S.ARMED, (Say.ARMED,)),
    (S.CHALLENGED, In.CONFIRM): "confirmed-already",
    (S.CHALLENGED, In.START): (S.PULSING, (Say.PULSE,)),
    (S.CHALLENGED, In.MISTAKE): _GONE,
    (S.CHALLENGED, In.BLOCK): _GONE,
    (S.CHALLENGED, In.KEY_OFF): _GONE,
    (S.CHALLENGED, In.RUN): _GONE,
    (S.CHALLENGED, In.LIMIT): _GONE,
    (S.CHALLENGED, In.RESTART): _GONE,
    (S.PULSING, In.ARM): "pulsing",
    (S.PULSING, In.CONFIRM): "pulsing",
    (S.PULSING, In.START): "pulsing",
    (S.PULSING, In.BLOCK): (S.LOCKED, (Say.RELEASE,)),
    (S.PULSING, In.KEY_OFF): (S.LOCKED, (Say.RELEASE,)),
    (S.PULSING, In.LIMIT): (S.LOCKED, (Say.RELEASE,)),
    (S.PULSING, In.RESTART): (S.LOCKED, (Say.RELEASE,)),
    (S.LOCKED, In.ARM): "locked",
    (S.LOCKED, In.CONFIRM): "locked",
    (S.LOCKED, In.START): "locked",
    (S.LOCKED, In.KEY_OFF): (S.LOCKED, (Say.RESET,)),
    (S.LOCKED, In.RUN): (S.LOCKED, (Say.RESET,)),
    (S.LOCKED, In.LIMIT): (S.IDLE, ()),
    (S.LOCKED, In.LAST): (S.SPENT, ()),
    (S.SPENT, In.ARM): "spent",
    (S.SPENT, In.CONFIRM): "spent",
    (S.SPENT, In.START): "spent",
    (S.SPENT, In.KEY_OFF): (S.IDLE, (Say.RESET,)),
    (S.SPENT, In.RUN): (S.IDLE, (Say.RESET,)),
}
ORDERS = frozenset({In.ARM, In.CONFIRM, In.START})
HELD = frozenset({S.ARMED, S.CHALLENGED})  # one person's, whom nobody else disturbs
LASTS_NS: Mapping[State, int] = {
    S.ARMED: ARMED_S * SECOND,
    S.CHALLENGED: NONCE_S * SECOND,
    S.PULSING: PULSE_MS * MS,
    S.LOCKED: LOCKED_S * SECOND,
}


class Room(NamedTuple):
    """The pump room as the panel sees it. What cannot be seen counts as against a start, but for `running`.

    follows: the relay's read-back shows what was written; written: its line could be written; commissioned: a signed
    test start has proven this wiring; warns: codes of what speaks against a start without forbidding it.
    """

    key_on: bool
    locked_out: bool = False
    impaired: bool = False
    follows: bool = True
    written: bool = True
    running: bool = False
    commissioned: bool = True
    warns: tuple[str, ...] = ()


# Code, and when it stands: in the order in which they are told.
INTERLOCKS: tuple[tuple[str, Callable[[Room], bool]], ...] = (
    ("key-off", lambda room: not room.key_on),
    ("locked-out", lambda room: room.locked_out),
    ("impaired", lambda room: room.impaired),
    ("relay", lambda room: not room.written),
    ("readback", lambda room: not room.follows),
    ("running", lambda room: room.running),
    ("not-commissioned", lambda room: not room.commissioned),
)
CUTS = frozenset({"locked-out", "relay"})  # those that end a pulse; the read-back must first follow, the pump may run

# Code -> why not, for whoever ordered it: of the table, interlocks, mistakes, and ends without a running pump.
REASONS: Mapping[str, str] = {
    "not-armed": "nobody has armed the start of this pump: the 15 s are over, or it was disarmed",
    "not-confirmed": "it is armed and not confirmed yet",
    "confirmed-already": "it is confirmed already: the nonce is out",
    "pulsing": "the start pulse is being given just now",
    "locked": "another attempt must wait for 10 s after a pulse",
    "spent": "3 attempts and no running pump: go to the pump room, start it by hand or mechanically",
    "armed-by-other": "another person has armed it",
    "key-off": "the key switch in the pump room is off, or cannot be read",
    "locked-out": "it is locked out for maintenance",
    "impaired": "it is out of order by permit",
    "relay": "the line of the start relay cannot be written",
    "readback": "the read-back of the start relay contradicts it, or was not seen yet",
    "running": "the pump runs",
    "not-commissioned": "no technician has proven this wiring by a signed test start (standpipe pump test, then start)",
    "mistyped": "another pump was typed than the one that is armed: disarmed",
    "not-held": "it was not held for 3 s: disarmed",
    "wrong-nonce": "not the nonce that was issued: disarmed",
    "wrong-reason": "not the reason that it was armed with: disarmed",
    "lapsed": "not confirmed in time",
    "restart": "the panel started anew, or opened its pins anew",
    "no-run": "the pulse was given and the pump does not run: go to the pump room, start it by hand or mechanically",
    "no-readback": "the relay's read-back was not seen and the pump does not run: the pulse may not have been given; "
    "go to the pump room, start it by hand or mechanically",
    "again": "another attempt was begun before it ran",
}


def blocked(room: Room, *, testing: bool = False) -> str:
    """Code of the first interlock that stands, "" for none. A test start is what proves the wiring."""
    room = room._replace(commissioned=room.commissioned or testing)
    return next((code for code, stands in INTERLOCKS if stands(room)), "")
