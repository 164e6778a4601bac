"""Which cameras are due for replacement: what failed how often and for how long, of late. Pure.

Rules of this file:
- only what a camera does of itself counts: a lens that somebody has covered, turned or unmasked is no worn camera;
- a fault lasts from its row to the row that ends it, or until now; only what lies within the period counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

NS = 1_000_000_000
HOUR_NS = 3_600 * NS
OFTEN, LONG_NS = 10, 24 * HOUR_NS  # in the period: so often, or so long in all
ENDS = {"camera.restored": "lost"}
OF_PEOPLE = frozenset({"covered", "moved", "unmasked"})
OF_ITSELF = ("lost", "frozen", "black", "over_exposed", "blurred", "slow", "thin", "wrong_time")


class Told(NamedTuple):
    """A row of a camera: its kind, and when (UTC)."""

    kind: str
    camera: str
    at_ns: int


@dataclass
class Fault:
    """One kind of fault of a camera. since_ns: when it began, 0 if it does not stand."""

    name: str
    times: int = 0
    ns: int = 0
    since_ns: int = 0

    @property
    def due(self) -> bool:
        """Often or long enough that the camera should be replaced."""
        return self.times >= OFTEN or self.ns >= LONG_NS


def kinds() -> list[str]:
    """Those that `worn` wants."""
    began = [f"camera.{name}" for name in OF_ITSELF]
    return [*began, *ENDS, *(f"{kind}_cleared" for kind in began if kind != "camera.lost")]


def worn(rows: Iterable[Told], from_ns: int, now_ns: int) -> dict[str, list[Fault]]:
    """Camera -> its faults in the period, the worst first; without those that had none. rows: in their order, from
    before the period on."""
    found: dict[str, dict[str, Fault]] = {}
    for row in rows:
        name = ENDS.get(row.kind) or row.kind.removeprefix("camera.").removesuffix("_cleared")
        fault = found.setdefault(row.camera, {}).setdefault(name, Fault(name))
        if row.kind == f"camera.{name}":
            fault.since_ns = fault.since_ns or row.at_ns
        elif fault.since_ns:
            _count(fault, row.at_ns, from_ns)
            fault.since_ns = 0
    for fault in (one for faults in found.values() for one in faults.values() if one.since_ns):
        _count(fault, now_ns, from_ns)
    told = {camera: [one for one in faults.values() if one.times] for camera, faults in found.items()}
    return {camera: sorted(faults, key=lambda one: -one.ns) for camera, faults in told.items() if faults}


def _count(fault: Fault, to_ns: int, from_ns: int) -> None:
    if to_ns >= from_ns:
        fault.times += 1
        fault.ns += to_ns - max(from_ns, fault.since_ns)
