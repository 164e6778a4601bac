"""Every fault of a single wire or pair of every supervised point of the example sites, named: open, short, crossed,
grounded, bridged. The circuit is the simulated converter's, everything behind it is the panel's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.config import load
from agent.core.chain import Stamp
from agent.core.events import Event, PointFault, PointFaultCleared
from agent.panel.decide import Decider
from agent.panel.plan import plan
from agent.panel.sampler import Sampler
from hw.simulator.channels import SimConverter

S, SAMPLE_NS = 1_000_000_000, 100_000_000
EXAMPLES = Path(__file__).parents[3] / "provisioning/examples"
SITES = [path for path in sorted(EXAMPLES.glob("*.toml")) if 'pin = "ADC' in path.read_text(encoding="utf-8")]


class Site:
    """A panel without a process, over a converter without a board."""

    def __init__(self, path: Path) -> None:
        self._now_ns = 10 * S
        self.decider = Decider(plan(load(path)))
        self.converter = SimConverter(self.decider.plan.channels)
        self.loops = [spec.id for spec in self.decider.plan.channels if spec.measures == "loop"]
        self._sampler = Sampler(self.decider, self._no_bank, self._put, lambda: self._now_ns)
        self.said: list[Event] = []
        self.decider.begin({}, (), self._stamp())
        self.after(20)

    @staticmethod
    def _no_bank() -> None:  # type: ignore[override]
        raise AssertionError("samples are handed in")

    def _stamp(self) -> Stamp:
        return Stamp(1_800_000_000 * S + self._now_ns, "boot", self._now_ns, "synced")

    def _put(self, message: Callable[[Stamp], None]) -> None:
        message(self._stamp())

    def after(self, samples: int = 20) -> dict[str, str]:
        """Time passes. Faults that were named and are not over: point -> fault."""
        for _ in range(samples):
            self._now_ns += SAMPLE_NS
            self._sampler.take(self.converter.ratios_ppm(), self._now_ns)
            self.decider.elapse(self._stamp())
            while (outcome := self.decider.take(self._stamp())) is not None:
                self.said += outcome.events
        return dict(self.decider.channels.faults)

    def put(self, point: str, closed: bool) -> None:
        self.converter.find(point).closed = closed


@pytest.fixture(params=SITES, ids=lambda path: path.stem)
def site(request: pytest.FixtureRequest) -> Site:
    return Site(request.param)


def test_there_is_something_to_try() -> None:
    assert SITES
    assert all(len(Site(path).loops) >= 4 for path in SITES)


def test_every_single_wire_of_every_point(site: Site) -> None:
    """Whatever the contact shows just then."""
    for point, closed, wire in itertools.product(site.loops, (False, True), ("open", "short")):
        site.put(point, closed)
        assert site.after() == {}, f"{point} is well"
        site.said.clear()
        site.converter.wire(point, wire)
        assert site.after() == {point: wire}, f"{point}, contact {'closed' if closed else 'open'}, {wire}"
        (fault,) = [event for event in site.said if isinstance(event, PointFault)]
        assert (fault.source, fault.fault, str(fault.signal)) == (point, wire, "trouble")
        assert f"point.fault:{point}" in site.decider.response.alarms.latched
        site.converter.wire(point, "well")
        assert site.after() == {}
        assert PointFaultCleared(source=point, was=wire) in [e for e in site.said if isinstance(e, PointFaultCleared)]
        site.decider.response.ask("acknowledge", "*", "anna")
        site.decider.response.ask("reset", "*", "anna")


def test_every_crossed_pair(site: Site) -> None:
    """Both are named, as neither loop returns to ground."""
    for one, other in itertools.combinations(site.loops, 2):
        site.converter.wire(one, "crossed", other)
        assert site.after() == {one: "open", other: "open"}
        site.converter.wire(one, "well")
        assert site.after() == {}


def test_every_pair_that_touches_shows_in_some_position_of_its_contacts(
    site: Site, rounds: Callable[[int, int], int]
) -> None:
    """Two equal loops in one position read alike, touching or not: the next change of either shows it."""
    pairs = list(itertools.combinations(site.loops, 2))
    for one, other in pairs[: rounds(8, len(pairs))]:
        named = set()
        for positions in itertools.product((False, True), repeat=2):
            for point, closed in zip((one, other), positions, strict=True):
                site.put(point, closed)
            site.converter.wire(one, "bridged", other)
            named |= set(site.after().values())
            site.converter.wire(one, "well")
            site.after()
        assert "leak" in named, f"{one} touches {other}"


def test_every_wire_with_a_leak_to_ground(site: Site) -> None:
    """An open contact whose wire is wet: neither open nor closed."""
    for point in site.loops:
        site.put(point, False)
        site.after()
        site.converter.wire(point, "ground")
        assert site.after() == {point: "leak"}
        site.converter.wire(point, "well")
        assert site.after() == {}
