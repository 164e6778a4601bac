"""A site file by command on an installed board with systemd as PID 1: the installer, root without a capability."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sp_rig

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
INSIDE = (
    "sh /mnt/src/provisioning/install.sh --simulate --wheels /mnt/wheels && cd / && "
    "/opt/standpipe/venv/bin/python /mnt/src/tests/systemd/guest/site_file.py /mnt/src/tests/support /mnt/out/seen.json"
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What guest/site_file.py saw inside."""
    place = sp_rig.needed()
    folder = tmp_path_factory.mktemp("site-file")
    said = sp_rig.run_inside(place, folder, INSIDE)
    found = folder / "out/seen.json"
    assert found.exists(), said
    result: dict[str, Any] = json.loads(found.read_text())
    return result


def test_a_good_file_is_applied_and_its_new_camera_recorded(seen: dict[str, Any]) -> None:
    assert seen["good"] == ["command.done", ""], seen["log"]
    assert seen["good_stands"]
    assert "standpipe-recorder@second.service" in seen["recorders"]


def test_a_file_with_which_the_panel_does_not_come_back_is_rolled_back(seen: dict[str, Any]) -> None:
    kind, reason = seen["bad"]
    assert kind == "command.failed", seen["log"]
    assert "panel did not come back" in reason
    assert seen["bad_stands"]


def test_the_new_file_belongs_to_those_who_read_it(seen: dict[str, Any]) -> None:
    modes = dict(line.split(" ", 1) for line in seen["modes"].splitlines())
    assert modes["/etc/standpipe/site.toml"] == "root:standpipe 640"
    assert modes["/etc/standpipe/site.toml.counters"].startswith("root:")
    assert "/etc/standpipe/site.toml.trial" not in modes


def test_nobody_else_may_write_there(tmp_path: Path) -> None:
    """By the table of folders: only root writes beside the site file."""
    lines = (sp_rig.CHECKOUT / "systemd/tmpfiles.conf").read_text().splitlines()
    folder = next(line.split() for line in lines if line.startswith("d /etc/standpipe "))
    assert folder[2:5] == ["0750", "root", "standpipe"]
