"""Rules: triggers, what ends them, silence and the longest time a relay may be on."""

from __future__ import annotations

import pytest

from agent.core.alarm import Alarms
from agent.core.events import DoorOpened, PumpFailToStart, Signal
from agent.core.rules import ClipWish, Output, Rule, Rules

S = 1_000_000_000
FAIL = PumpFailToStart(source="p", limit_s=30)
OTHER = PumpFailToStart(source="q", limit_s=30)
ID = "pump.fail_to_start:p"
CLIP = ClipWish(("cam",), 15, 45, True)


class Site:
    """Rules and alarms side by side, as the panel has them."""

    def __init__(self, *rules: Rule, outputs: tuple[Output, ...] = (Output("siren"), Output("lamp", sounder=False))):
        self.rules = Rules(rules, outputs)
        self.alarms = Alarms()

    def event(self, event: PumpFailToStart, now: int) -> list[Rule]:
        id_ = f"{event.KIND}:{event.source}"
        raised = bool(self.alarms.raise_(event, now, Signal.ALARM))
        return self.rules.trigger(event.KIND, id_, id_, now, raised=raised)

    def driven(self, now: int) -> set[str]:
        return set(self.rules.driven(self.alarms.latched, now))


def test_until_acknowledged() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren", "lamp")))
    assert site.driven(0) == set()
    site.event(FAIL, 0)
    assert site.rules.driven(site.alarms.latched, 1) == {"siren": ID, "lamp": ID}
    site.alarms.restore(ID)
    assert site.driven(2) == {"siren", "lamp"}
    site.alarms.acknowledge("*", "anna")
    assert site.driven(3) == set()
    assert site.rules.holds == []


def test_until_restored() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("lamp",), until="restored"))
    site.event(FAIL, 0)
    site.alarms.acknowledge("*", "anna")
    assert site.driven(1) == {"lamp"}
    site.alarms.restore(ID)
    assert site.driven(2) == set()


def test_until_time() -> None:
    site = Site(Rule(("door.opened",), ("lamp",), until="time", for_s=30))
    site.rules.trigger("door.opened", "", "door.opened:d", 0, raised=False)
    assert site.rules.due_ns() == 30 * S
    assert site.driven(30 * S - 1) == {"lamp"}
    site.rules.trigger("door.opened", "", "door.opened:d", 29 * S, raised=False)
    assert site.driven(30 * S) == {"lamp"}, "opened again: the time counts anew"
    assert site.driven(59 * S) == set()
    assert site.rules.due_ns() is None


def test_two_holds_on_one_relay() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren",)))
    site.event(FAIL, 0)
    site.event(OTHER, 1)
    site.alarms.acknowledge(ID, "anna")
    assert site.rules.driven(site.alarms.latched, 2) == {"siren": "pump.fail_to_start:q"}
    site.alarms.acknowledge("*", "anna")
    assert site.driven(3) == set()


def test_silence_quiets_sounders_only_and_a_new_alarm_sounds() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren", "lamp")))
    site.event(FAIL, 0)
    site.alarms.silence("*", "anna")
    assert site.driven(1) == {"lamp"}
    site.event(OTHER, 2)
    assert site.driven(3) == {"siren", "lamp"}
    site.alarms.silence("*", "anna")
    assert site.driven(4) == {"lamp"}
    site.alarms.restore(ID)
    site.event(FAIL, 5)
    assert site.driven(6) == {"siren", "lamp"}, "the same alarm raised anew sounds again"


def test_silence_of_a_sounder_that_only_time_would_end() -> None:
    site = Site(Rule(("door.opened",), ("siren", "lamp"), until="time", for_s=60))
    site.rules.trigger("door.opened", "", "x", 0, raised=False)
    assert site.rules.silence() is True
    assert site.driven(1) == {"lamp"}
    assert site.rules.silence() is False
    site.rules.trigger("door.opened", "", "x", 2 * S, raised=False)
    assert site.driven(3 * S) == {"siren", "lamp"}


def test_longest_time_on() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren",)), outputs=(Output("siren", max_on_s=600),))
    site.event(FAIL, 0)
    assert site.driven(1) == {"siren"}
    assert site.rules.due_ns() == 600 * S
    assert site.rules.overdue(600 * S) == ["siren"]
    assert site.driven(600 * S) == set()
    assert site.driven(700 * S) == set()
    assert site.rules.due_ns() is None
    site.event(OTHER, 700 * S)
    assert site.driven(701 * S) == {"siren"}, "a new alarm sounds again"
    assert site.rules.due_ns() == 1300 * S
    assert site.rules.driven(site.alarms.latched, 1) == {"siren": "pump.fail_to_start:q"}, "the old one stays cut"


