"""Footage that is held by itself: around which events, and when one is covered by a hold that stands. Pure.

Rules of this file:
- an event of a drill or a walk test holds nothing;
- what happens again while it is still being held is part of the same hold: so one thing makes a hold at most every
  half of the time after, however often it chatters;
- when this begins with an old journal, what is older than a day is left as it is.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agent.core.chain import Row, Stamp
from agent.core.clips import Window, since_ns
from agent.core.events import KINDS, MARKS

NS = 1_000_000_000
OLD_NS = 86_400 * NS


class Rule(NamedTuple):
    """[holds]: events by kind or family, and how much around one."""

    on: tuple[str, ...]
    before_s: int
    after_s: int


def kinds(rule: Rule) -> list[str]:
    """Every kind that the rule names."""
    return [name for name in KINDS if any(fnmatch.fnmatchcase(name, pattern) for pattern in rule.on)]


def window(row: Row, rule: Rule) -> Window:
    """What to hold for that event."""
    at = Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)
    before_ns = min(rule.before_s * NS, row.mono_ns)
    start = at._replace(at_ns=at.at_ns - before_ns, mono_ns=at.mono_ns - before_ns)
    after_ns = rule.after_s * NS
    return Window(start, at._replace(at_ns=at.at_ns + after_ns, mono_ns=at.mono_ns + after_ns))


def to_hold(
    rows: Iterable[Row], rule: Rule, standing: Iterable[tuple[str, Window]], now: Stamp, *, first: bool
) -> list[Row]:
    """Of these events those that need a hold of their own. standing: (source, what is held) by this rule already."""
    held: dict[str, list[Window]] = {}
    for source, one in standing:
        held.setdefault(source, []).append(one)
    found = []
    for row in rows:
        old = first and since_ns(now, Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)) > OLD_NS
        if old or any(row.values().get(mark) for mark in MARKS) or _covered(row, rule, held.get(row.source, [])):
            continue
        held.setdefault(row.source, []).append(window(row, rule))
        found.append(row)
    return found


def _covered(row: Row, rule: Rule, held: Sequence[Window]) -> bool:
    at = Stamp(row.at_ns, row.boot, row.mono_ns, row.clock)
    least_ns = rule.after_s * NS // 2
    return any(since_ns(at, one.start) >= 0 and since_ns(one.end, at) >= least_ns for one in held)
