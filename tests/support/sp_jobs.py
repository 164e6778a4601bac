"""A site with months of footage (small files, real journal and index, an injected clock) for tests of the jobs.

As a program it runs one retention pass and dies by kill -9 before its n-th step: `python sp_jobs.py FOLDER N`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from sp_people import Person

from agent.config import load
from agent.core.chain import Row, Stamp
from agent.core.events import ApprovalRequested, Event
from agent.footage.index import MediaIndex, Segment, segment_path
from agent.jobs import backup, retention
from agent.jobs.desk import Desk
from agent.journal import Journal
from agent.journal.approvals import request_of
from agent.journal.projections import approvals
from agent.runtime.paths import Paths

NS = 1_000_000_000
HOUR_NS = 3600 * NS
DAY_NS = 24 * HOUR_NS
BOOT = "11111111-2222-3333-4444-555555555555"
SITE = """
[site]
id = "plant"
board = "pump-house"

[[camera]]
id = "yard"
source = "testcard:"
keep = "3 months"
priority = 7

[[camera]]
id = "gate"
source = "testcard:"
keep = "20 days"
keep_at_most = "25 days"
priority = 2

[retention]
reserve_mb = 16
room_mb = 16
"""


class JobSite:
    """The site in `folder`; made if it is not there. `now` is the time that everything goes by."""

    def __init__(self, folder: Path, text: str = SITE) -> None:
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.chen, self.anna = Person("chen", "supervisor"), Person("anna", "operator")
        at = folder / "now.json"
        if not at.exists():
            self.paths.footage.mkdir(parents=True)
            self.paths.run.mkdir()
            self.paths.site.write_text(text + self.chen.section + self.anna.section)
            at.write_text(json.dumps([_minutes_into_an_hour(), BOOT, 300 * DAY_NS, "synced"]))
        self.now = Stamp(*json.loads(at.read_text()))

    # --- footage ---

    def record(
        self, camera: str, days: float, *, per_day: int = 4, burst: int = 1, first: int = 1, shift_ns: int = 0
    ) -> list[Segment]:
        """Footage of the last `days` up to now, oldest first: so often a day `burst` minutes.

        shift_ns: how wrong the clock was, all the while.
        """
        step, count = DAY_NS // per_day, int(days * per_day) * burst
        rows = []
        for n in range(count):
            ago = (count - 1 - n) // burst * step + HOUR_NS - n % burst * 60 * NS
            start, end = ago + 60 * NS, ago
            at_ns = self.now.at_ns + shift_ns
            began = ("synced", self.now.mono_ns - start, at_ns - start, self.now.mono_ns - end, at_ns - end)
            utc = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime((at_ns - start) // NS))
            path = segment_path(camera, first + n, utc)
            body = f"{camera} {first + n:06d}\n".encode() * 100
            file = self.paths.footage / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            about = (path, "closed", self.now.boot, *began, 1, len(body), hashlib.sha256(body).digest())
            rows.append(Segment(camera, first + n, *about))
        index = MediaIndex(self.paths.media)
        index.add(rows)
        index.close()
        return rows

    def files(self, camera: str = "*") -> list[Path]:
        return sorted(self.paths.footage.glob(f"{camera}/*/*.mp4"))

    # --- journal ---

    def append(self, *events: Event) -> list[Row]:
        journal = Journal.open(self.paths.journal, self.paths.bell, lambda: self.now)
        try:
            return journal.append(*events)
        finally:
            journal.close()

    def rows(self, *kinds: str) -> list[Row]:
        journal = Journal.open_to_read(self.paths.journal)
        try:
            return journal.read(kinds=kinds, limit=100_000)
        finally:
            journal.close()

    def ask(self, what: str, scope: dict[str, str], *, by: str = "anna", request: str = "", signed: bool = True) -> str:
        """Somebody asks for it, with a key if they have one; returns the request's id."""
        request = request or f"r-{hashlib.sha256(repr((what, scope)).encode()).hexdigest()[:8]}"
        who = next((one for one in (self.anna, self.chen) if one.id == by and signed), None)
        made = who.asks(request, what, scope, "asked for") if who else None
        key, sig = (made.key, made.sig) if made else ("", "")
        told = {"request": request, "what": what, "by": by, "reason": "asked for", "key": key, "sig": sig}
        self.append(ApprovalRequested(source="cli", scope=scope, **told))
        return request

    def sign(
        self, request: str, what: str, scope: dict[str, str], *, person: Person | None = None, **changes: object
    ) -> None:
        """Somebody's signed verdict, written down whether or not it stands."""
        journal = Journal.open_to_read(self.paths.journal)
        asked = request_of(approvals(journal)[request])
        journal.close()
        told = {"kind": what, "scope": scope, "exp": self.now.at_ns // NS + 30 * 86400, **changes}
        self.append((person or self.chen).states(asked, **told).event())

    def approved(self, what: str, scope: dict[str, str]) -> str:
        request = self.ask(what, scope)
        self.sign(request, what, scope)
        return request

    def policy(self, overwrite: str = "no") -> str:
        return self.approved("policy", {"about": "retention", "overwrite": overwrite})

    # --- the job ---

    def desk(self) -> Desk:
        return Desk(self.paths, load(self.paths.site), lambda: self.now)

    def run(self) -> retention.Outlook:
        """One pass."""
        with self.desk() as desk:
            return retention.run(desk)

    def troubles(self) -> dict[str, str]:
        with self.desk() as desk:
            return desk.troubles()


def _minutes_into_an_hour() -> int:
    """Now, or ten minutes before: what is recorded within some minutes around such a time is of one hour."""
    now_ns, least = time.time_ns(), 5 * 60 * NS
    return now_ns if least <= now_ns % HOUR_NS <= HOUR_NS - least else now_ns - 2 * least


class BackupSite(JobSite):
    """With a folder for backups, and ways to have rows of long ago."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.disk = folder / "disk"
        self.disk.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, SITE + f'\n[backup]\npath = "{self.disk}"\ncopies = 2\n' + more)

    def note(self, ago_days: float, *events: Event) -> None:
        ago = int(ago_days * DAY_NS)
        at = self.now._replace(at_ns=self.now.at_ns - ago, mono_ns=self.now.mono_ns - ago)
        journal = Journal.open(self.paths.journal, self.paths.bell, lambda: at)
        journal.append(*events)
        journal.close()

    def later(self, hours: float) -> None:
        ns = int(hours * HOUR_NS)
        self.now = self.now._replace(at_ns=self.now.at_ns + ns, mono_ns=self.now.mono_ns + ns)

    def back_up(self) -> None:
        with self.desk() as desk:
            backup.run(desk)


def forge(journal: Path, statement: str) -> None:
    """Change rows of a copied journal, as its triggers would not let anybody."""
    with contextlib.closing(sqlite3.connect(journal)) as db:
        for name in ("row_is_a_fact", "row_stays"):
            db.execute(f"drop trigger if exists {name}")
        db.execute(statement)
        db.commit()


def _die_before(step: int) -> object:
    left = [step]

    def count(_: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


if __name__ == "__main__":
    with JobSite(Path(sys.argv[1])).desk() as desk_:
        retention.run(desk_, _die_before(int(sys.argv[2])))  # type: ignore[arg-type]
