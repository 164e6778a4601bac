"""Remote start in site.toml: all that it needs is there, nothing else drives its relay, no output stops a pump."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_people import Person
from sp_starts import START_SITE

from agent.config import check

PEOPLE = Person("anna", "operator").section + Person("tea", "technician").section
RELAY = 'id = "start-1"\npin = "GPIO21"\nmax_on_s = 5\nsilence = false\nreadback = "start-shows"\n'


def problems(tmp_path: Path, text: str, language: str = "en") -> list[tuple[str, str]]:
    (tmp_path / "site.toml").write_text(text)
    return [(p.key, p.message) for p in check(tmp_path / "site.toml", language).problems]


def test_a_whole_one_is_good(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(START_SITE + PEOPLE)
    checked = check(tmp_path / "site.toml")
    assert checked.problems == []
    assert not [w for w in checked.warnings if "start" in w.key or "start" in w.message], "the relay is no idle one"


WRONG: list[tuple[str, str, str, str]] = [
    ('start_enable = "start-key"\n', "", "start_relay", "key switch"),
    ('start_relay = "start-1"', 'start_relay = "start-9"', "start_relay", "no [[relay]]"),
    ('start_cameras = ["pump-room"]', 'start_cameras = ["attic"]', "start_cameras[1]", "no [[camera]]"),
    ('start_enable = "start-key"', 'start_enable = "running"', "start_enable", "already serves"),
    ('start_enable = "start-key"', 'start_enable = "gate"', "start_enable", 'kind "contact"'),
    ("max_on_s = 5\n", "", "max_on_s", "at most 5"),
    ("max_on_s = 5\n", "max_on_s = 6\n", "max_on_s", "at most 5"),
    ("max_on_s = 5\n", "max_on_s = 5\nmin_on_s = 3\n", "min_on_s", "length of 2 s"),
    ("max_on_s = 5\n", 'max_on_s = 5\nrest = "energised"\n', "rest", "released at rest"),
    ("max_on_s = 5\n", 'max_on_s = 5\nrest = "energised"\nheartbeat_hz = 2\n', "heartbeat_hz", "released at rest"),
    ('readback = "start-shows"\n', "", "readback", "reads it back"),
    ('pin = "GPIO21"', 'pin = "GPIO5"', "pin", "each boot could start"),
    ('drive = ["lamp"]', 'drive = ["lamp", "start-1"]', "drive[2]", "only a signed command"),
]


@pytest.mark.parametrize(("old", "new", "key", "says"), WRONG)
def test_what_is_wrong_is_an_error(tmp_path: Path, old: str, new: str, key: str, says: str) -> None:
    assert RELAY in START_SITE
    text = START_SITE.replace(RELAY, RELAY.replace(old, new)) if old in RELAY else START_SITE.replace(old, new)
    assert text != START_SITE
    found = problems(tmp_path, text + PEOPLE)
    assert any(where.endswith(key) and says in message for where, message in found), found
    assert all(any("\u4e00" <= c <= "\u9fff" for c in m) for _, m in problems(tmp_path, text + PEOPLE, "zh-CN"))


def test_one_relay_starts_one_pump(tmp_path: Path) -> None:
    second = (
        '\n[[point]]\nid = "running-2"\npin = "GPIO5"\n\n[[point]]\nid = "key-2"\npin = "GPIO6"\n'
        '\n[[pump]]\nid = "pump-2"\nrunning = "running-2"\nstart_relay = "start-1"\nstart_enable = "key-2"\n'
    )
    found = problems(tmp_path, START_SITE + second + PEOPLE)
    assert [(key, "starts one pump" in message) for key, message in found] == [('pump[2] "pump-2".start_relay', True)]


@pytest.mark.parametrize(
    ("people", "says"),
    [("", "nobody may sign"), (Person("anna", "operator").section, "signed by a technician"), (PEOPLE, "")],
)
def test_who_is_needed_is_told(tmp_path: Path, people: str, says: str) -> None:
    (tmp_path / "site.toml").write_text(START_SITE + people)
    told = [w.message for w in check(tmp_path / "site.toml").warnings if "start_relay" in w.key]
    assert [says in message for message in told] == ([True] if says else [])


def test_keys_without_a_relay_count_for_nothing(tmp_path: Path) -> None:
    text = START_SITE.replace('start_relay = "start-1"\n', "") + PEOPLE
    (tmp_path / "site.toml").write_text(text)
    checked = check(tmp_path / "site.toml")
    assert checked.problems == []
    told = {w.key.rpartition(".")[2] for w in checked.warnings if "only with start_relay" in w.message}
    assert told == {"start_enable", "start_lockout", "start_cameras"}
