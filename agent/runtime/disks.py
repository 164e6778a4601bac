"""Which disk a folder lies on, as the kernel says: name, model and serial number."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_SERIALS = ("device/serial", "serial", "device/vpd_pg80", "loop/backing_file")
_LONGEST = 200


class Disk(NamedTuple):
    """What is not known is "": a network share has no serial, a tmpfs nothing at all."""

    device: str = ""
    model: str = ""
    serial: str = ""


def disk_of(folder: Path, sys: Path = Path("/sys")) -> Disk:
    """The disk under a folder; of what is made of several (LVM, LUKS) the first. `sys`: where sysfs is."""
    try:
        number = folder.stat().st_dev
        found = (sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}").resolve(strict=True)
        while below := sorted((found / "slaves").glob("*")):
            found = below[0].resolve(strict=True)
    except OSError:
        return Disk()
    disk = found.parent if (found / "partition").exists() else found
    serial = next(filter(None, (_text(disk / name) for name in _SERIALS)), "")
    return Disk(found.name, _text(disk / "device/model"), serial)


def _text(path: Path) -> str:
    """A file of sysfs as text; a SCSI disk's page 80 has four bytes before its serial."""
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    data = data[4:] if path.name == "vpd_pg80" else data
    return data.decode(errors="replace").strip("\0 \n")[:_LONGEST]
