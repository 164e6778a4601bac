"""The panel's memory beside bare Python's, and its time from exec to the first possible alarm beside gpiozero's import.

First possible alarm: contacts are watched, and relays stand as the ring has them. Seen from outside: a panel that is
killed in alarm has its siren on again, and a contact that changes from then on is acted on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from sp_bench import long_wanted, percentile, report
from sp_people import Person
from sp_site import SITE, Site, until

from agent.core.events import CommandReceived

IDLE = "import sys; print('ready', flush=True); sys.stdin.read()"


def rss_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def bare_python_mib() -> float:
    with subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = rss_mib(process.pid)
        process.kill()
    return found


def bare_import_s() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import gpiozero"], check=True)
    return time.monotonic() - began


def with_commands_mib(folder: Path) -> float:
    """RSS of a panel that has carried out signed commands."""
    anna = Person("anna", "supervisor")
    with Site(folder, SITE + anna.section) as site:
        site.start_board()
        panel = site.start_panel()
        site.driver.contact("flood", True)
        site.driver.wait_relay("siren", True)
        for _ in range(50):
            order = anna.command("silence", {"alarm": "*"})
            said = {"command": order.id, "op": order.op, "by": order.by, "key": order.key, "ctr": order.ctr}
            row = site.append(CommandReceived(source="uplink", envelope=order.text(), **said))[0]  # type: ignore[arg-type]
            until(lambda row=row: _ended(site, row.seq), "it has an end")  # type: ignore[misc]
        return rss_mib(panel.pid)


def _ended(site: Site, request: int) -> bool:
    rows = site.rows("command.done", "command.failed", after=request)
    return any(row.values()["request"] == request for row in rows)


def start_s(site: Site) -> float:
    """Kill the panel in alarm, start it; seconds until every contact is watched and the siren is on again."""
    site.kill("panel")
    until(lambda: site.driver.relay("siren")["function"] == "input", "the siren's line floats")
    began = time.monotonic()
    site.start_panel(joined=False)
    points = ("GPIO17", "GPIO18", "GPIO24", "GPIO22", "GPIO27", "GPIO10", "GPIO9", "GPIO11")
    site.driver.wait_relay("siren", True)
    until(lambda: (lines := site.driver.lines()) and all(lines[pin]["watched"] for pin in points), "all are watched")
    took = time.monotonic() - began
    site.driver.contact("door", False)
    site.driver.wait_relay("lamp", True)
    site.driver.contact("door", True)
    site.driver.wait_relay("lamp", False)
    return took


def main() -> None:
    rounds = 15 if long_wanted() else 5
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "s") as site:
        site.start_board()
        panel = site.start_panel()
        for number in range(600):
            site.driver.contact("gate", bool(number % 2))
        site.driver.contact("flood", True)
        site.driver.wait_relay("siren", True)
        until(lambda: site.status().get("queue") == 0, "all is written")
        mine, reference = rss_mib(panel.pid), bare_python_mib()
        report("panel RSS", "MiB", mine, reference, "<= 36 MiB", mine <= 36)
        signed = with_commands_mib(Path(folder) / "signed")
        report("panel RSS, signed commands", "MiB", signed, reference, "<= 36 MiB", signed <= 36)
        starts = [start_s(site) for _ in range(rounds)]
        imports = [bare_import_s() for _ in range(rounds)]
    worst, beside = max(starts), percentile(imports, 0.5)
    report(
        "panel start to first alarm", "s, worst", worst, beside, "<= 1.5 s", worst <= 1.5,
        median=round(percentile(starts, 0.5), 3),
    )  # fmt: skip


if __name__ == "__main__":
    main()
