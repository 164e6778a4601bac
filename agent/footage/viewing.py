"""Footage for a person's eyes: only here, only under a grant, never without a row.

Rules of this file:
- whoever shows footage to a person, or hands it out, calls `open_for_viewing`; tests/test_layers.py holds that nothing
  else may import what reads pictures;
- the grant is judged now (two people, role, expiry, scope): a journal only says who claimed what;
- `viewing.opened` is in the journal before the first byte is read, `viewing.ended` says what was truly handed out;
  who is refused is shown nothing, and that is a row (`viewing.refused`) too.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.core.chain import Stamp
from agent.core.clips import Window, overlap_ns, since_ns
from agent.core.commands import Here, Now
from agent.core.events import ViewingEnded, ViewingOpened
from agent.core.events import ViewingRefused as Refusal
from agent.core.numbers import written
from agent.core.viewing import Grant, Wanted, grant_of, refusal
from agent.footage import boxes
from agent.footage.cut import Cut, cut
from agent.footage.errors import FootageError, explain
from agent.footage.index import MediaIndex, Segment
from agent.footage.layout import TICKS_PER_S, Piece
from agent.footage.movie import sample_entries
from agent.footage.query import Between, Footage
from agent.footage.reading import piece_holds, read_segment
from agent.journal import Journal
from agent.journal.approvals import Approval, approval_of
from agent.journal.projections import approvals, told_time

KIND = "footage.view"
NS = 1_000_000_000
SEGMENTS_MAX = 20_000  # in one viewing: some two weeks of one camera


class ViewingRefused(FootageError):  # noqa: N818 - what became of it, as the row calls it
    """Nothing is shown; the text says why, and a row has it."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "refused")


