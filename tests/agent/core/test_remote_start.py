"""Remote start: every state with every input, every fault of the trade, and lives of random orders.

What is proven of all of them: no pulse, or exactly one for one person's arm, confirm and signed nonce.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

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
from agent.core.remote_start import Ask, RemoteStart
from agent.core.start_table import (
    ARMED_S,
    ATTEMPTS,
    CUTS,
    HELD,
    HOLD_MS,
    INTERLOCKS,
    LASTS_NS,
    LOCKED_S,
    MS,
    NONCE_S,
    ORDERS,
    PULSE_MS,
    PULSE_MS_MAX,
    REASONS,
    SECOND,
    TABLE,
    Input,
    Room,
    Say,
    State,
    blocked,
)

S, In = State, Input
WELL = Room(key_on=True)
WITHIN_S = 30
BOOT_S = 10


# --- the table ---


@pytest.mark.parametrize(("state", "what"), list(itertools.product(S, In)))
def test_every_state_with_every_input(state: State, what: Input) -> None:
    step = TABLE.get((state, what))
    assert (step is not None) or what not in ORDERS, "an order is followed, or refused in words"
    if isinstance(step, str):
        assert what in ORDERS
        assert step in REASONS
        return
    if step is None:
        assert (state in LASTS_NS) != (what is In.LIMIT) or what is not In.LIMIT, "whatever lasts for a time ends"
        return
    after: State
    after, said = step
    assert (Say.PULSE in said) == (after is S.PULSING) == ((state, what) == (S.CHALLENGED, In.START))
    assert (Say.RELEASE in said) == (state is S.PULSING), "every way out of a pulse releases the relay"
    assert state is not S.PULSING or after is S.LOCKED, "after a pulse there is the lock-out, whatever ended it"
    assert (Say.ARMED in said) == (after is S.ARMED) == (what is In.ARM)
    assert (Say.CHALLENGED in said) == (after is S.CHALLENGED) == (what is In.CONFIRM)
    assert (Say.DISARMED in said) == (state in HELD and after is S.IDLE)
    assert what is not In.RESTART or after not in (S.ARMED, S.CHALLENGED, S.PULSING), "nothing outlives a restart"
    if Say.RESET in said:
        assert what in (In.RUN, In.KEY_OFF)


def test_each_state_can_be_reached_and_left_and_there_is_no_word_for_stopping() -> None:
    reached, grew = {S.IDLE}, True
    while grew:
        more = {step[0] for (state, _), step in TABLE.items() if state in reached and not isinstance(step, str)}
        grew, reached = not more <= reached, reached | more
    assert reached == set(S)
    words = [*S, *In, *Say, *REASONS]
    assert [word for word in words if "stop" in word or "halt" in word or "trip" in word] == []
    assert set(CUTS) <= {code for code, _ in INTERLOCKS} <= set(REASONS)
    assert PULSE_MS < PULSE_MS_MAX == 5_000
    assert (ARMED_S, NONCE_S, PULSE_MS, LOCKED_S, ATTEMPTS, HOLD_MS) == (15, 10, 2_000, 10, 3, 3_000)


# --- one pump and its people ---


@dataclass
class Bench:
    """A remote start on a clock of its own. Each person has one key; each order is a row of its own."""

    machine: RemoteStart
    room: Room = WELL
    now_ns: int = 1_000 * SECOND
    rows: int = 0

    def __post_init__(self) -> None:
        self.said: list[Event] = []
        self.levels: list[tuple[int, bool]] = []

    def after(self, seconds: float) -> None:
        """Time passes, with a look wherever something is due, as the alarm loop does."""
        end_ns = self.now_ns + round(seconds * SECOND)
        while (due := self.machine.due_ns()) is not None and due <= end_ns:
            self.now_ns = max(due, self.now_ns)
            before = self.machine.state, self.machine.attempts
            self._keep(self.machine.look(self.room, self.now_ns))
            assert (self.machine.state, self.machine.attempts) != before or self.machine.due_ns() != due, "it turns"
        self.now_ns = end_ns
        self._keep(self.machine.look(self.room, self.now_ns))

    def _keep(self, events: list[Event]) -> None:
        self.said += events
        if not self.levels or self.levels[-1][1] != self.machine.driven:
            self.levels.append((self.now_ns, self.machine.driven))

    def becomes(self, **changes: Any) -> None:
        self.room = self.room._replace(**changes)
        self._keep(self.machine.look(self.room, self.now_ns))

    def order(self, what: Input, by: str = "anna", **changes: Any) -> str:
        self.rows += 1
        made: dict[str, Any] = {"reason": "fire", "typed": "pump-1", "held_ms": HOLD_MS, "fresh": f"n-{self.rows}"}
        made |= {"nonce": self.machine.nonce} if what is In.START else {}
        ask = Ask(what, by, f"key-of-{by}", self.rows, f"c-{self.rows}", **(made | changes))
        events, code = self.machine.order(ask, self.room, self.now_ns)
        self._keep(events)
        return code

    def start(self, by: str = "anna", **changes: Any) -> str:
        """All three orders, one after another."""
        for what in (In.ARM, In.CONFIRM, In.START):
            if code := self.order(what, by, **changes):
                return code
        return ""

    def restart(self, *, same: bool = True) -> None:
        """The panel is killed and starts anew over its ring; not same: over nothing, after a boot."""
        fresh = RemoteStart("pump-1", "start-1", self.machine.wiring, WITHIN_S)
        if same:
            fresh.restore(json.loads(json.dumps(self.machine.snapshot())))
        else:
            if self.machine.driven:  # without power it drops
                self.levels.append((self.now_ns, False))
            self.now_ns += BOOT_S * SECOND
            for event in self.said:
                fresh.recorded(event, self.now_ns)
                if isinstance(event, PumpStartCommissioned):
                    fresh.commissioned(event.wiring)
        self.machine = fresh
        self._keep(self.machine.restarted(self.now_ns))

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.said if isinstance(event, kind)]

    @property
    def pulses(self) -> int:
        return sum(on for _, on in self.levels)


@pytest.fixture
def bench() -> Bench:
    return Bench(RemoteStart("pump-1", "start-1", "w-1", WITHIN_S))


def test_two_steps_one_pulse_of_two_seconds_and_what_came_of_it(bench: Bench) -> None:
    assert bench.order(In.ARM) == ""
    bench.after(14)
    assert bench.order(In.CONFIRM) == ""
    bench.after(9)
    assert bench.order(In.START) == ""
    assert bench.machine.driven
    began_ns = bench.now_ns
    bench.after(1.5)
    bench.becomes(running=True)
    assert bench.machine.driven, "the pulse has its length, whatever comes meanwhile"
    bench.after(60)
    assert bench.levels[-2:] == [(began_ns, True), (began_ns + PULSE_MS * MS, False)]
    (ended,) = bench.of(PumpStartEnded)
    assert (ended.ok, ended.start_ms, ended.readback, ended.attempt, ended.command) == (True, 1500, "seen", 1, "c-3")
    (pulsed,) = bench.of(PumpStartPulsed)
    assert (pulsed.by, pulsed.key, pulsed.reason, pulsed.request) == ("anna", "key-of-anna", "fire", 3)
    assert [event.by for event in bench.of(PumpStartReset)] == ["run"]
    assert bench.machine.state is S.IDLE


# Each: (what happens after arm, confirm and start, as far as it names them; the code of the last order).
def _wait(seconds: float) -> Callable[[Bench], str]:
    def do(bench: Bench) -> str:
        bench.after(seconds)
        return ""

    return do


def _o(what: Input, by: str = "anna", **changes: Any) -> Callable[[Bench], str]:
    return lambda bench: bench.order(what, by, **changes)


def _room(**changes: Any) -> Callable[[Bench], str]:
    def do(bench: Bench) -> str:
        bench.becomes(**changes)
        return ""

    return do


def _restart(bench: Bench) -> str:
    bench.restart()
    return ""


def _boot(bench: Bench) -> str:
    bench.restart(same=False)
    return ""


A, C, G = _o(In.ARM), _o(In.CONFIRM), _o(In.START)
FAULTS: dict[str, tuple[list[Callable[[Bench], str]], str, int]] = {
    "start alone": ([G], "not-armed", 0),
    "confirm alone": ([C], "not-armed", 0),
    "start without confirm": ([A, G], "not-confirmed", 0),
    "confirm too late": ([A, _wait(ARMED_S), C], "not-armed", 0),
    "nonce too old": ([A, C, _wait(NONCE_S), G], "not-armed", 0),
    "an old nonce": ([A, C, _o(In.START, nonce="n-0")], "wrong-nonce", 0),
    "no nonce": ([A, C, _o(In.START, nonce="")], "wrong-nonce", 0),
    "another reason": ([A, C, _o(In.START, reason="test")], "wrong-reason", 0),
    "after a wrong nonce the right one": ([A, C, _o(In.START, nonce="n-0"), G], "not-armed", 0),
    "the wrong pump typed": ([A, _o(In.CONFIRM, typed="pump-2")], "mistyped", 0),
    "not held": ([A, _o(In.CONFIRM, held_ms=HOLD_MS - 1)], "not-held", 0),
    "confirmed twice": ([A, C, C], "confirmed-already", 0),
    "confirmed twice, then started": ([A, C, C, G], "", 1),
    "started twice": ([A, C, G, G], "pulsing", 1),
    "the same again after the pulse": ([A, C, G, _wait(3), _o(In.START, nonce="n-2")], "locked", 1),
    "the same again after the lock-out": ([A, C, G, _wait(13), _o(In.START, nonce="n-2")], "not-armed", 1),
    "armed in the lock-out": ([A, C, G, _wait(3), A], "locked", 1),
    "another person confirms": ([A, _o(In.CONFIRM, "bo")], "armed-by-other", 0),
    "another person starts": ([A, C, _o(In.START, "bo")], "armed-by-other", 0),
    "another person arms": ([A, _o(In.ARM, "bo")], "armed-by-other", 0),
    "another person disturbs nobody": ([A, _o(In.ARM, "bo"), C, _o(In.START, "bo"), G], "", 1),
    "armed anew, the old nonce": ([A, C, A, G], "not-confirmed", 0),
    "armed anew, confirmed anew": ([A, C, A, C, G], "", 1),
    "armed anew, its time anew": ([A, _wait(ARMED_S - 1), A, _wait(ARMED_S - 1), C, G], "", 1),
    "key off before": ([_room(key_on=False), A], "key-off", 0),
    "key off while armed": ([A, _room(key_on=False), C], "key-off", 0),
    "key off and on while challenged": ([A, C, _room(key_on=False), _room(key_on=True), G], "not-armed", 0),
    "key off in the pulse": ([A, C, G, _wait(1), _room(key_on=False)], "", 1),
    "locked out": ([_room(locked_out=True), A], "locked-out", 0),
    "locked out in the pulse": ([A, C, G, _wait(1), _room(locked_out=True)], "", 1),
    "out of order by permit": ([A, C, _room(impaired=True), G], "impaired", 0),
    "out of order for a moment": ([A, C, _room(impaired=True), _room(impaired=False), G], "not-armed", 0),
    "read-back contradicts": ([_room(follows=False), A], "readback", 0),
    "stuck relay": ([A, C, G, _room(follows=False), _wait(13), A], "readback", 1),
    "line cannot be written": ([A, C, G, _room(written=False), _wait(13), A], "relay", 1),
    "it runs already": ([_room(running=True), A], "running", 0),
    "it runs while armed": ([A, C, _room(running=True), G], "running", 0),
    "not commissioned": ([_room(commissioned=False), A], "not-commissioned", 0),
    "killed while armed": ([A, _restart, C], "not-armed", 0),
    "killed with the nonce out": ([A, C, _restart, G], "not-armed", 0),
    "killed in the pulse": ([A, C, G, _wait(1), _restart], "", 1),
    "killed in the pulse, and again ordered": ([A, C, G, _restart, _o(In.START, nonce="n-2")], "locked", 1),
    "rebooted while armed": ([A, _boot, C], "not-armed", 0),
    "rebooted with the nonce out": ([A, C, _boot, G], "not-armed", 0),
    "rebooted in the pulse": ([A, C, G, _boot, _o(In.START, nonce="n-2")], "locked", 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gives_no_pulse_or_exactly_one(bench: Bench, name: str) -> None:
    steps, code, pulses = FAULTS[name]
    told = [step(bench) for step in steps]
    assert told[-1] == code
    bench.after(120)
    assert (bench.pulses, len(bench.of(PumpStartPulsed))) == (pulses, pulses)
    assert not bench.machine.driven
    assert all(off - on <= PULSE_MS * MS for (on, _), (off, _) in spans(bench))
    if "boot" not in name:
        assert len(bench.of(PumpStartEnded)) == pulses, "what became of it is said once"


def spans(bench: Bench) -> list[tuple[tuple[int, bool], tuple[int, bool]]]:
    """(energised at, released at) of each pulse."""
    pairs = itertools.pairwise(bench.levels)
    return [(on, off) for on, off in pairs if on[1]]


def test_three_attempts_and_then_the_pump_room(bench: Bench) -> None:
    for _ in range(ATTEMPTS):
        assert bench.start() == ""
        bench.after(13)
    assert bench.start() == "spent"
    assert "mechanically" in REASONS["spent"]
    bench.after(3600)
    assert bench.start() == "spent", "time alone gives no more"
    bench.restart()
    assert bench.start() == "spent"
    bench.restart(same=False)
    assert bench.start() == "locked"
    bench.after(LOCKED_S)
    assert bench.start() == "spent", "a reboot gives no more either"
    assert [(one.ok, one.code) for one in bench.of(PumpStartEnded)] == [
        (False, c) for c in ("again", "again", "no-run")
    ]
    bench.becomes(key_on=False)
    bench.becomes(key_on=True)
    assert bench.start() == "", "somebody was in the pump room and turned the key"
    assert bench.of(PumpStartReset)[0].by == "key switch"
    bench.restart(same=False)
    assert bench.machine.attempts == 1


def test_what_comes_of_a_pulse(bench: Bench) -> None:
    assert bench.start() == ""
    bench.after(WITHIN_S - 1)
    assert bench.of(PumpStartEnded) == []
    bench.after(1)
    (ended,) = bench.of(PumpStartEnded)
    assert (ended.ok, ended.start_ms, ended.code) == (False, None, "no-run")
    bench.said = []
    assert bench.start() == ""
    bench.after(20)
    bench.restart()
    bench.after(4)
    bench.becomes(running=True)
    (ended,) = bench.of(PumpStartEnded)
    assert (ended.ok, ended.start_ms) == (True, 24_000), "a restart forgets nobody's attempt"


@pytest.mark.parametrize("change", [{"key_on": False}, {"locked_out": True}, {"written": False}])
def test_who_is_in_the_pump_room_ends_a_pulse_at_once(bench: Bench, change: dict[str, Any]) -> None:
    assert bench.start() == ""
    bench.after(0.5)
    bench.becomes(**change)
    assert not bench.machine.driven
    bench.becomes(**WELL._asdict())
    bench.after(5)
    assert [(on, (off - on) // MS) for (on, _), (off, _) in spans(bench)] == [(bench.levels[-2][0], 500)]


def test_nothing_is_due_that_would_change_nothing() -> None:
    """A pump that must run sooner than the pulse is over: the loop must not turn for nothing meanwhile."""
    bench = Bench(RemoteStart("pump-1", "start-1", "w-1", 1))
    assert bench.start() == ""
    assert bench.machine.due_ns() == bench.now_ns + PULSE_MS * MS
    bench.after(3)
    assert bench.of(PumpStartEnded)[0].code == "no-run"


def test_a_pulse_that_no_read_back_showed_is_told_as_such(bench: Bench) -> None:
    assert bench.start() == ""
    bench.becomes(follows=False)
    bench.after(3)
    bench.becomes(follows=True)
    bench.after(WITHIN_S)
    (ended,) = bench.of(PumpStartEnded)
    assert (ended.ok, ended.readback, ended.code) == (False, "missing", "no-readback")


def test_low_suction_warns_and_does_not_block(bench: Bench) -> None:
    bench.becomes(warns=("low_suction", "auto"))
    assert bench.start() == ""
    assert bench.of(PumpStartArmed)[0].warnings == ["low_suction", "auto"]


def test_a_technicians_signed_test_start_proves_the_wiring(bench: Bench) -> None:
    """Until then nobody else's order is followed; without read-back, or without a running pump, it proves nothing."""

    def commissioned() -> bool:
        bench.becomes(commissioned=bench.machine.proven)
        return bench.machine.proven

    assert not commissioned()
    assert bench.start() == "not-commissioned"
    assert bench.start("tea", testing=True) == ""
    bench.after(13)
    bench.after(WITHIN_S)
    assert not commissioned()
    assert bench.start("tea", testing=True) == ""
    bench.becomes(follows=False)
    bench.after(4)
    bench.becomes(running=True, follows=True)
    bench.after(10)
    assert not commissioned()
    bench.becomes(running=False)
    assert bench.start("tea", testing=True) == ""
    bench.after(1)
    bench.becomes(running=True)
    bench.after(13)
    assert commissioned()
    (row,) = bench.of(PumpStartCommissioned)
    assert (row.by, row.key, row.wiring) == ("tea", "key-of-tea", "w-1")
    bench.becomes(running=False)
    assert bench.start("anna") == ""
    bench.becomes(running=True)
    bench.after(13)
    assert len(bench.of(PumpStartCommissioned)) == 1, "an operator's start proves nothing"
    for same in (True, False):
        bench.restart(same=same)
        assert bench.machine.proven
    rewired = RemoteStart("pump-1", "start-1", "w-2", WITHIN_S)
    rewired.restore(bench.machine.snapshot())
    assert not rewired.proven
    rewired.commissioned("w-1")
    assert not rewired.proven, "other wiring must be proven anew"


