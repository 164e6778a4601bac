"""Files in an object store that speaks S3: any number of collectors, chunks of one file over all of them.

What came within one commit goes into one object, `spool/DATE/UUID`, whosever it is; table `piece` says which bytes of
which file lie where. At `fin` one collector reads the pieces in order, compares the SHA-256, and puts the whole at
`SITE/BOARD/FID/NAME`. The order is that of folder.py: object there, pieces committed, answer sent; whole there, `done`
committed, answer sent. What a kill leaves in the spool is rubbish and nobody's evidence: a lifecycle rule of the
bucket on `spool/` takes it (40 days: longer than a transfer may last).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException

from agent.collector.shelf import Place, ShelfError
from agent.collector.store import Store, StoreError
from agent.core.filewire import Info
from agent.core.ranges import Range
from agent.runtime.redact import redact

log = logging.getLogger(__name__)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells of every retry; what comes of them is told by us

CONNECT_S, READ_S = 3.0, 10.0
REST_S = 15.0  # after a failure nothing is tried for so long: rows and acks are not to wait for it
PART_BYTES = 16 * 1024 * 1024
RUBBISH_MAX = 10_000

Piece = tuple[int, int, str, int]  # first, last, object, at


@dataclass(frozen=True)
class Bucket:
    """Where objects are and how to get in. prefix: before every name, "" or ending with /."""

    endpoint: str
    tls: bool
    name: str
    prefix: str = ""
    region: str = "us-east-1"
    key: str = ""
    secret: str = ""

    @classmethod
    def from_url(cls, url: str, credentials: tuple[str, str] | None) -> Bucket:
        """s3://BUCKET[/PREFIX]?endpoint=https://HOST[:PORT][&region=NAME]. Raises StoreError."""
        try:
            parts = urlsplit(url)
            told = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
            at = urlsplit(told.pop("endpoint", "https://s3.amazonaws.com"))
            good = parts.scheme == "s3" and parts.netloc and at.scheme in ("http", "https") and at.hostname
        except ValueError:
            good = False
        if not good or set(told) - {"region"}:
            raise StoreError("--files: a folder, or s3://BUCKET?endpoint=https://HOST:PORT&region=NAME")
        prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        key, secret = credentials or ("", "")
        return cls(at.netloc, at.scheme == "https", parts.netloc, prefix, told.get("region", "us-east-1"), key, secret)

    def url_of(self, path: str) -> str:
        """What people are told."""
        return f"s3://{self.name}/{self.prefix}{path}"


class Staged(NamedTuple):
    """An object of the spool, and where in it each payload begins (and the last one ends)."""

    name: str
    starts: list[int]


