"""Where the bytes of files lie: a folder (folder.py) or an object store (s3.py). Decisions are in files.py.

What is slow and may hang (a network) is in the jobs that stage() and whole() return: a thread does them, outside of any
transaction. Bytes are staged, then written and synced, then their ranges committed; the whole is put in its place
before `done` is committed. Each step can be repeated after a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.collector.books import Board
from agent.core.filewire import Info
from agent.core.ranges import Range


@dataclass(frozen=True)
class Place:
    """One file of a board."""

    board: Board
    fid: str

    @property
    def path(self) -> str:
        return f"{self.board.site}/{self.board.board}/{self.fid}"


class ShelfError(Exception):
    """The bytes cannot be stored or read now; the text says why, without credentials."""


class Shelf(Protocol):
    """All raise ShelfError, and DatabaseError where they ask the store. Calls are within its transaction."""

    def room(self) -> str:
        """Why no new file is taken; "" if one is."""

    def keep(self, at: Place) -> None:
        """A new file: make ready for its bytes."""

    def stage(self, payloads: Sequence[bytes]) -> Callable[[], object] | None:
        """What has to be done before any of these may be written, outside of a transaction; None: nothing."""

    def staged(self, what: object) -> None:
        """That job's result: the payloads of the write()s that follow are among its."""

    def write(self, at: Place, offset: int, data: bytes, number: int) -> None:
        """number: which of the staged payloads `data` is."""

    def sync(self) -> None:
        """What was written since the last time is durable, or will be with this transaction."""

    def holds(self, at: Place, info: Info, stored: list[Range]) -> list[Range]:
        """Which of the bytes that are written down are really there."""

    def whole(self, at: Place, info: Info) -> Callable[[], bool]:
        """A job for a thread: all bytes are there and synced; put them in their place if they have their SHA-256.

        False if they are other bytes (or some have gone). It may be done twice, by two collectors.
        """

    def done(self, at: Place) -> None:
        """It is in its place: what was needed on the way may go."""

    def drop(self, at: Place) -> None:
        """It will not be finished, or begins from nothing."""

    def ended(self, *, committed: bool) -> None:
        """The transaction is over. If it was rolled back, what was written since the last sync() never was."""

    def close(self) -> None: ...
