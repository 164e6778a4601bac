"""Is a batch sooner there when it is compressed first? Decided by what link and processor have shown.

Rules of this file:
- compressing must pay MARGIN times over: on a link as fast as the processor it only costs time and heat;
- while the link's rate is unknown, it is taken for thin.
"""

from __future__ import annotations

MARGIN = 4.0
KEEP = 0.8  # of what was known, against each new measurement


class Squeeze:
    """Learns how far batches shrink and how long it takes."""

    def __init__(self, ratio: float = 0.2, bytes_s: float = 20e6) -> None:
        self.ratio = ratio
        self.bytes_s = bytes_s

    def pays(self, rate_bytes_s: float) -> bool:
        """On a link of this rate (0: unknown)."""
        return not rate_bytes_s or (1 - self.ratio) / rate_bytes_s > MARGIN / self.bytes_s

    def learned(self, plain: int, packed: int, took_s: float) -> None:
        """A batch of `plain` bytes became `packed` in `took_s`."""
        self.ratio = KEEP * self.ratio + (1 - KEEP) * packed / plain
        self.bytes_s = KEEP * self.bytes_s + (1 - KEEP) * plain / max(1e-6, took_s)
