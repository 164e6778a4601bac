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


# --- major incidents ---


def incident(
    kind: str, at_s: int, since_s: int, boot: str = "b", mono_s: int | None = None, clock: str = "synced"
) -> Row:
    data = json.dumps({"since_ms": since_s * 1000})
    mono_ns = (at_s if mono_s is None else mono_s) * NS
    return Row(9, at_s * NS, boot, mono_ns, clock, "alarm", 0, f"incident.{kind}", "i-1", "status", data, b"")


def test_an_incident_is_held_from_when_it_began() -> None:
    held = window(incident("declared", 5000, 900), RULE)
    assert (held.start.mono_ns, held.end.mono_ns, held.start.boot) == (4040 * NS, 5300 * NS, "b")


def test_an_incident_over_a_boot_is_held_by_utc() -> None:
    held = window(incident("closed", 9000, 5000, boot="c", mono_s=100), RULE)
    assert (held.start.boot, held.end.boot) == ("", "")
    assert (held.start.at_ns, held.start.mono_ns, held.end.at_ns) == (3940 * NS, 3940 * NS, 9300 * NS)
    unset = window(incident("closed", 9000, 5000, boot="c", mono_s=100, clock="unset"), RULE)
    assert (unset.start.boot, unset.start.mono_ns) == ("c", 0), "nobody can tell: as far back as this boot goes"


def test_an_incident_nobody_closed_for_a_month_is_held_for_its_last_week() -> None:
    month, week = 30 * 24 * HOUR, 7 * 24 * HOUR
    held = window(incident("closed", 100 * month, month), RULE)
    assert held.start.mono_ns == (100 * month - week - 60) * NS


def test_a_declared_incident_and_its_end_are_two_holds_unless_the_end_is_within_the_first() -> None:
    rule = RULE._replace(on=("incident.*",))
    for after_s, wanted in ((100, ["incident.declared"]), (2000, ["incident.declared", "incident.closed"])):
        rows = [incident("declared", 5000, 900), incident("closed", 5000 + after_s, 900 + after_s)]
        assert [row.kind for row in to_hold(rows, rule, (), NOW, first=False)] == wanted
