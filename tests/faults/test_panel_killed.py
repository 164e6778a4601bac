"""The panel killed with -9, the power cut: what is latched stays latched, and no change is lost or said twice."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sp_site import Site, until

from agent.core.chain import Row, canonical_row, first_hash, next_hash
from agent.core.events import PointChanged
from agent.panel.notes import pack
from agent.panel.ring import Ring

FAIL = "pump.fail_to_start:pump-1"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "s") as made:
        made.start_board()
        made.start_panel()
        yield made


def alarmed(site: Site) -> None:
    site.driver.contact("demand", True)
    site.driver.wait_relay("siren", True)
    site.driver.wait_relay("beacon", True)


def siren_levels(site: Site, after_ns: int) -> list[int | None]:
    """Every level the siren's line has had since (None: it floats)."""
    pin = next(pin for pin, one in site.driver.relays().items() if one["id"] == "siren")
    return [level for line, level, at in site.driver.relay_history() if line == pin and at > after_ns]


def chain_is_whole(site: Site) -> None:
    """Each row's hash follows from the one before."""
    hash_ = first_hash(site.journal.epoch)
    for row in site.rows():
        hash_ = next_hash(hash_, canonical_row(row))
        assert row.hash == hash_, f"row {row.seq}"


def levels_of(site: Site, point: str) -> list[bool]:
    rows = site.rows("point.changed", "point.found", source=point)
    return [bool(row.values()["closed"]) for row in rows]


def test_the_siren_is_back_at_once_and_never_blips(site: Site) -> None:
    alarmed(site)
    killed_ns = site.clock.stamp().mono_ns
    site.kill("panel")
    until(lambda: site.driver.relay("siren")["function"] == "input", "a dead panel means a floating line")
    started = time.monotonic()
    site.start_panel(joined=False)
    site.driver.wait_relay("siren", True)
    assert time.monotonic() - started < 10
    assert siren_levels(site, killed_ns) == [None, 1], "taken up energised, in one step"
    until(lambda: _reasons(site, "siren")[-1:] == ["restart"], "the restart is said")
    assert len(site.rows("alarm.raised", source=FAIL)) == 1
    site.request("acknowledge")
    site.driver.wait_relay("siren", False)


def _reasons(site: Site, relay: str) -> list[object]:
    return [row.values()["reason"] for row in site.rows("relay.driven", source=relay)]


def test_the_siren_is_back_before_the_journal_can_be_opened(site: Site) -> None:
    """Another process holds the journal's lock: rows wait, the siren does not."""
    alarmed(site)
    site.kill("panel")
    held = sqlite3.connect(site.paths.journal, isolation_level=None)
    held.execute("begin immediate")
    try:
        site.start_panel(joined=False)
        site.driver.wait_relay("siren", True)
        site.driver.contact("flood", True)
        until(lambda: "point.changed:flood" in site.status().get("alarms", {}), "alarms go on")
        assert site.rows("alarm.raised", source="point.changed:flood") == []
    finally:
        held.execute("rollback")
        held.close()
    site.wait_row("alarm.raised", "point.changed:flood")


def test_what_changed_while_it_was_dead_is_found(site: Site) -> None:
    site.driver.contact("door", False)
    site.wait_row("door.opened", "door")
    site.kill("panel")
    head = site.head()
    site.driver.contact("door", True)
    site.driver.contact("gate", False)
    site.start_panel()
    site.wait_row("door.closed", "door")
    assert site.wait_row("door.opened", "gate").values() == {"found": True}
    found = {row.source: row.values()["closed"] for row in site.rows("point.found", after=head)}
    assert found == {"door": True, "gate": False}
    assert site.rows("point.changed", after=head) == []


def test_a_limit_goes_on_counting_over_a_kill(site: Site) -> None:
    """The demand's second is over while the panel is dead: the alarm comes with the start, counted from the edge."""
    site.driver.contact("demand", True)
    site.wait_row("pump.demand")
    edge = int(str(site.wait_row("point.changed", "demand").values()["edge_mono_ns"]))
    site.kill("panel")
    site.start_panel(joined=False)
    site.driver.wait_relay("siren", True)
    driven = site.wait_row("relay.driven", "siren").values()
    assert driven["settled_mono_ns"] == edge + 1_000_000_000
    assert len(site.rows("pump.demand")) == 1


