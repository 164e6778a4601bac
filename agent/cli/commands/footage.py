"""standpipe footage: what is recorded, what is missing, a clip on request, and accepting another disk."""

from __future__ import annotations

import argparse
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.place import CommandError, Place, UsageError, journal_to_read, journal_to_write, look
from agent.cli.terminal import RED, amount, columns, paint, tell
from agent.core.chain import Row
from agent.core.events import ClipRequested
from agent.footage.index import Gap, MediaIndex, Segment
from agent.footage.volume import Volume
from agent.journal import Bell, Journal, JournalError
from agent.journal.projections import clock_anchors
from agent.runtime import status
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

if TYPE_CHECKING:
    from agent.core.chain import Stamp

HELP = """\
list            what is recorded, as stretches without a hole; --gaps: what is missing and why; --json: each segment
clip            have a clip cut around a moment, wait for it, and print where it is
accept-volume   record on the disk that is there now, though it is another than before

TIME is local (site.timezone): now, 14:30, 14:30:05, "2026-11-22 14:30" or "2026-11-22T14:30:05+08:00"."""
HOLE_NS = 1_000_000_000
ANSWER_S = 150  # after the post-roll: the recorder itself gives up after 120
NS = 1_000_000_000


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|clip|accept-volume")
    listing = actions.add_parser("list", help="what is recorded")
    listing.add_argument("--camera", metavar="ID", help="only this camera's")
    listing.add_argument("--from", dest="start", metavar="TIME", help="only what ends after this")
    listing.add_argument("--to", dest="end", metavar="TIME", help="only what begins before this")
    listing.add_argument("--gaps", action="store_true", help="what is missing, with its cause")
    listing.add_argument("--json", action="store_true", help="one JSON object a line: each segment, or each gap")
    clip = actions.add_parser("clip", help="have a clip cut")
    clip.add_argument("camera", metavar="CAMERA")
    clip.add_argument("--at", required=True, metavar="TIME", help="the moment it is about")
    clip.add_argument("--before", type=_seconds, default=15, metavar="S", help="seconds before it (15)")
    clip.add_argument("--after", type=_seconds, default=45, metavar="S", help="seconds after it (45)")
    clip.add_argument("--out", type=Path, metavar="FILE", help="copy it there too")
    actions.add_parser("accept-volume", help="record on the disk that is there now")


def _seconds(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{value} is not from 0 to 3600")
    return value


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    if args.action == "list":
        return _list(args, paths, place)
    if args.action == "clip":
        return _clip(args, paths, place)
    return _accept(paths)


# --- times ---


def moment(text: str, place: Place, now: datetime) -> int:
    """UTC ns of what a person wrote; a time of day is the last such time before `now`. UsageError."""
    text = text.strip()
    if text == "now":
        return _ns(now)
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
            of_day = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").time()
            told = datetime.combine(now.astimezone(place.zone).date(), of_day, place.zone)
            return _ns(told if told <= now else told - timedelta(days=1))
        told = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'{text!r} is no time: write it like 14:30 or "2026-11-22 14:30"') from None
    return _ns(told if told.tzinfo is not None else told.replace(tzinfo=place.zone))


def _ns(at: datetime) -> int:
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (at - epoch) // timedelta(microseconds=1) * 1000


def _now(place: Place) -> datetime:
    return datetime.now(place.zone)


# --- list ---


def _list(args: argparse.Namespace, paths: Paths, place: Place) -> int:
    now = _now(place)
    start, end = (None if text is None else moment(text, place, now) for text in (args.start, args.end))
    index = MediaIndex(paths.media, create=False)
    try:
        segments = index.segments(args.camera)
        gaps = index.gaps(args.camera) if args.gaps else []
    finally:
        index.close()
    if args.gaps:
        _print_gaps([gap for gap in gaps if _within(gap.from_at_ns, gap.to_at_ns, start, end)], place, args.json)
        return 0
    anchors = _anchors(paths)
    shown = [_corrected(segment, anchors) for segment in segments]
    shown = [s for s in shown if _within(s.start_at_ns, s.end_at_ns or _ns(now), start, end)]
    if args.json:
        for segment in shown:
            print(json.dumps({**segment._asdict(), "sha256": segment.sha256.hex() if segment.sha256 else None}))
    elif not shown:
        print("no footage" + (f" of {args.camera}" if args.camera else "") + " in that time")
    else:
        print("\n".join(columns(_stretch_row(stretch, place) for stretch in stretches(shown))))
    return 0


def _anchors(paths: Paths) -> dict[str, int]:
    """Corrections of the clock that the journal knows; none where there is no journal to ask."""
    try:
        with journal_to_read(paths) as journal:
            return clock_anchors(journal)
    except JournalError:
        return {}


def _corrected(segment: Segment, anchors: dict[str, int]) -> Segment:
    """The segment with the times it would have had with a clock that was set."""
    anchor = anchors.get(segment.boot)
    if segment.clock != "unset" or anchor is None:
        return segment
    end = None if segment.end_mono_ns is None else segment.end_mono_ns + anchor
    return segment._replace(start_at_ns=segment.start_mono_ns + anchor, end_at_ns=end)


