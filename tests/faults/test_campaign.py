"""The whole site, end to end, with every process killed at random moments while things happen.

Panel, recorder, uplink, collector and broker die by kill -9 in random order; a gate opens and shuts, a pump fails to
start, an operator acknowledges. What must hold afterwards: every change is one row and one row only, at both ends;
the chain is whole; every clip arrived with its hash; the siren is as it should be after every single death.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sp_broker import Broker
from sp_collect import Collect
from sp_site import Site, until

from agent.collector.report import report
from agent.core.chain import Row
from agent.journal.check import check_chain
from agent.journal.projections import undelivered_clips

VICTIMS = ("panel", "recorder", "uplink", "collector", "broker")
CAMERA = "pump-room"
ARRIVAL_S = 90.0

SITE = """
[site]
id = "campaign"
board = "pump-house"

[[point]]
id = "gate"
kind = "door"
pin = "GPIO18"
contact = "normally-closed"
settle_ms = 20

[[point]]
id = "running"
pin = "GPIO22"
settle_ms = 20

[[point]]
id = "demand"
pin = "GPIO27"
settle_ms = 20

[[pump]]
id = "pump-1"
running = "running"
demand = "demand"
fail_to_start_s = 1
unexpected_run_s = 1

[[relay]]
id = "siren"
pin = "GPIO23"

[[camera]]
id = "pump-room"
source = "testcard:"
segment_s = 10
[camera.health]
watch = false

[[rule]]
on = ["pump.fail_to_start"]
drive = ["siren"]
until = "acknowledged"
clip = {{ cameras = ["pump-room"], before_s = 2, after_s = 2, hold = true }}

