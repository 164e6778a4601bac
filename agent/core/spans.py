"""Spans of time in the calendar of the site: how long something is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

DAY_NS = 86_400 * 1_000_000_000
HARD_FLOOR_DAYS = 15  # nothing younger is ever deleted
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """ "3 months" or "15 days". A month is a calendar month: three of them are up to 92 days."""

    months: int
    days: int


HARD_FLOOR = Span(0, HARD_FLOOR_DAYS)
_SPAN = re.compile(r"([1-9][0-9]{0,3}) (day|month)s?\Z")


def span(text: str) -> Span:
    """ValueError if it is no such text."""
    match = _SPAN.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not like '15 days' or '3 months'")
    count = int(match[1])
    return Span(count, 0) if match[2] == "month" else Span(0, count)


def least_days(of: Span) -> int:
    """The fewest days that it can be: 28 for one month, 89 for three."""
    return of.days if of.days else of.months * 365 // 12 - 2


def cutoff_ns(now_ns: int, of: Span, zone: tzinfo = UTC) -> int:
    """What was recorded at or before this is past the span: the same day and time, so many months (days) ago.

    A day that the earlier month does not have is that month's end: 31 May, less three months, is the end of February.
    """
    if of.days:
        return now_ns - of.days * DAY_NS
    here = (_EPOCH + timedelta(microseconds=now_ns // 1000)).astimezone(zone)
    month0 = here.year * 12 + here.month - 1 - of.months
    if month0 < 12 * 1971:
        return 0
    year, month = divmod(month0, 12)
    spare = 0
    try:
        then = here.replace(year=year, month=month + 1)
    except ValueError:
        spare = 1
        year, month = divmod(month0 + 1, 12)
        then = here.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return (then - _EPOCH) // timedelta(microseconds=1) * 1000 - spare
