"""The scrub: all footage is read again, slowly, and compared with the hash that it was recorded with.

Rules of this file:
- a round goes over a camera's segments in their order; a pass takes part of it, and where it came to is kept. A killed
  pass reads a few segments again, no more;
- so many bytes a second and no more, and what was read does not push anything else out of memory;
- a segment that is not any more what it was is told once (footage.rot); the trouble stands for as long as it is
  there. Nothing is deleted, and nothing repaired, because of it;
- a segment whose hash the index lost gets it, if the file's own end box agrees, and its hour is held to its seal.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.core.events import FootageRot, Signal
from agent.core.spans import DAY_NS
from agent.footage.digest import file_digest
from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex, Segment
from agent.footage.recovery import sound_ns
from agent.footage.seal import Sealer
from agent.jobs.desk import Desk
from agent.journal.files import make
from agent.journal.projections import every

PASS_S = 45 * 60
ROT_MAX = 50  # told in one pass; more, and the disk is the trouble
KEEP_EVERY_S = 5.0
PAGE = 200
_FIELDS = ", ".join(Segment._fields)
_WHOLE = "state in ('closed', 'salvaged')"


@dataclass(frozen=True)
class Round:
    """How a camera stands. files: that it has; done: of those read in this round; ended_ns: None while it goes on.

    began_ns is None before the first. rotten: numbers of segments that were found to be damaged and are still there.
    """

    camera: str
    files: int
    done: int
    began_ns: int | None
    ended_ns: int | None
    rotten: list[int]


@dataclass
class Report:
    """What a pass did. through: nothing is left to read until the next round."""

    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    filled: int = 0
    rotten: list[FootageRot] = field(default_factory=list)
    through: bool = True


@dataclass(frozen=True)
class Pass:
    """How much of it: cameras (all: none named), whether a round that is not due begins too, at what rate, how long."""

    cameras: tuple[str, ...] = ()
    anew: bool = False
    bytes_per_s: int = 0
    limit_s: float = PASS_S
    told: Callable[[Segment, Report], object] = lambda row, report: None


def run(desk: Desk) -> Report:
    """The pass that the timer starts."""
    return scrub(desk, Pass())


def scrub(desk: Desk, wanted: Pass) -> Report:
    """One pass. FootageError if another one runs, or the disk is not the right one."""
    _right_disk(desk)
    lock = desk.paths.run / "scrub.lock"
    make(lock)
    with lock.open("r+b") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FootageError(f"{lock}: another scrub runs: standpipe scrub --status") from None
        return _Scrub(desk, wanted).run()


def rounds(desk: Desk) -> list[Round]:
    """How every camera stands."""
    with desk.index.reading() as db:
        found = db.execute(
            f"""select c.name, (select count(*) from segment where camera = c.id and {_WHOLE}),
                  (select count(*) from segment where camera = c.id and {_WHOLE} and seq <= s.seq),
                  s.began_ns, s.ended_ns
                from camera c left join scrub s on s.camera = c.id order by c.name"""
        ).fetchall()
    rotten = _rotten(desk)
    return [
        Round(name, files, done, began_ns, ended_ns, sorted(rotten.get(name, ())))
        for name, files, done, began_ns, ended_ns in found
    ]


def _right_disk(desk: Desk) -> None:
    """On a disk that is not there, everything would be missing."""
    try:
        desk.volume.check(recording=True)
    except FootageError as error:
        if error.reason != "disk full":
            raise


def _rotten(desk: Desk) -> dict[str, set[int]]:
    """camera -> numbers of the segments that were told to be damaged and that the index still has."""
    found: dict[str, set[int]] = {}
    for row in every(desk.journal, FootageRot.KIND):
        values: Any = row.values()
        if desk.index.segment(row.source, values["segment"]) is not None:
            found.setdefault(row.source, set()).add(values["segment"])
    return found


class _Scrub:
    """One pass under way."""

    def __init__(self, desk: Desk, wanted: Pass) -> None:
        self._desk = desk
        self._wanted = wanted
        self._index: MediaIndex = desk.index
        self._sealer = Sealer(desk.paths.footage, desk.index, desk.journal)
        self._known = {(c, n) for c, numbers in _rotten(desk).items() for n in numbers}
        self._rate = wanted.bytes_per_s or desk.site.scrub.mb_per_s * 1_000_000
        self._report = Report()
        self._began_s = time.monotonic()

    def run(self) -> Report:
        cameras = [one for one in self._cameras() if self._due(one)]
        for camera in cameras:
            self._round(camera)
        self._report.through = all(not self._due(camera, anew=False) for camera in cameras)
        self._report.seconds = time.monotonic() - self._began_s
        rotten = {camera: len(numbers) for camera, numbers in _rotten(self._desk).items()}
        told = "{count} segments of {camera} are not what was recorded: standpipe scrub --status"
        present = {f"footage rot {c}": told.format(count=count, camera=c) for c, count in rotten.items()}
        if len(self._report.rotten) >= ROT_MAX:
            present["footage rot, many"] = f"{ROT_MAX} damaged segments in one pass: is the disk failing?"
        self._desk.tell("footage rot", present)
        return self._report

    def _over(self) -> bool:
        late = time.monotonic() - self._began_s >= self._wanted.limit_s
        return late or len(self._report.rotten) >= ROT_MAX

    # --- rounds ---

    def _cameras(self) -> list[str]:
        """Whoever waits longest comes first."""
        ask = (
            "select c.name from camera c left join scrub s on s.camera = c.id order by coalesce(s.began_ns, 0), c.name"
        )
        with self._index.reading() as db:
            found = [str(row[0]) for row in db.execute(ask)]
        return [name for name in found if name in self._wanted.cameras or not self._wanted.cameras]

    def _mark(self, camera: str) -> tuple[int, int | None, int | None]:
        """(last number read, when the round began, when it ended)."""
        ask = "select s.seq, s.began_ns, s.ended_ns from scrub s join camera c on c.id = s.camera where c.name = ?"
        with self._index.reading() as db:
            found = db.execute(ask, (camera,)).fetchone()
        return found or (0, None, None)

    def _due(self, camera: str, *, anew: bool | None = None) -> bool:
        _, began_ns, ended_ns = self._mark(camera)
        if began_ns is None or ended_ns is None or (self._wanted.anew if anew is None else anew):
            return True
        age_ns = self._desk.now().at_ns - began_ns
        return not 0 <= age_ns < self._desk.site.scrub.every_days * DAY_NS

    def _round(self, camera: str) -> None:
        """On from where the round stands; a new one where it is through."""
        seq, began_ns, ended_ns = self._mark(camera)
        if began_ns is None or ended_ns is not None:
            seq, began_ns = 0, self._desk.now().at_ns
        kept_s = time.monotonic()
        for row in self._rows(camera, seq):
            if self._over():
                self._keep(camera, seq, began_ns, None)
                return
            self._read(row)
            seq = row.seq
            if time.monotonic() - kept_s >= KEEP_EVERY_S:
                self._keep(camera, seq, began_ns, None)
                kept_s = time.monotonic()
        self._keep(camera, seq, began_ns, self._desk.now().at_ns)

    def _rows(self, camera: str, after: int) -> Iterator[Segment]:
        ask = f"select {_FIELDS} from footage where camera = ? and seq > ? and {_WHOLE} order by seq limit {PAGE}"
        while True:
            with self._index.reading() as db:
                rows = [Segment(*row) for row in db.execute(ask, (camera, after))]
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].seq

    def _keep(self, camera: str, seq: int, began_ns: int, ended_ns: int | None) -> None:
        ask = "insert or replace into scrub values ((select id from camera where name = ?), ?, ?, ?)"
        with self._index.transaction() as db:
            db.execute(ask, (camera, seq, began_ns, ended_ns))

    # --- one segment ---

    def _read(self, row: Segment) -> None:
        try:
            path = self._desk.paths.footage / row.path
            found, own, size = file_digest(path, lambda size: self._wait(self._report.bytes + size))
        except FileNotFoundError:
            self._rot(row, "missing", "")
            return
        except OSError as error:
            self._rot(row, f"unreadable: {error.strerror}", "")
            return
        self._report.files += 1
        self._report.bytes += size
        self._wanted.told(row, self._report)
        if row.sha256 is None:
            self._fill(row, found, own)
        elif found != row.sha256:
            short = row.bytes is not None and size < row.bytes
            self._rot(row, "cut short" if short else "changed", found.hex())

    def _wait(self, read_bytes: int) -> None:
        """Until so many bytes were due."""
        ahead_s = read_bytes / self._rate - (time.monotonic() - self._began_s)
        if ahead_s > 0:
            time.sleep(ahead_s)

    def _fill(self, row: Segment, found: bytes, own: bool) -> None:
        """A hash that the index lost: the file vouches for itself, and its hour's seal for that."""
        if not own:
            self._rot(row, "changed", found.hex())
            return
        self._report.filled += 1
        self._sealer.filled(row, found)
        seal = self._sealer.differs(row.camera, row.seq)
        if seal is not None:
            self._rot(row, f"not what was sealed: this or another segment of row {seal.row}", found.hex())

    def _rot(self, row: Segment, reason: str, found: str) -> None:
        """Told once; not at all of a segment that retention has just taken away."""
        now = self._index.segment(row.camera, row.seq)
        if (row.camera, row.seq) in self._known or now is None or now.state == "deleting":
            return
        self._known.add((row.camera, row.seq))
        event = FootageRot(
            source=row.camera,
            signal=Signal.TROUBLE,
            segment=row.seq,
            path=row.path,
            reason=reason,
            from_ns=row.start_at_ns,
            to_ns=row.end_at_ns or row.start_at_ns,
            expected=row.sha256.hex() if row.sha256 else "",
            found=found,
            damaged_ms=self._damaged_ms(row, reason),
        )
        self._desk.journal.append(event)
        self._report.rotten.append(event)

    def _damaged_ms(self, row: Segment, reason: str) -> int:
        """How much of it does not hold by its own check sums; -1 if that cannot be told."""
        whole_ms = ((row.end_mono_ns or row.start_mono_ns) - row.start_mono_ns) // 1_000_000
        if reason == "missing":
            return whole_ms
        try:
            sound_ms = sound_ns(self._desk.paths.footage / row.path) // 1_000_000
        except FootageError:
            return -1
        return max(0, whole_ms - sound_ms)