[uplink]
broker = "{broker}"
"""


class Whole:
    """Board, panel, recorder, uplink, broker and collector, each of which can be killed and is brought back."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder / "broker").start()
        self.site = Site(folder / "site", SITE.format(broker=self.broker.url))
        self.collect = Collect(self.broker.url, folder / "store", wait=False)
        self.siren = False
        self.gate_closed = True
        self.turns = 0

    def start(self) -> None:
        """Everything up, gate shut, camera recording."""
        self.site.start_board()
        self.site.driver.contact("gate", True)
        self.collect.start()
        self.site.start_panel()
        self.site.start("recorder", "--camera", CAMERA)
        self.site.start("uplink")
        until(lambda: self.site.status(f"recorder@{CAMERA}").get("state") == "recording", self.site.log("recorder"))

    def kill(self, victim: str) -> None:
        """kill -9, and start again at once, as systemd does."""
        if victim == "broker":
            self.broker.kill()
            self.broker.start()
        elif victim == "collector":
            self.collect.kill()
            self.collect.start()
        else:
            self.site.kill(victim)
            if victim == "panel":
                self.site.start_panel(joined=False)
            else:
                self.site.start(victim, *(("--camera", CAMERA) if victim == "recorder" else ()))

    # --- what happens at the site ---

    def turn_gate(self) -> None:
        self.gate_closed = not self.gate_closed
        self.turns += 1
        self.site.driver.contact("gate", self.gate_closed)

    def gate_rows(self) -> list[Row]:
        return self.site.rows("point.changed", "point.found", source="gate")

    def gate_is_on_record(self) -> bool:
        """The last turn of the gate is a row; the first row is how it was found."""
        return len(self.gate_rows()) == self.turns + 1

    def alarm(self) -> None:
        """Demand, and the pump does not start."""
        self.site.driver.contact("demand", True)
        self.siren = True

    def acknowledge(self) -> None:
        """The pump runs after all, demand ends, and the alarm is acknowledged and reset."""
        self.site.driver.wait_relay("siren", True, 20)
        self.site.driver.contact("running", True)
        self.site.wait_row("pump.restored", "pump-1", after=self.last("alarm.raised"))
        for does, kind in (("acknowledge", "alarm.acknowledged"), ("reset", "alarm.reset")):
            asked = self.site.request(does).seq
            self.site.wait_row(kind, "pump.fail_to_start:pump-1", after=asked)
        self.siren = False
        self.site.driver.contact("demand", False)
        self.site.wait_row("pump.demand_withdrawn", after=self.last("pump.demand"))
        self.site.driver.contact("running", False)
        self.site.wait_row("pump.stopped", after=self.last("pump.started"))

    def last(self, kind: str) -> int:
        row = self.site.journal.last(kind)
        assert row is not None, kind
        return row.seq

    # --- what must hold ---

    def siren_is_right(self) -> bool:
        return bool(self.site.driver.relay("siren")["energised"]) == self.siren

    def far_end(self) -> dict[str, Any]:
        """The collector's one epoch of this board, {} while it knows none."""
        boards = report(self.collect.store)["boards"] if self.collect.store.exists() else []
        return {**boards[0]["epochs"][-1], "files": boards[0]["files"]} if boards and boards[0]["epochs"] else {}

    def all_arrived(self) -> bool:
        """Nobody writes any more, and the far end's proven chain ends where ours does."""
        seq, hash_ = self.site.journal.head()
        chain = self.far_end().get("chain", {})
        return (chain.get("upto"), chain.get("hash")) == (seq, hash_.hex())

    def close(self) -> None:
        self.site.__exit__(None, None, None)
        self.collect.kill()
        self.broker.kill()


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    made = Whole(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


def _deaths(each: int) -> list[str]:
    deaths = [victim for victim in VICTIMS for _ in range(each)]
    random.shuffle(deaths)
    return deaths


@pytest.mark.timeout(3600)
def test_every_process_killed_while_it_all_goes_on(whole: Whole, rounds: Callable[[int, int], int]) -> None:
    seed = random.randrange(2**32)
    random.seed(seed)
    print(f"seed {seed}")
    for number, victim in enumerate(_deaths(rounds(2, 50))):
        if number % 5 == 1:
            whole.alarm()
        whole.turn_gate()
        time.sleep(random.uniform(0, 0.6))  # the random moment; nothing is waited for here
        whole.kill(victim)
        until(whole.gate_is_on_record, f"turn {whole.turns} of the gate after {victim} died: {whole.gate_rows()[-3:]}")
        if number % 5 == 3:
            whole.acknowledge()
        if number % 5 != 1:  # in that turn the pump may still have its second to start in
            until(whole.siren_is_right, f"siren {whole.siren} after {victim} died")
    _settle(whole)
    _nothing_is_lost_or_doubled(whole)
    _every_clip_arrived(whole)
    _every_segment_plays(whole)


def _settle(whole: Whole) -> None:
    """Let the last clips be cut and sent, then stop all that writes but the uplink, and let it empty its lanes."""
    clips = {row.values()["clip"] for row in whole.site.rows("clip.requested")}
    answered = ("clip.ready", "clip.failed")
    until(lambda: {r.values()["clip"] for r in whole.site.rows(*answered)} == clips, "every clip is answered", 60)
    until(lambda: not undelivered_clips(whole.site.journal), "every clip is delivered", ARRIVAL_S)
    for name in ("panel", "recorder"):
        assert whole.site.stop(name) == 0
    until(whole.all_arrived, f"all rows arrive: {whole.site.status('uplink')} {whole.far_end()}", ARRIVAL_S)


def _nothing_is_lost_or_doubled(whole: Whole) -> None:
    levels = [bool(row.values()["closed"]) for row in whole.gate_rows()]
    assert levels == [turn % 2 == 0 for turn in range(whole.turns + 1)]
    assert check_chain(whole.site.journal).bad_seq is None
    raised = whole.site.rows("alarm.raised", source="pump.fail_to_start:pump-1")
    resets = whole.site.rows("alarm.reset", source="pump.fail_to_start:pump-1")
    assert len(raised) == len(whole.site.rows("pump.fail_to_start"))
    assert len(raised) - len(resets) in (0, 1)
    far = whole.far_end()
    assert (far["missing"], far["conflicts"], far["chain"]["whole"]) == ([], [], True)
    assert far["rows"] == whole.site.head()


def _every_clip_arrived(whole: Whole) -> None:
    assert [json.loads(row.data)["reason"] for row in whole.site.rows("clip.failed")] == []
    far = {one["sha256"]: one for one in whole.far_end()["files"]}
    ready = whole.site.rows("clip.ready")
    assert len(ready) == len(whole.site.rows("clip.requested"))
    for row in ready:
        sha256 = str(row.values()["sha256"])
        assert far[sha256]["state"] == "complete"
        for path in (whole.site.paths.data / str(row.values()["path"]), whole.collect.store / far[sha256]["path"]):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _every_segment_plays(whole: Whole) -> None:
    files = sorted((whole.site.paths.footage / CAMERA).rglob("*.mp4"))
    assert files
    for path in files:
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), path


@pytest.mark.timeout(300)
def test_a_broker_that_is_away_for_the_whole_run_and_then_back(whole: Whole) -> None:
    whole.broker.kill()
    whole.alarm()
    for _ in range(6):
        whole.turn_gate()
        until(whole.gate_is_on_record, "the gate's turn is a row")
    until(whole.siren_is_right, "the siren needs no broker")
    whole.site.wait_row("clip.ready", CAMERA)
    whole.acknowledge()
    whole.broker.start()
    _settle(whole)
    _nothing_is_lost_or_doubled(whole)
    _every_clip_arrived(whole)
