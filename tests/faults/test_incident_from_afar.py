"""A major incident declared and closed at the centre: real broker, collector, uplink, panel and jobs.

It is the row that `standpipe incident` writes at the board: rules follow it, footage of all of it is held; what is not
signed by a key of the site, or sent twice, declares nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from sp_afar import Bench
from sp_people import Person
from sp_site import until

from agent.cli.__main__ import main
from agent.journal.holds import holds

SIREN = """
[[relay]]
id = "siren"
pin = "GPIO23"

[[rule]]
on = ["incident.declared"]
drive = ["siren"]
until = "acknowledged"
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("afar"), SIREN)
    try:
        yield made
    finally:
        made.close()


def in_chinese(bench: Bench) -> list[str]:
    """Somebody at the centre who reads Chinese."""
    file = bench.folder / "zh.toml"
    file.write_text('[site]\nid = "centre"\nboard = "desk"\nlanguage = "zh-CN"\ntimezone = "Asia/Shanghai"\n')
    return [f"--site={file}", f"--data={bench.folder / 'nowhere'}", f"--run={bench.folder / 'nowhere'}"]


def test_declared_and_closed_at_the_centre_its_footage_is_held(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    anna = bench.key(bench.anna)
    about = ["incident-declare", "fire", "--reason", "smoke on the picture"]
    assert main(bench.afar("--json", *anna, *about)) == 0
    told = json.loads(capsys.readouterr().out)
    (row,) = bench.site.rows("incident.declared")
    assert told["told"][-1]["answer"] == {"incident": row.source}
    assert (row.values()["by"], row.values()["key"], row.lane) == ("signed:anna", bench.anna.signer.key_id, "alarm")
    (received,) = bench.site.rows("command.received")
    assert row.values()["request"] == received.seq, "what was signed is in that row"
    driven = bench.site.wait_row("relay.driven", "siren")
    assert (driven.values()["energised"], driven.values()["reason"]) == (True, f"incident.declared:{row.source}:fire")
    assert len(bench.site.rows("relay.driven", source="siren")) == 1
    until(lambda: bench.at_the_centre("incident.declared"), "the centre has it")
    assert main(["incident", "list", *bench.here()]) == 0
    assert row.source in capsys.readouterr().out
    assert main([*bench.afar(*anna, "incident-close", "--outcome", "out; 119 at 14:02"), *in_chinese(bench)]) == 0
    assert "已完成" in capsys.readouterr().out
    (closed,) = bench.site.rows("incident.closed")
    assert (closed.source, closed.values()["outcome"]) == (row.source, "out; 119 at 14:02")
    alarm = f"incident.declared:{row.source}:fire"
    bench.site.wait_row("alarm.restored", alarm)
    for does in ("acknowledge", "reset"):
        assert main(bench.afar(*bench.key(bench.chen), does, alarm)) == 0
    bench.site.wait_row("alarm.reset", alarm)
    assert main(["retention", "run", *bench.here()]) == 0
    held = [one for one in holds(bench.site.journal).values() if row.source in one.reason]
    assert held
    assert min(one.window.start.at_ns for one in held) <= row.at_ns - 60 * 10**9
    assert max(one.window.end.at_ns for one in held) >= closed.at_ns + 60 * 10**9


def test_with_none_open_and_in_chinese(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*bench.afar(*bench.key(bench.anna), "incident-close", "--outcome", "x"), *in_chinese(bench)])
    assert (code, "没有未结束的事件" in capsys.readouterr().out) == (1, True)
    drill = bench.afar(*bench.key(bench.chen), "incident-declare", "theft", "--reason", "exercise", "--drill")
    assert main(drill) == 0
    assert "119" not in capsys.readouterr().out
    row = bench.site.rows("incident.declared")[-1]
    assert row.values()["drill"] is True
    assert main(bench.afar(*bench.key(bench.chen), "incident-close", row.source, "--outcome", "done")) == 0
    capsys.readouterr()
    assert (
        main([*bench.afar(*bench.key(bench.chen), "incident-declare", "fire", "--reason", "x"), *in_chinese(bench)])
        == 0
    )
    assert "火警 119" in capsys.readouterr().out


def test_a_stranger_and_a_second_time_declare_nothing(bench: Bench) -> None:
    before = len(bench.site.rows("incident.declared"))
    args = {"what": "fire", "reason": "x"}
    assert bench.send(Person("mallory", "manager").command("incident-declare", args))["code"] == "unknown-key"
    assert bench.send(bench.anna.command("incident-declare", {**args, "what": "party"}))["code"] == "bad-args"
    assert bench.send(bench.anna.command("incident-declare", args), retain=True)["code"] == "retained"
    good = bench.anna.command("incident-declare", args, ctr=time.time_ns() // 1000)
    assert bench.send(good)["kind"] == "command.done"
    assert bench.send(good)["code"] == "replayed"
    assert len(bench.site.rows("incident.declared")) == before + 1
