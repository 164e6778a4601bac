"""The clip thread: follows the journal for requests that name its camera, waits for the post-roll, cuts, and tells.

A request without an answer is found again after a crash (pending_clips); cutting twice replaces the file by the
same one, so nothing is lost between the file and its row.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.core.chain import Row, Stamp
from agent.core.clips import Window, can_be_cut, has_failed
from agent.core.events import ClipFailed, ClipReady, Event, Signal, TroubleRaised, ViewingCut
from agent.core.viewing import asked_by
from agent.footage.cut import NoFootage, cut
from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex
from agent.journal import Bell, Journal, JournalError
from agent.journal.projections import pending_clips
from agent.recorder.flow import Shown

log = logging.getLogger(__name__)
LOOK_S = 1.0
TRY_AGAIN_S = 5.0
ROLL_S_MAX = 3600
LOOK_BACK = 500  # rows
AT_ONCE = 500  # rows
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@dataclass
class Request:
    """One clip.requested row, understood."""

    clip: str
    window: Window
    cause: str = ""
    row: int = 0
    try_at_s: float = 0.0
    reason: str = "the footage was not there in time"


def understood(row: Row) -> Request | None:
    """The request in a row; None if it makes no sense (its id would be no file name, or it wants hours)."""
    values = row.values()
    try:
        clip, before_s, after_s = str(values["clip"]), int(str(values["before_s"])), int(str(values["after_s"]))
        at = Stamp(int(str(values["at_ns"])), str(values["boot"]), int(str(values["at_mono_ns"])), row.clock)
    except (KeyError, ValueError):
        return None
    if not _ID.fullmatch(clip) or not 0 <= before_s <= ROLL_S_MAX or not 0 <= after_s <= ROLL_S_MAX:
        return None
    return Request(clip, Window.around(at, before_s, after_s), str(values.get("cause", ""))[:200], row.seq)


def unanswered(journal: Journal, camera: str, after: int) -> list[Row]:
    """Snapshots asked for of late that this camera has not answered: its recorder was not there, or died over it."""
    rows = journal.read(after, kinds=("snapshot.requested", "snapshot.ready", "snapshot.failed"))
    done = {row.values()["snapshot"] for row in rows if row.source == camera and row.kind != "snapshot.requested"}
    return [row for row in rows if row.kind == "snapshot.requested" and row.values()["snapshot"] not in done]


class ClipLoop:
    """Cuts the clips of one camera. `opened` opens the journal in this thread; `others` answers rows of other kinds."""

    def __init__(
        self,
        camera: str,
        data: Path,
        index: MediaIndex,
        bell: Bell,
        opened: Callable[[], Journal],
        stamp: Callable[[], Stamp],
        shown: Shown,
        note: Callable[[Event], None],
        others: Mapping[str, Callable[[Row], Sequence[Event]]] | None = None,
    ) -> None:
        self._camera = camera
        self._data = data
        self._index = index
        self._bell = bell
        self._opened = opened
        self._stamp = stamp
        self._shown = shown
        self._note = note
        self._others = others or {}
        self._journal: Journal | None = None
        self._version = -1  # of the journal at the last look; -1: look again
        self._after = 0
        self._pending: dict[str, Request] = {}

    def run(self, over: Callable[[], bool], tick: Callable[[], None]) -> None:
        while not over():
            tick()
            try:
                self._follow()
                for request in list(self._pending.values()):
                    if over():
                        break
                    self._try(request)
                    tick()
            except JournalError as error:  # moved, full or stuck: what is pending is found again when it is opened anew
                log.warning("clips: %s", error)
                self._forget()
                time.sleep(LOOK_S)
            self._bell.wait(LOOK_S)
        self._forget()

    def _forget(self) -> None:
        journal, self._journal = self._journal, None
        self._pending.clear()
        if journal is not None:
            journal.close()

    # --- requests ---

    def _follow(self) -> None:
        """Take up requests that came since the last look; all unanswered ones at the first."""
        if self._journal is None:
            self._journal = self._opened()
            self._version = self._journal.version()
            self._after = self._journal.head()[0]
            rows = pending_clips(self._journal, self._camera)
            rows += unanswered(self._journal, self._camera, max(0, self._after - LOOK_BACK))
        else:
            self._journal.check_moved()
            version, self._version = self._version, self._journal.version()
            if version == self._version:
                return
            rows = self._journal.read(self._after, kinds=("clip.requested", *self._others), limit=AT_ONCE)
            self._after = rows[-1].seq if rows else self._after
            if len(rows) == AT_ONCE:
                self._version = -1  # there may be more
        for row in rows:
            if row.kind in self._others:
                self._other(self._others[row.kind], row)
                continue
            cameras = row.values().get("cameras")
            if isinstance(cameras, list) and self._camera in cameras:
                self._accept(row)

    def _other(self, answer: Callable[[Row], Sequence[Event]], row: Row) -> None:
        """A request that is no clip's: answered at once."""
        if events := answer(row):
            self._answer(*events)

    def _accept(self, row: Row) -> None:
        request = understood(row)
        if request is None:
            self._answer(ClipFailed(source=self._camera, clip=str(row.values().get("clip"))[:100], reason="not a clip"))
        else:
            self._pending.setdefault(request.clip, request)

    def _try(self, request: Request) -> None:
        now, shown = self._stamp(), self._shown
        if time.monotonic() < request.try_at_s:
            return
        if not can_be_cut(request.window, now, shown.recorded_until, recording=shown.recording):
            return
        try:
            self._cut(request)
        except NoFootage as error:
            self._fail(request, f"{error}{self._why()}")
        except FootageError as error:
            request.reason, request.try_at_s = str(error), time.monotonic() + TRY_AGAIN_S
            if has_failed(request.window, self._stamp()):
                self._fail(request, request.reason)

    def _cut(self, request: Request) -> None:
        window = request.window
        rows = self._index.around(self._camera, window.start.boot, window.start, window.end)
        footage = self._data / "footage"
        name = Path("clips") / f"{request.clip}-{self._camera}.mp4"
        about = {"clip": request.clip, "camera": self._camera, "from_ns": str(window.start.at_ns)}
        about |= {"to_ns": str(window.end.at_ns), "boot": window.start.boot, "clock": window.start.clock}
        made = cut(window, [footage / row.path for row in rows], self._data / name, about)
        for problem in made.damaged:
            self._note(
                TroubleRaised(source=self._camera, signal=Signal.TROUBLE, what="segment damaged", detail=problem)
            )
        ready = ClipReady(
            source=self._camera,
            clip=request.clip,
            path=str(name),
            bytes=made.size_bytes,
            sha256=made.sha256.hex(),
            from_ns=made.start.at_ns,
            to_ns=made.end.at_ns,
            short_ms=max(0, (window.length_ns - made.covered_ns) // 1_000_000),
        )
        self._answer(self._without_grant(request, ready), ready)
        self._pending.pop(request.clip, None)

    def _without_grant(self, request: Request, ready: ClipReady) -> ViewingCut:
        """Who has footage out of the board by this clip. In one transaction with what lets it go."""
        how, by = asked_by(request.cause)
        about: dict[str, object] = {"how": how, "by": by, "cause": request.cause, "request": request.row}
        about |= {"from_ns": ready.from_ns, "to_ns": ready.to_ns, "bytes": ready.bytes, "sha256": ready.sha256}
        return ViewingCut(source=self._camera, clip=request.clip, **about)  # type: ignore[arg-type]

    def _fail(self, request: Request, reason: str) -> None:
        self._answer(ClipFailed(source=self._camera, signal=Signal.TROUBLE, clip=request.clip, reason=reason))
        self._pending.pop(request.clip, None)

    def _why(self) -> str:
        """Why there may be no footage just now."""
        shown = self._shown
        return f": {shown.stopped or shown.reason}" if shown.stopped or shown.reason else ""

    def _answer(self, *events: Event) -> None:
        assert self._journal is not None
        self._journal.append(*events)
