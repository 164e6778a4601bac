"""Moments as people write them, and as stamps of a boot."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from agent.cli.place import Place, UsageError
from agent.core.chain import Stamp

TIME_HELP = 'TIME is local (site.timezone): now, 14:30, 14:30:05, "2026-11-22 14:30" or "2026-11-22T14:30:05+08:00".'


def moment(text: str, place: Place, now: datetime) -> int:
    """UTC ns of what a person wrote; a time of day is the last such time before `now`. UsageError."""
    text = text.strip()
    if text == "now":
        return ns(now)
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
            of_day = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").time()
            told = datetime.combine(now.astimezone(place.zone).date(), of_day, place.zone)
            return ns(told if told <= now else told - timedelta(days=1))
        told = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'{text!r} is no time: write it like 14:30 or "2026-11-22 14:30"') from None
    return ns(told if told.tzinfo is not None else told.replace(tzinfo=place.zone))


def span(start: str, end: str, place: Place) -> tuple[int, int]:
    """UTC ns of both, by the time of day it is now. UsageError."""
    now = datetime.now(place.zone)
    return moment(start, place, now), moment(end, place, now)


def ns(at: datetime) -> int:
    """UTC ns of a moment with an offset."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (at - epoch) // timedelta(microseconds=1) * 1000


def instant(at_ns: int, now: Stamp, anchor: int | None) -> Stamp:
    """The moment as a stamp of this boot, by its clock (or what it was corrected to); before this boot by UTC alone."""
    mono_ns = at_ns - anchor if anchor is not None else now.mono_ns - (now.at_ns - at_ns)
    if mono_ns < 0:
        return now._replace(at_ns=at_ns, mono_ns=0, boot="")
    return now._replace(at_ns=at_ns, mono_ns=mono_ns)
