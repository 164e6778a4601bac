"""Days of recording with faults that the test makes: every interruption is written down, and availability is the truth.

The disk's thread, its books and the index are the real ones, on a fast clock; there is no broker, nothing asks for one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sp_footage import AT_NS, NS, fragments, stamp

from agent.core.chain import Stamp
from agent.core.events import Event, FootageGap
from agent.footage.index import MediaIndex
from agent.footage.layout import TICKS_PER_S, Fragment
from agent.footage.query import Between, Footage
from agent.footage.uptime import availability
from agent.footage.volume import Volume
from agent.recorder.books import Books, Job
from agent.recorder.disk import DiskLoop
from agent.recorder.flow import RunEnded, Shown

MINUTE = 60
LOSSES = (  # (how often in a thousand minutes, how long in s, cause, whether the recorder or the board starts anew)
    (30, (2, 9), "camera lost: no route to host", ""),
    (30, (12, 900), "camera lost: no pictures for 10 s", ""),
    (20, (15, 300), "recorder stopped", "recorder"),
    (20, (3, 200), "recorder died", "recorder"),
    (20, (40, 600), "board lost power or was reset", "board"),
)


@dataclass(frozen=True)
class Loss:
    from_s: float
    to_s: float
    cause: str


class Life:
    """What a camera sends over these minutes. runs(): of each start of the recorder its first cause, and its items."""

    def __init__(self, minutes: int, seed: int) -> None:
        self._minutes, self._chance = minutes, random.Random(seed)
        self._part = fragments(10, gop=10, size=(160, 128))[0]
        self.now_s, self.boots, self._booted_s = 100.0, 0, 0.0
        self.losses: list[Loss] = []
        self._cause = "recorder started"

    def stamp(self) -> Stamp:
        boot = f"{self.boots:08d}-2222-3333-4444-555555555555"
        return stamp(self.now_s - self._booted_s, boot=boot, at_offset_s=self._booted_s)

    def runs(self) -> Iterator[tuple[str, Iterator[Fragment | RunEnded]]]:
        while self._minutes:
            yield self._cause, self._run()

    def _run(self) -> Iterator[Fragment | RunEnded]:
        number, run = 0, 1
        while self._minutes:
            self._minutes, number = self._minutes - 1, number + 1
            yield self._part._replace(run=run, number=number, start=self.stamp(), duration=MINUTE * TICKS_PER_S)
            self.now_s += MINUTE
            loss = self._loss() if self._minutes else None
            if loss is not None:
                cause, anew = loss
                if anew:
                    self._cause = cause
                    if anew == "board":
                        self.boots, self._booted_s = self.boots + 1, self.now_s - 20
                    return
                run, number = run + 1, 0
                yield RunEnded(cause)

    def _loss(self) -> tuple[str, str] | None:
        for often, (least, most), cause, anew in LOSSES:
            if self._chance.randrange(1000) < often:
                length = self._chance.uniform(least, most)
                self.losses.append(Loss(self.now_s, self.now_s + length, cause))
                self.now_s += length
                return cause, anew
        return None


class Feed:
    """What the disk's thread takes from, one by one."""

    def __init__(self, items: Iterator[Fragment | RunEnded]) -> None:
        self._items, self.finished, self.bytes, self.dropped = items, False, 0, 0

    def get(self, timeout_s: float) -> Fragment | RunEnded | None:
        item = next(self._items, None)
        self.finished = item is None
        return item


@pytest.mark.timeout(1800)
def test_thirty_days_of_interruptions_each_with_its_cause(tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    life, notes = Life(rounds(120, 30 * 1440), seed=1), list[Event]()
    index, folder = MediaIndex(tmp_path / "media.db"), tmp_path / "footage"
    for cause, items in life.runs():
        job = Job("yard", "recorder@yard", folder, MINUTE, cause)
        books = Books(job, index, notes.append)
        feed: object = Feed(items)
        loop = DiskLoop(job, books, Volume(folder, tmp_path, 0), feed, Shown(), notes.append, life.stamp)  # type: ignore[arg-type]
        loop.run(lambda: False, lambda: None)
    told = [note for note in notes if isinstance(note, FootageGap)]
    long = [loss for loss in life.losses if loss.to_s - loss.from_s > 10]
    assert len({loss.cause for loss in long}) >= 4, "each kind happened"
    assert [note.cause for note in told] == [loss.cause for loss in long]
    for note, loss in zip(told, long, strict=True):
        assert abs(note.from_ns - AT_NS - int(loss.from_s * NS)) <= 2 * NS
        assert abs(note.to_ns - AT_NS - int(loss.to_s * NS)) <= 2 * NS
    now = life.stamp()
    found = availability("yard", Between(AT_NS, now.at_ns), now, index, Footage(index), folder)
    missing_s = sum(loss.to_s - loss.from_s for loss in life.losses)
    assert found.ppm is not None
    assert abs(found.ppm - 1_000_000 * (1 - missing_s / (life.now_s - 100))) <= 1_000, "a tenth of a percent"
    assert sum(loss.holes for loss in found.missing.values()) == len(life.losses)
    index.close()


@pytest.mark.timeout(1800)
def test_days_without_a_fault_and_without_a_broker_have_no_gap(
    tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    index, folder = MediaIndex(tmp_path / "media.db"), tmp_path / "footage"
    life, notes = Life(rounds(30, 30 * 1440), seed=0), list[Event]()
    life._loss = lambda: None  # type: ignore[method-assign]
    cause, items = next(life.runs())
    job = Job("yard", "recorder@yard", folder, MINUTE, cause)
    feed: object = Feed(items)
    books = Books(job, index, notes.append)
    DiskLoop(job, books, Volume(folder, tmp_path, 0), feed, Shown(), notes.append, life.stamp).run(  # type: ignore[arg-type]
        lambda: False, lambda: None
    )
    now = life.stamp()
    found = availability("yard", Between(AT_NS, now.at_ns), now, index, Footage(index), folder)
    assert (found.ppm, found.missing, index.gaps(), notes) == (1_000_000, {}, [], [])
    index.close()
