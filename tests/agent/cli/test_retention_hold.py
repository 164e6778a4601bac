"""standpipe retention and hold: what would go before anything goes, asked for by one and signed by another."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sp_cli import Said
from sp_jobs import DAY_NS, JobSite

from agent.cli.__main__ import main
from agent.cli.approve_texts import REASONS, said
from agent.cli.retention_texts import why
from agent.cli.texts import TEXTS
from agent.core import statements
from agent.core.chain import Stamp
from agent.core.retention import NO_POLICY, Holds, Kept, Plan, Policy, Rule, Why, clock_refusal
from agent.core.retention import asked as asked_for
from agent.jobs.retention import Outlook, policy_risk
from agent.journal import approvals
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
    assert "no standing policy: nothing goes before one is signed" in out
    assert "would go if a policy were signed:\n  gate" in out
    assert json.loads(standpipe("retention", "plan", "--json")[1])["goes"] == []
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
    (line,) = (line for line in out.splitlines() if "older than keep_at_most" in line)
    assert "60 files" in line
    assert f"{plan['policy']['request']}, signed by chen, until" in out
    assert ", 39 days," in out
    assert "keep 20 days, at most 25 days" in out
    assert standpipe("retention", "plan", "--all")[1].count("older than keep_at_most") == 60
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


@pytest.mark.parametrize(("camera", "early"), [("yard", True), ("gate", False)])
def test_who_signs_sees_that_it_is_before_its_time_and_who_asked_cannot_sign(site, standpipe, camera, early):
    """Forty days: yard keeps three months, gate twenty days."""
    rows = site.record(camera, 40)
    ends = (rows[0].start_at_ns // 10**9, rows[3].end_at_ns // 10**9 + 1)
    start, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in ends)
    about = ("--camera", camera, "--from", start, "--to", end, "--reason", "x")
    request = asked(standpipe("retention", "delete", *about, *as_anna(site))[1])
    code, out, err = standpipe("approve", request, *as_anna(site), "--yes")
    assert (code, "before its time: keep asks  3 months" in out) == (1, early)
    assert "a second person must sign; it does not stand, and that is on record" in err
    (row,) = site.rows("statement.refused")
    told = row.values()
    assert (told["request"], told["by"], told["key"]) == (request, "anna", site.anna.signer.key_id)
    assert standpipe("retention", "run")[0] == 0
    assert len(site.files(camera)) == len(rows)
    assert approve(site, standpipe, request)[0] == 0, "what was refused to one is there for another"
    assert standpipe("retention", "run")[0] == 0
    assert len(site.files(camera)) == len(rows) - 4


@pytest.mark.parametrize("reason", sorted(reason for reason in REASONS if "{" not in reason))
def test_why_a_verdict_does_not_stand_is_told_in_chinese(reason):
    assert reason in Path(statements.__file__).read_text() + Path(approvals.__file__).read_text()
    assert any(ord(letter) > 0x4E00 for letter in said(reason, "zh-CN"))
    assert said("role operator may not sign this, it takes manager", "zh-CN") == "角色 operator 无权签批，须由 manager"


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
        (
            ("hold", "place", "--camera", "gate", "--from", "10:00", "--to", "now", "--by", "bob", "--reason", "x"),
            "known: anna chen",
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


def test_a_standing_policy_stands_for_a_year_unless_who_signs_says_otherwise(site, standpipe):
    for days, more in ((366, []), (30, ["--days", "30"])):
        request = asked(standpipe("retention", "policy", "--by", "anna", "--reason", "rule 7")[1])
        assert standpipe("approve", request, *key_of(site, site.chen), "--yes", *more)[0] == 0
        statement = json.loads(site.rows("statement.signed")[-1].values()["statement"])
        assert statement["exp"] - statement["iat"] == days * 86400


def test_the_plan_in_chinese_leaves_no_reason_in_english(site, standpipe):
    site.paths.site.write_text(site.paths.site.read_text().replace("[site]\n", '[site]\nlanguage = "zh-CN"\n'))
    site.record("gate", 40)
    for _ in range(2):
        out = standpipe("retention", "plan")[1]
        for word in ("policy:", "nothing", "there is", "older", "keep ", "room"):
            assert word not in out, out
        assert "至少 20 天，最多 25 天" in out
        site.policy()
    assert "下一次执行将删除" in out
    said = standpipe(
        *("retention", "delete", "--camera", "gate", "--from", "2020-01-01", "--to", "now", *as_anna(site)),
        *("--reason", "x"),
    )
    assert "不满 15 整天" in said[2]


def reasons():
    """Why jobs leave something alone, as they say it."""
    now, synced = Stamp(0, "b", 0, "unset"), Stamp(400 * DAY_NS, "b", 9 * DAY_NS, "synced")
    before = Stamp(1, "b", 1, "synced")
    kept = Kept(Rule("yard", (0, 15), None, 5), [], lambda: [], Holds())
    policy, empty = Policy("r-1", "chen", until_s=86400), Plan()
    return [
        clock_refusal(now, None, None),
        clock_refusal(synced._replace(clock="rtc"), None, None),
        clock_refusal(synced, before, None),
        clock_refusal(synced, before._replace(boot="a"), None),
        NO_POLICY,
        asked_for(synced, kept, 0, synced.at_ns)[1],
        asked_for(synced, kept, 0, 1)[1],
        *policy_risk(Outlook(now, [], None, policy, empty)).values(),
        *policy_risk(Outlook(now, [], None, None, empty, full_in_days=3)).values(),
        "there is no backup that was read back",
        "too few rows are past their time",
        "segment 12 is under hold h-1",
        "there is no footage of yard",
        "its scope names no camera, from and to",
        "5 files lie within this scope now, and 3 did when it was asked for",
    ]


def test_every_reason_of_the_jobs_is_told_in_chinese():
    told = reasons()
    assert len(set(told)) == 15
    for reason in told:
        chinese = why(reason, "zh-CN")
        assert any(ord(letter) > 0x4E00 for letter in chinese), reason
        assert "{" not in chinese
        assert why(reason, "en") == reason
    assert why("the clock jumped by +365 d 0 h 0 min since it was last relied on", "zh-CN").endswith("+365 d 0 h 0 min")


def test_every_reason_has_its_words():
    assert {f"why-{why}" for why in Why if why is not Why.ASKED} <= set(TEXTS)
