"""Which events hold footage by themselves, how much, and when it is part of a hold that stands."""

from __future__ import annotations

import json

from agent.core.chain import Row, Stamp
from agent.core.clips import Window
from agent.core.incidents import NS, Rule, kinds, to_hold, window

RULE = Rule(("pump.demand", "smoke.*"), 60, 300)
HOUR = 3600


def row(seq: int, at_s: int, source: str = "pump-1", boot: str = "b", **data: object) -> Row:
    return Row(
        seq, at_s * NS, boot, at_s * NS, "synced", "alarm", 0, "pump.demand", source, "alarm", json.dumps(data), b""
    )


NOW = Stamp(100 * HOUR * NS, "b", 100 * HOUR * NS, "synced")


def due(*rows: Row, standing: tuple[tuple[str, Window], ...] = (), first: bool = False) -> list[int]:
    return [one.seq for one in to_hold(rows, RULE, standing, NOW, first=first)]


def test_kinds_and_families() -> None:
    assert kinds(RULE) == ["smoke.detected", "smoke.cleared", "pump.demand"]
    assert kinds(RULE._replace(on=())) == []


def test_the_window_begins_no_earlier_than_the_boot() -> None:
    assert (window(row(1, 1000), RULE).start.mono_ns, window(row(1, 1000), RULE).end.mono_ns) == (940 * NS, 1300 * NS)
    assert window(row(1, 10), RULE).start.mono_ns == 0
    assert window(row(1, 10), RULE).start.at_ns == 0


def test_what_chatters_is_one_hold_every_half_of_the_time_after() -> None:
    assert due(*(row(n, 1000 + 10 * n) for n in range(60))) == [0, 16, 32, 48]
    assert due(row(1, 1000), row(2, 1001, "pump-2")) == [1, 2]


def test_what_stands_is_not_asked_for_again_after_a_kill() -> None:
    standing = (("pump-1", window(row(1, 1000), RULE)),)
    assert due(row(1, 1000), row(2, 1100), row(3, 1200), standing=standing) == [3]
    assert due(row(1, 1000, boot="c"), standing=standing) == [], "another boot: by UTC"


def test_drills_and_walk_tests_hold_nothing() -> None:
    assert due(row(1, 1000, drill=True), row(2, 1000, walk_test=True)) == []


def test_an_old_journal_is_left_as_it_is() -> None:
    assert due(row(1, 75 * HOUR), row(2, 77 * HOUR), first=True) == [2]
    assert due(row(1, 75 * HOUR)) == [1]
