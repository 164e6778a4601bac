"""When to try again: exponential back-off with full jitter.

Rules of this file:
- each wait is drawn evenly between 0 and a ceiling; the ceiling doubles from `first_s` up to `most_s`, so a
  hundred boards that lost one broker together do not come back together;
- most outages are short: for the first minutes the ceiling may be kept low (`early`), unless whoever refused us has
  answered and is not to be hurried;
- chance comes in as an argument: this file owns no random numbers and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Early(NamedTuple):
    """Until the waits have come to `for_s`, none is longer than `most_s`."""

    most_s: float
    for_s: float


MINUTES = Early(5.0, 120.0)  # of a link: a broker that starts anew is back within these


class Backoff:
    """Waits between tries, in seconds. `jitter` returns a number in [0, 1), as random.random does.

    ValueError unless 0 < first_s <= most_s.
    """

    def __init__(self, first_s: float, most_s: float, jitter: Callable[[], float], early: Early | None = None) -> None:
        if not 0 < first_s <= most_s:
            raise ValueError(f"back-off from {first_s} s to {most_s} s makes no sense")
        self._first_s = first_s
        self._most_s = most_s
        self._jitter = jitter
        self._early = early or Early(0.0, 0.0)
        self._ceiling_s = first_s
        self._waited_s = 0.0

    def next(self, *, hurry: bool = True) -> float:
        """Seconds to wait before the next try; the ceiling of the one after is twice as high.

        hurry=False: as if the first minutes were over, for this wait and those after it.
        """
        if not hurry:
            self._waited_s = self._early.for_s
        wait_s = self._ceiling_s * self._jitter()
        self._waited_s += wait_s
        most_s = self._early.most_s if self._waited_s < self._early.for_s else self._most_s
        self._ceiling_s = min(max(most_s, self._first_s), self._most_s, self._ceiling_s * 2)
        return wait_s

    def reset(self) -> None:
        """It worked: the next failure starts again from `first_s`."""
        self._ceiling_s = self._first_s
        self._waited_s = 0.0
