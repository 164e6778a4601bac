"""standpipe export: footage handed out as one file that proves itself, under a grant and on record."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from agent import __version__
from agent.cli.asking import user
from agent.cli.commands.verify import in_words
from agent.cli.export_texts import EXPORT_TEXTS, FAULT_TEXTS
from agent.cli.moments import TIME_HELP, moment
from agent.cli.place import CommandError, Place, UsageError, look
from agent.cli.screens import screen, whence
from agent.cli.signing import add_passphrase, opened
from agent.cli.terminal import RED, YELLOW, amount, paint, safe, tell
from agent.cli.texts import Texts
from agent.config import SiteConfig, load
from agent.core.people import public_of
from agent.core.viewing import Grant, grant_of
from agent.footage.export import Board, Exporter, Made, Order, Receiver
from agent.footage.verify import verify_package
from agent.footage.viewing import KIND
from agent.footage.volume import MIB
from agent.footage.watermark import LETTERS_MAX
from agent.journal import Journal
from agent.journal.projections import approvals
from agent.runtime.keys import BOARD_KEY, Signer, board_key, verify
from agent.runtime.paths import Paths

if TYPE_CHECKING:
    from datetime import datetime

    from agent.core.verdict import Verdict

HELP = f"""\
Makes one zip with the original segments, clips that any player opens, and a manifest with times, clock quality, hashes
and the proofs that nothing was changed since it was recorded; signed by the board, with --key by you too. Originals are
whole segments of about a minute. Needs a grant with copies (standpipe grant ask --copies; a second person signs it) and
the board's own key: run it with sudo. Check a package with: standpipe verify

Without --camera, --from, --to it is all that the grant covers. For an authority: --officer twice or more, --letter.
--watermark adds a copy with that text across every picture; it is encoded again, which takes about a second of
processor time for a second of 1080p on a PC, several on a Pi. {TIME_HELP}"""
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:. ")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grant", required=True, metavar="GRANT", help="by whose leave: standpipe grant list")
    parser.add_argument("--viewer", metavar="NAME", help="who takes it (default: whom the grant names)")
    parser.add_argument("--camera", action="append", metavar="ID", help="only this camera's; several")
    parser.add_argument("--from", dest="start", metavar="TIME", help="not before that")
    parser.add_argument("--to", dest="end", metavar="TIME", help="not after that")
    parser.add_argument("--receiver", required=True, metavar="NAME", help="who gets it: a unit, a court, a firm")
    parser.add_argument("--officer", action="append", default=[], metavar="TEXT", help="name and number of an officer")
    parser.add_argument("--letter", default="", metavar="NUMBER", help="of the authority's letter")
    parser.add_argument("--basis", required=True, metavar="TEXT", help="by which law or rule")
    parser.add_argument("--compared", default="", metavar="WHAT", help="what the board's clock was compared with")
    parser.add_argument("--ahead-ms", type=int, default=0, metavar="N", help="and by how much it was ahead of that")
    parser.add_argument("--watermark", default="", metavar="TEXT", help="a copy with that text across every picture")
    parser.add_argument("--key", type=Path, metavar="FILE", help="sign it with your key, too: standpipe keys new FILE")
    add_passphrase(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to (default: a name of its own, here)")
    parser.add_argument("--json", action="store_true", help="what was made as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, {**EXPORT_TEXTS, **FAULT_TEXTS})
    _refuse(args, t)
    site = load(paths.site)
    signer = _board_signer(paths, site, t)
    person = None
    if args.key is not None:
        key, about = opened(args)
        person = (about.person, key)
    with screen(paths) as shown:
        order = _order(args, _grant(shown.journal, args.grant, t), place)
        board = _board(site, signer)
        exporter = Exporter(shown, board, person, _dots(), lambda name: tell(t("writing", name=name)))
        made = exporter.make(order, (args.out or Path(_name(site, order, place))).absolute())
    verdict = verify_package(made.path, [public_of(signer.public_text)], verify)
    _show(made, verdict, place, t, as_json=args.json)
    return 0 if verdict.good else 1


def _refuse(args: argparse.Namespace, t: Texts) -> None:
    """What was asked for and cannot be. UsageError."""
    if bool(args.officer) and (len(args.officer) < 2 or not args.letter):
        raise UsageError(t("officers"))
    if args.ahead_ms and not args.compared:
        raise UsageError(t("ahead"))
    if args.watermark and (len(args.watermark) > LETTERS_MAX or not set(args.watermark.upper()) <= _LETTERS):
        raise UsageError(t("watermark-letters", most=LETTERS_MAX))


def _board_signer(paths: Paths, site: SiteConfig, t: Texts) -> Signer:
    """The board's key. Never made by root for an uplink that could then not read it. CommandError, KeysError."""
    if site.uplink is not UNSET and os.geteuid() == 0 and not (paths.data / BOARD_KEY).exists():
        raise CommandError(t("no-board-key", data=paths.data))
    return board_key(paths.data)


