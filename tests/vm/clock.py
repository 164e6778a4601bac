"""clock.py - part of clock.sh, inside the board as root: sets the clock while a site works, and judges what came of it.

Ends at the first thing that is not as it should be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.core.chain import Row
from agent.journal import Journal
from agent.panel.realtime import PRIORITY
from hw.simulator import Driver

DATA, RUN, STORE = Path("/var/lib/standpipe"), Path("/run/standpipe"), Path("/var/lib/clock-store")
BROKER = "mqtt://10.77.0.2:1883"
UNITS = ("standpipe-panel", "standpipe-recorder@pump-room", "standpipe-uplink", "standpipe-simulator")
DAY = 86_400
JUMPS = (365 * DAY, -2 * 365 * DAY, 365 * DAY)
DEADLINE_S = 120.0
NEVER = (
    "door.held_open",
    "footage.deleted",
    "footage.gap",
    "footage.stopped",
    "camera.lost",
    "journal.rows_lost",
    "gap",
)
COMMAND = "/opt/standpipe/venv/bin/standpipe"


def sh(line: str) -> str:
    """Output of a line of shell; ends the test if it fails."""
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{line}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def say(text: str) -> None:
    print(f"clock: {text}", flush=True)


def wait(true: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    end = time.monotonic() + deadline_s
    while not (found := true()):
        if time.monotonic() > end:
            sys.exit(f"not within {deadline_s:.0f} s: {what}\n{sh('journalctl -u standpipe* -n 30 --no-pager')}")
        time.sleep(0.2)
    return found


def check(true: object, what: str) -> None:
    if not true:
        sys.exit(f"not so: {what}")


class Watch:
    """The site from inside."""

    def __init__(self) -> None:
        self.board = Driver(str(RUN / "board.sock"))
        self.journal = Journal.open_to_read(DATA / "journal.db")

    def head(self) -> int:
        return self.journal.head()[0]

    def rows(self, after: int, *kinds: str) -> list[Row]:
        return self.journal.read(after, kinds=kinds, limit=10_000)

    def wait_row(self, after: int, kind: str) -> Row:
        found: list[Row] = wait(lambda: self.rows(after, kind), f"a row {kind} past {after}")
        return found[0]


def pids() -> dict[str, str]:
    return {unit: sh(f"systemctl show -P MainPID {unit}") for unit in UNITS}


def footage() -> set[str]:
    """Files of footage that are whole: not the one that is being written."""
    found = sorted((DATA / "footage").rglob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    return {str(path) for path in found}


def packets(watch: Watch) -> int:
    told = json.loads((RUN / "status-recorder@pump-room.json").read_text())
    return int(told["last_packet_age_ms"])


def collected() -> str:
    return sh(f"{COMMAND} collect report --store {STORE}")


def an_alarm(watch: Watch, while_open: Callable[[], None]) -> tuple[Row, Row]:
    """The door stands open and a pump fails to start while something happens; the rows of siren and acknowledgement."""
    mark, board = watch.head(), watch.board
    board.contact("pump-house-door", closed=False)
    watch.wait_row(mark, "door.opened")
    board.contact("pump-1-demand", closed=True)
    watch.wait_row(mark, "pump.demand")
    while_open()
    watch.wait_row(mark, "pump.fail_to_start")
    siren = watch.wait_row(mark, "relay.driven")
    board.wait_relay("siren", energised=True, timeout=DEADLINE_S)
    board.contact("pump-1-demand", closed=False)
    watch.wait_row(mark, "pump.demand_withdrawn")
    board.pulse("button", 300)
    noted = watch.wait_row(mark, "alarm.acknowledged")
    board.wait_relay("siren", energised=False, timeout=DEADLINE_S)
    board.contact("pump-house-door", closed=True)
    watch.wait_row(mark, "door.closed")
    return siren, noted


def jump(watch: Watch, seconds: int) -> None:
    before, kept, mark = pids(), footage(), watch.head()
    began_ns = time.monotonic_ns()

    def set_clock() -> None:
        sh(f"date -s @{int(time.time()) + seconds}")

    siren, noted = an_alarm(watch, set_clock)
    clip = wait(lambda: watch.rows(mark, "clip.ready", "clip.failed"), "its clip")[0]
    check(clip.kind == "clip.ready", f"a clip over the jump: {clip.values()}")
    sh("systemctl start standpipe-jobs@retention.service")
    wait(lambda: footage() - kept, "a new segment after the jump")
    check(packets(watch) < 10_000, "the recorder records on")
    rows = watch.rows(mark)
    check([row.seq for row in rows] == sorted({row.seq for row in rows}), "order by sequence")
    monos = [row.mono_ns for row in rows if row.source != "jobs"]
    check(all(row.mono_ns >= began_ns for row in rows), "times of deciding go on")
    check(not [row.kind for row in rows if row.kind in NEVER], f"none of {NEVER}: {[row.kind for row in rows]}")
    check(kept <= footage(), "no footage went")
    check(pids() == before, f"nobody died: {before} {pids()}")
    fail = next(row for row in rows if row.kind == "pump.fail_to_start")
    demand = next(row for row in rows if row.kind == "pump.demand")
    took_s = (fail.mono_ns - demand.mono_ns) / 1e9
    check(4.0 < took_s < 12.0, f"the limit of 5 s is one of the monotonic clock: {took_s:.1f} s")
    head = watch.head()
    wait(lambda: f"rows, 1 to {head}" in collected() or int(upto(collected())) >= head, "all is at the collector")
    say(
        f"{seconds // DAY:+d} days: {len(rows)} rows, siren row {siren.seq}, acknowledged {noted.seq}, clip ready, "
        f"fail_to_start {took_s:.1f} s after demand; {len(monos)} rows of the panel and others in order; "
        f"{len(footage() - kept)} new segments, none gone; nobody died; collector has it all"
    )


def policies(unit: str) -> list[tuple[int, int]]:
    """Policy and real-time priority of each thread of a unit's process."""
    tasks = [int(one.name) for one in Path("/proc", sh(f"systemctl show -P MainPID {unit}"), "task").iterdir()]
    return [(os.sched_getscheduler(task), os.sched_getparam(task).sched_priority) for task in tasks]


