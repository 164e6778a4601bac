"""Verdicts on cameras: each fault named in time and taken back, and a day of everything that is none in silence."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterable, Iterator

import pytest

from agent.core.events import KINDS
from agent.core.health import FAULTS, NAMES, Change, Flow, Health, Limits, Look

S = 1_000_000_000
DAY_S = 86_400
NAMED_WITHIN_S = 300


def day(seconds: int, step_s: int = 2, seed: int = 1) -> Iterator[Look]:
    """Figures of a healthy camera: daylight that comes and goes, infrared at night, rain, lamps, a door, cloud, noise.

    The numbers are those that a rendered scene gives (tests/agent/recorder/test_figures.py looks at that).
    """
    rng = random.Random(seed)
    for at in range(0, seconds, step_s):
        hour = at / 3600 % 24
        light = max(0.0, math.sin((hour - 6) / 12 * math.pi)) if 6 <= hour <= 18 else 0.0
        mean, sharp, flat = 60 + 60 * light, 560 + 80 * light, 120 - 80 * light
        if light < 0.05:  # infrared: another brightness, less texture, darker rim
            mean, sharp, flat = 78, 540, 190
        if 9 * 60 <= at // 60 % 1440 < 10 * 60 and rng.random() < 0.9:  # rain
            sharp, flat = sharp * 1.1, flat * 0.9
        if int(hour) in (7, 19, 20):  # the lamps are on
            mean, sharp, flat = min(230, mean * 1.5 + 18), sharp * 0.72, flat + 20
        switching = at % DAY_S in range(6 * 3600 + 1150, 6 * 3600 + 1156) or rng.random() < 0.0002
        if switching:  # the picture is white for a moment
            yield Look(at * S, 252, 6, 860, 640, 1050, 0)
            continue
        still = 0 if rng.random() < 0.9 else rng.randrange(300)
        mean, flat = mean + rng.gauss(0, 2), max(0.0, flat + rng.gauss(0, 10))
        alike = round(700 + 100 * light + rng.gauss(0, 20)) if light else round(420 + rng.gauss(0, 25))
        shift = 0 if rng.random() < 0.95 else 6
        yield Look(at * S, round(mean), 35, round(rng.random() * 20), round(flat), round(sharp + rng.gauss(0, 12)),
                   still, alike, shift, rng.randrange(4))  # fmt: skip


def flows(seconds: int, step_s: int = 10, seed: int = 1) -> Iterator[Flow]:
    """A healthy stream: half the pictures by night, a tenth of the bits, a clock that is a second off."""
    rng = random.Random(seed)
    for at in range(0, seconds, step_s):
        night = not 6 <= at / 3600 % 24 <= 18
        fps = (12_500 if night else 25_000) * rng.uniform(0.9, 1.05)
        yield Flow(
            at * S, round(fps), round((400 if night else 4000) * rng.uniform(0.7, 1.4)), rng.randrange(-900, 900)
        )


def told(health: Health, looks: Iterable[Look]) -> list[Change]:
    return [change for look in looks for change in health.look(look)]


@functools.cache
def _afternoon() -> tuple[Health, Look]:
    health = Health()
    looks = [look for look in day(14 * 3600, 4) if look.mono_ns >= 12 * 3600 * S]
    assert told(health, looks) == []
    return health, looks[-1]


def seasoned(limits: Limits | None = None) -> tuple[Health, Look]:
    """A camera that has been watched for two hours of the day, and its last look."""
    health, last = _afternoon()
    new = Health(limits or Limits())
    new.usual.take_up(health.usual.kept())
    new.look(last)
    return new, last


def test_a_healthy_day_is_silent(rounds) -> None:
    health = Health()
    assert told(health, day(DAY_S * rounds(1, 7))) == []
    assert [change for flow in flows(DAY_S * rounds(1, 7)) for change in health.flow(flow)] == []


WRONG: dict[str, dict[str, int]] = {
    "black": {"mean": 4, "spread": 2, "flat": 1000, "sharpness": 90, "alike": 3, "shift": 80},
    "over_exposed": {"mean": 250, "bright": 900, "flat": 950, "sharpness": 30, "still": 990, "alike": 0, "shift": 60},
    "covered": {"mean": 90, "spread": 6, "flat": 980, "sharpness": 60, "alike": 10, "shift": 70},
    "frozen": {"still": 1000},
    "blurred": {"sharpness": 60, "alike": 160, "shift": 0},
    "moved": {"alike": 40, "shift": 70},
    "unmasked": {"unmasked": 400},
}


@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.parametrize("every_s", [1, 2, 10])
def test_each_fault_is_named_once_in_time_and_taken_back(fault: str, every_s: int) -> None:
    health, last = seasoned()
    at = [last.mono_ns + n * every_s * S for n in range(1, 1200 // every_s)]
    wrong = told(health, [last._replace(mono_ns=ns, **WRONG[fault]) for ns in at])
    assert [(change.fault, change.wrong) for change in wrong] == [(fault, True)], "it, and nothing that it explains"
    assert health.wrong == [fault]
    began = at[0]
    again = [last._replace(mono_ns=at[-1] + n * every_s * S) for n in range(1, 600 // every_s)]
    (cleared,) = told(health, again)
    assert (cleared.fault, cleared.wrong, health.wrong) == (fault, False, [])
    assert began < cleared.since_ns <= began + NAMED_WITHIN_S * S


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_is_named_within_five_minutes_and_not_at_once(fault: str) -> None:
    health, last = seasoned()
    at_s = 0
    while not health.wrong:
        at_s += 2
        health.look(last._replace(mono_ns=last.mono_ns + at_s * S, **WRONG[fault]))
        assert at_s < NAMED_WITHIN_S, f"{fault} is not named"
    rule = next(f for f in FAULTS if f.name == fault)
    assert at_s > rule.after_s


def test_what_lasts_a_moment_is_no_fault() -> None:
    health, last = seasoned()
    ns = last.mono_ns
    for fault, figures in WRONG.items():
        if fault == "unmasked":
            continue  # privacy waits for nobody
        for _ in range(20):  # 40 s of it, then 10 s without, again and again
            for n in range(25):
                ns += 2 * S
                look = last._replace(mono_ns=ns, **(figures if n < 20 else {}))
                assert health.look(look) == [], fault


def test_a_still_scene_with_noise_is_not_frozen_and_a_running_clock_saves_no_frozen_one() -> None:
    health, last = seasoned()
    noise = [last._replace(mono_ns=last.mono_ns + n * 2 * S, still=800) for n in range(1, 600)]
    assert told(health, noise) == [], "four fifths of the blocks equal: a dark room, strongly compressed"
    clock = [last._replace(mono_ns=noise[-1].mono_ns + n * 2 * S, still=972) for n in range(1, 300)]
    assert [change.fault for change in told(health, clock)] == ["frozen"], "four of 144 blocks are its clock"


def test_a_camera_that_is_dark_every_night_is_black_and_may_be_left_alone() -> None:
    health, last = seasoned(Limits(ignore=frozenset({"black"})))
    looks = [last._replace(mono_ns=last.mono_ns + n * 2 * S, **WRONG["black"]) for n in range(1, 300)]
    assert "black" not in [change.fault for change in told(health, looks)]


def test_blur_is_judged_by_pictures_of_like_brightness_only() -> None:
    health = Health()
    looks = [Look(n * 2 * S, 150, 40, 0, 50, 600, 0) for n in range(600)]
    dark = [Look((600 + n) * 2 * S, 20, 15, 0, 400, 150, 0) for n in range(600)]
    assert told(health, looks + dark) == [], "it has never seen the dark, and does not know what is usual then"


def test_a_fault_that_stays_does_not_become_usual() -> None:
    health, last = seasoned()
    looks = [last._replace(mono_ns=last.mono_ns + n * 30 * S, **WRONG["blurred"]) for n in range(1, 2 * 1440)]
    assert [change.wrong for change in told(health, looks)] == [True], "for a whole day"


def test_pictures_that_cannot_be_compared_are_no_verdict() -> None:
    health, last = seasoned()
    unknown = last._replace(alike=None, shift=None, still=None, unmasked=None)
    assert told(health, [unknown._replace(mono_ns=last.mono_ns + n * 2 * S) for n in range(1, 300)]) == []


def test_after_a_silence_waiting_begins_anew() -> None:
    health, last = seasoned()
    bad = last._replace(**WRONG["black"])
    for n in range(40):  # a look every two minutes is no watch at all
        assert health.look(bad._replace(mono_ns=last.mono_ns + n * 120 * S)) == []


def test_what_is_usual_survives_a_restart_and_junk_does_not_matter() -> None:
    health, last = seasoned()
    new = Health()
    new.usual.take_up(health.usual.kept())
    new.named("black", 5)
    assert new.wrong == ["black"]
    assert told(new, [last._replace(mono_ns=n * 2 * S) for n in range(20)])[0].fault == "black", "and taken back"
    blurred = [last._replace(mono_ns=(100 + n) * 2 * S, **WRONG["blurred"]) for n in range(120)]
    assert [change.fault for change in told(new, blurred)] == ["blurred"], "though this run has seen little else"
    new.usual.take_up({"flat": "x", "kbit_s": [1], "fps_milli": [1, -4], "other": 3})


@pytest.mark.parametrize(
    ("limits", "flow", "fault"),
    [
        (Limits(), {"fps_milli": 6_000}, "slow"),
        (Limits(least_fps=20), {"fps_milli": 18_000}, "slow"),
        (Limits(), {"kbit_s": 60}, "thin"),
        (Limits(least_kbit_s=1000), {"kbit_s": 800}, "thin"),
        (Limits(), {"clock_off_ms": -90_000}, "wrong_time"),
        (Limits(clock_off_s=2), {"clock_off_ms": 2_500}, "wrong_time"),
    ],
)
def test_a_stream_that_is_wrong_is_named_and_taken_back(limits: Limits, flow: dict[str, int], fault: str) -> None:
    health = Health(limits)
    good = [Flow(n * 10 * S, 25_000, 4_000, 100) for n in range(200)]
    bad = [good[0]._replace(mono_ns=(200 + n) * 10 * S, **flow) for n in range(30)]
    after = [good[0]._replace(mono_ns=(230 + n) * 10 * S) for n in range(30)]
    changes = [change for one in [*good, *bad, *after] for change in health.flow(one)]
    assert [(change.fault, change.wrong) for change in changes] == [(fault, True), (fault, False)]
    assert changes[1].since_ns - bad[0].mono_ns <= NAMED_WITHIN_S * S


def test_every_fault_has_its_two_rows() -> None:
    assert {f"camera.{name}" for name in NAMES} | {f"camera.{name}_cleared" for name in NAMES} <= set(KINDS)
    assert all(fault.after_s <= 200 for fault in FAULTS)
