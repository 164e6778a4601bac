"""standpipe camera: what is wrong with the pictures, one picture now, and what a camera shall go on looking at."""

from __future__ import annotations

import argparse
import json
import secrets
import time
from typing import Any

from agent.cli import stills, wearing
from agent.cli.camera_texts import CAMERA_TEXTS
from agent.cli.confirm import user
from agent.cli.place import CommandError, Place, UsageError, journal_to_write, look
from agent.cli.terminal import GREEN, RED, YELLOW, columns, paint
from agent.cli.texts import Texts
from agent.config import load
from agent.core.chain import Row
from agent.core.events import Event, ReferenceRequested, SnapshotRequested
from agent.journal import Bell
from agent.runtime import status
from agent.runtime.paths import Paths

HELP = """\
list          what is wrong with the pictures of each camera, and of when its reference picture is; --json: figures
due           which are due for replacement: what failed 10 times, or for a day, in the last 30 days
snapshot      one picture as it is now; prints where it is. The row viewing.still says who asked, and who looked on
reference     the camera stands right: what it shows now is what it shall go on showing (else: camera.moved)

Exit code 1 if a camera has a fault or is due, or there is no picture."""
ANSWER_S = 20


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|due|snapshot|reference")
    listing = actions.add_parser("list", help="what is wrong with the pictures")
    listing.add_argument("--json", action="store_true", help="one JSON object a camera, with its figures")
    wearing.wants(actions.add_parser("due", help="which are due for replacement"))
    snapshot = actions.add_parser("snapshot", help="one picture as it is now")
    reference = actions.add_parser("reference", help="what it shall go on looking at")
    for action in (snapshot, reference):
        action.add_argument("camera", metavar="CAMERA")
        stills.wants(action)
    reference.add_argument("--by", metavar="NAME", help="who says so (default: the user's name)")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, CAMERA_TEXTS)
    known = [camera.id for camera in load(paths.site).camera]
    if args.action == "list":
        return _list(args, paths, place, t, known)
    if args.action == "due":
        return wearing.run(args, paths, place, t, known)
    if args.camera not in known:
        raise UsageError(t("camera-unknown", id=args.camera, known=" ".join(known) or "-"))
    told = status.read_all(paths).get(f"recorder@{args.camera}")
    if told is None or not told["alive"]:
        raise CommandError(t("camera-dead", id=args.camera))
    if args.action == "snapshot":
        return _snapshot(args, paths, t)
    return _reference(args, paths, t)


# --- list ---


def _list(args: argparse.Namespace, paths: Paths, place: Place, t: Texts, known: list[str]) -> int:
    told = status.read_all(paths)
    found = [_found(paths, id_, told.get(f"recorder@{id_}")) for id_ in known]
    if args.json:
        for one in found:
            print(json.dumps(one))
    else:
        print("\n".join(columns(_line(one, place, t) for one in found)) or t("none"))
    return 0 if all(one["state"] in ("good", "not-watched") for one in found) else 1


def _found(paths: Paths, id_: str, told: dict[str, Any] | None) -> dict[str, Any]:
    """state: good / faults / not-watched / not-yet / not-running."""
    watched = next(camera.health.watch for camera in load(paths.site).camera if camera.id == id_)
    reference = paths.pictures / id_ / "reference.jpg"
    faults: list[str] = []
    if told is None or not told["alive"]:
        state, told = "not-running", {}
    else:
        faults = list(told.get("faults") or ())
        state = "faults" if faults else "good" if told.get("figures") else "not-yet" if watched else "not-watched"
    return {
        "camera": id_,
        "state": state,
        "faults": faults,
        "figures": told.get("figures"),
        "clock_off_ms": told.get("clock_off_ms"),
        "reference_ns": reference.stat().st_mtime_ns if reference.exists() else None,
    }


def _line(one: dict[str, Any], place: Place, t: Texts) -> list[str]:
    faults = ", ".join(t(f"fault-{fault}") for fault in one["faults"])
    colour = {"faults": RED, "good": GREEN}.get(one["state"], YELLOW)
    since = one["reference_ns"]
    reference = t("camera-referred", time=place.time(since)) if since else t("camera-no-reference")
    return [one["camera"], paint(faults or t(f"camera-{one['state']}"), colour), reference]


# --- asking the recorder ---


def _ask(paths: Paths, request: Event, camera: str, kinds: tuple[str, ...], t: Texts) -> Row:
    """The recorder's answer. CommandError when there is none in time."""
    with journal_to_write(paths) as journal:
        after = journal.append(request)[0].seq
        bell = Bell(paths.bell)
        deadline = time.monotonic() + ANSWER_S
        try:
            while time.monotonic() < deadline:
                rows = journal.read(after, kinds=kinds, source=camera)
                if rows:
                    return rows[0]
                bell.wait(0.5)
        finally:
            bell.close()
    raise CommandError(t("camera-silent", id=camera, s=ANSWER_S))


def _snapshot(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    id_ = f"person-{secrets.token_hex(6)}"
    about = {"viewer": args.viewer or user(), **stills.asked(args)}
    request = SnapshotRequested(source="command", snapshot=id_, cameras=[args.camera], **about)
    answer = _ask(paths, request, args.camera, ("snapshot.ready", "snapshot.failed"), t)
    values = answer.values()
    if answer.kind == "snapshot.failed":
        print(paint(t("no-snapshot", reason=values["reason"]), RED))
        return 1
    print(stills.copied(paths.data / str(values["path"]), args.out))
    return 0


def _reference(args: argparse.Namespace, paths: Paths, t: Texts) -> int:
    request = ReferenceRequested(source=args.camera, by=(args.by or user())[:100], **stills.asked(args))
    answer = _ask(paths, request, args.camera, ("camera.reference_taken",), t)
    path = stills.copied(paths.data / str(answer.values()["path"]), args.out)
    print(t("reference-taken", path=path, id=args.camera))
    return 0
