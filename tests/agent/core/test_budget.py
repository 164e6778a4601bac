"""What is given up when too much waits: lowest class first, oldest first, in stretches worth a row of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.budget import (
    RUN_LEAST,
    SPANS_MOST,
    Clip,
    Span,
    Waiting,
    clips_to_give_up,
    cost,
    excess,
    rank,
    to_give_up,
)

SIZE = 100
ONE = cost(1, SIZE)


def lane(kinds: Iterable[tuple[str, str]]) -> list[Waiting]:
    """(kind, class) of rows of one lane, every second number."""
    return [Waiting(2 * n, 2 * n - 2, kind, signal, SIZE) for n, (kind, signal) in enumerate(kinds, 1)]


def status(count: int) -> list[tuple[str, str]]:
    return [("point.changed", "status")] * count


def numbers(spans: list[Span], rows: list[Waiting]) -> list[int]:
    return [row.seq for row in rows for span in spans if span.first <= row.seq <= span.last]


def test_nothing_goes_while_the_budget_holds_and_a_tenth_more_than_needed_when_not() -> None:
    assert excess(1000, 1000) == 0
    assert excess(1001, 1000) == 101


def test_the_oldest_go_and_no_more_than_needed() -> None:
    rows = lane(status(1000))
    spans = to_give_up(lambda: rows, 100 * ONE)
    assert spans == [Span(1, 200, 100, 100 * ONE)]


def test_the_lowest_class_goes_first_wherever_it_stands() -> None:
    rows = lane([("alarm.raised", "alarm")] * 50 + status(50) + [("camera.lost", "trouble")] * 50 + status(50))
    spans = to_give_up(lambda: rows, 80 * ONE)
    assert [(rank(row)) for row in rows if row.seq in numbers(spans, rows)] == [0] * 80 + [0] * (
        sum(s.rows for s in spans) - 80
    )
    spans = to_give_up(lambda: rows, 120 * ONE)
    assert {rank(row) for row in rows if row.seq in numbers(spans, rows)} == {0, 1}


def test_alarms_go_when_nothing_else_is_left_and_what_people_signed_after_them() -> None:
    rows = lane([("alarm.raised", "alarm")] * 100 + [("hold.requested", "status")] * 100)
    spans = to_give_up(lambda: rows, 100 * ONE)
    assert numbers(spans, rows) == [row.seq for row in rows[:100]]
    spans = to_give_up(lambda: rows, 150 * ONE)
    assert numbers(spans, rows) == [row.seq for row in rows[:150]]


def test_a_gap_row_is_never_given_up() -> None:
    rows = lane([("gap", "status"), ("point.changed", "status")] * 100)
    assert not {row.seq for row in rows if row.kind == "gap"} & set(numbers(to_give_up(lambda: rows, 10**9), rows))


def test_single_rows_between_others_are_not_worth_a_gap_row() -> None:
    rows = lane([("relay.driven", "status"), ("alarm.raised", "alarm")] * 100)
    spans = to_give_up(lambda: rows, 10 * ONE)
    assert len(spans) == 1
    assert spans[0].rows >= RUN_LEAST


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [("gap", "status"), ("point.changed", "status"), ("x", "trouble"), ("y", "alarm"), ("hold.x", "status")]
        ),
        max_size=300,
    ),
    st.integers(1, 300),
)
def test_spans_are_in_order_apart_hold_what_they_say_and_free_enough_if_they_can(
    kinds: list[tuple[str, str]], many: int
) -> None:
    rows = lane(kinds)
    spans = to_give_up(lambda: rows, many * ONE)
    assert all(a.last < b.first for a, b in itertools.pairwise(spans))
    assert [len(numbers([span], rows)) for span in spans] == [span.rows for span in spans]
    assert all(span.bytes == span.rows * ONE for span in spans)
    may_go = sum(1 for kind, _ in kinds if kind != "gap")
    assert sum(span.rows for span in spans) >= min(many, may_go) or len(spans) == SPANS_MOST


def test_clips_on_hold_go_last_and_the_oldest_first() -> None:
    clips = [Clip(n, 100, n in (1, 2), "status") for n in range(1, 7)] + [Clip(7, 100, False, "alarm")]
    assert clips_to_give_up(clips, 1000) == []
    assert [clip.seq for clip in clips_to_give_up(clips, 400)] == [3, 4, 5, 6]
    assert [clip.seq for clip in clips_to_give_up(clips, 100)] == [3, 4, 5, 6, 7, 1, 2]
