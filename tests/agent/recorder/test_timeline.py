"""Timestamps: whatever a camera sends, decoding times rise and presentation never comes first."""

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from agent.recorder.timeline import JUMP_TICKS, Timeline, backfill

TB = Fraction(1, 90_000)


def placed(stamps, time_base=TB):
    timeline = Timeline(time_base)
    return [timeline.place(pts, dts) for pts, dts in stamps]


def test_regular_times_are_kept_from_zero_on():
    assert placed([(n, n) for n in range(700_000, 730_000, 3600)]) == [(n, n) for n in range(0, 30_000, 3600)]


def test_another_time_base_is_scaled():
    assert placed([(n, n) for n in range(5)], Fraction(1, 25)) == [(n * 3600, n * 3600) for n in range(5)]


def test_the_first_time_may_be_missing():
    assert placed([(None, None), (6000, 6000), (12000, 12000)]) == [(0, 0), (3600, 3600), (9600, 9600)]


def test_a_missing_time_in_between_follows_the_typical_step():
    assert placed([(0, 0), (6000, 6000), (None, None), (18000, 18000)])[2:] == [(12000, 12000), (18000, 18000)]


def test_reordered_pictures_keep_their_distance():
    stamps = [(12000, 0), (30000, 6000), (18000, 12000), (24000, 18000)]
    assert placed([(p + 50, d + 50) for p, d in stamps]) == stamps


def test_a_jump_either_way_becomes_one_ordinary_step():
    for jump in (JUMP_TICKS * 100, -JUMP_TICKS * 100):
        stamps = [(n + (jump if n > 20_000 else 0),) * 2 for n in range(0, 60_000, 6000)]
        timeline = Timeline(TB)
        assert [timeline.place(*stamp) for stamp in stamps] == [(n, n) for n in range(0, 60_000, 6000)]
        assert timeline.jumps == 1


def test_a_pause_shorter_than_the_stall_limit_is_kept():
    assert placed([(0, 0), (6000, 6000), (456_000, 456_000)])[-1] == (456_000, 456_000)


def test_jitter_backwards_is_nudged_and_forgotten():
    out = placed([(0, 0), (6000, 6000), (5990, 5990), (12000, 12000)])
    assert out == [(0, 0), (6000, 6000), (6001, 6001), (12000, 12000)]


maybe = st.none() | st.integers(-(2**40), 2**40)


@given(st.lists(st.tuples(maybe, maybe), max_size=60))
def test_whatever_comes_decoding_times_rise_and_presentation_is_never_before(stamps):
    out = placed(stamps)
    assert all(pts >= dts for pts, dts in out)
    assert all(b[1] > a[1] for a, b in itertools.pairwise(out))


def test_backfill_works_out_what_rtsp_leaves_open():
    stamps = [(None, None), (18000, None), (6000, None), (12000, 6000)]
    assert backfill(stamps) == [(0, -12000), (18000, -6000), (6000, 0), (12000, 6000)]


def test_backfill_leaves_alone_what_nothing_is_known_of():
    for stamps in ([(None, None)] * 3, [(None, None), (6000, 6000)]):
        assert backfill(stamps) == stamps


def test_times_that_stand_still_leave_pictures_as_far_apart_as_they_arrive():
    timeline = Timeline(TB)
    arrive = [n * 100_000_000 for n in range(100)]  # ten a second, and every one says the same time
    got = [timeline.place(5000, 5000, mono_ns)[1] for mono_ns in arrive]
    steps = [b - a for a, b in itertools.pairwise(got)]
    assert min(steps) > 0
    assert steps[40:] == [9000] * len(steps[40:])
    assert [timeline.place(n, n, 0)[1] - got[-1] for n in (14_000, 23_000)] == [9000, 18_000]


def test_times_that_run_backwards_leave_pictures_a_step_apart():
    timeline = Timeline(TB)
    forwards = [timeline.place(n, n, 0)[1] for n in range(900_000, 990_000, 6000)]
    backwards = [timeline.place(n, n, 0)[1] for n in range(984_000, 900_000, -6000)]
    steps = [b - a for a, b in itertools.pairwise([*forwards, *backwards])]
    assert min(steps) > 0
    assert steps.count(6000) >= len(steps) - 3
