"""The journal goes from its beginning on, and what must be kept for longer is written again."""

from __future__ import annotations

import pytest

from agent.core.chain import Row
from agent.core.events import KINDS
from agent.core.records import LEAST, WORTH, Dated, Going, RecordClass, class_of, cutoffs, going
from agent.core.spans import DAY_NS, span

NOW = 1_800_000_000 * 10**9
SPANS = {RecordClass.ROWS: "30 days", RecordClass.REGISTERS: "90 days", RecordClass.AUDIT: "200 days"}
PAST = cutoffs(NOW, {name: span(text) for name, text in SPANS.items()})


def dated(seq: int, kind: str, days: float | None, *, moved: bool = False) -> Dated:
    row = Row(seq, 0, "b", 0, "synced", "status", 0, kind, "x", "status", "{}", b"")
    return Dated(row, class_of(kind), None if days is None else NOW - int(days * DAY_NS), moved)


def kept(*rows: Dated, most: int = 100) -> tuple[int, int, list[int]]:
    found = going(rows, PAST, most)
    return found.upto, found.rows, [row.seq for row in found.keep]


def test_rows_go_up_to_the_first_that_is_young() -> None:
    assert kept(dated(1, "relay.driven", 40), dated(2, "relay.driven", 29), dated(3, "relay.driven", 40)) == (1, 1, [])
    assert kept(dated(1, "relay.driven", 29)) == (0, 0, [])
    assert kept() == (0, 0, [])


def test_registers_and_audit_are_written_again_for_as_long_as_they_are_kept() -> None:
    rows = [dated(1, "visit.opened", 91), dated(2, "visit.opened", 89), dated(3, "statement.signed", 199)]
    assert kept(*rows, dated(4, "statement.signed", 201), dated(5, "door.opened", 31)) == (5, 5, [2, 3])


def test_what_was_moved_is_no_measure_of_where_it_stands() -> None:
    moved = [dated(2, "visit.opened", 20, moved=True), dated(3, "visit.opened", 95, moved=True)]
    assert kept(dated(1, "door.opened", 31), *moved, dated(4, "door.opened", 31)) == (4, 4, [2])


def test_a_row_whose_time_nobody_can_tell_keeps_all_after_it() -> None:
    assert kept(dated(1, "door.opened", 99), dated(2, "door.opened", None), dated(3, "door.opened", 99)) == (1, 1, [])
    assert kept(dated(1, "visit.opened", None, moved=True), dated(2, "door.opened", 99)) == (2, 2, [1])


def test_what_somebody_still_needs_is_written_again_whatever_its_class() -> None:
    found = going(
        [dated(1, "clip.ready", 99), dated(2, "door.opened", 99)], PAST, 9, lambda row: row.kind == "clip.ready"
    )
    assert [row.seq for row in found.keep] == [1]


def test_a_pass_is_bounded() -> None:
    assert kept(*(dated(n, "door.opened", 99) for n in range(1, 10)), most=3) == (3, 3, [])


def test_nothing_is_past_its_time_within_fifteen_days() -> None:
    short = cutoffs(NOW, dict.fromkeys(RecordClass, span("1 day")))
    assert set(short.values()) == {NOW - 15 * DAY_NS}


@pytest.mark.parametrize(
    ("rows", "keep", "worth"), [(LEAST, 0, True), (LEAST - 1, 0, False), (2 * LEAST, LEAST, False)]
)
def test_a_pass_must_be_worth_it(rows: int, keep: int, worth: int) -> None:
    assert Going(1, rows, 0, 0, [dated(1, "x", 0).row] * keep).worth == worth
    assert Going(1, (WORTH + 1) * LEAST, 0, 0, [dated(1, "x", 0).row] * LEAST).worth


def test_every_kind_has_a_class_and_those_that_bind_people_are_not_ordinary() -> None:
    assert {class_of(kind) for kind in KINDS} == set(RecordClass)
    for kind in ("approval.requested", "viewing.opened", "footage.deleted", "clip.deleted", "journal.pruned"):
        assert class_of(kind) is RecordClass.AUDIT, kind
    for kind in ("pump.started", "alarm.raised", "visit.opened", "footage.gap"):
        assert class_of(kind) is RecordClass.REGISTERS, kind
    assert class_of("link.up") is RecordClass.ROWS
    assert class_of("pump.reminder") is RecordClass.ROWS
