"""The panel's decisions by plain calls: edges and time in, events and drives out."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_site import SITE

from agent.config import load
from agent.config.model import SiteConfig
from agent.core.alarm import Alarm, State
from agent.core.chain import Stamp
from agent.core.events import (
    CameraLost,
    CameraRestored,
    ClipRequested,
    Event,
    PanelRefused,
    PointFound,
    RowsLost,
    Signal,
)
from agent.panel import memory
from agent.panel.decide import Decider
from agent.panel.notes import Lost
from agent.panel.plan import plan
from agent.panel.response import Drive

MS, S = 1_000_000, 1_000_000_000
FAIL = "pump.fail_to_start:pump-1"
RUNS = ("pump.running", "alarm.raised")
REST = {"door": True, "gate": True, "flood": False, "running": False, "demand": False, "auto": True, "hush": False,
        "noted": False}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> SiteConfig:
    path = tmp_path / "site.toml"
    path.write_text(SITE + '\n[[rule]]\non = ["point.changed"]\ndrive = ["fault"]\nuntil = "time"\nfor_s = 1\n')
    return load(path)


class Hand:
    """Drives a decider as the alarm loop does, on a clock of its own."""

    def __init__(self, config: SiteConfig, *, begun: bool = True, boot: str = "boot") -> None:
        self.config, self.boot = config, boot
        self.decider = Decider(plan(config))
        self.now_ns = 10 * S
        self.levels = dict(REST)
        self.events: list[Event] = []
        self.drives: list[Drive] = []
        if begun:
            self.read()
            self.to(11 * S)
            self.decider.begin(REST, (), self.stamp())
            self.take()
            assert self.events == []

    def stamp(self) -> Stamp:
        return Stamp(1_800_000_000 * S + self.now_ns, self.boot, self.now_ns, "synced")

    def read(self) -> None:
        self.decider.levels(self.levels, self.now_ns)

    def edge(self, point: str, closed: bool) -> None:
        self.levels[point] = closed
        self.decider.edge(point, closed, self.now_ns, self.stamp())

    def take(self) -> None:
        while (outcome := self.decider.take(self.stamp())) is not None:
            self.events += outcome.events
            self.drives += outcome.drives

    def to(self, at_ns: int) -> None:
        """Let time pass, stopping wherever something is due."""
        while (due := self.decider.due_ns()) is not None and due <= at_ns:
            self.now_ns = max(due, self.now_ns)
            self.decider.elapse(self.stamp())
            self.take()
        self.now_ns = at_ns
        self.decider.elapse(self.stamp())
        self.take()

    def after(self, ms: int) -> None:
        self.to(self.now_ns + ms * MS)

    def kinds(self) -> list[str]:
        kinds = [event.KIND for event in self.events]
        self.events = []
        return kinds

    def restarted(self) -> None:
        """As after a kill -9: a new decider from the state of the old."""
        state = memory.parse(memory.snapshot(self.decider, self.boot, [], Lost()))
        assert state is not None
        self.decider = Decider(plan(self.config))
        memory.restore(self.decider, state, self.stamp())
        self.read()


def test_a_run_that_began_in_time_is_no_failure_to_start(config: SiteConfig) -> None:
    """Its edge came before the limit, its settling ends after it."""
    hand = Hand(config)
    hand.edge("demand", True)
    hand.after(990)
    hand.edge("running", True)
    hand.after(5000)
    assert hand.kinds() == ["point.changed", "pump.demand", "point.changed", "pump.started", *RUNS]


def test_a_pulse_before_the_limit_only_puts_it_off(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.edge("demand", True)
    hand.after(990)
    hand.edge("running", True)
    hand.after(5)
    hand.edge("running", False)
    hand.after(200)
    assert "pump.fail_to_start" in hand.kinds()


def test_another_contacts_unrest_puts_off_nothing(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.edge("demand", True)
    hand.after(990)
    hand.edge("door", False)
    hand.after(12)
    assert "pump.fail_to_start" in hand.kinds()


def test_a_chattering_running_contact_puts_off_the_alarm_by_seconds_at_most(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.edge("demand", True)
    hand.after(900)
    for number in range(5000):
        hand.edge("running", number % 2 == 0)
        hand.after(1)
    kinds = hand.kinds()
    assert "point.chattering" in kinds
    assert "pump.fail_to_start" in kinds


def test_each_drive_has_the_times_of_its_own_cause(config: SiteConfig) -> None:
    hand = Hand(config)
    door = hand.now_ns
    hand.edge("door", False)
    hand.now_ns += 3 * MS
    flood = hand.now_ns
    hand.edge("flood", True)
    hand.now_ns += 100 * MS
    hand.decider.elapse(hand.stamp())
    hand.take()
    causes = {drive.relay: drive.cause for drive in hand.drives}
    assert causes["lamp"] == (door, door + 30 * MS)
    assert causes["siren"] == causes["beacon"] == (flood, flood + 30 * MS)


def test_a_relay_that_rests_energised_is_released_when_driven(config: SiteConfig) -> None:
    hand = Hand(config)
    assert hand.decider.energised()["fault"] is True
    hand.edge("gate", False)
    hand.after(40)
    assert [(drive.energised, drive.reason) for drive in hand.drives if drive.relay == "fault"] == [
        (False, "point.changed:gate")
    ]
    hand.after(1000)
    assert hand.decider.energised()["fault"] is True


def test_clip_request(config: SiteConfig) -> None:
    hand = Hand(config)
    edge = hand.now_ns
    hand.edge("flood", True)
    hand.after(50)
    clip = next(event for event in hand.events if isinstance(event, ClipRequested))
    assert (clip.at_mono_ns, clip.at_ns, clip.boot) == (edge, 1_800_000_000 * S + edge, "boot")
    assert (clip.cause, clip.cameras) == ("point.changed:flood", ["pump-room"])
    hand.edge("flood", False)
    hand.after(50)
    hand.edge("flood", True)
    hand.after(50)
    again = [event.clip for event in hand.events if isinstance(event, ClipRequested)]
    assert len(set(again)) == 2


def test_requests_are_done_once(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.edge("flood", True)
    hand.after(50)
    hand.kinds()
    for _ in range(2):
        hand.decider.request(("e", 7), "acknowledge", "*", "anna", "", hand.stamp())
    hand.decider.request(("e", 6), "silence", "*", "anna", "", hand.stamp())
    hand.take()
    assert hand.kinds() == ["alarm.acknowledged"]
    hand.decider.request(("other epoch", 1), "acknowledge", "*", "anna", "", hand.stamp())
    hand.decider.request(("other epoch", 2), "reset", "*", "anna", "too late", hand.stamp())
    hand.take()
    assert hand.events == [
        PanelRefused(source="panel", request=1, reason="acknowledged already"),
        PanelRefused(source="panel", request=2, reason="too late"),
    ]


def test_what_others_say_is_followed_once_and_not_said_again(config: SiteConfig) -> None:
    hand = Hand(config)
    lost = CameraLost(source="pump-room", signal=Signal.TROUBLE, reason="no packets")
    for _ in range(2):
        hand.decider.heard(("e", 3), lost, hand.stamp())
    hand.take()
    assert hand.kinds() == ["alarm.raised"]
    hand.decider.heard(("e", 4), CameraRestored(source="pump-room", signal=Signal.TROUBLE, lost_ms=1), hand.stamp())
    hand.take()
    assert hand.kinds() == ["alarm.restored"]


def test_what_cannot_last_is_latched_and_restored_at_once(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.decider.say(RowsLost(source="panel", rows=3, from_mono_ns=1, to_mono_ns=2, reason="x"), hand.stamp())
    hand.take()
    assert hand.kinds() == ["journal.rows_lost", "alarm.raised", "alarm.restored"]


def test_own_trouble(config: SiteConfig) -> None:
    hand = Hand(config)
    response = hand.decider.response
    for detail in ("disk full", "still full", "", ""):
        response.trouble("journal", detail)
        hand.take()
    assert hand.kinds() == ["trouble.raised", "alarm.raised", "trouble.cleared", "alarm.restored"]
    assert [drive.energised for drive in hand.drives if drive.relay == "fault"] == [False, True]


def test_a_relay_that_cannot_be_written(config: SiteConfig) -> None:
    hand = Hand(config)
    for _ in range(3):
        hand.decider.response.relay_failed("siren", True, "no such line")
    hand.take()
    assert hand.kinds() == ["relay.failed", "alarm.raised"]
    hand.decider.response.relay_written("siren")
    hand.take()
    assert hand.kinds() == ["alarm.restored"]


# --- a start without memory ---


def test_before_the_journal_is_known_nothing_is_said(config: SiteConfig) -> None:
    hand = Hand(config, begun=False)
    hand.levels |= {"door": False, "running": True}
    hand.read()
    hand.after(500)
    assert hand.events == []
    hand.decider.begin(REST, (), hand.stamp())
    hand.take()
    assert hand.kinds() == ["point.found", "door.opened", "point.found", "pump.started", *RUNS]


def test_a_change_does_not_wait_for_the_journal(config: SiteConfig) -> None:
    hand = Hand(config, begun=False)
    hand.levels["running"] = True
    hand.read()
    hand.after(100)
    hand.edge("flood", True)
    hand.after(40)
    kinds = hand.kinds()
    assert kinds[0] == "point.found"
    assert kinds.count("point.found") == len(REST) - 1
    assert kinds[kinds.index("point.changed") : kinds.index("point.changed") + 2] == ["point.changed", "alarm.raised"]
    assert hand.decider.energised()["siren"] is True
    recorded = Alarm("point.changed:flood", "point.changed", "flood", Signal.ALARM)
    other = Alarm(FAIL, "pump.fail_to_start", "pump-1", Signal.ALARM, State.ACKNOWLEDGED)
    hand.decider.begin(REST, [recorded, other], hand.stamp())
    hand.take()
    assert hand.kinds() == ["alarm.restored"], "the pump has no demand: its old alarm is over"
    assert set(hand.decider.response.alarms.latched) == {"point.changed:flood", "pump.running:pump-1", FAIL}


def test_recorded_alarms_drive_their_relays_again_without_a_new_clip(config: SiteConfig) -> None:
    hand = Hand(config, begun=False)
    hand.levels["flood"] = True
    hand.read()
    hand.after(100)
    alarm = Alarm("point.changed:flood", "point.changed", "flood", Signal.ALARM)
    hand.decider.begin(REST | {"flood": True}, [alarm], hand.stamp())
    hand.take()
    assert hand.events == []
    assert {drive.relay for drive in hand.drives} == {"siren", "beacon"}


def test_a_new_epoch_is_told_what_is_in_force(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.edge("flood", True)
    hand.after(50)
    hand.decider.request(("e", 1), "acknowledge", "*", "anna", "", hand.stamp())
    hand.take()
    hand.kinds()
    hand.decider.carry(hand.stamp())
    hand.take()
    found = {event.source: event.closed for event in hand.events if isinstance(event, PointFound)}
    assert found == REST | {"flood": True}
    assert hand.kinds()[len(found) :] == ["alarm.raised", "alarm.acknowledged"]


# --- restarts ---


def test_a_state_of_another_boot_counts_as_recorded(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.edge("flood", True)
    hand.edge("door", False)
    hand.after(50)
    hand.kinds()
    state = memory.parse(memory.snapshot(hand.decider, "boot", [], Lost()))
    assert state is not None
    later = Hand(config, begun=False, boot="another boot")
    later.levels = {**hand.levels, "door": True}
    memory.restore(later.decider, state, later.stamp())
    later.read()
    later.after(100)
    assert later.kinds() == ["point.found", "door.closed"]
    assert later.decider.energised()["siren"] is True


@pytest.mark.parametrize("junk", [b"{}", b"\xff", b'{"boot": 3}', b"[]"])
def test_a_state_that_is_none(junk: bytes) -> None:
    assert memory.parse(b"") is None
    with pytest.raises(ValueError, match="cannot be read"):
        memory.parse(junk)


def walk(config: SiteConfig, seed: int, restart: Callable[[random.Random], bool]) -> tuple[list[Event], list[Drive]]:
    """A random life of a site; between two changes the panel may restart."""
    dice, when = random.Random(seed), random.Random(seed)
    hand = Hand(config)
    for number in range(60):
        does = dice.choice(("edge", "edge", "edge", "pulse", "ask", "wait"))
        point = dice.choice(("door", "gate", "flood", "running", "demand", "auto", "hush", "noted"))
        if does in ("edge", "pulse"):
            hand.edge(point, not hand.levels[point])
        if does == "pulse":
            hand.after(dice.choice((5, 60)))
            hand.edge(point, not hand.levels[point])
        if does == "ask":
            asks = dice.choice(("acknowledge", "silence", "reset"))
            hand.decider.request(("e", number), asks, "*", "anna", "", hand.stamp())
            hand.take()
        hand.after(dice.choice((40, 300, 1500, 6000)))
        if restart(when):
            hand.restarted()
    return hand.events, hand.drives


def test_a_life_with_restarts_is_the_same_life(config: SiteConfig, rounds: Callable[[int, int], int]) -> None:
    """Whatever happens, and wherever the panel is killed between two changes: the same events, the same drives."""
    for seed in range(rounds(15, 1000)):
        assert walk(config, seed, lambda dice: dice.random() < 0.4) == walk(config, seed, lambda dice: False), seed
