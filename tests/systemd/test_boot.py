"""The installed board with systemd as PID 1, without a network: each process dies alone and is back.

Needs a bootable root: STANDPIPE_RIG names a folder with `nspawn CMD`, or one lies beside the checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import sp_children

CHECKOUT = Path(__file__).parents[2]
GUEST_PYTHON = "3.13"
ALL = ("panel", "recorder", "uplink", "simulator")
WATCHED = ("panel", "recorder", "uplink")

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


def rig() -> Path | None:
    """The folder of the bootable root, if there is one."""
    places = [Path(os.environ["STANDPIPE_RIG"])] if "STANDPIPE_RIG" in os.environ else []
    places.append(CHECKOUT.parent / "shared/rig")
    return next((place for place in places if (place / "nspawn").exists()), None)


def clone(folder: Path) -> Path:
    """What is under version control or would be, as it lies here now."""
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What guest/campaign.py saw inside."""
    place = rig()
    if place is None:
        pytest.skip("no bootable root: set STANDPIPE_RIG to a folder with an `nspawn CMD`")
    if os.getuid() != 0:
        pytest.skip("booting a container needs root")
    folder = tmp_path_factory.mktemp("boot")
    source = clone(folder / "src")
    made = subprocess.run(
        ["sh", str(CHECKOUT / "provisioning/wheels.sh"), str(folder / "wheels"), "--python", GUEST_PYTHON], check=False
    )
    assert made.returncode == 0
    out = folder / "out"
    out.mkdir()
    # bash -c's exec -a: processes whose name begins with @ are spared when user space is taken down for a reboot.
    campaign = "/mnt/src/tests/systemd/guest/campaign.py /mnt/src /mnt/wheels /mnt/out/seen.json"
    binds = f"{source}:/mnt/src {folder / 'wheels'}:/mnt/wheels {out}:/mnt/out"
    log = folder / "log"
    with log.open("wb") as said:
        ran = subprocess.Popen(
            [str(place / "nspawn"), f"exec -a @campaign /usr/bin/python3 {campaign}"],
            env={**os.environ, "NSPAWN_BIND": binds},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    # Taking user space down stops every process in there for a moment; nsenter, outside, stops with its child
    # and is woken by nobody.
    while ran.poll() is None:
        sp_children.go_on({pid: line for pid, line in sp_children.alive().items() if line.startswith("nsenter")})
        time.sleep(0.5)
    assert (out / "seen.json").exists(), log.read_text()
    found: dict[str, Any] = json.loads((out / "seen.json").read_text())
    assert "fault" not in found, found
    return found


def test_installs_without_a_network_and_everything_comes_up(seen: dict[str, Any]) -> None:
    assert seen["up"] == dict.fromkeys(ALL, True), seen["install"] + seen["log"]


def test_an_alarm_sounds_across_the_processes(seen: dict[str, Any]) -> None:
    assert seen["siren"] == "siren"


@pytest.mark.parametrize("name", ALL)
def test_killed_it_is_back_and_nobody_else_noticed(seen: dict[str, Any], name: str) -> None:
    hit = seen["killed"][name]
    assert hit["back"], seen["end_log"]
    assert hit["harmed"] == ([] if name != "simulator" else hit["harmed"]), (
        "only the board itself may take others along"
    )


@pytest.mark.parametrize("name", WATCHED)
def test_frozen_it_is_ended_and_back(seen: dict[str, Any], name: str) -> None:
    hit = seen["frozen"][name]
    assert hit["back"], seen["end_log"]
    assert hit["harmed"] == []


def test_three_users_write_one_journal(seen: dict[str, Any]) -> None:
    started = {str(row["source"]).partition("@")[0] for row in seen["rows"] if row["kind"] == "process.started"}
    assert {"panel", "recorder", "uplink"} <= started, seen["events_said"]
    assert "exit" not in seen["check"], seen["check"]


@pytest.mark.parametrize("job", ["seal", "holds", "retention", "scrub", "backup"])
def test_each_job_runs_as_its_timer_starts_it(seen: dict[str, Any], job: str) -> None:
    result, timer, said = seen["jobs"][job]
    assert (result, timer, said) == ("success", "active", ""), seen["end_log"]


def test_a_backup_lies_there_and_holds_by_rule_stand(seen: dict[str, Any]) -> None:
    """The demand that sounded the siren held its footage by itself, too."""
    assert {Path(path).name for path in seen["backups"]} == {"journal.db", "media.db", "site.toml"}, seen["end_log"]
    assert set(seen["backups"].values()) == {"standpipe-jobs"}
    by_kind = {str(row["kind"]): row for row in seen["rows"]}
    assert "backup.verified" in by_kind
    assert by_kind["hold.requested"]["data"]["by"] == "rule"


def test_what_is_shared_belongs_to_the_group(seen: dict[str, Any]) -> None:
    """Cursors and status files are their writer's own affair; what several open must be the group's."""
    shared = [path for path in seen["files"] if "/journal.db" in path or path.endswith(("/bell", "/ring"))]
    assert len(shared) >= 3
    for path in shared:
        _, group, mode = seen["files"][path]
        assert (group, mode) == ("standpipe", "0o660"), path
    owners = {owner for owner, _, _ in seen["files"].values()}
    assert {"standpipe-panel", "standpipe-recorder", "standpipe-uplink"} <= owners


def test_installed_over_itself_it_runs_on(seen: dict[str, Any]) -> None:
    assert seen["again_up"] == dict.fromkeys(ALL, True), seen["again"]


def test_it_comes_up_at_boot(seen: dict[str, Any]) -> None:
    assert seen["rebooted"]
    assert seen["up_after_boot"] == dict.fromkeys(ALL, True)
    assert seen["target_after_boot"] == "active"


def test_uninstalled_the_data_is_left(seen: dict[str, Any]) -> None:
    left = seen["left"]
    assert (left["data"], left["site"], left["prefix"]) == (True, True, False), seen["uninstall"]
    assert "standpipe" not in left["units"] + left["processes"]
