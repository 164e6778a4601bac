"""How many bytes may be on their way at once, so that an alarm never waits long behind a batch on a thin link.

Rules of this file:
- a link is one queue: what is handed over before an alarm delays it, so the time a message takes to be confirmed is
  held near `target_s` by the bytes allowed in flight: more while it takes less than half of that (a quarter: twice as
  many more, which at most triples the wait), fewer when longer;
- both sessions of a board share one link and so one Pace: each has its part of the bytes by weight, and all of them
  while the other has nothing to send; while alarms wait, files do not begin another message;
- a link is thin until it proves otherwise; a good one does so in a few messages;
- time comes in as an argument.
"""

from __future__ import annotations

from collections import deque

LEAST_BYTES = 8 * 1024
MOST_BYTES = 1024 * 1024
TARGET_S = 2.0
RATE_S = 10.0  # the rate is that of the last so many seconds in which something was on its way
SAMPLES_MOST = 1000
ROWS, FILES = "rows", "files"
WEIGHTS = {ROWS: 2, FILES: 1}


class Pace:
    """Bytes allowed in flight, learnt from how long each message took; and the rate that came of it.

    `name` in all methods is one of WEIGHTS: the session of rows, and that of files.
    """

    def __init__(self, target_s: float = TARGET_S, least: int = LEAST_BYTES, most: int = MOST_BYTES) -> None:
        self.target_s = target_s
        self.rtt_s = 0.0  # of the quickest message of late; 0: nothing was confirmed yet
        self.flying = dict.fromkeys(WEIGHTS, 0)
        self.urgent = False  # alarms wait to be handed over or confirmed
        self.budget_bytes = min(most, least)
        self._least = least
        self._most = most
        self._cut_at_s = float("-inf")
        self._waiting = dict.fromkeys(WEIGHTS, False)
        self._busy_since_s = 0.0
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES_MOST)
        self._cap: float | None = None  # bytes a second
        self._credit = 0.0
        self._credit_at_s = 0.0

    @property
    def message_bytes(self) -> int:
        """The largest single message that leaves room for another beside it."""
        return self.budget_bytes // 2

    def wants(self, name: str, waiting: bool) -> None:
        """Whether this session has anything to send that must keep to its part."""
        self._waiting[name] = waiting

    def cap(self, bytes_s: float | None) -> None:
        """No more than this on average, None for all there is. What is never asked of room() goes all the same."""
        if bytes_s != self._cap:
            self._cap, self._credit = bytes_s, 0.0

    def room(self, name: str, size: int, now_s: float) -> bool:
        """May it hand over `size` bytes more? With nothing of its own in flight it may, whatever the size."""
        if (name == FILES and self.urgent) or not self._affordable(now_s):
            return False
        if not self.flying[name]:
            return True
        all_flying = sum(self.flying.values())
        most = self._part(name) if any(self._waiting[n] for n in WEIGHTS if n != name) else self.budget_bytes
        return self.flying[name] + size <= most and all_flying + size <= max(self.budget_bytes, most)

    def _part(self, name: str) -> int:
        return max(self._least // 2, self.budget_bytes * WEIGHTS[name] // sum(WEIGHTS.values()))

    def _affordable(self, now_s: float) -> bool:
        if self._cap is None:
            return True
        earned = (now_s - self._credit_at_s) * self._cap
        self._credit = min(self._cap, self._credit + earned)  # a second's worth may gather
        self._credit_at_s = now_s
        return self._credit >= 0

    def handed(self, name: str, size: int, now_s: float) -> None:
        """A message of `size` bytes is on its way."""
        if not any(self.flying.values()):
            self._busy_since_s = now_s
            self._samples.clear()
        self.flying[name] += size
        if self._cap is not None:
            self._credit -= size

    def dropped(self, name: str) -> None:
        """The session is gone, and with it what it had in flight."""
        self.flying[name] = 0
        self._waiting[name] = False
        if name == ROWS:
            self.urgent = False

    def anew(self, name: str) -> None:
        """As dropped; and what was learnt of the link is forgotten, as the next session may go another way."""
        self.dropped(name)
        self.budget_bytes = min(self._most, self._least)
        self.rtt_s, self._cut_at_s = 0.0, float("-inf")

    def returned(self, name: str, size: int) -> None:
        """The message is no longer on its way, and nothing can be learnt of it (it was refused)."""
        self.flying[name] = max(0, self.flying[name] - size)

    def confirmed(self, name: str, size: int, took_s: float, now_s: float) -> None:
        """A message of `size` bytes was confirmed `took_s` after it was handed over."""
        self.returned(name, size)
        self._measure(size, now_s)
        self.rtt_s = took_s if not self.rtt_s else min(took_s, self.rtt_s * 1.02)
        if took_s <= self.target_s / 2:
            more = 2 * size if took_s <= self.target_s / 4 else size
            self.budget_bytes = min(self._most, self.budget_bytes + more)
        elif took_s > self.target_s and now_s - self._cut_at_s >= took_s:  # once for what was in flight together
            self.budget_bytes = max(self._least, self.budget_bytes * 7 // 10)
            self._cut_at_s = now_s

    def _measure(self, size: int, now_s: float) -> None:
        self._samples.append((now_s, size))
        while now_s - self._samples[0][0] > RATE_S:
            self._busy_since_s = max(self._busy_since_s, self._samples.popleft()[0])
        if len(self._samples) == SAMPLES_MOST:
            self._busy_since_s = max(self._busy_since_s, self._samples.popleft()[0])

    @property
    def rate_bytes_s(self) -> float:
        """Bytes a second confirmed of late, while something was on its way; 0: unknown yet."""
        if not self._samples:
            return 0.0
        took_s = self._samples[-1][0] - self._busy_since_s
        return sum(size for _, size in self._samples) / max(0.001, took_s)
