"""Clip windows: matched by monotonic time within a boot, by UTC across boots; when a clip can be cut."""

from typing import NamedTuple

import pytest

from agent.core.chain import Stamp
from agent.core.clips import Window, can_be_cut, covered_ns, has_failed, overlap_ns, since_ns

S = 1_000_000_000


def stamp(mono_s, boot="a", at_s=None):
    return Stamp(int((1000 + mono_s if at_s is None else at_s) * S), boot, int(mono_s * S), "synced")


class Stretch(NamedTuple):
    start: Stamp
    end: Stamp


def stretch(start_s, end_s, boot="a", at_s=None):
    ends = (None, None) if at_s is None else (at_s, at_s + end_s - start_s)
    return Stretch(stamp(start_s, boot, ends[0]), stamp(end_s, boot, ends[1]))


WINDOW = Window.around(stamp(100), 15, 45)


def test_the_window_reaches_from_before_to_after():
    assert (WINDOW.start.mono_ns, WINDOW.end.mono_ns) == (85 * S, 145 * S)
    assert WINDOW.length_ns == 60 * S


@pytest.mark.parametrize(
    ("start_s", "end_s", "overlap_s"),
    [(0, 85, 0), (0, 86, 1), (90, 100, 10), (80, 150, 60), (144, 200, 1), (145, 200, 0), (200, 260, -55)],
)
def test_overlap_within_a_boot(start_s, end_s, overlap_s):
    assert overlap_ns(WINDOW, stretch(start_s, end_s)) == overlap_s * S


def test_a_clock_that_was_set_back_a_year_changes_nothing_within_a_boot():
    footage = stretch(90, 100, at_s=1000 + 90 - 365 * 86400)
    assert overlap_ns(WINDOW, footage) == 10 * S


def test_footage_of_another_boot_is_matched_by_utc():
    assert overlap_ns(WINDOW, stretch(5, 15, boot="b", at_s=1100)) == 10 * S
    assert overlap_ns(WINDOW, stretch(90, 100, boot="b", at_s=5000)) < 0


def test_covered_counts_holes_but_not_jitter_and_nothing_twice():
    assert covered_ns(WINDOW, [stretch(80, 110), stretch(110.2, 150)]) == 60 * S
    assert covered_ns(WINDOW, [stretch(80, 110), stretch(120, 150)]) == 50 * S
    assert covered_ns(WINDOW, [stretch(80, 150), stretch(90, 100)]) == 60 * S
    assert covered_ns(WINDOW, []) == 0


def test_since_is_monotonic_within_a_boot_and_utc_across():
    assert since_ns(stamp(10, at_s=0), stamp(4, at_s=9000)) == 6 * S
    assert since_ns(stamp(10, boot="b", at_s=500), stamp(4, at_s=100)) == 400 * S


@pytest.mark.parametrize(
    ("now_s", "recorded_s", "recording", "can"),
    [
        (144, 200, True, False),  # the post-roll is not over, whatever is on disk
        (146, 145, True, True),
        (146, 144, True, False),  # the last fragment is on its way
        (176, 144, True, True),  # it has been waited for long enough
        (149, 120, False, False),
        (151, 120, False, True),  # the camera is lost: no more will come
        (151, None, False, True),
    ],
)
def test_when_a_clip_can_be_cut(now_s, recorded_s, recording, can):
    recorded = None if recorded_s is None else stamp(recorded_s)
    assert can_be_cut(WINDOW, stamp(now_s), recorded, recording=recording) is can


def test_a_clip_has_failed_two_minutes_after_its_post_roll():
    assert not has_failed(WINDOW, stamp(145 + 119))
    assert has_failed(WINDOW, stamp(145 + 121))
