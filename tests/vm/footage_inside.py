"""footage_inside.py - part of footage.sh, in the board: the cameras, and what is there after a boot.

cameras CARDS SHARE    four cameras on 127.0.0.1; keeps in SHARE, which outlives the power, what recorders have read
look SHARE AFTER       waits until all four are recorded again, looks, copies whole segments to SHARE; prints JSON
seal-and-scrub         the units that seal and read again, under systemd; prints JSON
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from sp_counting import Counting

CAMERAS = ("cam-1", "cam-2", "cam-3", "cam-4")
PORTS = {camera: 7001 + number for number, camera in enumerate(CAMERAS)}
DATA, RUN = Path("/var/lib/standpipe"), Path("/run/standpipe")
STANDPIPE = "/opt/standpipe/venv/bin/standpipe"
DEADLINE_S = 300.0


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def cameras(folder: Path, share: Path) -> None:
    """Four of them, for ever. What recorders have read is noted in `share` under the name of the boot."""
    shots = {camera: cards_of(folder / f"{camera}.cards") for camera in CAMERAS}
    earlier = [json.loads(path.read_text()) for path in share.glob("count-*")]
    resume = {camera: max([0, *(one["next"][camera] for one in earlier)]) for camera in CAMERAS}
    notes = share / f"count-{boot_id()}"
    Counting(shots, PORTS, notes=notes, said=boot_id(), resume=resume).run()


def cards_of(path: Path) -> list[bytes]:
    """What footage.py wrote: pictures as MPEG-TS, each after its length."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


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
    aside = set_aside()
    wrong += [f"set aside, and not told: {path}" for path in aside.values() if not told(path)]
    where = f"--data {DATA} --run {RUN} --site /etc/standpipe/site.toml"
    chain = sh(f"{STANDPIPE} journal check {where}").splitlines()[-1]
    columns = "camera, seq, path, state, boot, frames, bytes, sha256"
    rows = ask("media.db", f"select {columns} from footage order by camera, seq")
    wrong += agree(rows, set(aside))
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


def set_aside() -> dict[tuple[str, int], Path]:
    """(camera, number) -> a file that had no fragment yet when the power went: nothing in it can be played."""
    return {(path.parent.parent.name, int(path.name.partition("-")[0])): path for path in DATA.rglob("*.broken")}


def told(path: Path) -> bool:
    """Whether the journal says what became of it."""
    camera, seq = path.parent.parent.name, int(path.name.partition("-")[0])
    salvaged = ask("journal.db", f"select data from row where kind = 'footage.salvaged' and source = '{camera}'")
    damaged = ask("journal.db", "select data from row where kind = 'trouble.raised'")
    nothing_kept = any((one := json.loads(data))["segment"] == seq and one["kept_ms"] == 0 for (data,) in salvaged)
    return nothing_kept or any(path.name.removesuffix(".broken") in data for (data,) in damaged)


def agree(rows: list[tuple[Any, ...]], aside: set[tuple[str, int]]) -> list[str]:
    """Index and files: each row has its file, each file its row, each number one of them, at most one open a camera."""
    wrong, known = [], {str(row[2]) for row in rows}
    files = {str(path.relative_to(DATA / "footage")) for path in (DATA / "footage").rglob("*.mp4")}
    fresh = {path for path in files - known if (DATA / "footage" / path).stat().st_mtime > time.time() - 10}
    wrong += [f"{path}: no row" for path in sorted(files - known - fresh)]
    wrong += [f"{path}: no file" for path in sorted(known - files)]
    for camera in CAMERAS:
        numbers = sorted(seq for name, seq in {*((row[0], row[1]) for row in rows), *aside} if name == camera)
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
            cameras(Path(cards), Path(share))
        case ["look", share, after]:
            print(json.dumps(look(Path(share), json.loads(after))))
        case ["seal-and-scrub"]:
            print(json.dumps(seal_and_scrub()))


if __name__ == "__main__":
    main()
