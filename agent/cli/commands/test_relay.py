"""standpipe test-relay: the panel pulses one relay and says what came of it. This command opens no line itself."""

from __future__ import annotations

import argparse

from agent.cli.alarm_texts import reason
from agent.cli.asking import ANSWER_S, ask, known, user, yes
from agent.cli.place import journal_to_write, look
from agent.cli.site_texts import SITE_TEXTS
from agent.cli.terminal import GREEN, RED, paint
from agent.cli.texts import Texts
from agent.config import load
from agent.core.chain import Row
from agent.core.events import RelayHeard, RelayTestRequested
from agent.core.walk_test import PULSE_MS, PULSE_MS_LEAST, PULSE_MS_MAX
from agent.journal import Journal
from agent.runtime.paths import Paths

HELP = """\
Asks whether everybody is warned, has the panel drive the relay for a moment, waits for what came of it (and for its
read-back, where one is wired), then asks whether it was heard. Both answers become rows; a walk test counts them.
Sounders that a walk test keeps quiet do sound for this. Exit code 1 if the relay did not do it or was not heard."""
READBACK_S = 10.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("relay", metavar="NAME", help="the relay's id in site.toml")
    parser.add_argument("--ms", type=_pulse, default=PULSE_MS, metavar="MS", help=f"how long (default {PULSE_MS})")
    parser.add_argument("--yes", action="store_true", help="everybody is warned: do not ask")
    parser.add_argument("--heard", choices=("yes", "no"), help="the answer to the second question, for scripts")
    parser.add_argument("--by", metavar="NAME", help="who tests (default: the user's name)")


def _pulse(text: str) -> int:
    value = int(text)
    if not PULSE_MS_LEAST <= value <= PULSE_MS_MAX:
        raise argparse.ArgumentTypeError(f"{PULSE_MS_LEAST} to {PULSE_MS_MAX} ms")
    return value


def run(args: argparse.Namespace, paths: Paths) -> int:
    t = Texts(look(paths).language, SITE_TEXTS)
    known("relay", args.relay, [one.id for one in load(paths.site).relay], t)
    if not args.yes and not yes(t("ask-pulse", id=args.relay, ms=args.ms), t):
        print(t("not-pulsed"))
        return 1
    by = args.by or user()
    with journal_to_write(paths) as journal:
        row = _test(journal, paths, RelayTestRequested(source=args.relay, pulse_ms=args.ms, by=by))
        code = _told(row, args.relay, t)
        if row is None or row.kind == "panel.refused":
            return code
        return max(code, _hear(journal, args, by, t))


def _test(journal: Journal, paths: Paths, asked: RelayTestRequested) -> Row | None:
    head = journal.head()[0]

    def answers(row: Row) -> bool:
        return int(str(row.values()["request"])) > head and row.source == asked.source

    return ask(journal, paths, asked, answers, ["relay.tested"], asked.pulse_ms / 1000 + ANSWER_S + READBACK_S)[1]


def _told(row: Row | None, relay: str, t: Texts) -> int:
    if row is None:
        print(t("no-panel-answer", s=round(ANSWER_S + READBACK_S)))
        return 1
    values = row.values()
    if row.kind == "panel.refused":
        print(t("panel-refused", reason=reason(str(values["reason"]), t.language)))
        return 1
    if not values["ok"]:
        print(paint(t("tested-bad", id=relay, reason=values["reason"]), RED))
        return 1
    print(paint(t("tested-ok", id=relay, ms=values["pulse_ms"], readback=t(f"readback-{values['readback']}")), GREEN))
    return 0


def _hear(journal: Journal, args: argparse.Namespace, by: str, t: Texts) -> int:
    """What the person heard becomes a row; with --yes and without --heard nobody is asked."""
    if args.heard is None and args.yes:
        return 0
    heard = args.heard == "yes" if args.heard else yes(t("ask-heard"), t)
    if heard is None:
        return 0
    journal.append(RelayHeard(source=args.relay, heard=heard, by=by))
    print(t("heard-noted" if heard else "unheard-noted", id=args.relay, by=by))
    return 0 if heard else 1
