"""Thumbnails of what moved: small files beside the footage of their time, that go when it goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from agent.footage.index import MediaIndex, Segment


class Thumbnail(NamedTuple):
    """One file: of which camera, beside which of its segments, where under the footage folder, of when."""

    camera: str
    seq: int
    path: str
    at_ns: int
    bytes: int


def thumbnail_path(segment: Segment, at_ns: int) -> str:
    """Where a thumbnail lies under the footage folder: beside its segment, named by its time to the millisecond."""
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    name = f"{segment.seq:08d}-{at:%Y%m%dT%H%M%S}.{at_ns // 1_000_000 % 1000:03d}Z.jpg"
    return str(PurePosixPath(segment.path).with_name(name))


class Thumbnails:
    """The index, as thumbnails see it. FootageError wherever it cannot be used."""

    def __init__(self, index: MediaIndex) -> None:
        self._index = index

    def add(self, one: Thumbnail) -> None:
        """A file that is there already, of a camera that has footage."""
        of = "(select id from camera where name = ?)"
        with self._index.transaction() as db:
            db.execute(f"insert or replace into thumbnail values ({of}, ?, ?, ?, ?)", one)

    def between(self, camera: str, start_ns: int, end_ns: int, limit: int = 1000) -> list[Thumbnail]:
        """Those of a time (UTC), oldest first."""
        ask = """select c.name, t.seq, t.path, t.at_ns, t.bytes from thumbnail t join camera c on c.id = t.camera
                 where c.name = ? and t.at_ns >= ? and t.at_ns < ? order by t.at_ns limit ?"""
        with self._index.reading() as db:
            return [Thumbnail(*row) for row in db.execute(ask, (camera, start_ns, end_ns, limit))]

    def paths(self, camera: str, seqs: Sequence[int], footage: Path) -> list[Path]:
        """The files beside these segments."""
        ask = "select path from thumbnail where camera = (select id from camera where name = ?) and seq = ?"
        with self._index.reading() as db:
            return [footage / row[0] for seq in seqs for row in db.execute(ask, (camera, seq))]
