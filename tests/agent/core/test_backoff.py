"""Back-off: ceilings double up to the most, jitter scales them, a success starts over."""

import random

import pytest

from agent.core.backoff import Backoff, Early


def test_ceilings_double_up_to_the_most_and_stay_there():
    backoff = Backoff(1, 30, lambda: 1.0)
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_scales_each_wait():
    draws = iter([0.0, 0.5, 0.25])
    backoff = Backoff(2, 60, lambda: next(draws))
    assert [backoff.next() for _ in range(3)] == [0.0, 2.0, 2.0]


def test_reset_starts_over():
    backoff = Backoff(1, 30, lambda: 1.0)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() == 1


def test_waits_never_leave_their_bounds_however_often():
    backoff = Backoff(0.5, 20, random.Random(7).random)
    waits = [backoff.next() for _ in range(5000)]  # far beyond where 2**n would overflow a float
    assert all(0 <= wait <= 20 for wait in waits)
    assert max(waits) > 15


@pytest.mark.parametrize(("first_s", "most_s"), [(0, 5), (-1, 5), (6, 5)])
def test_senseless_bounds_are_refused(first_s, most_s):
    with pytest.raises(ValueError, match="makes no sense"):
        Backoff(first_s, most_s, random.random)


def test_the_ceiling_stays_low_until_the_waits_have_come_to_the_first_minutes():
    backoff = Backoff(1, 60, lambda: 1.0, Early(5, 30))
    waits = [backoff.next() for _ in range(14)]
    assert waits == [1, 2, 4, 5, 5, 5, 5, 5, 10, 20, 40, 60, 60, 60]
    backoff.reset()
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_whoever_refuses_is_not_hurried():
    backoff = Backoff(1, 60, lambda: 1.0, Early(5, 30))
    assert [backoff.next() for _ in range(4)] == [1, 2, 4, 5]
    assert [backoff.next(hurry=False) for _ in range(4)] == [5, 10, 20, 40]
    assert backoff.next() == 60


def test_first_minutes_never_raise_a_ceiling_beyond_its_bounds():
    backoff = Backoff(2, 4, random.Random(3).random, Early(1, 100))
    assert all(backoff.next() <= 4 for _ in range(500))
