"""Availability of a camera: what was recorded against what was not, by a truth that the test makes up."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from agent.core.availability import GONE, UNKNOWN, Availability, Loss, Start, Stretch, measure

NS = 1_000_000_000
DAY = 86_400
AT = 1_795_000_000 * NS
CAUSES = ("camera lost", "board lost power or was reset", "disk full", "recorder stopped")


@dataclass
class World:
    """A board that records a minute at a time, and what truly happened to it. Seconds; `ahead` is its clock's error."""

    now: float = 0.0
    boot: int = 0
    booted: float = 0.0
    ahead: float = 0.0
    lost: float = 0.0
    found: list[Stretch] = field(default_factory=list)
    causes: dict[Start, str] = field(default_factory=dict)

    def stamp(self, now: float) -> tuple[str, int, int]:
        return f"boot-{self.boot}", int((now - self.booted) * NS), AT + int((now + self.ahead) * NS)

    def record(self, length: float) -> None:
        boot, mono, at = self.stamp(self.now)
        self.found.append(Stretch(len(self.found) + 1, boot, mono, mono + int(length * NS), at, at + int(length * NS)))
        self.now += length

    def lose(self, length: float, cause: str, *, reboot: bool = False) -> None:
        self.now += length
        self.lost += length
        if reboot:
            self.boot, self.booted = self.boot + 1, self.now - 20
        boot, mono, _ = self.stamp(self.now)
        self.causes[(boot, mono)] = cause


@pytest.mark.parametrize("seed", range(6))
def test_thirty_days_of_faults_are_told_to_a_tenth_of_a_percent(seed: int) -> None:
    """Minutes of footage; losses of a second to hours, reboots, steps of the clock, jitter of arrival."""
    chance, world = random.Random(seed), World()
    share_wanted = (0.0, 0.0005, 0.01, 0.05, 0.3, 0.9)[seed]
    while world.now < 30 * DAY:
        world.record(60 - chance.random())
        world.now += chance.random() * 0.2
        if chance.random() < share_wanted:
            world.lose(
                chance.choice((1, 12, 120, 3600)) * chance.random() + 0.5,
                chance.choice(CAUSES),
                reboot=chance.random() < 0.3,
            )
        if seed and chance.random() < 0.001:
            world.ahead += chance.choice((-3600, 3600, 7))
    world.record(60)
    told = measure(world.found, world.causes, AT - DAY * NS, AT + 40 * DAY * NS, 300_000_000)
    truth = 1_000_000 * (1 - world.lost / world.now)
    assert told.ppm is not None
    assert abs(told.ppm - truth) <= 1_000
    assert set(told.missing) <= set(CAUSES)
    assert sum(loss.holes for loss in told.missing.values()) == len(world.causes)
    assert (told.ppm == 1_000_000) is (not world.causes)


def stretch(seq: int, start: float, end: float, boot: str = "b", ahead: float = 0) -> Stretch:
    at = (AT + int((start + ahead) * NS), AT + int((end + ahead) * NS))
    return Stretch(seq, boot, int(start * NS), int(end * NS), *at)


def of(
    *stretches: Stretch, causes: dict[Start, str] | None = None, start: float = 0, end: float = 1000
) -> Availability:
    return measure(stretches, causes or {}, AT + int(start * NS), AT + int(end * NS), 300_000_000)


CASES: dict[str, tuple[Availability, int | None, dict[str, Loss]]] = {
    "nothing at all is no data": (of(), None, {}),
    "one piece": (of(stretch(1, 100, 160)), 1_000_000, {}),
    "a hole without a word": (
        of(stretch(1, 0, 60), stretch(2, 100, 160)), 750_000, {UNKNOWN: Loss(1, 40 * NS)},
    ),
    "a hole with its cause": (
        of(stretch(1, 0, 60), stretch(2, 100, 160), causes={("b", 100 * NS): "disk full"}),
        750_000, {"disk full": Loss(1, 40 * NS)},
    ),
    "jitter is no hole": (of(stretch(1, 0, 60), stretch(2, 60.2, 120)), 1_000_000, {}),
    "a short gap that was written down is one": (
        of(stretch(1, 0, 60), stretch(2, 60.2, 100), causes={("b", 60_200_000_000): "camera lost"}),
        998_000, {"camera lost": Loss(1, 200_000_000)},
    ),
    "what expired counts neither way": (of(stretch(1, 0, 60), stretch(3, 120, 180)), 1_000_000, {}),
    "a step of the clock is no hole": (of(stretch(1, 0, 60), stretch(2, 60, 120, ahead=500)), 1_000_000, {}),
    "a step back hides none": (
        of(stretch(1, 0, 60), stretch(2, 100, 160, ahead=-50)), 750_000, {UNKNOWN: Loss(1, 40 * NS)},
    ),
    "of two boots by UTC": (
        of(stretch(1, 0, 60), stretch(2, 100, 160, boot="c")), 750_000, {UNKNOWN: Loss(1, 40 * NS)},
    ),
    "only what lies in the time": (
        of(stretch(1, 0, 60), stretch(2, 100, 160), start=50, end=110), 333_333, {UNKNOWN: Loss(1, 40 * NS)},
    ),
    "a hole at the edge in part": (
        of(stretch(1, 0, 60), stretch(2, 100, 160), start=80, end=110), 333_333, {UNKNOWN: Loss(1, 20 * NS)},
    ),
    "a hole all over it": (
        of(stretch(1, 0, 60), stretch(2, 100, 160), start=70, end=90), 0, {UNKNOWN: Loss(1, 20 * NS)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_counts(name: str) -> None:
    told, ppm, missing = CASES[name]
    assert (told.ppm, told.missing) == (ppm, missing)


def test_what_expired_is_told_apart() -> None:
    told = of(stretch(1, 0, 60), stretch(3, 120, 180))
    assert (told.gone_ns, GONE in told.missing) == (60 * NS, False)


def test_it_begins_with_the_first_footage() -> None:
    assert of(stretch(5, 300, 360)).from_ns == AT + 300 * NS
