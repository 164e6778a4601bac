"""standpipe hold: footage that may not go, by hand: place, list, review, and ask for its release."""

from __future__ import annotations

import argparse
import json
import secrets
from typing import Any

from agent.cli.moments import TIME_HELP, span
from agent.cli.place import Place, UsageError, journal_to_read, journal_to_write, look
from agent.cli.requests import ask, wants
from agent.cli.terminal import columns
from agent.cli.texts import Texts
from agent.config import load
from agent.core.events import HoldRequested, HoldReviewed
from agent.journal.holds import Hold, holds
from agent.runtime.clock import SystemClock
from agent.runtime.paths import Paths

HELP = f"""\
place     keep footage of these cameras, whatever its age; it is copied to the special store within minutes
list      the holds that stand, with owner, reason and the day on which somebody must look at them again
review    you have looked at a hold, and it is still needed
release   ask for its end; a supervisor who is not you signs it: standpipe approve

{TIME_HELP}"""
DAY_NS = 86_400 * 1_000_000_000


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="place|list|review|release")
    place = actions.add_parser("place", help="keep footage")
    place.add_argument("--camera", action="append", required=True, metavar="ID", help="may be given several times")
    place.add_argument("--from", dest="start", required=True, metavar="TIME")
    place.add_argument("--to", dest="end", required=True, metavar="TIME")
    listing = actions.add_parser("list", help="the holds that stand")
    listing.add_argument("--json", action="store_true", help="as JSON")
    review = actions.add_parser("review", help="it is still needed")
    review.add_argument("--days", type=int, metavar="N", help="look again after so many days (review_days of [holds])")
    release = actions.add_parser("release", help="ask for its end")
    release.add_argument("--delete-copies", action="store_true", help="its copies in the special store go too")
    for one in (review, release):
        one.add_argument("hold", metavar="HOLD")
    wants(release)
    for one in (place, review):
        one.add_argument("--by", required=True, metavar="PERSON", help="who asks: an id of site.toml")
        one.add_argument("--reason", required=True, metavar="TEXT")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language)
    if args.action == "list":
        return _list(args, paths, place, t)
    if args.action == "place":
        return _place(args, paths, place, t)
    _known(args, paths, t)
    if args.action == "review":
        _somebody(args.by, paths, t)
        return _review(args, paths, place, t)
    scope = {"hold": args.hold, "copies": "delete" if args.delete_copies else "keep"}
    return ask(paths, t, "hold.release", scope, args)


def _list(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    with journal_to_read(paths) as journal:
        found = list(holds(journal).values())
    if args.json:
        print(json.dumps([as_dict(hold) for hold in found], ensure_ascii=False, indent=2))
    else:
        print("\n".join(columns(_line(hold, place, t) for hold in found)) if found else t("no-holds"))
    return 0


def _line(hold: Hold, place: Place, t: Texts) -> list[str]:
    span = f"{place.time(hold.window.start.at_ns)} - {place.time(hold.window.end.at_ns)}"
    copied = "hold-damaged" if hold.wrong else "hold-copied"
    state = t(copied if hold.copied else "hold-placed" if hold.placed else "hold-asked")
    review = t("hold-review", day=place.time(hold.review_ns)[:10]) if hold.review_ns else ""
    return [hold.id, " ".join(hold.cameras), span, state, hold.owner, hold.reason, review]


def as_dict(hold: Hold) -> dict[str, Any]:
    """A hold as plain data."""
    span = {"from_ns": hold.window.start.at_ns, "to_ns": hold.window.end.at_ns}
    names = ("id", "cameras", "reason", "owner", "cause", "placed", "segments", "copied", "path", "wrong", "review_ns")
    return {name: getattr(hold, name) for name in names} | span


def _place(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    start, end = span(args.start, args.end, place)
    known = [camera.id for camera in load(paths.site).camera]
    _somebody(args.by, paths, t)
    for camera in args.camera:
        if camera not in known:
            raise UsageError(t("unknown-camera", camera=camera, known=" ".join(known)))
    if end <= start:
        raise UsageError(t("to-before-from"))
    hold = f"h-{secrets.token_hex(4)}"
    asked = {"hold": hold, "cameras": args.camera, "reason": args.reason, "by": args.by}
    with journal_to_write(paths) as journal:
        journal.append(HoldRequested(source="cli", from_ns=start, to_ns=end, **asked))
    print(t("hold-done", hold=hold))
    return 0


def _somebody(by: str, paths: Paths, t: Texts) -> None:
    """UsageError for an owner whom the site file does not know, where it knows any."""
    known = sorted(one.id for one in load(paths.site).person)
    if known and by not in known:
        raise UsageError(t("unknown-person", by=by, known=" ".join(known)))


def _known(args: argparse.Namespace, paths: Paths, t: Texts) -> None:
    with journal_to_read(paths) as journal:
        found = holds(journal)
    if args.hold not in found:
        raise UsageError(t("unknown-hold", hold=args.hold, known=" ".join(found) or t("none")))


def _review(args: argparse.Namespace, paths: Paths, place: Place, t: Texts) -> int:
    days = args.days or load(paths.site).holds.review_days
    review_ns = SystemClock().stamp().at_ns + days * DAY_NS
    with journal_to_write(paths) as journal:
        journal.append(HoldReviewed(source=args.hold, by=args.by, review_ns=review_ns, note=args.reason))
    print(t("hold-reviewed", hold=args.hold, day=place.time(review_ns)[:10]))
    return 0
