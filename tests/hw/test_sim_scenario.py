"""Scenario files: what is understood, what is said of what is not, and that steps are played at their time."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.ports import PointSpec
from hw.simulator.board import News, SimBoard
from hw.simulator.hands import Agenda, Hands
from hw.simulator.play import play
from hw.simulator.scenario import (
    FORMS,
    Camera,
    Chatter,
    Contact,
    Form,
    Press,
    Scenario,
    ScenarioError,
    Step,
    parse,
)

EXAMPLES = Path(__file__).parents[2] / "provisioning/examples"
POINTS = ("pump-house-door", "ack-button", "pump-1-running")
CAMERAS = ("pump-room",)


def read(text: str) -> Scenario:
    return parse(text, POINTS, CAMERAS)


def wrong(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    (problem,) = caught.value.problems
    return f"{problem.line}: {problem.message}"


# --- parsing ---


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("at 5 s  pump-house-door opens", Contact(at_ms=5000, point="pump-house-door", closed=False)),
        ("at 12.5 s pump-1-running closes", Contact(at_ms=12500, point="pump-1-running", closed=True)),
        ("at 0 ms ack-button closes for 2 s", Contact(at_ms=0, point="ack-button", closed=True, for_ms=2000)),
        ("at 20 s camera pump-room cut for 10 s", Camera(at_ms=20000, camera="pump-room", does="cut", for_ms=10000)),
        ("at 1 min camera pump-room frozen", Camera(at_ms=60000, camera="pump-room", does="freeze")),
        ("at 1min camera pump-room mended", Camera(at_ms=60000, camera="pump-room", does="mend")),
        ("at 30 s ack-button pressed for 300 ms", Press(at_ms=30000, point="ack-button", for_ms=300)),
        (
            "at 40 s pump-1-running chatters at 1000 Hz for 2 s",
            Chatter(at_ms=40000, point="pump-1-running", hz=1000, for_ms=2000),
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_line_is_a_step(line: str, step: Step) -> None:
    assert read(f"\n  # before\n{line}   # after\n") == Scenario((step,))


def test_steps_are_sorted_by_time_and_keep_the_order_of_the_file_within_one() -> None:
    found = read(
        "at 2 s ack-button closes\nat 1 s pump-house-door opens\nat 1 s pump-1-running closes\nrepeat every 60 s"
    )
    assert [(s.at_ms, getattr(s, "point", "")) for s in found.steps] == [
        (1000, "pump-house-door"),
        (1000, "pump-1-running"),
        (2000, "ack-button"),
    ]
    assert found.repeat_ms == 60_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at 5 s pump-door opens", "1: this site has no point 'pump-door'; did you mean pump-house-door?"),
        ("at 5 s camera gate cut", "1: this site has no camera 'gate'; there are: pump-room"),
        ("at 5 parsec ack-button closes", "1: not understood; a line is"),
        ("at 5 ack-button closes", "1: not understood; a line is"),
        ("\n\nsoon ack-button closes", "3: not understood; a line is"),
        ("at 5 s ack-button explodes", "1: not understood: 'ack-button explodes'; understood: camera CAMERA"),
        ("at 5 s ack-button pressed", "1: not understood: 'ack-button pressed'"),
        ("at 5 s ack-button pressed for 0 s", "1: 0 ms is out of range: 1 to"),
        ("at 9999999 min ack-button closes", "1: 599999940000 ms is out of range"),
        ("at 5 s ack-button chatters at 5001 Hz for 1 s", "1: 5001 Hz is out of range: 1 to 5000 Hz"),
        ("repeat every 5 s\nrepeat every 6 s", "2: line 1 says already"),
        ("at 5 s ack-button closes for 2 s\nrepeat every 7 s", "2: a round takes 7 s"),
        ("repeat every 0 s", "1: 0 ms is out of range"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, says: str) -> None:
    assert wrong(text).startswith(says)


def test_everything_wrong_is_said_at_once_and_names_the_file() -> None:
    with pytest.raises(
        ScenarioError, match=r'demo\.scenario line 1: "at 1 s x opens": this site has no point'
    ) as caught:
        parse("at 1 s x opens\nat 2 s ack-button closes\nwhat?\n", POINTS, name="demo.scenario")
    assert [problem.line for problem in caught.value.problems] == [1, 3]


@given(st.text(max_size=200) | st.from_regex(r"(at \d{1,30}(\.\d{1,30})? (s|ms|min) .{0,40}\n?){1,3}", fullmatch=True))
def test_any_text_is_a_scenario_or_its_problems(text: str) -> None:
    problems: tuple[object, ...] = ()
    steps: tuple[Step, ...] = ()
    try:
        steps = parse(text, POINTS, CAMERAS).steps
    except ScenarioError as error:
        problems = error.problems
    assert not (problems and steps)
    lines = [line for line in text.splitlines() if line.split("#")[0].strip()]
    assert len(problems) + len(steps) <= len(lines)


def test_far_too_many_steps_are_a_problem() -> None:
    with pytest.raises(ScenarioError, match="more than 2000 steps"):
        read("at 1 s ack-button closes\n" * 2001)


def test_others_can_add_sentences() -> None:
    import re

    @dataclass(frozen=True, kw_only=True)
    class Expect(Step):
        relay: str

    form = Form(re.compile(r"expect ([a-z-]+) energised"), "expect RELAY energised", lambda m: Expect(relay=m[1]))
    found = parse("at 5 s expect siren energised", POINTS, forms=(*FORMS, form))
    assert found.steps == (Expect(at_ms=5000, relay="siren"),)
    with pytest.raises(ScenarioError, match="expect RELAY energised"):
        parse("at 5 s expect what", POINTS, forms=(*FORMS, form))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.scenario")), ids=lambda p: p.name)
def test_the_examples_fit_their_site(path: Path) -> None:
    site = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    points, cameras = [p["id"] for p in site["point"]], [c["id"] for c in site["camera"]]
    assert parse(text, points, cameras).steps
    assert len(parse(text.replace("\n# at ", "\nat "), points, cameras).steps) > len(parse(text, points).steps)


# --- playing ---


class Camera1:
    def __init__(self) -> None:
        self.did: list[str] = []

    def cut(self) -> None:
        self.did.append("cut")

    def mend(self) -> None:
        self.did.append("mend")

    def freeze(self) -> None:
        self.did.append("freeze")

    def close(self) -> None:
        self.did.append("close")


class Stage:
    """A world with a clock of its own; `log` has (ms, who, state)."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.log: list[tuple[int, str, str]] = []
        self.failed: list[Exception] = []
        self.agenda = Agenda(lambda: self.now_ns, self.failed.append)
        self.camera = Camera1()
        specs = [
            PointSpec("pump-house-door", "17", "normally-closed"),
            PointSpec("ack-button", "27"),
            PointSpec("pump-1-running", "22"),
        ]
        self.board = SimBoard(specs, [], lambda: self.now_ns, self.tell)
        self.hands = Hands(self.board, self.agenda, {"pump-room": self.camera}, self.tell)

    def tell(self, news: News) -> None:
        self.log.append((self.now_ns // 1_000_000, news.who, news.state))

    def play(self, text: str, until_ms: int) -> list[tuple[int, str, str]]:
        play(read(text), self.hands, self.agenda, self.tell)
        for self.now_ns in range(0, until_ms * 1_000_000 + 1, 250_000):
            self.agenda.do_due()
        return self.log


def test_steps_happen_at_their_time_and_the_scenario_ends() -> None:
    log = Stage().play(
        "at 10 ms pump-house-door opens for 5 ms\n"
        "at 12 ms ack-button pressed for 20 ms\n"
        "at 40 ms camera pump-room cut for 3 ms",
        100,
    )
    assert log == [
        (0, "", "begins"),
        (10, "pump-house-door", "open"),
        (12, "ack-button", "closed"),
        (15, "pump-house-door", "closed"),
        (32, "ack-button", "open"),
        (40, "pump-room", "cut"),
        (43, "pump-room", "mend"),
        (53, "", "ends"),
    ]


def test_a_scenario_repeats_without_drifting() -> None:
    stage = Stage()
    log = stage.play("at 10 ms ack-button pressed for 5 ms\nrepeat every 20 ms", 1000)
    assert [at for at, who, state in log if (who, state) == ("ack-button", "closed")] == list(range(10, 1000, 20))
    assert len(stage.agenda) <= 3


def test_a_chatter_makes_its_edges_and_ends_as_it_began() -> None:
    stage = Stage()
    levels: list[int] = []
    holder = Watcher(levels)
    stage.board.make_input(holder, "22", "up")
    stage.board.watch(holder, "22", True)
    log = stage.play("at 0 s pump-1-running chatters at 500 Hz for 20 ms", 100)
    assert levels == [0, 1] * 10
    assert [(at, state) for at, who, state in log if who == "pump-1-running"] == [(0, "starts"), (19, "ends")]


class Watcher:
    pid = 1

    def __init__(self, levels: list[int]) -> None:
        self.levels = levels

    def gone(self) -> bool:
        return False

    def edge(self, line: str, level: int, mono_ns: int) -> None:
        self.levels.append(level)


def test_a_step_that_cannot_be_is_told_and_the_rest_goes_on() -> None:
    stage = Stage()
    scenario = parse("at 1 ms camera gate cut\nat 2 ms ack-button closes", POINTS, ("gate",))
    play(scenario, stage.hands, stage.agenda, stage.tell)
    stage.now_ns = 5_000_000
    stage.agenda.do_due()
    assert "no simulated camera 'gate'" in str(stage.failed)
    assert (5, "ack-button", "closed") in stage.log
