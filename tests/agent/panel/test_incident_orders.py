"""Major incidents by signed command: declared, closed, followed by rules once; what makes no sense is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sp_core import Core, S
from sp_site import SITE

from agent.config import load
from agent.core.chain import Row, canonical_data
from agent.core.events import CommandDone, CommandFailed, Event, IncidentClosed, IncidentDeclared
from agent.core.people import Role
from agent.panel.orders import Order

RULE = '\n[[rule]]\non = ["incident.declared"]\ndrive = ["siren"]\nuntil = "acknowledged"\n'


class Hand(Core):
    """Somebody who orders."""

    def order(self, op: str, incidents: dict[str, Row] | None = None, **args: Any) -> Event:
        """The last word on it."""
        at_ns = self.stamp().at_ns
        order = Order(f"c-{op}", op, args, "anna", 0, at_ns, "k-anna", Role.OPERATOR, incidents=incidents or {})
        self.said()
        self.ask(lambda row: self.decider.command(row, order._replace(request=row[1]), self.stamp()))
        return next(event for event, _ in self.events if isinstance(event, CommandDone | CommandFailed))

    def said_of(self, kind: type[Event]) -> Event:
        return next(event for event, _ in self.events if isinstance(event, kind))

    def row(self, event: Event) -> Row:
        """As the journal has it."""
        now = self.stamp()
        about = (now.at_ns, now.boot, now.mono_ns, now.clock, "alarm", 0, event.KIND, event.source, "status")
        return Row(1, *about, canonical_data(event.data()), b"")


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    (tmp_path / "site.toml").write_text(SITE + RULE)
    return Hand(load(tmp_path / "site.toml"))


def test_declared_by_command_it_is_a_row_and_rules_follow_it_once(hand: Hand) -> None:
    end = hand.order("incident-declare", what="fire", reason="smoke", since_s=hand.stamp().at_ns // S - 90)
    declared = hand.said_of(IncidentDeclared)
    assert isinstance(end, CommandDone)
    assert (declared.source, end.answer) == (end.answer["incident"], {"incident": declared.source})
    assert declared.data() == {
        "what": "fire", "reason": "smoke", "since_ms": 90_000, "by": "signed:anna", "key": "k-anna", "sig": "",
        "request": declared.data()["request"],
    }  # fmt: skip
    assert declared.data()["request"], "by which its own row is known"
    assert hand.energised("siren")
    drives = len(hand.drives)
    hand.request("acknowledge")
    hand.ask(lambda row: hand.decider.heard(row, declared, hand.stamp(), hand.stamp()))
    assert [relay for relay, on, _ in hand.drives[drives:] if on] == [], "its own row is not news"


def test_closed_with_the_time_it_lasted_by_name_or_as_the_only_one(hand: Hand) -> None:
    hand.order("incident-declare", what="flood", reason="x", drill=True)
    row = hand.row(hand.said_of(IncidentDeclared))
    hand.after(60_000)
    for named in ({}, {"incident": row.source}):
        end = hand.order("incident-close", {row.source: row}, outcome="dry", **named)
        closed = hand.said_of(IncidentClosed)
        assert isinstance(end, CommandDone)
        assert closed.source == row.source
        told = closed.data()
        assert (told["outcome"], told["since_ms"], told["by"], told["drill"]) == ("dry", 60_000, "signed:anna", True)


def test_its_alarm_stands_until_it_is_closed_wherever_that_is_written(hand: Hand) -> None:
    """Closed by command, or by a row of somebody at the board."""
    for closes in ("command", "row"):
        hand.order("incident-declare", what="theft", reason=closes)
        row = hand.row(hand.said_of(IncidentDeclared))
        hand.request("acknowledge")
        hand.request("reset")
        assert hand.kinds()[-1] == "panel.refused", "its condition still stands"
        if closes == "command":
            hand.order("incident-close", {row.source: row}, outcome="x")
        else:
            closed = IncidentClosed(source=row.source, what="theft", outcome="x", since_ms=1, by="bo")
            hand.ask(lambda seq, closed=closed: hand.decider.heard(seq, closed, hand.stamp(), hand.stamp()))
        assert "alarm.restored" in hand.kinds()
        hand.request("reset")
        assert hand.kinds() == ["alarm.reset"]
        assert not hand.energised("siren")


def test_which_one_must_be_said_where_two_are_open(hand: Hand) -> None:
    hand.order("incident-declare", what="fire", reason="x")
    row = hand.row(hand.said_of(IncidentDeclared))
    both = {"incident-1": row, "incident-2": row}
    for opened, args, says in (
        (both, {}, "no open incident ?; open: incident-1, incident-2"),
        (both, {"incident": "incident-3"}, "no open incident incident-3"),
        ({}, {}, "open: -"),
    ):
        end = hand.order("incident-close", opened, outcome="x", **args)
        assert isinstance(end, CommandFailed)
        assert says in end.reason
        assert all(event.KIND != "incident.closed" for event, _ in hand.events)


@pytest.mark.parametrize(("ago_s", "says"), [(-5, "in the future"), (25 * 3600, "more than 24 hours ago")])
def test_it_began_now_or_within_a_day(hand: Hand, ago_s: int, says: str) -> None:
    end = hand.order("incident-declare", what="fire", reason="x", since_s=hand.stamp().at_ns // S - ago_s)
    assert isinstance(end, CommandFailed)
    assert says in end.reason
    assert all(event.KIND != "incident.declared" for event, _ in hand.events)
    assert not hand.energised("siren")
