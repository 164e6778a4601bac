"""standpipe verify: whether an export package is what a board made. Needs that and the board's public key alone."""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

from agent.cli.export_texts import EXPORT_TEXTS, FAULT_TEXTS
from agent.cli.footage_words import cause
from agent.cli.place import CommandError, Place, UsageError, look, zone_of
from agent.cli.terminal import GREEN, RED, YELLOW, amount, paint, safe, tell
from agent.cli.texts import Texts
from agent.core.people import public_of
from agent.core.verdict import Fault, Verdict
from agent.footage.verify import verify_package
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

HELP = """\
Checks a package that `standpipe export` made, or the folder it was unpacked to, and names everything that is not as it
was: a field, a file, a picture. Exit code 1 if there is anything. Works anywhere; no site, journal or network is used.

--key is the public key of the board that made it (there: standpipe keys board), as text or a file. Without it the
package is checked against the key that it brings along: it is then of one piece, and whose it is remains open."""
KEY_FILE_BYTES_MAX = 16 * 1024
TELL_EVERY_S = 5.0
_KEY = re.compile(r"ed25519:[A-Za-z0-9+/=]{44}")
_SPAN = re.compile(r"(-?\d+)-(-?\d+)(.*)", re.DOTALL)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="the zip, or the folder it was unpacked to")
    parser.add_argument(
        "--key", action="append", default=[], metavar="KEY", help="the board's public key, or a file with it; several"
    )
    parser.add_argument("--json", action="store_true", help="the verdict as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    place = look(paths)
    t = Texts(place.language, {**EXPORT_TEXTS, **FAULT_TEXTS})
    keys = [key_of(text, t) for text in args.key]
    if not args.package.exists():
        raise CommandError(f"{args.package}: there is no such file or folder")
    verdict = verify_package(args.package, keys, verify, _progress(t))
    if args.json:
        print(json.dumps(as_dict(verdict, place, t), ensure_ascii=False, indent=2))
    else:
        show(verdict, place, t)
    return 0 if verdict.good else 1


def key_of(text: str, t: Texts) -> bytes:
    """A public key from its text, or from the first one in a file. UsageError."""
    found = _KEY.search(text)
    if found is None and Path(text).is_file():
        with Path(text).open("rb") as file:
            found = _KEY.search(file.read(KEY_FILE_BYTES_MAX).decode(errors="replace"))
    try:
        return public_of(found[0] if found else "")
    except ValueError:
        raise UsageError(t("verify-no-key", text=text)) from None


def _progress(t: Texts) -> Any:
    """Says every few seconds how far it is."""
    said_s = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal said_s
        if time.monotonic() - said_s > TELL_EVERY_S:
            said_s = time.monotonic()
            tell(t("reading-bytes", done=amount(done), total=amount(total)))

    return told


def show(verdict: Verdict, place: Place, t: Texts) -> None:
    """The verdict for people."""
    told = verdict.manifest
    if told is not None:
        there = Place(place.language, zone_of(told["site"]["timezone"]))
        print(safe(_heading(told, there, t)))
        for camera in told["cameras"]:
            print(safe(_camera(camera, there, t)))
        place = there
    for note in verdict.notes:
        print(paint(safe(f"  {note.where}: {in_words(note, place, t)}"), YELLOW))
    if verdict.good:
        print(paint(t("verify-good", proven=verdict.proven, segments=verdict.segments), GREEN))
        if not verdict.key_given:
            print(paint(safe(t("verify-unasked", key=verdict.key)), YELLOW))
        return
    print(paint(t("verify-bad", count=len(verdict.faults)), RED))
    for fault in verdict.faults:
        print(paint(safe(f"  {fault.where}: {in_words(fault, place, t)}"), RED))


def _heading(told: dict[str, Any], place: Place, t: Texts) -> str:
    made, site = told["made"], told["site"]
    about = {"export": told["export"], "time": place.time(made["at_ns"]), "by": made["by"], "site": site["id"]}
    return t("verify-head", **about, board=site["board"], receiver=told["receiver"]["name"])


def _camera(camera: dict[str, Any], place: Place, t: Texts) -> str:
    segments = camera["segments"]
    first, last = (segments[0], segments[-1]) if segments else (None, None)
    return t(
        "verify-camera",
        camera=camera["id"],
        begin="-" if first is None else place.time(first["start_at_ns"] + first["correction_ns"]),
        end="-" if last is None else place.time(last["end_at_ns"] + last["correction_ns"]),
        segments=len(segments),
        proven=sum(segment["seal"] >= 0 for segment in segments),
    )


def in_words(fault: Fault, place: Place, t: Texts) -> str:
    """A fault or note for people, times as they are read there."""
    more = fault.more
    span = _SPAN.fullmatch(more) if "gap" in fault.what else None
    if span is not None:
        why = f" {cause(span[3].strip(), t.language)}" if span[3].strip() else ""
        more = f"{place.time(int(span[1]))} - {place.time(int(span[2]))}{why}"
    return t(fault.what, more=more).strip()


def as_dict(verdict: Verdict, place: Place, t: Texts) -> dict[str, Any]:
    """The verdict as plain data."""
    told = verdict.manifest
    about = {name: told[name] for name in ("export", "made", "site", "asked", "receiver")} if told else {}

    def listed(found: list[Fault]) -> list[dict[str, str]]:
        return [{**one._asdict(), "text": in_words(one, place, t)} for one in found]

    return {
        "good": verdict.good,
        "key": verdict.key,
        "key_given": verdict.key_given,
        "segments": verdict.segments,
        "proven": verdict.proven,
        **about,
        "faults": listed(verdict.faults),
        "notes": listed(verdict.notes),
    }
