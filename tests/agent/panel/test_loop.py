"""The alarm loop on gpiozero's mock pins, turned by hand: the order of note, drive and row, and relays that fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sp_site import SITE

from agent.config import load
from agent.core.chain import Stamp
from agent.core.events import Event, RelayDriven, TroubleCleared, TroubleRaised
from agent.panel import memory
from agent.panel.decide import Decider
from agent.panel.loop import AlarmLoop, Banks
from agent.panel.notes import Notebook, unpack
from agent.panel.plan import plan
from agent.panel.report import figures
from agent.panel.ring import Ring
from agent.runtime.clock import SystemClock
from hw.gpio import GpioInputs, GpioRelays, pin_factory
from hw.ports import Edge, HardwareError

S = 1_000_000_000


class Watched(GpioRelays):
    """Real relays on mock pins; looks into the ring at each drive, and fails when told to."""

    ring: Ring
    broken = False

    def drive(self, relay: str, energised: bool) -> None:
        self.seen.append((relay, energised, kinds(self.ring), memory.parse(self.ring.reread())))
        if self.broken:
            raise HardwareError(f"relay {relay}, pin 9: no such line")
        super().drive(relay, energised)


class Bench:
    """A loop whose clock stands still until it is moved."""

    def __init__(self, folder: Path) -> None:
        (folder / "site.toml").write_text(SITE)
        self.plan = plan(load(folder / "site.toml"))
        self.ring = Ring.open(folder / "run" / "ring")
        self.now_ns = SystemClock().stamp().mono_ns
        self.factory = pin_factory("mock")
        self.decider = Decider(self.plan)
        self.stuck = ""
        self.opened: list[dict[str, bool]] = []
        self.loop = AlarmLoop(
            self.decider, Notebook(self.ring, lambda: None), self.open, self.stamp, lambda now: self.stuck
        )
        self.decider.begin({}, (), self.stamp())

    def stamp(self) -> Stamp:
        return SystemClock().stamp()._replace(mono_ns=self.now_ns)

    def open(self, energised: dict[str, bool]) -> Banks:
        self.opened.append(energised)
        self.relays = Watched(self.plan.outputs, self.factory, energised)
        self.relays.ring, self.relays.seen = self.ring, []
        self.inputs = GpioInputs(self.plan.inputs, self.factory)
        for pin in ("GPIO17", "GPIO18", "GPIO10"):  # both doors shut, the selector in auto
            self.factory.pin(pin).drive_low()
        return Banks(self.inputs, self.relays, self.close_pins)

    def close_pins(self) -> None:
        self.inputs.close()
        self.relays.close()

    def contact(self, point: str, closed: bool) -> None:
        pin = self.factory.pin(next(spec.pin for spec in self.plan.inputs if spec.id == point))
        (pin.drive_low if closed else pin.drive_high)()
        self.loop.put(Edge(point, closed, self.now_ns))

    def after(self, ms: int) -> None:
        """Turn now, and again when the time has passed."""
        self.loop.turn(0)
        self.now_ns += ms * 1_000_000
        self.loop.turn(0)

    def noted(self) -> list[Event]:
        return [unpack(record.payload)[0] for record in self.ring.pending(1000)]


def kinds(ring: Ring) -> list[str]:
    return [unpack(record.payload)[0].KIND for record in ring.pending(1000)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.loop.close()
    made.factory.reset()
    made.ring.close()


def test_noted_before_it_is_driven_and_said_after(bench: Bench) -> None:
    bench.after(100)
    bench.contact("flood", True)
    bench.after(50)
    relay, energised, noted, state = bench.relays.seen[0]
    assert (relay, energised) == ("siren", True)
    assert noted[-3:] == ["point.changed", "alarm.raised", "clip.requested"]
    assert state is not None
    assert state.driven["siren"] is True
    assert state.unsaid == ["beacon", "siren"]
    driven = [event for event in bench.noted() if isinstance(event, RelayDriven)]
    assert [event.source for event in driven] == ["siren", "beacon"]
    after = memory.parse(bench.ring.reread())
    assert after is not None
    assert after.unsaid == []
    assert len(bench.loop.latencies_ns) == 2


def test_edges_that_were_lost_below_are_trouble_until_a_minute_has_passed_without(bench: Bench) -> None:
    def troubles() -> list[tuple[str, str]]:
        return [(e.KIND, e.what) for e in bench.noted() if isinstance(e, TroubleRaised | TroubleCleared)]

    bench.after(1001)
    assert troubles() == []
    bench.factory.lost_edges = 3
    bench.after(1001)
    bench.factory.lost_edges = 5
    bench.after(50_000)
    bench.after(9_000)
    assert troubles() == [("trouble.raised", "edges")]
    assert figures(bench.loop, bench.ring, SimpleNamespace(rows=0))["edges_lost"] == 5
    bench.after(60_000)
    assert troubles() == [("trouble.raised", "edges"), ("trouble.cleared", "edges")]


def test_banks_opened_anew_count_their_lost_edges_from_nothing(bench: Bench) -> None:
    bench.factory.lost_edges = 7
    bench.after(1001)
    bench.factory.lost_edges = 0
    bench.after(1001)
    bench.factory.lost_edges = 1
    bench.after(1001)
    assert bench.loop.edges_lost == 8


def test_a_relay_that_fails_is_tried_each_second_and_said_once(bench: Bench) -> None:
    bench.after(100)
    bench.relays.broken = True
    bench.contact("flood", True)
    bench.after(50)
    for _ in range(3):
        bench.after(1001)
    tries = [relay for relay, *_ in bench.relays.seen]
    assert tries.count("siren") == tries.count("beacon") == 4
    said = [event.KIND for event in bench.noted()]
    assert said.count("relay.failed") == 2
    assert said.count("relay.driven") == 0
    assert bench.loop.view["relays"]["siren"] == {"energised": True, "driven": True, "failed": True}
    bench.relays.broken = False
    bench.after(1001)
    assert bench.relays.states()["siren"] is True
    said = [event.KIND for event in bench.noted()]
    assert said.count("relay.driven") == 2
    assert said.count("alarm.restored") == 2
    assert len(bench.relays.seen) == 10


def test_a_failed_relay_that_is_wanted_otherwise_is_not_tried_as_before(bench: Bench) -> None:
    bench.after(100)
    bench.relays.broken = True
    bench.contact("flood", True)
    bench.after(50)
    bench.relays.broken = False
    bench.decider.request(("e", 1), "acknowledge", "*", "anna", "", bench.stamp())
    bench.after(1001)
    bench.after(1001)
    assert bench.relays.states()["siren"] is False
    assert [energised for relay, energised, *_ in bench.relays.seen if relay == "siren"] == [True, False]


def test_a_lost_edge_is_found_within_a_second(bench: Bench) -> None:
    bench.after(100)
    bench.factory.pin("GPIO24").drive_low()
    bench.after(1000)
    bench.after(50)
    assert bench.relays.states()["siren"] is True


def test_edges_beyond_the_inbox_are_dropped_and_counted(bench: Bench) -> None:
    for number in range(10_050):
        bench.loop.put(Edge("flood", number % 2 == 0, bench.now_ns))
    assert bench.loop.dropped == 50


def test_a_stuck_journal_is_a_trouble_of_the_panel(bench: Bench) -> None:
    bench.after(100)
    bench.stuck = "disk full"
    bench.after(1001)
    assert bench.relays.states()["fault"] is False
    assert bench.loop.view["troubles"] == {"journal": "disk full"}
    bench.stuck = ""
    bench.after(1001)
    assert bench.relays.states()["fault"] is True


def test_nothing_recorded_within_a_second_counts_as_nothing_recorded(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.decider.begun = False
    bench.loop._begin_by_ns = bench.now_ns + S
    bench.after(500)
    assert not bench.decider.begun
    bench.after(600)
    assert bench.decider.begun
    assert {event.KIND for event in bench.noted()} == {"point.found"}
    bench.loop.close()
    bench.factory.reset()
