"""Edges, re-reads and time against what a contact is said to have done."""

from __future__ import annotations

import random

from agent.core.debounce import (
    BELIEVE_NS,
    EDGES_PER_S_MAX,
    MS,
    POLL_NS,
    PROBATION_NS,
    SECOND,
    STEADY_FIRST_NS,
    UNREST_MAX_NS,
    Chattering,
    Contact,
    Outcome,
    Settled,
    Steady,
)

SETTLE = 100 * MS


def still(closed: bool = False) -> Contact:
    """A contact that has been seen at rest."""
    contact = Contact(SETTLE, closed)
    contact.level(closed, 0)
    return contact


def everything(contact: Contact, now_ns: int) -> list[Outcome]:
    found: list[Outcome] = []
    while (one := contact.elapse(now_ns)) is not None:
        found.append(one)
    return found


def test_a_change_settles_and_keeps_the_time_of_its_first_edge() -> None:
    contact = still()
    for at, level in ((1000, True), (1003, False), (1005, True)):
        assert contact.edge(level, at * MS) is None
    assert contact.due_ns() == 1105 * MS
    assert everything(contact, 1104 * MS) == []
    assert everything(contact, 1200 * MS) == [Settled(True, 1000 * MS, 1105 * MS)]
    assert contact.closed is True
    assert contact.due_ns() is None


def test_a_pulse_shorter_than_settling_is_nothing() -> None:
    contact = still()
    contact.edge(True, 1000 * MS)
    contact.edge(False, 1000 * MS + SETTLE - 1)
    assert everything(contact, 10 * SECOND) == []
    assert contact.closed is False
    assert contact.unrest_ns is None


def test_a_pulse_of_exactly_the_settle_time_counts() -> None:
    contact = still()
    contact.edge(True, 1000 * MS)
    assert everything(contact, 1000 * MS + SETTLE) == [Settled(True, 1000 * MS, 1000 * MS + SETTLE)]


def test_a_lost_edge_is_found_by_the_next_reading() -> None:
    contact = still()
    contact.level(True, 2 * SECOND)
    assert everything(contact, 2 * SECOND + SETTLE) == [Settled(True, 2 * SECOND, 2 * SECOND + SETTLE)]


def test_an_edge_that_comes_after_a_newer_reading_only_moves_the_first_edge() -> None:
    contact = still()
    contact.level(True, 2000 * MS)
    contact.edge(True, 1998 * MS)
    assert everything(contact, 2100 * MS) == [Settled(True, 1998 * MS, 2100 * MS)]
    contact.level(True, 3000 * MS)
    contact.edge(False, 2990 * MS)  # part of a pulse that is over by the reading
    assert everything(contact, 4000 * MS) == []
    assert contact.closed is True


def test_an_edge_beside_the_reading_that_saw_it_keeps_its_time() -> None:
    """The reading began before the edge and saw it; the edge itself comes a moment later."""
    contact = still()
    contact.level(True, 2000 * MS)
    contact.edge(True, 2001 * MS)
    contact.edge(False, 2002 * MS)
    contact.edge(True, 2003 * MS)
    assert everything(contact, 2200 * MS) == [Settled(True, 2001 * MS, 2103 * MS)]
    contact.level(True, 3000 * MS)
    contact.edge(False, 3000 * MS)
    assert everything(contact, 3200 * MS) == [Settled(False, 3000 * MS, 3100 * MS)]


def test_first_level_is_found_not_seen_to_change() -> None:
    unknown = Contact(SETTLE)
    unknown.level(True, 0)
    assert everything(unknown, SETTLE) == [Settled(True, 0, SETTLE, found=True)]
    other = Contact(SETTLE, closed=True)
    other.level(False, 0)
    assert everything(other, SETTLE) == [Settled(False, 0, SETTLE, found=True)]
    other.edge(True, SECOND)
    assert everything(other, 2 * SECOND) == [Settled(True, SECOND, SECOND + SETTLE)]


def test_a_level_as_recorded_says_nothing() -> None:
    contact = still(closed=True)
    assert everything(contact, 5 * SECOND) == []
    contact.edge(False, 6 * SECOND)
    assert everything(contact, 7 * SECOND) == [Settled(False, 6 * SECOND, 6 * SECOND + SETTLE)]


def test_told_late_what_was_recorded() -> None:
    settled = Contact(SETTLE)
    settled.level(True, 0)
    everything(settled, SETTLE)
    assert settled.record(True) is False
    assert settled.record(False) is True
    unsettled = Contact(SETTLE)
    unsettled.level(True, 0)
    assert unsettled.record(True) is False
    assert everything(unsettled, SETTLE) == []


