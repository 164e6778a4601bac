"""python3 tests/vm/gpio.py RIG INSIDE - part of gpio.sh: a panel on the kernel's lines, driven from outside.

RIG: folder of the virtual board's commands; INSIDE: folder in the board with src and venv. Says what it saw, and ends
at the first thing that is not as it should be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEADLINE_S = 180.0
UNIT = "standpipe-gpio"
DATA, RUN = f"/var/lib/{UNIT}", f"/run/{UNIT}"
DOOR, DEMAND, FLOOD = 17, 22, 24
LAMP, SIREN, BEACON, FAULT = 26, 23, 25, 16
HIGH_IS_OPEN = 1  # with a pull-up

SITE = f"""
[site]
id = "plant"
board = "rig"

[[point]]
id = "door"
kind = "door"
pin = {DOOR}
contact = "normally-closed"
bias = "none"
class = "supervisory"
settle_ms = 30

[[point]]
id = "demand"
pin = "GPIO{DEMAND}"
settle_ms = 30

[[point]]
id = "flood"
pin = "BOARD18"
class = "alarm"
settle_ms = 30

[[relay]]
id = "siren"
pin = "GPIO{SIREN}"

[[relay]]
id = "beacon"
pin = "GPIO{BEACON}"
active = "low"

[[relay]]
id = "lamp"
pin = "GPIO{LAMP}"

[[relay]]
id = "fault"
pin = "GPIO{FAULT}"
rest = "energised"

[[rule]]
on = ["point.changed"]
drive = ["siren", "beacon"]
until = "acknowledged"

[[rule]]
on = ["door.opened"]
drive = ["lamp"]
until = "time"
for_s = 120
"""
SECOND_HOLDER = f"""
from hw.gpio import GpioRelays, pin_factory
from hw.ports import HardwareError, RelaySpec
try:
    GpioRelays([RelaySpec("siren", "{SIREN}")], pin_factory("gpiod"), {{}})
except HardwareError as error:
    print(error)
"""
CHATTER = """
import sys, time
end = time.monotonic() + float(sys.argv[2])
made = 0
with open(sys.argv[1], "w", buffering=1) as pull:
    while time.monotonic() < end:
        for level in ("up", "down"):
            pull.write(f"pull-{level}")
            pull.flush()
            pull.seek(0)
            made += 1