class S3Shelf:
    """Files in `bucket`, which must exist. Raises StoreError if it cannot be reached or does not let us in."""

    def __init__(self, bucket: Bucket, store: Store) -> None:
        self._bucket = bucket
        self._store = store
        self._staged: Staged | None = None
        self._needed = False  # some piece of it was written down
        self._written: list[tuple[object, ...]] = []  # rows of table `piece`
        self._leaving: list[str] = []  # not needed once this transaction is committed
        self._rubbish: list[str] = []
        self._rest_until_s = 0.0
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            retries=urllib3.Retry(total=1, backoff_factor=0.1),
            maxsize=4,
        )
        try:
            with _objects():
                self._client = Minio(
                    bucket.endpoint, bucket.key or None, bucket.secret or None,
                    secure=bucket.tls, region=bucket.region, http_client=pool,
                )  # fmt: skip
                there = self._client.bucket_exists(bucket.name)
        except ShelfError as error:
            raise StoreError(f"s3://{bucket.name} at {bucket.endpoint}: {error}") from error
        if not there:
            raise StoreError(f"s3://{bucket.name} at {bucket.endpoint}: there is no such bucket: make it first")

    # --- on the way ---

    def room(self) -> str:
        return "the object store does not answer" if time.monotonic() < self._rest_until_s else ""

    def keep(self, at: Place) -> None:
        """Nothing to make: names are enough."""

    def stage(self, payloads: Sequence[bytes]) -> Callable[[], Staged] | None:
        """One object for all of them; and what is not needed any more goes."""
        rubbish, self._rubbish = self._rubbish, []
        name = f"spool/{time.strftime('%Y-%m-%d', time.gmtime())}/{uuid.uuid4()}"
        starts = list(accumulate(map(len, payloads), initial=0))

        def job() -> Staged:
            if time.monotonic() < self._rest_until_s:
                raise ShelfError("the object store does not answer")
            self._remove(rubbish)
            with self._resting():
                if starts[-1]:
                    self._put(name, io.BytesIO(b"".join(payloads)), starts[-1])
            return Staged(name, starts)

        return job if starts[-1] or rubbish else None

    def staged(self, what: object) -> None:
        assert isinstance(what, Staged)
        self._staged = what
        self._needed = False

    def write(self, at: Place, offset: int, data: bytes, number: int) -> None:
        assert self._staged is not None
        place = (at.board.id, at.fid, offset, offset + len(data), self._staged.name, self._staged.starts[number])
        self._written.append(place)

    def sync(self) -> None:
        written, self._written = self._written, []
        self._needed = bool(written)
        if written:
            self._store.many("insert into piece values (?, ?, ?, ?, ?, ?) on conflict do nothing", written)

    @contextlib.contextmanager
    def _resting(self) -> Iterator[None]:
        try:
            with _objects():
                yield
        except ShelfError:
            self._rest_until_s = time.monotonic() + REST_S
            raise

    def _put(self, name: str, data: io.BytesIO | _Pieces, size: int) -> None:
        self._client.put_object(self._bucket.name, self._bucket.prefix + name, data, size, part_size=PART_BYTES)  # type: ignore[arg-type]

    def holds(self, at: Place, info: Info, stored: list[Range]) -> list[Range]:
        return stored  # the pieces were committed together with the ranges

    # --- the end ---

    def whole(self, at: Place, info: Info) -> Callable[[], bool]:
        ask = "select first, last, object, at from piece where board = ? and fid = ? order by first, last"
        pieces = in_order(info.size, self._store.execute(ask, (at.board.id, at.fid)))

        def job() -> bool:
            if pieces is None:
                return False
            try:
                with _objects():
                    if _sha256(self._reader(pieces)) != info.sha256:
                        return False
                    self._put(f"{at.path}/{info.name}", self._reader(pieces), info.size)
            except FileNotFoundError:  # another collector was quicker, or the spool was emptied
                return False
            return True

        return job

    def _reader(self, pieces: Sequence[Piece]) -> _Pieces:
        return _Pieces(self._client, self._bucket, pieces)

    def done(self, at: Place) -> None:
        self._forget_pieces(at)

    def drop(self, at: Place) -> None:
        self._forget_pieces(at)

    def _forget_pieces(self, at: Place) -> None:
        """Objects of which no other file needs anything go after this commit, with the next sync."""
        key = (at.board.id, at.fid)
        self._written = [row for row in self._written if row[:2] != key]
        objects = self._store.execute("delete from piece where board = ? and fid = ? returning object", key)
        for (name,) in set(objects):
            if not self._store.execute("select 1 from piece where object = ? limit 1", (name,)):
                self._leaving.append(name)

    def ended(self, *, committed: bool) -> None:
        if committed:  # else nobody knows: a commit whose answer was lost may have been one
            unused = [self._staged.name] if self._staged is not None and not self._needed else []
            self._rubbish = [*self._rubbish, *self._leaving, *unused][-RUBBISH_MAX:]
        self._leaving, self._written, self._staged = [], [], None

    def _remove(self, names: Sequence[str]) -> None:
        for number, name in enumerate(names):
            try:
                with self._resting():
                    self._client.remove_object(self._bucket.name, self._bucket.prefix + name)
            except ShelfError as error:
                log.warning("%d objects of the spool stay: %s", len(names) - number, error)
                return

    def close(self) -> None:
        """Nothing is open between calls."""


def in_order(size: int, pieces: Sequence[Piece]) -> list[Piece] | None:
    """Pieces that follow each other without overlap from 0 to `size`, made of these; None if some bytes are nowhere."""
    chosen: list[Piece] = []
    ordered, have = sorted(pieces), 0
    number, best = 0, (0, 0, "", 0)
    while have < size:
        while number < len(ordered) and ordered[number][0] <= have:
            best = max(best, ordered[number], key=lambda piece: piece[1])
            number += 1
        first, last, name, at = best
        if last <= have:
            return None
        chosen.append((have, min(last, size), name, at + have - first))
        have = min(last, size)
    return chosen


class _Pieces(io.RawIOBase):
    """The bytes of a file, read piece by piece; its SHA-256 when all have been read."""

    def __init__(self, client: Minio, bucket: Bucket, pieces: Sequence[Piece]) -> None:
        self._client = client
        self._bucket = bucket
        self._left = iter(pieces)
        self._buffer = b""
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, all of them unless it is the end."""
        while size < 0 or len(self._buffer) < size:
            piece = next(self._left, None)
            if piece is None:
                break
            self._buffer += self._fetch(piece)
        size = len(self._buffer) if size < 0 else size
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        self._hash.update(data)
        return data

    def _fetch(self, piece: Piece) -> bytes:
        first, last, name, at = piece
        answer = self._client.get_object(self._bucket.name, self._bucket.prefix + name, at, last - first)
        try:
            data = answer.read()
        finally:
            answer.close()
            answer.release_conn()
        if len(data) != last - first:
            raise FileNotFoundError(name)
        return bytes(data)


def _sha256(pieces: _Pieces) -> str:
    while pieces.read(PART_BYTES):
        pass
    return pieces.sha256


@contextlib.contextmanager
def _objects() -> Iterator[None]:
    """The client's errors as ours."""
    try:
        yield
    except MinioException as error:
        if getattr(error, "code", "") in ("NoSuchKey", "InvalidRange"):
            raise FileNotFoundError(str(error)) from error
        raise ShelfError(redact(" ".join(str(error).split()))[:200]) from error
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ShelfError(redact(" ".join(str(error).split()))[:200]) from error