def test_killed_between_relay_and_row(site: Site) -> None:
    """Rows that were noted in the ring and not yet committed are committed by the next panel, once."""
    site.stop("panel")
    ring = Ring.open(site.paths.ring)
    state = json.loads(ring.state)
    stamp = site.clock.stamp()
    event = PointChanged(source="gate", closed=False, edge_mono_ns=1, decided_mono_ns=2)
    state["levels"]["gate"] = False
    ring.note([pack(event, stamp)], json.dumps(state).encode())
    ring.close()
    site.start_panel()
    row = site.wait_row("point.changed", "gate")
    assert (row.mono_ns, row.boot) == (stamp.mono_ns, stamp.boot)
    site.driver.contact("door", False)
    site.wait_row("door.opened", "door")
    assert len(site.rows("point.changed", source="gate")) == 1


def test_killed_between_a_release_and_its_note(site: Site) -> None:
    """The siren was released, nobody could say so any more: the next panel does."""
    site.stop("panel")
    ring = Ring.open(site.paths.ring)
    ring.note([], json.dumps(json.loads(ring.state) | {"unsaid": ["siren"]}).encode())
    ring.close()
    site.start_panel()
    values = site.wait_row("relay.driven", "siren").values()
    assert (values["energised"], values["reason"]) == (False, "restart")


def test_killed_between_row_and_mark(site: Site) -> None:
    """Rows that were committed but not marked so are not committed twice."""
    site.stop("panel")
    ring = Ring.open(site.paths.ring)
    events = [PointChanged(source="gate", closed=bool(n % 2), edge_mono_ns=n, decided_mono_ns=n) for n in range(3)]
    stamps = [site.clock.stamp()._replace(mono_ns=1000 + n) for n in range(3)]
    ring.attempt(site.journal.epoch, site.head())
    ring.note([pack(event, stamp) for event, stamp in zip(events, stamps, strict=True)], ring.state)
    site.journal.append(*events[:2], stamps=stamps[:2])
    ring.close()
    site.start_panel()
    until(lambda: len(site.rows("point.changed", source="gate")) >= 3, "the third is written")
    assert [row.mono_ns for row in site.rows("point.changed", source="gate")] == [1000, 1001, 1002]


def test_power_cut_latches_come_from_the_journal(site: Site) -> None:
    alarmed(site)
    site.request("silence")
    site.driver.wait_relay("siren", False)
    site.wait_row("alarm.silenced", FAIL)
    site.wait_row("relay.driven", "siren")
    site.cut_power()
    head = site.head()
    site.start_panel(joined=False)
    site.driver.wait_relay("beacon", True)
    site.wait_row("relay.driven", "beacon", after=head)
    assert not site.driver.relay("siren")["energised"], "silenced it was, silenced it stays"
    assert site.rows("alarm.raised", "alarm.restored", after=head) == []
    site.driver.contact("running", True)
    site.wait_row("alarm.restored", FAIL)
    site.request("acknowledge")
    site.driver.wait_relay("beacon", False)
    site.request("reset")
    site.wait_row("alarm.reset", FAIL)


def test_power_cut_what_stands_as_recorded_is_not_said_again(site: Site) -> None:
    site.driver.contact("door", False)
    site.wait_row("door.opened", "door")
    site.cut_power()
    head = site.head()
    site.driver.contact("flood", True)
    site.start_panel(joined=False)
    site.wait_row("alarm.raised", "point.changed:flood")
    rows = site.rows("point.found", "point.changed", "door.opened", "pump.started", after=head)
    assert [(row.kind, row.source) for row in rows] == [("point.found", "flood")]


def test_power_cut_a_pump_found_running_is_no_start(site: Site) -> None:
    site.cut_power()
    site.driver.contact("running", True)
    site.start_panel(joined=False)
    assert site.wait_row("pump.started").values() == {"cause": "found", "start_ms": None}
    site.wait_row("alarm.raised", "pump.unexpected_run:pump-1")
    site.cut_power()
    head = site.head()
    site.start_panel(joined=False)
    site.driver.wait_relay("siren", True)
    site.driver.contact("running", False)
    site.wait_row("pump.stopped", after=head)
    assert site.rows("pump.started", after=head) == []


