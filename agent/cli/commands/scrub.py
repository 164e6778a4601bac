"""standpipe scrub: footage read again and compared with the hash it was recorded with; how far that has come."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

from agent.cli.export_texts import EXPORT_TEXTS
from agent.cli.place import CommandError, Place, UsageError, look
from agent.cli.terminal import GREEN, RED, amount, paint, safe, tell
from agent.cli.texts import Texts
from agent.config import load
from agent.core.events import FootageRot
from agent.core.numbers import written
from agent.footage.index import Segment
from agent.jobs.desk import Desk
from agent.jobs.scrub import PASS_S, Pass, Report, Round, rounds, scrub
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

HELP = """\
Reads on where the last pass stopped, as the timer does each hour: as fast as [scrub] of site.toml says, a round over
all footage every 30 days. What is not any more what was recorded is told once, as footage.rot, and listed here;
nothing is deleted or repaired because of it. Exit code 1 if this pass found any, or --status knows of some."""
TELL_EVERY_S = 5.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", action="append", default=[], metavar="ID", help="only this camera's; several")
    parser.add_argument("--all", action="store_true", help="begin a round though none is due")
    parser.add_argument("--mb-per-s", type=int, metavar="N", help="read at most so much (mb_per_s of [scrub])")
    parser.add_argument("--minutes", type=int, default=PASS_S // 60, metavar="N", help="stop after so long (45)")
    parser.add_argument("--status", action="store_true", help="read nothing: how far it is, and what is damaged")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, EXPORT_TEXTS)
    for path in (paths.journal, paths.media):
        if not path.exists():
            raise CommandError(f"{path}: not here: has a recorder run yet? (--data names its folder)")
    if (args.mb_per_s is not None and args.mb_per_s < 1) or args.minutes < 1:
        raise UsageError("--mb-per-s and --minutes begin at 1")
    os.umask(0o007)
    with Desk(paths, load(paths.site), SystemClock().stamp) as desk:
        known = [one.camera for one in rounds(desk)]
        unknown = [camera for camera in args.camera if camera not in known]
        if unknown:
            raise UsageError(t("unknown-camera", camera=unknown[0], known=" ".join(known) or t("none")))
        if args.status:
            return _status(rounds(desk), place, t, as_json=args.json)
        rate = (args.mb_per_s or 0) * 1_000_000
        wanted = Pass(tuple(args.camera), args.all, rate, args.minutes * 60, _progress(t))
        return _told(scrub(desk, wanted), t, as_json=args.json)


def _progress(t: Texts) -> Any:
    """Says every few seconds how far it is."""
    said_s = time.monotonic()

    def told(row: Segment, report: Report) -> None:
        nonlocal said_s
        if time.monotonic() - said_s > TELL_EVERY_S:
            said_s = time.monotonic()
            tell(t("scrub-reading", path=row.path, files=report.files, size=amount(report.bytes)))

    return told


def _status(found: list[Round], place: Place, t: Texts, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([one.__dict__ for one in found], indent=2))
    elif not found:
        print(t("scrub-nothing"))
    else:
        for one in found:
            print(paint(_line(one, place, t), RED) if one.rotten else _line(one, place, t))
            if one.rotten:
                print(paint(t("scrub-damaged", camera=one.camera, segments=written(one.rotten)), RED))
    return 1 if any(one.rotten for one in found) else 0


def _line(one: Round, place: Place, t: Texts) -> str:
    if one.began_ns is None:
        return t("scrub-never", camera=one.camera, files=one.files)
    word, at_ns = ("scrub-round", one.began_ns) if one.ended_ns is None else ("scrub-resting", one.ended_ns)
    about = {"camera": one.camera, "files": one.files, "done": one.done, "rotten": len(one.rotten)}
    return t(word, time=place.time(at_ns), **about)


def _told(report: Report, t: Texts, *, as_json: bool) -> int:
    if as_json:
        rotten = [_plain(one) for one in report.rotten]
        about = {"files": report.files, "bytes": report.bytes, "seconds": round(report.seconds, 1)}
        print(json.dumps({**about, "filled": report.filled, "through": report.through, "rotten": rotten}, indent=2))
        return 1 if report.rotten else 0
    for one in report.rotten:
        head, _, detail = one.reason.partition(": ")
        why = ": ".join(filter(None, (t.get(f"rot-{head}", head), detail)))
        print(paint(safe(t("scrub-rot", path=one.path, reason=why)), RED))
    told = t(
        "scrub-done",
        files=report.files,
        size=amount(report.bytes),
        seconds=f"{report.seconds:.0f}",
        rotten=len(report.rotten),
        filled=report.filled,
    )
    print(told if report.rotten else paint(told, GREEN))
    if not report.through:
        print(t("scrub-more"))
    return 1 if report.rotten else 0


def _plain(one: FootageRot) -> dict[str, Any]:
    return {"camera": one.source, **one.data()}
