"""Plays a scenario with the hands of the simulated world."""

from __future__ import annotations

from collections.abc import Callable

from hw.simulator.board import News
from hw.simulator.hands import Agenda, Hands
from hw.simulator.scenario import Camera, Chatter, Contact, Press, Scenario, Step

MS = 1_000_000
SLACK_MS = 10  # what lasts for a while ends that long after it really began, a little after its plan


def play(scenario: Scenario, hands: Hands, agenda: Agenda, tell: Callable[[News], None]) -> None:
    """Plan a round of the scenario from now on, and the next one after it if it repeats."""
    _plan_round(scenario, hands, agenda, tell, agenda.now_ns())


def _plan_round(scenario: Scenario, hands: Hands, agenda: Agenda, tell: Callable[[News], None], start_ns: int) -> None:
    tell(News("scenario", "", "begins"))
    for step in scenario.steps:
        agenda.at(start_ns + step.at_ms * MS, _doing(step, hands))
    if scenario.repeat_ms:
        again_ns = start_ns + scenario.repeat_ms * MS
        agenda.at(again_ns, lambda: _plan_round(scenario, hands, agenda, tell, again_ns))
    else:
        end_ms = max((step.end_ms for step in scenario.steps), default=0)
        agenda.at(start_ns + (end_ms + SLACK_MS) * MS, lambda: tell(News("scenario", "", "ends")))


def _doing(step: Step, hands: Hands) -> Callable[[], None]:
    def do() -> None:
        match step:
            case Contact():
                hands.contact(step.point, step.closed, step.for_ms)
            case Press():
                hands.pulse(step.point, step.for_ms)
            case Chatter():
                hands.chatter(step.point, step.hz, step.for_ms)
            case Camera():
                hands.camera(step.camera, step.does, step.for_ms)
            case _:
                raise OSError(f"the simulator cannot play {type(step).__name__}")

    return do
