"""Motion told once and ended once; light is none; sizes of packets; allowances."""

from __future__ import annotations

import random

import pytest

from agent.core.motion import PLACES_MAX, SMALLEST, Allowance, Begun, Motion, Over, Seen, Surge, Zone, smallest

S = 1_000_000_000
ALL = Zone("", 24, 24)


def fed(motion: Motion, sizes: list[int], step_s: float = 2.0, start: int = 0, **more: bool) -> list[Begun | Over]:
    looks = [Seen(round((start + n) * step_s * S), [size], size) for n, size in enumerate(sizes)]
    return [told for look in looks if (told := motion.look(look, **more)) is not None]


def test_motion_is_told_once_and_ended_once() -> None:
    begun, over = fed(Motion([ALL]), [0, 0, 200, 150, 0, 180, 0, 0, 0, 0, 0, 0, 0, 0])
    assert isinstance(begun, Begun)
    assert isinstance(over, Over)
    assert (begun.at_ns, begun.size, over.size) == (4 * S, 200, 200)
    assert (over.begun_ns, over.last_ns) == (4 * S, 10 * S), "the pause of one look is no end"


def test_a_small_thing_must_be_seen_twice_a_plain_one_once() -> None:
    assert fed(Motion([ALL]), [0, 30, 0, 0, 30, 0, 0, 30, 0, 0]) == []
    assert len(fed(Motion([ALL]), [0, 30, 0, 31])) == 1
    assert len(fed(Motion([ALL]), [0, 3 * 24, 0])) == 1


@pytest.mark.parametrize("light", [[5000], [5000, 9000], [4000, 0, 0, 4000]])
def test_light_is_no_motion(light: list[int]) -> None:
    assert fed(Motion([ALL]), [0, 0, *light, 0, 0, 0]) == []


def test_what_comes_with_the_light_settles_first() -> None:
    assert fed(Motion([ALL]), [0, 5000, 300, 300, 0, 0], step_s=0.5) == [], "the camera's exposure goes after it"


def test_something_right_before_the_lens_is_motion() -> None:
    assert len(fed(Motion([ALL]), [0, 5000, 6000, 5500, 6000])) == 1


def test_zones_by_day_and_by_night() -> None:
    gate = Zone("gate", smallest(5, "night", False), smallest(5, "night", True))
    yard = Zone("yard", smallest(5, "day", False), smallest(9, "day", True))
    assert (gate.by_day, yard.by_night) == (None, None)
    seen = Seen(0, [100, 200], 300)
    day, night = Motion([gate, yard]).look(seen), Motion([gate, yard]).look(seen, night=True)
    assert isinstance(day, Begun)
    assert isinstance(night, Begun)
    assert (day.zones, night.zones) == (("yard",), ("gate",))


def test_all_zones_in_which_it_moved_are_told_at_the_end() -> None:
    motion = Motion([Zone("a", 24, 24), Zone("b", 24, 24)], hold_s=3)
    motion.look(Seen(0, [100, 0], 100))
    motion.look(Seen(2 * S, [0, 120], 120))
    over = motion.look(Seen(9 * S, [0, 0], 0))
    assert isinstance(over, Over)
    assert (over.zones, over.size) == (("a", "b"), 120)


def test_a_camera_that_is_lost_ends_what_moved() -> None:
    motion = Motion([ALL])
    assert motion.end() is None
    fed(motion, [0, 200])
    over = motion.end()
    assert over is not None
    assert not motion.moving


def test_sensitivity_goes_one_way() -> None:
    assert list(SMALLEST) == sorted(SMALLEST, reverse=True)
    assert [smallest(n, "always", night) for n in (1, 9) for night in (True, False)] == [SMALLEST[0]] * 2 + [
        SMALLEST[8]
    ] * 2


def sizes(count: int, rng: random.Random) -> list[int]:
    return [round(rng.gauss(8000, 600)) for _ in range(count)]


def test_packets_that_grow_say_so_and_noise_does_not() -> None:
    rng, surge = random.Random(3), Surge()
    quiet = []
    for _ in range(60):
        surge.keyframe()
        quiet += [surge.see(size) for size in sizes(49, rng)]
    assert sum(quiet) <= len(quiet) // 200, "now and then one that is none"
    surge.keyframe()
    moving = [surge.see(round(size * 1.5)) for size in sizes(30, rng)]
    assert any(moving[:12]), "within half a second"


