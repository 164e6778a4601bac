"""Who cuts clips follows the journal: every request once, and no look where nothing was committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.core.chain import Row
from agent.core.events import SnapshotRequested
from agent.footage.index import MediaIndex
from agent.journal import Bell, Journal
from agent.recorder.clips import AT_ONCE, ClipLoop
from agent.recorder.flow import Shown
from agent.runtime.clock import SystemClock


class Desk:
    """A journal, and a loop that follows it; `seen` is what was asked."""

    def __init__(self, folder: Path) -> None:
        self._where = folder / "journal.db", folder / "bell"
        self.asking = self.opened()
        self.seen: list[str] = []
        index, bell = MediaIndex(folder / "media.db"), Bell(folder / "bell")
        others = {"snapshot.requested": self._answer}
        self.loop = ClipLoop(
            "yard", folder, index, bell, self.opened, SystemClock().stamp, Shown(), lambda event: None, others
        )
        self.loop._follow()

    def opened(self) -> Journal:
        return Journal.open(*self._where, SystemClock().stamp)

    def ask(self, *names: str) -> None:
        self.asking.append(
            *(SnapshotRequested(source="x", snapshot=name, cameras=["yard"], cause="x") for name in names)
        )

    def _answer(self, row: Row) -> list[SnapshotRequested]:
        self.seen.append(str(row.values()["snapshot"]))
        return []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.loop._forget()
    made.asking.close()


def test_more_requests_than_are_read_at_once_are_all_taken_up(desk: Desk) -> None:
    names = [f"s-{n}" for n in range(2 * AT_ONCE + 3)]
    desk.ask(*names)
    for _ in range(4):
        desk.loop._follow()
    assert desk.seen == names


def test_where_nothing_was_committed_nothing_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, read = [], Journal.read

    def counted(self: Journal, *about: object, **more: object) -> list[Row]:
        reads.append(about)
        return read(self, *about, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "read", counted)
    for name in ("s-1", "s-2"):
        desk.ask(name)
        for _ in range(5):
            desk.loop._follow()
    assert desk.seen == ["s-1", "s-2"]
    assert len(reads) == 2
