"""A loop that had no processor for a while: what it hears late counts by when it happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_core import MS, Core
from sp_site import SITE

from agent.config import load
from agent.core.events import PointChanged


@pytest.fixture
def core(tmp_path: Path) -> Core:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    core = Core(load(path))
    core.said()
    return core


@pytest.mark.parametrize("late_ms", [0, 40, 130, 5000])
def test_a_press_counts_however_late_the_panel_hears_of_it(core: Core, late_ms: int) -> None:
    """100 ms with 30 ms to settle: both edges wait while the loop has no processor."""
    core.contact("flood", True)
    core.after(100)
    assert core.energised("siren")
    pressed_ns = core.now_ns
    core.now_ns += (100 + late_ms) * MS
    for closed, at_ns in ((True, pressed_ns), (False, pressed_ns + 100 * MS)):
        core.decider.edge("noted", closed, at_ns, core.stamp())
    core.after(100)
    changes = [e for e in core.said() if isinstance(e, PointChanged) and e.source == "noted"]
    assert [(e.closed, e.edge_mono_ns) for e in changes] == [
        (True, pressed_ns),
        (False, pressed_ns + 100 * MS),
    ]
    assert not core.energised("siren")


def test_a_bounce_is_none_however_late_the_panel_hears_of_it(core: Core) -> None:
    began_ns = core.now_ns
    core.now_ns += 1000 * MS
    for number in range(6):
        core.decider.edge("noted", number % 2 == 0, began_ns + number * 29 * MS, core.stamp())
    core.after(100)
    assert core.kinds() == []
