"""The installed board with systemd as PID 1, without a network: each process dies alone and is back.

Needs a bootable root: STANDPIPE_RIG names a folder with `nspawn CMD`, or one lies beside the checkout.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sp_rig

from agent.panel.realtime import PRIORITY

ALL = ("panel", "recorder", "uplink", "simulator")
WATCHED = ("panel", "recorder", "uplink")
REALTIME = ["fifo", PRIORITY]

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What guest/campaign.py saw inside."""
    place = sp_rig.needed()
    folder = tmp_path_factory.mktemp("boot")
    # bash -c's exec -a: processes whose name begins with @ are spared when user space is taken down for a reboot.
    campaign = "/mnt/src/tests/systemd/guest/campaign.py /mnt/src /mnt/wheels /mnt/out/seen.json"
    said = sp_rig.run_inside(place, folder, f"exec -a @campaign /usr/bin/python3 {campaign}")
    out = folder / "out"
    assert (out / "seen.json").exists(), said
    found: dict[str, Any] = json.loads((out / "seen.json").read_text())
    assert "fault" not in found, found
    return found


def test_installs_without_a_network_and_everything_comes_up(seen: dict[str, Any]) -> None:
    assert seen["up"] == dict.fromkeys(ALL, True), seen["install"] + seen["log"]


def test_an_alarm_sounds_across_the_processes(seen: dict[str, Any]) -> None:
    assert seen["siren"] == "siren"


def test_every_thread_of_the_panel_is_real_time(seen: dict[str, Any]) -> None:
    """One that is not and holds Python's lock while it waits for a processor holds up the alarm loop."""
    priority, microseconds = (line.split()[3] for line in seen["limits"])
    assert microseconds == "10000000"
    if priority == "0":
        pytest.skip("systemd in this container may not raise LimitRTPRIO: sh tests/vm/clock.sh asks a whole machine")
    for found in (seen["threads"]["panel"], seen["threads_again"]):
        assert len(found) >= 6
        assert found == [REALTIME] * len(found), seen["log"]


@pytest.mark.parametrize("name", ["recorder", "uplink", "simulator"])
def test_nobody_else_is_real_time(seen: dict[str, Any], name: str) -> None:
    assert {policy for policy, _ in seen["threads"][name]} == {"other"}


def test_a_panel_that_may_not_be_real_time_says_so_and_goes_on(seen: dict[str, Any]) -> None:
    assert seen["refused_up"]
    assert {policy for policy, _ in seen["refused"]} == {"other"}
    said = "the panel is not real-time (Operation not permitted): LimitRTPRIO=10 lets it be"
    assert said in seen["refused_log"], seen["refused_log"]


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
