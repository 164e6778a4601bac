"""Back-off: ceilings double up to the most, jitter scales them, a success starts over."""

import random

import pytest

from agent.core.backoff import Backoff


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
