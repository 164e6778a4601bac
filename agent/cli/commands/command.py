"""standpipe command: sign a command, send it to one board over the broker, and say what became of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent.cli.approve_texts import APPROVE_TEXTS
from agent.cli.command_texts import COMMAND_TEXTS, in_chinese
from agent.cli.place import CommandError, Place, UsageError, look
from agent.cli.reach import add_reach, envelope, reach
from agent.cli.signing import add_key, opened
from agent.cli.terminal import columns, safe
from agent.cli.texts import Texts
from agent.cli.verdicts import add_verdict, agreed, by_key, listed, looked_through, picked, shown, statement_on
from agent.config import load
from agent.core.commands import APPROVE, LIFE_MAX_S
from agent.core.incidents import WHATS
from agent.core.results import Told
from agent.core.site_update import pack
from agent.runtime.keys import Signer
from agent.runtime.paths import Paths

HELP = """\
Signs a command with your key, sends it to one board, and waits for the board's own word on it.

    standpipe command --broker mqtts://HOST --site-id plant-3 --board pump-house --key anna.key silence ALARM

Options may stand behind the command too. Without --broker it goes to the board of this machine. It is valid for a
minute, done at most once, and refused by a board that does not know your key or whose clock says that it is too late.
The board signs its last word; --trust says with which key, else the one in its presence is believed. `start` starts a
fire pump: it asks you to type the pump's name and to hold a key down. `approve` lists what waits at the board for a
second person's signature; with the id of a request it shows all of it, asks, and signs on just that. Exit code 0: done;
1: refused, failed, or not heard of."""


WAIT_S, WAIT_CONFIG_S = 20.0, 240.0


class _Behind(argparse.ArgumentParser):
    """Options that may stand behind the command's name too: left out there, what stood before it holds."""

    def add_argument(self, *names: Any, **how: Any) -> argparse.Action:
        return super().add_argument(*names, **{**how, "default": argparse.SUPPRESS})


class _Op(argparse.ArgumentParser):
    """One command's arguments, and the options."""

    def __init__(self, **how: Any) -> None:
        behind = _Behind(add_help=False)
        _add_options(behind)
        super().__init__(**{**how, "parents": [behind], "allow_abbrev": False})


def add(parser: argparse.ArgumentParser) -> None:
    _add_options(parser)
    ops = parser.add_subparsers(dest="op", required=True, metavar="COMMAND", parser_class=_Op)
    _add_commands(ops)
    _add_permits(ops)
    _add_incidents(ops)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_reach(parser)
    add_key(parser, required=False)
    parser.add_argument(
        "--valid", type=int, default=60, metavar="S", help=f"seconds (default 60, at most {LIFE_MAX_S})"
    )
    parser.add_argument("--wait", type=float, metavar="S", help="for the board's answer (default 20; a site file: 240)")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")


def _add_commands(ops: Any) -> None:
    for op, about in (
        ("acknowledge", "somebody has taken note of an alarm"),
        ("silence", "quiet an alarm's sounders"),
        ("reset", "release an alarm that is acknowledged and over"),
    ):
        one = ops.add_parser(op, help=about)
        one.add_argument("alarm", metavar="ALARM", help='its id, as on the topic state/alarms; "*" for all')
    clip = ops.add_parser("clip", help="cut a clip and send it to the centre")
    clip.add_argument("cameras", nargs="+", metavar="CAMERA")
    clip.add_argument("--at", metavar="TIME", help='around this local time, "2026-11-22 14:30" (default: now)')
    clip.add_argument("--before", type=int, metavar="S", help="seconds before it (default 15)")
    clip.add_argument("--after", type=int, metavar="S", help="seconds after it (default 45)")
    clip.add_argument("--hold", action="store_true", help="the footage behind it may not be deleted for its age")
    hold = ops.add_parser("hold", help="footage between two times may not be deleted")
    hold.add_argument("cameras", nargs="+", metavar="CAMERA")
    hold.add_argument("--from", dest="from_", required=True, metavar="TIME")
    hold.add_argument("--to", required=True, metavar="TIME")
    hold.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the records")
    config = ops.add_parser("config", help="a new site file: tried, and rolled back if not all comes back with it")
    config.add_argument("file", type=Path, metavar="site.toml", help="looked through here before it is sent")
    ops.add_parser("snapshot", help="one picture of a camera").add_argument("cameras", nargs="+", metavar="CAMERA")
    add_verdict(ops.add_parser(APPROVE, help="what waits for a second person's signature; signs it"))
    ops.add_parser("report", help="says how the board stands now: alarms, troubles, doors, pumps, relays, permits")


