"""Remote start on real parts: broker, uplink, panel and simulated board. No fault gives more than one pulse."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sp_acker import Acker
from sp_board import Board
from sp_broker import Broker
from sp_people import Person
from sp_site import Site, until
from sp_starts import KEY, RELAY, SHOWS, START_SITE

from agent.cli.__main__ import main
from agent.config import load
from agent.core.chain import Row
from agent.core.commands import Envelope
from agent.core.events import CommandReceived, PumpStartCommissioned
from agent.core.results import ENDS, believed, parse_result
from agent.core.start_table import HOLD_MS
from agent.journal import Cursor
from agent.panel.intake import MARK
from agent.panel.start_plan import start_plans
from agent.runtime.keys import board_public, verify, write_key
from hw.simulator.serve import GPIO_MODULES
from hw.simulator.untouched import DEVICES

PIN = "GPIO21"


class Bench:
    """A site that is commissioned, its key switch on, and a hand that moves the read-back with the relay."""

    def __init__(
        self,
        folder: Path,
        broker: Broker | None = None,
        within_s: int = 30,
        begin: Callable[[Site], object] = Site.start_board,
        told_pins: bool = True,
    ) -> None:
        """begin: how the board is started; told_pins: the panel has its pins by an argument, not by the site file."""
        self.anna, self.bo, self.tea = Person("anna", "operator"), Person("bo", "operator"), Person("tea", "technician")
        people = self.anna.section + self.bo.section + self.tea.section
        uplink = f'\n[uplink]\nbroker = "{broker.url}"\n' if broker else ""
        text = START_SITE.replace("fail_to_start_s = 1", f"fail_to_start_s = {within_s}")
        self.site = Site(folder / "site", text + people + uplink)
        begin(self.site)
        self.site.driver.contact(KEY, True)
        wiring = start_plans(load(self.site.paths.site))[0].wiring
        self.site.append(PumpStartCommissioned(source="pump-1", by="tea", key="k", request=0, wiring=wiring))
        self._over = threading.Event()
        self._follower = threading.Thread(target=self._follow)
        self._follower.start()
        self.site.start_panel(told_pins=told_pins)

    def _follow(self) -> None:
        shown = False
        while not self._over.wait(0.01):
            with contextlib.suppress(OSError):  # the board is gone for a while
                energised = bool(self.site.driver.relay(RELAY)["energised"])
                if energised != shown:
                    self.site.driver.contact(SHOWS, energised)
                shown = energised

    def close(self) -> None:
        self._over.set()
        self._follower.join()
        self.site.__exit__(None, None, None)

    # --- orders, written as an uplink would ---

    def write(self, envelope: Envelope) -> int:
        row = CommandReceived(
            source="uplink",
            command=envelope.id,
            op=envelope.op,
            by=envelope.by,
            key=envelope.key,
            ctr=envelope.ctr,
            envelope=envelope.text(),
        )
        return self.site.append(row)[0].seq

    def end_of(self, seq: int) -> Row:
        """The last word on the command of that row."""
        kinds = ("command.done", "command.failed", "command.refused")

        def find() -> Row | None:
            rows = self.site.rows(*kinds, after=seq)
            return next((row for row in rows if row.values().get("request") == seq), None)

        return until(find, f"command of row {seq} has an end:\n{self.site.log('panel')}")  # type: ignore[return-value]

    def order(self, op: str, who: Person | None = None, **args: Any) -> dict[str, Any]:
        return self.end_of(self.write((who or self.anna).command(op, {"pump": "pump-1", **args}))).values()

    def challenged(self) -> str:
        """Armed and confirmed; the nonce."""
        assert "code" not in self.order("start-arm", reason="fire")
        confirmed = self.order("start-confirm", typed="pump-1", held_ms=HOLD_MS)
        return str(confirmed["answer"]["nonce"])

    def start(self, nonce: str) -> Envelope:
        return self.anna.command("start", {"pump": "pump-1", "nonce": nonce, "reason": "fire"})

    def pulses(self) -> list[int]:
        """When the relay was energised."""
        return [at for pin, level, at in self.site.driver.relay_history() if pin == PIN and level == 1]

    def runs(self) -> None:
        self.site.driver.contact("running", True)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One for tests that kill nothing."""
    made = Bench(tmp_path_factory.mktemp("calm"))
    try:
        yield made
    finally:
        made.close()


