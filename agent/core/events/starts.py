"""Remote start of a fire pump (source: the pump). There is no remote stop."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("pump.start_armed", lane=Lane.ALARM)
class PumpStartArmed(Event):
    """`by` has armed the start by row `request`, and has 15 s to confirm. test: the commissioning test.

    warnings: what speaks against it and does not forbid it: low_suction, tank_low, auto, power, valve, running_unknown.
    """

    by: str
    reason: str
    request: int
    warnings: list[str]
    test: bool


@kind("pump.start_challenged", lane=Lane.ALARM)
class PumpStartChallenged(Event):
    """`by` has confirmed; `nonce` must come back signed within 10 s."""

    by: str
    request: int
    nonce: str


@kind("pump.start_disarmed", lane=Lane.ALARM)
class PumpStartDisarmed(Event):
    """Armed no more, nothing was pulsed. code: why (core/remote_start.py, REASONS)."""

    by: str
    code: str


@kind("pump.start_pulsed", lane=Lane.ALARM)
class PumpStartPulsed(Event):
    """The start relay is energised for 2 s by `attempt`, signed with `key` in row `request`."""

    by: str
    key: str
    reason: str
    request: int
    relay: str
    attempt: int
    test: bool


@kind("pump.start_ended", lane=Lane.ALARM)
class PumpStartEnded(Event):
    """What came of an attempt. ok: the pump runs, `start_ms` after the pulse began; else code: why not.

    readback: of the start relay: seen / missing / none (released before its time, so nobody looked).
    """

    by: str
    command: str
    request: int
    attempt: int
    ok: bool
    start_ms: int | None
    readback: str
    code: str


@kind("pump.start_reset", lane=Lane.ALARM)
class PumpStartReset(Event):
    """Attempts are counted anew. by: run (the pump runs) or key switch (somebody turned it off in the pump room)."""

    by: str


@kind("pump.start_commissioned", lane=Lane.ALARM)
class PumpStartCommissioned(Event):
    """A technician's test start, signed with `key` in row `request`, made the pump run, and the read-back was seen.

    wiring: digest of relay, read-back, key switch and running contact; after a change of these it must be done again.
    """

    by: str
    key: str
    request: int
    wiring: str
