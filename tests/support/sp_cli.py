"""A board's folders for tests of commands, and what a command answered."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.chain import Stamp
from agent.core.events import Event
from agent.journal import Journal
from agent.runtime import clock
from agent.runtime.paths import Paths

SITE = """\
[site]
id = "plant-3"
board = "pump-house"
timezone = "Asia/Shanghai"

[[point]]
id = "gate"
kind = "door"
pin = "GPIO17"
contact = "normally-closed"
held_open_s = 120

[[relay]]
id = "siren"
pin = "GPIO23"

[[camera]]
id = "yard"
source = "testcard:"

[[rule]]
on = ["door.held_open"]
drive = ["siren"]

[uplink]
broker = "mqtt://127.0.0.1:1"
"""


@dataclass
class Board:
    """One board's folders, and its journal as a process of the agent would write it."""

    paths: Paths

    @property
    def folders(self) -> list[str]:
        return ["--site", str(self.paths.site), "--data", str(self.paths.data), "--run", str(self.paths.run)]

    def journal(self) -> Journal:
        return Journal.open(self.paths.journal, self.paths.bell, clock.SystemClock().stamp)

    def note(self, *events: Event, stamps: list[Stamp] | None = None) -> None:
        """Append events to the board's journal."""
        journal = self.journal()
        journal.append(*events, stamps=stamps)
        journal.close()


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str