def test_over_the_broker_a_pump_is_started_once_and_the_answer_is_signed(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker").start()
    bench, far = Bench(tmp_path, broker), Acker(broker.port, "plant", "pump-house")
    try:
        bench.site.start("uplink")
        until(lambda: any(one.state == "online" for one in far.presence), "the uplink is up")

        def send(op: str, **args: Any) -> dict[str, Any]:
            return sent(bench.anna.command(op, {"pump": "pump-1", **args}))

        def sent(envelope: Envelope) -> dict[str, Any]:
            far.publish("command", envelope.text().encode())
            key = board_public(bench.site.paths.data)

            def find() -> dict[str, Any] | None:
                with far.lock:
                    told = [parse_result(payload) for leaf, payload in far.raw if leaf == "result"]
                mine = [one for one in told if one is not None and one.id == envelope.id and one.state in ENDS]
                assert all(believed(one, "plant", "pump-house", key, verify) for one in mine)
                return mine[-1]._asdict() if mine else None

            return until(find, f"{envelope.op} has an end:\n{bench.site.log('uplink')}")

        assert send("start-arm", reason="fire")["answer"]["within_s"] == "30"
        nonce = send("start-confirm", typed="pump-1", held_ms=HOLD_MS)["answer"]["nonce"]
        envelope = bench.start(nonce)
        far.publish("command", envelope.text().encode())
        bench.site.driver.wait_relay(RELAY, True)
        bench.runs()
        end = sent(envelope)  # a replay at once; the first one's end comes, and a refusal that nobody may take for it
        assert end["state"] in ("done", "refused")
        row = bench.site.wait_row("pump.start_ended", "pump-1").values()
        assert (row["ok"], row["readback"], row["attempt"]) == (True, "seen", 1)
        started = next(r for r in bench.site.rows("command.started") if r.values()["op"] == "start")
        assert [at > started.mono_ns for at in bench.pulses()] == [True], "written down before it is given, given once"
        assert bench.site.rows("command.refused")[0].values()["code"] == "replayed"
        clip = next(r for r in bench.site.rows("clip.requested") if r.values()["cause"] == "pump.start_pulsed:pump-1")
        assert clip.values()["hold"] is True
        after = ("pulsing", "locked", "idle", "challenged")
        until(lambda: bench.site.status()["starts"]["pump-1"]["state"] in after, "the status file says so, soon")
    finally:
        bench.close()
        far.close()
        broker.kill()


def test_killed_with_the_nonce_out_and_in_the_pulse_there_is_one_pulse_at_most(bench: Bench) -> None:
    site = bench.site
    nonce = bench.challenged()
    site.kill("panel")
    site.start_panel()
    assert bench.end_of(bench.write(bench.start(nonce))).values()["code"] == "not-armed"
    assert bench.pulses() == []
    envelope = bench.start(bench.challenged())
    seq = bench.write(envelope)
    site.driver.wait_relay(RELAY, True)
    site.kill("panel")
    site.driver.wait_relay(RELAY, False)
    site.start_panel()
    bench.runs()
    end = bench.end_of(seq)
    assert end.kind == "command.done", "the new panel goes on waiting for the pump, and says what came of it"
    again = bench.end_of(bench.write(envelope))
    assert again.values()["code"] == "replayed"
    assert len(bench.pulses()) == 1
    assert site.driver.relay(RELAY)["energised"] is False


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_kills_and_power_cuts_at_any_moment_give_one_pulse_at_most(tmp_path: Path) -> None:
    """From the order to the end of the pulse and after it, a kill or a power cut at each of many moments."""
    given = 0
    for number in range(24):
        bench = Bench(tmp_path / str(number), within_s=3)
        try:
            nonce, site = bench.challenged(), bench.site
            seq = bench.write(bench.start(nonce))
            moment = threading.Event()
            moment.wait((0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 2, 3)[number % 12])  # a different moment each
            site.cut_power() if number >= 12 else site.kill("panel")
            before = len(bench.pulses())
            site.start_panel()
            end = bench.end_of(seq)
            assert end.kind in ("command.done", "command.failed"), end
            replayed = bench.end_of(bench.write(bench.start(nonce))).values()
            assert replayed.get("code") in ("not-armed", "locked", "pulsing")
            after = len(bench.pulses())
            assert after <= 1
            assert not before or after == before, "nothing is given after a restart that was given before"
            given += after
            assert site.driver.relay(RELAY)["energised"] is False
        finally:
            bench.close()
    assert 6 <= given <= 24, "some were killed before and some after"


@pytest.mark.long
def test_the_broker_lost_between_arm_and_confirm_starts_nothing_then_or_later(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker").start()
    bench, far = Bench(tmp_path, broker), Acker(broker.port, "plant", "pump-house")
    try:
        bench.site.start("uplink")
        until(lambda: any(one.state == "online" for one in far.presence), "the uplink is up")
        far.publish("command", bench.anna.command("start-arm", {"pump": "pump-1", "reason": "fire"}).text().encode())
        bench.site.wait_row("pump.start_armed")
        broker.kill()
        bench.site.wait_row("pump.start_disarmed", deadline_s=30)
        broker.start()
        until(lambda: far.presence[-1].state == "online" and len(far.presence) > 1, "the uplink is back", 60)
        late = bench.anna.command("start-confirm", {"pump": "pump-1", "typed": "pump-1", "held_ms": HOLD_MS})
        far.publish("command", late.text().encode())
        row = bench.site.wait_row("command.failed", deadline_s=60)
        assert row.values()["code"] == "not-armed"
        assert bench.pulses() == []
    finally:
        bench.close()
        far.close()
        broker.kill()


def test_two_operators_a_key_switch_and_a_running_pump(calm: Bench) -> None:
    assert "code" not in calm.order("start-arm", reason="fire")
    assert calm.order("start-arm", calm.bo, reason="fire")["code"] == "armed-by-other"
    assert calm.order("start-confirm", calm.bo, typed="pump-1", held_ms=HOLD_MS)["code"] == "armed-by-other"
    calm.site.driver.contact(KEY, False)
    calm.site.wait_row("pump.start_disarmed", "pump-1")
    assert calm.order("start-confirm", typed="pump-1", held_ms=HOLD_MS)["code"] == "key-off"
    calm.site.driver.contact(KEY, True)
    until(lambda: "code" not in calm.order("start-arm", reason="fire"), "the key is on again")
    calm.runs()
    calm.site.wait_row("pump.start_disarmed", "pump-1", after=calm.site.rows("pump.start_armed")[-1].seq)
    assert calm.order("start-arm", reason="fire")["code"] == "running"
    assert calm.pulses() == []


def test_at_the_board_itself_a_command_needs_no_broker_and_still_a_key(
    calm: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And people see by `status` what stands: armed doors, permits, remote starts."""
    site = calm.site
    where = ["--site", str(site.paths.site), "--data", str(site.paths.data), "--run", str(site.paths.run)]
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse battery")
    for person in (calm.anna, calm.tea):
        write_key(tmp_path / f"{person.id}.key", person.signer, person.id, "correct horse battery")

    def command(who: Person, *words: str) -> int:
        key = ["--key", str(tmp_path / f"{who.id}.key"), "--passphrase-file", str(secret)]
        return main(["command", *key, *words, *where])

    assert command(calm.anna, "arm", "gate") == 0
    assert site.rows("point.armed")[0].values()["by"] == "signed:anna"
    assert command(calm.anna, "disarm", "gate", "--reason", "cleaning") == 1
    assert "not-allowed" in capsys.readouterr().out
    assert command(calm.tea, "drill-start", "flood", "--reason", "exercise", "--minutes", "5") == 0
    (drill,) = site.rows("drill.started")
    assert drill.source in capsys.readouterr().out
    assert command(calm.anna, "start", "pump-1", "--reason", "fire") == 1
    assert "by hand at a terminal" in capsys.readouterr().err
    until(lambda: (site.status().get("permits") or {}).get(drill.source), "the panel tells of the drill")
    main(["status", *where])
    told = capsys.readouterr().out
    assert all(word in told for word in ("armed doors", "gate", "DRILL", drill.source, "remote start", "at rest"))
    assert command(calm.anna, "drill-end", drill.source) == 0


def test_after_a_power_cut_in_the_pulse_the_order_has_its_last_word_and_no_second_pulse(bench: Bench) -> None:
    site = bench.site
    seq = bench.write(bench.start(bench.challenged()))
    site.driver.wait_relay(RELAY, True)
    site.wait_row("pump.start_pulsed")
    until(lambda: marked(site) >= seq, "the panel has put it down as dealt with")
    site.cut_power()
    site.driver.wait_relay(RELAY, False)
    site.start_panel()
    assert "not repeated" in str(bench.end_of(seq).values()["reason"])
    assert len(bench.pulses()) == 1
    site.kill("panel")
    site.start_panel()
    assert len(site.rows("command.failed", after=seq)) == 1, "said once"


# In every Python process of ours: what of this machine's pins it opens, and what it loads that could.
WATCH = """
import os, sys

def note(*words):
    with open({told!r}, "a") as told:
        print(*words, file=told)

def watch(event, arguments):
    if event == "import" and str(arguments[0]).partition(".")[0] in {libraries}:
        note("loads", arguments[0], os.getpid())
    if event == "open" and str(arguments[0]).startswith({devices}):
        note("opens", arguments[0], os.getpid())

note("watched", os.getpid())
sys.addaudithook(watch)
"""


class Simulated(Board):
    """`standpipe simulate`, as a person starts it on this site."""

    def __init__(self, site: Site) -> None:
        self.socket = site.folder / "board.sock"
        self._where = ["--site", str(site.paths.site), "--data", str(site.paths.data), "--run", str(site.paths.run)]
        site.paths.site.write_text(site.paths.site.read_text() + f'\n[board]\npins = "sim:{self.socket}"\n')
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "agent.cli", *self._where, "simulate", "--no-cameras"])
        until(self._answers, "the simulator answers")


def test_on_a_simulated_board_a_start_moves_that_board_and_nothing_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Panel and `standpipe simulate` as they are, pins by the site file alone: one pulse, and no GPIO."""
    told = tmp_path / "told"
    # gpiozero's pins are the simulator's here; whether there is a pigpio, which needs a daemon, gpiozero asks by itself
    libraries = tuple(name for name in GPIO_MODULES if name not in ("gpiozero", "pigpio"))
    watch = WATCH.format(told=str(told), libraries=libraries, devices=DEVICES)
    (tmp_path / "sitecustomize.py").write_text(watch)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def simulate(site: Site) -> None:
        site.board = Simulated(site)

    bench = Bench(tmp_path, begin=simulate, told_pins=False)
    try:
        seq = bench.write(bench.start(bench.challenged()))
        bench.site.driver.wait_relay(RELAY, True)
        bench.runs()
        assert bench.end_of(seq).values()["answer"]["readback"] == "seen"
        assert len(bench.pulses()) == 1
        assert bench.site.board is not None
        mine = [bench.site.processes["panel"], bench.site.board.process]
        pids = [process.pid for process in mine if process is not None]
        held = [path.readlink() for pid in pids for path in Path(f"/proc/{pid}/fd").iterdir()]
    finally:
        bench.close()
    lines = told.read_text().splitlines()
    assert {f"watched {pid}" for pid in pids} <= set(lines)
    assert [line for line in lines if not line.startswith("watched")] == []
    assert [path for path in held if str(path).startswith(DEVICES)] == []


def marked(site: Site) -> int:
    cursor = Cursor(site.paths.cursor("panel"))
    try:
        return cursor.get(site.journal.epoch, MARK)
    finally:
        cursor.close()


@pytest.mark.long
def test_a_board_that_dies_in_the_pulse_has_no_pulse_when_it_is_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, within_s=3)
    site, board = bench.site, bench.site.board
    assert board is not None
    try:
        bench.write(bench.start(bench.challenged()))
        site.driver.wait_relay(RELAY, True)
        board.kill()
        site.wait_row("pump.start_ended", deadline_s=30)
        board.start()
        site.driver_ = None
        until(lambda: site.driver.lines()[PIN]["pid"] != 0, "the panel has its pins again")
        assert bench.pulses() == [], "the new board has seen none"
    finally:
        bench.close()


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_person_at_a_terminal_starts_a_pump(tmp_path: Path, language: str) -> None:
    """The real command in a real terminal: the pump's name typed, the space bar held for three seconds."""
    bench = Bench(tmp_path)
    site = bench.site
    try:
        text = site.paths.site.read_text().replace(
            'board = "pump-house"', f'board = "pump-house"\nlanguage = "{language}"'
        )
        site.paths.site.write_text(text)
        secret = tmp_path / "passphrase"
        secret.write_text("correct horse battery")
        write_key(tmp_path / "anna.key", bench.anna.signer, "anna", "correct horse battery")
        words = [
            "--key",
            str(tmp_path / "anna.key"),
            "--passphrase-file",
            str(secret),
            "start",
            "pump-1",
            "--reason",
            "fire",
        ]
        where = ["--site", str(site.paths.site), "--data", str(site.paths.data), "--run", str(site.paths.run)]
        ours, theirs = os.openpty()
        argv = [sys.executable, "-m", "agent.cli", "command", *words, *where]
        process = subprocess.Popen(argv, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        site.wait_row("pump.start_armed")
        os.write(ours, b"pump-1\n")
        held = threading.Thread(target=hold, args=(ours, lambda: bool(site.rows("pump.start_challenged"))))
        held.start()
        site.driver.wait_relay(RELAY, True, timeout=30)
        bench.runs()
        said, _ = process.communicate(timeout=60)
        held.join()
        assert process.returncode == 0, said
        assert ("pump-1 RUNS" if language == "en" else "pump-1 已运行") in said
        assert len(bench.pulses()) == 1
    finally:
        bench.close()


def hold(keyboard: int, over: Callable[[], bool]) -> None:
    """The space bar, as a keyboard repeats it."""
    while not over():
        os.write(keyboard, b" ")
        time.sleep(0.03)  # the keyboard's own pace
