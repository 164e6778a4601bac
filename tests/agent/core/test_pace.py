"""Bytes in flight follow what the link can do."""

from __future__ import annotations

from agent.core.pace import FILES, LEAST_BYTES, MOST_BYTES, ROWS, Pace


def run(rate_bytes_s: int, rtt_s: float, seconds: float) -> tuple[Pace, float]:
    """A link that sends `rate_bytes_s` and answers `rtt_s` later; returns the pace and the last message's wait."""
    pace, now_s, free_s, took = Pace(), 0.0, 0.0, 0.0
    pending: list[tuple[float, int, float]] = []
    while now_s < seconds:
        size = min(65536, pace.message_bytes)
        if pace.room(ROWS, size, now_s):
            pace.handed(ROWS, size, now_s)
            free_s = max(now_s, free_s) + size / rate_bytes_s
            pending.append((free_s + rtt_s, size, now_s))
            continue
        done, size, handed = pending.pop(0)
        now_s = max(now_s, done)
        took = now_s - handed
        pace.confirmed(ROWS, size, took, now_s)
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


def test_a_link_after_a_cut_is_full_again_soon() -> None:
    """2 Mbit/s and 300 ms: as many bytes as it holds at once are on their way within some four round trips."""
    pace, took = run(250_000, 0.3, 1.4)
    assert pace.budget_bytes >= 150_000
    assert took < pace.target_s


def test_quicker_growth_never_makes_an_alarm_wait_for_the_target() -> None:
    """Whatever the link carries: the last message that was let out by what went well before it."""
    for rate in (4_000, 8_000, 16_000, 32_000, 64_000, 250_000):
        for rtt_s in (0.0, 0.1, 0.3, 0.45):
            worst = max(run(rate, rtt_s, seconds)[1] for seconds in (1, 2, 3, 5, 8, 20))
            assert worst <= 1.5 * 2.0, (rate, rtt_s)


def test_files_have_their_part_while_rows_wait_and_all_of_it_when_not() -> None:
    pace = Pace()
    pace.budget_bytes = 90_000
    pace.handed(FILES, 20_000, 0)
    assert pace.room(FILES, 20_000, 0)
    pace.wants(ROWS, True)
    assert not pace.room(FILES, 20_000, 0)
    assert pace.room(ROWS, 60_000, 0)
    pace.wants(FILES, True)
    pace.handed(ROWS, 50_000, 0)
    assert not pace.room(ROWS, 20_000, 0)
    pace.confirmed(FILES, 20_000, 1.5, 2)
    assert pace.room(FILES, 20_000, 2), "its part is its own"


def test_while_alarms_wait_files_begin_nothing() -> None:
    pace = Pace()
    pace.urgent = True
    assert not pace.room(FILES, 10, 0)
    assert pace.room(ROWS, 10, 0)
    pace.dropped(ROWS)
    assert pace.room(FILES, 10, 0), "without a session for rows no alarm goes before a file"


def test_a_cap_holds_on_average_and_lets_alarms_pass() -> None:
    pace, sent, now_s = Pace(), 0, 0.0
    pace.cap(1000.0)
    while now_s < 60:
        if pace.room(FILES, 500, now_s):
            pace.handed(FILES, 500, now_s)
            pace.confirmed(FILES, 500, 0.01, now_s)
            sent += 500
        now_s += 0.05
    assert 55_000 <= sent <= 65_000
    pace.handed(ROWS, 5000, now_s)  # alarms are not asked about, but count
    assert not pace.room(FILES, 500, now_s + 1)
    assert pace.room(FILES, 500, now_s + 10)


def test_the_rate_is_that_of_the_link() -> None:
    pace, now_s = Pace(), 100.0
    for _ in range(50):
        pace.handed(ROWS, 4000, now_s)
        pace.handed(ROWS, 4000, now_s)
        for _ in range(2):
            now_s += 0.5
            pace.confirmed(ROWS, 4000, 0.8, now_s)
    assert 7000 <= pace.rate_bytes_s <= 9000


def test_a_new_session_learns_the_link_anew_and_forgets_nothing_of_the_other() -> None:
    pace = Pace()
    for n in range(20):
        pace.handed(ROWS, 8000, n)
        pace.confirmed(ROWS, 8000, 0.1, n + 0.1)
    pace.handed(FILES, 5000, 30)
    pace.handed(ROWS, 5000, 30)
    assert pace.budget_bytes > LEAST_BYTES
    pace.anew(ROWS)
    assert (pace.budget_bytes, pace.rtt_s, pace.flying) == (LEAST_BYTES, 0.0, {ROWS: 0, FILES: 5000})
