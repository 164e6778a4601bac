"""Sealing footage: one row footage.sealed in the journal for a camera's hour, with the Merkle root of its segments.

Rules of this file:
- the journal says what is sealed, the index only repeats it: a pass first learns what rows there are, so a pass
  that was killed after its row, and an index that was made anew, seal nothing twice;
- a segment is sealed once. What comes late (salvaged, found again) gets a further part of its hour, which names the
  first row;
- the hash that is sealed is the one made while the segment was written. A file is read only where the index lost it;
- the leaf of a segment that goes stays for as long as another one of its seal stands (`let_go`).
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.core.chain import Row, Stamp, canonical_row, row_from_canonical
from agent.core.events import FootageSealed
from agent.core.merkle import SegmentLeaf, path, root, segment_leaf
from agent.core.numbers import read_ranges, written
from agent.core.sealing import HOUR_NS, Waiting, due, hour_of
from agent.footage.digest import file_digest
from agent.footage.index import MediaIndex, Segment
from agent.journal import Journal
from agent.journal.files import make
from agent.journal.projections import every

LEAVES_MAX = 4096  # of one seal; an hour of 10 s segments has 360
ROWS_AT_ONCE = 50
SEALS_A_PASS = 2000  # the rest, of a board that never sealed, with the next
READ_A_PASS = 4_000_000_000  # bytes of files whose hash is lost: recording needs the disk, too
_FIELDS = ", ".join(Segment._fields)
_CAMERA = "(select id from camera where name = ?)"
_WHOLE = "state in ('closed', 'salvaged')"


class Seal(NamedTuple):
    """One row footage.sealed, as the index repeats it. text: the row, canonical; prev: the hash before it."""

    id: int
    camera: str
    hour_ns: int
    part: int
    epoch: str
    row: int
    text: str
    hash: bytes
    prev: bytes
    root: bytes
    leaves: int
    first: int
    last: int


class Proof(NamedTuple):
    """That a segment is under its seal: its place among the leaves, and the path from there to the root."""

    seal: Seal
    place: int
    steps: list[bytes]


_SEAL = ", ".join(f"seal.{name}" for name in Seal._fields if name != "camera")
_SEALS = f"select {_SEAL.replace('seal.id', 'seal.id, camera.name')} from seal join camera on camera.id = seal.camera"


def leaf_of(row: Segment) -> bytes:
    """The hash of a whole segment's leaf. ValueError if its SHA-256 is not known."""
    if row.sha256 is None or row.end_mono_ns is None or row.end_at_ns is None or row.bytes is None:
        raise ValueError(f"segment {row.seq} of {row.camera}: not whole, or its hash is not known")
    about = (row.camera, row.seq, row.boot, row.clock, row.start_mono_ns, row.start_at_ns)
    until = (row.end_mono_ns, row.end_at_ns, row.frames or 0, row.bytes, row.sha256.hex())
    return segment_leaf(SegmentLeaf(*about, *until))


