"""standpipe pump: test windows by hand, and why a pump runs, asked of the panel's process and answered by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sp_site import SITE, Site, until

from agent.cli.__main__ import main
from agent.cli.alarm_texts import reason


class Said(NamedTuple):
    code: int
    out: str
    err: str


Standpipe = Callable[..., Said]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    text = SITE.replace("unexpected_run_s = 1\n", "unexpected_run_s = 60\n")
    with Site(tmp_path_factory.mktemp("pump"), text) as made:
        made.start_board()
        made.start_panel()
        yield made


@pytest.fixture
def standpipe(site: Site, capsys: pytest.CaptureFixture[str]) -> Standpipe:
    def run(*arguments: str) -> Said:
        where = ["--site", str(site.paths.site), "--data", str(site.paths.data), "--run", str(site.paths.run)]
        capsys.readouterr()
        code = main(["pump", *arguments, *where])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def test_a_window_opens_for_so_long_and_is_closed_again(
    site: Site, standpipe: Standpipe, capsys: pytest.CaptureFixture[str]
) -> None:
    head = site.head()
    said = standpipe("test", "pump-1", "--minutes", "5", "--by", "anna")
    assert (said.code, "open, for 5 minutes" in said.out) == (0, True)
    opened = site.wait_row("pump.test_opened", "pump-1", after=head).values()
    assert opened == {"by": "cli:anna", "limit_s": 300, "method": "pressure-drop"}
    where = ["--site", str(site.paths.site), "--data", str(site.paths.data), "--run", str(site.paths.run)]
    until(lambda: site.status()["pumps"]["pump-1"]["window"], "the panel tells of it")
    for command in (["status"], ["watch", "--once"]):
        main([*command, *where])
        assert re.search(r"pump-1 .*TEST WINDOW, 4 min \d+ s left: sounders quiet", capsys.readouterr().out), command
    said = standpipe("test", "pump-1", "--end", "--by", "anna")
    assert (said.code, "is closed" in said.out) == (0, True)
    assert site.wait_row("pump.test_closed", "pump-1", after=head).values() == {"by": "cli:anna", "ran": False}


def test_what_the_pump_does_in_the_window_is_a_test_and_after_it_is_not(site: Site, standpipe: Standpipe) -> None:
    assert "for 60 minutes" in standpipe("test", "pump-1", "--method", "manual").out, "the site's own limit"
    site.driver.contact("running", True)
    site.wait_row("pump.test_started", "pump-1")
    assert site.rows("pump.running") == [], "it runs as a test"
    standpipe("test", "pump-1", "--end")
    site.wait_row("pump.running", "pump-1")
    said = standpipe("explain", "pump-1", "washing down the yard", "--by", "anna")
    assert (said.code, "is explained" in said.out) == (0, True)
    classified = site.wait_row("pump.classified", "pump-1").values()
    assert classified == {"by": "cli:anna", "reason": "washing down the yard"}
    site.driver.contact("running", False)
    site.wait_row("pump.stopped", "pump-1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("explain", "pump-1", "no reason at all"), "pump-1 does not run without cause: there is nothing to explain"),
        (("test", "pump-1", "--end"), "pump-1 has no open test window"),
    ],
)
def test_nothing_to_explain_and_nothing_to_close(standpipe: Standpipe, arguments: tuple[str, ...], says: str) -> None:
    said = standpipe(*arguments)
    assert (said.code, said.out) == (1, f"the panel refused: {says}\n")
    assert reason(says, "zh-CN").startswith("pump-1 ")
    assert reason(says, "zh-CN") != says


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("test", "pump-2"), 'no pump pump-2, did you mean "pump-1"?'),
        (("test", "xyz"), "there are: pump-1"),
        (("test", "pump-1", "--minutes", "1441"), "from 1 to 1440"),
        (("test", "pump-1", "--minutes", "-1"), "from 1 to 1440"),
    ],
)
def test_mistakes_are_told_in_a_line_and_nothing_is_asked(
    site: Site, standpipe: Standpipe, arguments: tuple[str, ...], says: str
) -> None:
    head = site.head()
    said = standpipe(*arguments)
    assert (said.code, says in said.err, said.err.count("\n")) == (2, True, 1)
    assert site.rows("pump.test_requested", after=head) == []


def test_in_chinese(site: Site, standpipe: Standpipe) -> None:
    text = site.paths.site.read_text(encoding="utf-8")
    site.paths.site.write_text(text.replace('board = "pump-house"', 'board = "pump-house"\nlanguage = "zh-CN"'))
    try:
        assert "试验时段已打开，60 分钟后" in standpipe("test", "pump-1").out
        assert "试验时段已关闭" in standpipe("test", "pump-1", "--end").out
        assert "本站点没有水泵" in standpipe("test", "xyz").err
    finally:
        site.paths.site.write_text(text, encoding="utf-8")


def test_a_panel_that_does_not_run(site: Site, standpipe: Standpipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.cli.commands.pump.ANSWER_S", 0.3)
    site.stop("panel")
    said = standpipe("test", "pump-1")
    assert (said.code, "is the panel running" in said.out) == (1, True)


def test_there_is_no_way_to_start_or_stop_a_pump() -> None:
    source = Path(main.__code__.co_filename).with_name("commands") / "pump.py"
    assert not {"CommandStarted", "RelayTestRequested", "drive("} & set(source.read_text(encoding="utf-8").split())
    with pytest.raises(SystemExit):
        main(["pump", "start", "pump-1"])
    with pytest.raises(SystemExit):
        main(["pump", "stop", "pump-1"])
