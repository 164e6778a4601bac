"""A large index of footage that was never recorded: 92 days of eight cameras, as recorders and seals would leave it."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from agent.core.chain import Stamp
from agent.footage.index import MediaIndex

BOOT = "11111111-2222-3333-4444-555555555555"
NS = 1_000_000_000
MINUTE_NS = 60 * NS


def fill(path: Path, now: Stamp, *, days: int, cameras: int, size_bytes: int = 7_500_000) -> int:
    """Minutes of footage up to `now`, all cameras in turn as they come; returns how many rows there are."""
    MediaIndex(path).segments("none")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("begin immediate")
    db.execute("insert into boot (name) values (?)", (now.boot,))
    db.executemany("insert into camera (id, name) values (?, ?)", [(n, f"cam-{n}") for n in range(1, cameras + 1)])
    minutes = days * 1440
    for start in range(0, minutes, 1440):
        db.executemany(
            "insert into segment values (?, ?, null, 'closed', 1, 'synced', ?, ?, ?, ?, 1500, ?, ?, ?)",
            [
                (camera, n + 1, *_times(now, minutes - n), size_bytes, _hash(camera, n), _seal(now, minutes, n, camera))
                for n in range(start, min(minutes, start + 1440))
                for camera in range(1, cameras + 1)
            ],
        )
    hours = "select seal, camera, min(seq), max(seq) from segment group by seal"
    db.executemany(
        "insert into seal values (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_sealed(*row) for row in db.execute(hours)],
    )
    db.execute("commit")
    db.close()
    return minutes * cameras


def _times(now: Stamp, minutes_ago: int) -> tuple[int, int, int, int]:
    mono, at = now.mono_ns - minutes_ago * MINUTE_NS, now.at_ns - minutes_ago * MINUTE_NS
    return mono, at, mono + MINUTE_NS, at + MINUTE_NS


def _hash(camera: int, n: int) -> bytes:
    return hashlib.sha256(b"%d %d" % (camera, n)).digest()


def _seal(now: Stamp, minutes: int, n: int, camera: int) -> int:
    """The number of the seal that a camera's n-th minute is under."""
    return _times(now, minutes - n)[1] // (60 * MINUTE_NS) * 100 + camera


def _sealed(seal: int, camera: int, first: int, last: int) -> tuple[object, ...]:
    """A row of `seal`, as long as a real one."""
    hour_ns, root = seal // 100 * 60 * MINUTE_NS, _hash(camera, first)
    data = f'{{"before":"","hour_ns":{hour_ns},"leaves":{last - first + 1},"part":1,"root":"{root.hex()}"'
    text = f'[{seal},{hour_ns},"{BOOT}",{first},"synced","status",{first},"footage.sealed","cam-{camera}","status",'
    text += f'{data},"segments":"{first}-{last}"}}]'
    return seal, camera, hour_ns, BOOT, seal, text, root, root, root, last - first + 1, first, last
