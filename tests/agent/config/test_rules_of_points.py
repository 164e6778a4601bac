"""Points, channels, values, pumps and their test windows: each rule broken alone, and kept."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

from agent.config import Checked, rules_of_points
from agent.config.words import TEXTS

Look = Callable[..., Checked]

SITE = """\
[site]
id = "plant-3"
board = "pump-house"

[board]
adc = ["GPIO8", "GPIO7"]

[[point]]
id = "running"
pin = "GPIO17"

[[point]]
id = "demand"
pin = "ADC0.0"
supervised = { series_ohm = 2200, parallel_ohm = 8200 }

[[point]]
id = "auto"
pin = "ADC0.1"

[[point]]
id = "tank"
pin = "ADC1.7"

[[point]]
id = "second-running"
pin = "GPIO22"

[[point]]
id = "door"
kind = "door"
pin = "GPIO27"

[[analog]]
id = "suction"
pin = "ADC1.0"
low_milli = 500
high_milli = 9000
hysteresis_milli = 200

[[analog]]
id = "level"
pin = "ADC1.1"

[[pump]]
id = "pump-1"
running = "running"
demand = "demand"
auto = "auto"
low_suction = "suction"
tank_low = "tank"
pressure = "suction"
fail_to_start_s = 20

[[pump]]
id = "pump-2"
running = "second-running"
low_suction = "suction"
tank_low = "tank"

[[relay]]
id = "siren"
pin = "GPIO23"

[[rule]]
on = ["pump.*", "alarm.raised"]
drive = ["siren"]

