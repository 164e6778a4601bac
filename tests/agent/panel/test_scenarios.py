"""Every scenario on the real panel in real time: over the simulator, and on the kernel's lines where there are any.

Those of more than a few seconds run with --long. `STANDPIPE_SCENARIOS=yes sh tests/vm/gpio.sh` plays some of them on a
kernel that has gpio-sim.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sp_gpiosim
from sp_scenario import of, played, scenarios, verdict
from sp_scenario_panel import Board, KernelBoard, PanelWorld, SimulatedBoard, new_site
from sp_site import Site

from agent.config.model import SiteConfig

SHORT_MS = 1300
ALWAYS = ("fail-to-start", "power-cut-while-it-sounds")


def _marked(path: Path) -> object:
    short = path.stem in ALWAYS or of(path).end_ms <= SHORT_MS
    marks = [] if short else [pytest.mark.long]
    return pytest.param(path, id=path.stem, marks=marks)


def simulated(site: Site, config: SiteConfig) -> Board:
    return SimulatedBoard(site, config)


def kernel(site: Site, config: SiteConfig) -> Board:
    sp_gpiosim.needed()
    return KernelBoard(config)


@pytest.mark.parametrize("path", [_marked(path) for path in scenarios()])
@pytest.mark.parametrize("board", [simulated, kernel], ids=lambda board: board.__name__)
def test_scenario(tmp_path: Path, path: Path, board: Callable[[Site, SiteConfig], Board]) -> None:
    scenario = of(path)
    with new_site(tmp_path / "s", own_pulls=board is not kernel) as site:
        wired = board(site, scenario.config)
        try:
            wrong, late_ms = played(scenario, PanelWorld(scenario, site, wired))
        finally:
            wired.close()
        assert verdict(scenario, wrong) == "", f"the hand was {late_ms:.0f} ms late; {site.log('panel')}"


def test_some_run_every_time() -> None:
    short = [path.stem for path in scenarios() if of(path).end_ms <= SHORT_MS]
    assert len(short) >= 4
    assert {path.stem for path in scenarios()} >= set(ALWAYS)