def falling(rng: random.Random, rise: tuple[int, int, float] = (0, 0, 1.0)) -> list[int]:
    """A group of a camera with a variable bit rate: less and less after the keyframe. rise: from, until, times."""
    first, last, times = rise
    return [round(5000 / (1 + n / 12) * rng.uniform(0.7, 1.4) * (times if first <= n < last else 1)) for n in range(49)]


@pytest.mark.parametrize("first", [0, 12, 24, 36])
def test_what_is_more_than_usual_at_its_place_is_seen_though_less_than_elsewhere(first: int) -> None:
    rng, surge = random.Random(5), Surge()
    quiet = []
    for _ in range(60):
        surge.keyframe()
        quiet += [surge.see(size) for size in falling(rng)]
    assert sum(quiet) <= len(quiet) // 200
    surge.keyframe()
    moving = [surge.see(size) for size in falling(rng, (first, first + 25, 1.6))]
    assert any(moving[first : first + 20])


def hunting(rng: random.Random, count: int) -> list[tuple[int, int]]:
    """(size, quantiser) of a camera that keeps to a bit rate, in much noise: now coarser and smaller, now the other."""
    found = []
    for _ in range(count):
        quantiser = rng.choice((25, 26, 26, 27, 27, 28))
        found.append((round(9000 * 2 ** ((26 - quantiser) / 2) * rng.uniform(0.85, 1.15)), quantiser))
    return found


def coarser(packets: list[tuple[int, int]], steps: int) -> list[tuple[int, int]]:
    """As much as before, of pictures in which more changes."""
    return [(size, quantiser + steps) for size, quantiser in packets]


def test_coarser_pictures_of_the_same_size_say_so_and_a_rate_that_is_kept_does_not() -> None:
    rng, told, sizes_only = random.Random(7), Surge(), Surge()
    quiet = []
    for _ in range(60):
        told.keyframe()
        sizes_only.keyframe()
        for size, quantiser in hunting(rng, 49):
            quiet.append(told.see(size, quantiser))
            sizes_only.see(size)
    assert sum(quiet) <= len(quiet) // 200
    told.keyframe()
    sizes_only.keyframe()
    packets = hunting(rng, 12) + coarser(hunting(rng, 25), 2)
    seen = [told.see(*packet) for packet in packets]
    assert not any(seen[:12])
    assert any(seen[12:24]), "within half a second"
    assert not any(sizes_only.see(size) for size, _ in packets)


def test_a_little_over_many_packets_says_as_much_as_a_lot_over_few() -> None:
    for times, within in ((1.15, 49), (3.0, 3)):
        rng, surge = random.Random(9), Surge()
        for _ in range(30):
            surge.keyframe()
            for size in sizes(49, rng):
                surge.see(size)
        surge.keyframe()
        assert any(surge.see(round(size * times)) for size in sizes(within, rng))


def test_a_packet_that_does_not_tell_is_as_coarse_as_the_one_before() -> None:
    rng, surge = random.Random(7), Surge()
    for _ in range(60):
        surge.keyframe()
        for place, size in enumerate(sizes(49, rng)):
            surge.see(size, None if place % 3 else 40)
    surge.keyframe()
    assert not any(surge.see(size, None if place % 2 else 40) for place, size in enumerate(sizes(49, rng)))


def test_groups_without_an_end_are_bounded() -> None:
    surge = Surge()
    assert not any(surge.see(5000 if number < PLACES_MAX else 50_000) for number in range(20 * PLACES_MAX))
    assert len(surge._places) == PLACES_MAX


def test_what_stays_larger_becomes_usual() -> None:
    rng, surge = random.Random(3), Surge()
    risen = []
    for times in (1,) * 60 + (2,) * 400:
        surge.keyframe()
        risen.append(sum(surge.see(times * size) for size in sizes(49, rng)))
    assert all(risen[60:70])
    assert not any(risen[-6:])


def test_an_allowance_saves_and_is_overdrawn() -> None:
    allowance = Allowance(rate=0.1, most_s=2.0)
    assert allowance.left(0) == 2.0
    allowance.spend(2.5)
    assert allowance.left(0) == -0.5
    assert allowance.left(5.0) == pytest.approx(0.0)
    assert allowance.left(1000.0) == 2.0
    assert allowance.left(900.0) == 2.0, "a clock that goes back gives nothing and takes nothing"
