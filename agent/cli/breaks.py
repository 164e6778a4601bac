"""standpipe footage explain: interruptions that nobody has said a reason for, and saying it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from agent.cli.confirm import asks, user
from agent.cli.footage_words import cause
from agent.cli.place import Place, UsageError, journal_to_read, journal_to_write
from agent.cli.terminal import columns
from agent.cli.texts import Texts
from agent.core.events import FootageGapExplained
from agent.journal.interruptions import Interruption, interruptions
from agent.runtime.paths import Paths


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of the list, and of a reason."""
    parser.add_argument("row", nargs="?", type=int, metavar="ROW", help="the interruption, as the list numbers it")
    parser.add_argument("--reason", metavar="TEXT", help="why; kept in the journal")
    parser.add_argument("--all", action="store_true", help="list those that have a reason, too")
    parser.add_argument("--json", action="store_true", help="the list as JSON")
    asks(parser)


def run(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    """Exit code 1 while there are any without a reason."""
    if args.row is not None:
        return _explain(args, paths, t)
    if args.reason is not None:
        raise UsageError(t("explain-which"))
    with journal_to_read(paths) as journal:
        found = interruptions(journal)
    wait = [one for one in found if one.explained is None]
    shown = found if args.all else wait
    if args.json:
        print(json.dumps([_object(one) for one in shown], ensure_ascii=False, indent=2))
    else:
        print("\n".join(columns(_line(one, place, t) for one in shown)) or t("explain-none"))
    return 1 if wait else 0


def _explain(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    reason = (args.reason or "").strip()
    if not reason:
        raise UsageError(t("explain-reason"))
    with journal_to_write(paths) as journal:
        found = next((one.row for one in interruptions(journal) if one.row.seq == args.row), None)
        if found is None:
            raise UsageError(t("explain-unknown", row=args.row))
        values: Any = found.values()
        ends = {name: values[name] for name in ("from_ns", "to_ns")}
        by = args.by or user()
        journal.append(FootageGapExplained(source=found.source, gap=found.seq, reason=reason[:500], by=by, **ends))
    print(t("explained", row=args.row, by=by))
    return 0


def _object(one: Interruption) -> dict[str, Any]:
    said = {} if one.explained is None else {name: one.explained.values()[name] for name in ("reason", "by")}
    return {"row": one.row.seq, "camera": one.row.source, **one.row.values(), "explained": said or None}


def _line(one: Interruption, place: Place, t: Texts) -> list[str]:
    values: Any = one.row.values()
    told = _object(one)["explained"]
    said = t("explain-said", **told) if told else t("explain-waits")
    begin, end = place.time(values["from_ns"]), t("to", time=place.time(values["to_ns"]))
    length, why = f"{values['gap_ms'] / 1000:.1f} s", cause(values["cause"], t.language)
    return [str(one.row.seq), one.row.source, begin, end, length, why, said]
