"""standpipe footage: what is recorded, what is missing, playing it, a clip of it, and accepting another disk."""

from __future__ import annotations

import argparse

from agent.cli import breaks, clipping, disks, listing, playing, uptimes
from agent.cli.footage_texts import FOOTAGE_TEXTS
from agent.cli.moments import TIME_HELP
from agent.cli.place import look
from agent.cli.texts import Texts
from agent.footage.volume import Volume
from agent.runtime.paths import Paths

HELP = f"""\
list            what is recorded, as stretches without a hole; --gaps: what is missing and why; --motion; --holds
availability    how much of a time was recorded, in percent, and what kept the rest from it (the last 7 days)
explain         interruptions of more than 10 s that nobody has said a reason for; with ROW and --reason: says it
play            shows recorded footage in a player here, or writes it to a file; takes a grant: standpipe grant
clip            have a clip cut around a moment, wait for it, and print where it is; it goes to the centre, and the
                row viewing.cut says who asked. A copy to look at or take away (--out) takes a grant
accept-volume   record on the disk that is there now, though it is another than before; where site.toml names an
                it-admin and the safety office: with the one's --key, and under the other's consent
                (standpipe impairment start footage-disk)

{TIME_HELP}"""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="list|availability|explain|play|clip|accept-volume"
    )
    listing.wants(actions.add_parser("list", help="what is recorded"))
    uptimes.wants(actions.add_parser("availability", help="how much of a time was recorded"))
    breaks.wants(actions.add_parser("explain", help="say why footage is missing"))
    playing.wants(actions.add_parser("play", help="show recorded footage, under a grant"))
    clipping.wants(actions.add_parser("clip", help="have a clip cut"))
    disks.wants(actions.add_parser("accept-volume", help="record on the disk that is there now"))


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, FOOTAGE_TEXTS)
    if args.action == "accept-volume":
        return disks.accept(args, paths, Volume(paths.footage, paths.data, 0), t)
    if args.action == "availability":
        return uptimes.run(args, paths, place, t, paths.footage)
    return {"list": listing.run, "explain": breaks.run, "play": playing.run, "clip": clipping.run}[args.action](
        args, paths, place, t
    )
