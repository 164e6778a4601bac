"""The pass that seals: every camera's hour that is over gets its row footage.sealed."""

from __future__ import annotations

from agent.footage.seal import Sealer
from agent.jobs.desk import Desk


def run(desk: Desk) -> int:
    """One pass by itself: how many hours it sealed."""
    with desk.alone():
        return tend(desk)


def tend(desk: Desk) -> int:
    """One pass, alone."""
    return Sealer(desk.paths.footage, desk.index, desk.journal).run(desk.now())
