"""One lane seen by its reader: nothing missing is ever called complete, and nothing complete stays unsaid."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.continuity import GAPS_MAX, STRETCHES_MAX, ContinuityError, LaneBook

START = b"start"


def rows(seqs: list[int]) -> dict[int, int]:
    """seq -> the row before it."""
    return dict(zip(seqs, [0, *seqs], strict=False))


def hash_of(seq: int) -> bytes:
    return b"hash %d" % seq


def book(*seqs: int, of: dict[int, int], upto: int = 0) -> LaneBook:
    made = LaneBook(upto, hash_of(upto) if upto else START)
    for seq in seqs:
        made.add(seq, of[seq], hash_of(seq))
    return made


LANE = rows([1, 4, 5, 9, 12, 20])


def test_rows_in_order_move_the_mark() -> None:
    marks = book(1, 4, 5, of=LANE)
    assert (marks.upto, marks.hash, marks.beyond(), marks.missing()) == (5, hash_of(5), [], [])


def test_hole_is_named_and_filled() -> None:
    marks = book(1, 12, 20, of=LANE)
    assert (marks.upto, marks.beyond(), marks.missing()) == (1, [(12, 20)], [(2, 9)])
    marks.add(9, LANE[9], hash_of(9))
    assert (marks.upto, marks.beyond(), marks.missing()) == (1, [(9, 20)], [(2, 5)])
    marks.add(4, LANE[4], hash_of(4))
    assert (marks.upto, marks.beyond()) == (4, [(9, 20)])
    marks.add(5, LANE[5], hash_of(5))
    assert (marks.upto, marks.hash, marks.beyond()) == (20, hash_of(20), [])


def test_first_row_missing() -> None:
    marks = book(4, 5, of=LANE)
    assert (marks.upto, marks.hash, marks.missing()) == (0, START, [(1, 1)])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_any_order_ends_complete_and_never_says_too_much(steps: list[int], chance: random.Random) -> None:
    seqs = [sum(steps[: i + 1]) for i in range(len(steps))]
    lane = rows(seqs)
    order = list(seqs)
    chance.shuffle(order)
    marks = book(of=lane)
    for count, seq in enumerate(order, 1):
        marks.add(seq, lane[seq], hash_of(seq))
        there = set(order[:count])
        said = {s for s in seqs if s <= marks.upto or any(x <= s <= y for x, y in marks.beyond())}
        assert said == there
        assert marks.upto in {0, *there}
        missing = {s for s in seqs if any(x <= s <= y for x, y in marks.missing())}
        assert missing == {s for s in seqs if s < max(there)} - there
    assert (marks.upto, marks.beyond(), marks.missing()) == (seqs[-1], [], [])


# --- what was given up ---


def test_row_after_a_gap_joins_over_it() -> None:
    marks = book(1, 4, of=LANE)
    marks.give_up(5, 9)
    assert (marks.upto, marks.reach) == (4, 9)  # a row that was never sent is no mark
    marks.add(12, LANE[12], hash_of(12))
    assert (marks.upto, marks.reach, marks.missing()) == (12, 12, [])


def test_gap_told_after_the_rows_behind_it() -> None:
    marks = book(1, 12, 20, of=LANE)
    marks.give_up(2, 11)  # any number behind the row before will do, and any before the row after
    assert (marks.upto, marks.beyond()) == (20, [])


def test_gap_behind_a_hole_waits_for_the_hole() -> None:
    marks = book(1, 12, of=LANE)
    marks.give_up(5, 9)
    assert (marks.upto, marks.beyond()) == (1, [(12, 12)])
    marks.add(4, LANE[4], hash_of(4))
    assert marks.upto == 12


def test_given_up_rows_that_come_all_the_same_do_no_harm() -> None:
    marks = book(1, 4, of=LANE)
    marks.give_up(5, 9)
    marks.add(9, LANE[9], hash_of(9))
    marks.add(12, LANE[12], hash_of(12))
    assert (marks.upto, marks.beyond()) == (12, [])
    inside = book(1, 9, of=LANE)
    inside.give_up(2, 11)
    assert (inside.upto, inside.reach, inside.beyond()) == (9, 11, [])
    early = book(1, 9, 12, of=LANE)
    early.give_up(5, 9)
    assert early.beyond() == [(9, 12)]
    early.add(4, LANE[4], hash_of(4))
    assert (early.upto, early.beyond()) == (12, [])


def test_gaps_are_bounded_and_the_newest_still_counts() -> None:
    marks = book(1, of=LANE)
    for i in range(3 * GAPS_MAX):
        marks.give_up(1000 + 10 * i, 1005 + 10 * i)
    marks.give_up(2, 4)
    assert marks.reach == 4
    assert len(marks._given_up) == GAPS_MAX


# --- forks ---


@pytest.mark.parametrize(("seq", "prev"), [(3, 1), (6, 4), (21, 5), (30, 9)])
def test_row_where_none_can_be_is_refused(seq: int, prev: int) -> None:
    marks = book(1, 4, 5, 9, of=LANE)
    if prev == 9:
        marks.add(12, 9, hash_of(12))
    with pytest.raises(ContinuityError):
        marks.add(seq, prev, b"other")
    assert marks.upto == (12 if prev == 9 else 9)
    assert marks.beyond() == []


def test_two_rows_behind_the_same_missing_row_are_refused() -> None:
    marks = book(1, 12, of=LANE)
    with pytest.raises(ContinuityError, match="12 and 13"):
        marks.add(13, 9, b"other")
    assert marks.beyond() == [(12, 12)]


def test_holes_are_bounded() -> None:
    marks = LaneBook(0, START)
    for i in range(STRETCHES_MAX):
        marks.add(10 * i + 9, 10 * i + 5, b"")
    with pytest.raises(ContinuityError, match="holes"):
        marks.add(10 * STRETCHES_MAX + 9, 10 * STRETCHES_MAX + 5, b"")
