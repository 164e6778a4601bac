"""Scenario files: what happens to a simulated board and when, one line each.

    # the pump is asked to run and does not
    at 5 s     pump-house-door opens for 20 s
    at 12.5 s  pump-1-demand closes; pump-1-auto opens
    at 30 s    ack-button pressed for 300 ms
    at 40 s    pump-1-running chatters at 1000 Hz for 2 s
    at 50 s    camera pump-room cut for 10 s
    repeat every 60 s

Rules of this file:
- pure: text in, steps or all problems out; playing them is `play.py`'s;
- one `Form` for each kind of sentence after `at TIME`; who needs more sentences passes more forms.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

STEPS_MAX = 2_000
TIME_MS_MAX = 7 * 24 * 3_600_000
UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000}

_TIME = r"(\d+(?:\.\d+)?) *(ms|s|min)"
_COUNT = r"(\d+)"
_ID = r"([a-z0-9][a-z0-9-]*)"
_FOR = rf"(?: +for +{_TIME})"
_AT = re.compile(rf"at +{_TIME} +(.+)")
_REPEAT = re.compile(rf"repeat +every +{_TIME}")


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that happens `at_ms` after the start of a round and lasts `for_ms` (0: it stays so)."""

    at_ms: int = 0
    for_ms: int = 0

    @property
    def end_ms(self) -> int:
        return self.at_ms + self.for_ms


@dataclass(frozen=True, kw_only=True)
class Contact(Step):
    """A contact opens or closes."""

    point: str
    closed: bool


@dataclass(frozen=True, kw_only=True)
class Press(Step):
    """A contact leaves its rest for a while."""

    point: str


@dataclass(frozen=True, kw_only=True)
class Chatter(Step):
    """A contact opens and closes `hz` times a second."""

    point: str
    hz: int


@dataclass(frozen=True, kw_only=True)
class Camera(Step):
    """A camera is cut / mend(ed) / freeze(s)."""

    camera: str
    does: str


@dataclass(frozen=True)
class Scenario:
    """Steps by time; `repeat_ms` is the length of a round, 0 if there is only one."""

    steps: tuple[Step, ...]
    repeat_ms: int = 0


@dataclass(frozen=True)
class ScenarioProblem:
    """A line that cannot be, and why."""

    line: int
    text: str
    message: str


class ScenarioError(Exception):
    """A scenario cannot be played. `problems` has every line that is wrong."""

    def __init__(self, problems: Sequence[ScenarioProblem], name: str = "scenario") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f'{name} line {p.line}: "{p.text}": {p.message}' for p in problems))


@dataclass(frozen=True)
class Form:
    """One kind of sentence: what it looks like, an example for people, the step it makes of its words.

    `make` gets the match and may raise ValueError with the reason; at_ms is filled in afterwards.
    """

    pattern: re.Pattern[str]
    example: str
    make: Callable[[re.Match[str]], Step]


_CAMERA_WORDS = {"cut": "cut", "mended": "mend", "mend": "mend", "frozen": "freeze", "freeze": "freeze"}

FORMS = (
    Form(
        re.compile(rf"camera +{_ID} +({'|'.join(_CAMERA_WORDS)}){_FOR}?"),
        "camera CAMERA cut|frozen|mended [for 10 s]",
        lambda m: Camera(camera=m[1], does=_CAMERA_WORDS[m[2]], for_ms=_optional_ms(m[3], m[4])),
    ),
    Form(
        re.compile(rf"{_ID} +(opens|closes){_FOR}?"),
        "POINT opens|closes [for 10 s]",
        lambda m: Contact(point=m[1], closed=m[2] == "closes", for_ms=_optional_ms(m[3], m[4])),
    ),
    Form(
        re.compile(rf"{_ID} +pressed{_FOR}"),
        "POINT pressed for 300 ms",
        lambda m: Press(point=m[1], for_ms=_ms(m[2], m[3])),
    ),
    Form(
        re.compile(rf"{_ID} +chatters +at +{_COUNT} *Hz{_FOR}"),
        "POINT chatters at 1000 Hz for 2 s",
        lambda m: Chatter(point=m[1], hz=_within(int(m[2]), 1, 5_000, "Hz"), for_ms=_ms(m[3], m[4])),
    ),
)


