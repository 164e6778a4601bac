"""Supervised loops: bands from resistors, hysteresis, equal samples in a row, and loops that never rest."""

from __future__ import annotations

import itertools

import pytest

from agent.core.supervision import FLIPS_NS, HYSTERESIS_PPM, PPM, REST_NS, SAMPLES, Bands, Loop, Reads, ratio_ppm

MS = 1_000_000
USUAL = Bands.of(2_200, 8_200, 10_000, 10)
RESISTORS = [(2_200, 8_200, 10_000), (1_000, 1_000, 2_200), (4_700, 4_700, 4_700), (2_200, 10_000, 4_700)]


@pytest.mark.parametrize("ohms", RESISTORS)
def test_each_state_of_a_loop_by_its_resistance(ohms: tuple[int, int, int]) -> None:
    series, parallel, pull_up = ohms
    bands = Bands.of(series, parallel, pull_up, 10)
    assert bands.distinct
    for percent in (91, 100, 109):
        assert bands.read(ratio_ppm(series * percent // 100, pull_up), None) is Reads.CLOSED
        assert bands.read(ratio_ppm((series + parallel) * percent // 100, pull_up), None) is Reads.OPENED
    assert bands.read(0, None) is Reads.SHORT
    assert bands.read(PPM, None) is Reads.OPEN
    between = ratio_ppm(series + parallel // 3, pull_up)
    assert bands.read(between, None) is Reads.LEAK


def test_every_ratio_is_something_and_the_order_is_physical() -> None:
    order = [Reads.SHORT, Reads.LEAK, Reads.CLOSED, Reads.LEAK, Reads.OPENED, Reads.LEAK, Reads.OPEN]
    found = [key for key, _ in itertools.groupby(USUAL.read(ratio, None) for ratio in range(0, PPM + 1, 500))]
    assert found == order


def test_resistors_that_cannot_be_told_apart() -> None:
    assert not Bands.of(10_000, 100, 10_000, 10).distinct
    assert not Bands.of(100, 100, 100_000, 30).distinct


def test_the_band_that_counts_is_wider() -> None:
    for reads, edge, sign in ((Reads.CLOSED, USUAL.closed[1], 1), (Reads.OPENED, USUAL.opened[0], -1)):
        just_out = edge + sign * (HYSTERESIS_PPM - 1)
        assert USUAL.read(just_out, reads) is reads
        assert USUAL.read(just_out, None) is Reads.LEAK
        assert USUAL.read(edge + sign * (HYSTERESIS_PPM + 1), reads) is Reads.LEAK


def test_a_reading_counts_after_equal_samples_and_dates_from_the_first() -> None:
    loop = Loop(USUAL)
    at = [loop.sample(PPM, number * 100 * MS) for number in range(SAMPLES)]
    assert at[:-1] == [None] * (SAMPLES - 1)
    assert at[-1] is not None
    assert at[-1][:2] == (Reads.OPEN, 0)
    assert loop.sample(PPM, 10**9) is None, "said once"


def test_a_glitch_is_nothing() -> None:
    loop = Loop(USUAL)
    closed, opened = ratio_ppm(2_200, 10_000), ratio_ppm(10_400, 10_000)
    said = [loop.sample(closed, n) for n in range(SAMPLES)]
    said += [loop.sample(opened, 10), loop.sample(PPM, 11), *(loop.sample(closed, 12 + n) for n in range(SAMPLES))]
    assert [one.reads for one in said if one is not None] == [Reads.CLOSED]


def test_a_loop_that_never_rests_is_unsteady() -> None:
    loop = Loop(USUAL)
    said = [loop.sample(0 if number % 2 else PPM, number * 100 * MS) for number in range(30)]
    told = [(number, one.reads) for number, one in enumerate(said) if one is not None]
    assert [reads for _, reads in told] == [Reads.UNSTEADY]
    assert told[0][0] * 100 * MS <= FLIPS_NS
    rest = [loop.sample(0, 30 * 100 * MS + number * 100 * MS) for number in range(30)]
    back = [(number, one.reads) for number, one in enumerate(rest) if one is not None]
    assert [reads for _, reads in back] == [Reads.SHORT]
    assert back[0][0] * 100 * MS >= REST_NS - 100 * MS
