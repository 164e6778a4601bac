"""Bytes in flight follow what the link can do."""

from __future__ import annotations

from agent.core.pace import LEAST_BYTES, MOST_BYTES, Pace


def run(rate_bytes_s: int, rtt_s: float, seconds: float) -> tuple[Pace, float]:
    """A link that sends `rate_bytes_s` and answers `rtt_s` later; returns the pace and the last message's wait."""
    pace, now_s, free_s, took = Pace(), 0.0, 0.0, 0.0
    pending: list[tuple[float, int, float]] = []
    while now_s < seconds:
        size = min(65536, pace.message_bytes)
        if sum(p[1] for p in pending) + size <= pace.budget_bytes or not pending:
            free_s = max(now_s, free_s) + size / rate_bytes_s
            pending.append((free_s + rtt_s, size, now_s))
            continue
        done, size, handed = pending.pop(0)
        now_s = max(now_s, done)
        took = now_s - handed
        pace.confirmed(size, took, now_s)
    return pace, took


def test_a_fast_link_is_used() -> None:
    pace, _ = run(10_000_000, 0.02, 20)
    assert pace.budget_bytes == MOST_BYTES


def test_a_thin_link_keeps_messages_small_and_alarms_near() -> None:
    """64 kbit/s: what is in flight drains within about the target, never 125 s."""
    pace, took = run(8_000, 0.3, 300)
    assert pace.budget_bytes <= 2 * LEAST_BYTES
    assert took < 5


def test_a_long_fat_link_is_not_starved() -> None:
    """600 ms of satellite at 4 Mbit/s."""
    pace, _ = run(500_000, 0.6, 120)
    assert pace.budget_bytes >= 256 * 1024