def _add_permits(ops: Any) -> None:
    for op, about in (("arm", "opening these doors is forced entry"), ("disarm", "it is no longer")):
        one = ops.add_parser(op, help=about)
        one.add_argument("door", metavar="DOOR", help='the door, "*" for all')
        if op == "disarm":
            one.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the records")
    for op, about in (
        ("drill-start", "an exercise: rows of these things are marked"),
        ("impairment-start", "these things are out of order by permission"),
    ):
        one = ops.add_parser(op, help=about)
        one.add_argument("of", nargs="+", metavar="ID", help="points, doors, pumps or cameras")
        one.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the records")
        one.add_argument("--minutes", type=int, required=True, metavar="N", help="how long at most")
        if op == "impairment-start":
            one.add_argument("--measures", required=True, metavar="TEXT", help="what is done instead meanwhile")
    for op, about in (("drill-end", "the drill is over"), ("impairment-end", "all is in order again")):
        ops.add_parser(op, help=about).add_argument("permit", metavar="ID", help="as it was told at its start")
    start = ops.add_parser("start", help="start a fire pump from afar; there is no remote stop")
    start.add_argument("pump", metavar="PUMP")
    start.add_argument("--reason", required=True, metavar="TEXT", help="why; it is signed, and kept in the records")


def _add_incidents(ops: Any) -> None:
    one = ops.add_parser("incident-declare", help="a major incident: its footage is held, rules can follow it")
    one.add_argument("what", choices=WHATS, help="fire, theft, flood, injury or other")
    one.add_argument("--reason", required=True, metavar="TEXT", help="place and course; kept in the records")
    one.add_argument("--since", metavar="TIME", help="when it began (default: now)")
    one.add_argument("--drill", action="store_true", help="an exercise: marked as one, nothing is held")
    one = ops.add_parser("incident-close", help="it is over; footage of all of it is held")
    one.add_argument("incident", nargs="?", metavar="ID", help="as it was told; without it: the only one that is open")
    one.add_argument("--outcome", required=True, metavar="TEXT", help="how it ended, and who was called when")


TEXTS_AS_THEY_ARE = (
    "alarm", "cameras", "reason", "door", "of", "measures", "permit", "pump", "what", "outcome", "incident",
)  # fmt: skip
TIMES = (("at_s", "at"), ("from_s", "from_"), ("to_s", "to"), ("since_s", "since"))


def arguments_of(args: argparse.Namespace, place: Place) -> dict[str, Any]:
    """The command's arguments as they are signed. UsageError for a time that is none."""
    if args.op == "config":
        return {"file": _packed(args.file)}
    told: dict[str, Any] = {name: getattr(args, name) for name in TEXTS_AS_THEY_ARE if getattr(args, name, None)}
    if getattr(args, "minutes", None) is not None:
        told["for_s"] = args.minutes * 60
    for name, dest in (("before_s", "before"), ("after_s", "after")):
        if getattr(args, dest, None) is not None:
            told[name] = getattr(args, dest)
    for name, dest in TIMES:
        if getattr(args, dest, None) is not None:
            told[name] = place.ns_of(getattr(args, dest)) // 1_000_000_000
    return told | {name: True for name in ("hold", "drill") if getattr(args, name, False)}


