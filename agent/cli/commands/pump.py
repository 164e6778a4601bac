"""standpipe pump: opens and closes the test window of a fire pump, and explains a run that has no cause.

The command only writes down what a person says; the panel acts on it. There is no way to start or stop a pump here.
"""

from __future__ import annotations

import argparse

from agent.cli.alarm_texts import reason
from agent.cli.asking import ANSWER_S, ask, known, user
from agent.cli.place import UsageError, journal_to_write, look
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.texts import Texts
from agent.config import load
from agent.core.chain import Row
from agent.core.events import Event, PumpExplained, PumpTestRequested
from agent.core.pump.windows import METHODS
from agent.runtime.paths import Paths

HELP = """\
test PUMP      what the pump does from now on is a test: recorded and shown, sirens stay quiet. A demand that is not
               the test's own is an alarm as ever. The window ends by itself; --end closes it now.
               --method pressure-drop: the weekly test, the pump starts by itself; manual: the monthly one, by hand
explain PUMP   say why it runs: a run without cause is then no longer unexpected

The panel answers within three seconds. Exit code 1 if it is silent, or has nothing to explain."""
MINUTES_MAX = 1440


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
    t = Texts(look(paths).language, SITE_TEXTS)
    known("pump", args.pump, [pump.id for pump in load(paths.site).pump], t)
    if args.action == "test" and not 0 <= args.minutes <= MINUTES_MAX:
        raise UsageError(t("pump-minutes", minutes=args.minutes, most=MINUTES_MAX))
    asked, answer = _asked(args)
    with journal_to_write(paths) as journal:
        row = ask(journal, paths, asked, lambda row: row.source == args.pump, [answer], ANSWER_S)[1]
    if row is not None and row.kind == "panel.refused":
        print(t("panel-refused", reason=reason(str(row.values()["reason"]), t.language)))
        return 1
    print(t("pump-silent" if row is None else answer.replace(".", "-"), pump=args.pump, minutes=_minutes(row)))
    return 1 if row is None else 0


def _asked(args: argparse.Namespace) -> tuple[Event, str]:
    """What to write down, and the kind of row that answers it."""
    by = f"cli:{args.by or user()}"
    if args.action == "explain":
        return PumpExplained(source=args.pump, by=by, reason=args.reason), "pump.classified"
    does = "close" if args.end else "open"
    asked = PumpTestRequested(source=args.pump, does=does, method=args.method, limit_s=60 * args.minutes, by=by)
    return asked, "pump.test_closed" if args.end else "pump.test_opened"


def _minutes(row: Row | None) -> int:
    """How long a window that has opened stays open, in minutes."""
    return int(str(row.values().get("limit_s", 0))) // 60 if row is not None else 0
