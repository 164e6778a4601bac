"""standpipe footage clip: the recorder cuts it, and is waited for; a copy that leaves the board is a viewing."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from agent.cli import screens
from agent.cli.confirm import user
from agent.cli.moments import instant, moment
from agent.cli.place import CommandError, Place, UsageError, journal_to_write
from agent.cli.terminal import RED, paint, tell
from agent.cli.texts import Texts
from agent.core.chain import Row
from agent.core.events import ClipRequested
from agent.core.viewing import Use
from agent.footage.viewing import Viewing, open_for_viewing
from agent.journal import Bell, Journal
from agent.journal.projections import clock_anchors
from agent.runtime import status
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

ANSWER_S = 150  # after the post-roll: the recorder itself gives up after 120
NS = 1_000_000_000


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of a clip."""
    parser.add_argument("camera", metavar="CAMERA")
    parser.add_argument("--at", required=True, metavar="TIME", help="the moment it is about")
    parser.add_argument("--before", type=_seconds, default=15, metavar="S", help="seconds before it (15)")
    parser.add_argument("--after", type=_seconds, default=45, metavar="S", help="seconds after it (45)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a copy to take away or look at: takes --grant and --viewer"
    )
    screens.wants(parser, required=False)


def _seconds(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{value} is not from 0 to 3600")
    return value


def run(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    process = f"recorder@{args.camera}"
    told = status.read_all(paths).get(process)
    if told is None or not told["alive"]:
        raise CommandError(t("recorder-off", process=process))
    if args.out is not None and not (args.grant and args.viewer):
        raise UsageError(t("out-grant"))
    at_ns = moment(args.at, place, datetime.now(place.zone))
    with contextlib.ExitStack() as stack:
        viewing = stack.enter_context(_viewing(args, paths, at_ns)) if args.out is not None else None
        journal = stack.enter_context(journal_to_write(paths))
        answer = _asked(args, paths, t, journal, at_ns)
        return _told(answer, args, paths, t, viewing)


@contextlib.contextmanager
def _viewing(args: argparse.Namespace, paths: Paths, at_ns: int) -> Iterator[Viewing]:
    """Judged before anything is cut: who may not have it need not wait for it."""
    with screens.screen(paths) as screen:
        between = (at_ns - args.before * NS, at_ns + args.after * NS)
        with open_for_viewing(args.grant, screens.wanted(args, *between, Use.COPY), screen) as viewing:
            yield viewing


def _asked(args: argparse.Namespace, paths: Paths, t: Texts, journal: Journal, at_ns: int) -> Row:
    """The recorder's answer."""
    now = SystemClock().stamp()
    at = instant(at_ns, now, clock_anchors(journal).get(now.boot))
    request = ClipRequested(
        source="command",
        clip=f"person-{at_ns // NS}-{secrets.token_hex(3)}",
        cameras=[args.camera],
        at_ns=at.at_ns,
        at_mono_ns=at.mono_ns,
        boot=at.boot,
        before_s=args.before,
        after_s=args.after,
        hold=False,
        cause=f"person:{user()}",
    )
    row = journal.append(request)[0]
    left_s = max(0.0, (at_ns - now.at_ns) / NS + args.after)
    return _await(journal, paths, t, row, args.camera, left_s)


def _await(journal: Journal, paths: Paths, t: Texts, request: Row, camera: str, post_roll_s: float) -> Row:
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
                tell(t("to-come", seconds=f"{left:.0f}") if left > 0 else t("waiting"))
                say_at += 10
            bell.wait(0.5)
    finally:
        bell.close()
    raise CommandError(t("no-answer-clip", camera=camera, clip=clip))


def _told(answer: Row, args: argparse.Namespace, paths: Paths, t: Texts, viewing: Viewing | None) -> int:
    values = answer.values()
    if answer.kind == "clip.failed":
        print(paint(t("no-clip", reason=values["reason"]), RED))
        return 1
    path = paths.data / str(values["path"])
    short_ms = int(str(values["short_ms"]))
    if short_ms:
        tell(t("short", seconds=f"{short_ms / 1000:.1f}"))
    if viewing is not None:
        viewing.hand_over(path, args.out, int(str(values["from_ns"])), int(str(values["to_ns"])))
        path = args.out
    else:
        tell(t("clip-stays"))
    print(path)
    return 0
