"""standpipe alarm: what is latched, and asking the panel to acknowledge, silence or reset it.

The command only writes down what a person asks; the panel acts, and its own row says what became of it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from agent.cli.alarm_texts import named, reason
from agent.cli.confirm import user
from agent.cli.footage_words import cause
from agent.cli.place import Place, UsageError, journal_to_read, journal_to_write, look
from agent.cli.terminal import RED, YELLOW, columns, paint
from agent.cli.texts import Texts
from agent.config.words import nearest
from agent.core.chain import Row
from agent.core.events import PanelRequested
from agent.journal import Bell, Journal
from agent.journal.projections import OpenAlarm, clock_anchors, corrected_ns, open_alarms
from agent.runtime.paths import Paths

HELP = """\
list          the alarms that are latched
ack           take note of an alarm: what its rule drives until "acknowledged" goes back
silence       quiet the sounders; a new alarm sounds again
reset         release the latch of an alarm that is acknowledged and whose condition is gone

The panel does it; the command waits up to three seconds for its answer. Exit code 1 if it refuses or is silent."""
ANSWER_S = 3
DOES = {"ack": "acknowledge", "silence": "silence", "reset": "reset"}
DONE = {
    "acknowledge": "alarm.acknowledged",
    "silence": "alarm.silenced",
    "reset": "alarm.reset",
    "arm": "point.armed",
    "disarm": "point.disarmed",
}


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|ack|silence|reset")
    listing = actions.add_parser("list", help="alarms that are latched")
    listing.add_argument("--json", action="store_true", help="as JSON")
    for name, does in DOES.items():
        action = actions.add_parser(name, help=f"{does} an alarm, or --all")
        action.add_argument("id", nargs="?", metavar="ID", help="the alarm's id, as `alarm list` shows it")
        action.add_argument("--all", action="store_true", help="all open alarms")
        action.add_argument("--by", metavar="NAME", help="who asks (default: the user's name)")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    if args.action == "list":
        return _list(args, paths, place)
    return _ask(args, paths, Texts(place.language))


# --- list ---


def _list(args: argparse.Namespace, paths: Paths, place: Place) -> int:
    with journal_to_read(paths) as journal:
        found, anchors = open_alarms(journal), clock_anchors(journal)
    listed = [as_dict(id_, alarm, anchors) for id_, alarm in sorted(found.items(), key=lambda item: item[1].raised.seq)]
    if args.json:
        print(json.dumps(listed, ensure_ascii=False, indent=2))
        return 0
    t = Texts(place.language)
    print("\n".join(table(listed, place, t)) if listed else t("no-alarms"))
    return 0


def as_dict(id_: str, alarm: OpenAlarm, anchors: dict[str, int]) -> dict[str, object]:
    """An open alarm for scripts and for the tables of `status` and `alarm list`."""
    values = alarm.raised.values()
    return {
        "id": id_,
        "class": alarm.raised.signal,
        "since_ns": corrected_ns(alarm.raised, anchors),
        "acknowledged": alarm.acknowledged,
        "silenced": alarm.silenced,
        "restored": alarm.restored,
        "first": bool(values.get("first")),
        "drill": bool(values.get("drill")),
        "detail": values.get("detail", ""),
    }


def table(listed: list[dict[str, object]], place: Place, t: Texts) -> list[str]:
    """Lines, one an alarm: id, what it is called, class, since when, how far it is dealt with."""
    rows = []
    for alarm in listed:
        steps = [t(step) for step in ("acknowledged", "silenced", "restored") if alarm[step]]
        since = place.time(int(str(alarm["since_ns"])))
        steps = [*steps, *(t(f"is-{mark}") for mark in ("first", "drill") if alarm.get(mark))]
        state = ", ".join(steps if alarm["acknowledged"] else [t("unacknowledged"), *steps])
        name = named(str(alarm["id"]), t.language)
        called = [str(alarm["id"]), *([name] if name else [])]
        rows.append([*called, t(f"class-{alarm['class']}"), since, state, cause(str(alarm["detail"]), t.language)])
    colours = [YELLOW if alarm["acknowledged"] else RED for alarm in listed]
    return [paint(line, colour) for line, colour in zip(columns(rows), colours, strict=True)]


# --- ack, silence, reset ---


def _ask(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    with journal_to_write(paths) as journal:
        waiting = _meant(args, journal, t)
        if not waiting:
            print(t("no-alarms"))
            return 0
        request = PanelRequested(
            source="command", does=DOES[args.action], alarm="*" if args.all else args.id, by=args.by or user()
        )
        return ask_panel(journal, paths, request, waiting, t)


def ask_panel(journal: Journal, paths: Paths, request: PanelRequested, waiting: set[str], t: Texts) -> int:
    """Write the request and tell the panel's answers for the ids `waiting`; the exit code."""
    bell = Bell(paths.bell)
    try:
        row = journal.append(request)[0]
        return _await(journal, row, waiting, bell.wait, t)
    finally:
        bell.close()


def _meant(args: argparse.Namespace, journal: Journal, t: Texts) -> set[str]:
    """Ids of the open alarms that the panel will answer for. UsageError if none is named, or one that is not open.

    Of all alarms the panel does what can be done; if for none of them it can, it refuses, whichever we wait for.
    """
    found = open_alarms(journal)
    listed = " ".join(sorted(found)) or t("none")
    if args.all == bool(args.id):
        raise UsageError(t("which-alarm", open=listed))
    if args.all:
        return {id_ for id_, alarm in found.items() if _can(args.action, alarm)} or set(found)
    if args.id not in found:
        near = nearest(args.id, found)
        raise UsageError(t("unknown-alarm", id=args.id, near=t("near", near=near) if near else "", open=listed))
    return {args.id}


def _can(action: str, alarm: OpenAlarm) -> bool:
    if action == "ack":
        return not alarm.acknowledged
    return not alarm.silenced if action == "silence" else alarm.acknowledged and alarm.restored


def _await(journal: Journal, request: Row, waiting: set[str], wait: Callable[[float], bool], t: Texts) -> int:
    """Tell the panel's answers as they come; returns 1 if something was refused or not answered in time."""
    does = str(request.values()["does"])
    deadline = time.monotonic() + ANSWER_S
    mark, code = request.seq, 0
    while waiting and (left := deadline - time.monotonic()) > 0:
        for row in journal.read(mark, kinds=[DONE[does], "panel.refused"]):
            mark = row.seq
            if row.kind == "panel.refused" and row.values()["request"] == request.seq:
                print(
                    t("refused", id=" ".join(sorted(waiting)), reason=reason(str(row.values()["reason"]), t.language))
                )
                return 1
            if row.source in waiting:
                waiting.discard(row.source)
                print(t(f"did-{does}", id=row.source, by=row.values()["by"]))
        if waiting:
            wait(min(left, 0.5))
    for id_ in sorted(waiting):
        print(t("no-answer", id=id_, s=ANSWER_S))
        code = 1
    return code
