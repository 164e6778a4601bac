"""How many bytes may be on their way at once, so that an alarm never waits long behind a batch on a thin link.

Rules of this file:
- a link is one queue: what is handed over before an alarm delays it, so the time a message takes to be confirmed is
  held near `target_s` by the bytes allowed in flight: more while it takes less than half of that, fewer when longer;
- time comes in as an argument.
"""

from __future__ import annotations

LEAST_BYTES = 16 * 1024
MOST_BYTES = 1024 * 1024
TARGET_S = 2.0


class Pace:
    """Bytes allowed in flight, learnt from how long each message took."""

    def __init__(self, target_s: float = TARGET_S, least: int = LEAST_BYTES, most: int = MOST_BYTES) -> None:
        self.target_s = target_s
        self._least = least
        self._most = most
        self.budget_bytes = min(
            most, 2 * least
        )  # thin until it proves otherwise; a good link does so in a few messages
        self._cut_at_s = float("-inf")

    @property
    def message_bytes(self) -> int:
        """The largest single message that leaves room for another beside it."""
        return self.budget_bytes // 2

    def confirmed(self, size: int, took_s: float, now_s: float) -> None:
        """A message of `size` bytes was confirmed `took_s` after it was handed over."""
        if took_s <= self.target_s / 2:
            self.budget_bytes = min(self._most, self.budget_bytes + size)
        elif took_s > self.target_s and now_s - self._cut_at_s >= took_s:  # once for what was in flight together
            self.budget_bytes = max(self._least, self.budget_bytes * 7 // 10)
            self._cut_at_s = now_s
