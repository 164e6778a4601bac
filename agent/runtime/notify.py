"""READY, WATCHDOG and STOPPING to systemd, through systemd-python where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable


class NotifyError(Exception):
    """systemd waits for a READY that could never be sent."""


def notifier() -> Callable[[str], None]:
    """A function that sends one line to systemd; one that does nothing when not started by systemd.

    Our folder `systemd/` shares its name with the package, so `import systemd` alone proves nothing: only
    `from systemd import daemon` does. NotifyError when systemd waits (NOTIFY_SOCKET) and the package is missing.
    """
    if not os.environ.get("NOTIFY_SOCKET"):
        return lambda line: None
    try:
        from systemd import daemon
    except ImportError:
        raise NotifyError(
            "started by systemd (Type=notify), but python3-systemd is missing: apt install python3-systemd"
        ) from None
    return lambda line: daemon.notify(line)


def watchdog_s() -> float | None:
    """systemd's WatchdogSec for this process in seconds, None if it sets none."""
    text = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
    return int(text) / 1e6 if text.isdigit() and mine else None