def test_each_interlock_blocks_with_its_own_code() -> None:
    against: dict[str, dict[str, Any]] = {
        "key-off": {"key_on": False},
        "locked-out": {"locked_out": True},
        "impaired": {"impaired": True},
        "relay": {"written": False},
        "readback": {"follows": False},
        "running": {"running": True},
        "not-commissioned": {"commissioned": False},
    }
    assert blocked(WELL) == ""
    assert {code: blocked(WELL._replace(**how)) for code, how in against.items()} == {code: code for code in against}
    assert set(against) == {code for code, _ in INTERLOCKS}
    assert blocked(WELL._replace(commissioned=False), testing=True) == ""


@pytest.mark.parametrize("junk", [[], [1, 2], ["IDLE", 0, "", 0, None, None], ["idle", 0, "", 0, [1], None]])
def test_a_snapshot_that_is_none(bench: Bench, junk: list[Any]) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        bench.machine.restore(junk)


# --- lives of random orders ---

MOVES: dict[str, dict[str, Any]] = {
    "key_on": {"key_on": False},
    "locked_out": {"locked_out": True},
    "impaired": {"impaired": True},
    "follows": {"follows": False},
    "written": {"written": False},
    "running": {"running": True},
}


def live(bench: Bench, chance: random.Random, steps: int) -> None:
    """Orders good and bad of two people, faults that come and go, restarts, time."""
    for _ in range(steps):
        what = chance.randrange(12)
        by = chance.choice(["anna", "anna", "bo"])
        if what < 6:
            changes: dict[str, Any] = (
                {}
                if chance.random() < 0.85
                else chance.choice([{"nonce": "n-1"}, {"typed": "pump-2"}, {"held_ms": 10}, {"reason": "other"}])
            )
            kind = chance.choice([In.ARM, In.CONFIRM, In.START])
            bench.order(kind, by, **changes)
        elif what < 7:
            bench.start(by)
        elif what < 8:
            name = chance.choice(list(MOVES))
            bench.becomes(**MOVES[name])
        elif what < 10:
            bench.becomes(**WELL._asdict())
        elif what < 11:
            bench.restart(same=chance.random() < 0.7)
        if chance.random() < 0.6:
            bench.after(chance.choice([0.001, 0.5, 2, 9.999, 10, 15, 40]))


