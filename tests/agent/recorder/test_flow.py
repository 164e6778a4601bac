"""The queue: bounded in bytes, dropping whole fragments up to the next keyframe."""

import itertools

from agent.core.chain import Stamp
from agent.footage.layout import Fragment
from agent.recorder.flow import FragmentQueue, RunEnded


def fragment(number, *, key=False, size=100):
    return Fragment(1, number, b"", bytes(size), number, 1, 1, key, Stamp(0, "b", 0, "rtc"))


def numbers(queue):
    found = []
    while (item := queue.get(0)) is not None:
        found.append(item.cause if isinstance(item, RunEnded) else item.number)
    return found


def test_what_goes_in_comes_out_in_order_and_is_counted_in_bytes():
    queue = FragmentQueue(1000)
    for n in range(3):
        queue.put(fragment(n))
    assert queue.bytes == 300
    queue.end_run("over")
    assert numbers(queue) == [0, 1, 2, "over"]
    assert queue.bytes == 0


def test_a_full_queue_drops_up_to_the_next_keyframe_that_fits():
    queue = FragmentQueue(250)
    for n in range(4):
        queue.put(fragment(n, key=n == 0))
    assert numbers(queue) == [0, 1]
    queue.put(fragment(4))  # there is room again, but nothing that could be decoded
    queue.put(fragment(5, key=True))
    queue.put(fragment(6))
    assert numbers(queue) == [5, 6]
    assert queue.dropped == 3


def test_a_disk_that_stays_too_slow_costs_stretches_and_not_every_other_second():
    """It takes one in two: what is kept comes in runs of at least half a queue."""
    queue, kept = FragmentQueue(1000), []
    for n in range(200):
        queue.put(fragment(n, key=True))
        if n % 2:
            kept.append(queue.get(0).number)
    runs = [n for n, (a, b) in enumerate(itertools.pairwise(kept)) if b != a + 1]
    assert queue.bytes <= 1000
    assert len(kept) == 100
    assert len(runs) >= 5
    assert min(b - a for a, b in itertools.pairwise(runs)) >= 5


def test_it_is_finished_when_closed_and_empty():
    queue = FragmentQueue(1000)
    queue.put(fragment(1))
    queue.close()
    assert not queue.finished
    assert numbers(queue) == [1]
    assert queue.finished
