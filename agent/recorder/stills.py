"""Single pictures of one camera: snapshots and references that somebody asks for, thumbnails of what moves.

A picture is the newest keyframe, decoded for it: of every source there is one, whether or not anything is looked at.
Who has one out of the board is a row, viewing.still, in one transaction with the row that says where it lies.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from agent.core.chain import Row, Stamp
from agent.core.events import Event, ReferenceTaken, Signal, SnapshotFailed, SnapshotReady, ViewingStill
from agent.core.viewing import asked_by
from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex
from agent.footage.thumbnails import Thumbnail, Thumbnails, thumbnail_path
from agent.recorder import pictures
from agent.recorder.eye import picture_of
from agent.recorder.flow import Shown
from agent.recorder.tap import Tap

log = logging.getLogger(__name__)
OLDEST_NS = 30_000_000_000
PRESENT_MOST = 32  # who looks on
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


class NoPicture(Exception):  # noqa: N818 - what is said of the request
    """There is none just now. The text says why."""


class Stills:
    """`tap` has the newest keyframe; files lie under `data`. snapshot() and reference() answer rows of the journal."""

    def __init__(self, camera: str, data: Path, tap: Tap, shown: Shown, stamp: Callable[[], Stamp]) -> None:
        self._camera, self._data, self._tap, self._shown, self._stamp = camera, data, tap, shown, stamp

    def frame(self) -> tuple[Any, Stamp]:
        """The newest picture, and when it came. NoPicture."""
        item, now = self._tap.keyframe, self._stamp()
        if item is None:
            raise NoPicture(f"no picture has come yet{self._why()}")
        age_ns = now.mono_ns - item.mono_ns
        if age_ns > OLDEST_NS:
            raise NoPicture(f"the newest picture is {age_ns // 1_000_000_000} s old{self._why()}")
        frame = picture_of(item)
        if frame is None:
            raise NoPicture("the newest picture cannot be decoded")
        return frame, now._replace(at_ns=now.at_ns - age_ns, mono_ns=item.mono_ns)

    def _why(self) -> str:
        return f": {self._shown.reason}" if self._shown.reason else ""

    def _write(self, name: Path, frame: Any = None, width: int | None = None) -> tuple[bytes, Stamp]:
        """The newest picture, or this frame, as file `name` under the data folder. NoPicture."""
        frame, at = self.frame() if frame is None else (frame, self._stamp())
        try:
            data = pictures.jpeg(frame, width)
            pictures.put(self._data / name, data, sync=True)
        except OSError as error:
            raise NoPicture(f"{self._data / name}: {error.strerror}") from None
        except (av.FFmpegError, ValueError) as error:
            raise NoPicture(f"cannot be written as JPEG ({type(error).__name__})") from None
        return data, at

    def snapshot(self, row: Row) -> list[Event]:
        """The answer to snapshot.requested; nothing if this camera is not asked."""
        values = row.values()
        cameras, snapshot = values.get("cameras"), str(values.get("snapshot"))[:100]
        if not isinstance(cameras, list) or self._camera not in cameras:
            return []
        if not _ID.fullmatch(snapshot):
            return [SnapshotFailed(source=self._camera, snapshot=snapshot, reason="not a snapshot")]
        name = Path("clips") / f"{snapshot}-{self._camera}.jpg"
        try:
            data, at = self._write(name)
        except NoPicture as error:
            reason = str(error)
            return [SnapshotFailed(source=self._camera, signal=Signal.TROUBLE, snapshot=snapshot, reason=reason)]
        out = self._let_out(row, snapshot, data, at)
        about: dict[str, object] = {"path": str(name), "bytes": len(data), "sha256": out.sha256, "at_ns": at.at_ns}
        return [out, SnapshotReady(source=self._camera, snapshot=snapshot, cause=out.cause, **about)]  # type: ignore[arg-type]

    def reference(self, row: Row) -> list[Event]:
        """The answer to camera.reference_requested; nothing if another camera is meant, or there is no picture."""
        taken = self._refer(str(row.values().get("by"))[:100]) if row.source == self._camera else None
        return [] if taken is None else [self._let_out(row, "reference", *taken[:2]), taken[2]]

    def take_reference(self, by: str, frame: Any = None) -> Event | None:
        """The newest picture, or this frame, is the reference from now on; None if there is none. Nobody sees it."""
        taken = self._refer(by, frame)
        return None if taken is None else taken[2]

    def _refer(self, by: str, frame: Any = None) -> tuple[bytes, Stamp, Event] | None:
        name = reference_of(self._camera)
        try:
            data, at = self._write(name, frame, pictures.REFERENCE_WIDTH)
        except NoPicture as error:
            log.warning("no reference: %s", error)
            return None
        digest = hashlib.sha256(data).hexdigest()
        return data, at, ReferenceTaken(source=self._camera, by=by, path=str(name), sha256=digest)

    def _let_out(self, asked: Row, picture: str, data: bytes, at: Stamp) -> ViewingStill:
        """Who has this picture, by what the request says of it."""
        values = asked.values()
        cause, present = str(values.get("cause", ""))[:200], values.get("present")
        how, by = asked_by(cause)
        viewer, whence = (str(values.get(name, ""))[:200] for name in ("viewer", "at"))
        return ViewingStill(
            source=self._camera,
            picture=picture,
            use=str(values.get("use", ""))[:20] or "send",
            how=how,
            by=by,
            viewer=viewer or str(values.get("by", ""))[:200],
            at=whence,
            present=[str(one)[:200] for one in present[:PRESENT_MOST]] if isinstance(present, list) else [],
            cause=cause,
            request=asked.seq,
            at_ns=at.at_ns,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )


def reference_of(camera: str) -> Path:
    """Where the reference picture lies, under the data folder."""
    return Path("pictures") / camera / "reference.jpg"


class Thumbs:
    """Thumbnails of what moves, beside the segment that is being written. `whole`: of the recorded stream only."""

    def __init__(self, stills: Stills, footage: Path, index: MediaIndex, shown: Shown, camera: str) -> None:
        self._stills, self._footage, self._index, self._shown, self._camera = stills, footage, index, shown, camera

    def keep(self, frame: Any, at: Stamp) -> str:
        """A thumbnail of this frame, or of the newest keyframe; its path under the data folder, "" if there is none."""
        if self._shown.stopped or not self._shown.segment:
            return ""
        try:
            segment = self._index.segment(self._camera, self._shown.segment)
            if segment is None:
                return ""
            shown = frame if frame is not None else self._stills.frame()[0]
            path, data = thumbnail_path(segment, at.at_ns), pictures.jpeg(shown, pictures.THUMBNAIL_WIDTH)
            pictures.put(self._footage / path, data)
            Thumbnails(self._index).add(Thumbnail(self._camera, segment.seq, path, at.at_ns, len(data)))
        except (NoPicture, FootageError, OSError, av.FFmpegError, ValueError) as error:
            log.warning("no thumbnail: %s", error if isinstance(error, NoPicture) else type(error).__name__)
            return ""
        return str(Path("footage") / path)
