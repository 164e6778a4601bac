"""The disk under a folder, from a made-up /sys; the real one says something or nothing, and never fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.runtime.disks import Disk, disk_of


def sysfs(tmp_path: Path, partition: str, files: dict[str, bytes], disk: str = "sda") -> Path:
    """A /sys where the folder `tmp_path` lies on `partition` of `disk`, which has these files."""
    sys, number = tmp_path / "sys", tmp_path.stat().st_dev
    home = sys / "devices" / disk
    lies_on = home / partition if partition else home
    lies_on.mkdir(parents=True)
    if partition:
        (lies_on / "partition").write_text("1\n")
    for name, data in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    (sys / "dev/block").mkdir(parents=True)
    (sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}").symlink_to(lies_on)
    return sys


@pytest.mark.parametrize(
    ("partition", "disk", "files", "found"),
    [
        ("nvme0n1p1", "nvme0n1", {"device/serial": b"S4EV  \n", "device/model": b"SSD 970\n"}, ("SSD 970", "S4EV")),
        ("sda1", "sda", {"device/vpd_pg80": b"\0\x80\0\x04WD-7", "device/model": b"WD40\n"}, ("WD40", "WD-7")),
        ("", "vda", {"serial": b"disk-7"}, ("", "disk-7")),
        ("", "loop3", {"loop/backing_file": b"/img/a.ext4\n"}, ("", "/img/a.ext4")),
        ("sdb1", "sdb", {}, ("", "")),
    ],
)  # fmt: skip
def test_whose_serial_it_is(
    tmp_path: Path, partition: str, disk: str, files: dict[str, bytes], found: tuple[str, str]
) -> None:
    assert disk_of(tmp_path, sysfs(tmp_path, partition, files, disk)) == Disk(partition or disk, *found)


def test_of_an_encrypted_disk_the_one_below(tmp_path: Path) -> None:
    sys = sysfs(tmp_path, "", {"device/serial": b"S1\n"}, "sda")
    upper = sys / "devices/dm-0"
    (upper / "slaves").mkdir(parents=True)
    (upper / "slaves/sda").symlink_to(sys / "devices/sda")
    (link,) = (sys / "dev/block").iterdir()
    link.unlink()
    link.symlink_to(upper)
    assert disk_of(tmp_path, sys).serial == "S1"


def test_what_is_on_no_disk_is_not_known(tmp_path: Path) -> None:
    assert disk_of(tmp_path, tmp_path / "sys") == Disk()
    assert disk_of(tmp_path / "gone") == Disk()
    assert disk_of(Path("/proc")) == Disk()
