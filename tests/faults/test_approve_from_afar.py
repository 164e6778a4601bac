"""A deletion asked for at the board and approved at the centre: real broker, collector, uplink, panel and jobs.

What is approved is carried out with the full record; what was changed, expired, signed by whoever asked, retained,
replayed or meant for another board is refused with its reason.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest
from sp_broker import Broker
from sp_collect import Collect
from sp_jobs import NS, JobSite
from sp_people import Person
from sp_site import Site, until

from agent.cli.__main__ import main
from agent.core.commands import Envelope
from agent.core.events import ApprovalRequested
from agent.core.statements import Request, Statement
from agent.runtime.clock import SystemClock
from agent.runtime.keys import write_key

SITE = """
[site]
id = "plant"
board = "pump-house"
language = "{language}"
timezone = "Asia/Shanghai"

[[camera]]
id = "yard"
source = "testcard:"
keep = "15 days"

[retention]
reserve_mb = 16
room_mb = 16

[uplink]
broker = "{broker}"
"""
TOPIC = "standpipe/plant/pump-house/command"


class Bench:
    """The site and the centre; anna is an operator, chen and wang are supervisors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder / "broker").start()
        self.collector = Collect(self.broker.url, folder / "store").start()
        self.wang = Person("wang", "supervisor")
        text = SITE.format(broker=self.broker.url, language="en") + self.wang.section
        self.jobs = JobSite(folder / "site", text)
        self.anna, self.chen = self.jobs.anna, self.jobs.chen
        self.jobs.now = SystemClock().stamp()._replace(clock="synced")
        self.recorded = self.jobs.record("yard", 40)
        self.site = Site(folder / "site", self.jobs.paths.site.read_text())
        self.site.start("panel", "--pins", "mock")
        self.site.start("uplink")
        self.site.wait_row("link.up")
        (folder / "phrase").write_text("correct horse\n")

    def key(self, person: Person) -> list[str]:
        file = self.folder / f"{person.id}.key"
        if not file.exists():
            write_key(file, person.signer, person.id, "correct horse")
        return ["--key", str(file), "--passphrase-file", str(self.folder / "phrase")]

    def here(self) -> list[str]:
        paths = self.site.paths
        return ["--site", str(paths.site), "--data", str(paths.data), "--run", str(paths.run)]

    def afar(self, *more: str) -> list[str]:
        """A command of whoever is at the centre: no folder of the board is theirs."""
        nowhere = [f"--{name}={self.folder / 'nowhere'}" for name in ("site", "data", "run")]
        return ["command", "--broker", self.broker.url, "--site-id", "plant", "--board", "pump-house", *more, *nowhere]

    def span(self, first: int, last: int) -> dict[str, str]:
        """From before a recorded file to after another."""
        ends = (self.recorded[first].start_at_ns - NS, self.recorded[last].end_at_ns + 2 * NS)
        start, end = (datetime.fromtimestamp(ns // NS, UTC).isoformat(timespec="seconds") for ns in ends)
        return {"camera": "yard", "from": start, "to": end}

    def asked(self, number: str, **changes: Any) -> Request:
        """anna asks, signed; written down as `standpipe retention delete` does."""
        made = self.anna.asks(number, "footage.delete", self.span(0, 1), "privacy")
        told = {"request": made.id, "what": made.kind, "scope": dict(made.scope), "by": made.requester}
        fields = {**told, "reason": made.reason, "key": made.key, "sig": made.sig, **changes}
        self.site.append(ApprovalRequested(source="cli", **fields))
        return made

    def send(self, envelope: Envelope, *, retain: bool = False) -> dict[str, Any]:
        """A command as anybody may publish it; how the board's journal says that it ended."""
        after = self.site.head()
        publish.single(TOPIC, envelope.text(), 1, retain, "127.0.0.1", self.broker.port)
        if retain:
            publish.single(TOPIC, b"", 1, True, "127.0.0.1", self.broker.port)
        return until(lambda: self.end(envelope.id, after), "an end")

    def end(self, command: str, after: int) -> dict[str, Any]:
        """Of just that command, as others are on their way too; {} while there is none."""
        rows = self.site.rows("command.done", "command.failed", "command.refused", after=after)
        return next(({"kind": row.kind, **row.values()} for row in rows if row.values()["command"] == command), {})

    def command(self, text: str, who: Person | None = None, **changes: Any) -> Envelope:
        """Signed by chen, if nobody else is named."""
        fields = {"ctr": time.time_ns() // 1000, **changes}
        return (who or self.chen).command("approve", {"statement": text}, **fields)

    def verdict(self, statement: Statement, who: Person | None = None, **changes: Any) -> dict[str, Any]:
        return self.send(self.command(statement.text(), who, **changes))

    def at_the_centre(self, *kinds: str) -> list[dict[str, Any]]:
        """Data of rows in the collector's store."""
        with sqlite3.connect(f"file:{self.folder / 'store' / 'collector.db'}?mode=ro", uri=True) as db:
            texts = [json.loads(text) for (text,) in db.execute('select text from "row" order by seq')]
        return [{"kind": row[7], **row[10]} for row in texts if row[7] in kinds]

    def close(self) -> None:
        self.site.__exit__(None, None, None)
        self.collector.kill()
        self.broker.kill()


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
