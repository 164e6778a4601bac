"""The shell scripts: readable by every sh, clear to a person, and never in the way of what already runs here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = [
    CHECKOUT / ".ci/run",
    *sorted((CHECKOUT / "provisioning").rglob("*.sh")),
    *sorted((CHECKOUT / "tests").rglob("*.sh")),
]
NAMES = [str(path.relative_to(CHECKOUT)) for path in SCRIPTS]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


@pytest.mark.parametrize("name", NAMES)
def test_shellcheck_finds_nothing(name: str) -> None:
    assert shutil.which("shellcheck"), "tests/run.sh installs it"
    said = run("shellcheck", "-x", "-P", str(CHECKOUT), str(CHECKOUT / name))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("name", NAMES)
def test_plain_sh_can_read_it(name: str) -> None:
    shell = shutil.which("dash") or "sh"
    said = run(shell, "-n", str(CHECKOUT / name))
    assert said.returncode == 0, said.stderr


def test_ci_runs_the_tests_and_nothing_else() -> None:
    lines = (CHECKOUT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ['cd "$(dirname "$0")/.." && exec sh tests/run.sh']


@pytest.fixture
def sourced(tmp_path: Path) -> Path:
    """A folder that looks like a system: stubs of the commands that setup.sh asks, first on the PATH."""
    (tmp_path / "bin").mkdir()
    return tmp_path


def stub(place: Path, name: str, script: str) -> None:
    path = place / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def sh(place: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script with setup.sh sourced, the stubs first on the PATH."""
    text = f"set -eu; CHECKOUT={CHECKOUT}; . {CHECKOUT}/provisioning/lib/setup.sh; {script}"
    return run("sh", "-c", text, PATH=f"{place}/bin:/usr/bin:/bin", **environment)


def test_without_root_and_sudo_one_line_names_the_packages(sourced: Path) -> None:
    stub(sourced, "id", "echo 1000")
    stub(sourced, "dpkg-query", "exit 1")
    stub(sourced, "apt-get", "echo must not be called >&2; exit 9")
    said = sh(sourced, "PATH=$PATH_OF_STUBS need_packages mosquitto ffmpeg", PATH_OF_STUBS=_without_sudo(sourced))
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "apt-get install mosquitto ffmpeg" in said.stderr


def _without_sudo(place: Path) -> str:
    """A PATH with what setup.sh needs, on which there is no sudo even if this machine has one."""
    for tool in ("sh", "grep", "printf", "true"):
        found = shutil.which(tool)
        if found and not (place / "bin" / tool).exists():
            (place / "bin" / tool).symlink_to(found)
    return str(place / "bin")


def test_sudo_that_asks_is_not_used_without_a_terminal(sourced: Path) -> None:
    stub(sourced, "id", "echo 1000")
    stub(sourced, "dpkg-query", "exit 1")
    stub(sourced, "sudo", 'if [ "$1" = -n ]; then exit 1; fi; echo asked >&2')
    said = sh(sourced, "need_packages mosquitto")
    assert said.returncode == 1
    assert "asked" not in said.stderr
    assert "apt-get install mosquitto" in said.stderr


def test_sudo_that_does_not_ask_is_used(sourced: Path) -> None:
    stub(sourced, "id", "echo 1000")
    stub(sourced, "dpkg-query", "exit 1")
    stub(sourced, "sudo", 'echo "sudo $*" >&2')
    said = sh(sourced, "need_packages mosquitto")
    assert said.returncode == 0, said.stderr
    assert f"sudo -n sh {CHECKOUT}/provisioning/lib/apt.sh mosquitto" in said.stderr


def test_nothing_missing_means_nothing_done(sourced: Path) -> None:
    stub(sourced, "dpkg-query", "echo install ok installed")
    stub(sourced, "apt-get", "echo must not be called >&2; exit 9")
    said = sh(sourced, "need_packages mosquitto ffmpeg")
    assert (said.returncode, said.stderr) == (0, "")


def test_a_removed_package_counts_as_missing(sourced: Path) -> None:
    stub(sourced, "dpkg-query", "echo deinstall ok config-files")
    said = sh(sourced, "missing_of mosquitto")
    assert said.stdout.split() == ["mosquitto"]


def test_the_systems_python_goes_before_one_on_the_path(sourced: Path) -> None:
    stub(sourced, "python3", "echo a shim; exit 0")
    said = sh(sourced, "find_python; echo $PYTHON")
    assert said.stdout.strip() == "/usr/bin/python3"


def test_an_old_python_is_passed_over(sourced: Path) -> None:
    stub(sourced, "old", "exit 1")
    stub(sourced, "python3.13", "exit 0")
    said = sh(sourced, "find_python; echo $PYTHON", STANDPIPE_PYTHON="old")
    assert said.stdout.strip() == f"{sourced}/bin/python3.13"


def test_no_python_is_one_clear_line(sourced: Path) -> None:
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        stub(sourced, name, "exit 1")
    said = sh(sourced, "find_python", STANDPIPE_PYTHON="none")
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "3.11" in said.stderr


@pytest.fixture
def apt(sourced: Path) -> Path:
    """apt.sh with another place for policy-rc.d: these tests must not touch this machine's own."""
    text = (CHECKOUT / "provisioning/lib/apt.sh").read_text()
    policy = "POLICY=/usr/sbin/policy-rc.d"
    assert policy in text
    (sourced / "apt.sh").write_text(text.replace(policy, f"POLICY={sourced}/policy-rc.d"))
    stub(sourced, "systemctl", f'echo "$*" >>{sourced}/systemctl')
    return sourced


def run_apt(place: Path, *packages: str) -> subprocess.CompletedProcess[str]:
    return run("sh", str(place / "apt.sh"), *packages, PATH=f"{place}/bin:/usr/bin:/bin")


