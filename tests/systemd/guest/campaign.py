"""Runs as root inside a booted system: installs, kills, freezes and reboots, and writes what it saw as JSON.

usage: campaign.py SOURCE WHEELS OUT.json
Judges nothing: tests/systemd/test_boot.py does.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PREFIX = Path("/opt/standpipe")
UNITS = {
    "panel": "standpipe-panel.service",
    "recorder": "standpipe-recorder@pump-room.service",
    "uplink": "standpipe-uplink.service",
    "simulator": "standpipe-simulator.service",
}
WATCHED = ("panel", "recorder", "uplink")
JOBS = ("seal", "holds", "retention", "scrub", "backup")
DROP_IN = "[Service]\nWatchdogSec=4\n"
NOT_REALTIME = "[Service]\nLimitRTPRIO=0\n"
POLICIES = {os.SCHED_OTHER: "other", os.SCHED_FIFO: "fifo"}
BACK_S = 60.0

seen: dict[str, object] = {}


def sh(command: str) -> str:
    """Output of a shell command, errors with it; its exit status on a line of its own if it failed."""
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip() + (f"\nexit {done.returncode}" if done.returncode else "")


def show(unit: str, key: str) -> str:
    return sh(f"systemctl show -P {key} '{unit}'")


def pid(unit: str) -> int:
    return int(show(unit, "MainPID"))


def until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def up(unit: str, other_than: int = 0) -> bool:
    return show(unit, "ActiveState") == "active" and pid(unit) not in (0, other_than)


def install(source: Path, wheels: Path) -> None:
    began = time.monotonic()
    seen["install"] = sh(f"sh {source}/provisioning/install.sh --simulate --wheels {wheels}")
    seen["install_s"] = round(time.monotonic() - began, 1)
    seen["up"] = {name: until(lambda unit=unit: up(unit), BACK_S) for name, unit in UNITS.items()}
    seen["log"] = sh("journalctl -u 'standpipe*' --no-pager -n 60")


def again(source: Path, wheels: Path) -> None:
    """A second installation over the first one."""
    seen["again"] = sh(f"sh {source}/provisioning/install.sh --wheels {wheels}")
    seen["again_up"] = {name: until(lambda unit=unit: up(unit), BACK_S) for name, unit in UNITS.items()}


def threads(unit: str) -> list[list[object]]:
    """Policy and real-time priority of each thread of a unit's process."""
    found = []
    for task in Path(f"/proc/{pid(unit)}/task").iterdir():
        policy, priority = os.sched_getscheduler(int(task.name)), os.sched_getparam(int(task.name)).sched_priority
        found.append([POLICIES.get(policy, str(policy)), priority])
    return found


def scheduling() -> None:
    """How the kernel runs each process's threads, and a panel whose unit may not be real-time."""
    seen["threads"] = {name: threads(unit) for name, unit in UNITS.items()}
    limits = Path(f"/proc/{pid(UNITS['panel'])}/limits").read_text().splitlines()
    seen["limits"] = [line for line in limits if "realtime" in line]
    folder = Path(f"/etc/systemd/system/{UNITS['panel']}.d")
    folder.mkdir(exist_ok=True)
    (folder / "not-realtime.conf").write_text(NOT_REALTIME)
    sh(f"systemctl daemon-reload; systemctl restart {UNITS['panel']}")
    here = pid(UNITS["panel"])
    seen["refused"] = threads(UNITS["panel"])
    seen["refused_up"] = until(lambda: up(UNITS["panel"]) and pid(UNITS["panel"]) == here, BACK_S)
    told = f"journalctl _PID={here} --no-pager -o cat"
    until(lambda: "real-time" in sh(told), 10)
    seen["refused_log"] = sh(told)
    (folder / "not-realtime.conf").unlink()
    sh(f"systemctl daemon-reload; systemctl restart {UNITS['panel']}")
    seen["threads_again"] = threads(UNITS["panel"])


def impatient() -> None:
    """A watchdog of seconds, so that a frozen process is noticed within the test's patience."""
    for name in WATCHED:
        folder = Path(f"/etc/systemd/system/{UNITS[name]}.d")
        folder.mkdir(exist_ok=True)
        (folder / "impatient.conf").write_text(DROP_IN)
    sh("systemctl daemon-reload; systemctl restart standpipe.target")
    for unit in UNITS.values():
        until(lambda unit=unit: up(unit), BACK_S)


def hit(name: str, number: signal.Signals) -> dict[str, object]:
    """A signal to one process; how long until it was back as another one, and whether the others noticed."""
    others = {other: pid(unit) for other, unit in UNITS.items() if other != name}
    before, began = pid(UNITS[name]), time.monotonic()
    if before == 0:  # as a signal's target, 0 would be this whole process group
        return {"back": False, "took_s": 0, "harmed": [], "why": "it was not running"}
    os.kill(before, number)
    back = until(lambda: up(UNITS[name], other_than=before), BACK_S)
    took = round(time.monotonic() - began, 1)
    harmed = [other for other, was in others.items() if pid(UNITS[other]) != was]
    return {"back": back, "took_s": took, "harmed": harmed}


