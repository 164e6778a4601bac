"""The unit files as settings, and systemd's own judgement of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
UNITS = CHECKOUT / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))


def settings(name: str) -> dict[str, list[str]]:
    """key -> every value it is given, in order, over all sections of the unit."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """The command's outcome, output as text; never raises for an exit status."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
