"""The live view: what the demonstration does, and what the site's own journal says to it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from agent.core.chain import Row
from agent.journal import Journal, JournalError
from demo.words import Words

COLOURS = {
    "do": "36;1",
    "alarm": "31;1",
    "trouble": "33",
    "supervisory": "35",
    "status": "2",
    "good": "32;1",
    "bad": "31;1",
}
# Said by another row in better words, or by the thousand.
QUIET = {
    "point.changed",
    "point.found",
    "journal.checkpoint",
    "carried",
    "button.pressed",
    "alarm.restored",
    "alarm.silenced",
}
LOOK_S = 0.1


class Screen:
    """Prints lines with the seconds since the start, from any thread; in colour where a person looks at a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._colour = out.isatty() and not os.environ.get("NO_COLOR")

    def line(self, text: str, colour: str = "") -> None:
        """One line, as it is."""
        code = COLOURS.get(colour, "")
        with self._lock:
            print(f"\033[{code}m{text}\033[0m" if self._colour and code else text, file=self._out, flush=True)

    def at(self, text: str, colour: str = "") -> None:
        """One line with the time."""
        self.line(f"{time.monotonic() - self._began:6.1f} s  {text}", colour)

    def does(self, text: str) -> None:
        """What the demonstration does to the site."""
        self.at(f">> {text}", "do")


class Tail:
    """Follows a journal in a thread of its own, prints its rows in words, and lets others wait for one."""

    def __init__(self, path: Path, screen: Screen, words: Words) -> None:
        self._path = path
        self._screen = screen
        self._words = words
        self._rows: list[Row] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self.hush: Callable[[Row], bool] = lambda row: False
        self._thread = threading.Thread(target=self._follow, name="tail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following; what was seen stays."""
        self._stop.set()
        self._thread.join(5)

    def seen(self, kind: str, source: str = "", after: int = 0) -> list[Row]:
        """Rows of this kind and source past `after` that were seen so far."""
        with self._news:
            return [r for r in self._rows if r.seq > after and r.kind == kind and source in ("", r.source)]

    def head(self) -> int:
        """Number of the last row seen."""
        with self._news:
            return self._rows[-1].seq if self._rows else 0

    def wait(self, seconds: float) -> None:
        """Until a row comes, or the time is over."""
        with self._news:
            self._news.wait(seconds)

    def _follow(self) -> None:
        journal: Journal | None = None
        while not self._stop.is_set():
            try:
                journal = journal or Journal.open_to_read(self._path)
                self._show(journal.read(self.head()))
            except JournalError:
                journal = None  # not there yet, or just being made
            self._stop.wait(LOOK_S)
        if journal is not None:
            journal.close()

    def _show(self, rows: list[Row]) -> None:
        for row in rows:
            if row.kind not in QUIET and not self.hush(row):
                text = self._words.event(row.kind, row.source, row.values())
                self._screen.at(f"   {text}", _colour(row))
        if rows:
            with self._news:
                self._rows += rows
                self._news.notify_all()


def _colour(row: Row) -> str:
    if row.kind == "relay.driven":
        return "alarm" if row.values()["energised"] else "good"
    if row.kind in ("camera.lost", "link.down", "clip.failed", "footage.gap"):
        return "trouble"
    if row.kind in ("camera.restored", "link.up", "clip.delivered", "footage.resumed"):
        return "good"
    return "alarm" if row.kind.startswith(("alarm.raised", "pump.fail", "pump.stopped_on")) else row.signal


def to_terminal() -> Screen:
    """The screen of this process."""
    return Screen(sys.stdout)