def kill_each() -> None:
    seen["killed"] = {name: hit(name, signal.SIGKILL) for name in UNITS}


def freeze_each() -> None:
    seen["frozen"] = {name: hit(name, signal.SIGSTOP) for name in WATCHED}


def look() -> None:
    """What the journal and the commands say in the end."""
    seen["rows"] = rows()
    seen["check"] = sh("/usr/local/bin/standpipe journal check")
    seen["status"] = sh("/usr/local/bin/standpipe status")
    seen["end_log"] = sh("journalctl -u 'standpipe*' --no-pager -n 200")


def rows() -> list[dict[str, object]]:
    out = subprocess.run(
        ["/usr/local/bin/standpipe", "events", "--json", "--limit", "100000"],
        capture_output=True,
        text=True,
        check=False,
    )
    seen["events_said"] = out.stderr
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def alarm() -> None:
    """Demand without a pump: the siren must be on, over two processes and a socket."""
    script = (
        "from hw.simulator import Driver\n"
        "with Driver('/run/standpipe/board.sock') as d:\n"
        "    d.contact('pump-1-demand', True)\n"
        "    d.wait_relay('siren', True, timeout=30)\n"
        "    print('siren')\n"
    )
    done = subprocess.run([f"{PREFIX}/venv/bin/python", "-c", script], capture_output=True, text=True, check=False)
    seen["siren"] = done.stdout.strip() or done.stderr


def jobs() -> None:
    """Each pass as its timer starts it: as its own user, with all that its unit takes away."""
    site = Path("/etc/standpipe/site.toml")
    if "[backup]" not in site.read_text():
        site.write_text(site.read_text() + '\n[backup]\npath = "/var/lib/standpipe/backup"\n')
    ran = {}
    for job in JOBS:
        said = sh(f"systemctl start standpipe-jobs@{job}.service")
        timer = show(f"standpipe-jobs-{job}.timer", "ActiveState")
        ran[job] = [show(f"standpipe-jobs@{job}.service", "Result"), timer, said]
    seen["jobs"] = ran
    seen["backups"] = {str(path): path.owner() for path in Path("/var/lib/standpipe/backup").glob("*/*")}


def files() -> None:
    found = {}
    for path in [*Path("/var/lib/standpipe").glob("*"), *Path("/run/standpipe").glob("*")]:
        stat = path.stat()
        found[str(path)] = [path.owner(), path.group(), oct(stat.st_mode & 0o7777)]
    seen["files"] = found


def soft_reboot() -> None:
    """User space ends and begins again, as after a boot; this script is spared (its name begins with @)."""
    began = {name: pid(unit) for name, unit in UNITS.items()}
    sh("systemctl soft-reboot --no-wall")
    seen["rebooted"] = until(lambda: all(not up(unit) or pid(unit) != began[name] for name, unit in UNITS.items()), 30)
    seen["up_after_boot"] = {name: until(lambda unit=unit: up(unit), BACK_S) for name, unit in UNITS.items()}
    seen["target_after_boot"] = show("standpipe.target", "ActiveState")


def uninstall(source: Path) -> None:
    seen["uninstall"] = sh(f"sh {source}/provisioning/install.sh --uninstall")
    seen["left"] = {
        "data": Path("/var/lib/standpipe/journal.db").exists(),
        "site": Path("/etc/standpipe/site.toml").exists(),
        "prefix": PREFIX.exists(),
        "units": sh("systemctl list-unit-files --no-legend 'standpipe*'"),
        "processes": sh("systemctl list-units --no-legend --plain 'standpipe*' --state=active"),
    }


def main() -> None:
    source, wheels, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    told = out.open("w")  # held open: a reboot unmounts the folder
    mine = Path("/root/src")  # the folder shown inside may be read-only, or belong to nobody here
    shutil.copytree(source, mine)
    steps: list[Callable[[], None]] = [
        lambda: install(mine, wheels),
        scheduling,
        alarm,
        impatient,
        kill_each,
        freeze_each,
        jobs,
        files,
        lambda: again(mine, wheels),
        soft_reboot,
        look,
        lambda: uninstall(mine),
    ]
    for number, step in enumerate(steps):
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the outside must see how far it came
            seen["fault"] = f"step {number}: {type(error).__name__}: {error}"
        told.seek(0)
        told.write(json.dumps(seen))
        told.truncate()
        told.flush()


if __name__ == "__main__":
    main()
