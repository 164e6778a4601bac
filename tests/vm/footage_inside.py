"""footage_inside.py - part of footage.sh, in the board: the cameras, and what is there after a boot.

    cameras CARDS SHARE    four cameras on 127.0.0.1; keeps in SHARE, which outlives the power, what recorders have read
    look SHARE AFTER       waits until all four are recorded again, looks, copies whole segments to SHARE; prints JSON
    seal-and-scrub         the units that seal and read again, under systemd; prints JSON

What a recorder has read is what was sent less what the kernel holds for it (/proc/net/tcp): the camera knows to the byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CAMERAS = ("cam-1", "cam-2", "cam-3", "cam-4")
PORTS = {camera: 7001 + number for number, camera in enumerate(CAMERAS)}
FPS, GOP = 10, 20
LOOK_S = 0.05
COUNT_BYTES = 4096
DATA, RUN = Path("/var/lib/standpipe"), Path("/run/standpipe")
STANDPIPE = "/opt/standpipe/venv/bin/standpipe"
DEADLINE_S = 300.0


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


# --- the cameras ---


def cards_of(path: Path) -> list[bytes]:
    """What footage.py wrote: pictures as MPEG-TS, each after its length."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


class Viewer:
    """One connection: `first` is the first picture it was sent, `ends` where each picture ended in what was sent."""

    def __init__(self, connection: socket.socket, first: int, start_s: float) -> None:
        self.connection, self.first, self._start_s = connection, first, start_s
        self.pair = (connection.getsockname()[1], connection.getpeername()[1])
        self.ends: list[int] = []
        self.read = 0

    def send(self, cards: list[bytes], now_s: float) -> None:
        """All that is due. OSError when it is gone."""
        while len(self.ends) <= (now_s - self._start_s) * FPS and self.first + len(self.ends) < len(cards):
            card = cards[self.first + len(self.ends)]
            self.connection.sendall(card)
            self.ends.append((self.ends[-1] if self.ends else 0) + len(card))

    def look(self, held: dict[tuple[int, int], int]) -> None:
        """How many pictures were read whole, given the bytes that the kernel still holds."""
        sent = (self.ends[-1] if self.ends else 0) - held.get(self.pair, 0)
        while self.read < len(self.ends) and self.ends[self.read] <= sent:
            self.read += 1


def held_bytes() -> dict[tuple[int, int], int]:
    """(port of the camera, port of its viewer) -> bytes that were sent and are not read."""
    held: dict[tuple[int, int], int] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        here, there = (int(field.split(":")[1], 16) for field in fields[1:3])
        to_send, to_read = (int(part, 16) for part in fields[4].split(":"))
        for pair, waiting in (((here, there), to_send), ((there, here), to_read)):
            if pair[0] in PORTS.values():
                held[pair] = held.get(pair, 0) + waiting
    return held


