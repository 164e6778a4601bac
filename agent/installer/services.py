"""Starting everything anew with another site file: by systemd on a board, by `standpipe up` in a terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import UNSET

from agent.config import SiteConfig
from agent.runtime.paths import Paths

SYSTEMCTL_S = 60
RECORDER = "standpipe-recorder@{}.service"


class Services(Protocol):
    """Starts what the site asks for anew, stops what it does not ask for any more. OSError with the reason."""

    def restart(self, site: SiteConfig) -> None:
        """Asks for it, and does not wait for them to be ready."""


def processes(site: SiteConfig) -> set[str]:
    """Names of the processes that run with this site file, as they call themselves in /run."""
    found = {"panel", *(f"recorder@{camera.id}" for camera in site.camera)}
    return found if site.uplink is UNSET else found | {"uplink"}


def units(site: SiteConfig) -> list[str]:
    """Units of systemd that this site file asks for."""
    found = ["standpipe-panel.service", "standpipe-jobs-backup.timer"]
    if site.camera:
        found += [f"standpipe-jobs-{job}.timer" for job in ("retention", "holds", "seal", "scrub")]
    found += [RECORDER.format(camera.id) for camera in site.camera]
    if site.uplink is not UNSET:
        found += ["standpipe-uplink.service", "standpipe-installer.path"]
    if site.board.pins.startswith("sim:"):
        found.append("standpipe-simulator.service")
    return found


def systemctl(*arguments: str) -> str:
    """What it prints. OSError if it fails, with its last line."""
    try:
        done = subprocess.run(
            ["systemctl", *arguments], capture_output=True, text=True, timeout=SYSTEMCTL_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"systemctl {arguments[0]}: no answer in {SYSTEMCTL_S} s") from error
    if done.returncode:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise OSError(f"systemctl {arguments[0]}: {last}")
    return done.stdout


class Systemd:
    """Units of the board. call: systemctl, or what stands for it in a test."""

    def __init__(self, call: Callable[..., str] = systemctl) -> None:
        self._call = call

    def restart(self, site: SiteConfig) -> None:
        wanted = units(site)
        self._call("enable", "--quiet", *wanted)
        gone = [name for name in self._recorders() if name not in wanted]
        if gone:
            self._call("disable", "--quiet", "--now", *gone)
        self._call("restart", "--no-block", *(name for name in wanted if _runs(name)))
        self._call("start", "--no-block", *(name for name in wanted if not _runs(name)))

    def _recorders(self) -> Sequence[str]:
        """Instances that run now."""
        listed = self._call("list-units", "--plain", "--no-legend", "--all", RECORDER.format("*"))
        return [line.split()[0] for line in listed.splitlines() if line.strip()]


def _runs(unit: str) -> bool:
    """Reads the site file as long as it lives; the others read it each time they are started."""
    return unit.endswith(".service") and "simulator" not in unit


class Terminal:
    """`standpipe up`, which starts its children anew when a file of ours appears."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def restart(self, site: SiteConfig) -> None:
        del site  # it is read anew there
        self._paths.restart_asked.touch()
