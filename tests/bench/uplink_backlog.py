"""An uplink that starts with a great backlog and nobody to send it to: time to READY, and memory against an empty one.

Reference, same run: the uplink of a board whose journal is empty.
Usage: uplink_backlog.py [--long] (1,000,000 rows instead of 100,000). Prints two JSON lines.
"""

# ruff: noqa: E402 - a bench is run by its path and finds its helpers first

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

from sp_bench import long_wanted, report
from sp_ports import free_port
from sp_uplink import UplinkSite, status_row, until

READY_S = 5.0
RSS_MIB = 5.0
SETTLE_S = 8.0
# What python3-systemd does with a line: it is a system package, which the checkout's .venv has not.
DAEMON = """import os, socket
def notify(line):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.sendto(line.encode(), os.environ["NOTIFY_SOCKET"])
"""


def started(folder: Path, rows: int) -> tuple[float, float]:
    """(seconds to READY=1, RSS in MiB once all was counted) of an uplink with so many rows and no broker."""
    with (
        UplinkSite(folder, f"mqtt://127.0.0.1:{free_port()}") as site,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified,
    ):
        site.append((status_row(n) for n in range(rows)), at_once=5000)
        site.close_journal()
        notified.bind(str(folder / "notify"))
        notified.settimeout(60)
        (folder / "lib/systemd").mkdir(parents=True)
        (folder / "lib/systemd/__init__.py").touch()
        (folder / "lib/systemd/daemon.py").write_text(DAEMON)
        os.environ.update(NOTIFY_SOCKET=str(folder / "notify"), PYTHONPATH=str(folder / "lib"))
        start = time.perf_counter()
        site.start()
        while b"READY=1" not in notified.recv(4096):
            pass
        ready_s = time.perf_counter() - start
        counted = until(lambda: (site.status().get("queue") or {}).get("status"), "counted", 60)
        assert counted["rows"] >= rows, counted
        time.sleep(SETTLE_S)
        return ready_s, site.rss_mib()


def main() -> None:
    count = 1_000_000 if long_wanted() else 100_000
    with tempfile.TemporaryDirectory(prefix="backlog-") as name:
        empty_s, empty_mib = started(Path(name) / "empty", 0)
        full_s, full_mib = started(Path(name) / "full", count)
    report("uplink_backlog_ready", "s", full_s, empty_s, f"<= {READY_S} s", full_s <= READY_S, rows=count)
    ok = full_mib - empty_mib <= RSS_MIB
    report("uplink_backlog_rss", "MiB", full_mib, empty_mib, f"within {RSS_MIB} MiB of empty", ok, rows=count)


if __name__ == "__main__":
    main()
