"""Log lines that somebody else can cause: a few a minute of each sort, the rest counted and told with the next."""

from __future__ import annotations

import logging
import time

LINES_A_MINUTE = 5


class Quiet:
    """say() as a logger's, by sort."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: dict[str, list[float]] = {}
        self._kept: dict[str, int] = {}

    def say(self, sort: str, level: int, text: str, *values: object) -> None:
        """Log it, or count it if this sort had its lines in the last minute."""
        now = time.monotonic()
        said = self._said[sort] = [at for at in self._said.get(sort, []) if now - at < 60]
        if len(said) >= LINES_A_MINUTE:
            self._kept[sort] = self._kept.get(sort, 0) + 1
            return
        said.append(now)
        kept = self._kept.pop(sort, 0)
        self._log.log(level, text + (f" (and {kept} more like it)" if kept else ""), *values)
