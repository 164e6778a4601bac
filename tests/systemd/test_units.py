"""The units, as systemd reads them: they parse, they are tight, and each process may die alone and comes back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sp_units

from agent.runtime.paths import Paths

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
EXPOSURE_MAX = 2.0
OURS = (
    "standpipe-panel",
    "standpipe-recorder@",
    "standpipe-uplink",
    "standpipe-simulator",
    "standpipe-jobs@",
    "standpipe-installer",
)
INSTALLER = "standpipe-installer.service"  # root's: it has tests of its own
STANDING = [name for name in sp_units.SERVICES if "jobs" not in name and name != INSTALLER]
USERS = [name for name in sp_units.SERVICES if name != INSTALLER]


def test_every_process_of_a_board_has_a_unit() -> None:
    assert {name.removesuffix(".service") for name in sp_units.SERVICES} == set(OURS)


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """Copied with an ExecStart that exists here: the installed programs are not part of this question."""
    units = [path for kind in ("service", "target", "timer", "path") for path in sp_units.UNITS.glob(f"*.{kind}")]
    for path in units:
        text = re.sub(r"/opt/standpipe/venv/bin/\w+", "/bin/true", path.read_text())
        (tmp_path / path.name.replace("@", "@camera")).write_text(text)
    named = sorted(map(str, tmp_path.iterdir()))
    shutil.copytree(sp_units.UNITS / "standpipe-jobs@scrub.service.d", tmp_path / "standpipe-jobs@camera.service.d")
    said = sp_units.run("systemd-analyze", "verify", "--man=no", *named)
    ours = [line for line in said.stderr.splitlines() if "standpipe" in line]
    assert not ours, ours


@needs_systemd
@pytest.mark.parametrize("name", sp_units.SERVICES)
def test_exposure_is_low(name: str) -> None:
    said = sp_units.run("systemd-analyze", "security", "--offline=true", str(sp_units.UNITS / name))
    score = re.search(r"Overall exposure level for .*: ([0-9.]+)", said.stdout)
    assert score, said
    assert float(score[1]) <= EXPOSURE_MAX


@pytest.mark.parametrize("name", STANDING)
def test_comes_back_for_ever(name: str) -> None:
    unit = sp_units.settings(name)
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["Type"] == ["notify"]


@pytest.mark.parametrize("job", ["retention", "holds", "seal", "scrub", "backup"])
def test_jobs_are_started_by_timers_that_no_clock_step_moves(job: str) -> None:
    timer = sp_units.settings(f"standpipe-jobs-{job}.timer")
    assert timer["Unit"] == [f"standpipe-jobs@{job}.service"]
    assert "OnCalendar" not in timer
    assert timer["OnBootSec"]
    assert timer["OnUnitInactiveSec"]
    assert sp_units.settings("standpipe-jobs@.service")["Type"] == ["oneshot"]


def test_reading_all_footage_again_gives_way_to_everything() -> None:
    idle = sp_units.settings("standpipe-jobs@scrub.service.d/idle.conf")
    wanted = {"IOSchedulingClass": ["idle"], "IOWeight": ["1"], "CPUWeight": ["1"], "Nice": ["19"]}
    assert idle == wanted, "all else as every job"


@pytest.mark.parametrize("name", [name for name in STANDING if "simulator" not in name])
def test_a_process_that_hangs_is_ended(name: str) -> None:
    assert 0 < int(sp_units.settings(name)["WatchdogSec"][0]) <= 60


@pytest.mark.parametrize("name", sp_units.SERVICES)
def test_shares_files_by_group_only(name: str) -> None:
    unit = sp_units.settings(name)
    assert unit["UMask"] == ["0007"]
    assert "standpipe" in unit["SupplementaryGroups"][0].split()
    assert unit["ProtectSystem"] == ["strict"]
    etc = "/etc/standpipe " if name == INSTALLER else ""
    assert unit["ReadWritePaths"] == [f"{etc}/var/lib/standpipe /run/standpipe"]
    assert "RuntimeDirectory" not in unit, "the first unit to stop would remove what the others use"


def test_each_process_has_a_user_of_its_own_that_sysusers_makes() -> None:
    users = [sp_units.settings(name)["User"][0] for name in USERS]
    assert len(set(users)) == len(users)
    made = [line.split()[:3] for line in (sp_units.UNITS / "sysusers.conf").read_text().splitlines() if line]
    for user in users:
        assert ["u", user, "-"] in made
        assert ["m", user, "standpipe"] in made


def test_groups_named_by_units_are_made() -> None:
    """A group that does not exist keeps a unit from starting, on every board without cameras or GPIO."""
    text = (sp_units.UNITS / "sysusers.conf").read_text()
    made = {line.split()[1] for line in text.splitlines() if line.startswith("g ")}
    named = {group for name in sp_units.SERVICES for group in sp_units.settings(name)["SupplementaryGroups"][0].split()}
    assert named <= made


def test_what_is_roots_can_nothing_and_is_started_by_what_was_asked() -> None:
    unit = sp_units.settings(INSTALLER)
    assert unit["User"] == ["root"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["InaccessiblePaths"] == ["-/etc/standpipe/secrets.toml"]
    assert "PartOf" not in unit, "it starts the target's units anew, and must outlive that"
    watched = sp_units.settings("standpipe-installer.path")
    paths = Paths()
    assert watched["PathExists"] == [str(paths.install_asked), f"{paths.site}.trial"]


def test_panel_needs_nobody_and_reaches_nobody() -> None:
    unit = sp_units.settings("standpipe-panel.service")
    for binding in ("Requires", "BindsTo", "Requisite", "Wants", "Upholds"):
        assert binding not in unit
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert unit["LimitMEMLOCK"] == ["infinity"], "mlockall of what is mapped, not of what is used"


def test_uplink_cannot_change_footage() -> None:
    unit = sp_units.settings("standpipe-uplink.service")
    assert unit["ReadOnlyPaths"] == ["/var/lib/standpipe/footage /var/lib/standpipe/clips"]


def test_folders_are_shared_by_group() -> None:
    lines = [line.split() for line in (sp_units.UNITS / "tmpfiles.conf").read_text().splitlines() if line]
    made = {line[1]: line[2:5] for line in lines if line[0] in "df"}
    for folder in ("/var/lib/standpipe", "/var/lib/standpipe/footage", "/var/lib/standpipe/clips", "/run/standpipe"):
        assert made[folder] == ["2770", "root", "standpipe"]
    assert made["/run/standpipe/bell"] == ["0660", "root", "standpipe"]


@needs_systemd
@pytest.mark.skipif(os.getuid() != 0, reason="makes users and changes owners, in a folder: needs root")
def test_systemd_makes_users_and_folders(tmp_path: Path) -> None:
    """sysusers and tmpfiles of this machine, on an empty root: a typing error shows as a missing folder."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    sysusers = sp_units.run("systemd-sysusers", f"--root={tmp_path}", str(sp_units.UNITS / "sysusers.conf"))
    assert sysusers.returncode == 0, sysusers.stderr
    users = {line.split(":")[0]: line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    assert {sp_units.settings(name)["User"][0] for name in USERS} <= set(users)
    members = next(line for line in (tmp_path / "etc/group").read_text().splitlines() if line.startswith("standpipe:"))
    assert len(members.split(":")[3].split(",")) == len(USERS)
    tmpfiles = sp_units.run("systemd-tmpfiles", f"--root={tmp_path}", "--create", str(sp_units.UNITS / "tmpfiles.conf"))
    assert tmpfiles.returncode == 0, tmpfiles.stderr
    assert (tmp_path / "var/lib/standpipe").stat().st_mode & 0o7777 == 0o2770
    assert (tmp_path / "run/standpipe/bell").stat().st_gid == int(members.split(":")[2])


def test_no_python_in_systemd() -> None:
    """The folder's name is systemd-python's import name: any Python in it would keep the real one from loading."""
    assert not list(sp_units.UNITS.rglob("*.py"))


def test_systemd_is_imported_only_as_daemon_and_guarded() -> None:
    """`import systemd` alone succeeds on our own folder; only `from systemd import daemon` proves anything."""
    importing = []
    for path in (sp_units.CHECKOUT / "agent").rglob("*.py"):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"\s*(import systemd|from systemd)", line):
                importing.append(path.name)
                assert line.strip() == "from systemd import daemon"
                assert lines[number - 1].strip() == "try:"
                assert lines[number + 1].strip() == "except ImportError:"
    assert importing == ["notify.py"]


@pytest.mark.parametrize("name", sp_units.SERVICES)
def test_nothing_is_imported_from_the_folder_that_all_may_write(name: str, tmp_path: Path) -> None:
    """`python -m` looks into its working folder first: whoever may write /run/standpipe would become every process."""
    unit = sp_units.settings(name)
    assert unit["Environment"] == ["PYTHONSAFEPATH=1"]
    planted = tmp_path / "agent"
    planted.mkdir()
    (planted / "__init__.py").write_text("print('planted')")
    said = subprocess.run(
        [sys.executable, "-m", "agent.runtime.keys"],
        cwd=tmp_path,
        env={**os.environ, **dict([unit["Environment"][0].split("=")])},
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "planted" not in said.stdout