def _within(start_ns: int, end_ns: int, asked_from: int | None, asked_to: int | None) -> bool:
    return (asked_from is None or end_ns > asked_from) and (asked_to is None or start_ns < asked_to)


def stretches(segments: list[Segment]) -> Iterator[list[Segment]]:
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


def _stretch_row(run: list[Segment], place: Place) -> list[str]:
    first, last = run[0], run[-1]
    mark = {"synced": "", "rtc": "~", "unset": "?"}[first.clock]
    end = "now" if last.end_at_ns is None else place.time(last.end_at_ns)
    size = amount(sum(segment.bytes or 0 for segment in run))
    count = f"{len(run)} segment" + ("s" if len(run) > 1 else "")
    return [first.camera, f"{mark}{place.time(first.start_at_ns)}", f"to {end}", size, count, f"from {first.seq}"]


def _print_gaps(gaps: list[Gap], place: Place, as_json: bool) -> None:
    if as_json:
        for gap in gaps:
            print(json.dumps(gap._asdict(), ensure_ascii=False))
        return
    rows = [
        [
            gap.camera,
            place.time(gap.from_at_ns),
            f"to {place.time(gap.to_at_ns)}",
            f"{gap.length_ns / NS:.1f} s",
            gap.cause,
        ]
        for gap in gaps
    ]
    print("\n".join(columns(rows)) if rows else "no gaps in that time")


# --- clip ---


def _clip(args: argparse.Namespace, paths: Paths, place: Place) -> int:
    process = f"recorder@{args.camera}"
    told = status.read_all(paths).get(process)
    if told is None or not told["alive"]:
        raise CommandError(f"{process} is not running, nothing can cut the clip: standpipe status")
    at_ns = moment(args.at, place, _now(place))
    with journal_to_write(paths) as journal:
        now = SystemClock().stamp()
        at = instant(at_ns, now, clock_anchors(journal).get(now.boot))
        clip = f"person-{at_ns // NS}-{secrets.token_hex(3)}"
        request = ClipRequested(
            source="command",
            clip=clip,
            cameras=[args.camera],
            at_ns=at.at_ns,
            at_mono_ns=at.mono_ns,
            boot=at.boot,
            before_s=args.before,
            after_s=args.after,
            hold=False,
            cause="asked for on the command line",
        )
        row = journal.append(request)[0]
        left_s = max(0.0, (at_ns - now.at_ns) / NS + args.after)
        answer = _await(journal, paths, row, args.camera, left_s)
    return _told(answer, args.out, paths)


def instant(at_ns: int, now: Stamp, anchor: int | None) -> Stamp:
    """The moment as a stamp of this boot, by its clock (or what it was corrected to); before this boot by UTC alone."""
    mono_ns = at_ns - anchor if anchor is not None else now.mono_ns - (now.at_ns - at_ns)
    if mono_ns < 0:
        return now._replace(at_ns=at_ns, mono_ns=0, boot="")
    return now._replace(at_ns=at_ns, mono_ns=mono_ns)


def _await(journal: Journal, paths: Paths, request: Row, camera: str, post_roll_s: float) -> Row:
    """The recorder's answer. CommandError when there is none in time; the request then stands all the same."""
    clip = request.values()["clip"]
    bell = Bell(paths.bell)
    start = time.monotonic()
    say_at = start + 2
    try:
        while (waited := time.monotonic() - start) < post_roll_s + ANSWER_S:
            for row in journal.read(request.seq, kinds=("clip.ready", "clip.failed"), source=camera):
                if row.values()["clip"] == clip:
                    return row
            if time.monotonic() >= say_at:
                left = post_roll_s - waited
                tell(
                    f"  recording the {left:.0f} s that are still to come" if left > 0 else "  waiting for the recorder"
                )
                say_at += 10
            bell.wait(0.5)
    finally:
        bell.close()
    raise CommandError(f"recorder@{camera} has not answered: standpipe status; the clip {clip} is made when it runs")


def _told(answer: Row, out: Path | None, paths: Paths) -> int:
    values = answer.values()
    if answer.kind == "clip.failed":
        print(paint(f"no clip: {values['reason']}", RED))
        return 1
    path = paths.data / str(values["path"])
    short_ms = int(str(values["short_ms"]))
    if short_ms:
        tell(f"  {short_ms / 1000:.1f} s of it were not recorded: standpipe footage list --gaps")
    if out is not None:
        try:
            shutil.copyfile(path, out)
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}; the clip itself is {path}") from error
        path = out
    print(path)
    return 0


# --- accept-volume ---


def _accept(paths: Paths) -> int:
    volume = Volume(paths.footage, paths.data, 0)
    volume.accept()
    print(f"{paths.footage}: accepted; recording goes on there within seconds")
    return 0
