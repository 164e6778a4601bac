"""Single pictures on the command line: who has one is on record (viewing.still) before it is named, copied or printed.

A picture is of the present, as the duty officer sees it: it takes no grant. What was recorded does: screens.py.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path
from typing import Any

from agent.cli.asking import user
from agent.cli.place import CommandError
from agent.cli.screens import whence
from agent.core.chain import Row
from agent.core.events import ViewingStill
from agent.journal import Journal

BYTES_MAX = 2_000_000  # of one picture on a sheet


def wants(parser: argparse.ArgumentParser) -> None:
    """The options of whoever looks: --out, --viewer, --present."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="copy it there too")
    parser.add_argument("--viewer", metavar="NAME", help="who looks (default: the user's name)")
    parser.add_argument("--present", action="append", default=[], metavar="NAME", help="who else looks on")


def asked(args: argparse.Namespace) -> dict[str, Any]:
    """What a request for a picture says of who asks: the recorder writes it down with its answer."""
    about = {"cause": f"person:{user()}", "use": "look" if args.out is None else "copy", "at": whence()}
    return {**about, "present": args.present}


def copied(path: Path, out: Path | None) -> Path:
    """The picture itself, or its copy. CommandError."""
    if out is None:
        return path
    try:
        shutil.copyfile(path, out)
    except OSError as error:
        raise CommandError(f"{out}: {error.strerror}; the picture itself is {path}") from error
    return out


def printed(journal: Journal, record: dict[str, Any], data: Path, viewer: str) -> dict[str, bytes]:
    """camera -> its picture of a walk test, for its sheet, of those that are there and are what was recorded."""
    found: dict[str, bytes] = {}
    rows = []
    for camera in record["cameras"]:
        path = data / camera["picture"]
        if not camera["picture"] or not path.is_file() or path.stat().st_size > BYTES_MAX:
            continue
        jpeg = path.read_bytes()
        if hashlib.sha256(jpeg).hexdigest() == camera["sha256"]:
            found[camera["id"]] = jpeg
            rows.append(_on_sheet(camera, journal.last("snapshot.ready", source=camera["id"]), len(jpeg), viewer))
    if rows:
        journal.append(*rows)
    return found


def _on_sheet(camera: dict[str, Any], taken: Row | None, size: int, viewer: str) -> ViewingStill:
    values = taken.values() if taken is not None else {}
    return ViewingStill(
        source=camera["id"],
        picture=str(values.get("snapshot", "")),
        use="sheet",
        how="account",
        by=user(),
        viewer=viewer,
        at=whence(),
        present=[],
        cause="walk_test",
        request=taken.seq if taken is not None else 0,
        at_ns=int(str(values.get("at_ns", 0))),
        bytes=size,
        sha256=camera["sha256"],
    )