def test_a_second_panel_is_refused_in_one_line(site: Site) -> None:
    where = ["--site", site.paths.site, "--data", site.paths.data, "--run", site.paths.run]
    command = [sys.executable, "-m", "agent.panel", *map(str, where), "--pins", site.pins]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "held by another panel" in second.stderr


def test_a_board_that_dies_and_comes_back(site: Site) -> None:
    """The simulator's process dies with an alarm about to come: trouble; it is back: relays stand as they should."""
    site.driver.contact("demand", True)
    site.wait_row("pump.demand")
    assert site.board is not None
    site.board.kill()
    assert site.driver_ is not None
    site.driver_.close()
    site.driver_ = None
    site.wait_row("alarm.raised", "trouble.raised:panel:board")
    site.wait_row("alarm.raised", FAIL)
    site.wait_row("relay.failed", "siren")
    site.board.start()
    site.driver.contact("demand", True)
    site.driver.contact("auto", True)
    site.driver.wait_relay("siren", True)
    site.wait_row("trouble.cleared")
    site.wait_row("alarm.restored", "relay.failed:siren")
    assert site.wait_row("relay.driven", "siren").values()["reason"] == "restart"
    site.driver.contact("flood", True)
    site.wait_row("point.changed", "flood")


def test_killed_at_random_moments(site: Site, rounds: Callable[[int, int], int]) -> None:
    """Doors and a pump go on while the panel dies again and again: each change is one row, the siren is right."""
    dice = random.Random(20_26)
    expected: dict[str, list[bool]] = {"door": [True], "gate": [True], "demand": [False], "running": [False]}
    for _ in range(rounds(6, 50)):
        site.processes["panel"].poll()
        for point in dice.sample(sorted(expected), 3):
            level = not expected[point][-1]
            expected[point].append(level)
            site.driver.contact(point, level)
            if dice.random() < 0.5:
                _let_pass(dice.random() * 0.15)
        _let_pass(dice.random() * 0.3)
        site.kill("panel")
        site.start_panel(joined=False)
        until(lambda: _all_there(site, expected), f"all of {expected} in the journal")
    _settle_down(site)
    for point, levels in expected.items():
        assert levels_of(site, point) == levels, point
    for door in ("door", "gate"):
        said = [row.kind for row in site.rows("door.opened", "door.closed", source=door)]
        assert said == ["door.closed" if closed else "door.opened" for closed in expected[door][1:]]
    _every_row_is_there_once(site.rows())
    chain_is_whole(site)
    assert site.driver.relay("siren")["energised"] == _siren_should_sound(site)


def _all_there(site: Site, expected: dict[str, list[bool]]) -> bool:
    return all(len(levels_of(site, point)) >= len(levels) for point, levels in expected.items())


def _let_pass(seconds: float) -> None:
    time.sleep(seconds)  # a random moment, not a synchronisation


def _settle_down(site: Site) -> None:
    """Until nothing has been added for a while after the last start."""
    pid = site.processes["panel"].pid
    until(lambda: any(row.values()["pid"] == pid for row in site.rows("process.started")), "the last panel is up")
    until(lambda: site.status().get("pid") == pid and site.status().get("queue") == 0, "its queue is empty")


def _every_row_is_there_once(rows: list[Row]) -> None:
    names = [(row.boot, row.mono_ns, row.kind, row.source) for row in rows]
    assert len(set(names)) == len(names)


def _siren_should_sound(site: Site) -> bool:
    """By the journal: an alarm of the siren's rule that nobody has acknowledged."""
    open_ = set()
    for row in site.rows("alarm.raised", "alarm.acknowledged", "alarm.reset"):
        if row.kind == "alarm.raised" and row.values()["on"] in (
            "pump.fail_to_start",
            "pump.stopped_on_demand",
            "pump.unexpected_run",
            "point.changed",
        ):
            open_.add(row.source)
        elif row.kind != "alarm.raised":
            open_.discard(row.source)
    return bool(open_)
