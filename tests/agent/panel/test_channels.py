"""Supervised points and measured values, through the panel's process and by plain calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_site import SITE, Site, until

from agent.config import load
from agent.core.analog import Fault, Limit, Measured
from agent.core.chain import Stamp
from agent.core.events import Event
from agent.core.supervision import Reading, Reads
from agent.panel import memory
from agent.panel.decide import Decider
from agent.panel.notes import Lost
from agent.panel.plan import plan

S = 1_000_000_000
LOOPS = ("power", "valves", "tank-low", "trouble")
MORE = """
[[point]]
id = "power"
pin = "ADC0.0"

[[point]]
id = "valves"
pin = "ADC0.1"
contact = "normally-closed"

[[point]]
id = "tank-low"
pin = "ADC0.2"
supervised = { series_ohm = 1000, parallel_ohm = 1000, pull_up_ohm = 2200 }

[[point]]
id = "trouble"
pin = "ADC0.3"
class = "trouble"

[[analog]]
id = "suction"
pin = "ADC0.4"
unit = "bar"
low_milli = 2000
high_milli = 12000
settle_ms = 200

[[pump]]
id = "pump-2"
running = "running-2"
power = "power"
valve = "valves"
tank_low = "tank-low"
low_suction = "suction"
pressure = "suction"
weekly_days = 0
monthly_days = 0

