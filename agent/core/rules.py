"""Rules from the site's file: which events drive which relays, for how long, which clips they ask for, who is told.

A rule that ends by `acknowledged` or `restored` follows an alarm: an event it names outright ("door.opened") is
latched as one; of a family ("pump.*") it follows those that are alarms anyway. A rule that ends by `time` follows
nothing but the clock. Each trigger puts a hold on each relay of the rule; a relay is
driven while any of its holds has force. `silence` takes the force from holds on sounders, `max_on_s` from all holds
of that relay; a new trigger has force again. Once driven a relay stays so for its `min_on_s`, unless it is silenced or
cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from agent.core.alarm import Alarm

SECOND = 1_000_000_000
LIMIT = "limit"
TEST = "test"
SHORTEST = "shortest time"

# What the panel itself says, and what it follows of what other processes and people write. Rules hear of nothing else.
OWN = (
    "point.", "analog.", "door.", "button.", "pump.", "entry.", "tamper.", "smoke.", "flood.", "temperature.",
    "humidity.",
    "alarm.raised", "alarm.escalated", "relay.failed", "relay.readback_failed", "journal.rows_lost",
)  # fmt: skip
FOLLOWED = (
    "camera.", "motion.", "footage.", "link.", "trouble.", "clip.", "snapshot.", "command.", "gap", "visit.",
    "impairment.", "drill.", "incident.",
)  # fmt: skip


@dataclass(frozen=True)
class ClipWish:
    """What a rule wants cut."""

    cameras: tuple[str, ...]
    before_s: int
    after_s: int
    hold: bool


@dataclass(frozen=True)
class Rule:
    """One rule. on: event kinds, or a family "pump.*". until: acknowledged / restored / time (then for_s).

    of: only events of these points, doors, pumps or cameras; tell: contacts in their order; plan: what people do.
    """

    on: tuple[str, ...]
    drive: tuple[str, ...] = ()
    until: str = "acknowledged"
    for_s: int = 0
    clip: ClipWish | None = None
    of: tuple[str, ...] = ()
    tell: tuple[str, ...] = ()
    plan: str = ""

    def names(self, kind: str, source: str = "") -> bool:
        """True if `kind` is one of `on`, and `source` one of `of` (both "" and an empty `of` stand for any)."""
        return self._concerns(source) and any(fnmatchcase(kind, one) for one in self.on)

    def latches_of(self, kind: str, source: str = "") -> bool:
        """True if events of this kind are alarms because of this rule."""
        return self.latches and kind in self.on and self._concerns(source)

    def _concerns(self, source: str) -> bool:
        return not self.of or not source or source in self.of

    @property
    def latches(self) -> bool:
        return bool(self.drive) and self.until != "time"


@dataclass(frozen=True)
class Output:
    """One relay as the rules see it: driven or not."""

    id: str
    max_on_s: int | None = None
    sounder: bool = True
    min_on_s: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """One trigger's claim on one relay. alarm: the id it follows, or "" by time; cause: what triggered it."""

    relay: str
    until: str
    alarm: str
    cause: str
    end_ns: int = 0
    cut: bool = False  # by max_on_s or silence, or a sounder in a silent drill


