"""standpipe pump: opens and closes the test window of a fire pump, and explains a run that has no cause.

The command only writes down what a person says; the panel acts on it. There is no way to start or stop a pump here.
"""

from __future__ import annotations

import argparse
import getpass
import time

from agent.cli.place import UsageError, journal_to_write, look
from agent.cli.texts import Texts
from agent.config import check
from agent.config.words import nearest
from agent.core.events import Event, PumpExplained, PumpTestRequested
from agent.core.pump.windows import METHODS
from agent.journal import Bell, Journal
from agent.runtime.paths import Paths

HELP = """\
test PUMP      what the pump does from now on is a test: recorded and shown, sirens stay quiet. A demand that is not
               the test's own is an alarm as ever. The window ends by itself; --end closes it now.
               --method pressure-drop: the weekly test, the pump starts by itself; manual: the monthly one, by hand
explain PUMP   say why it runs: a run without cause is then no longer unexpected

The panel answers within three seconds. Exit code 1 if it is silent, or has nothing to explain."""
ANSWER_S = 3


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="test|explain")
    test = actions.add_parser("test", help="open or close a test window")
    test.add_argument("pump", metavar="PUMP", help="the pump's id")
    test.add_argument("--method", choices=METHODS, default=METHODS[0], help="how the pump is started")
    test.add_argument("--minutes", type=int, default=0, metavar="N", help="close the window after so long (default 60)")
    test.add_argument("--end", action="store_true", help="close it now")
    explain = actions.add_parser("explain", help="say why the pump runs")
    explain.add_argument("pump", metavar="PUMP", help="the pump's id")
    explain.add_argument("reason", metavar="REASON", help="in words")
    for action in (test, explain):
        action.add_argument("--by", metavar="NAME", help="who says so (default: the user's name)")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    config = check(paths.site).config
    pumps = [pump.id for pump in config.pump] if config is not None else []
    if pumps and args.pump not in pumps:
        near = nearest(args.pump, pumps)
        hint = f"did you mean {near}?" if near else f"there are: {', '.join(pumps)}"
        raise UsageError(f"this site has no pump {args.pump}; {hint}")
    if args.action == "test" and not 0 <= args.minutes <= 1440:
        raise UsageError(f"--minutes {args.minutes}: from 1 to 1440")
    event, answer = _asked(args)
    t = Texts(place.language)
    with journal_to_write(paths) as journal:
        row = journal.append(event)[0]
        done = _wait(journal, Bell(paths.bell), answer, args.pump, row.seq)
    print(t("pump-done" if done else "pump-silent", pump=args.pump))
    return 0 if done else 1


def _asked(args: argparse.Namespace) -> tuple[Event, str]:
    """What to write down, and the kind of row that answers it."""
    by = f"cli:{args.by or getpass.getuser()}"
    if args.action == "explain":
        return PumpExplained(source=args.pump, by=by, reason=args.reason), "pump.classified"
    does = "close" if args.end else "open"
    asked = PumpTestRequested(source=args.pump, does=does, method=args.method, limit_s=60 * args.minutes, by=by)
    return asked, "pump.test_closed" if args.end else "pump.test_opened"


def _wait(journal: Journal, bell: Bell, kind: str, pump: str, after: int) -> bool:
    end = time.monotonic() + ANSWER_S
    try:
        while not (found := journal.read(after, kinds=(kind,), source=pump, limit=1)):
            left = end - time.monotonic()
            if left <= 0:
                break
            bell.wait(left)
    finally:
        bell.close()
    return bool(found)
