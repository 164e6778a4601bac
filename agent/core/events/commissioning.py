"""Commissioning: walk tests and relay tests (source: who said it, or the relay)."""

from __future__ import annotations

from agent.core.events.base import Event, Lane, kind


@kind("walk_test.requested")
class WalkTestRequested(Event):
    """A technician asks for a walk test of `for_s`, or for its end. does: start / end."""

    does: str
    for_s: int
    by: str


@kind("walk_test.started", lane=Lane.ALARM)
class WalkTestStarted(Event):
    """Every point is being tripped on purpose: sounders are quiet, alarms are recorded as ever, for `for_s` at most."""

    for_s: int
    by: str
    request: int


@kind("walk_test.ended", lane=Lane.ALARM)
class WalkTestEnded(Event):
    """Sounders sound again, for alarms whose condition still stands. by: a person, limit or restart (of the board)."""

    by: str


@kind("walk_test.value")
class WalkTestValue(Event):
    """How far a measured value has gone in the walk test so far, in thousandths of `unit`; said once it has moved
    (by a fiftieth of its span), and again at the end. fault: of its current just now, "" for none.
    """

    moved: bool
    least_milli: int
    most_milli: int
    unit: str
    fault: str


@kind("walk_test.recorded", lane=Lane.ALARM)
class WalkTestRecorded(Event):
    """What was tripped, heard and seen is in `file`; `hash` is its SHA-256, `sig` the key's signature ("": unsigned).

    left: points, values, relays and cameras that were not tried.
    """

    file: str
    hash: str
    by: str
    key: str
    sig: str
    tried: int
    left: list[str]


@kind("relay.test_requested")
class RelayTestRequested(Event):
    """A technician asks the panel to drive this relay for `pulse_ms`."""

    pulse_ms: int
    by: str


@kind("relay.tested")
class RelayTested(Event):
    """The relay was driven as row `request` asked. ok: the line was written and no read-back contradicts.

    readback: none (not wired) / seen / missing; reason: what was wrong.
    """

    by: str
    request: int
    pulse_ms: int
    ok: bool
    readback: str
    reason: str = ""


@kind("relay.heard")
class RelayHeard(Event):
    """Somebody at the site says whether they heard or saw what the relay switches, while it was tested."""

    heard: bool
    by: str


@kind("camera.seen")
class CameraSeen(Event):
    """Somebody says whether they saw the camera's picture, and that it shows what it is to show."""

    seen: bool
    by: str
