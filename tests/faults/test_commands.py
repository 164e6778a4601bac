"""Signed commands through a real broker, uplink and panel: the siren falls silent once, nobody else is believed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_people import Person
from sp_site import SITE, Site, until

from agent.core.commands import Envelope
from agent.core.events import CommandReceived, CommandStarted
from agent.runtime.clock import boot_id

ALARM = "point.changed:flood"


class Bench:
    """A site with its panel and uplink, a far end, and people."""

    def __init__(self, folder: Path) -> None:
        self.anna, self.aude = Person("anna", "operator"), Person("aude", "auditor")
        self.stranger = Person("anna", "operator")
        self.broker = Broker(folder / "broker").start()
        self.far = Acker(self.broker.port, "plant", "pump-house")
        people = self.anna.section + self.aude.section
        self.site = Site(folder / "site", SITE + people + f'\n[uplink]\nbroker = "{self.broker.url}"\n')
        self.site.start_board()
        self.site.start_panel()
        self.site.start("uplink")
        until(lambda: any(one.state == "online" for one in self.far.presence), "the uplink is up")

    def close(self) -> None:
        self.site.__exit__(None, None, None)
        self.far.close()
        self.broker.kill()

    def raise_alarm(self) -> None:
        self.site.driver.contact("flood", True)
        self.site.driver.wait_relay("siren", True)
        self.site.wait_row("alarm.raised", ALARM)

    def send(self, command: Envelope | bytes, *, retain: bool = False) -> None:
        payload = command if isinstance(command, bytes) else command.text().encode()
        self.far.publish("command", payload, retain=retain)

    def results(self, id_: str | None = None) -> list[dict[str, Any]]:
        with self.far.lock:
            told = [json.loads(payload) for leaf, payload in self.far.raw if leaf == "result"]
        return [one for one in told if id_ is None or one["id"] == id_]

    def end_of(self, id_: str) -> dict[str, Any]:
        ends = ("done", "failed", "refused")
        found: dict[str, Any] = until(
            lambda: next((one for one in self.results(id_) if one["state"] in ends), None),
            f"{id_} has an end; panel:\n{self.site.log('panel')}\nuplink:\n{self.site.log('uplink')}",
        )
        return found

    def kinds(self, command: str) -> list[str]:
        rows = self.site.rows()
        return [row.kind for row in rows if row.kind.startswith("command.") and row.values()["command"] == command]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_siren_is_silenced_by_a_signed_command_and_by_no_other(bench: Bench) -> None:
    anna, site = bench.anna, bench.site
    bench.raise_alarm()
    now_s = int(time.time())
    good = anna.command("silence", {"alarm": ALARM})
    retained = anna.command("silence", {"alarm": ALARM})
    wrong: list[tuple[str, Envelope]] = [
        ("unknown-key", bench.stranger.command("silence", {"alarm": ALARM})),
        ("bad-signature", replace(anna.command("silence", {"alarm": ALARM}), sig="0" * 128)),
        ("foreign", anna.command("silence", {"alarm": ALARM}, board="other")),
        ("not-allowed", anna.command("reset", {"alarm": ALARM})),
        ("not-allowed", bench.aude.command("silence", {"alarm": ALARM})),
    ]
    for code, envelope in wrong:
        bench.send(envelope)
        assert bench.end_of(envelope.id)["code"] == code, envelope
    assert site.driver.relay("siren")["level"] == 1
    bench.send(good)
    site.driver.wait_relay("siren", False)
    assert bench.end_of(good.id)["state"] == "done"
    assert bench.kinds(good.id) == ["command.received", "command.started", "command.done"]
    assert site.rows("alarm.silenced")[0].values()["by"] == "signed:anna"
    assert [one["state"] for one in bench.results(good.id)] == ["received", "started", "done"]
    # those that come too late, twice, kept by the broker, or bare; a minute's refusals are few, so a new uplink
    site.stop("uplink")
    site.start("uplink")
    until(lambda: bench.far.presence[-1].state == "online", "up again")
    stale = anna.command("silence", {"alarm": ALARM}, iat=now_s - 14 * 86400, exp=now_s - 14 * 86400 + 60)
    reused = replace(good, id="c-again")
    for code, envelope in (("expired", stale), ("bad-signature", reused)):
        bench.send(envelope)
        assert bench.end_of(envelope.id)["code"] == code
    bench.send(good)
    until(lambda: [one["code"] for one in bench.results(good.id) if "code" in one] == ["replayed"], "replay refused")
    bench.send(retained, retain=True)
    assert bench.end_of(retained.id)["code"] == "retained"
    bench.send(b'{"op": "silence", "alarm": "*"}')
    until(lambda: [r for r in bench.results() if r.get("code") == "unsigned"], "unsigned refused")
    assert len(site.rows("alarm.silenced")) == 1
    assert len(site.rows("command.started")) == 1
    codes = [str(row.values()["code"]) for row in site.rows("command.refused")]
    assert codes == [code for code, _ in wrong] + ["expired", "bad-signature", "replayed", "retained", "unsigned"]


def test_a_report_says_how_the_board_stands(bench: Bench) -> None:
    before, during = bench.aude.command("report"), bench.aude.command("report")
    bench.send(before)
    quiet = bench.end_of(before.id)["answer"]
    assert (quiet["alarms"], quiet["relays"], quiet["permits"]) == ("-", "-", "-")
    bench.raise_alarm()
    bench.send(during)
    loud = bench.end_of(during.id)["answer"]
    assert ALARM in loud["alarms"]
    assert "siren" in loud["relays"]


def test_clips_holds_and_pictures_are_asked_for(bench: Bench) -> None:
    anna, site = bench.anna, bench.site
    now_s = int(time.time())
    clip = anna.command("clip", {"cameras": ["pump-room"], "at_s": now_s - 5, "before_s": 3, "after_s": 4})
    hold = anna.command("hold", {"cameras": ["pump-room"], "from_s": 1, "to_s": 2, "reason": "a fire"})
    nowhere = anna.command("clip", {"cameras": ["attic"]})
    snapshot = anna.command("snapshot", {"cameras": ["pump-room"]})
    for envelope in (clip, hold, nowhere, snapshot):
        bench.send(envelope)
    ends = [bench.end_of(one.id)["state"] for one in (clip, hold, nowhere, snapshot)]
    assert ends == ["done", "done", "failed", "done"]
    picture = site.rows("snapshot.requested")[0].values()
    assert (picture["cameras"], picture["cause"]) == (["pump-room"], "command:anna")
    asked = site.rows("clip.requested")[0].values()
    assert asked["cameras"] == ["pump-room"]
    assert abs(int(str(asked["at_ns"])) // 10**9 - (now_s - 5)) <= 1
    assert site.rows("hold.requested")[0].values()["by"] == "signed:anna"
    assert bench.end_of(nowhere.id)["reason"] == "there is no camera attic"


def written(bench: Bench, envelope: Envelope) -> int:
    """The row that an uplink would write; its number."""
    row = bench.site.append(
        CommandReceived(
            source="uplink",
            command=envelope.id,
            op=envelope.op,
            by=envelope.by,
            key=envelope.key,
            ctr=envelope.ctr,
            envelope=envelope.text(),
        )
    )
    return row[0].seq


def test_the_panel_believes_no_row_but_the_signature(bench: Bench) -> None:
    """Whoever can write the journal still cannot drive a relay."""
    bench.raise_alarm()
    for code, envelope in (
        ("unknown-key", bench.stranger.command("silence", {"alarm": "*"})),
        ("bad-signature", replace(bench.anna.command("silence", {"alarm": "*"}), sig="0" * 128)),
        ("not-allowed", bench.aude.command("silence", {"alarm": "*"})),
        ("bad-nonce", bench.anna.command("silence", {"alarm": "*"}, nonce="b-0")),
    ):
        seq = written(bench, envelope)
        row = bench.site.wait_row("command.refused", "panel", after=seq)
        assert (row.values()["code"], row.values()["request"]) == (code, seq)
    assert bench.site.rows("command.started") == []
    assert bench.site.driver.relay("siren")["level"] == 1


def test_killed_between_started_and_done_it_is_not_repeated(bench: Bench) -> None:
    """Power is cut after the row command.started and before anything else: the next panel says so and does nothing."""
    site = bench.site
    bench.raise_alarm()
    site.stop("uplink")
    done = bench.anna.command("acknowledge", {"alarm": "other"})
    site.wait_row("command.failed", after=written(bench, done))
    site.kill("panel")
    envelope = bench.anna.command("silence", {"alarm": ALARM})
    seq = written(bench, envelope)
    site.append(
        CommandStarted(
            source="panel",
            command=envelope.id,
            request=seq,
            op="silence",
            by="anna",
            key=envelope.key,
            ctr=envelope.ctr,
        )
    )
    site.cut_power()
    for path in site.paths.data.glob("cursor-panel.db*"):  # a power cut may take it back
        path.unlink()
    site.start_panel()
    site.driver.wait_relay("siren", True)
    row = site.wait_row("command.failed", after=seq)
    assert "not repeated" in str(row.values()["reason"])
    assert bench.kinds(done.id) == ["command.received", "command.started", "command.failed"], "its end stands already"
    assert site.rows("alarm.silenced") == []
    again = written(bench, envelope)
    assert site.wait_row("command.refused", "panel", after=again).values()["code"] == "replayed"


def test_kills_of_the_panel_at_any_moment_do_a_command_at_most_once(bench: Bench, rounds: Any) -> None:
    site = bench.site
    bench.raise_alarm()
    for number in range(rounds(4, 40)):
        envelope = bench.anna.command("clip", {"cameras": ["pump-room"], "before_s": 1, "after_s": 1})
        bench.send(envelope)
        time.sleep(0.004 * (number % 10))  # a different moment each time, not a wait for anything
        site.kill("panel")
        site.start_panel()
        end = bench.end_of(envelope.id)
        assert end["state"] in ("done", "failed")
        assert bench.kinds(envelope.id)[:2] == ["command.received", "command.started"]
        assert len(bench.kinds(envelope.id)) == 3
    done = site.rows("command.done")
    asked = [row for row in site.rows("clip.requested") if str(row.values()["cause"]) == "command:anna"]
    assert len(asked) == len(done)


def test_the_boot_is_published_for_boards_without_a_clock(bench: Bench) -> None:
    assert bench.far.presence[-1].boot == boot_id()


def test_a_command_that_the_panel_finds_too_late_is_not_done(bench: Bench) -> None:
    """Written down before the board started: the envelope is good, its time is over."""
    site = bench.site
    bench.raise_alarm()
    envelope = bench.anna.command("silence", {"alarm": ALARM})
    old = site.clock.stamp()._replace(boot="b-0")
    row = site.journal.append(
        CommandReceived(
            source="uplink",
            command=envelope.id,
            op="silence",
            by="anna",
            key=envelope.key,
            ctr=envelope.ctr,
            envelope=envelope.text(),
        ),
        stamps=[old],
    )[0]
    told = site.wait_row("command.refused", "panel", after=row.seq).values()
    assert (told["code"], told["command"]) == ("late", envelope.id)
    assert site.driver.relay("siren")["level"] == 1


def test_many_commands_at_once_are_done_in_their_order(bench: Bench, rounds: Any) -> None:
    count = rounds(12, 200)
    orders = [bench.anna.command("clip", {"cameras": ["pump-room"], "before_s": n % 600}) for n in range(count)]
    for order in orders:
        bench.send(order)
    assert {bench.end_of(order.id)["state"] for order in orders} == {"done"}
    asked = [row.values()["before_s"] for row in bench.site.rows("clip.requested")]
    assert asked == [n % 600 for n in range(count)]
