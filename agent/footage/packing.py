"""The parts of an export package while it is made: what the manifest says of a segment, and the zip itself."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agent.core.chain import Stamp
from agent.footage.index import Segment
from agent.footage.seal import Proof

_CHUNK = 1 << 20
LARGE_BYTES = 1 << 30  # from there on a member is written as one that may pass 4 GiB
_UNSEALED = "no seal: its hash was not known when its hour was sealed"
_LOST = "the hashes of others that were sealed with it are lost"
_ROTTEN = "its file is not what was recorded any more"

Told = Callable[[str], object]  # told of each file that is being written


def why_not(row: Segment, entry: dict[str, Any], proof: Proof | None) -> str:
    """Why a segment is in the package without a proof, "" if it has one."""
    if row.sha256 is not None and entry["sha256"] != row.sha256.hex():
        return _ROTTEN
    return "" if proof is not None else _LOST if row.sha256 is not None else _UNSEALED


def segment_entry(row: Segment, entry: dict[str, Any], ahead_ns: int, proof: Proof | None, why: str) -> dict[str, Any]:
    """What the manifest says of a segment; number_of gives it its seal. ahead_ns: how far its times are corrected."""
    return {
        "file": entry["name"],
        "seq": row.seq,
        "boot": row.boot,
        "clock": row.clock,
        "start_mono_ns": row.start_mono_ns,
        "start_at_ns": row.start_at_ns,
        "end_mono_ns": row.end_mono_ns,
        "end_at_ns": row.end_at_ns,
        "frames": row.frames or 0,
        "bytes": entry["bytes"],
        "sha256": entry["sha256"],
        "correction_ns": ahead_ns,
        "seal": -1,
        "place": -1 if proof is None else proof.place,
        "path": [] if proof is None else [step.hex() for step in proof.steps],
        "unproven": why,
    }


def number_of(proof: Proof, seals: dict[tuple[str, int], int], told: list[dict[str, Any]]) -> int:
    """Which of the manifest's seals that is; it is added if it is new."""
    seal = proof.seal
    key = (seal.epoch, seal.row)
    if key not in seals:
        seals[key] = len(told)
        about = {"epoch": seal.epoch, "row": seal.row, "text": seal.text}
        told.append({**about, "prev": seal.prev.hex(), "hash": seal.hash.hex()})
    return seals[key]


def sums(entries: dict[str, dict[str, Any]]) -> bytes:
    """For `sha256sum -c`: everything in a folder."""
    return "".join(f"{one['sha256']}  {name}\n" for name, one in entries.items() if "/" in name).encode()


class Package:
    """A zip that is being written, its members stored as they are. entries: name -> name, bytes, sha256."""

    def __init__(self, file: Any, now: Stamp, told: Told) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, strict_timestamps=False)
        self._date = time.gmtime(max(now.at_ns // 1_000_000_000, 315_532_800))[:6]  # zip knows nothing before 1980
        self._written = told
        self.entries: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def file(self, name: str, path: Path) -> dict[str, Any]:
        """A file as it is now; FileNotFoundError if it is gone."""
        with path.open("rb") as source:
            return self._put(name, iter(lambda: source.read(_CHUNK), b""), path.stat().st_size)

    def text(self, name: str, text: bytes) -> dict[str, Any]:
        return self._put(name, [text], len(text))

    def _put(self, name: str, chunks: Iterable[bytes], about: int) -> dict[str, Any]:
        self._written(name)
        info = zipfile.ZipInfo(name, self._date)
        info.external_attr = 0o100640 << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=about > LARGE_BYTES) as member:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                member.write(chunk)
        self.entries[name] = {"name": name, "bytes": size, "sha256": digest.hexdigest()}
        return self.entries[name]
