"""A journal in a temp folder, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.core.chain import Stamp
from agent.journal import Journal


class Clock:
    """Gives stamps a millisecond apart."""

    def __init__(self) -> None:
        self.at_ns = 1_800_000_000_000_000_000
        self.mono_ns = 5_000_000_000
        self.boot = "11111111-2222-4333-8444-555555555555"
        self.clock = "rtc"

    def __call__(self) -> Stamp:
        self.at_ns += 1_000_000
        self.mono_ns += 1_000_000
        return Stamp(self.at_ns, self.boot, self.mono_ns, self.clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_journal(tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Journal]]:
    """Opens tmp_path/journal.db, as often as wanted; all are closed at the end."""
    opened: list[Journal] = []

    def open_one() -> Journal:
        opened.append(Journal.open(tmp_path / "journal.db", tmp_path / "run" / "bell", clock))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def journal(open_journal: Callable[[], Journal]) -> Journal:
    return open_journal()
