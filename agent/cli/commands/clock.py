"""standpipe clock set: an anchor for the times of a board that has no clock."""

from __future__ import annotations

import argparse
import time

from agent.cli.place import UsageError, journal_to_write, look
from agent.core.events import ClockSet
from agent.runtime.clock import OLDEST_BELIEVABLE_NS, boot_id, mono_ns
from agent.runtime.paths import Paths

HELP = """\
`clock set TIME` tells the journal what time it is now: all rows of this boot are then shown with corrected times.
TIME is local (site.timezone), such as "2026-11-22 14:30" or with an offset "2026-11-22T14:30:05+08:00".
`clock set --now` takes the system's clock, once you have set that right. The system's clock itself is not touched."""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="set")
    set_ = actions.add_parser("set", help="tell the journal what time it is")
    which = set_.add_mutually_exclusive_group(required=True)
    which.add_argument("time", nargs="?", metavar="TIME", help="local time, to the minute or second")
    which.add_argument("--now", action="store_true", help="the system's clock is right")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    at_ns = time.time_ns() if args.now else place.ns_of(args.time)
    mono = mono_ns()
    if at_ns < OLDEST_BELIEVABLE_NS:
        raise UsageError(f"{place.time(at_ns)} cannot be now: it is before this version of standpipe was made")
    with journal_to_write(paths) as journal:
        journal.append(ClockSet(source="clock", boot=boot_id(), mono_ns=mono, at_ns=at_ns, by="person"))
    print(f"noted: it was {place.time(at_ns)} ({place.zone}); rows of this boot are shown by it")
    return 0