[[test_window]]
pumps = ["pump-1", "pump-2"]
days = ["mon"]
from = "09:00"
until = "09:10"
"""

# (old, new, ...), the key that is named, the rule's words
BROKEN: list[tuple[tuple[str, ...], str, str]] = [
    # channels
    (('pin = "ADC1.1"', 'pin = "GPIO24"'), 'analog[2] "level".pin', "channel-needed"),
    (('pin = "GPIO23"', 'pin = "ADC0.7"'), 'relay[1] "siren".pin', "channel-no-relay"),
    (('pin = "ADC0.1"', 'pin = "ADC2.0"'), 'point[3] "auto".pin', "no-adc"),
    (('pin = "ADC1.1"', 'pin = "ADC7.1"'), 'analog[2] "level".pin', "no-adc"),
    # loops
    (('"GPIO17"', '"GPIO17"\nsupervised = { series_ohm = 2200 }'), 'point[1] "running".supervised', "channel-only"),
    (
        ("parallel_ohm = 8200", "parallel_ohm = 100, tolerance_percent = 20"),
        'point[2] "demand".supervised',
        "same-bands",
    ),
    # values
    (("high_milli = 9000", "high_milli = 899"), 'analog[1] "suction".high_milli', "limits-cross"),
    (("hysteresis_milli = 200", "hysteresis_milli = 4251"), 'analog[1] "suction".high_milli', "limits-cross"),
    (('"ADC1.1"', '"ADC1.1"\nzero_milli = 7\nfull_milli = 7'), 'analog[2] "level".full_milli', "no-span"),
    (('"ADC1.1"', '"ADC1.1"\nshunt_ohm = 158'), 'analog[2] "level".shunt_ohm', "shunt-large"),
    # pumps
    (('demand = "demand"', 'demand = "level"'), 'pump[1] "pump-1".demand', "not-a-value"),
    (("fail_to_start_s = 20", 'fail_to_start_s = 20\ntank_high = "level"'), 'pump[1] "pump-1".tank_high', "no-limit"),
    (('auto = "auto"', 'auto = "atuo"'), 'pump[1] "pump-1".auto', "unknown-point"),
    (('auto = "auto"', 'auto = "door"'), 'pump[1] "pump-1".auto', "not-a-contact"),
    (('auto = "auto"', 'auto = "demand"'), 'pump[1] "pump-1".auto', "double-use"),
    (('"second-running"\nlow', '"running"\nlow'), 'pump[2] "pump-2".running', "double-use"),
    (("fail_to_start_s = 20", 'fail_to_start_s = 20\ntank_high = "tank"'), 'pump[1] "pump-1".tank_high', "double-use"),
    (('pressure = "suction"', 'pressure = "sucton"'), 'pump[1] "pump-1".pressure', "unknown-analog"),
    (('pressure = "suction"', 'pressure = "tank"'), 'pump[1] "pump-1".pressure', "unknown-analog"),
    # windows
    (('"pump-1", "pump-2"]', '"pump-1", "pump-3"]'), "test_window[1].pumps[2]", "unknown-pump"),
    (('until = "09:10"', 'until = "09:00"'), "test_window[1].until", "same-day"),
    (('until = "09:10"', 'until = "08:30"'), "test_window[1].until", "same-day"),
]
# Only said: the board runs with it.
WARNED: list[tuple[tuple[str, ...], str, str]] = [
    *(
        (
            ('running = "second-running"', f'running = "second-running"\n{limit} = 60'),
            f'pump[2] "pump-2".{limit}',
            f"needs-{role}",
        )
        for limit, role in rules_of_points.NEEDS.items()
    ),
    (('until = "09:10"', 'until = "09:09"'), "test_window[1].until", "window-short"),
    (('running = "second-running"', 'running = "second-running"\ndriver = "diesel"'), "test_window[1].until",
     "window-short"),
    (('running = "second-running"', 'running = "second-running"\ntest_profile = "en12845"'), "test_window[1].until",
     "window-short"),
    (('running = "second-running"', 'running = "second-running"\ntest_min_s = 601'), "test_window[1].until",
     "window-short"),
]  # fmt: skip


def with_(pairs: tuple[str, ...]) -> str:
    text = SITE
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert text.count(old) == 1, f"{old!r} must stand once in the good file"
        text = text.replace(old, new)
    return text


def says(id_: str, message: str) -> bool:
    """Whether a message is made of the sentence of that id; its holes are filled."""
    parts = re.split(r"\{\w+\}", TEXTS[id_][0])
    return re.fullmatch(".*".join(map(re.escape, parts)), message) is not None


def test_the_good_file_is_good(look: Look) -> None:
    found = look(SITE)
    assert (found.problems, found.warnings) == ([], [])


@pytest.mark.parametrize(("pairs", "key", "id_"), BROKEN, ids=[f"{key}: {id_}" for _, key, id_ in BROKEN])
def test_each_rule_broken_alone(look: Look, pairs: tuple[str, ...], key: str, id_: str) -> None:
    (problem,) = look(with_(pairs)).problems
    assert problem.key == key
    assert says(id_, problem.message), problem.message
    assert problem.line


@pytest.mark.parametrize(("pairs", "key", "id_"), WARNED, ids=[f"{key}: {id_} {p[1][-9:]}" for p, key, id_ in WARNED])
def test_what_is_only_said(look: Look, pairs: tuple[str, ...], key: str, id_: str) -> None:
    found = look(with_(pairs))
    assert found.problems == []
    assert [problem.key for problem in found.warnings] == [key]
    assert says(id_, found.warnings[0].message), found.warnings[0].message


KEPT = [
    ('pin = "ADC0.1"', 'pin = "ADC1.6"'),
    ("parallel_ohm = 8200", "parallel_ohm = 4700"),
    ("high_milli = 9000", "high_milli = 900"),
    ('pin = "ADC1.1"', 'pin = "ADC1.1"\nshunt_ohm = 157'),
    ('pin = "ADC1.1"', 'pin = "ADC1.1"\nshunt_ohm = 238\nreference_mv = 5000'),
    ('pin = "ADC1.1"', 'pin = "ADC1.1"\nzero_milli = 7\nfull_milli = -7'),
    ("high_milli = 9000\n", ""),
    ('id = "door"\nkind = "door"', 'id = "phase"', '"second-running"\nlow',
     '"second-running"\nphase_loss = "phase"\nlow'),
    ('until = "09:10"', 'until = "23:59"'),
]  # fmt: skip


@pytest.mark.parametrize("pairs", KEPT, ids=[pairs[1] for pairs in KEPT])
def test_what_is_allowed(look: Look, pairs: tuple[str, ...]) -> None:
    assert look(with_(pairs)).problems == []


@pytest.mark.parametrize(("pairs", "key", "id_"), BROKEN + WARNED)
def test_each_has_its_words_in_chinese(look: Look, pairs: tuple[str, ...], key: str, id_: str) -> None:
    found = look(with_(pairs), "zh-CN")
    (problem,) = found.problems or found.warnings
    assert re.search(r"[\u4e00-\u9fff]", problem.message)


def test_what_is_wrong_in_itself_is_not_judged_twice(look: Look) -> None:
    """A value that is no number, a pin that is no pin: one mistake, one sentence."""
    for old, new in (
        ("low_milli = 500", 'low_milli = "500"'),
        ('pin = "ADC1.1"', "pin = true"),
        ("series_ohm = 2200", "series_ohm = 0"),
        ('from = "09:00"', 'from = "9"'),
        ('days = ["mon"]', 'days = ["moon"]'),
        ('pumps = ["pump-1", "pump-2"]', "pumps = [7]"),
    ):
        assert len(look(with_((old, new))).problems) == 1, new


def test_every_rule_of_the_file_is_here() -> None:
    source = inspect.getsource(rules_of_points)
    named = set(re.findall(r'report\.(?:error|warn)\([^"]*"\w+", "([a-z-]+)"', source))
    named |= set(re.findall(r'report\.(?:error|warn)\(\w+, (?:role|key), "([a-z-]+)"', source))
    tried = {id_ for _, _, id_ in BROKEN + WARNED}
    assert len(named) >= 11
    assert named <= tried, named - tried
