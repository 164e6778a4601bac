"""Footage that is held by itself: around which events, and when one is covered by a hold that stands. Pure.

Rules of this file:
- an event of a drill or a walk test holds nothing;
- a major incident, which a person declares and closes, is held from when it began to when it was closed, and the time
  around; over a boot by UTC;
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
OPENED_MS = 24 * 3_600_000  # before it is declared, an incident may have begun so long ago
WHATS = ("fire", "theft", "flood", "injury", "other")
LONGEST_NS = 7 * 86_400 * NS  # of an incident that somebody forgot to close, its last days


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
    began_ns = _began_ns(row)
    before_ns = began_ns + rule.before_s * NS
    if began_ns and before_ns > row.mono_ns and row.clock != "unset":
        at = at._replace(boot="", mono_ns=at.at_ns)
    before_ns = min(before_ns, at.mono_ns)
    start = at._replace(at_ns=at.at_ns - before_ns, mono_ns=at.mono_ns - before_ns)
    after_ns = rule.after_s * NS
    return Window(start, at._replace(at_ns=at.at_ns + after_ns, mono_ns=at.mono_ns + after_ns))


def since_ms(declared: Row, now: Stamp) -> int:
    """How long ago an incident began; by its row alone where nobody can tell what lies between two boots."""
    then = Stamp(declared.at_ns, declared.boot, declared.mono_ns, declared.clock)
    known = declared.boot == now.boot or "unset" not in (declared.clock, now.clock)
    between_ns = max(0, since_ns(now, then)) if known else now.mono_ns
    return int(str(declared.values()["since_ms"])) + between_ns // 1_000_000


def _began_ns(row: Row) -> int:
    """How long before its row an incident began; 0 for everything else."""
    since_ms = row.values().get("since_ms") if row.kind.startswith("incident.") else 0
    return min(LONGEST_NS, since_ms * 1_000_000) if isinstance(since_ms, int) and since_ms > 0 else 0


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
