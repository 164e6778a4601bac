"""The collector's unit with systemd as PID 1, beside a real mosquitto and an installed board that delivers to it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sp_rig

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
INSIDE = (
    "sh /mnt/src/provisioning/install.sh --simulate --wheels /mnt/wheels && cd / && "
    "/opt/standpipe/venv/bin/python /mnt/src/tests/systemd/guest/collector.py /mnt/src /mnt/out/seen.json"
)
EXPOSURE_MOST = 2.0  # of 10, by systemd's own reckoning; a plain service has 9.2


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What guest/collector.py saw inside."""
    place = sp_rig.needed()
    folder = tmp_path_factory.mktemp("collector-unit")
    said = sp_rig.run_inside(place, folder, INSIDE)
    found = folder / "out/seen.json"
    assert found.exists(), said
    result: dict[str, Any] = json.loads(found.read_text())
    assert "faults" not in result, (result["faults"], result["log"])
    print(result["security"])
    return result


def whole(board: dict[str, Any]) -> bool:
    return bool(board["chain"]["whole"]) and board["missing"] == [] and board["conflicts"] == []


def test_it_is_ready_as_a_user_of_its_own_and_the_board_delivers(seen: dict[str, Any]) -> None:
    assert seen["up"] == ["active", "running", "notify", "main", "yes"], seen["start"] + seen["log"]
    assert "0" not in (seen["user"], seen["owner"]), "root neither runs it nor owns what it stores"
    assert seen["arrived"], seen["log"]
    assert whole(seen["first"])


def test_hardly_anything_is_left_to_it(seen: dict[str, Any]) -> None:
    exposure = re.search(r": ([0-9.]+) ", seen["security"])
    assert exposure, seen["security"]
    assert float(exposure[1]) <= EXPOSURE_MOST, seen["security"]


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_killed_or_frozen_it_is_back_and_nothing_is_missing(seen: dict[str, Any], how: str) -> None:
    assert seen[how]["back"], seen["log"]
    assert seen[how]["arrived"], seen["log"]
    assert whole(seen[how]["board"])


def test_it_was_the_watchdog_that_ended_the_frozen_one(seen: dict[str, Any]) -> None:
    assert "timeout" in seen["frozen_log"].lower(), seen["log"]


def test_a_full_disk_is_said_and_the_same_process_goes_on_when_there_is_room(seen: dict[str, Any]) -> None:
    assert seen["full_told"], seen["log"]
    assert "boards keep what they have" in seen["full_log"][0]
    assert seen["full_behind"]
    assert seen["full_arrived"], seen["log"]
    assert whole(seen["full_board"])
    assert seen["full_same"]


def test_a_stop_is_clean(seen: dict[str, Any]) -> None:
    assert seen["stopped"] == ["inactive", "success", "0"], seen["stop"] + seen["log"]


def test_what_the_unit_says_of_itself_is_what_was_done() -> None:
    """Its first lines are the only instruction there is: the names in them are those the campaign used."""
    text = (sp_rig.CHECKOUT / "provisioning/central/standpipe-collector@.service").read_text()
    guest = (sp_rig.CHECKOUT / "tests/systemd/guest/collector.py").read_text()
    for name in ("/etc/standpipe/collector-", "/etc/standpipe/collector-secrets.toml", "/var/lib/standpipe-collector"):
        assert name in text
        assert name in guest
