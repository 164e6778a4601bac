"""Remote start at the panel: what a signed order makes of relay, pump, clip and rows; and that nothing else does."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sp_core import MS, Core, S
from sp_starts import KEY, RELAY, SHOWS, START_SITE

from agent.config import check, load
from agent.config.model import SiteConfig
from agent.core.chain import Stamp
from agent.core.commands import OPS
from agent.core.events import (
    CommandDone,
    CommandFailed,
    DrillStarted,
    Event,
    ImpairmentStarted,
    PumpStartCommissioned,
    PumpStartPulsed,
    PumpTestRequested,
    RelayTestRequested,
    WalkTestRequested,
)
from agent.core.people import Role
from agent.panel.orders import DO, STARTS, Order, carry_out
from agent.panel.plan import plan
from agent.panel.start_plan import start_plans

FRESH = itertools.count()


@pytest.fixture
def config(tmp_path: Path) -> SiteConfig:
    (tmp_path / "site.toml").write_text(START_SITE)
    return load(tmp_path / "site.toml")


class Hand(Core):
    """A core whose start relay is read back as it is driven, and people who order."""

    follows = True

    def take(self) -> None:
        before = len(self.drives)
        super().take()
        for relay, energised, _ in self.drives[before:]:
            if relay == RELAY and self.follows:
                self.contact(SHOWS, energised)

    def order(self, op: str, by: str = "anna", role: Role = Role.OPERATOR, **args: Any) -> Event | None:
        """The last word on it, if there is one at once."""
        told = {"pump": "pump-1", **args}
        order_ = Order(f"c-{next(FRESH)}", op, told, by, 0, 0, f"key-of-{by}", role, f"n-{next(FRESH)}")
        self.said()
        self.ask(lambda row: self.decider.command(row, order_._replace(request=row[1]), self.stamp()))
        ends = [event for event, _ in self.events if isinstance(event, CommandDone | CommandFailed)]
        return ends[-1] if ends else None

    def code(self, op: str, by: str = "anna", role: Role = Role.OPERATOR, **args: Any) -> str:
        end = self.order(op, by, role, **args)
        return end.code if isinstance(end, CommandFailed) else ""

    def begin(self, by: str = "anna", role: Role = Role.OPERATOR, reason: str = "fire") -> str:
        """All three orders; the code of the first that was refused."""
        if code := self.code("start-arm", by, role, reason=reason):
            return code
        end = self.order("start-confirm", by, role, typed="pump-1", held_ms=3000)
        if not isinstance(end, CommandDone):
            return end.code if isinstance(end, CommandFailed) else "?"
        return self.code("start", by, role, nonce=end.answer["nonce"], reason=reason)

    def pulses(self, relay: str = RELAY) -> list[tuple[bool, int]]:
        return [(on, at_ns) for name, on, at_ns in self.drives if name == relay]


@pytest.fixture
def hand(config: SiteConfig) -> Hand:
    """Commissioned, with the key switch on."""
    made = Hand(config)
    made.contact(KEY, True)
    made.after(100)
    made.decider.starts.recorded(  # type: ignore[union-attr]
        [PumpStartCommissioned(source="pump-1", by="tea", key="k", request=1, wiring=start_plans(config)[0].wiring)]
    )
    return made


def test_from_the_order_to_the_running_pump(hand: Hand) -> None:
    assert hand.begin() == ""
    kinds = hand.kinds()
    assert kinds[:2] == ["pump.start_pulsed", "clip.requested"]
    assert "command.done" not in kinds, "its last word comes when it runs, or does not"
    began_ns = hand.now_ns
    assert hand.pulses() == [(True, began_ns)]
    hand.after(1000)
    hand.contact("running", True)
    hand.after(5000)
    assert hand.pulses() == [(True, began_ns), (False, began_ns + 2000 * MS)]
    said = hand.said()
    done = next(event for event in said if isinstance(event, CommandDone))
    assert done.answer == {"start_ms": "1030", "readback": "seen"}
    kinds = [event.KIND for event in said]
    assert "pump.started" in kinds
    assert next(e for e in said if e.KIND == "pump.started").data()["cause"] == "command"
    assert "pump.unexpected_run" not in kinds
    hand.contact("running", False)
    hand.after(1000)
    kinds = hand.kinds()
    assert "pump.stopped" in kinds
    assert "pump.ran_without_demand" not in kinds


def test_a_pump_that_does_not_start_is_an_alarm_and_a_failed_command(hand: Hand) -> None:
    assert hand.begin() == ""
    hand.after(3000)
    said = hand.said()
    failed = next(event for event in said if isinstance(event, CommandFailed))
    assert failed.code == "no-run"
    assert "pump room" in failed.reason
    assert "pump.fail_to_start" in [event.KIND for event in said]


def test_what_forbids_a_start_and_what_only_warns(hand: Hand, config: SiteConfig) -> None:
    hand.contact(KEY, False)
    hand.after(100)
    assert hand.begin() == "key-off"
    hand.contact(KEY, True)
    hand.contact("lockout", True)
    hand.after(100)
    assert hand.begin() == "locked-out"
    hand.contact("lockout", False)
    hand.contact(SHOWS, True)
    hand.after(100)
    assert hand.begin() == "readback"
    hand.contact(SHOWS, False)
    hand.after(2000)
    permit = ImpairmentStarted(source="i-1", of=["pump-1"], reason="r", measures="m", for_s=60, by="chen")
    hand.ask(lambda row: hand.decider.heard(row, permit, hand.stamp(), hand.stamp()))
    assert hand.begin() == "impaired"
    hand.after(61_000)
    hand.contact("running", True)
    hand.after(100)
    assert hand.begin() == "running"
    hand.contact("running", False)
    hand.contact("suction", True)
    hand.contact("auto", False)
    hand.after(100)
    end = hand.order("start-arm", reason="fire")
    assert isinstance(end, CommandDone)
    assert end.answer == {"within_s": "1", "warnings": "low_suction auto"}
    assert hand.pulses() == []
    assert hand.code("start-arm", reason="fire", pump="pump-9") == "no-start"


def test_a_technicians_test_start_in_a_test_window_comes_first(config: SiteConfig) -> None:
    hand = Hand(config)
    hand.contact(KEY, True)
    hand.after(100)
    assert hand.begin() == "not-commissioned"
    assert hand.begin("tea", Role.TECHNICIAN) == "not-commissioned", "no test window is open"
    window = PumpTestRequested(source="pump-1", does="open", method="manual", limit_s=600, by="tea")
    hand.ask(lambda row: hand.decider.heard(row, window, hand.stamp(), hand.stamp()))
    assert hand.begin() == "not-commissioned", "an operator's start is no test"
    assert hand.begin("tea", Role.TECHNICIAN) == ""
    hand.after(500)
    hand.contact("running", True)
    hand.after(12_000)
    assert "pump.start_commissioned" in hand.kinds()
    hand.contact("running", False)
    hand.after(1000)
    assert hand.begin() == ""


def test_killed_in_the_pulse_the_relay_stays_released_and_the_outcome_is_told(hand: Hand) -> None:
    assert hand.begin() == ""
    hand.after(500)
    hand.killed()
    assert hand.decider.restarted(hand.stamp()) == [RELAY]
    assert not hand.decider.energised()[RELAY]
    hand.contact(SHOWS, False)
    hand.said()
    hand.after(300)
    hand.contact("running", True)
    hand.after(3000)
    assert [on for on, _ in hand.pulses()] == [True], "nothing was driven after it"
    done = next(event for event in hand.said() if isinstance(event, CommandDone))
    assert done.op == "start"


def test_killed_while_armed_nobody_is_armed(hand: Hand) -> None:
    assert hand.code("start-arm", reason="fire") == ""
    hand.killed()
    assert hand.decider.restarted(hand.stamp()) == []
    assert hand.code("start-confirm", typed="pump-1", held_ms=3000) == "not-armed"


def test_after_a_boot_attempts_count_on_even_if_the_journal_comes_late(config: SiteConfig) -> None:
    pulsed = PumpStartPulsed(
        source="pump-1", by="anna", key="k", reason="fire", request=1, relay=RELAY, attempt=3, test=False
    )
    for late in (False, True):
        hand = Hand(config)
        hand.contact(KEY, True)
        hand.after(100)
        facts: list[tuple[Event, Stamp]] = [(pulsed, hand.stamp())]
        if not late:
            hand.decider.begun = False
        hand.decider.begin({}, (), hand.stamp(), facts)
        assert hand.code("start-arm", reason="fire") == "locked"
        hand.after(11_000)
        assert hand.code("start-arm", reason="fire") == "spent"


def test_a_line_that_cannot_be_written_ends_the_attempt(hand: Hand) -> None:
    assert hand.begin() == ""
    hand.decider.response.relay_failed(RELAY, True, "no such line")
    hand.after(100)
    failed = next(event for event in hand.said() if isinstance(event, CommandFailed))
    assert failed.code == "relay"
    assert not hand.energised(RELAY), "it is not tried again when the line comes back"


def test_a_start_relay_is_not_tested_like_another(hand: Hand) -> None:
    hand.technician(RelayTestRequested(source=RELAY, pulse_ms=500, by="tea"))
    said = hand.said()
    assert "starts a pump" in str(next(e for e in said if e.KIND == "panel.refused").data()["reason"])
    hand.after(2000)
    assert hand.pulses() == []


def test_people_see_how_it_stands(hand: Hand) -> None:
    starts = hand.decider.starts
    assert starts is not None
    assert starts.view()["pump-1"]["state"] == "idle"
    assert starts.view()["pump-1"]["blocked"] == ""
    hand.code("start-arm", reason="fire")
    assert (starts.view()["pump-1"]["state"], starts.view()["pump-1"]["by"]) == ("armed", "anna")
    hand.contact(KEY, False)
    hand.after(100)
    assert starts.view()["pump-1"]["blocked"] == "key-off"


def test_another_wiring_wants_another_test(config: SiteConfig, tmp_path: Path) -> None:
    before = start_plans(config)[0].wiring
    for old, new in (("GPIO21", "GPIO26x"), ('"GPIO12"', '"GPIO5"'), ('"GPIO20"', '"GPIO6"'), ('"GPIO22"', '"GPIO7"')):
        text = START_SITE.replace(old, new)
        (tmp_path / "other.toml").write_text(text)
        assert start_plans(load(tmp_path / "other.toml"))[0].wiring != before


# --- permits and arming by signed command ---


def test_permits_by_command_begin_and_end_and_are_heard_once(hand: Hand) -> None:
    end = hand.order("impairment-start", "chen", of=["flood"], reason="paint", measures="a guard", for_s=600)
    assert isinstance(end, CommandDone)
    permit = next(event for event, _ in hand.events if isinstance(event, ImpairmentStarted))
    assert (permit.by, permit.key, permit.source) == ("signed:chen", "key-of-chen", end.answer["permit"])
    assert permit.request
    hand.said()
    hand.ask(lambda row: hand.decider.heard(row, permit, hand.stamp(), hand.stamp()))
    assert hand.said() == [], "the panel's own row"
    assert list(hand.decider.response.permits.standing) == [permit.source]
    assert hand.code("drill-end", permit=permit.source) == ""
    assert isinstance(hand.order("drill-end", permit=permit.source), CommandFailed), "it is no drill"
    assert isinstance(hand.order("impairment-end", permit=permit.source), CommandDone)
    assert hand.decider.response.permits.standing == {}
    assert isinstance(hand.order("drill-start", of=["attic"], reason="r", for_s=60), CommandFailed)
    assert isinstance(hand.order("drill-start", of=["flood"], reason="r", for_s=9 * 3600), CommandFailed)
    drill = hand.order("drill-start", of=["flood"], reason="exercise", for_s=60)
    assert isinstance(drill, CommandDone)
    assert any(isinstance(event, DrillStarted) for event, _ in hand.events)
    hand.contact("flood", True)
    hand.after(100)
    assert all(event.drill for event in hand.said() if event.source == "flood")


def test_the_disk_is_out_of_order_by_the_safety_offices_command_alone(hand: Hand) -> None:
    about = {"of": ["footage-disk"], "reason": "full", "measures": "spare", "for_s": 60}
    refused = hand.order("impairment-start", "chen", role=Role.SUPERVISOR, **about)
    assert isinstance(refused, CommandFailed)
    assert refused.reason == "that takes the signature of safety-office"
    assert isinstance(hand.order("impairment-start", "saf", role=Role.SAFETY_OFFICE, **about), CommandDone)
    assert hand.decider.response.permits.impaired("footage-disk")


def test_rules_hear_once_of_what_a_command_began(tmp_path: Path) -> None:
    rule = '\n[[rule]]\non = ["drill.started"]\nclip = { cameras = ["pump-room"] }\n'
    (tmp_path / "site.toml").write_text(START_SITE + rule)
    hand = Hand(load(tmp_path / "site.toml"))
    hand.order("drill-start", of=["flood"], reason="exercise", for_s=60)
    drill = next(event for event, _ in hand.events if isinstance(event, DrillStarted))
    hand.ask(lambda row: hand.decider.heard(row, drill, hand.stamp(), hand.stamp()))
    assert hand.kinds().count("clip.requested") == 1


def test_doors_are_armed_and_disarmed_by_command(hand: Hand) -> None:
    assert isinstance(hand.order("arm", door="gate"), CommandDone)
    assert hand.decider.response.arming.doors["gate"].armed
    assert isinstance(hand.order("arm", door="gate"), CommandFailed), "armed already"
    assert isinstance(hand.order("disarm", "chen", door="*", reason="cleaning"), CommandDone)
    said = [event for event, _ in hand.events if event.KIND == "point.disarmed"]
    assert [event.data()["by"] for event in said] == ["signed:chen: cleaning"]
    assert isinstance(hand.order("arm", door="attic"), CommandFailed)


# --- nothing stops a pump, and nothing else starts one ---

KINDS = ["pump.started", "pump.running", "pump.demand", "pump.overrun", "pump.*", "alarm.raised", "door.opened"]
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "on": st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True),
            "drive": st.lists(st.sampled_from(["siren", "beacon", "lamp", "fault", RELAY]), max_size=3, unique=True),
            "until": st.sampled_from(["acknowledged", "restored", "time"]),
        }
    ),
    max_size=4,
)


def written(rules: list[dict[str, Any]]) -> str:
    """The site with these rules instead of its own."""
    head = START_SITE.partition("[[rule]]")[0]
    return head + "".join(
        f'\n[[rule]]\non = {one["on"]}\ndrive = {one["drive"]}\nuntil = "{one["until"]}"\n'
        + ("for_s = 5\n" if one["until"] == "time" else "")
        for one in rules
    )


@pytest.mark.timeout(1800)
def test_no_config_lets_anything_but_a_confirmed_start_drive_a_start_relay(tmp_path: Path, rounds: Any) -> None:
    """Any rules at all: `check` refuses those that name the relay, and the panel would not follow them if it did not.
    Whatever happens then at the site, and whatever people ask, the relay keeps still."""
    file = tmp_path / "site.toml"

    @settings(max_examples=rounds(25, 2_000), deadline=None)
    @given(RULES, st.data())
    def one(rules: list[dict[str, Any]], data: st.DataObject) -> None:
        file.write_text(written(rules))
        checked = check(file)
        wired = any(RELAY in one["drive"] for one in rules)
        assert wired == any(p.message.startswith("this relay starts a pump") for p in checked.problems)
        if wired:
            file.write_text(written([one | {"drive": [d for d in one["drive"] if d != RELAY]} for one in rules]))
        config = load(file)
        hand = Hand(config)
        for _ in range(data.draw(st.integers(3, 12))):
            point = data.draw(st.sampled_from(sorted(set(hand.levels) - {SHOWS})))
            hand.contact(point, data.draw(st.booleans()))
            hand.after(data.draw(st.sampled_from([20, 100, 1500, 6000])))
            hand.request(data.draw(st.sampled_from(["acknowledge", "silence", "reset", "arm", "disarm"])))
            hand.technician(
                WalkTestRequested(source="cli", does=data.draw(st.sampled_from(["start", "end"])), for_s=60, by="x")
            )
            hand.technician(RelayTestRequested(source=RELAY, pulse_ms=100, by="x"))
        assert hand.pulses() == []

    one()


def test_a_panel_made_of_a_wrong_config_does_not_follow_it(config: SiteConfig) -> None:
    """As if `check` had not looked: a rule that names the relay has no hold on it."""
    import msgspec

    wrong = msgspec.structs.replace(config, rule=[msgspec.structs.replace(config.rule[0], drive=["siren", RELAY])])
    made = plan(wrong)
    assert RELAY not in made.rules.outputs
    assert [rule.drive for rule in made.rules.rules] == [("siren",)]
    assert made.start_relays == {RELAY}
    assert made.rests[RELAY] is False


def test_there_is_no_way_to_stop_a_pump() -> None:
    """Neither key of site.toml, nor command, nor order: none has a word for it. An output of a pump is its start."""
    from agent.config.schema import schema
    from agent.core.wire import Topics

    keys = {key for table in schema()["$defs"].values() for key in table["properties"]}
    assert [key for key in keys if "stop" in key or "halt" in key] == []
    assert [op for op in {*OPS, *DO, *STARTS} if "stop" in op or "halt" in op] == []
    pump = schema()["$defs"]["Pump"]["properties"]
    outputs = [key for key in pump if "relay" in json_of(pump[key]).lower()]
    assert outputs == ["start_relay"]
    assert set(OPS) >= STARTS
    assert Topics("s", "b").of("command").endswith("/command"), "one topic; what is in it is OPS"
    nothing = Order("c", "stop", {"pump": "pump-1"}, "anna", 1, 0)
    assert "cannot stop" in carry_out(None, nothing).reason  # type: ignore[arg-type]


def json_of(value: object) -> str:
    import json

    return json.dumps(value)


@pytest.mark.parametrize("name", ["stop-pump-1", "pump-stop", "pump-1-trip", "fire-pump-halt"])
def test_a_relay_whose_name_says_that_it_stops_a_pump_is_refused(tmp_path: Path, name: str) -> None:
    text = START_SITE.replace('id = "lamp"', f'id = "{name}"').replace('["lamp"]', f'["{name}"]')
    (tmp_path / "site.toml").write_text(text)
    assert ["stopped in the pump room" in p.message for p in check(tmp_path / "site.toml").problems] == [True]


def test_a_start_relay_is_energised_by_nothing_that_happens_at_a_restart(hand: Hand) -> None:
    """Snapshots of every moment of a start, taken up: the relay is released, and stays so."""
    for moment in range(0, 2300, 100):
        hand.contact(KEY, True)
        hand.after(15_000)
        hand.contact(KEY, False)  # attempts anew
        hand.after(100)
        hand.contact(KEY, True)
        hand.after(100)
        assert hand.begin() == ""
        hand.after(moment)
        hand.killed()
        hand.decider.restarted(hand.stamp())
        assert not hand.energised(RELAY)
        hand.contact(SHOWS, False)
        before = len(hand.pulses())
        hand.after(14_000)
        assert len(hand.pulses()) == before
    assert S
