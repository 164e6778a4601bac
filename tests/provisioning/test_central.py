"""The collector's unit, as systemd reads it, and the command line that it makes."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.cli.commands import collect
from agent.collector.postgres_store import CONNECT_S, LOCK_MS, STATEMENT_MS
from agent.collector.s3 import READ_S

UNIT = Path(__file__).parents[2] / "provisioning/central/standpipe-collector@.service"
EXPOSURE_MAX = 2.0
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@needs_systemd
def test_systemd_finds_nothing_wrong_and_exposure_is_low(tmp_path: Path) -> None:
    unit = tmp_path / "standpipe-collector@one.service"
    unit.write_text(re.sub(r"/opt/standpipe/venv/bin/\w+", "/bin/true", UNIT.read_text()))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert [line for line in said.stderr.splitlines() if "standpipe" in line] == []
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(UNIT)], capture_output=True, text=True, check=False
    )
    score = re.search(r"Overall exposure level for .*: ([0-9.]+)", said.stdout)
    assert score, said
    assert float(score[1]) <= EXPOSURE_MAX


def test_the_command_of_the_unit_and_of_its_example_are_understood() -> None:
    text = UNIT.read_text()
    command, example = re.search(r"agent\.cli collect (.*)\$COLLECT", text), re.search(r"COLLECT=(--.*)", text)
    assert command
    assert example
    parser = argparse.ArgumentParser()
    collect.add(parser)
    args = parser.parse_args([*command[1].split(), *example[1].split()])
    assert (args.what, args.store) == ("run", "/var/lib/standpipe-collector/store")
    assert args.secrets.name == "secrets.toml"


def test_the_watchdog_waits_longer_than_any_wait_of_ours() -> None:
    found = re.search(r"WatchdogSec=(\d+)", UNIT.read_text())
    assert found
    longest = CONNECT_S + (LOCK_MS + STATEMENT_MS) / 1000 + 2 * READ_S
    assert int(found[1]) > 1.5 * longest