def test_services_are_kept_from_starting_while_apt_runs_and_only_then(apt: Path) -> None:
    stub(apt, "apt-get", f"{apt}/policy-rc.d mosquitto start; echo $? >{apt}/answer")
    assert run_apt(apt, "mosquitto").returncode == 0
    assert (apt / "answer").read_text().strip() == "101"
    assert not (apt / "policy-rc.d").exists()
    assert (apt / "systemctl").read_text() == "disable --quiet mosquitto.service\n"


def test_somebody_elses_policy_is_left_as_it_is(apt: Path) -> None:
    (apt / "policy-rc.d").write_text("mine")
    stub(apt, "apt-get", "exit 0")
    assert run_apt(apt, "ffmpeg").returncode == 0
    assert (apt / "policy-rc.d").read_text() == "mine"
    assert not (apt / "systemctl").exists(), "no broker was installed"


def test_lists_are_fetched_when_the_first_try_fails(apt: Path) -> None:
    stub(
        apt,
        "apt-get",
        f'echo "$1" >>{apt}/calls; [ "$1" = update ] || [ -e {apt}/updated ] || {{ touch {apt}/updated; exit 100; }}',
    )
    assert run_apt(apt, "ffmpeg").returncode == 0
    assert (apt / "calls").read_text().split() == ["install", "update", "install"]


def test_apt_that_fails_says_so_and_leaves_no_policy(apt: Path) -> None:
    stub(apt, "apt-get", "echo E: no room >&2; exit 100")
    said = run_apt(apt, "ffmpeg")
    assert said.returncode == 1
    assert "E: no room" in said.stderr
    assert not (apt / "policy-rc.d").exists()


def test_install_asks_for_root(tmp_path: Path) -> None:
    if os.getuid() == 0:
        said = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", str(_readable(tmp_path)))
    else:
        said = run("sh", str(CHECKOUT / "provisioning/install.sh"))
    assert said.returncode == 1
    assert said.stderr == "standpipe: run it as root: sudo sh provisioning/install.sh\n"


def _readable(folder: Path) -> Path:
    """install.sh and what it sources, where any user may read them."""
    shutil.copytree(CHECKOUT / "provisioning", folder / "provisioning", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.parents):
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(0o755)
    return folder / "provisioning/install.sh"


# --- a Raspberry Pi ---


@pytest.fixture
def pi(sourced: Path) -> Path:
    """A place that looks like a Raspberry Pi 4 to pi.sh."""
    (sourced / "proc/device-tree").mkdir(parents=True)
    (sourced / "proc/device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.5\0")
    (sourced / "boot/firmware").mkdir(parents=True)
    (sourced / "boot/firmware/config.txt").write_text("[cm4]\notg_mode=1\n")
    return sourced


def strict(place: Path) -> subprocess.CompletedProcess[str]:
    return sh(place, f". {CHECKOUT}/provisioning/lib/pi.sh; strict_pins", PI_ROOT=str(place))


def test_on_a_raspberry_pi_outputs_float_when_the_panel_is_killed(pi: Path) -> None:
    config = pi / "boot/firmware/config.txt"
    said = strict(pi)
    assert said.returncode == 0
    assert config.read_text().splitlines()[-3::2] == ["[all]", "dtparam=strict_gpiod"]
    assert config.read_text().startswith("[cm4]\notg_mode=1\n")
    assert (pi / "boot/firmware/config.txt.before-standpipe").read_text() == "[cm4]\notg_mode=1\n"
    assert "dtparam=strict_gpiod added" in said.stderr
    after = config.read_text()
    assert (strict(pi).stderr, config.read_text()) == ("", after), "once"


@pytest.mark.parametrize("line", ["dtparam=strict_gpiod", "  dtparam=audio=on,strict_gpiod", "dtparam=strict_gpiod=on"])
def test_a_parameter_that_is_there_is_left_alone(pi: Path, line: str) -> None:
    config = pi / "boot/firmware/config.txt"
    config.write_text(f"{line}\n")
    assert (strict(pi).stderr, config.read_text()) == ("", f"{line}\n")


@pytest.mark.parametrize(
    "line", ["#dtparam=strict_gpiod", "dtparam=strict_gpiod_not", "dtparam=audio=on # strict_gpiod"]
)
def test_what_only_looks_like_it_does_not_count(pi: Path, line: str) -> None:
    config = pi / "boot/firmware/config.txt"
    config.write_text(f"{line}\n")
    strict(pi)
    assert config.read_text().endswith("\ndtparam=strict_gpiod\n")


def test_the_older_place_of_the_file_and_none(pi: Path) -> None:
    (pi / "boot/firmware/config.txt").rename(pi / "boot/config.txt")
    assert "boot/config.txt: dtparam" in strict(pi).stderr
    (pi / "boot/config.txt").unlink()
    said = strict(pi)
    assert (said.returncode, "without a config.txt" in said.stderr) == (0, True)


@pytest.mark.parametrize("model", [b"NVIDIA Jetson Orin Nano\0", None])
def test_no_other_board_is_touched(pi: Path, model: bytes | None) -> None:
    path = pi / "proc/device-tree/model"
    path.write_bytes(model) if model else path.unlink()
    before = (pi / "boot/firmware/config.txt").read_text()
    assert (strict(pi).stderr, (pi / "boot/firmware/config.txt").read_text()) == ("", before)


def test_a_boot_folder_that_cannot_be_written_is_said_and_nothing_is_broken(pi: Path) -> None:
    stub(pi, "mv", "exit 1")
    said = strict(pi)
    assert (said.returncode, "mounted read-only" in said.stderr) == (1, True)
    assert (pi / "boot/firmware/config.txt").read_text() == "[cm4]\notg_mode=1\n"