print(made, file=open("/tmp/chatter", "w"))
"""
CHATTER_S = 10


class Rig:
    """The virtual board, from outside."""

    def __init__(self, folder: str, inside: str) -> None:
        self._folder, self.inside = Path(folder), inside

    def run(self, command: str, *words: object) -> str:
        """One of the rig's commands; what it printed. Ends the test if it fails."""
        done = subprocess.run([str(self._folder / command), *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{command} {' '.join(map(str, words))[:200]}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def sh(self, line: str) -> str:
        """A line of shell in the board."""
        return self.run("sh", line)

    def python(self, script: str, *words: object) -> str:
        """A script with the agent's Python, where its source is."""
        self.write("/tmp/gpio-script.py", script)
        return self.sh(
            f"cd {self.inside}/src && PYTHONPATH=. ../venv/bin/python /tmp/gpio-script.py {' '.join(map(str, words))}"
        )

    def write(self, path: str, text: str) -> None:
        """A small file in the board."""
        self.sh(f"cat >{path} <<'END_OF_FILE'\n{text}\nEND_OF_FILE")

    def drive(self, line: int, level: int) -> None:
        """Set a line from outside."""
        self.run("gpio-set", line, level)

    def level(self, line: int) -> int:
        """The level that the outside sees."""
        return int(self.run("gpio-get", line))

    def start_panel(self) -> None:
        """The panel as systemd would: nobody's user, in the group gpio, no other device in reach."""
        self.write("/etc/standpipe-gpio.toml", SITE)
        settings = (
            "DynamicUser=yes SupplementaryGroups=gpio DevicePolicy=closed DeviceAllow=char-gpiochip Restart=always "
            f"RestartSec=500ms StateDirectory={UNIT} RuntimeDirectory={UNIT} RuntimeDirectoryPreserve=yes"
        ).split()
        settings = [one + ":rw" if one.startswith("DeviceAllow") else one for one in settings]
        flags = " ".join(f"-p '{one.replace(':rw', ' rw')}'" for one in settings)
        self.sh(
            f"systemd-run -q --unit={UNIT} {flags} {self.inside}/venv/bin/python -m agent.panel "
            f"--site /etc/standpipe-gpio.toml --data {DATA} --run {RUN}"
        )

    def leave_nothing(self) -> None:
        """No panel, and nothing that an earlier one remembers."""
        self.sh(f"systemctl stop {UNIT} 2>/dev/null; rm -rf /var/lib/private/{UNIT} /run/private/{UNIT} {DATA} {RUN}")

    def show(self, what: str) -> str:
        """A property of the panel's unit."""
        return self.sh(f"systemctl show -P {what} {UNIT}").strip()

    def rows(self, kind: str, source: str = "") -> list[dict[str, Any]]:
        """Rows of the journal."""
        only = f"--source {source}" if source else ""
        said = self.sh(
            f"{self.inside}/venv/bin/standpipe events --json --limit 1000 --kind {kind} {only} "
            f"--site /etc/standpipe-gpio.toml --data {DATA} --run {RUN} 2>/dev/null || true"
        )
        return [json.loads(line) for line in said.splitlines()]


def wait(true: Callable[[], Any], what: str) -> Any:
    """Look until it is true and return it."""
    end = time.monotonic() + DEADLINE_S
    while not (found := true()):
        if time.monotonic() > end:
            sys.exit(f"not within {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.5)  # looking takes the board time too
    return found


def check(true: object, what: str) -> None:
    if not true:
        sys.exit(f"not so: {what}")


def say(text: str) -> None:
    print(f"gpio: {text}", flush=True)


def starts(rig: Rig) -> None:
    rig.drive(DOOR, 0)  # shut; the others are open: gpio-sim's outside hand and its resistors are one
    rig.start_panel()
    wait(lambda: rig.rows("process.started"), "the panel starts:\n" + rig.sh(f"journalctl -u {UNIT} -n 20 --no-pager"))
    levels = [rig.level(line) for line in (SIREN, BEACON, LAMP, FAULT)]
    check(levels == [0, 1, 0, 1], f"relays at rest (siren, active-low beacon, lamp, energised fault): {levels}")
    memory = rig.sh(f"awk '/VmRSS/ {{print int($2 / 1024)}}' /proc/{rig.show('MainPID')}/status").strip()
    say(f"started unprivileged, {memory} MiB; relays at rest: siren 0, active-low beacon 1, lamp 0, energised fault 1")


def a_door_lights_the_lamp(rig: Rig) -> None:
    rig.drive(DOOR, HIGH_IS_OPEN)
    wait(lambda: rig.level(LAMP) == 1, "the lamp, after the door")
    row = wait(lambda: rig.rows("relay.driven", "lamp"), "the lamp's row")[0]
    door = wait(lambda: rig.rows("door.opened", "door"), "the door's row")[0]
    say(f"door opened -> lamp: {_latency(row)}; door.opened is row {door['seq']}")


def a_flood_sounds_and_stays(rig: Rig) -> None:
    rig.drive(FLOOD, 0)
    wait(lambda: (rig.level(SIREN), rig.level(BEACON)) == (1, 0), "siren and beacon, after the flood contact")
    row = wait(lambda: rig.rows("relay.driven", "siren"), "the siren's row")[0]
    say(f"flood -> siren and active-low beacon: {_latency(row)}")


def nobody_else_gets_a_line(rig: Rig) -> None:
    said = rig.python(SECOND_HOLDER)
    check(f"held by 'standpipe {rig.show('MainPID')}'" in said, f"a second holder is told who has the line: {said}")
    say(f"a second holder is told: {said.strip()}")


def killed_it_takes_up_the_siren(rig: Rig) -> None:
    before = rig.show("MainPID")
    rig.sh(f"systemctl kill -s KILL {UNIT}")
    wait(lambda: rig.show("MainPID") not in ("0", before), "systemd starts it again")
    wait(lambda: (rig.level(SIREN), rig.level(BEACON), rig.level(FAULT)) == (1, 0, 1), "siren, beacon and fault relay")

    def again() -> list[dict[str, Any]]:
        return [row for row in rig.rows("relay.driven", "siren") if row["data"]["reason"] == "restart"]

    row = wait(again, "the siren's row after the restart")[0]
    began_us = int(rig.show("ExecMainStartTimestampMonotonic"))
    took_ms = row["data"]["written_mono_ns"] / 1e6 - began_us / 1e3
    say(f"kill -9: siren and beacon on again {took_ms:.0f} ms after the process began (on this emulated processor)")


def chatter_is_trouble_and_hides_nobody(rig: Rig) -> None:
    pull = rig.sh(f"echo /sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpio{DEMAND}/pull").strip()
    rig.write("/tmp/chatter.py", CHATTER)
    rig.sh(f"systemd-run -q --collect --unit={UNIT}-chatter python3 /tmp/chatter.py {pull} {CHATTER_S}")
    rig.drive(DOOR, 0)
    still = rig.sh(f"systemctl is-active {UNIT}-chatter || true").strip()
    wait(lambda: rig.rows("door.closed", "door"), "the door's row, beside the chatter")
    wait(lambda: rig.rows("point.chattering", "demand"), "chatter is said")
    check(still == "active", "the door moved while the other contact chattered")
    wait(lambda: rig.rows("point.steady", "demand"), "the rest after it")
    made, lost = rig.sh("cat /tmp/chatter").strip(), json.loads(rig.sh(f"cat {RUN}/status-panel.json"))["edges_lost"]
    rows = len(rig.rows("point.*", "demand"))
    say(f"{CHATTER_S} s of chatter ({made} edges): {rows} rows, {lost} edges known to be lost; the door was heard")


def a_script_of_ones_own_names_the_factory(rig: Rig) -> None:
    rig.write("/tmp/own.py", "from gpiozero import Button\nprint(Button(5).is_pressed, Button.pin_factory)")
    said = rig.sh(f"cd /tmp && GPIOZERO_PIN_FACTORY=gpiod {rig.inside}/venv/bin/python own.py 2>&1").strip()
    check(said.startswith("False") and "GpiodFactory" in said, f"gpiozero by itself: {said}")
    say("GPIOZERO_PIN_FACTORY=gpiod works for a gpiozero script of one's own, from the installed wheel")


def stopped_it_lets_go(rig: Rig) -> None:
    rig.sh(f"systemctl stop {UNIT}")
    check(rig.show("Result") in ("success", ""), "a clean end")
    held = rig.sh("gpioinfo | grep -c consumer || true").strip()
    check(held == "0", f"no line is held any more: {held}")
    say("stopped: every line let go")


def _latency(row: dict[str, Any]) -> str:
    data = row["data"]
    settled = (data["settled_mono_ns"] - data["edge_mono_ns"]) / 1e6
    written = (data["written_mono_ns"] - data["settled_mono_ns"]) / 1e6
    return f"edge + {settled:.1f} ms settled, + {written:.1f} ms relay written"


def main() -> None:
    rig = Rig(sys.argv[1], sys.argv[2])
    rig.leave_nothing()
    try:
        for part in (
            starts,
            a_door_lights_the_lamp,
            a_flood_sounds_and_stays,
            nobody_else_gets_a_line,
            killed_it_takes_up_the_siren,
            chatter_is_trouble_and_hides_nobody,
            a_script_of_ones_own_names_the_factory,
            stopped_it_lets_go,
        ):
            part(rig)
    finally:
        rig.leave_nothing()


if __name__ == "__main__":
    main()
