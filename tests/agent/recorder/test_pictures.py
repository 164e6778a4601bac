"""From pictures to figures and verdicts: a drawn scene, and everything that can go wrong with its camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from sp_scene import LONG, NO_MOTION, Part, Scene, cloud, infrared, lamp, lights_on, rain, truth, walk

from agent.core.health import Health, Look
from agent.core.motion import Begun, Motion, Over, Zone, smallest
from agent.recorder import grey
from agent.recorder.background import Background
from agent.recorder.figures import Figures, edges, fit

S = 1_000_000_000
SIZE = (320, 180)
FULL = [[0, 0], [100, 0], [100, 100], [0, 100]]


def seen(picture: Any) -> Any:
    """A picture as a decoder gives it, as it is looked at."""
    return cv2.LUT(grey.small(picture), grey._FULL)


class Watch:
    """A camera that was watched for twelve minutes, with a reference."""

    def __init__(self, **more: Any) -> None:
        self.scene = Scene(*SIZE, ())
        self.figures, self.health, self.at_s = Figures(**more), Health(), 0
        self.figures.refer_to(seen(self.scene.picture(0)))
        for _ in range(40):
            self.shown(self.scene.picture(self.at_s))

    def shown(self, picture: Any) -> Look:
        """The next picture, ten seconds later."""
        self.at_s += 10
        look = self.figures.look(seen(picture), self.at_s * S)
        self.changes = self.health.look(look)
        return look

    def after(self, spoil: Callable[[Any], Any], looks: int = 30) -> list[str]:
        """What is named within five minutes of pictures spoilt so."""
        for _ in range(looks):
            self.shown(spoil(self.scene.picture(self.at_s)))
        return self.health.wrong


def covered(picture: Any) -> Any:
    """A bag over it: soft dark cloth, and the sensor's noise."""
    rng = np.random.default_rng(int(picture[0, 0]))
    cloth = cv2.resize(cv2.resize(picture, (4, 3), interpolation=cv2.INTER_AREA), SIZE) * 0.6
    return (cloth + rng.normal(0, 1.5, picture.shape)).clip(16, 235).astype(np.uint8)


def moved(picture: Any) -> Any:
    return np.roll(picture, 24, axis=1)


def turned_away(picture: Any) -> Any:
    return np.ascontiguousarray(np.flip(picture, axis=1))


