"""Many numbers as people write them."""

import random

import pytest

from agent.core.numbers import ranges, read_numbers, read_ranges, written


def test_written_and_read_again():
    for seed in range(50):
        numbers = random.Random(seed).sample(range(1, 200), seed * 3)
        assert read_numbers(written(numbers)) == sorted(numbers)
        assert read_ranges(written(numbers)) == ranges(numbers)
    assert written([7, 5, 6, 9]) == "5-7,9"
    assert written([]) == ""


@pytest.mark.parametrize("text", ["5-", "a", "5--7", "5-7-9", "1;2"])
def test_what_was_not_written_so_is_refused(text):
    with pytest.raises(ValueError, match="neither a number"):
        read_numbers(text)