class Stage:
    """All cameras: one thread, so that nothing is sent while the kernel is asked."""

    def __init__(self, cards: Path, share: Path) -> None:
        self._cards = {camera: cards_of(cards / f"{camera}.cards") for camera in CAMERAS}
        self._listeners = {camera: socket.create_server(("127.0.0.1", port)) for camera, port in PORTS.items()}
        self._viewers: dict[str, list[Viewer]] = {camera: [] for camera in CAMERAS}
        counts = [json.loads(path.read_text()) for path in share.glob("count-*")]
        self._next = {c: max([0, *(count["next"][c] for count in counts)]) for c in CAMERAS}
        self._count = os.open(share / f"count-{boot_id()}", os.O_WRONLY | os.O_CREAT, 0o644)

    def run(self) -> None:
        """For ever."""
        self._write()
        while True:
            ready, _, _ = select.select(list(self._listeners.values()), [], [], LOOK_S)
            now_s = time.monotonic()
            for camera, listener in self._listeners.items():
                if listener in ready:
                    self._take(camera, listener.accept()[0], now_s)
            held = held_bytes()
            for viewers in self._viewers.values():
                for viewer in viewers:
                    viewer.look(held)
            self._write()
            for camera, viewers in self._viewers.items():
                if viewers:
                    self._send(camera, viewers[-1], now_s)

    def _take(self, camera: str, connection: socket.socket, now_s: float) -> None:
        first = -(-self._next[camera] // GOP) * GOP
        self._viewers[camera].append(Viewer(connection, first, now_s))

    def _send(self, camera: str, viewer: Viewer, now_s: float) -> None:
        with contextlib.suppress(OSError):
            viewer.send(self._cards[camera], now_s)
        self._next[camera] = viewer.first + len(viewer.ends)
        if self._next[camera] >= len(self._cards[camera]):
            sys.exit(f"{camera}: has no pictures left")

    def _write(self) -> None:
        """In one call: it is there or it is not."""
        read = {camera: [(v.first, v.read) for v in viewers] for camera, viewers in self._viewers.items()}
        text = json.dumps({"boot": boot_id(), "next": self._next, "read": read})
        os.pwrite(self._count, text.ljust(COUNT_BYTES).encode(), 0)


# --- what is there ---


def sh(line: str) -> str:
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{line}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def wait(true: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + DEADLINE_S
    while not (found := true()):
        if time.monotonic() > end:
            sys.exit(f"not within {DEADLINE_S:.0f} s: {what}\n{sh('journalctl -b -u standpipe* -n 30 --no-pager')}")
        time.sleep(0.3)
    return found


def ask(name: str, question: str) -> list[tuple[Any, ...]]:
    """Of a database that others write."""
    with contextlib.closing(sqlite3.connect(f"file:{DATA / name}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(question).fetchall()


def open_rows() -> dict[str, tuple[int, str, str]]:
    rows = ask("media.db", "select camera, seq, path, boot from footage where state = 'open'")
    return {str(camera): (seq, path, boot) for camera, seq, path, boot in rows}


def all_recording() -> bool:
    """Each camera writes a segment of this boot, with some fragments in it."""
    try:
        rows = open_rows()
    except sqlite3.Error:
        return False
    paths = [DATA / "footage" / path for _, path, boot in rows.values() if boot == boot_id()]
    return len(paths) == len(CAMERAS) and all(path.exists() and path.stat().st_size > 6000 for path in paths)


def look(share: Path, after: dict[str, int]) -> dict[str, Any]:
    """What is wrong, and the whole segments past `after` (camera -> number), which are copied to `share`."""
    wait(all_recording, "four cameras recorded again")
    wrong = []
    for name in ("media.db", "journal.db"):
        verdict = ask(name, "pragma integrity_check")[0][0]
        wrong += [f"{name}: {verdict}"] if verdict != "ok" else []
    wrong += [f"moved aside: {path}" for path in DATA.glob("*.moved-*")]
    wrong += [f"set aside: {path}" for path in DATA.rglob("*.broken")]
    where = f"--data {DATA} --run {RUN} --site /etc/standpipe/site.toml"
    chain = sh(f"{STANDPIPE} journal check {where}").splitlines()[-1]
    columns = "camera, seq, path, state, boot, frames, bytes, sha256"
    rows = ask("media.db", f"select {columns} from footage order by camera, seq")
    wrong += agree(rows)
    taken = []
    for camera, seq, path, state, boot, frames, size, sha256 in rows:
        if state == "open" or seq <= after.get(camera, 0):
            continue
        file = DATA / "footage" / path
        data = file.read_bytes()
        if len(data) != size or hashlib.sha256(data).digest() != sha256:
            wrong.append(f"{path}: the index has another hash or size")
        shutil.copyfile(file, share / file.name.replace("-", f"-{camera}-", 1))
        name = file.name.replace("-", f"-{camera}-", 1)
        taken.append({"camera": camera, "seq": seq, "file": name, "state": state, "boot": boot, "frames": frames})
    return {"wrong": wrong, "chain": chain, "taken": taken, "boot": boot_id()}


def agree(rows: list[tuple[Any, ...]]) -> list[str]:
    """Index and files: each row has its file, each file its row, numbers without holes, at most one open a camera."""
    wrong, known = [], {str(row[2]) for row in rows}
    files = {str(path.relative_to(DATA / "footage")) for path in (DATA / "footage").rglob("*.mp4")}
    fresh = {path for path in files - known if (DATA / "footage" / path).stat().st_mtime > time.time() - 10}
    wrong += [f"{path}: no row" for path in sorted(files - known - fresh)]
    wrong += [f"{path}: no file" for path in sorted(known - files)]
    for camera in CAMERAS:
        numbers = [row[1] for row in rows if row[0] == camera]
        if numbers != list(range(1, len(numbers) + 1)):
            wrong.append(f"{camera}: numbers {numbers}")
        if [row[3] for row in rows if row[0] == camera].count("open") > 1:
            wrong.append(f"{camera}: more than one open")
    return wrong


def seal_and_scrub() -> dict[str, Any]:
    """Both under systemd, as the timers start them; then the scrub by its command, and what is sealed."""
    wait(lambda: time.monotonic() > 125, "recorders to have settled, as the seal wants it")
    sh("systemctl start standpipe-jobs@seal.service")
    sh("systemctl start standpipe-jobs@scrub.service")
    where = f"--data {DATA} --run {RUN} --site /etc/standpipe/site.toml"
    said = sh(f"{STANDPIPE} scrub {where}")
    told = sh(f"{STANDPIPE} scrub --status {where}")
    rot = ask("journal.db", "select count(*) from row where kind = 'footage.rot'")[0][0]
    earlier = f"from footage where state in ('closed', 'salvaged') and boot <> '{boot_id()}'"
    unsealed = ask("media.db", f"select count(*) {earlier} and seal is null")[0][0]
    sealed = ask("media.db", f"select count(*) {earlier} and seal is not null")[0][0]
    seals = ask("journal.db", "select count(*) from row where kind = 'footage.sealed'")[0][0]
    states = sh("systemctl show -P Result standpipe-jobs@seal standpipe-jobs@scrub").split()
    chain = sh(f"{STANDPIPE} journal check {where}").splitlines()[-1]
    return {
        "scrub": said.splitlines(), "status": told.splitlines(), "rot": rot, "unsealed": unsealed, "sealed": sealed,
        "seals": seals, "units": states, "chain": chain,
    }  # fmt: skip


def main() -> None:
    match sys.argv[1:]:
        case ["cameras", cards, share]:
            Stage(Path(cards), Path(share)).run()
        case ["look", share, after]:
            print(json.dumps(look(Path(share), json.loads(after))))
        case ["seal-and-scrub"]:
            print(json.dumps(seal_and_scrub()))


if __name__ == "__main__":
    main()
