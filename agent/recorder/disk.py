"""The disk's thread: fragments become segments, and whatever is missing becomes a gap.

Order of a segment's life: file and folder synced -> row `open` -> fragments, each synced -> file and folder synced
-> row `closed`. When the disk refuses, recording stops with an alarm and starts again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from agent.core.chain import Stamp
from agent.core.clips import since_ns
from agent.core.events import Event, FootageResumed, FootageStopped, Signal
from agent.footage.boxes import BoxError
from agent.footage.errors import FootageError
from agent.footage.index import Segment, segment_path
from agent.footage.layout import Fragment
from agent.footage.segment import SegmentWriter
from agent.footage.volume import Volume
from agent.recorder.books import TOO_SLOW, Books, Job
from agent.recorder.flow import FragmentQueue, RunEnded, Shown

LOOK_S = 1.0  # at the marker and the room left
SOON_S = 0.02  # a camera's fragments come each second: who waited for so long would never be idle
TRY_AGAIN_S = 2.0  # after the disk refused
AFTER_STOP_S = 4.0  # how long the camera's last words are waited for
EARLY_NS = 500_000_000  # a segment may end this much early rather than a whole GOP late


class DiskLoop:
    """Runs one camera's footage. Nothing here raises for what a disk does."""

    def __init__(
        self,
        job: Job,
        books: Books,
        volume: Volume,
        queue: FragmentQueue,
        shown: Shown,
        note: Callable[[Event], None],
        stamp: Callable[[], Stamp],
    ) -> None:
        self._job = job
        self._books = books
        self._volume = volume
        self._queue = queue
        self._shown = shown
        self._note = note
        self._stamp = stamp
        self._writer: SegmentWriter | None = None
        self._previous: Fragment | None = None
        self._last_end: Stamp | None = None
        self._first: Stamp | None = None  # since when there was something to keep
        self._cause = job.first_cause
        self._refused = ""  # by the disk: what it last said
        self._next_seq = 0
        self._stopped_at: Stamp | None = None
        self._look_at_s = 0.0

    def run(self, over: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Until `over` and nothing more comes; then the open segment is closed."""
        give_up_s: float | None = None
        while not self._queue.finished:
            tick()
            if time.monotonic() >= self._look_at_s:
                self._look()
            item = self._queue.get(SOON_S if self._books.busy else LOOK_S)
            if isinstance(item, Fragment):
                self._take(item)
            elif isinstance(item, RunEnded):
                self._end_segment(item.cause)
            else:
                self._books.idle()
            if over():
                give_up_s = give_up_s or time.monotonic() + AFTER_STOP_S
                if time.monotonic() > give_up_s:
                    break
        self._end_segment("recorder stopped")
        self._books.settle()

    # --- fragments to segments ---

    def _take(self, fragment: Fragment) -> None:
        self._first = self._first or fragment.start
        if self._shown.stopped:
            return
        try:
            self._store(fragment)
        except FootageError as error:
            self._stop(error)
        except BoxError as error:
            self._stop(FootageError(f"{self._job.camera}: a fragment came out damaged: {error}"))

    def _store(self, fragment: Fragment) -> None:
        previous, self._previous = self._previous, fragment
        follows = previous is not None and (fragment.run, fragment.number) == (previous.run, previous.number + 1)
        if self._writer is not None and not follows:
            self._end_segment(TOO_SLOW)
        if self._writer is not None and fragment.key and self._full(self._writer):
            self._end_segment("")
        if self._writer is None:
            if not fragment.key:
                return
            self._writer = self._begin_segment(fragment)
        self._writer.write(fragment)
        self._last_end = self._shown.recorded_until = fragment.end
        if self._stopped_at is not None:
            self._resumed(self._stopped_at)

    def _full(self, writer: SegmentWriter) -> bool:
        return since_ns(writer.end, writer.start) >= self._job.segment_s * 1_000_000_000 - EARLY_NS

    def _begin_segment(self, fragment: Fragment) -> SegmentWriter:
        start, seq, camera = fragment.start, self._next_seq, self._job.camera
        utc = datetime.fromtimestamp(start.at_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = segment_path(camera, seq, utc)
        writer = SegmentWriter(self._job.footage / path, camera, seq, fragment)
        self._next_seq += 1
        self._shown.segment = seq
        self._books.begin(self._row(writer, "open"))
        if self._last_end is not None:
            self._books.gap(self._last_end, start, self._cause or "no pictures came")
        elif self._first is not None and self._refused:
            self._books.gap(self._first, start, self._refused)
        self._cause = ""
        return writer

    def _end_segment(self, cause: str) -> None:
        """Close the open segment, if any. `cause` is why the next one will not follow at once ("": it will)."""
        self._cause = self._cause or cause
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            digest = writer.close()
        except FootageError as error:
            self._stop(error)
            return
        self._books.finish(self._row(writer, "closed", digest))

    def _row(self, writer: SegmentWriter, state: str, digest: bytes | None = None) -> Segment:
        """The index row of a segment: with its end once it has its digest."""
        start, end = writer.start, writer.end
        where = str(writer.path.relative_to(self._job.footage))
        began = (start.boot, start.clock, start.mono_ns, start.at_ns)
        row = Segment(self._job.camera, writer.seq, where, state, *began)
        if digest is None:
            return row
        row = row._replace(end_mono_ns=end.mono_ns, end_at_ns=end.at_ns)
        return row._replace(frames=writer.frames, bytes=writer.bytes, sha256=digest)

    # --- stopping and going on ---

    def _look(self) -> None:
        """Once a second: may footage be written here, and if it was stopped, is the way free again?"""
        self._look_at_s = time.monotonic() + LOOK_S
        try:
            self._volume.check(recording=not self._shown.stopped)
            if not self._next_seq:
                self._recover()
        except FootageError as error:
            self._stop(error)
        except OSError as error:
            self._stop(FootageError(f"{self._job.footage}: {error.strerror}"))
        else:
            self._shown.stopped = ""

    def _recover(self) -> None:
        self._next_seq, last_end = self._books.recover()
        self._last_end = self._last_end or last_end

    def _stop(self, error: FootageError) -> None:
        """The disk refuses: give up the open segment, say so once, look again later."""
        self._look_at_s = time.monotonic() + TRY_AGAIN_S
        self._cause, self._refused = self._cause or error.reason, error.reason
        writer, self._writer = self._writer, None
        self._previous = None
        if writer is not None:
            writer.abandon()
        self._next_seq = 0  # recovery puts right what is there, once the disk takes it
        self._shown.stopped = str(error)
        if self._stopped_at is None:
            self._stopped_at = self._stamp()
            reason = f"{error.reason}: {error}"
            self._note(FootageStopped(source=self._job.camera, signal=Signal.TROUBLE, reason=reason))

    def _resumed(self, since: Stamp) -> None:
        self._stopped_at = None
        stopped_ms = max(0, since_ns(self._stamp(), since) // 1_000_000)
        self._note(FootageResumed(source=self._job.camera, signal=Signal.TROUBLE, stopped_ms=stopped_ms))
