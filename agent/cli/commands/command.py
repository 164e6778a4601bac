"""standpipe command: sign a command, send it to one board over the broker, and say what became of it."""

from __future__ import annotations

import argparse
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cli.place import CommandError, Place, UsageError, look
from agent.cli.signing import add_key, opened
from agent.cli.terminal import safe
from agent.cli.texts import Texts
from agent.config import load
from agent.core.commands import LIFE_MAX_S, Envelope
from agent.core.signed import COMMAND
from agent.core.site_update import pack
from agent.core.wire import Presence, Topics
from agent.runtime.keys import Signer
from agent.runtime.paths import Paths

HELP = """\
Signs a command with your key, sends it to one board, and waits for the board's own word on it.

    standpipe command --broker mqtts://HOST --site-id plant-3 --board pump-house --key anna.key silence ALARM

It is valid for a minute, done at most once, and refused by a board that does not know your key or whose clock says
that it is too late. Exit code 0: done; 1: refused, failed, or not heard of."""


WAIT_S, WAIT_CONFIG_S = 20.0, 240.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", required=True, metavar="URL", help="mqtts://HOST:8883 or mqtt://HOST:1883")
    parser.add_argument("--site-id", required=True, metavar="ID", help="the site, as in its site.toml")
    parser.add_argument("--board", required=True, metavar="ID", help="the board at that site")
    add_key(parser)
    parser.add_argument("--ca", default="", metavar="FILE", help="authority of the broker's certificate")
    parser.add_argument("--cert", default="", metavar="FILE", help="our certificate for the broker")
    parser.add_argument("--cert-key", default="", metavar="FILE", help="its key")
    parser.add_argument("--secrets", metavar="FILE", help="0600 file with [operator] user and password for the broker")
    parser.add_argument(
        "--valid", type=int, default=60, metavar="S", help=f"seconds (default 60, at most {LIFE_MAX_S})"
    )
    parser.add_argument("--wait", type=float, metavar="S", help="for the board's answer (default 20; a site file: 240)")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")
    _add_commands(parser.add_subparsers(dest="op", required=True, metavar="COMMAND"))


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
    ops.add_parser("report", help="write the report now")


def arguments_of(args: argparse.Namespace, place: Place) -> dict[str, Any]:
    """The command's arguments as they are signed. UsageError for a time that is none."""
    if args.op == "config":
        return {"file": _packed(args.file)}
    told: dict[str, Any] = {name: getattr(args, name) for name in ("alarm", "cameras", "reason") if name in args}
    for name, dest in (("before_s", "before"), ("after_s", "after")):
        if getattr(args, dest, None) is not None:
            told[name] = getattr(args, dest)
    for name, dest in (("at_s", "at"), ("from_s", "from_"), ("to_s", "to")):
        if getattr(args, dest, None) is not None:
            told[name] = place.ns_of(getattr(args, dest)) // 1_000_000_000
    return {**told, "hold": True} if getattr(args, "hold", False) else told


def _packed(file: Path) -> str:
    """A site file without mistakes, as a command carries it. ConfigError with all of them, CommandError."""
    load(file.absolute())
    try:
        return pack(file.read_bytes())
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from error


def run(args: argparse.Namespace, paths: Paths) -> int:
    from agent.uplink.operator import Told, send

    place = look(paths)
    t, told_args = Texts(place.language), arguments_of(args, place)
    if not 1 <= args.valid <= LIFE_MAX_S:
        raise UsageError(f"--valid {args.valid}: from 1 to {LIFE_MAX_S} seconds")
    signer, about = opened(args)
    heard: list[Told] = []

    def tell(told: Told) -> None:
        heard.append(told)
        if not args.json:
            print(safe(t(f"command-{told.state}", op=args.op, reason=told.reason, code=told.code)), flush=True)

    sign = signing(args, signer, about.person, told_args)
    wait_s = args.wait or (WAIT_CONFIG_S if args.op == "config" else WAIT_S)
    end = send(_broker(args), Topics(args.site_id, args.board), sign, wait_s, tell)
    if args.json:
        print(json.dumps({"state": end.state if end else "unknown", "told": [one._asdict() for one in heard]}))
    elif end is None:
        raise CommandError(t("command-silent", s=f"{wait_s:g}"))
    return 0 if end is not None and end.state == "done" else 1


def signing(
    args: argparse.Namespace, signer: Signer, person: str, told: dict[str, Any]
) -> Callable[[Presence], Envelope]:
    """What makes the signed envelope once the board's presence is known."""

    def sign(presence: Presence) -> Envelope:
        now_ns = time.time_ns()
        envelope = Envelope(
            site=args.site_id,
            board=args.board,
            op=args.op,
            args=told,
            id=f"c-{secrets.token_hex(8)}",
            by=person,
            key=signer.key_id,
            iat=now_ns // 1_000_000_000,
            exp=now_ns // 1_000_000_000 + args.valid,
            ctr=now_ns // 1000,  # grows by itself, on whatever computer the key is used next
            nonce=presence.boot,
        )
        return Envelope(**{**envelope.__dict__, "sig": signer.sign(COMMAND, envelope.unsigned())})

    return sign


def _broker(args: argparse.Namespace) -> Any:
    from agent.runtime.secrets import Secrets
    from agent.uplink.link import BrokerAt

    known = Secrets.load(Path(args.secrets)) if args.secrets else None
    user, password = (known.credentials("operator") if known else None) or ("", "")
    return BrokerAt(args.broker, user, password, args.ca, args.cert, args.cert_key)
