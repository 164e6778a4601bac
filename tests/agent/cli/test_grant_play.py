"""standpipe grant and footage play: asked for, signed, shown, told; and nothing is shown otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sp_people import Person
from sp_recorder import card_numbers
from sp_viewing import ViewingSite, viewing_site

from agent.cli import footage_words
from agent.cli.__main__ import main
from agent.cli.footage_texts import FOOTAGE_TEXTS
from agent.core.viewing import Why
from agent.runtime import keys
from agent.runtime.keys import write_key

Told = tuple[int, str, str]
Run = Callable[..., Told]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ViewingSite]:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(keys._STRETCH, "n", 2**4)  # what takes a thief long takes tests long
    with viewing_site(tmp_path / "site") as made:
        yield made


@pytest.fixture
def standpipe(site: ViewingSite, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Told:
        capfd.readouterr()
        where = ["--site", site.paths.site, "--data", site.paths.data, "--run", site.paths.run]
        try:
            code = main([*arguments, *map(str, where)])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def key_of(site: ViewingSite, person: Person) -> list[str]:
    key, phrase = site.paths.run / f"{person.id}.key", site.paths.run / "pass"
    if not key.exists():
        write_key(key, person.signer, person.id, "correct horse")
    phrase.write_text("correct horse\n")
    return ["--key", str(key), "--passphrase-file", str(phrase)]


def utc(site: ViewingSite, seconds: float) -> str:
    return datetime.fromtimestamp(site.at(seconds) / 1e9, UTC).isoformat(timespec="milliseconds")


def asked(site: ViewingSite, standpipe: Run, *more: str, by: list[str] | None = None) -> str:
    """Anna asks that wang may view seconds 100 to 106."""
    span = ["--from", utc(site, 100), "--to", utc(site, 106), "--viewer", "wang", "--reason", "the valve"]
    who = by or key_of(site, site.anna)
    code, out, err = standpipe("grant", "ask", "--camera", "yard", *span, *who, *more)
    assert code == 0, err
    return re.split("[:：]", out)[0]


def granted(site: ViewingSite, standpipe: Run, *more: str) -> str:
    grant = asked(site, standpipe, *more)
    code, _, err = standpipe("approve", grant, *key_of(site, site.chen), "--yes")
    assert code == 0, err
    return grant


def play(site: ViewingSite, standpipe: Run, grant: str, *more: str, start: float = 100, end: float = 106) -> Told:
    span = ["--from", utc(site, start), "--to", utc(site, end)]
    return standpipe("footage", "play", "yard", *span, "--grant", grant, "--viewer", "wang", *more)


def test_a_player_gets_the_film_and_the_journal_both_rows(site: ViewingSite, standpipe: Run, tmp_path: Path) -> None:
    grant = granted(site, standpipe)
    code, _, err = play(site, standpipe, grant, "--player", f"dd of={tmp_path}/seen.mp4 status=none", "--present", "li")
    assert code == 0, err
    assert card_numbers(tmp_path / "seen.mp4") == list(range(60))
    (opened,), (ended,) = site.rows("viewing.opened"), site.rows("viewing.ended")
    assert (opened["use"], opened["present"], opened["at"]) == ("play", ["li"], "no terminal")
    assert str(opened["viewing"]) in err
    assert (ended["from_ns"], ended["to_ns"]) == (site.at(100), site.at(106))


def test_three_lookups_are_three_records_of_what_was_truly_played(site: ViewingSite, standpipe: Run) -> None:
    grant = granted(site, standpipe, "--why", "maintenance_lookup")
    ranges = [(100, 102), (101, 104), (104, 106)]
    for start, end in ranges:
        assert (
            play(site, standpipe, grant, "--player", "dd of=/dev/null", "--present", "li", start=start, end=end)[0] == 0
        )
    opened, ended = site.rows("viewing.opened"), site.rows("viewing.ended")
    assert [(row["why"], row["grant"], row["viewer"], row["present"]) for row in opened] == [
        ("maintenance_lookup", grant, "wang", ["li"])
    ] * 3
    assert [row["viewing"] for row in opened] == [row["viewing"] for row in ended]
    for row, (start, end) in zip(ended, ranges, strict=True):
        assert abs(int(str(row["from_ns"])) - site.at(start)) <= 10**9
        assert abs(int(str(row["to_ns"])) - site.at(end)) <= 10**9
        assert 0 <= int(str(row["shown_ms"])) < 60_000


def test_a_player_that_is_closed_early_is_told_so(site: ViewingSite, standpipe: Run) -> None:
    grant = granted(site, standpipe)
    code, _, err = play(site, standpipe, grant, "--player", "true")
    assert code == 0, err
    (ended,) = site.rows("viewing.ended")
    assert int(str(ended["bytes"])) < sum(path.stat().st_size for path in site.paths.footage.rglob("*.mp4"))


def test_a_file_and_a_pipe_are_copies(site: ViewingSite, standpipe: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    code, _, err = play(site, standpipe, granted(site, standpipe), "--out", str(out))
    assert (code, "no copies" in err, out.exists()) == (1, True, False)
    grant = granted(site, standpipe, "--copies")
    code, said, err = play(site, standpipe, grant, "--out", str(out), start=101, end=104.5)
    assert (code, said.strip()) == (0, str(out)), err
    assert card_numbers(out) == list(range(10, 45))
    assert [row["use"] for row in site.rows("viewing.opened")] == ["copy"]


def test_over_ssh_it_says_how_to_fetch_it(
    site: ViewingSite, standpipe: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = granted(site, standpipe, "--copies")
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.2 22")
    monkeypatch.setenv("DISPLAY", ":0")
    code, _, err = play(site, standpipe, grant)
    assert (code, "no player here" in err) == (1, True)
    assert site.rows("viewing.opened") == []
    code, _, err = play(site, standpipe, grant, "--out", str(tmp_path / "out.mp4"))
    assert code == 0, err
    assert f":{tmp_path}/out.mp4 ." in err
    assert site.rows("viewing.opened")[0]["at"] == "ssh 10.0.0.9"


def test_nobody_is_shown_anything_else(site: ViewingSite, standpipe: Run) -> None:
    cat = ("--player", "cat")
    code, out, err = play(site, standpipe, "g-0", *cat)
    assert (code, out, "standpipe grant ask" in err) == (1, "", True)
    waits = asked(site, standpipe)
    assert "not approved" in play(site, standpipe, waits, *cat)[2]
    grant = granted(site, standpipe)
    assert "no other time" in play(site, standpipe, grant, *cat, start=99)[2]
    assert play(site, standpipe, grant, *cat, start=106, end=100)[0] == 2
    assert len(site.rows("viewing.refused")) == 3
    assert site.rows("viewing.opened") == []


def test_a_grant_from_asking_to_revoking(site: ViewingSite, standpipe: Run) -> None:
    grant = asked(site, standpipe, "--why", "maintenance_lookup", "--document", "2026-17")
    assert "waits for its signature" in standpipe("grant", "list")[1]
    listed = standpipe("approve")[1]
    assert "anna (signed)" in listed
    assert "viewer=wang" in listed
    assert standpipe("approve", grant, *key_of(site, site.anna), "--yes")[0] == 1, "who asks"
    assert standpipe("approve", grant, *key_of(site, site.chen), "--yes", "--days", "2")[0] == 0
    line = standpipe("grant", "list")[1]
    assert all(word in line for word in ("stands until", "wang", "repairers' lookup", "2026-17", "the valve"))
    told = json.loads(standpipe("grant", "list", "--json")[1])
    assert [(one["state"], one["approver"]) for one in told] == [("stands", "chen")]
    code, _, err = standpipe("grant", "revoke", grant, *key_of(site, site.anna), "--yes")
    assert code == 0, err
    assert "expired, refused or revoked" in standpipe("grant", "list")[1]
    assert play(site, standpipe, grant, "--player", "cat")[0] == 1
    assert standpipe("grant", "revoke", "g-0", *key_of(site, site.chen), "--yes")[0] == 2


def test_without_a_key_it_is_said_to_be_unsigned(site: ViewingSite, standpipe: Run, tmp_path: Path) -> None:
    grant = asked(site, standpipe, by=["--by", "anna"])
    assert "anna (unsigned)" in standpipe("approve")[1]
    assert standpipe("approve", grant, *key_of(site, site.chen), "--yes")[0] == 0
    assert play(site, standpipe, grant, "--player", "true")[0] == 0
    assert site.rows("viewing.opened")[0]["asked_by_key"] is False


def test_who_asks_with_a_key_is_who_it_says(site: ViewingSite, standpipe: Run) -> None:
    span = ["--from", utc(site, 100), "--to", utc(site, 106), "--viewer", "wang", "--reason", "x"]
    ask = ["grant", "ask", "--camera", "yard", *span]
    code, _, err = standpipe(*ask, "--by", "chen", *key_of(site, site.anna))
    assert (code, "is anna's key" in err) == (2, True)
    eve = Person("eve", "operator")
    code, _, err = standpipe(*ask, *key_of(site, eve))
    assert (code, "does not know it" in err) == (1, True)
    assert standpipe("grant", "ask", "--camera", "gate", *span, "--by", "anna")[0] == 2
    assert standpipe(*ask, "--by", "anna", "--document", "x" * 300)[0] == 2


def test_in_chinese(site: ViewingSite, standpipe: Run) -> None:
    site.paths.site.write_text(site.paths.site.read_text().replace("[site]\n", '[site]\nlanguage = "zh-CN"\n'))
    grant = granted(site, standpipe)
    assert "有效期至" in standpipe("grant", "list")[1]
    assert "本次调看已记录" in play(site, standpipe, grant, "--player", "true")[2]
    assert "3 段" in standpipe("footage", "list")[1]


def test_every_kind_of_viewing_has_its_words() -> None:
    assert {f"why-{one}" for one in Why} <= FOOTAGE_TEXTS.keys()


def test_who_may_not_is_told_why_in_the_sites_language_and_time(site: ViewingSite, standpipe: Run) -> None:
    grant = granted(site, standpipe)
    wrong: dict[str, tuple[list[str], float]] = {
        "yard：不予调看：没有调看许可 g-none：standpipe grant ask": (["g-none", "--out", "-"], 106),
        "yard：不予调看：该许可仅限本机观看，不允许复制": ([grant, "--out", str(site.paths.run / "x.mp4")], 106),
        "yard：不予调看：该许可只限 2026-11-18 19:08:20 至 2026-11-18 19:08:26": ([grant, "--player", "cat"], 107),
    }
    zone = '\ntimezone = "Asia/Shanghai"\nlanguage = "zh-CN"'
    site.paths.site.write_text(site.paths.site.read_text().replace("[site]", f"[site]{zone}"))
    for says, (more, end) in wrong.items():
        assert play(site, standpipe, *more, end=end)[::2] == (1, f"standpipe: {says}\n")
    assert len(site.rows("viewing.refused")) == 3


@pytest.mark.parametrize("table", [footage_words.CAUSES, footage_words.REFUSALS])
def test_what_others_wrote_is_there_in_chinese(table: dict[str, str]) -> None:
    assert all(english.count("{}") == chinese.count("{}") for english, chinese in table.items())


def test_every_cause_that_the_recorder_writes_down_has_words() -> None:
    """The texts of a gap's cause, as they stand in the code."""
    root = Path(__file__).parents[3] / "agent"
    files = [
        *(root / "recorder" / f"{name}.py" for name in ("camera", "disk", "books", "history")),
        root / "footage/errors.py",
    ]
    text = "".join(path.read_text() for path in files)
    starts = r'"(recorder \w+|board [\w ]+|camera lost|no pictures came|disk [\w ]+|read-only|write error|the p[\w ]+)'
    written = set(re.findall(starts, text))
    assert written <= {one.removesuffix(": {}") for one in footage_words.CAUSES}
    assert len(written) >= 10
    assert footage_words.cause("disk full: /mnt: 3 MiB free", "zh-CN") == "磁盘已满：/mnt: 3 MiB free"
    stopped = "/f: no marker: is the disk mounted? To record here all the same: standpipe footage accept-volume"
    assert footage_words.cause(f"wrong volume: {stopped}", "zh-CN").startswith(
        "磁盘不符或未挂载：/f：没有卷标记，磁盘是否"
    )
    assert footage_words.cause(stopped, "zh-CN").startswith("/f：没有卷标记")
    full = "disk full: /f: 3 MiB free, 16 MiB are kept: free some space"
    assert footage_words.cause(full, "zh-CN") == "磁盘已满：/f：剩余 3 MiB，须保留 16 MiB：请腾出空间"
    assert footage_words.cause("disk full: /mnt: 3 MiB free", "en") == "disk full: /mnt: 3 MiB free"
