"""What every command needs to know of the place: its language, its timezone, its journal."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from agent.runtime.paths import Paths

if TYPE_CHECKING:
    from agent.journal import Journal


class CommandError(Exception):
    """A command cannot go on; the text says what, where and what to do next. Exit code 1."""


class UsageError(CommandError):
    """The command was asked for something that does not exist. Exit code 2."""


@dataclass(frozen=True)
class Place:
    """Language ("en" or "zh-CN") and timezone to show things in."""

    language: str
    zone: tzinfo

    def time(self, at_ns: int) -> str:
        """Local date and time to the second."""
        try:
            return datetime.fromtimestamp(at_ns // 1_000_000_000, self.zone).strftime("%Y-%m-%d %H:%M:%S")
        except (ValueError, OverflowError, OSError):
            return "?"

    def ns_of(self, text: str) -> int:
        """UTC ns of a local time ("2026-11-22 14:30") or one with an offset. UsageError if it is none."""
        try:
            told = datetime.fromisoformat(text.strip())
        except ValueError:
            raise UsageError(f'{text!r} is no time: write it like "2026-11-22 14:30"') from None
        told = told if told.tzinfo is not None else told.replace(tzinfo=self.zone)
        return (told - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def look(paths: Paths) -> Place:
    """Language and timezone from site.toml, however wrong the rest of it is; else from the environment, and UTC."""
    try:
        site = tomllib.loads(paths.site.read_text(encoding="utf-8-sig")).get("site", {})
    except (OSError, ValueError, RecursionError):
        site = {}
    site = site if isinstance(site, dict) else {}
    language = site.get("language")
    if language not in ("en", "zh-CN"):
        from agent.config.words import language_of_environment

        language = language_of_environment()
    return Place(language, zone_of(site.get("timezone")))


def zone_of(name: object) -> tzinfo:
    """The timezone of that name, UTC where there is none."""
    if not isinstance(name, str) or name == "UTC":
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@contextmanager
def journal_to_read(paths: Paths) -> Iterator[Journal]:
    """The journal, never created; JournalError if there is none."""
    from agent.journal import Journal

    journal = Journal.open_to_read(paths.journal)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def journal_to_write(paths: Paths) -> Iterator[Journal]:
    """The journal of a board that has run before: a person's request must not be the one to create it."""
    from agent.journal import Journal
    from agent.runtime.clock import SystemClock

    if not paths.journal.exists():
        raise CommandError(f"{paths.journal}: no journal here: has the agent run yet? (--data names its folder)")
    os.umask(0o007)
    journal = Journal.open(paths.journal, paths.bell, SystemClock().stamp)
    try:
        yield journal
    finally:
        journal.close()
