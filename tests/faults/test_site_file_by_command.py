"""A new site file over a real broker to a whole site under `standpipe up`: applied, rolled back, told either way.

And the power goes at any step of it: everything dies at once, /run is empty, and the sender is answered all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_people import Person
from sp_uplink import until

from agent.core.site_update import pack
from agent.journal import Journal, JournalError, Row
from agent.runtime.paths import Paths

AT_STEP = Path(__file__).parents[1] / "support/at_step"
STEPS = ("put", "started", "written", "noted", "restarted", "looked", "done", "put back", "rolled back")
SITE = """
[site]
id = "plant"
board = "pump-house"

[[point]]
id = "door"
kind = "door"
pin = "GPIO17"
settle_ms = {settle}

[uplink]
broker = "{broker}"
"""


class Bench:
    """Panel and uplink by `standpipe up` on mock pins, a broker, a far end, a technician."""

    def __init__(self, folder: Path, step: str = "") -> None:
        self.broker = Broker(folder / "broker").start()
        self.far = Acker(self.broker.port, "plant", "pump-house")
        self.tina = Person("tina", "technician")
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.paths.site.write_text(self.text())
        self.log, self.told = folder / "up.log", folder / "at-step"
        self.start(step)

    def start(self, step: str = "") -> None:
        """`standpipe up`, until the board is online. step: where its installer stops for good."""
        where = ["--site", self.paths.site, "--data", self.paths.data, "--run", self.paths.run]
        command = [sys.executable, "-m", "agent.cli", "up", *map(str, where), "--pins", "mock", "--trial", "15", "1"]
        stopped = {"PYTHONPATH": str(AT_STEP), "STANDPIPE_AT_STEP": f"{step}:{self.told}"} if step else {}
        self.far.presence.clear()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **stopped})
        until(lambda: any(one.state == "online" for one in self.far.presence), self.log.read_text())

    def cut_power(self) -> None:
        """Everything dies at once, and /run is empty afterwards."""
        family = [self.process.pid, *descendants(self.process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        until(lambda: not any(Path(f"/proc/{pid}/fd").exists() and alive(pid) for pid in family), "all are gone")
        shutil.rmtree(self.paths.run)

    def text(self, settle: int = 20, broker: str = "") -> str:
        return SITE.format(settle=settle, broker=broker or self.broker.url) + self.tina.section

    def hand_over(self, text: str) -> str:
        """The command; its id."""
        envelope = self.tina.command("config", {"file": pack(text.encode())})
        self.far.publish("command", envelope.text().encode())
        return envelope.id

    def send(self, text: str) -> dict[str, str]:
        """The command, and its end as the board tells it."""
        return self.end(self.hand_over(text))

    def end(self, id_: str) -> dict[str, str]:
        found: dict[str, str] = until(lambda: self._end(id_), "an end", 60)
        return found

    def _end(self, id_: str) -> dict[str, str] | None:
        with self.far.lock:
            told = [json.loads(payload) for leaf, payload in self.far.raw if leaf == "result"]
        return next((one for one in told if one["id"] == id_ and one["state"] in ("done", "failed", "refused")), None)

    def rows(self, *kinds: str) -> list[Row]:
        try:
            journal = Journal.open_to_read(self.paths.journal)
        except JournalError:
            return []
        try:
            return journal.read(kinds=kinds)
        finally:
            journal.close()

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self.far.close()
        self.broker.kill()


def descendants(pid: int) -> list[int]:
    """Processes below this one."""
    own = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(one) for one in own.read_text().split()] if own.exists() else []
    return [one for child in children for one in (child, *descendants(child))]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.timeout(120)
def test_a_board_far_away_gets_another_site_file_and_keeps_its_way_back(
    bench: Bench, rounds: Callable[[int, int], int]
) -> None:
    new = bench.text(settle=50)
    assert bench.send(new)["state"] == "done"
    assert bench.paths.site.read_text() == new
    assert len([row for row in bench.rows("process.started") if row.source == "panel"]) == 2
    wrong = bench.send(bench.text(settle=-1))
    assert wrong["state"] == "failed"
    assert "settle_ms" in wrong["reason"]
    if not rounds(0, 1):
        return
    lost = bench.send(bench.text(broker="mqtt://127.0.0.1:1"))
    assert lost["state"] == "failed", "told over the way that it would have cut"
    assert "the broker was reached before and is not now" in lost["reason"]
    assert bench.paths.site.read_text() == new
    kinds = [row.kind for row in bench.rows("config.tried", "config.applied", "config.rolled_back")]
    assert kinds == ["config.tried", "config.applied", "config.tried", "config.rolled_back"]
    assert not list(bench.paths.site.parent.glob("site.toml.trial"))


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("step", STEPS)
def test_the_power_goes_at_a_step_and_one_good_file_stands_and_is_told(tmp_path: Path, step: str) -> None:
    bench = Bench(tmp_path, step)
    try:
        cut_off_at(bench, step)
    finally:
        bench.close()


def cut_off_at(bench: Bench, step: str) -> None:
    """`bench` stops at that step."""
    old = bench.paths.site.read_text()
    new = bench.text(settle=50, broker="mqtt://127.0.0.1:1" if "back" in step else "")
    id_ = bench.hand_over(new)
    until(bench.told.exists, f"the installer comes to {step}", 60)
    bench.cut_power()
    assert bench.paths.site.read_text() in (old, new), "whole at every moment"
    bench.start()
    told = bench.end(id_)
    stands = new if step == "done" else old
    assert (told["state"], bench.paths.site.read_text()) == ("done" if step == "done" else "failed", stands), step
    assert step == "done" or "the old site file stands" in told["reason"]
    until(lambda: not list(bench.paths.site.parent.glob("site.toml.[tn]*")), "nothing of the trial is left")