def test_a_new_alarm_while_it_is_on_counts_anew() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren",)), outputs=(Output("siren", max_on_s=600),))
    site.event(FAIL, 0)
    site.event(OTHER, 500 * S)
    assert site.driven(600 * S) == {"siren"}
    assert site.driven(1100 * S) == set()


def test_recorded_alarms_are_followed_again_without_clips_and_times() -> None:
    site = Site(
        Rule(("pump.*",), ("siren",), clip=CLIP), Rule(("pump.fail_to_start",), ("lamp",), until="time", for_s=9)
    )
    site.alarms.raise_(FAIL, 0, Signal.ALARM)
    site.rules.resume("pump.fail_to_start", ID, 0)
    assert site.rules.driven(site.alarms.latched, 1) == {"siren": ID}


def test_an_alarm_that_stands_triggers_nothing_again() -> None:
    rule = Rule(("pump.fail_to_start",), ("siren",), clip=CLIP)
    site = Site(rule)
    assert site.event(FAIL, 0) == [rule]
    site.driven(1)
    site.alarms.acknowledge("*", "anna")
    assert site.event(FAIL, 2) == []
    assert site.driven(3) == set()


def test_clips_without_relays_latch_nothing() -> None:
    rule = Rule(("door.opened",), clip=CLIP)
    rules = Rules([rule], [])
    assert not rules.latches("door.opened")
    assert rules.trigger("door.opened", "", "x", 0, raised=False) == [rule]
    assert rules.trigger("door.closed", "", "x", 0, raised=False) == []


@pytest.mark.parametrize(
    ("on", "kind", "latches"),
    [
        (("door.opened",), "door.opened", True),
        (("door.*",), "door.opened", False),
        (("pump.*",), "pump.restored", False),
        (("door.opened",), "door.closed", False),
    ],
)
def test_only_an_event_named_outright_becomes_an_alarm(on: tuple[str, ...], kind: str, latches: bool) -> None:
    assert Rules([Rule(on, ("siren",))], [Output("siren")]).latches(kind) is latches


def test_a_family_follows_its_alarms_and_nothing_else() -> None:
    site = Site(Rule(("pump.*",), ("siren",)))
    site.rules.trigger("pump.started", "", "pump.started:p", 0, raised=False)
    assert site.driven(1) == set()
    site.event(FAIL, 2)
    assert site.driven(3) == {"siren"}


def test_an_opened_door_latched_by_its_rule() -> None:
    site = Site(Rule(("door.opened",), ("siren",)))
    event = DoorOpened(source="d")
    raised = bool(site.alarms.raise_(event, 0, Signal.SUPERVISORY))
    site.rules.trigger(event.KIND, "door.opened:d", "door.opened:d", 0, raised=raised)
    assert site.driven(1) == {"siren"}


def test_a_rule_for_some_things_only() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren",), of=("q",)))
    assert not site.rules.latches("pump.fail_to_start", "p")
    assert site.rules.latches("pump.fail_to_start", "q")
    raised = bool(site.alarms.raise_(FAIL, 0, Signal.ALARM))
    assert site.rules.trigger(FAIL.KIND, ID, ID, 0, raised=raised, source="p") == []
    assert site.driven(1) == set()


LEAST = (Output("siren", min_on_s=10, max_on_s=60), Output("lamp", sounder=False))


def test_the_shortest_time_outlasts_the_rule() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren",)), outputs=LEAST)
    site.event(FAIL, 0)
    assert site.driven(1) == {"siren"}
    site.alarms.acknowledge("*", "anna")
    assert site.driven(2 * S) == {"siren"}
    assert site.rules.due_ns() == 10 * S
    assert site.driven(10 * S) == set()
    assert site.rules.due_ns() is None


def test_the_shortest_time_gives_way_to_silence() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren",)), outputs=LEAST)
    site.event(FAIL, 0)
    site.driven(1)
    site.alarms.silence("*", "anna")
    assert site.driven(2) == set()
    site.alarms.acknowledge("*", "anna")
    assert site.driven(3) == set(), "it is off: nothing brings it back"


def test_the_shortest_time_lengthens_no_rule_that_lasts() -> None:
    site = Site(Rule(("door.opened",), ("siren",), until="time", for_s=30), outputs=LEAST)
    site.rules.trigger("door.opened", "", "x", 0, raised=False)
    assert site.driven(29 * S) == {"siren"}
    assert site.driven(30 * S) == set()


def test_quiet_in_a_drill_and_loud_for_anything_real() -> None:
    site = Site(Rule(("pump.fail_to_start",), ("siren", "lamp")))
    site.alarms.raise_(FAIL, 0, Signal.ALARM)
    site.rules.trigger(FAIL.KIND, ID, ID, 0, raised=True, quiet=True)
    assert site.driven(1) == {"lamp"}
    site.event(OTHER, 2)
    assert site.driven(3) == {"siren", "lamp"}
