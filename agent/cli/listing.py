"""standpipe footage list: what is recorded, what is missing and why, what moved, what is held."""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from agent.cli.footage_words import cause
from agent.cli.moments import moment
from agent.cli.place import Place, journal_to_read
from agent.cli.rows import as_json, in_words
from agent.cli.terminal import amount, columns, tell
from agent.cli.texts import Texts
from agent.core.chain import Row
from agent.footage.index import Gap, MediaIndex, Segment
from agent.footage.query import MOTION, Between, Footage, Mark, Page
from agent.journal import JournalError
from agent.journal.holds import Hold
from agent.runtime.paths import Paths

HOLE_NS = 1_000_000_000
NS = 1_000_000_000
EVER = Between(-(2**62), 2**62)
LIMIT = 10_000
TOLD_S = 2.0


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of the list."""
    parser.add_argument("--camera", metavar="ID", help="only this camera's")
    parser.add_argument("--from", dest="start", metavar="TIME", help="only what ends after this")
    parser.add_argument("--to", dest="end", metavar="TIME", help="only what begins before this")
    parser.add_argument("--gaps", action="store_true", help="what is missing, with its cause")
    parser.add_argument("--motion", action="store_true", help="what moved, and when")
    parser.add_argument("--holds", action="store_true", help="what may not go, and why")
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"up to so many (default {LIMIT})")
    parser.add_argument("--json", action="store_true", help="one JSON object a line: each segment, gap, row or hold")


@contextlib.contextmanager
def opened(paths: Paths) -> Iterator[tuple[MediaIndex, Footage]]:
    """The index, and what is asked of it: without a journal, by the clocks that footage was recorded with."""
    with contextlib.closing(MediaIndex(paths.media, create=False)) as index, contextlib.ExitStack() as stack:
        try:
            journal = stack.enter_context(journal_to_read(paths))
        except JournalError:
            journal = None
        yield index, Footage(index, journal)


def run(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    now = datetime.now(place.zone)
    start, end = (None if text is None else moment(text, place, now) for text in (args.start, args.end))
    between = Between(EVER.from_ns if start is None else start, EVER.to_ns if end is None else end)
    with opened(paths) as (_, footage):
        cameras = [args.camera] if args.camera else footage.cameras()
        lister = _Lister(args, footage, between, place, t)
        lister.show(cameras)
    return 0


class _Lister:
    def __init__(self, args: argparse.Namespace, footage: Footage, between: Between, place: Place, t: Texts) -> None:
        self._args = args
        self._footage = footage
        self._between = between
        self._place = place
        self._t = t

    def show(self, cameras: list[str]) -> None:
        """Up to --limit lines; whether there is more goes to stderr."""
        name, items, as_line, as_object = self._kind(cameras)
        shown = list(itertools.islice(items, self._args.limit + 1))
        more = len(shown) > self._args.limit
        if self._args.json:
            for one in shown[: self._args.limit]:
                print(json.dumps(as_object(one), ensure_ascii=False))
        elif shown:
            print("\n".join(columns(as_line(one) for one in shown[: self._args.limit])))
        else:
            camera = self._args.camera
            print(self._t("no-footage-of", camera=camera) if camera and name == "footage" else self._t(f"no-{name}"))
        if more:
            tell(self._t("more-there", limit=self._args.limit))

    def _kind(self, cameras: list[str]) -> tuple[str, Iterable[Any], Callable[[Any], list[str]], Callable[[Any], Any]]:
        """(name, what there is, as a line, as JSON)."""
        if self._args.gaps:
            return "gaps", self._gaps(cameras), self._gap_line, _gap_object
        if self._args.motion:
            return "motion", self._motion(cameras), self._row_line, self._row_object
        if self._args.holds:
            return "holds", self._holds(cameras), self._hold_line, _hold_object
        segments = self._segments(cameras)
        if self._args.json:
            return "footage", segments, self._stretch_line, _segment_object
        return "footage", stretches(segments), self._stretch_line, _segment_object

    # --- what there is ---

    def _segments(self, cameras: list[str]) -> Iterator[Segment]:
        """Of each camera in turn; says on stderr how far it is when that takes long."""
        say_at, count = time.monotonic() + TOLD_S, 0
        for camera in cameras:
            for segment in self._footage.every_segment(camera, self._between):
                count += 1
                if count % 1000 == 0 and time.monotonic() > say_at:
                    say_at += TOLD_S
                    tell(self._t("reading", count=count))
                yield segment

    def _gaps(self, cameras: list[str]) -> Iterator[Gap]:
        for camera in cameras:
            yield from _pages(functools.partial(self._footage.gaps, camera, self._between))

    def _motion(self, cameras: list[str]) -> Iterator[Row]:
        for camera in cameras:
            ask = functools.partial(self._footage.events, self._between, kinds=MOTION, source=camera)
            yield from _pages(ask)

    def _holds(self, cameras: list[str]) -> Iterator[Hold]:
        found = {hold.id: hold for camera in cameras for hold in self._footage.holds(camera, self._between)}
        yield from found.values()

    # --- lines ---

    def _stretch_line(self, run: list[Segment]) -> list[str]:
        first, last = run[0], run[-1]
        mark = {"synced": "", "rtc": "~", "unset": "?"}[first.clock]
        end = self._t("still") if last.end_at_ns is None else self._t("to", time=self._place.time(last.end_at_ns))
        size = amount(sum(segment.bytes or 0 for segment in run))
        count = self._t("segments", count=len(run)) if len(run) > 1 else self._t("segment")
        begin = f"{mark}{self._place.time(first.start_at_ns)}"
        return [first.camera, begin, end, size, count, self._t("from-segment", seq=first.seq)]

    def _gap_line(self, gap: Gap) -> list[str]:
        end = self._t("to", time=self._place.time(gap.to_at_ns))
        return [
            gap.camera,
            self._place.time(gap.from_at_ns),
            end,
            f"{gap.length_ns / NS:.1f} s",
            cause(gap.cause, self._place.language),
        ]

    def _row_line(self, row: Row) -> list[str]:
        return [row.source, self._place.time(self._footage.wall_ns(row)), row.kind, in_words(row, self._place)]

    def _row_object(self, row: Row) -> Any:
        return json.loads(as_json(row, dict(self._footage.anchors)))

    def _hold_line(self, hold: Hold) -> list[str]:
        start, end = self._place.time(hold.window.start.at_ns), self._place.time(hold.window.end.at_ns)
        return [hold.id, " ".join(hold.cameras), start, self._t("to", time=end), hold.reason]


def _segment_object(segment: Segment) -> Any:
    return {**segment._asdict(), "sha256": segment.sha256.hex() if segment.sha256 else None}


def _gap_object(gap: Gap) -> Any:
    return gap._asdict()


def _hold_object(hold: Hold) -> Any:
    about = {"id": hold.id, "cameras": list(hold.cameras), "reason": hold.reason, "owner": hold.owner}
    return {**about, "from_ns": hold.window.start.at_ns, "to_ns": hold.window.end.at_ns, "segments": hold.segments}


def _pages(ask: Callable[..., Page[Any]]) -> Iterator[Any]:
    mark: Mark | None = None
    while True:
        page = ask(after=mark)
        yield from page.items
        mark = page.next
        if mark is None:
            return


def stretches(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Segments in runs without a hole of a second or more, each run of one camera and one boot."""
    run: list[Segment] = []
    for segment in segments:
        last = run[-1] if run else None
        follows = last is not None and (last.camera, last.boot) == (segment.camera, segment.boot)
        if last is not None and not (follows and segment.start_mono_ns - (last.end_mono_ns or 0) < HOLE_NS):
            yield run
            run = []
        run.append(segment)
    if run:
        yield run
