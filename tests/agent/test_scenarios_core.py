"""Every scenario on the core alone: the Decider on a clock of its own, so that minutes take milliseconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sp_scenario
from sp_core import MS, Core
from sp_scenario import Play, Trace, of, play, scenarios, verdict

from agent.config import load
from hw.simulator.scenario import ScenarioError


class CoreWorld:
    """A World of plain calls."""

    def __init__(self, scenario: Play) -> None:
        self.core = Core(scenario.config)
        self.core.events, self.core.drives = [], []
        self._first = dict(self.core.decider.energised())

    def _ns(self, at_ms: float) -> int:
        return self.core.origin_ns + round(at_ms * MS)

    def to(self, at_ms: float) -> None:
        self.core.to(self._ns(at_ms))

    def now_ms(self) -> float:
        return (self.core.now_ns - self.core.origin_ns) / MS

    def contact(self, point: str, closed: bool) -> None:
        self.core.contact(point, closed)

    def closed(self, point: str) -> bool:
        return self.core.levels[point]

    def power(self, on: bool) -> None:
        if on:
            self.core.boots()
        else:
            self.core.cut_power()

    def ask(self, does: str, alarm: str) -> None:
        self.core.request(does, alarm)

    def trace(self) -> Trace:
        origin = self.core.origin_ns
        return Trace(
            at_first=self._first,
            relays=[(relay, on, (at - origin) / MS) for relay, on, at in self.core.drives],
            events=[(event.KIND, event.source, (at - origin) / MS) for event, at in self.core.events],
        )


@pytest.mark.parametrize("path", scenarios(), ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    scenario = of(path)
    assert verdict(scenario, play(scenario, CoreWorld(scenario))) == ""


def test_there_are_enough_of_them_and_some_must_fail() -> None:
    plays = [of(path) for path in scenarios()]
    assert len([one for one in plays if not one.must_fail]) >= 12
    assert len([one for one in plays if one.must_fail]) >= 3


@pytest.mark.parametrize("path", [p for p in scenarios() if not of(p).must_fail], ids=lambda path: path.stem)
def test_each_expectation_would_be_missed(path: Path) -> None:
    """A panel that says and drives nothing, or everything for ever, or all of it late, does not pass."""
    scenario = of(path)
    world = CoreWorld(scenario)
    assert play(scenario, world) == []
    told = world.trace()
    relays, events = {r for r, _, _ in told.relays}, {(k, s) for k, s, _ in told.events}
    awaited = [s for s in scenario.steps if isinstance(s, sp_scenario.Expect) and s.how in ("turns", "said")]
    unwanted = [s for s in scenario.steps if isinstance(s, sp_scenario.Expect) and s.how in ("stays", "unsaid")]
    silent = replace(told, relays=[], events=[])
    assert len(scenario.wrong(silent, {})) >= len(awaited)
    late = replace(told, relays=[(r, on, at + 9000) for r, on, at in told.relays],
                   events=[(k, s, at + 9000) for k, s, at in told.events])  # fmt: skip
    assert len(scenario.wrong(late, {})) >= len(awaited)
    ticks = range(0, scenario.end_ms, 20)
    noisy = replace(
        told,
        relays=[(r, bool(i % 2), at) for r in relays | set(told.at_first) for i, at in enumerate(ticks)],
        events=[(k, s, at) for k, s in events | {(e.what, e.of) for e in unwanted} for at in ticks],
    )
    assert len(scenario.wrong(noisy, {})) >= len(unwanted)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at 0 s demand closes", "nothing is expected"),
        ("at 0 s expect horn energised at 1 s, within 1 s", "no relay 'horn'"),
        ("at 0 s expect siren energised at settle, within 1 s", "no contact moves in this line"),
        ("at 0 s demand closes; expect siren energised at held_open_for_s, within 1 s", "no time of this site"),
        ("at 0 s demand closes; expect siren energised at settle_ms + pin, within 1 s", "no time of this site"),
        ("at 0 s demand closes; expect siren loud at 1 s, within 1 s", "not understood: 'expect siren loud"),
        ("at 0 s demands closes; expect siren energised at 1 s, within 1 s", "did you mean demand?"),
    ],
)
def test_what_makes_no_sense_is_told(text: str, says: str) -> None:
    with pytest.raises((ValueError, ScenarioError), match=says):
        Play(text, load(sp_scenario.SITE))


def test_a_contact_that_does_not_stay_as_it_is_said_to_is_found() -> None:
    scenario = Play(
        "at 0 s demand closes; demand stays open; expect siren stays released for 1 s", load(sp_scenario.SITE)
    )
    with pytest.raises(AssertionError, match="demand does not stay"):
        play(scenario, CoreWorld(scenario))


def test_a_scenario_that_must_fail_and_does_not_is_wrong() -> None:
    scenario = Play(
        "must fail: no\nat 0 s door opens; expect lamp energised at settle, within 50 ms", load(sp_scenario.SITE)
    )
    assert "everything came true" in verdict(scenario, play(scenario, CoreWorld(scenario)))
