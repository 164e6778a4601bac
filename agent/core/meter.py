"""How much of what is refused is written down. Pure: time comes in as an argument."""

from __future__ import annotations

REFUSALS_A_MINUTE = 6


class RefusalMeter:
    """How many refusals are written down: the first few each minute; the others are counted.

    Somebody who can publish on the topic must not be able to fill the journal.
    """

    def __init__(self, most: int = REFUSALS_A_MINUTE) -> None:
        self.uncounted = 0  # refused and not written down since last reported
        self._most = most
        self._minute_s = float("-inf")
        self._written = 0

    def admit(self, now_s: float) -> bool:
        """True if this refusal is to be written down."""
        if now_s - self._minute_s >= 60:
            self._minute_s, self._written = now_s, 0
        if self._written >= self._most:
            self.uncounted += 1
            return False
        self._written += 1
        return True

    def due(self, now_s: float) -> int:
        """Once the minute is over: how many went unwritten (to be written down as one), else 0."""
        if not self.uncounted or now_s - self._minute_s < 60:
            return 0
        count, self.uncounted = self.uncounted, 0
        return count
