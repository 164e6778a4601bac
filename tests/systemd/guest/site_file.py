"""Runs as root inside a booted system, by the installed Python: site files as signed commands, good ones and a bad one.

usage: site_file.py SUPPORT OUT.json - the rows are written as the uplink writes them; judges nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from sp_people import Person

from agent.core.events import CommandReceived
from agent.core.site_update import pack
from agent.journal import Journal
from agent.runtime import status
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

ANSWER_S = 280.0
UP_S = 60.0
ENDS = ("command.done", "command.failed", "command.refused")
CAMERA = '[[camera]]\nid = "second"\nsource = "testcard:"\npurpose = "one more"\n\n'

paths = Paths()
seen: dict[str, object] = {}


def sh(command: str) -> str:
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip()


def with_technician() -> tuple[Person, str]:
    """Somebody who may send site files, in the file that stands; everything started with it."""
    site = tomllib.loads(paths.site.read_text())["site"]
    tina = Person("tina", "technician", site["id"], site["board"])
    text = paths.site.read_text() + tina.section
    paths.site.write_text(text)
    sh("systemctl restart standpipe.target; systemctl start standpipe-installer.path")
    end = time.monotonic() + UP_S
    while time.monotonic() < end and not all(one["alive"] for one in status.read_all(paths).values()):
        time.sleep(0.2)
    return tina, text


def ask(tina: Person, journal: Journal, text: str) -> list[str]:
    """The command's end and its reason."""
    command = tina.command("config", {"file": pack(text.encode())})
    about = {"command": command.id, "op": command.op, "by": command.by, "key": command.key, "ctr": command.ctr}
    journal.append(CommandReceived(source="uplink", envelope=command.text(), **about))  # type: ignore[arg-type]
    paths.install_asked.touch()
    end = time.monotonic() + ANSWER_S
    while time.monotonic() < end:
        for row in journal.read(kinds=ENDS, limit=1000):
            if row.values()["command"] == command.id:
                return [row.kind, str(row.values().get("reason", ""))]
        time.sleep(0.3)
    return ["no answer", sh("journalctl -u standpipe-installer --no-pager -n 60")]


def main() -> None:
    tina, text = with_technician()
    journal = Journal.open(paths.journal, paths.bell, SystemClock().stamp)
    good = text.replace("[[person]]", CAMERA + "[[person]]", 1)
    seen["good"] = ask(tina, journal, good)
    seen["good_stands"] = paths.site.read_text() == good
    seen["recorders"] = sh("systemctl list-units --plain --no-legend 'standpipe-recorder@*'")
    bad = good.replace('pins = "sim:', 'pins = "sim:/no/such', 1)
    seen["bad"] = ask(tina, journal, bad)
    seen["bad_stands"] = paths.site.read_text() == good
    seen["modes"] = sh("stat -c '%n %U:%G %a' /etc/standpipe/*")
    seen["log"] = sh("journalctl -u 'standpipe-*' --no-pager -n 100")
    journal.close()
    Path(sys.argv[2]).write_text(json.dumps(seen), encoding="utf-8")


main()