@dataclass(frozen=True)
class Screen:
    """Where footage is viewed. journal: open to append; footage: the folder; here: whose signatures count."""

    journal: Journal
    index: MediaIndex
    footage: Path
    here: Here
    stamp: Callable[[], Stamp]

    def now(self) -> Now:
        told = told_time(self.journal, self.stamp())
        return Now(told.at_ns // NS, told.clock, told.boot)


def grant(of: Approval) -> Grant:
    """The grant that an approval of kind footage.view is. ValueError if its scope makes none."""
    told = (of.requester, of.approver, of.expires_s)
    return grant_of(of.request, of.scope, *told, asked_by_key=of.asked_by_key)


def open_for_viewing(request: str, wanted: Wanted, screen: Screen) -> Viewing:
    """Footage of one camera and time under the grant `request`: a context manager. ViewingRefused, FootageError."""
    found, why = _standing(request, screen)
    why = why or (refusal(found, wanted) if found is not None else "")
    if found is None or why:
        raise _refused(request, wanted, screen, why)
    shown = Footage(screen.index, screen.journal)
    between = Between(wanted.from_ns, wanted.to_ns)
    segments: list[Segment] = []
    for one in shown.every_segment(wanted.camera, between):
        segments.append(one)
        if len(segments) > SEGMENTS_MAX:
            raise _refused(request, wanted, screen, f"more than {SEGMENTS_MAX} segments at once: ask for less time")
    segments.sort(key=lambda one: one.seq)
    viewing = Viewing(f"v-{uuid.uuid4().hex[:12]}", found, wanted, segments, screen)
    screen.journal.append(_opened(viewing))
    return viewing


def _standing(request: str, screen: Screen) -> tuple[Grant | None, str]:
    """The grant as it stands now; else None and why."""
    asked = approvals(screen.journal).get(request)
    if asked is None or asked.asked.values()["what"] != KIND:
        return None, f"there is no grant {request}: standpipe grant ask"
    found = approval_of(asked, screen.here, screen.now())
    if found is None:
        return None, f"grant {request} is not approved, has expired or was revoked: standpipe grant list"
    try:
        return grant(found), ""
    except ValueError as error:
        return None, f"grant {request}: {error}"


def _refused(request: str, wanted: Wanted, screen: Screen, why: str) -> ViewingRefused:
    told = Refusal(
        source=wanted.camera,
        grant=request,
        viewer=wanted.viewer,
        use=str(wanted.use),
        by=wanted.by,
        at=wanted.at,
        from_ns=wanted.from_ns,
        to_ns=wanted.to_ns,
        reason=why,
    )
    screen.journal.append(told)
    return ViewingRefused(f"{wanted.camera}: not shown: {why}")


def _opened(viewing: Viewing) -> ViewingOpened:
    granted, wanted = viewing.grant, viewing.wanted
    return ViewingOpened(
        source=wanted.camera,
        viewing=viewing.id,
        grant=granted.id,
        viewer=granted.viewer,
        use=str(wanted.use),
        why=str(granted.why),
        purpose=granted.purpose,
        document=granted.document,
        requester=granted.requester,
        asked_by_key=granted.asked_by_key,
        approver=granted.approver,
        by=wanted.by,
        at=wanted.at,
        present=list(wanted.present),
        from_ns=wanted.from_ns,
        to_ns=wanted.to_ns,
        segments=written(one.seq for one in viewing.segments),
    )


class Viewing:
    """An open viewing. segments: those that hold footage of that time, in their order, times corrected."""

    def __init__(self, id_: str, granted: Grant, wanted: Wanted, segments: list[Segment], screen: Screen) -> None:
        self.id = id_
        self.grant = granted
        self.wanted = wanted
        self.segments = segments
        self._screen = screen
        self._anchors = Footage(screen.index, screen.journal).anchors
        self._began_ns = time.monotonic_ns()
        self._ended = False
        self._from_ns = self._to_ns = self._bytes = 0

    def __enter__(self) -> Viewing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write down what was handed out. Safe to call twice."""
        if self._ended:
            return
        self._ended = True
        shown_ms = (time.monotonic_ns() - self._began_ns) // 1_000_000
        ended = ViewingEnded(
            source=self.wanted.camera,
            viewing=self.id,
            grant=self.grant.id,
            from_ns=self._from_ns,
            to_ns=self._to_ns,
            bytes=self._bytes,
            shown_ms=shown_ms,
        )
        self._screen.journal.append(ended)

    def gave(self, from_ns: int, to_ns: int, size: int) -> None:
        """Note that footage from / to (UTC), so many bytes, has been handed out."""
        self._from_ns = min(self._from_ns or from_ns, from_ns)
        self._to_ns = max(self._to_ns, to_ns)
        self._bytes += size

    # --- handing it out ---

    def files(self) -> Iterator[tuple[Segment, Path]]:
        """Each segment and its file, as it was recorded; handed out as a whole. Only where copies are granted."""
        if not self.grant.copies:
            raise ViewingRefused(f"grant {self.grant.id} allows no copies")
        for one in self.segments:
            path = self._screen.footage / one.path
            self.gave(one.start_at_ns, one.end_at_ns or self.wanted.to_ns, one.bytes or 0)
            yield one, path

    def hand_over(self, source: Path, target: Path, from_ns: int, to_ns: int) -> None:
        """Copy a clip of that time (UTC) to where it leaves the board. FootageError; only where copies are granted."""
        if not self.grant.copies:
            raise ViewingRefused(f"grant {self.grant.id} allows no copies")
        try:
            shutil.copyfile(source, target)
            size = target.stat().st_size
        except OSError as error:
            raise explain(error.filename or target, error) from error
        self.gave(from_ns, to_ns, size)

    def cut(self, target: Path, about: dict[str, str] | None = None) -> list[Cut]:
        """Plain MP4s of just that time, one for each boot that recorded it; nothing is decoded. FootageError.

        The first is `target`, others have -2, -3, ... in their names. NoFootage if there is none.
        """
        made: list[Cut] = []
        for window, paths in self._windows() or [(self._utc_window(), [])]:
            name = target if not made else target.with_stem(f"{target.stem}-{len(made) + 1}")
            said = {"viewing": self.id, "grant": self.grant.id, "camera": self.wanted.camera, **(about or {})}
            one = cut(window, paths, name, said)
            ahead = self._ahead(one.start)
            self.gave(one.start.at_ns + ahead, one.end.at_ns + ahead, one.size_bytes)
            made.append(one)
        return made

    def _windows(self) -> list[tuple[Window, list[Path]]]:
        """What to cut: one window and its files for each boot, by that boot's monotonic time."""
        found: dict[str, list[Segment]] = {}
        for one in self.segments:
            found.setdefault(one.boot, []).append(one)
        windows = []
        for boot, rows in found.items():
            ahead_ns = rows[0].start_at_ns - rows[0].start_mono_ns
            start, end = (
                Stamp(at, boot, at - ahead_ns, rows[0].clock) for at in (self.wanted.from_ns, self.wanted.to_ns)
            )
            windows.append((Window(start, end), [self._screen.footage / row.path for row in rows]))
        return windows

    def _utc_window(self) -> Window:
        start, end = (Stamp(at, "", at, "rtc") for at in (self.wanted.from_ns, self.wanted.to_ns))
        return Window(start, end)

    def _ahead(self, stamp: Stamp) -> int:
        """What to add to a time of that boot's footage to have it corrected."""
        ahead_ns = self._anchors.get(stamp.boot)
        return stamp.mono_ns + ahead_ns - stamp.at_ns if stamp.clock == "unset" and ahead_ns is not None else 0

    def stream(self) -> Iterator[bytes]:
        """The same as one fragmented MP4, a fragment at a time as it is taken: for a player, or a page.

        Begins at the keyframe at or before the time. A fragment whose CRC is wrong is left out with what depends on it.
        """
        formats: bytes | None = None
        number, origin, reached = 0, None, 0
        for window, paths in self._windows():
            for path in paths:
                for init, piece, body in _pieces(path, window):
                    if formats != (formats := sample_entries(init)):
                        yield init
                    origin = origin or piece.start
                    number, at = number + 1, max(reached, since_ns(piece.start, origin) * TICKS_PER_S // NS)
                    reached = at + piece.duration
                    placed = boxes.place_moof(body[: piece.moof_bytes], number, at)
                    ahead = self._ahead(piece.start)
                    self.gave(piece.start.at_ns + ahead, piece.end.at_ns + ahead, len(body))
                    yield bytes(placed) + body[piece.moof_bytes :]


def _pieces(path: Path, window: Window) -> Iterator[tuple[bytes, Piece, bytes]]:
    """(ftyp and moov, fragment, its bytes) of what of a segment lies in the window, from a keyframe on."""
    found = read_segment(path)
    wanted = [i for i, piece in enumerate(found.pieces) if overlap_ns(window, piece) > 0]
    if not wanted:
        return
    first = max((i for i, piece in enumerate(found.pieces) if piece.key and i <= wanted[0]), default=wanted[0])
    need_key = True
    try:
        with path.open("rb", buffering=0) as file:
            for piece in found.pieces[first : wanted[-1] + 1]:
                if need_key and not piece.key:
                    continue
                need_key = not piece_holds(file.fileno(), piece)
                if not need_key:
                    yield found.init, piece, os.pread(file.fileno(), piece.body_bytes, piece.at)
    except OSError as error:
        raise explain(path, error) from error


__all__ = ["Screen", "Viewing", "ViewingRefused", "grant", "open_for_viewing"]