def chatter(contact: Contact, start_ns: int, edges: int, step_ns: int) -> list[Outcome]:
    said: list[Outcome] = []
    for i in range(edges):
        one = contact.edge(i % 2 == 0, start_ns + i * step_ns)
        said += [one] if one else []
        said += everything(contact, start_ns + i * step_ns)
    return said


def test_chatter_is_masked_polled_and_unmasked() -> None:
    contact = still()
    said = chatter(contact, SECOND, 2000, MS // 2)
    assert len(said) == 1
    assert isinstance(said[0], Chattering)
    assert 1900 <= said[0].edges_per_s <= 2100
    assert contact.masked
    assert contact.due_ns() is None
    now, told = 2 * SECOND, []
    while len(told) < 2 and now < 20 * SECOND:
        contact.level(True, now)
        told += everything(contact, now)
        now += POLL_NS
    assert told[0] == Settled(True, 2 * SECOND, 2 * SECOND + BELIEVE_NS)
    assert isinstance(told[1], Steady)
    assert told[1].edges_masked == 2000 - EDGES_PER_S_MAX - 1
    assert now >= 2 * SECOND + STEADY_FIRST_NS + PROBATION_NS
    assert not contact.chattering


def test_slow_unrest_without_rest_is_chatter_too() -> None:
    contact = still()
    said = chatter(contact, SECOND, 80, 50 * MS)
    assert [type(one) for one in said] == [Chattering]
    assert said[0] == Chattering(20)
    assert contact.masked


def test_a_masked_contact_that_reads_at_random_changes_nothing() -> None:
    contact = still()
    chatter(contact, SECOND, 500, MS)
    dice = random.Random(4)
    for i in range(2000):
        now = 2 * SECOND + i * POLL_NS
        contact.level(dice.random() < 0.5 if i % 7 else not contact.closed, now)
        assert len(everything(contact, now)) <= 1
    assert contact.chattering


def test_relapse_on_probation_is_silent_and_asks_for_a_longer_rest() -> None:
    contact = still()
    assert len(chatter(contact, SECOND, 500, MS)) == 1
    now = 2 * SECOND
    while contact.masked:
        contact.level(False, now)
        assert everything(contact, now) == []
        now += POLL_NS
    assert chatter(contact, now, 500, MS) == []
    assert contact.masked
    since = now = now + SECOND
    while contact.masked:
        contact.level(False, now)
        everything(contact, now)
        now += POLL_NS
    assert now - since >= 2 * STEADY_FIRST_NS


def test_a_loose_wire_cannot_fill_a_journal() -> None:
    """One bout a few seconds, for a day: what is said stays in the hundreds."""
    contact, said, now = still(), 0, SECOND
    while now < 86_400 * SECOND:
        said += len(chatter(contact, now, 120, MS))
        end = now + 4 * SECOND
        while now < end:
            now += POLL_NS
            contact.level(False, now)
            said += len(everything(contact, now))
    assert said < 1000


def test_unrest_never_holds_back_longer_than_its_bound() -> None:
    contact, now = still(), SECOND
    while contact.unrest_ns is not None or now == SECOND:
        contact.edge(now // MS % 2 == 0, now)
        now += 99 * MS
        everything(contact, now)
        assert now < SECOND + UNREST_MAX_NS + SECOND
    assert contact.masked


def test_against_a_plain_model_on_random_signals() -> None:
    """Whatever the edges: settled levels alternate, each after a stillness of a settle time, none is missed."""
    dice = random.Random(11)
    for _ in range(200):
        contact, level, at, edges = still(), False, SECOND, []
        for _ in range(40):
            at += dice.choice((1, 5, 40, 99, 100, 101, 500)) * MS
            level = not level
            edges.append((at, level))
        expected = []
        first, settled = None, False
        ends = [*(edge[0] for edge in edges[1:]), at + 10 * SECOND]
        for (since, raw), end in zip(edges, ends, strict=True):
            first = since if first is None else first
            if end - since >= SETTLE:
                if raw != settled:
                    expected.append(Settled(raw, first, since + SETTLE))
                    settled = raw
                first = None
        said = []
        for at, level in edges:
            said += everything(contact, at)
            contact.edge(level, at)
        said += everything(contact, at + 10 * SECOND)
        assert said == expected
