"""What retention asks of the index: footage in its order, how much there is, and deletions under way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from agent.core.retention import Piece, Run
from agent.core.spans import DAY_NS
from agent.footage.index import MediaIndex, Segment
from agent.footage.seal import let_go

PAGE = 2000
_WHOLE = "state in ('closed', 'salvaged')"


class Amount(NamedTuple):
    """What there is of one camera. day_bytes: what its newest day of footage takes."""

    camera: str
    files: int
    bytes: int
    day_bytes: int


class Deletion(NamedTuple):
    """A deletion under way: its segments are marked, and its row in the journal may be there or not."""

    id: str
    camera: str
    event: dict[str, Any]


class Keeping:
    """The index, as retention sees it. FootageError wherever the index cannot be used."""

    def __init__(self, index: MediaIndex) -> None:
        self._index = index

    def amounts(self) -> list[Amount]:
        """Every camera that ever recorded here."""
        with self._index.reading() as db:
            found = db.execute("select id, name, files, bytes from camera order by name").fetchall()
            return [Amount(name, files, total, self._day_bytes(db, id_)) for id_, name, files, total in found]

    @staticmethod
    def _day_bytes(db: Any, camera: int) -> int:
        """The newest by its sequence: what a clock that was ahead has dated is no measure of a day."""
        newest = "select start_at_ns from segment where camera = ? order by seq desc limit 1"
        total = f"""with newest(at) as ({newest})
            select sum(bytes) from segment, newest
            where camera = ? and start_at_ns > at - {DAY_NS} and start_at_ns <= at"""
        return int(db.execute(total, (camera, camera)).fetchone()[0] or 0)

    def runs(self, camera: str) -> list[Run]:
        """The boots that the camera's footage is of, in order of its sequence."""
        end = f"select seq from segment where camera = c.id and boot = b.id and {_WHOLE} order by start_mono_ns"
        ask = f"""
            select b.name, f.seq, f.start_mono_ns, l.end_mono_ns, l.end_at_ns, l.clock
            from camera c join boot b
            join segment f on f.camera = c.id and f.seq = ({end} limit 1)
            join segment l on l.camera = c.id and l.seq = ({end} desc limit 1)
            where c.name = ? order by f.seq"""
        with self._index.reading() as db:
            return [Run(*row) for row in db.execute(ask, (camera,))]

    def pieces(self, camera: str) -> Iterator[Piece]:
        """Whole segments from the oldest on; the index is not locked between two pages."""
        ask = f"""
            select seq, boot, start_mono_ns, end_mono_ns, bytes from segment
            where camera = (select id from camera where name = ?) and seq > ? and {_WHOLE} order by seq limit {PAGE}"""
        with self._index.reading() as db:
            boots = dict(db.execute("select id, name from boot").fetchall())
        after, more = 0, True
        while more:
            with self._index.reading() as db:
                rows = db.execute(ask, (camera, after)).fetchall()
            more = len(rows) == PAGE
            for seq, boot, start, end, size in rows:
                after = seq
                yield Piece(seq, boots.get(boot, ""), start, end, size)

    def rows(self, camera: str, seqs: Sequence[int]) -> list[Segment]:
        """Those segments' rows, as far as they are there."""
        found = (self._index.segment(camera, seq) for seq in seqs)
        return [row for row in found if row is not None]

    # --- deletions ---

    def mark(self, deletion: Deletion, seqs: Sequence[int]) -> None:
        """From now on these segments go, whatever happens. ValueError if one of them is not there, or not whole."""
        ask = f"""
            update segment set state = 'deleting'
            where camera = (select id from camera where name = ?) and seq = ? and {_WHOLE}"""
        with self._index.transaction() as db:
            text = json.dumps(deletion.event, sort_keys=True)
            db.execute("insert into deletion values (?, ?, ?)", (deletion.id, deletion.camera, text))
            marked = db.executemany(ask, [(deletion.camera, seq) for seq in seqs]).rowcount
            if marked != len(seqs):
                raise ValueError(f"{deletion.camera}: {len(seqs) - marked} of these segments may not be deleted")

    def deletions(self) -> list[Deletion]:
        """Those under way: none, unless a pass was killed."""
        with self._index.reading() as db:
            found = db.execute("select id, camera, event from deletion order by id").fetchall()
        return [Deletion(id_, camera, json.loads(event)) for id_, camera, event in found]

    def forget(self, deletion: Deletion, seqs: Sequence[int]) -> None:
        """It is done: its rows go, and so does the deletion; leaves stay that the proofs of others need."""
        ask = """delete from segment where camera = (select id from camera where name = ?) and seq = ?
                 and state = 'deleting'"""
        with self._index.transaction() as db:
            let_go(db, deletion.camera, seqs, lambda: db.executemany(ask, [(deletion.camera, seq) for seq in seqs]))
            db.execute("delete from deletion where id = ?", (deletion.id,))