def judge(bench: Bench) -> None:
    """What must be true of any life."""
    pulses = [number for number, event in enumerate(bench.said) if isinstance(event, PumpStartPulsed)]
    assert bench.pulses == len(pulses)
    assert all(off - on <= PULSE_MS * MS for (on, _), (off, _) in spans(bench))
    gaps = [on - off for (off, _), (on, driven) in itertools.pairwise(bench.levels[2:]) if driven]
    assert all(gap >= LOCKED_S * SECOND for gap in gaps)
    nonces = [event.nonce for event in bench.of(PumpStartChallenged)]
    assert len(set(nonces)) == len(nonces)
    run = 0
    for event in bench.said:
        run = 0 if isinstance(event, PumpStartReset) else run + isinstance(event, PumpStartPulsed)
        assert run <= ATTEMPTS
    for number in pulses:
        before = [
            e for e in bench.said[:number] if isinstance(e, PumpStartArmed | PumpStartChallenged | PumpStartDisarmed)
        ]
        assert isinstance(before[-1], PumpStartChallenged)
        assert isinstance(before[-2], PumpStartArmed)
        assert {before[-1].by, before[-2].by} == {bench.said[number].by}  # type: ignore[attr-defined]


def test_random_lives_keep_to_the_rules(rounds: Callable[[int, int], int]) -> None:
    seed = random.randrange(2**32)
    pulses = 0
    for number in range(rounds(150, 20_000)):
        bench = Bench(RemoteStart("pump-1", "start-1", "w-1", WITHIN_S))
        try:
            live(bench, random.Random(seed + number), 120)
            judge(bench)
        except AssertionError as error:
            raise AssertionError(f"seed {seed + number}") from error
        pulses += bench.pulses
    assert pulses > 100, "they were no empty lives"


def test_a_clock_has_no_say_in_it(bench: Bench) -> None:
    """Nothing that the machine is given has the time of day in it: no step of a clock can matter."""
    assert not [name for name in Ask.__dataclass_fields__ if name.endswith(("_s", "at_ns"))]
    late = replace(bench, now_ns=bench.now_ns + 3600 * SECOND)
    assert late.start() == ""
