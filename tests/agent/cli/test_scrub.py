"""standpipe scrub, as a technician meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_cli import Said
from sp_jobs import JobSite

from agent.cli.__main__ import main

Run = Callable[..., Said]


@pytest.fixture
def site(tmp_path: Path) -> JobSite:
    made = JobSite(tmp_path)
    made.append()
    made.record("gate", 2)
    made.record("yard", 2)
    return made


@pytest.fixture
def standpipe(site: JobSite, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Said:
        paths = site.paths
        where = ["--site", str(paths.site), "--data", str(paths.data), "--run", str(paths.run)]
        try:
            code = main([*arguments, *where])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def test_a_pass_and_what_it_found(site: JobSite, standpipe: Run) -> None:
    assert "not read yet" in standpipe("scrub", "--status").out
    said = standpipe("scrub", "--mb-per-s", "1000")
    assert (said.code, said.err) == (0, "")
    assert "16 files" in said.out
    assert "0 damaged" in said.out
    site.files("gate")[2].write_bytes(b"rot")
    said = standpipe("scrub", "--camera", "gate", "--all", "--mb-per-s", "1000")
    assert said.code == 1
    assert "cut short" in said.out
    said = standpipe("scrub", "--status")
    assert said.code == 1
    assert "gate: 8 files, last round ended" in said.out
    assert "1 damaged" in said.out
    assert "damaged: gate 3" in said.out
    site.paths.site.write_text(site.paths.site.read_text().replace("[site]", '[site]\nlanguage = "zh-CN"'))
    site.files("yard")[0].unlink()
    assert "：文件缺失" in standpipe("scrub", "--camera", "yard", "--all", "--mb-per-s", "1000").out


def test_the_same_as_json(site: JobSite, standpipe: Run) -> None:
    site.files("gate")[2].unlink()
    told = json.loads(standpipe("scrub", "--json", "--mb-per-s", "1000").out)
    assert (told["files"], told["through"], told["filled"]) == (15, True, 0)
    assert [(one["camera"], one["segment"], one["reason"]) for one in told["rotten"]] == [("gate", 3, "missing")]
    status = {one["camera"]: one for one in json.loads(standpipe("scrub", "--status", "--json").out)}
    assert status["gate"]["rotten"] == [3]
    assert status["yard"]["ended_ns"] is not None


@pytest.mark.parametrize("wrong", [["--camera", "moon"], ["--mb-per-s", "0"], ["--minutes", "0"]])
def test_what_cannot_be_is_said_in_a_line(standpipe: Run, wrong: list[str]) -> None:
    said = standpipe("scrub", *wrong)
    assert said.code == 2
    assert len(said.err.splitlines()) == 1


def test_where_nothing_was_recorded_it_makes_nothing(site: JobSite, standpipe: Run) -> None:
    site.paths.media.unlink()
    said = standpipe("scrub")
    assert said.code == 1
    assert "has a recorder run yet" in said.err
    assert not site.paths.media.exists()
