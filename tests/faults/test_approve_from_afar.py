"""A deletion asked for at the board and approved at the centre: real broker, collector, uplink, panel and jobs.

What is approved is carried out with the full record; what was changed, expired, signed by whoever asked, retained,
replayed or meant for another board is refused with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sp_afar import Bench
from sp_site import until

from agent.cli.__main__ import main


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("afar"))
    try:
        yield made
    finally:
        made.close()


def test_a_deletion_is_approved_at_the_centre_carried_out_and_told_in_full(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    span, said = bench.span(8, 11), ["--reason", "a neighbour's garden", "--document", "2026-17"]
    wanted = ["--camera", "yard", "--from", span["from"], "--to", span["to"], *said]
    assert main(["retention", "delete", *wanted, *bench.key(bench.anna), *bench.here()]) == 0
    request = capsys.readouterr().out.split(":")[0]

    def listed() -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(bench.afar("--json", "approve")) == 0
        return [one for one in json.loads(capsys.readouterr().out) if one["request"] == request]

    (one,) = until(listed, "the centre is told what waits")
    assert (one["by"], one["scope"]["files"], one["verdict"]) == ("anna", "4", "")
    sign = bench.afar(*bench.key(bench.chen), "approve", request, "--yes", "--days", "3")
    assert main(sign) == 0
    shown = capsys.readouterr().out
    for word in ("plant/pump-house", "anna", bench.anna.signer.key_id, "yard", "a neighbour's garden", "2026-17"):
        assert word in shown, f"who signs must see {word}"
    assert "4.8 kB" in shown, "and how much goes"
    row = bench.site.rows("statement.signed")[-1]
    assert (row.source, row.values()["by"], row.values()["verdict"]) == ("approve", "chen", "approve")
    assert main(["retention", "run", *bench.here()]) == 0
    (done,) = bench.site.rows("deletion.done")
    assert (done.values()["request"], done.values()["files"]) == (request, 4)
    assert len(bench.jobs.files()) == len(bench.recorded) - 4
    kinds = ("approval.requested", "statement.signed", "footage.deleted", "deletion.done")
    rows = len(bench.site.rows(*kinds))  # of two lanes: that it is done may be there before what was
    until(lambda: len(bench.at_the_centre(*kinds)) == rows, "the centre has it")
    told = bench.at_the_centre(*kinds)
    assert [one["kind"] for one in told if one["kind"] != "footage.deleted"] == [*kinds[:2], kinds[3]]
    deleted = [one for one in told if one["kind"] == "footage.deleted"]
    assert {(d["authority"], d["requester"], d["approver"]) for d in deleted} == {(request, "anna", "chen")}
    assert [h for d in deleted for h in d["hashes"]] == [one.sha256.hex() for one in bench.recorded[8:12]]
    until(lambda: not listed(), "it waits no more")


def hostile(name: str, bench: Bench) -> dict[str, Any]:
    """One that must be refused: what the board says of it."""
    asked = bench.asked(f"r-{name}")
    good = bench.chen.states(asked)
    tell: dict[str, Callable[[], dict[str, Any]]] = {
        "own": lambda: bench.verdict(bench.anna.states(asked), bench.anna),
        "expired": lambda: bench.verdict(bench.chen.states(asked, iat=good.iat - 9000, exp=good.iat - 60)),
        "changed": lambda: bench.verdict(bench.chen.states(replace(asked, reason="another"))),
        "unknown": lambda: bench.verdict(bench.chen.states(replace(asked, id="r-nobody"))),
        "courier": lambda: bench.verdict(good, bench.wang),
        "garbled": lambda: bench.send(bench.command('{"verdict": "approve"}')),
        "late": lambda: bench.verdict(good, iat=good.iat - 600, exp=good.iat - 300),
        "foreign": lambda: bench.verdict(good, board="another"),
        "retained": lambda: bench.send(bench.command(good.text()), retain=True),
    }
    return tell[name]()


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("own", "not-approved", "a second person must sign"),
        ("expired", "not-approved", "expired"),
        ("changed", "not-approved", "another scope or reason"),
        ("unknown", "not-approved", "there is no request r-nobody"),
        ("courier", "not-approved", "who signs it must send it"),
        ("garbled", "not-approved", "no verdict that can be read"),
        ("late", "expired", "expired"),
        ("foreign", "foreign", "another board"),
        ("retained", "retained", "of any age"),
    ],
)
def test_what_does_not_stand_is_refused_with_its_reason(bench: Bench, name: str, code: str, says: str) -> None:
    before = len(bench.site.rows("statement.signed"))
    told = hostile(name, bench)
    assert (told["kind"], told["code"]) == ("command.refused", code)
    assert says in told["reason"]
    assert len(bench.site.rows("statement.signed")) == before


def test_a_request_that_is_not_what_was_signed_at_the_board_is_refused(bench: Bench) -> None:
    """Somebody who can write the journal asks in anna's name, with more than she signed."""
    told = bench.asked("r-more", scope=bench.span(0, 30))
    asked = replace(told, scope=bench.span(0, 30))
    refused = bench.verdict(bench.chen.states(asked))
    assert (refused["code"], "nobody's key asked for it" in refused["reason"]) == ("not-approved", True)


def test_a_verdict_serves_once_and_who_asked_may_take_it_back(bench: Bench) -> None:
    asked = bench.asked("r-once")
    command = bench.command(bench.chen.states(asked).text())
    assert bench.send(command)["answer"] == {"request": "r-once", "verdict": "approve"}
    assert bench.send(command)["code"] == "replayed"
    back = bench.anna.states(asked, verdict="refuse")
    assert bench.verdict(back, bench.anna)["kind"] == "command.done"
    rows = [row.values() for row in bench.site.rows("statement.signed") if row.values()["request"] == "r-once"]
    assert [(row["by"], row["verdict"]) for row in rows] == [("chen", "approve"), ("anna", "refuse")]
    with bench.jobs.desk() as desk:
        assert "r-once" not in {one.request for one in desk.approved("footage.delete", desk.now())}