class Rules:
    """All holds on all relays."""

    def __init__(self, rules: Sequence[Rule], outputs: Iterable[Output]) -> None:
        self.rules = list(rules)
        self.outputs = {output.id: output for output in outputs}
        self.holds: list[Hold] = []
        self.on_ns: dict[str, int] = {}  # relay -> driven since (a new trigger counts anew)
        self.muted = False  # a walk test: sounders are quiet, but for tests of themselves

    def latches(self, kind: str, source: str = "") -> bool:
        """True if a rule follows events of this kind until they are acknowledged or restored."""
        return any(rule.latches_of(kind, source) for rule in self.rules)

    def names(self, kind: str) -> bool:
        """True if any rule has to do with events of this kind."""
        return any(rule.names(kind) for rule in self.rules)

    def trigger(
        self, kind: str, alarm: str, cause: str, now_ns: int, *, raised: bool, source: str = "", quiet: bool = False
    ) -> list[Rule]:
        """An event happened; returns the rules that answered it, in their order.

        alarm: the id it was latched under ("" if it was not); raised: latched just now; quiet: no sounders, for a
        drill. An event of an alarm that already stands triggers nothing: it is the same alarm.
        """
        answered = []
        for rule in self.rules:
            if not rule.names(kind, source) or (alarm and not raised) or (rule.latches and not alarm):
                continue
            self._hold(rule, alarm, cause, now_ns, quiet)
            answered.append(rule)
        return answered

    def resume(self, kind: str, alarm: str, now_ns: int, *, source: str = "", quiet: bool = False) -> list[Rule]:
        """An alarm that was recorded before a boot: rules that follow it do so again; clips and times are over."""
        named = [rule for rule in self.rules if rule.names(kind, source)]
        for rule in named:
            if rule.latches:
                self._hold(rule, alarm, alarm, now_ns, quiet)
        return named

    def _hold(self, rule: Rule, alarm: str, cause: str, now_ns: int, quiet: bool) -> None:
        for relay in rule.drive:
            follows = alarm if rule.until != "time" else ""
            end_ns = 0 if follows else now_ns + rule.for_s * SECOND
            claim = (relay, rule.until, follows, cause)
            self.holds = [h for h in self.holds if (h.relay, h.until, h.alarm, h.cause) != claim]
            cut = quiet and self.outputs[relay].sounder
            self.holds.append(Hold(relay, rule.until, follows, cause, end_ns, cut))
            if not cut:
                self.on_ns[relay] = now_ns

    def silence(self) -> bool:
        """Quiet the sounders that only time would end. True if there was one."""
        found = False
        for i, hold in enumerate(self.holds):
            if not hold.alarm and not hold.cut and self.outputs[hold.relay].sounder:
                self.holds[i] = replace(hold, cut=True)
                found = True
        return found

    def pulse(self, relay: str, cause: str, now_ns: int, end_ns: int) -> None:
        """Drive one relay until `end_ns`, muted or not: a test of it."""
        self.holds.append(Hold(relay, TEST, "", cause, end_ns))
        self.on_ns[relay] = now_ns

    def unmute(self, alarms: Mapping[str, Alarm], now_ns: int) -> None:
        """A walk test is over: sounders sound for alarms whose condition still stands, and for nothing else of it."""
        self.muted = False
        for i, hold in enumerate(self.holds):
            if not self.outputs[hold.relay].sounder or hold.until == TEST or hold.cut:
                continue
            alarm = alarms.get(hold.alarm)
            if alarm is None or alarm.restored:
                self.holds[i] = replace(hold, cut=True)
            else:
                self.on_ns[hold.relay] = now_ns

    def driven(self, alarms: Mapping[str, Alarm], now_ns: int) -> dict[str, str]:
        """relay -> cause of the first hold with force, for those that are to be driven at `now_ns`.

        Also forgets holds that are over, and cuts those whose relay has been on for its max_on_s.
        """
        self.holds = [hold for hold in self.holds if self._lasts(hold, alarms, now_ns)]
        for relay in self.overdue(now_ns):
            self.holds = [replace(h, cut=True) if h.relay == relay else h for h in self.holds]
        wanted: dict[str, str] = {}
        for hold in self.holds:
            if not hold.cut and not self._silent(hold, alarms):
                wanted.setdefault(hold.relay, hold.cause)
        for relay in self._too_short(now_ns):
            wanted.setdefault(relay, SHORTEST)
        self.on_ns = {relay: since for relay, since in self.on_ns.items() if relay in wanted}
        return wanted

    def overdue(self, now_ns: int) -> list[str]:
        """Relays that have been driven for as long as they may."""
        return [relay for relay in self.on_ns if (due := self._max_ns(relay)) is not None and now_ns >= due]

    def _too_short(self, now_ns: int) -> list[str]:
        """Relays that nothing drives any more, and that were not yet driven for their shortest time."""
        held = {hold.relay for hold in self.holds}  # silenced, or cut: those go at once
        return [
            relay
            for relay, since in self.on_ns.items()
            if relay not in held and now_ns < since + self.outputs[relay].min_on_s * SECOND
        ]

    def due_ns(self) -> int | None:
        """When time alone changes something."""
        ends = [hold.end_ns for hold in self.holds if not hold.alarm]
        held = {hold.relay for hold in self.holds}
        ends += [since + self.outputs[r].min_on_s * SECOND for r, since in self.on_ns.items() if r not in held]
        ends += [due for relay in self.on_ns if (due := self._max_ns(relay)) is not None]
        return min(ends, default=None)

    def _max_ns(self, relay: str) -> int | None:
        limit = self.outputs[relay].max_on_s
        return None if limit is None else self.on_ns[relay] + limit * SECOND

    def _lasts(self, hold: Hold, alarms: Mapping[str, Alarm], now_ns: int) -> bool:
        if not hold.alarm:
            return now_ns < hold.end_ns
        alarm = alarms.get(hold.alarm)
        if alarm is None:
            return False
        return not (alarm.acknowledged if hold.until == "acknowledged" else alarm.restored)

    def _silent(self, hold: Hold, alarms: Mapping[str, Alarm]) -> bool:
        alarm = alarms.get(hold.alarm)
        quiet = (self.muted and hold.until != TEST) or (alarm is not None and alarm.silenced)
        return quiet and self.outputs[hold.relay].sounder