[[point]]
id = "running-2"
pin = "GPIO12"
settle_ms = 30
"""
TEXT = SITE.replace('board = "pump-house"\n', 'board = "pump-house"\n\n[board]\nadc = ["GPIO8"]\n', 1) + MORE
for line, free in (("GPIO10", "GPIO5"), ("GPIO9", "GPIO6"), ("GPIO11", "GPIO13")):  # converters need the header's SPI
    TEXT = TEXT.replace(f'"{line}"', f'"{free}"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("channels"), TEXT) as made:
        made.start_board()
        made.start_panel()
        until(
            lambda: len({row.source for row in made.rows("point.found")} & set(LOOPS)) == len(LOOPS), "loops are read"
        )
        yield made


def faulty(site: Site, *points: str) -> bool:
    """Whether one of these is in fault by the journal."""
    last = [site.rows("point.fault", "point.fault_cleared", source=point)[-1:] for point in points]
    return any(row.kind == "point.fault" for rows in last for row in rows)


@pytest.mark.parametrize("wire", ["open", "short", "ground", "crossed", "bridged"])
@pytest.mark.parametrize("point", LOOPS)
def test_every_fault_of_every_pair_is_named(site: Site, point: str, wire: str) -> None:
    """A wet or touching wire shows as soon as it changes what is read: the contact is put so that it does."""
    other, closed = "trouble" if point != "trouble" else "tank-low", wire == "bridged"
    site.driver.contact(point, closed)
    levels = lambda: site.rows("point.changed", "point.found", source=point)  # noqa: E731
    until(lambda: levels()[-1].values()["closed"] == closed, "the contact has settled")
    head = site.head()
    site.driver.wire(point, wire, other)
    expected = {"open": "open", "short": "short", "ground": "leak", "crossed": "open", "bridged": "leak"}[wire]
    named = [point, other] if wire == "bridged" else [point]
    row = until(lambda: [r for r in site.rows("point.fault", after=head) if r.source in named], f"{point} {wire}")[0]
    assert (row.values()["fault"], row.lane, row.signal) == (expected, "alarm", "trouble")
    site.wait_row("alarm.raised", f"point.fault:{row.source}", after=head)
    if wire == "crossed":
        assert site.wait_row("point.fault", other, after=head).values()["fault"] == "open"
    site.driver.wire(point, "well")
    assert site.wait_row("point.fault_cleared", row.source, after=head).values()["was"] == expected
    site.wait_row("alarm.restored", f"point.fault:{row.source}", after=head)
    until(lambda: not faulty(site, point, other), "both are well again")
    site.request("acknowledge")
    site.request("reset")


def test_status_shows_a_fault(site: Site) -> None:
    site.driver.wire("power", "open")
    until(lambda: site.status()["points"]["power"].get("fault") == "open", "status shows it")
    site.driver.wire("power", "well")
    until(lambda: "fault" not in site.status()["points"]["power"], "and that it is over")


def test_a_kill_says_no_fault_twice(site: Site) -> None:
    head = site.head()
    site.driver.wire("valves", "open")
    site.wait_row("point.fault", "valves", after=head)
    site.kill("panel")
    site.start_panel()
    site.driver.wire("power", "short")
    site.wait_row("point.fault", "power", after=head)
    assert len(site.rows("point.fault", source="valves", after=head)) == 1
    assert site.rows("point.fault_cleared", source="valves", after=head) == []
    for point in ("valves", "power"):
        site.driver.wire(point, "well")
        site.wait_row("point.fault_cleared", point, after=head)


def test_a_measured_value_and_what_a_pump_makes_of_it(site: Site) -> None:
    head = site.head()
    site.driver.analog("suction", 5_000)
    low = site.wait_row("analog.low", "suction", after=head)
    assert (low.values()["limit_milli"], low.values()["unit"], low.signal) == (2000, "bar", "supervisory")
    assert abs(int(str(low.values()["value_milli"])) - 1000) <= 30
    site.driver.analog("suction", 3_000)
    assert site.wait_row("analog.fault", "suction", after=head).values()["fault"] == "below"
    site.driver.analog("suction", 12_000)
    site.wait_row("analog.fault_cleared", "suction", after=head)
    site.wait_row("analog.normal", "suction", after=head)
    site.driver.wire("suction", "short")
    fault = site.wait_row("analog.fault", "suction", after=site.rows("analog.normal")[-1].seq)
    assert fault.values()["fault"] == "above"
    site.driver.wire("suction", "well")
    site.wait_row("analog.fault_cleared", "suction", after=fault.seq)
    site.driver.contact("running-2", True)
    value = site.wait_row("analog.value", "suction", after=head)
    assert (value.values()["why"], value.values()["of"]) == ("started", "pump-2")
    site.driver.contact("running-2", False)


def test_a_board_that_goes_is_told(site: Site) -> None:
    head = site.head()
    assert site.board is not None
    site.board.kill()
    site.wait_row("trouble.raised", "panel", after=head)
    until(lambda: any(row.values()["what"] == "converters" for row in site.rows("trouble.raised", after=head)), "told")
    site.board.start()
    until(lambda: any(row.values()["what"] == "converters" for row in site.rows("trouble.cleared", after=head)), "back")


# --- by plain calls ---


class Hand:
    def __init__(self, tmp_path: Path) -> None:
        path = tmp_path / "site.toml"
        path.write_text(TEXT)
        self.site = load(path)
        self.decider = Decider(plan(self.site))
        self.now_ns = 10 * S
        self.decider.begin({}, (), self.stamp())
        self.take()

    def stamp(self) -> Stamp:
        return Stamp(1_800_000_000 * S + self.now_ns, "boot", self.now_ns, "synced")

    def take(self) -> list[Event]:
        events: list[Event] = []
        while (outcome := self.decider.take(self.stamp())) is not None:
            events += outcome.events
        return events

    def to(self, second: float) -> list[str]:
        until_ns, events = round(second * S), list[Event]()
        while (due := self.decider.due_ns()) is not None and due <= until_ns:
            self.now_ns = max(due, self.now_ns)
            self.decider.elapse(self.stamp())
            events += self.take()
        self.now_ns = until_ns
        return [event.KIND for event in events]

    def loop(self, point: str, reads: Reads) -> list[str]:
        self.decider.loop(point, Reading(reads, self.now_ns, 0), self.stamp())
        return [event.KIND for event in self.take()]

    def value(self, milli: int, limit: Limit, fault: Fault = Fault.NONE) -> list[str]:
        self.decider.measured("suction", Measured(milli, 12_000, limit, fault, self.now_ns), self.stamp())
        return [event.KIND for event in self.take()]


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    return Hand(tmp_path)


def test_a_vital_loop_makes_the_pump_unknown_and_back(hand: Hand) -> None:
    pump = hand.decider.plan.pumps["pump-2"]
    for point in ("power", "valves"):
        hand.loop(point, Reads.CLOSED)
    hand.decider.levels({"running-2": False}, hand.now_ns)
    hand.to(11)
    assert hand.loop("power", Reads.OPEN) == ["point.fault", "alarm.raised"]
    assert (str(pump.state), hand.decider.channels.faults) == ("unknown", {"power": "open"})
    assert hand.loop("power", Reads.SHORT) == ["point.fault"], "another fault, the same alarm"
    assert hand.loop("power", Reads.CLOSED) == ["point.fault_cleared", "alarm.restored"]
    hand.to(30)
    assert hand.decider.channels.faults == {}


def test_low_suction_by_a_measured_value(hand: Hand) -> None:
    assert hand.value(5_000, Limit.NORMAL) == []
    assert hand.value(1_000, Limit.LOW) == ["analog.low", "alarm.raised"]
    assert "pump.low_suction" in hand.to(21)
    hand.value(5_000, Limit.NORMAL)
    assert "pump.low_suction" not in hand.decider.plan.pumps["pump-2"].standing()


def test_a_failing_transmitter_is_no_low_water(hand: Hand) -> None:
    hand.value(5_000, Limit.NORMAL)
    assert hand.value(-500, Limit.NORMAL, Fault.BELOW) == ["analog.fault", "alarm.raised"]
    assert "pump.low_suction" not in hand.to(100)


def test_what_stands_survives_a_kill(hand: Hand) -> None:
    hand.value(1_000, Limit.LOW)
    hand.loop("trouble", Reads.LEAK)
    state = memory.parse(memory.snapshot(hand.decider, "boot", [], Lost()))
    assert state is not None
    hand.decider = Decider(plan(hand.site))
    memory.restore(hand.decider, state, hand.stamp())
    assert hand.take() == [], "not read yet: nothing is over"
    assert hand.value(1_000, Limit.LOW) == []
    assert hand.loop("trouble", Reads.LEAK) == []
    assert hand.loop("trouble", Reads.OPENED)[:2] == ["point.fault_cleared", "alarm.restored"]


def test_a_button_that_stays_pressed_is_stuck(hand: Hand) -> None:
    hand.decider.levels({"hush": False}, hand.now_ns)
    hand.to(12)
    hand.decider.edge("hush", True, hand.now_ns, hand.stamp())
    kinds = hand.to(100)
    assert kinds[-2:] == ["point.stuck", "alarm.raised"]
    hand.decider.edge("hush", False, hand.now_ns, hand.stamp())
    assert "alarm.restored" in hand.to(101)