def parse(
    text: str,
    points: Collection[str],
    cameras: Collection[str] = (),
    *,
    name: str = "scenario",
    forms: Sequence[Form] = FORMS,
) -> Scenario:
    """A scenario for a board with these points and cameras; `name` is the file's. ScenarioError: every wrong line."""
    reader = _Reader(points, cameras, forms)
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if line:
            reader.read(number, line)
    return reader.finish(name)


class _Reader:
    """Goes through the lines and keeps what is wrong with them."""

    def __init__(self, points: Collection[str], cameras: Collection[str], forms: Sequence[Form]) -> None:
        self._known = {"point": points, "camera": cameras}
        self._forms = forms
        self._steps: list[Step] = []
        self._repeat: tuple[int, str, int] | None = None  # line, its text, ms
        self._problems: list[ScenarioProblem] = []

    def read(self, number: int, line: str) -> None:
        try:
            self._take(number, line)
        except ValueError as error:
            self._problems.append(ScenarioProblem(number, line[:80], str(error)))

    def _take(self, number: int, line: str) -> None:
        if repeat := _REPEAT.fullmatch(line):
            if self._repeat is not None:
                raise ValueError(f"line {self._repeat[0]} says already how often to repeat")
            self._repeat = (number, line, _ms(repeat[1], repeat[2]))
            return
        at = _AT.fullmatch(line)
        if at is None:
            raise ValueError(f"not understood; a line is `at 5 s ...` or `repeat every 60 s`, with {_units()}")
        for words in at[3].split(";"):
            if len(self._steps) >= STEPS_MAX:
                raise ValueError(f"more than {STEPS_MAX} steps")
            self._steps.append(replace(self._sentence(words.strip()), at_ms=_optional_ms(at[1], at[2])))

    def _sentence(self, words: str) -> Step:
        for form in self._forms:
            if match := form.pattern.fullmatch(words):
                step = form.make(match)
                self._check_names(step)
                return step
        understood = "; ".join(form.example for form in self._forms)
        raise ValueError(f"not understood: {words!r}; understood: {understood}")

    def _check_names(self, step: Step) -> None:
        for what, known in self._known.items():
            used = getattr(step, what, None)
            if used is not None and used not in known:
                near = difflib.get_close_matches(used, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
                raise ValueError(f"this site has no {what} {used!r}; {hint}")

    def finish(self, name: str) -> Scenario:
        steps = tuple(sorted(self._steps, key=lambda step: step.at_ms))
        last_ms = max((step.end_ms for step in steps), default=0)
        repeat_ms = 0
        if self._repeat is not None:
            number, line, repeat_ms = self._repeat
            if repeat_ms <= last_ms:
                message = f"a round takes {last_ms / 1000:g} s, so it must be repeated later than that"
                self._problems.append(ScenarioProblem(number, line, message))
        if self._problems:
            raise ScenarioError(self._problems, name)
        return Scenario(steps, repeat_ms)


def _ms(number: str, unit: str) -> int:
    return _within(_optional_ms(number, unit), 1, TIME_MS_MAX, "ms")


def _optional_ms(number: str | None, unit: str | None) -> int:
    if number is None or unit is None:
        return 0
    return _within(round(Decimal(number) * UNITS_MS[unit]), 0, TIME_MS_MAX, "ms")


def _within(value: int, least: int, most: int, unit: str) -> int:
    if not least <= value <= most:
        raise ValueError(f"{value} {unit} is out of range: {least} to {most} {unit}")
    return value


def _units() -> str:
    return ", ".join(UNITS_MS)
