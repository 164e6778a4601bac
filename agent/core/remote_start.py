"""Remote start of one fire pump: two steps by one person, one pulse, and then the way to the pump room.

Everything that changes its state is in TABLE (start_table.py), which `remote_start.md` draws.

Rules of this file:
- its one output is the start pulse. There is no input, state or output by which a pump could be stopped;
- only CHALLENGED and START lead to a pulse, and the relay is driven in PULSING alone: a restart, pins opened anew or an
  interlock end a pulse and never begin one;
- times count on the monotonic clock: no wall clock has a say in it;
- an order that does not fit is refused with a code. Whoever has armed is not disturbed by others; their own mistake
  disarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.core.events import (
    Event,
    PumpStartArmed,
    PumpStartChallenged,
    PumpStartCommissioned,
    PumpStartDisarmed,
    PumpStartEnded,
    PumpStartPulsed,
    PumpStartReset,
)
from agent.core.start_table import (
    ATTEMPTS,
    CUTS,
    HELD,
    HOLD_MS,
    LASTS_NS,
    MS,
    SECOND,
    TABLE,
    Input,
    Room,
    Say,
    State,
    blocked,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """An order that was judged already: what it asks for, whose it is, and what it says.

    what: ARM, CONFIRM or START; request: its row; testing: of a technician, in an open test window; fresh: a nonce
    made for this order.
    """

    what: Input
    by: str
    key: str
    request: int
    command: str
    reason: str = ""
    typed: str = ""
    held_ms: int = 0
    nonce: str = ""
    testing: bool = False
    fresh: str = ""


@dataclass
class Attempt:
    """A pulse of which it is not known yet what came of it."""

    by: str
    key: str
    command: str
    request: int
    number: int
    at_ns: int
    testing: bool
    readback: str = "none"
    ran_ns: int | None = None
    failed: str = ""


class RemoteStart:
    """One pump's. Every method returns what is to be said.

    wiring: digest of what a commissioning test must have proven; run_within_s: a start takes so long at most.
    """

    def __init__(self, id_: str, relay: str, wiring: str, run_within_s: int) -> None:
        self.id, self.relay, self.wiring = id_, relay, wiring
        self.run_within_s = run_within_s
        self.state = State.IDLE
        self.attempts = 0
        self.proven = False  # this wiring, by a signed test start
        self._held: Ask | None = None  # the order that armed it
        self._nonce = ""
        self._since_ns = 0
        self._waits: Attempt | None = None
        self._over: list[Attempt] = []

    @property
    def by(self) -> str:
        """Who has armed it, "" for nobody."""
        return "" if self._held is None else self._held.by

    @property
    def end_ns(self) -> int | None:
        """When the present state ends by itself."""
        lasts_ns = LASTS_NS.get(self.state)
        return None if lasts_ns is None else self._since_ns + lasts_ns

    @property
    def driven(self) -> bool:
        """Whether the start relay is to be energised."""
        return self.state is State.PULSING

    @property
    def nonce(self) -> str:
        """The one that is out, "" for none."""
        return self._nonce if self.state is State.CHALLENGED else ""

    def order(self, ask: Ask, room: Room, now_ns: int) -> tuple[list[Event], str]:
        """A person's order; second: the code of why it was not followed, "" if it was."""
        events = self.look(room, now_ns)
        step = TABLE.get((self.state, ask.what), "not-armed")
        if isinstance(step, str):  # who is not armed any more is told what disarmed them, if it still stands
            return events, (blocked(room, testing=ask.testing) if step == "not-armed" else "") or step
        if self._held is not None and self.state in HELD and ask.key != self._held.key:
            return events, "armed-by-other"
        if code := blocked(room, testing=ask.testing):
            return events, code
        if code := self._mistake(ask):
            return events + self._take(Input.MISTAKE, now_ns, code), code
        return events + self._take(ask.what, now_ns, "", ask, room.warns), ""

    def look(self, room: Room, now_ns: int) -> list[Event]:
        """What time and the pump room bring by now."""
        events: list[Event] = []
        if self.end_ns is not None and now_ns >= self.end_ns:
            if self.state is State.PULSING and self._waits is not None:
                self._waits.readback = "seen" if room.follows else "missing"
            last = self.state is State.LOCKED and self.attempts >= ATTEMPTS
            events += self._take(Input.LAST if last else Input.LIMIT, now_ns, "lapsed")
        for what, code in self._standing(room):
            events += self._take(what, now_ns, code)
        return events + self._outcome(room, now_ns)

    def restarted(self, now_ns: int) -> list[Event]:
        """Pins are about to be opened: nothing is energised by that, and nobody's arming outlives it."""
        return self._take(Input.RESTART, now_ns, "restart")

    def due_ns(self) -> int | None:
        """When time alone brings something."""
        ends = [self.end_ns]
        if self._waits is not None and self._waits.ran_ns is None and not self.driven:
            ends.append(self._waits.at_ns + self.run_within_s * SECOND)
        return min((end for end in ends if end is not None), default=None)

    # --- the table at work ---

    def _take(
        self, what: Input, now_ns: int, code: str, ask: Ask | None = None, warns: Sequence[str] = ()
    ) -> list[Event]:
        step = TABLE.get((self.state, what))
        if step is None or isinstance(step, str):
            return []
        before, (self.state, said) = self.state, step
        if before is not self.state or Say.ARMED in said:
            self._since_ns = now_ns
        events = [event for say in said for event in self._say(say, now_ns, code, ask, warns)]
        if self.state not in HELD:
            self._held, self._nonce = None, ""
        return events

    def _say(self, say: Say, now_ns: int, code: str, ask: Ask | None, warns: Sequence[str]) -> list[Event]:
        match say:
            case Say.ARMED if ask is not None:
                self._held, self._nonce = ask, ""
                return [
                    PumpStartArmed(
                        source=self.id,
                        by=ask.by,
                        reason=ask.reason,
                        request=ask.request,
                        warnings=list(warns),
                        test=ask.testing,
                    )
                ]
            case Say.CHALLENGED if ask is not None:
                self._nonce = ask.fresh
                return [PumpStartChallenged(source=self.id, by=ask.by, request=ask.request, nonce=ask.fresh)]
            case Say.PULSE if ask is not None:
                return self._pulse(ask, now_ns)
            case Say.DISARMED:
                return [PumpStartDisarmed(source=self.id, by=self.by, code=code)]
            case Say.RESET:
                return self._reset("run" if code == "running" else "key switch")
        if self._waits is not None and code == "relay":  # nobody knows whether anything was given
            self._waits.failed = code
        return []

    def _pulse(self, ask: Ask, now_ns: int) -> list[Event]:
        if self._waits is not None:
            self._waits.failed = "again"
            self._over.append(self._waits)
        self.attempts += 1
        self._waits = Attempt(ask.by, ask.key, ask.command, ask.request, self.attempts, now_ns, ask.testing)
        return [
            PumpStartPulsed(
                source=self.id,
                by=ask.by,
                key=ask.key,
                reason=ask.reason,
                request=ask.request,
                relay=self.relay,
                attempt=self.attempts,
                test=ask.testing,
            )
        ]

    def _reset(self, by: str) -> list[Event]:
        attempts, self.attempts = self.attempts, 0
        return [PumpStartReset(source=self.id, by=by)] if attempts else []

    def _mistake(self, ask: Ask) -> str:
        if ask.what is Input.CONFIRM:
            return "mistyped" if ask.typed != self.id else "not-held" if ask.held_ms < HOLD_MS else ""
        if ask.what is Input.START and self._held is not None:
            if not self._nonce or ask.nonce != self._nonce:
                return "wrong-nonce"
            return "" if ask.reason == self._held.reason else "wrong-reason"
        return ""

    def _standing(self, room: Room) -> list[tuple[Input, str]]:
        """Inputs that the pump room is by itself."""
        testing = self._held is not None and self._held.testing
        found = [] if room.key_on else [(Input.KEY_OFF, "key-off")]
        found += [(Input.RUN, "running")] if room.running else []
        code = blocked(room._replace(key_on=True, running=False), testing=testing)
        counts = code in CUTS if self.state is State.PULSING else bool(code)
        return found + ([(Input.BLOCK, code)] if counts else [])

    # --- what came of a pulse ---

    def _outcome(self, room: Room, now_ns: int) -> list[Event]:
        events = [self._ended(one, None, one.failed) for one in self._over]
        self._over.clear()
        waits = self._waits
        if waits is None:
            return events
        if room.running and waits.ran_ns is None:
            waits.ran_ns = now_ns
        if self.state is State.PULSING:
            return events
        if waits.ran_ns is not None:
            self._waits = None
            return events + self._ran(waits, waits.ran_ns)
        if waits.failed or now_ns >= waits.at_ns + self.run_within_s * SECOND:
            self._waits = None
            unseen = "no-readback" if waits.readback == "missing" else "no-run"
            return [*events, self._ended(waits, None, waits.failed or unseen)]
        return events

    def _ran(self, attempt: Attempt, ran_ns: int) -> list[Event]:
        events = [self._ended(attempt, (ran_ns - attempt.at_ns) // MS, "")]
        if attempt.testing and attempt.readback == "seen":
            self.proven = True
            events.append(
                PumpStartCommissioned(
                    source=self.id, by=attempt.by, key=attempt.key, request=attempt.request, wiring=self.wiring
                )
            )
        return events

    def _ended(self, one: Attempt, start_ms: int | None, code: str) -> Event:
        return PumpStartEnded(
            source=self.id,
            by=one.by,
            command=one.command,
            request=one.request,
            attempt=one.number,
            ok=start_ms is not None,
            start_ms=start_ms,
            readback=one.readback,
            code=code,
        )

    # --- a restart ---

    def snapshot(self) -> list[Any]:
        """What a restart has to know, for restore()."""
        held, waits = self._held, self._waits
        return [
            str(self.state),
            self.attempts,
            self.wiring if self.proven else "",
            self._since_ns,
            None if held is None else [held.by, held.key, held.request, held.command, held.reason, held.testing],
            None if waits is None else [getattr(waits, name) for name in Attempt.__dataclass_fields__],
        ]

    def restore(self, snapshot: list[Any]) -> None:
        """Take up where a snapshot of the same boot left; restarted() must follow. Raises ValueError."""
        try:
            state, self.attempts, wiring, self._since_ns, held, waits = snapshot
            self.state, self.proven = State(state), wiring == self.wiring
            if held is not None:
                by, key, request, command, reason, testing = held
                self._held = Ask(Input.ARM, by, key, request, command, reason, testing=testing)
            self._waits = None if waits is None else Attempt(*waits)
        except (TypeError, ValueError) as error:
            raise ValueError(f"remote start of {self.id}: no snapshot: {error}") from error

    def recorded(self, event: Event, now_ns: int) -> None:
        """A row from before a boot, in their order: attempts count on, and the lock-out begins anew."""
        if isinstance(event, PumpStartPulsed):
            self.attempts = event.attempt
        elif isinstance(event, PumpStartReset):
            self.attempts = 0
        self.state, self._since_ns = State.LOCKED if self.attempts else State.IDLE, now_ns

    def commissioned(self, wiring: str) -> None:
        """By the journal, this wiring was proven last."""
        self.proven = wiring == self.wiring
