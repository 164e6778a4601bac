"""A new site file over a real broker to a whole site under `standpipe up`: applied, rolled back, told either way."""

from __future__ import annotations

import json
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

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder / "broker").start()
        self.far = Acker(self.broker.port, "plant", "pump-house")
        self.tina = Person("tina", "technician")
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.paths.site.write_text(self.text())
        where = ["--site", self.paths.site, "--data", self.paths.data, "--run", self.paths.run]
        command = [sys.executable, "-m", "agent.cli", "up", *map(str, where), "--pins", "mock", "--trial", "15", "1"]
        self.log = folder / "up.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: any(one.state == "online" for one in self.far.presence), self.log.read_text())

    def text(self, settle: int = 20, broker: str = "") -> str:
        return SITE.format(settle=settle, broker=broker or self.broker.url) + self.tina.section

    def send(self, text: str) -> dict[str, str]:
        """The command, and its end as the board tells it."""
        envelope = self.tina.command("config", {"file": pack(text.encode())})
        self.far.publish("command", envelope.text().encode())
        found: dict[str, str] = until(lambda: self._end(envelope.id), "an end", 60)
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
