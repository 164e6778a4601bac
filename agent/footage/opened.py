"""An export package opened: its files by name, from a zip or the folder it was unpacked to. It may be anybody's.

Rules of this file:
- nothing is unpacked, and nothing written: a member is bytes of the package itself, which are read where they lie;
- members are stored as they are, so a zip cannot be larger inside than outside; one that says so is not read;
- what is no plain file, has a name that no package has, or lies upon another is a fault, and is not read either.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.core.package import is_name
from agent.core.verdict import Fault

FILES_MAX = 20_100
DIRECTORY_BYTES_MAX = 16 * 1024 * 1024  # of a zip: 20,000 names take 3 MB
PLAIN_FLAGS = 0x808  # a name in UTF-8; sizes that follow the bytes
_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, EOFError, OverflowError, IndexError)


@dataclass(frozen=True)
class Member:
    """One file of a package: `size` bytes from `at` on in the file `path`. crc: what a zip says of them, or None."""

    path: Path
    at: int
    size: int
    crc: int | None = None

    def read(self, where: int, count: int) -> bytes:
        """Those bytes, fewer at the end."""
        with self.path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), max(0, min(count, self.size - where)), self.at + where)

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb", buffering=0) as file:
            done = 0
            while done < self.size:
                chunk = os.pread(file.fileno(), min(_CHUNK, self.size - done), self.at + done)
                if not chunk:
                    return
                done += len(chunk)
                yield chunk


def open_package(path: Path) -> tuple[dict[str, Member], list[Fault]]:
    """Its files by name, and what is wrong with how it is packed. OSError if there is none, or it may not be read."""
    return _folder(path) if path.is_dir() else _zip(path)


def _folder(path: Path) -> tuple[dict[str, Member], list[Fault]]:
    """Plain files of the folder, by name; whatever else is in it, and names that no package has, are faults."""
    members: dict[str, Member] = {}
    faults: list[Fault] = []
    waiting = [path]
    while waiting and len(members) <= FILES_MAX:
        found = itertools.islice(os.scandir(waiting.pop()), FILES_MAX + 1)
        for entry in sorted(found, key=lambda one: one.name):
            one = Path(entry.path)
            name, mode = str(one.relative_to(path)), entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and name.count("/") < 2:
                waiting.append(one)
            elif not stat.S_ISREG(mode):
                faults.append(Fault(name, "no-file"))
            elif not is_name(name):
                faults.append(Fault(name, "extra"))
            else:
                members[name] = Member(one, 0, entry.stat(follow_symlinks=False).st_size)
    if len(members) > FILES_MAX:
        faults.append(Fault(str(path), "too-much", f"more than {FILES_MAX} files"))
    return members, faults


def _zip(path: Path) -> tuple[dict[str, Member], list[Fault]]:
    """Members of the zip, by name; those that are not stored as they are, or lie badly, are faults and left out."""
    try:
        size = path.stat().st_size
        if _directory_bytes(path, size) > DIRECTORY_BYTES_MAX:
            return {}, [Fault(path.name, "too-much", "its directory is larger than any of ours")]
        with zipfile.ZipFile(path) as opened:
            infos = opened.infolist()
        if len(infos) > FILES_MAX:
            return {}, [Fault(path.name, "too-much", f"more than {FILES_MAX} files")]
        return _members(path, size, infos)
    except _BROKEN as error:
        return {}, [Fault(path.name, "no-zip", str(error) or type(error).__name__)]
    except OSError as error:
        if error.errno != errno.EINVAL:  # places before the beginning of the file
            raise
        return {}, [Fault(path.name, "no-zip", "its directory leads nowhere")]


def _directory_bytes(path: Path, size: int) -> int:
    """How large the zip's directory says it is; ValueError if this is no zip."""
    with path.open("rb") as file:
        file.seek(max(0, size - 65_536 - 22))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise ValueError("not a zip, or cut short")
    (length,) = struct.unpack_from("<I", tail, at + 12)
    if length == 0xFFFFFFFF:
        at = tail.rfind(b"PK\x06\x06")
        (length,) = struct.unpack_from("<Q", tail, at + 40) if at >= 0 else (1 << 63,)
    return int(length)


def _members(path: Path, size: int, infos: list[zipfile.ZipInfo]) -> tuple[dict[str, Member], list[Fault]]:
    members: dict[str, Member] = {}
    faults: list[Fault] = []
    taken = 0
    with path.open("rb", buffering=0) as file:
        for info in sorted(infos, key=lambda one: one.header_offset):
            name = info.orig_filename
            if name.endswith("/") and not info.file_size:
                continue
            member = Member(path, _data_at(file.fileno(), info), info.file_size, info.CRC)
            why = _refused(info, member, size, taken)
            if not is_name(name):
                faults.append(Fault(_shown(name), "extra"))
            elif name in members:
                faults.append(Fault(name, "twice"))
            elif why:
                faults.append(Fault(name, why))
            else:
                members[name] = member
                taken = member.at + member.size
    return members, faults


def _data_at(fd: int, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin; -1 if its own heading is not what the directory says."""
    head = os.pread(fd, 30, info.header_offset)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        return -1
    name, extra = struct.unpack_from("<HH", head, 26)
    told = os.pread(fd, name, info.header_offset + 30)
    return info.header_offset + 30 + name + extra if told == info.orig_filename.encode() else -1


def _refused(info: zipfile.ZipInfo, member: Member, size: int, taken: int) -> str:
    """Why a member is not read, "" if it is."""
    if (
        info.compress_type != zipfile.ZIP_STORED
        or info.compress_size != info.file_size
        or info.flag_bits & ~PLAIN_FLAGS
    ):
        return "packed"
    lies_well = taken <= info.header_offset < member.at and member.at + member.size <= size
    return "" if lies_well else "no-zip"


def _shown(name: str) -> str:
    return name if len(name) <= 200 else f"{name[:200]}..."