def _packed(file: Path) -> str:
    """A site file without mistakes, as a command carries it. ConfigError with all of them, CommandError."""
    load(file.absolute())
    try:
        return pack(file.read_bytes())
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from error


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, {**COMMAND_TEXTS, **APPROVE_TEXTS})
    if not 1 <= args.valid <= LIFE_MAX_S:
        raise UsageError(f"--valid {args.valid}: from 1 to {LIFE_MAX_S} seconds")
    if args.op == APPROVE:
        return _approve(args, paths, place, t)
    if args.key is None:
        raise UsageError(t("approve-whose"))
    told = arguments_of(args, place)
    return _start(args, paths, place) if args.op == "start" else _send(args, paths, t, told, *_signer(args))


def _signer(args: argparse.Namespace) -> tuple[Signer, str]:
    signer, about = opened(args)
    return signer, about.person


def _send(
    args: argparse.Namespace, paths: Paths, t: Texts, told_args: dict[str, Any], signer: Signer, person: str
) -> int:
    """Sign it, send it, say what becomes of it."""
    heard: list[Told] = []

    def tell(told: Told) -> None:
        heard.append(told)
        if not args.json:
            print(safe("\n".join(_lines(args.op, told, t))), flush=True)

    wait_s = args.wait or (WAIT_CONFIG_S if args.op == "config" else WAIT_S)
    with reach(args, paths) as board:
        end = board.send(envelope(board, signer, person, args.op, told_args, args.valid), wait_s, tell)
    if args.json:
        print(json.dumps({"state": end.state if end else "unknown", "told": [one._asdict() for one in heard]}))
    elif end is None:
        raise CommandError(t("command-silent", s=f"{wait_s:g}"))
    elif end.state == "done" and (besides := t.get(f"besides-{args.op}", "")) and "drill" not in told_args:
        print(besides)
    return 0 if end is not None and end.state == "done" else 1


def _lines(op: str, told: Told, t: Texts) -> list[str]:
    """What the board said, for a person."""
    reason = in_chinese(told.state, told.code, told.reason) if t.language == "zh-CN" else told.reason
    answers = [[t.get(f"answer-{name}", name), value] for name, value in told.answer.items()]
    return [t(f"command-{told.state}", op=op, reason=reason, code=told.code), *columns(answers)]


def _approve(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    """Fetched, shown and signed while no connection stands: a person may take their time."""
    if args.request is not None:
        looked_through(args, t)
    with reach(args, paths) as board:
        found, where = board.requests(), board.where
    if args.request is None:
        return listed(found, by_key(t), args, t, place)
    one = picked(found, args.request, t, "standpipe command")
    at = t("approve-at", site=where.site, board=where.board)
    if not agreed(args, one.request, f"{at}, {shown(one, by_key(t), t, place)}", t, place):
        return 1
    signer, person = _signer(args)
    made = statement_on(where.site, where.board, one.request, args, signer, person)
    return _send(args, paths, t, {"statement": made.text()}, signer, person)


def _start(args: argparse.Namespace, paths: Paths, place: Place) -> int:
    """Asked for by hand: neither --yes nor a script can confirm it."""
    from agent.cli.start_texts import TEXTS
    from agent.cli.starting import StartDialogue

    signer, about = opened(args)
    with reach(args, paths) as board:
        dialogue = StartDialogue(
            board,
            lambda op, told: envelope(board, signer, about.person, op, told, args.valid),
            Texts(place.language, TEXTS),
            lambda line: print(safe(line), file=sys.stderr if args.json else sys.stdout, flush=True),
            chinese=place.language == "zh-CN",
        )
        end = dialogue.run(args.pump, about.person, args.reason)
    if args.json:
        print(json.dumps({"state": "unknown"} if end is None else end._asdict()))
    return 0 if end is not None and end.state == "done" else 1
