"""When to try again: exponential back-off with full jitter.

Rules of this file:
- each wait is drawn evenly between 0 and a ceiling; the ceiling doubles from `first_s` up to `most_s`, so a
  hundred boards that lost one broker together do not come back together;
- chance comes in as an argument: this file owns no random numbers and no clock.
"""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Waits between tries, in seconds. `jitter` returns a number in [0, 1), as random.random does.

    ValueError unless 0 < first_s <= most_s.
    """

    def __init__(self, first_s: float, most_s: float, jitter: Callable[[], float]) -> None:
        if not 0 < first_s <= most_s:
            raise ValueError(f"back-off from {first_s} s to {most_s} s makes no sense")
        self._first_s = first_s
        self._most_s = most_s
        self._jitter = jitter
        self._ceiling_s = first_s

    def next(self) -> float:
        """Seconds to wait before the next try; the ceiling of the one after is twice as high."""
        wait_s = self._ceiling_s * self._jitter()
        self._ceiling_s = min(self._most_s, self._ceiling_s * 2)
        return wait_s

    def reset(self) -> None:
        """It worked: the next failure starts again from `first_s`."""
        self._ceiling_s = self._first_s