def scheduling() -> None:
    """All threads of the panel are real-time under its unit, nobody else's are; where it may not, it goes on."""
    panel, *others = UNITS
    threads = policies(panel)
    check(set(threads) == {(os.SCHED_FIFO, PRIORITY)}, f"every thread of the panel is real-time: {threads}")
    rest = [one for unit in others for one in policies(unit)]
    check({policy for policy, _ in rest} == {os.SCHED_OTHER}, f"nobody else is: {rest}")
    drop_in = Path(f"/run/systemd/system/{panel}.service.d/not-realtime.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text("[Service]\nLimitRTPRIO=0\n")
    sh(f"systemctl daemon-reload; systemctl restart {panel}")
    refused, here = policies(panel), sh(f"systemctl show -P MainPID {panel}")
    said = f"journalctl _PID={here} --no-pager -o cat"
    check({policy for policy, _ in refused} == {os.SCHED_OTHER}, f"refused, none is: {refused}")
    wait(lambda: "the panel is not real-time" in sh(said), "it says so")
    check(sh(f"systemctl is-active {panel}") == "active", "it goes on")
    drop_in.unlink()
    sh(f"systemctl daemon-reload; systemctl restart {panel}")
    check(set(policies(panel)) == {(os.SCHED_FIFO, PRIORITY)}, "real-time again")
    say(
        f"{len(threads)} threads of the panel, all SCHED_FIFO {PRIORITY}; {len(rest)} of recorder, uplink and "
        f"simulated board, none; with LimitRTPRIO=0 it says so and goes on with {len(refused)} ordinary ones"
    )


def upto(report: str) -> str:
    """The last row that the collector has of the present journal."""
    found = [line for line in report.splitlines() if "chain proven to row" in line]
    return found[-1].rsplit(" ", 1)[1].rstrip(".") if found else "0"


def main() -> None:
    collector = f"{COMMAND} collect --broker {BROKER} --store {STORE}"
    sh(f"systemd-run -q --unit=clock-collector {collector}")
    wait(lambda: (DATA / "journal.db").exists() and (RUN / "board.sock").exists(), "the site stands")
    watch = Watch()
    wait(footage, "footage")
    wait(lambda: (STORE / "collector.db").exists() and int(upto(collected())) > 0, "the collector has rows")
    scheduling()
    for seconds in JUMPS:
        jump(watch, seconds)
    report = collected()
    check("missing: none" in report, report)
    said = sh(
        f"/opt/standpipe/venv/bin/standpipe journal check --data {DATA} --run {RUN} --site /etc/standpipe/site.toml"
    )
    say(f"journal: {said.splitlines()[-1]}")
    say(f"collector: {report.splitlines()[-1].strip()}")


if __name__ == "__main__":
    main()
