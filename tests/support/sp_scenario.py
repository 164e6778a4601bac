"""Scenarios with expectations: what is to follow from what happens, and whether it did. Any world may play them.

    at 0 s   demand closes; running stays open; expect siren energised at fail_to_start_s, within 200 ms
    at 5 s   hush pressed for 200 ms; expect siren released at settle, within 200 ms
    at 6 s   expect siren stays released for 2 s; expect no pump.started of pump-1 for 2 s
    at 7 s   power cut for 500 ms
    at 9 s   anna acknowledges everything

Times after `at` and `for` are sums of `2 s`, `300 ms`, `settle` (of the contact moving in the same line) and keys of
the site file (`fail_to_start_s`, or `siren.max_on_s` where several have one). A line `must fail: why` marks a scenario
of which at least one expectation must not come true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from agent.config import load
from agent.config.model import SiteConfig
from hw.simulator.scenario import FORMS, UNITS_MS, Chatter, Contact, Form, Press, Step, parse

FOLDER = Path(__file__).parents[1] / "scenarios"
SITE = FOLDER / "site.toml"
TAIL_MS = 100
_MUST_FAIL = re.compile(r"must fail: *(\S.*)")
_ID, _TIME, _SUM = r"([a-z0-9][a-z0-9-]*)", r"(\d+(?:\.\d+)?) *(ms|s|min)", r"([a-z0-9_.+ -]+?)"


@dataclass(frozen=True, kw_only=True)
class Stays(Step):
    """Said for the reader, and held against the world."""

    point: str
    closed: bool


@dataclass(frozen=True, kw_only=True)
class PowerCut(Step):
    """Everything of ours dies at once, and starts again `for_ms` later with an empty /run."""


@dataclass(frozen=True, kw_only=True)
class Asked(Step):
    """A person asks at the command line."""

    does: str
    alarm: str


@dataclass(frozen=True, kw_only=True)
class Expect(Step):
    """What must follow. what: a relay, or an event's kind; of: the event's source; span: a sum, as written.

    how: turns (at `span`, within) / stays (for `span`) / said (at `span`, within) / unsaid (for `span`).
    """

    what: str
    how: str
    energised: bool = False
    of: str = ""
    span: str
    within_ms: int = 0

    def __str__(self) -> str:
        state = "energised" if self.energised else "released"
        told = {"turns": f"{state} at", "stays": f"stays {state} for", "said": f"of {self.of} at",
                "unsaid": f"of {self.of} not for"}[self.how]  # fmt: skip
        return f"at {self.at_ms} ms: {self.what} {told} {self.span}" + (
            f" ± {self.within_ms} ms" * bool(self.within_ms)
        )


def _time_ms(number: str, unit: str) -> int:
    return round(Decimal(number) * UNITS_MS[unit])


_WITHIN = rf"at +{_SUM}, *within +{_TIME}"
_ASKS = {"acknowledges": "acknowledge", "silences": "silence", "resets": "reset"}
EXPECTING = (
    *FORMS,
    Form(
        re.compile(rf"{_ID} +stays +(open|closed)"),
        "POINT stays open|closed",
        lambda m: Stays(point=m[1], closed=m[2] == "closed"),
    ),
    Form(
        re.compile(rf"power +cut +for +{_TIME}"), "power cut for 2 s", lambda m: PowerCut(for_ms=_time_ms(m[1], m[2]))
    ),
    Form(
        re.compile(rf"{_ID} +({'|'.join(_ASKS)}) +(everything|\S+)"),
        "NAME acknowledges|silences|resets everything|ALARM",
        lambda m: Asked(does=_ASKS[m[2]], alarm="*" if m[3] == "everything" else m[3]),
    ),
    Form(
        re.compile(rf"expect +{_ID} +(energised|released) +{_WITHIN}"),
        "expect RELAY energised|released at SUM, within 200 ms",
        lambda m: Expect(
            what=m[1], how="turns", energised=m[2] == "energised", span=m[3], within_ms=_time_ms(m[4], m[5])
        ),
    ),
    Form(
        re.compile(rf"expect +{_ID} +stays +(energised|released) +for +{_SUM}"),
        "expect RELAY stays energised|released for SUM",
        lambda m: Expect(what=m[1], how="stays", energised=m[2] == "energised", span=m[3]),
    ),
    Form(
        re.compile(rf"expect +([a-z_]+\.[a-z_]+) +of +(\S+) +{_WITHIN}"),
        "expect EVENT of SOURCE at SUM, within 200 ms",
        lambda m: Expect(what=m[1], how="said", of=m[2], span=m[3], within_ms=_time_ms(m[4], m[5])),
    ),
    Form(
        re.compile(rf"expect +no +([a-z_]+\.[a-z_]+) +of +(\S+) +for +{_SUM}"),
        "expect no EVENT of SOURCE for SUM",
        lambda m: Expect(what=m[1], how="unsaid", of=m[2], span=m[3]),
    ),
)


@dataclass
class Trace:
    """What came of it. Times in ms since the scenario began; at_first: relay -> energised at that moment."""

    at_first: dict[str, bool] = field(default_factory=dict)
    relays: list[tuple[str, bool, float]] = field(default_factory=list)
    events: list[tuple[str, str, float]] = field(default_factory=list)
    slack_ms: float = 0  # how far the world's own hands may be off


class World(Protocol):
    """Where a scenario is played. Times in ms since it began."""

    def to(self, at_ms: float) -> None:
        """Let time pass."""

    def now_ms(self) -> float: ...
    def contact(self, point: str, closed: bool) -> None: ...
    def closed(self, point: str) -> bool: ...
    def power(self, on: bool) -> None: ...
    def ask(self, does: str, alarm: str) -> None: ...
    def trace(self) -> Trace: ...


Deed = tuple[int, Callable[[World], None]]


class Play:
    """One scenario on the site beside it. ScenarioError or ValueError for what makes no sense."""

    def __init__(self, text: str, config: SiteConfig, name: str = "scenario") -> None:
        self.config = config
        marks = [found[1] for line in text.splitlines() if (found := _MUST_FAIL.fullmatch(line.strip()))]
        self.must_fail = marks[0] if marks else ""
        text = re.sub(r"(?m)^ *must fail:.*$", "", text)
        self.steps = parse(text, [p.id for p in config.point], name=name, forms=EXPECTING).steps
        self._spans = {i: self._span_ms(i, s) for i, s in enumerate(self.steps) if isinstance(s, Expect)}
        self._check()

    @property
    def end_ms(self) -> int:
        """When everything has happened that is waited for."""
        waits = [self.steps[i].at_ms + span + _expect(self.steps[i]).within_ms for i, span in self._spans.items()]
        return max([*waits, *(step.end_ms for step in self.steps)]) + TAIL_MS

    def deeds(self) -> list[Deed]:
        """What is done to the world, by time."""
        return sorted((deed for step in self.steps for deed in _deeds(step, self.config)), key=lambda deed: deed[0])

    def _check(self) -> None:
        known = {relay.id for relay in self.config.relay}
        for step in self.steps:
            if isinstance(step, Expect) and step.how in ("turns", "stays") and step.what not in known:
                raise ValueError(f"this site has no relay {step.what!r}")
        if not self._spans:
            raise ValueError("nothing is expected: such a scenario cannot fail")

    # --- sums of times ---

    def _span_ms(self, index: int, step: Expect) -> int:
        return sum(self._term_ms(term.strip(), index) for term in step.span.split("+"))

    def _term_ms(self, term: str, index: int) -> int:
        if number := re.fullmatch(_TIME, term):
            return _time_ms(number[1], number[2])
        if term == "settle":
            return self._settle_ms(index)
        owner, _, key = term.rpartition(".")
        unit = key.rpartition("_")[2]
        values = {value for id_, name, value in _numbers(self.config) if name == key and owner in ("", id_)}
        if len(values) != 1 or unit not in UNITS_MS:
            raise ValueError(f"{term!r} is {'no' if not values else 'more than one'} time of this site")
        return int(values.pop()) * UNITS_MS[unit]

    def _settle_ms(self, index: int) -> int:
        """Of the contact that moved last in the same line."""
        for step in reversed(self.steps[:index]):
            if step.at_ms == self.steps[index].at_ms and isinstance(step, Contact | Press):
                return next(p.settle_ms for p in self.config.point if p.id == step.point)
        raise ValueError("settle: no contact moves in this line")

    # --- judging ---

    def wrong(self, trace: Trace, began: dict[int, float]) -> list[str]:
        """Expectations that did not come true. began: at_ms of a line -> when it really happened."""
        found = []
        for i, span in self._spans.items():
            step = _expect(self.steps[i])
            base = began.get(step.at_ms, float(step.at_ms))
            if not _true(step, base, span, trace):
                found.append(f"{step}; {_seen(step, trace)}")
        return found


def _expect(step: Step) -> Expect:
    assert isinstance(step, Expect)
    return step


def _numbers(config: SiteConfig) -> Iterator[tuple[str, str, int]]:
    """(id, key, value) of all whole numbers of points, pumps, relays and rules."""
    things: Sequence[Any] = [*config.point, *config.pump, *config.relay, *config.rule]
    for thing in things:
        for key in thing.__struct_fields__:
            value = getattr(thing, key)
            if type(value) is int:
                yield getattr(thing, "id", ""), key, value


def _deeds(step: Step, config: SiteConfig) -> Iterator[Deed]:
    if isinstance(step, Contact):
        yield from _moves(step.point, [step.closed, not step.closed], step)
    elif isinstance(step, Press):
        rest = next(p.contact == "normally-closed" for p in config.point if p.id == step.point)
        yield from _moves(step.point, [not rest, rest], step)
    elif isinstance(step, Chatter):
        edges = 2 * max(1, step.hz * step.for_ms // 1000)
        for i in range(edges):
            yield step.at_ms + i * 500 // step.hz, lambda world: world.contact(step.point, not world.closed(step.point))
    elif isinstance(step, Stays):
        yield step.at_ms, lambda world: _is(world, step)
    elif isinstance(step, PowerCut):
        yield step.at_ms, lambda world: world.power(False)
        yield step.end_ms, lambda world: world.power(True)
    elif isinstance(step, Asked):
        yield step.at_ms, lambda world: world.ask(step.does, step.alarm)


def _moves(point: str, levels: list[bool], step: Step) -> Iterator[Deed]:
    yield step.at_ms, lambda world: world.contact(point, levels[0])
    if step.for_ms:
        yield step.end_ms, lambda world: world.contact(point, levels[1])


def _is(world: World, step: Stays) -> None:
    assert world.closed(step.point) == step.closed, f"at {step.at_ms} ms: {step.point} does not stay as it is said to"


def _true(step: Expect, base: float, span: int, trace: Trace) -> bool:
    end = base + span
    if step.how == "stays":
        inside = [on for relay, on, at in trace.relays if relay == step.what and base + trace.slack_ms < at < end]
        return _state(step.what, base + trace.slack_ms, trace) == step.energised and not inside
    if step.how == "turns":
        times = [at for relay, on, at in trace.relays if (relay, on) == (step.what, step.energised)]
    else:
        times = [at for kind, of, at in trace.events if (kind, of) == (step.what, step.of)]
    if step.how == "unsaid":
        return not any(base <= at < end for at in times)
    return any(abs(at - end) <= step.within_ms + trace.slack_ms for at in times)


def _state(relay: str, at_ms: float, trace: Trace) -> bool:
    before = [on for one, on, at in trace.relays if one == relay and at <= at_ms]
    return before[-1] if before else trace.at_first[relay]


def _seen(step: Expect, trace: Trace) -> str:
    if step.how in ("turns", "stays"):
        seen = [f"{'on' if on else 'off'} {at:.0f}" for relay, on, at in trace.relays if relay == step.what]
    else:
        seen = [f"{at:.0f}" for kind, of, at in trace.events if (kind, of) == (step.what, step.of)]
    return f"seen at {', '.join(seen) or 'no time'} ms"


def play(scenario: Play, world: World) -> list[str]:
    """Play it; what did not come true, in words."""
    return played(scenario, world)[0]


def played(scenario: Play, world: World) -> tuple[list[str], float]:
    """As play; second: by how many ms the hand was late at worst. A contact that should chatter is still meanwhile."""
    began: dict[int, float] = {}
    late_ms = 0.0
    for at_ms, deed in scenario.deeds():
        world.to(at_ms)
        late_ms = max(late_ms, world.now_ms() - at_ms)
        deed(world)
        began[at_ms] = world.now_ms()
    world.to(scenario.end_ms)
    return scenario.wrong(world.trace(), began), late_ms


def verdict(scenario: Play, wrong: list[str]) -> str:
    """What is wrong with the outcome, "" if it is as the scenario says."""
    if scenario.must_fail:
        return "" if wrong else f"it must fail ({scenario.must_fail}), and everything came true"
    return "\n".join(wrong)


def scenarios() -> list[Path]:
    """All scenario files."""
    return sorted(FOLDER.glob("*.scenario"))


def of(path: Path) -> Play:
    """A scenario of this folder, on its site."""
    return Play(path.read_text(encoding="utf-8"), load(SITE), path.name)
