"""What boards sent since the last commit, sorted by board; decides nothing, touches no store."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.wire import Presence, WireRow

Name = tuple[str, str]  # site, board


@dataclass(eq=False)
class Sent:
    """Of one board: rows in the order they came, presences, and why what was refused."""

    rows: list[WireRow] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Batch:
    """What of()'s callers put into it."""

    def __init__(self) -> None:
        self.boards: dict[Name, Sent] = {}

    def of(self, site: str, board: str) -> Sent:
        """That board's part."""
        sent = self.boards.get((site, board))
        if sent is None:
            sent = self.boards[site, board] = Sent()
        return sent