class Sealer:
    """Seals one board's footage. `journal` is open to append; FootageError and JournalError where they refuse."""

    def __init__(self, footage: Path, index: MediaIndex, journal: Journal) -> None:
        self._footage = footage
        self._index = index
        self._journal = journal
        self._read_bytes = 0

    def run(self, now: Stamp) -> int:
        """Seal every hour that is over: how many rows that made."""
        with self._alone():
            return self._seal([one for one in self._waiting() if due(one, now)])

    def seal_now(self, wanted: Iterable[Segment]) -> int:
        """Seal the hours of these segments as far as they have come, over or not: somebody is to get them."""
        hours = {(row.camera, hour_of(row.start_at_ns)) for row in wanted if row.state in ("closed", "salvaged")}
        with self._alone():
            return self._seal([one for one in self._waiting() if (one.camera, one.hour_ns) in hours])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time, whoever seals: two that looked at once would seal the same twice."""
        lock = self._index.path.with_name("seal.lock")
        make(lock)
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _seal(self, hours: list[Waiting]) -> int:
        hours = [one for one in hours[:SEALS_A_PASS] if not self._known(one)]
        made = 0
        for start in range(0, len(hours), ROWS_AT_ONCE):
            if self._read_bytes > READ_A_PASS:
                break
            events = [event for one in hours[start : start + ROWS_AT_ONCE] if (event := self._event(one))]
            if events:
                made += len(self._journal.append(*events))
                self._learn()
        return made

    # --- what waits ---

    def _waiting(self) -> list[Waiting]:
        """Hours with segments that are not sealed, oldest first."""
        self._learn()
        ask = f"""
            select camera, hour, boot, end_mono_ns, end_at_ns from (
              select camera, start_at_ns / {HOUR_NS} * {HOUR_NS} as hour, boot, end_mono_ns, end_at_ns, max(seq) as last
              from footage where seal is null and {_WHOLE} group by camera_id, hour) order by last"""
        with self._index.reading() as db:
            found = db.execute(ask).fetchall()
            written_now = db.execute("select camera, start_at_ns, boot from footage where state = 'open'").fetchall()
        writing = {(camera, hour_of(at_ns)): boot for camera, at_ns, boot in written_now}
        return [Waiting._make((*row, writing.get((row[0], row[1]), ""))) for row in found]

    def _event(self, one: Waiting) -> FootageSealed | None:
        """The row that seals these segments; None if none of them can be."""
        rows = self._hashed(self._unsealed(one))
        if not rows:
            return None
        before = self._first_of(one)
        return FootageSealed(
            source=one.camera,
            hour_ns=one.hour_ns,
            segments=written(row.seq for row in rows),
            leaves=len(rows),
            root=root([leaf_of(row) for row in rows]).hex(),
            part=before[1] + 1,
            before=before[0],
        )

    def _unsealed(self, one: Waiting) -> list[Segment]:
        ask = f"""
            select {_FIELDS} from footage where camera_id = {_CAMERA} and seal is null and {_WHOLE}
            and start_at_ns >= ? and start_at_ns < ? order by seq limit {LEAVES_MAX}"""
        with self._index.reading() as db:
            found = db.execute(ask, (one.camera, one.hour_ns, one.hour_ns + HOUR_NS)).fetchall()
        return [Segment(*row) for row in found]

    def _hashed(self, rows: list[Segment]) -> list[Segment]:
        """The rows with their hashes, read from the files where the index has none; without those it cannot have."""
        found = [row if row.sha256 else self.fill(row) for row in rows]
        return [row for row in found if row.sha256 is not None]

    def fill(self, row: Segment) -> Segment:
        """A row of an index that was made anew gets the SHA-256 of its file, if that file holds by its own end box."""
        try:
            digest, own, size = file_digest(self._footage / row.path)
        except OSError:
            return row
        self._read_bytes += size
        return self.filled(row, digest) if own else row

    def filled(self, row: Segment, digest: bytes) -> Segment:
        """The row with its hash, in the index too."""
        with self._index.transaction() as db:
            ask = f"update segment set sha256 = ? where camera = {_CAMERA} and seq = ? and sha256 is null"
            db.execute(ask, (digest, row.camera, row.seq))
        return row._replace(sha256=digest)

    def _first_of(self, one: Waiting) -> tuple[str, int]:
        """("EPOCH-SEQ" of the row that sealed this hour first, how many parts there are); ("", 0) if it is not yet."""
        found = self.seals_of(one.camera, one.hour_ns)
        if found:
            return f"{found[0].epoch}-{found[0].row}", found[-1].part
        return self._told_before.get((one.camera, one.hour_ns), ("", 0))

    @functools.cached_property
    def _told_before(self) -> dict[tuple[str, int], tuple[str, int]]:
        """The same of what the journal tells: the index forgets a seal whose segments are all gone."""
        found: dict[tuple[str, int], tuple[str, int]] = {}
        for row in every(self._journal, FootageSealed.KIND):
            values: Any = row.values()
            hour = (row.source, values["hour_ns"])
            found[hour] = (found.get(hour, (f"{self._journal.epoch}-{row.seq}", 0))[0], values["part"])
        return found

    def _known(self, one: Waiting) -> bool:
        """Segments that a row has sealed, and that came into the index later: they are marked. True if all are."""
        for seal in self.seals_of(one.camera, one.hour_ns):
            numbers = read_ranges(str(row_from_canonical(seal.text, seal.hash).values()["segments"]))
            with self._index.transaction() as db:
                _mark(db, seal.id, seal.camera, numbers)
        return not self._unsealed(one)

    # --- what the journal says ---

    def _learn(self) -> None:
        """Take over the rows footage.sealed that are not yet in the index."""
        epoch, after = self._learned()
        while rows := self._journal.read(after, kinds=(FootageSealed.KIND,), limit=ROWS_AT_ONCE * 10):
            told = [(row, self._journal.hash_before(row.seq)) for row in rows]
            after = rows[-1].seq
            with self._index.transaction() as db:
                for row, prev in told:
                    _take(db, epoch, row, prev)
                db.execute("insert or replace into meta values ('sealed', ?)", (f"{epoch} {after}",))

    def _learned(self) -> tuple[str, int]:
        """(the journal's epoch, the last of its rows that was looked at)."""
        with self._index.reading() as db:
            found = db.execute("select value from meta where key = 'sealed'").fetchone()
        epoch, _, seq = (found[0] if found else "").partition(" ")
        return self._journal.epoch, int(seq) if epoch == self._journal.epoch else 0

    # --- proofs ---

    def seals_of(self, camera: str, hour_ns: int) -> list[Seal]:
        """All parts of that hour."""
        with self._index.reading() as db:
            ask = f"{_SEALS} where camera.name = ? and seal.hour_ns = ? order by part"
            return [Seal(*row) for row in db.execute(ask, (camera, hour_ns))]

    def proofs(self, rows: Sequence[Segment]) -> dict[int, Proof]:
        """seq -> proof, for those segments of one camera that are sealed and whose siblings' leaves are all known."""
        found: dict[int, Proof] = {}
        for seal, of_seal in self._by_seal(rows).items():
            tree = self._leaves(seal)
            hashes = [tree[seq] for seq in sorted(tree)]
            if len(hashes) != seal.leaves or root(hashes) != seal.root:
                continue
            places = {seq: index for index, seq in enumerate(sorted(tree))}
            found |= {seq: Proof(seal, places[seq], path(hashes, places[seq])) for seq in of_seal if seq in places}
        return found

    def _by_seal(self, rows: Sequence[Segment]) -> dict[Seal, list[int]]:
        hours = {(row.camera, hour_of(row.start_at_ns)) for row in rows}
        seals = [seal for camera, hour in sorted(hours) for seal in self.seals_of(camera, hour)]
        wanted = {row.seq for row in rows}
        return {seal: sorted(wanted & set(self._members(seal))) for seal in seals}

    def _members(self, seal: Seal) -> list[int]:
        with self._index.reading() as db:
            ask = "select seq from footage where camera = ? and seal = ? and seq between ? and ?"
            return [row[0] for row in db.execute(ask, (seal.camera, seal.id, seal.first, seal.last))]

    def _leaves(self, seal: Seal, *, fill: bool = True) -> dict[int, bytes]:
        """seq -> leaf of all that was sealed there and is known still; fill: files are read for lost hashes."""
        with self._index.reading() as db:
            rows = db.execute(
                f"select {_FIELDS} from footage where camera = ? and seal = ? and seq between ? and ?",
                (seal.camera, seal.id, seal.first, seal.last),
            ).fetchall()
            gone = db.execute(
                "select seq, hash from leaf where camera = (select id from camera where name = ?) and seal = ?",
                (seal.camera, seal.id),
            ).fetchall()
        known = [self.fill(row) if fill and not row.sha256 else row for row in map(Segment._make, rows)]
        return {**dict(gone), **{row.seq: leaf_of(row) for row in known if row.sha256}}

    def differs(self, camera: str, seq: int) -> Seal | None:
        """The seal of that segment if what it was made of is all known, and is not what it says any more."""
        row = self._index.segment(camera, seq)
        for seal, of_seal in (self._by_seal([row]) if row is not None else {}).items():
            tree = self._leaves(seal, fill=False) if of_seal else {}
            if len(tree) == seal.leaves and root([tree[at] for at in sorted(tree)]) != seal.root:
                return seal
        return None


def _take(db: Any, epoch: str, row: Row, prev: bytes) -> None:
    """One row of the journal into the index, and its segments marked."""
    values: Any = row.values()
    numbers = read_ranges(values["segments"])
    db.execute("insert into camera (name) values (?) on conflict do nothing", (row.source,))
    fields = ("camera", "hour_ns", "part", "epoch", "row", "text", "hash", "prev", "root", "leaves", "first", "last")
    db.execute(
        f"insert into seal ({', '.join(fields)}) values ({_CAMERA}{', ?' * 11}) on conflict do nothing",
        (
            *(row.source, values["hour_ns"], values["part"], epoch, row.seq, canonical_row(row).decode()),
            *(row.hash, prev, bytes.fromhex(values["root"]), values["leaves"], numbers[0][0], numbers[-1][1]),
        ),
    )
    made = db.execute("select id from seal where epoch = ? and row = ?", (epoch, row.seq)).fetchone()
    _mark(db, made[0], row.source, numbers)


def _mark(db: Any, seal: int, camera: str, numbers: list[tuple[int, int]]) -> None:
    ask = f"update segment set seal = ? where camera = {_CAMERA} and seq between ? and ? and seal is null and {_WHOLE}"
    db.executemany(ask, [(seal, camera, first, last) for first, last in numbers])


def let_go(db: Any, camera: str, seqs: Sequence[int], forget: Callable[[], object]) -> None:
    """In the transaction in which `forget` takes rows away: what their siblings need for their proofs is kept."""
    if not seqs:
        return
    span = (camera, min(seqs), max(seqs))
    ask = f"select seal, {_FIELDS} from footage where camera = ? and seq between ? and ? and seal is not null"
    going = set(seqs)
    rows = [(seal, Segment(*row)) for seal, *row in db.execute(ask, span) if row[1] in going]
    forget()
    for seal in {seal for seal, _ in rows}:
        first, last = db.execute("select first, last from seal where id = ?", (seal,)).fetchone()
        left = f"select 1 from segment where camera = {_CAMERA} and seal = ? and seq between ? and ? limit 1"
        if db.execute(left, (camera, seal, first, last)).fetchone() is None:
            db.execute(f"delete from leaf where camera = {_CAMERA} and seal = ?", (camera, seal))
            db.execute("delete from seal where id = ?", (seal,))
            continue
        leaves = [(camera, row.seq, seal, leaf_of(row)) for of, row in rows if of == seal and row.sha256 is not None]
        db.executemany(f"insert or ignore into leaf values ({_CAMERA}, ?, ?, ?)", leaves)
