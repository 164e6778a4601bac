"""A bootable root for tests of the installed board: STANDPIPE_RIG names a folder with `nspawn CMD`, or one lies beside
the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import sp_children

CHECKOUT = Path(__file__).parents[2]
GUEST_PYTHON = "3.13"


def rig() -> Path | None:
    """The folder of the bootable root, if there is one."""
    places = [Path(os.environ["STANDPIPE_RIG"])] if "STANDPIPE_RIG" in os.environ else []
    places.append(CHECKOUT.parent / "shared/rig")
    return next((place for place in places if (place / "nspawn").exists()), None)


def needed() -> Path:
    """As rig; skips the test where there is none, or where it cannot be booted."""
    place = rig()
    if place is None:
        pytest.skip("no bootable root: set STANDPIPE_RIG to a folder with an `nspawn CMD`")
    if os.getuid() != 0:
        pytest.skip("booting a container needs root")
    return place


def clone(folder: Path) -> Path:
    """What is under version control or would be, as it lies here now."""
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    return folder


def run_inside(place: Path, folder: Path, command: str) -> str:
    """Run it in there with the checkout in /mnt/src, wheels in /mnt/wheels and `folder`/out in /mnt/out; its output."""
    source = clone(folder / "src")
    wheels = ["sh", str(CHECKOUT / "provisioning/wheels.sh"), str(folder / "wheels"), "--python", GUEST_PYTHON]
    assert subprocess.run(wheels, check=False).returncode == 0
    out = folder / "out"
    out.mkdir()
    binds = f"{source}:/mnt/src {folder / 'wheels'}:/mnt/wheels {out}:/mnt/out"
    log = folder / "log"
    with log.open("wb") as said:
        ran = subprocess.Popen(
            [str(place / "nspawn"), command],
            env={**os.environ, "NSPAWN_BIND": binds},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    # Taking user space down stops every process in there for a moment; nsenter, outside, stops with its child
    # and is woken by nobody.
    while ran.poll() is None:
        sp_children.go_on({pid: line for pid, line in sp_children.alive().items() if line.startswith("nsenter")})
        time.sleep(0.5)
    return log.read_text()