def _grant(journal: Journal, request: str, t: Texts) -> Grant:
    """What that grant covers; whether it stands is judged when footage is opened. UsageError."""
    found = approvals(journal).get(request)
    if found is None or found.asked.values()["what"] != KIND:
        raise UsageError(t("export-unknown-grant", grant=request))
    scope: Any = found.asked.values()["scope"]
    try:
        return grant_of(request, scope)
    except ValueError as error:
        raise UsageError(f"{request}: {error}") from None


def _order(args: argparse.Namespace, grant: Grant, place: Place) -> Order:
    now = _now(place)
    return Order(
        grant=grant.id,
        viewer=args.viewer or grant.viewer,
        cameras=tuple(dict.fromkeys(args.camera or grant.cameras)),
        from_ns=moment(args.start, place, now) if args.start else grant.from_ns,
        to_ns=moment(args.end, place, now) if args.end else grant.to_ns,
        receiver=Receiver(args.receiver, tuple(args.officer), args.letter),
        basis=args.basis,
        by=user(),
        at=whence(),
        compared=args.compared,
        ahead_ms=args.ahead_ms,
        watermark=args.watermark,
    )


def _now(place: Place) -> datetime:
    from datetime import datetime

    return datetime.now(place.zone)


def _board(site: SiteConfig, signer: Signer) -> Board:
    purposes = {camera.id: camera.purpose for camera in site.camera}
    about = (site.site.id, site.site.board, site.site.timezone, purposes)
    return Board(*about, signer, f"standpipe {__version__}", site.retention.reserve_mb * MIB)


def _dots() -> Any:
    """What draws letters; loaded late, as it brings the decoder along."""
    from hw.cameras.card import dots

    return dots


def _name(site: SiteConfig, order: Order, place: Place) -> str:
    """A file's name that says where and when it is of."""
    begin = place.time(order.from_ns).replace("-", "").replace(":", "").replace(" ", "T")
    return f"{site.site.id}-{site.site.board}-{begin}.zip"


def _show(made: Made, verdict: Verdict, place: Place, t: Texts, *, as_json: bool) -> None:
    if as_json:
        about = {"path": str(made.path), "export": made.export, "files": made.files, "bytes": made.bytes}
        found = {"segments": verdict.segments, "proven": verdict.proven, "unproven": made.unproven}
        faults = [fault._asdict() for fault in verdict.faults]
        print(json.dumps({**about, **found, "marking_s": round(made.marking_s, 1), "faults": faults}, indent=2))
        return
    print(t("made", path=made.path, size=amount(made.bytes), files=made.files, export=made.export))
    for what in made.unproven:
        print(paint(safe(t("made-unproven", what=what)), YELLOW))
    if made.marking_s:
        print(t("made-mark", seconds=f"{made.marking_s:.1f}"))
    for fault in verdict.faults:
        print(paint(safe(f"  {fault.where}: {in_words(fault, place, t)}"), RED))
    if verdict.good:
        print(t("made-proven", proven=verdict.proven, segments=verdict.segments))
        print(t("made-key", name=made.path.name))
