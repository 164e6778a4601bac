"""Runs as root inside a booted system, by the installed Python: the collector's unit beside a real mosquitto.

usage: collector.py SOURCE OUT.json - the board is the installed, simulated one; judges nothing.
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
from typing import Any

UNIT = "standpipe-collector@centre.service"
STATE = Path("/var/lib/private/standpipe-collector")
STORE = Path("/var/lib/standpipe-collector/store")
STANDPIPE = "/usr/local/bin/standpipe"
DROP_IN = "[Service]\nWatchdogSec=12\n"  # the collector feeds it each 5 s
BACK_S = 90.0
DISK_MIB = 100
MANY_ROWS = 60_000

seen: dict[str, Any] = {}


def sh(command: str) -> str:
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip() + (f"\nexit {done.returncode}" if done.returncode else "")


def show(key: str) -> str:
    return sh(f"systemctl show -P {key} {UNIT}")


def pid() -> int:
    return int(show("MainPID"))


def until(true: Callable[[], object], seconds: float = BACK_S) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def said() -> str:
    return sh(f"journalctl -u {UNIT} --no-pager -o cat -n 400")


def board() -> dict[str, Any]:
    """What the collector has of the one board's one epoch, {} if nothing; the newest if there are more."""
    done = subprocess.run(
        [STANDPIPE, "collect", "report", "--store", STORE, "--json"], capture_output=True, check=False
    )
    boards = json.loads(done.stdout)["boards"] if not done.returncode else []
    return dict(boards[0]["epochs"][-1]) if boards and boards[0]["epochs"] else {}


def head() -> int:
    """The journal's last row."""
    out = sh(f"{STANDPIPE} events --json --limit 1")
    return int(json.loads(out.splitlines()[-1])["seq"])


def arrived() -> bool:
    """All that the board had written when we looked."""
    want = head()
    return until(lambda: board().get("chain", {}).get("upto", 0) >= want)


def write(rows: int) -> None:
    """Rows on the board, as one of its processes would write them."""
    script = (
        "import sys\n"
        "from agent.core.events import PointChanged\n"
        "from agent.journal import Journal\n"
        "from agent.runtime.clock import SystemClock\n"
        "from agent.runtime.paths import Paths\n"
        "journal = Journal.open(Paths().journal, Paths().bell, SystemClock().stamp)\n"
        "for first in range(0, int(sys.argv[1]), 1000):\n"
        "    made = (PointChanged(source='hall', closed=n % 2 == 0, edge_mono_ns=n, decided_mono_ns=n)"
        " for n in range(first, first + 1000))\n"
        "    journal.append(*made)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(rows)], check=True)


def broker() -> None:
    """mosquitto as a service of its own, on this computer only."""
    Path("/etc/centre.conf").write_text("listener 1883 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
    sh("systemd-run --unit=centre-broker /usr/sbin/mosquitto -c /etc/centre.conf")


def install(source: Path) -> None:
    """As the unit's first lines say; its state on a small disk of its own."""
    shutil.copy(source / "provisioning/central/standpipe-collector@.service", "/etc/systemd/system/")
    Path("/etc/standpipe/collector-centre.env").write_text(f"COLLECT=--broker mqtt://127.0.0.1:1883 --store {STORE}\n")
    secrets = Path("/etc/standpipe/collector-secrets.toml")
    secrets.touch(0o600)
    STATE.mkdir(parents=True)
    STATE.parent.chmod(0o700)
    sh(f"mount -t tmpfs -o size={DISK_MIB}m tmpfs {STATE}")
    seen["start"] = sh("systemctl daemon-reload; systemctl enable --now standpipe-collector@centre")
    seen["up"] = [show(key) for key in ("ActiveState", "SubState", "Type", "NotifyAccess", "DynamicUser")]
    seen["security"] = sh(f"systemd-analyze security --no-pager {UNIT} | tail -n 1")
    seen["owner"] = sh(f"stat -c %u {STATE}")
    seen["user"] = sh(f"stat -c %u /proc/{pid()}")


def delivers() -> None:
    seen["arrived"] = arrived()
    seen["first"] = board()


def hit(number: signal.Signals) -> dict[str, Any]:
    """A signal; whether it is back as another process, and everything that was written meanwhile arrives."""
    before = pid()
    os.kill(before, number)
    write(1000)
    back = until(lambda: pid() not in (0, before) and show("ActiveState") == "active")
    return {"back": back, "result": show("NRestarts"), "arrived": arrived(), "board": board()}


def killed() -> None:
    seen["killed"] = hit(signal.SIGKILL)


def frozen() -> None:
    """Beyond its watchdog, which is made impatient."""
    folder = Path(f"/etc/systemd/system/{UNIT}.d")
    folder.mkdir()
    (folder / "impatient.conf").write_text(DROP_IN)
    sh(f"systemctl daemon-reload; systemctl restart {UNIT}")
    seen["frozen"] = hit(signal.SIGSTOP)
    seen["frozen_log"] = sh(f"journalctl -u {UNIT} --no-pager -o cat | grep -i watchdog")


def full() -> None:
    """Its disk is full: said, nothing acknowledged, the same process goes on by itself when there is room."""
    same, ballast = pid(), STATE / "ballast"
    left = os.statvfs(STATE)
    with ballast.open("wb") as file:
        file.write(bytes(left.f_bavail * left.f_frsize - 200_000))
    write(MANY_ROWS)
    seen["full_told"] = until(lambda: "cannot store" in said())
    seen["full_log"] = [line for line in said().splitlines() if "cannot store" in line][:2]
    seen["full_behind"] = board().get("chain", {}).get("upto", 0) < head()
    ballast.unlink()
    seen["full_arrived"] = arrived()
    seen["full_board"] = board()
    seen["full_same"] = pid() == same


def stopped() -> None:
    """A stop is clean and quick."""
    seen["stop"] = sh(f"systemctl stop {UNIT}")
    seen["stopped"] = [show(key) for key in ("ActiveState", "Result", "ExecMainStatus")]


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    steps: list[Callable[[], None]] = [
        broker,
        lambda: install(source),
        delivers,
        killed,
        frozen,
        full,
        stopped,
    ]
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the outside must see how far it came
            seen.setdefault("faults", []).append(f"{getattr(step, '__name__', step)}: {type(error).__name__}: {error}")
        seen["log"] = said()
        out.write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
