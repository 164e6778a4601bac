"""Compressing pays on a thin link and not on one that outruns the processor."""

from __future__ import annotations

from agent.core.squeeze import Squeeze


def test_by_the_measured_rate() -> None:
    squeeze = Squeeze()
    assert squeeze.pays(0)  # unknown: taken for thin
    assert squeeze.pays(8_000)
    assert squeeze.pays(1_000_000)
    assert not squeeze.pays(30_000_000)


def test_rows_that_do_not_shrink_are_left_alone() -> None:
    squeeze = Squeeze()
    for _ in range(30):
        squeeze.learned(1000, 1010, 0.0001)
    assert not squeeze.pays(8_000)


def test_a_slow_processor_compresses_for_thin_links_only() -> None:
    squeeze = Squeeze()
    for _ in range(30):
        squeeze.learned(65536, 8000, 0.1)
    assert squeeze.pays(8_000)
    assert not squeeze.pays(1_000_000)
