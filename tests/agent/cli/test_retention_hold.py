"""standpipe retention and hold: what would go before anything goes, asked for by one and signed by another."""

import json
from pathlib import Path

import pytest
from sp_cli import Said
from sp_jobs import JobSite

from agent.cli.__main__ import main
from agent.cli.texts import TEXTS
from agent.core.retention import Why
from agent.runtime.clock import SystemClock
from agent.runtime.keys import write_key


@pytest.fixture
def site(tmp_path: Path) -> JobSite:
    """Footage by the real clock of this boot."""
    made = JobSite(tmp_path)
    made.now = SystemClock().stamp()._replace(clock="synced")
    made.append()
    return made


@pytest.fixture
def told(board, capsys):
    """The command on a board that has never run."""

    def run(*arguments: str) -> Said:
        code = main([*arguments, *board.folders])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def standpipe(site, capsys):
    def run(*arguments: str):
        capsys.readouterr()
        where = ["--site", site.paths.site, "--data", site.paths.data, "--run", site.paths.run]
        code = main([*arguments, *map(str, where)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def asked(out: str) -> str:
    return out.split(":")[0]


def key_of(site, person):
    key, phrase = site.paths.run / f"{person.id}.key", site.paths.run / "pass"
    if not key.exists():
        write_key(key, person.signer, person.id, "correct horse")
    phrase.write_text("correct horse\n")
    return ["--key", str(key), "--passphrase-file", str(phrase)]


def as_anna(site):
    return key_of(site, site.anna)


def approve(site, standpipe, request):
    return standpipe("approve", request, *key_of(site, site.chen), "--yes")


def test_the_plan_says_what_and_why_and_changes_nothing(site, standpipe):
    site.record("gate", 40)
    before = site.files()
    code, out, _ = standpipe("retention", "plan")
    assert code == 0
    assert "standing policy" in out
    code, out, _ = standpipe("retention", "policy", "--by", "anna", "--reason", "company rule 7")
    assert code == 0
    code, out, err = approve(site, standpipe, asked(out))
    assert code == 0, err
    code, out, _ = standpipe("retention", "plan", "--json")
    plan = json.loads(out)
    assert plan["policy"]["approver"] == "chen"
    assert sum(len(batch["seqs"]) for batch in plan["goes"]) == 60
    assert {batch["why"] for batch in plan["goes"]} == {"ceiling"}
    code, out, _ = standpipe("retention", "plan")
    assert out.count("older than keep_at_most") == 60
    assert "no clips would go" in out
    assert "no rows go: there is no backup" in out
    assert (plan["clips"], plan["journal"]["rows"]) == ([], 0)
    assert site.files() == before
    assert site.rows("footage.deleted") == []
    code, out, _ = standpipe("retention", "run")
    assert code == 0
    assert len(site.files()) == len(before) - 60


def test_a_deletion_is_asked_for_by_one_and_signed_by_another(site, standpipe):
    rows = site.record("yard", 40)
    span = ("2020-01-01 00:00", "2099-01-01 00:00")
    code, out, _ = standpipe(
        *("retention", "delete", "--camera", "yard", "--from", span[0], "--to", span[1]),
        *(*as_anna(site), "--reason", "x", "--document", "2026-17"),
    )
    assert code == 0
    assert "document=2026-17" in standpipe("approve")[1]
    approve(site, standpipe, asked(out))
    standpipe("retention", "run")
    assert "15 full days" in site.rows("deletion.refused")[0].values()["reason"]
    assert len(site.files()) == len(rows)


def test_who_asks_must_be_known(site, standpipe):
    code, _, err = standpipe("retention", "policy", "--by", "bob", "--reason", "x")
    assert code == 2
    assert "known: anna chen" in err


def test_a_hold_from_placing_to_release(site, standpipe):
    site.record("gate", 10)
    code, out, _ = standpipe(
        "hold",
        "place",
        "--camera",
        "gate",
        "--from",
        "2020-01-01 00:00",
        "--to",
        "2099-01-01 00:00",
        "--by",
        "anna",
        "--reason",
        "theft",
    )
    assert code == 0
    hold = asked(out)
    code, out, _ = standpipe("hold", "list")
    assert hold in out
    assert "waits for its end" in out
    code, out, _ = standpipe("hold", "review", hold, "--by", "anna", "--reason", "trial", "--days", "5")
    assert code == 0
    code, out, _ = standpipe("hold", "list", "--json")
    assert json.loads(out)[0]["owner"] == "anna"
    code, _, err = standpipe("hold", "release", hold, "--by", "anna", "--reason", "over")
    assert (code, "name your key" in err) == (2, True)
    code, out, _ = standpipe("hold", "release", hold, *as_anna(site), "--reason", "over")
    approve(site, standpipe, asked(out))
    standpipe("retention", "run")
    code, out, _ = standpipe("hold", "list")
    assert out == "no holds\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("hold", "place", "--camera", "nowhere", "--from", "10:00", "--to", "now", "--by", "anna", "--reason", "x"),
            "there is no camera",
        ),
        (
            (
                "hold",
                "place",
                "--camera",
                "gate",
                "--from",
                "now",
                "--to",
                "2020-01-01",
                "--by",
                "anna",
                "--reason",
                "x",
            ),
            "not after",
        ),
        (("hold", "release", "h-9", "--by", "anna", "--reason", "x"), "there is no hold h-9"),
        (
            (
                "retention",
                "delete",
                "--camera",
                "gate",
                "--from",
                "now",
                "--to",
                "2020-01-01",
                "--by",
                "anna",
                "--reason",
                "x",
            ),
            "not after",
        ),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(standpipe, arguments, words):
    code, _, err = standpipe(*arguments)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_a_question_makes_no_files(board, told):
    for action in ("plan", "run"):
        said = told("retention", action)
        assert said.code == 1
        assert "has a recorder run yet" in said.err
    assert list(board.paths.data.iterdir()) == []


def test_every_reason_has_its_words():
    assert {f"why-{why}" for why in Why if why is not Why.ASKED} <= set(TEXTS)