FAULTS: dict[str, Callable[[Any], Any]] = {
    "black": lambda p: np.full_like(p, 17) + (p % 2),
    "over_exposed": lambda p: np.maximum(p, 234),
    "covered": covered,
    "blurred": lambda p: cv2.GaussianBlur(p, (0, 0), 4),
    "moved": moved,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoilt_picture_is_named_and_nothing_else(fault: str) -> None:
    watch = Watch()
    assert watch.after(FAULTS[fault]) == [fault]
    assert watch.after(lambda picture: picture, 10) == []


def test_a_camera_turned_away_has_moved() -> None:
    assert Watch().after(turned_away) == ["moved"]


def test_a_frozen_picture_is_named_even_with_a_running_clock_and_a_live_one_is_not() -> None:
    watch = Watch()
    still = watch.scene.picture(0)
    assert watch.after(lambda _: still, 10) == ["frozen"]
    clock = Watch()

    def running(_: Any) -> Any:
        picture = still.copy()
        cv2.putText(picture, str(clock.at_s), (6, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 235)
        return picture

    assert clock.after(running, 10) == ["frozen"]


@pytest.mark.parametrize("noise", [0.3, 1.0, 4.0])
def test_noise_keeps_a_still_scene_alive(noise: float) -> None:
    """Down to less than a level, which is what the strongest compression leaves of it."""
    scene, figures = Scene(*SIZE, (), noise=noise * 8), Figures()
    looks = [figures.look(seen(scene.finished(scene.still, 0)), n * S) for n in range(12)]
    assert max(look.still or 0 for look in looks[1:]) < 900


@pytest.mark.parametrize("part", [lights_on, cloud, infrared, rain, lamp])
def test_light_and_weather_are_no_faults(part: Callable[..., Any]) -> None:
    watch = Watch()
    for _ in range(60):
        drawn = part(watch.scene.still.copy(), 0.5, np.random.default_rng(watch.at_s))
        watch.shown(watch.scene.finished(drawn, watch.at_s))
        assert watch.changes == []


def test_the_same_view_in_other_light_fits_and_another_does_not() -> None:
    scene, other = Scene(*SIZE, ()), Scene(*SIZE, (), seed=7)
    reference = edges(seen(scene.picture(0)))
    night = scene.finished(infrared(scene.still.copy(), 0.5, np.random.default_rng(1)), 0)
    assert fit(edges(seen(scene.picture(9))), reference)[0] > 900
    alike, shift = fit(edges(seen(night)), reference)
    assert alike > 700
    assert shift < 15
    assert fit(edges(seen(other.picture(0))), reference)[0] < 300
    assert fit(edges(seen(moved(scene.picture(9)))), reference)[1] > 60
    assert fit(edges(np.full((180, 320), 90, np.uint8)), reference)[0] < 120
    assert fit(edges(np.zeros((90, 160), np.uint8)), reference) == (None, None), "another size"


@pytest.mark.long
def test_a_drawn_day_is_silent() -> None:
    """Every half minute of 24 hours: day, infrared by night, rain, a cloud, lamps in the morning and in the evening."""
    scene, figures, health = Scene(*SIZE, ()), Figures(), Health()
    figures.refer_to(seen(scene.picture(0)))
    rng = np.random.default_rng(5)
    for at in range(0, 86_400, 30):
        hour, picture = at / 3600, scene.still.copy()
        if not 6 <= hour < 18:
            picture = infrared(picture, 0.0 if at % 3600 == 0 else 0.5, rng)
        elif hour < 9:
            picture *= 0.5 + (hour - 6) / 6
        weather = {7: lights_on, 10: rain, 11: rain, 14: cloud, 16: lights_on}.get(int(hour))
        if weather is not None:
            picture = weather(picture, (at % 3600) / 3600, rng)
        assert health.look(figures.look(seen(scene.finished(picture, at)), at * S)) == [], f"at {hour:.2f} h"


MASK = [[60, 0], [100, 0], [100, 40], [60, 40]]


def masked(picture: Any, on: bool = True) -> Any:
    made = picture.copy()
    if on:
        made[:74, 190:] = 16
    return made


def test_a_camera_that_masks_is_believed_while_its_pixels_are_constant() -> None:
    watch = Watch(masks=[MASK], hidden=[MASK])
    watch.figures, watch.health = Figures([MASK], [MASK]), Health()
    assert watch.after(masked, 20) == []
    assert watch.after(lambda picture: masked(picture, on=False), 3) == ["unmasked"], "privacy waits for nobody"
    assert watch.after(masked, 10) == []


def test_a_mask_that_was_never_on_is_told() -> None:
    figures, health, scene = Figures([MASK], [MASK]), Health(), Scene(*SIZE, ())
    for n in range(4):
        health.look(figures.look(seen(scene.picture(n)), n * 2 * S))
    assert health.wrong == ["unmasked"]


# --- motion ---


def motion_in(
    parts: tuple[Part, ...], seconds: int, *, step_s: float = 0.5, zones: Any = (FULL,)
) -> list[Begun | Over]:
    scene, background = Scene(*SIZE, parts), Background(zones)
    level = smallest(5, "always", night=False)
    motion = Motion([Zone(str(n), level, level) for n in range(len(zones))])
    told = []
    for n in range(int(seconds / step_s)):
        at_s = n * step_s
        told.append(motion.look(background.look(seen(scene.picture(at_s)), int(at_s * S))))
    return [one for one in told if one is not None]


def test_all_that_moves_is_told_and_nothing_else() -> None:
    told = motion_in(LONG, 300)
    begun = [one.at_ns / S for one in told if isinstance(one, Begun)]
    wanted = truth(LONG)
    assert len(begun) == len(wanted), "once each"
    for (name, start, end), at in zip(wanted, begun, strict=True):
        assert start <= at <= end, name


@pytest.mark.parametrize("name", sorted(NO_MOTION))
def test_light_and_weather_move_nothing(name: str) -> None:
    part = next(one for one in LONG if one.name == name)
    assert motion_in((part._replace(start_s=10),), 10 + int(part.length_s) + 10) == []


def test_motion_counts_in_its_zone_only() -> None:
    left, right = ([[0, 0], [45, 0], [45, 100], [0, 100]], [[55, 0], [100, 0], [100, 100], [55, 100]])
    told = motion_in((Part("walk", 10, 6, walk(0.65, 0.9, 0.92, 0.4, 45)),), 35, zones=(left, right))
    assert [one.zones for one in told] == [("1",), ("1",)]


def test_hidden_areas_do_not_move() -> None:
    scene = Scene(*SIZE, (Part("walk", 2, 20, walk(0.3, 0.7, 0.92, 0.4, 45)),))
    background = Background((), [FULL])
    looks = [background.look(seen(scene.picture(n / 2)), n * S // 2) for n in range(20)]
    assert all(look.whole == 0 for look in looks)


def test_what_stays_becomes_background() -> None:
    scene, background = Scene(*SIZE, ()), Background()
    body = walk(0.5, 0.5, 0.9, 0.4, 40)
    rng = np.random.default_rng(1)
    sizes = []
    for n in range(90):
        picture = scene.still.copy() if n < 10 else body(scene.still.copy(), 0, rng)
        sizes.append(background.look(seen(scene.finished(picture, 0)), n * 10 * S).zones[0])
    assert sizes[12] > 100
    assert sizes[-1] < smallest(5, "always", night=False)
