"""The books of one camera's footage: rows and gaps in the index, what is owed to it, and putting it right again.

The index may be locked, full, corrupt or gone while footage is being written: rows wait in order and are tried
again; a new, empty index is filled from the files, a few at a time while the disk has nothing better to do.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.core.chain import Stamp
from agent.core.clips import CONTIGUOUS_NS, since_ns
from agent.core.events import Event, FootageGap, FootageSalvaged, Signal, TroubleCleared, TroubleRaised
from agent.footage.errors import FootageError
from agent.footage.index import Gap, MediaIndex, Segment
from agent.footage.recovery import missing, newest, salvage

GAP_INDEXED_NS = CONTIGUOUS_NS  # less is jitter of arrival
GAP_TOLD_NS = 10_000_000_000
TOO_SLOW = "disk too slow"  # pictures came and were dropped
ROWS_WAITING_MAX = 1000
TRY_AGAIN_S = 5.0
EVERYTHING = 1 << 62
PROBLEMS_TOLD_MAX = 5


@dataclass(frozen=True)
class Job:
    """What one recorder records, and where to."""

    camera: str
    source: str  # the process's name in the journal
    footage: Path
    segment_s: int
    first_cause: str  # why there is nothing between the last footage of an earlier run and the first of this


class Books:
    """Rows and gaps of one camera. Nothing here raises for what the index does; only `recover` may."""

    def __init__(self, job: Job, index: MediaIndex, note: Callable[[Event], None]) -> None:
        self._job = job
        self._index = index
        self._note = note
        self._owed: deque[Callable[[], None]] = deque(maxlen=ROWS_WAITING_MAX)
        self._try_at_s = 0.0
        self._in_trouble = False
        self._open: Segment | None = None
        self._adopting: Iterator[list[str]] | None = None
        self._adopt_below = EVERYTHING
        self._known_as: tuple[int, int] | None = None
        self._told = 0

    # --- what the disk's thread writes down ---

    def begin(self, segment: Segment) -> None:
        self._open = segment
        self._owe(lambda: self._index.begin(segment))

    def finish(self, segment: Segment) -> None:
        self._open = None
        self._owe(lambda: self._index.finish(segment))

    def gap(self, last: Stamp, start: Stamp, cause: str) -> None:
        """Nothing was recorded from `last` to `start`: indexed, and told if long, or our doing. Jitter is neither."""
        length_ns = max(0, since_ns(start, last))
        if length_ns < GAP_INDEXED_NS and last.boot == start.boot:
            return
        ends = (last.boot, last.mono_ns, last.at_ns, start.boot, start.mono_ns, start.at_ns)
        row = Gap(self._job.camera, *ends, length_ns, cause)
        self._owe(lambda: self._index.add_gap(row))
        if length_ns > GAP_TOLD_NS or cause == TOO_SLOW:
            self._note(
                FootageGap(
                    source=self._job.camera,
                    signal=Signal.TROUBLE,
                    from_ns=last.at_ns,
                    to_ns=start.at_ns,
                    gap_ms=length_ns // 1_000_000,
                    cause=cause,
                )
            )

    @property
    def busy(self) -> bool:
        """There are files to index: every moment in which nothing comes is of use."""
        return self._adopting is not None and time.monotonic() >= self._try_at_s

    def idle(self) -> None:
        """When there is nothing to write: pay what is owed, index a few files that have no row."""
        self._settle()
        if self._adopting is None or time.monotonic() < self._try_at_s:
            return
        try:
            problems = next(self._adopting, None)
        except (FootageError, OSError) as error:
            self._refused(error)
            self._adopt(self._adopt_below)  # from the beginning: what is there already is not looked at again
            return
        if problems is None:
            self._adopting = None
        for problem in problems or ():
            self._tell("segment damaged", problem)

    def settle(self) -> None:
        """Once more before the end."""
        self._try_at_s = 0.0
        self._settle()

    # --- recovery ---

    def recover(self) -> tuple[int, Stamp | None]:
        """End what was open: (next sequence number, end of the last footage there is). OSError, FootageError: the disk.

        An index that cannot be used is no reason not to record: the files alone tell the next number.
        """
        newest_file = newest(self._job.footage, self._job.camera, EVERYTHING)
        try:
            self._index.check(self._job.camera)
        except FootageError as error:
            self._refused(error)
        last: Segment | None = None
        used = 0
        try:
            done, problems = salvage(self._index, self._job.footage, self._job.camera, EVERYTHING)
            last = self._index.last(self._job.camera)
            used = self._index.last_seq(self._job.camera)
        except FootageError as error:
            self._refused(error)
            done, problems = [], []
        for one in done:
            self._note(
                FootageSalvaged(source=self._job.camera, segment=one.seq, kept_ms=one.kept_ms, cut_bytes=one.cut_bytes)
            )
        for problem in problems:
            self._tell("segment damaged", problem)
        next_seq = max(used, newest_file[0] if newest_file else 0) + 1
        self._adopt(next_seq)
        return next_seq, _end_of(last)

    def _adopt(self, below: int) -> None:
        """Index what has no row, from now on, in idle moments."""
        self._adopt_below = below
        self._adopting = missing(self._index, self._job.footage, self._job.camera, below)
        self._known_as = self._index.identity

    # --- the index and its moods ---

    def _owe(self, write: Callable[[], None]) -> None:
        self._owed.append(write)
        self._settle()

    def _settle(self) -> None:
        if time.monotonic() < self._try_at_s:
            return
        try:
            while self._owed:
                self._owed[0]()
                self._owed.popleft()
        except FootageError as error:
            self._refused(error)
            return
        if self._in_trouble:
            self._in_trouble = False
            self._note(TroubleCleared(source=self._job.source, what="footage index", detail="written again"))
        self._look_for_another()

    def _look_for_another(self) -> None:
        """An index that somebody made anew knows nothing of our files: fill it."""
        if self._index.identity in (None, self._known_as):
            return
        current = self._open
        if current is not None:
            self._owed.append(lambda: self._index.finish(current))
        self._adopt(current.seq if current is not None else EVERYTHING)

    def _refused(self, error: FootageError | OSError) -> None:
        corrupt = isinstance(error, FootageError) and error.reason == "corrupt"
        self._try_at_s = 0.0 if corrupt else time.monotonic() + TRY_AGAIN_S
        if not self._in_trouble:
            self._in_trouble = True
            self._note(
                TroubleRaised(source=self._job.source, signal=Signal.TROUBLE, what="footage index", detail=str(error))
            )

    def _tell(self, what: str, detail: str) -> None:
        """A damaged file is told of; hundreds of them are not each told of."""
        self._told += 1
        if self._told <= PROBLEMS_TOLD_MAX:
            self._note(TroubleRaised(source=self._job.camera, signal=Signal.TROUBLE, what=what, detail=detail))


def _end_of(segment: Segment | None) -> Stamp | None:
    if segment is None or segment.end_at_ns is None or segment.end_mono_ns is None:
        return None
    return Stamp(segment.end_at_ns, segment.boot, segment.end_mono_ns, segment.clock)
