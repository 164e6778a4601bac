"""An export package: what its manifest says, how it is signed, and its fields one by one. Pure; verdict.py judges one.

A package is one zip whose members are stored as they are, or the folder that it unpacks to:

    manifest.json        everything there is to say about it, SHAPE below
    signature.json       SHA-256 of manifest.json, a short hash of each of its fields, and signatures over both
    cover.html           the same for people, in Chinese and English
    SHA256SUMS           of all files but these four, for `sha256sum -c`
    footage/CAMERA/...   the segments as they were recorded: what the seals prove
    clips/CAMERA.mp4     the pictures of just the time that was asked for, copied out of the segments; -2, -3 for what
                         other boots of the board recorded of it
    marked/CAMERA.mp4    the same with a visible watermark, if that was wanted: encoded again, so no proof

Rules of this file:
- every number is whole and of 64 bits at most; times are UTC and monotonic nanoseconds of the board, as recorded;
- the short hash of each field decides nothing: it names what was changed where the signature says that something was;
- a signature is over a heading of its own (EXPORT), who signs as what, and all of the above.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agent.core.merkle import SegmentLeaf
from agent.core.signed import canonical, fields_of

FORMAT, VERSION = "standpipe-export", 1
EXPORT = "standpipe export v1"
MANIFEST, SIGNATURE, COVER, SUMS = "manifest.json", "signature.json", "cover.html", "SHA256SUMS"
MANIFEST_BYTES_MAX = 64 * 1024 * 1024
SEGMENTS_MAX = SEALS_MAX = 20_000
CAMERAS_MAX = 64
TEXT_MAX = 2000
FIELD_HEX = 16
ID = r"[a-z0-9][a-z0-9-]{0,99}"
_SEGMENT_FILE = re.compile(rf"footage/{ID}/[0-9]{{8,19}}-[0-9TZ]{{1,20}}\.mp4")
_CLIP_FILE = re.compile(rf"(clips|marked)/{ID}\.mp4")  # -2 and so on are part of what ID takes
HEX64 = re.compile(r"[0-9a-f]{64}\Z")


class Gap(NamedTuple):
    """No footage from / to (UTC, corrected), and why."""

    from_ns: int
    to_ns: int
    cause: str


# What a manifest is made of: a type, a list of one shape, or names and their shapes.
_FILE = {"name": str, "bytes": int, "sha256": str}
_SEGMENT: dict[str, Any] = {
    **{name: str if name in ("boot", "clock", "sha256") else int for name in SegmentLeaf._fields if name != "camera"},
    "file": str,
    "correction_ns": int,  # to add to start_at_ns and end_at_ns: a clock that was set later; 0 if there was none
    "seal": int,  # which of `seals`, from 0; -1: none, and unproven says why
    "place": int,
    "path": [str],
    "unproven": str,
}
SHAPE: dict[str, Any] = {
    "format": str,
    "v": int,
    "export": str,
    "made": {"at_ns": int, "clock": str, "by": str, "program": str},
    "site": {"id": str, "board": str, "timezone": str},
    "asked": {"cameras": [str], "from_ns": int, "to_ns": int},
    "receiver": {"name": str, "persons": [str], "letter": str},
    "basis": str,
    "purpose": str,
    "grant": str,
    "clock": {"state": str, "compared": str, "ahead_ms": int},
    "chain": {"epoch": str, "seq": int, "hash": str},
    "seals": [{"epoch": str, "row": int, "text": str, "prev": str, "hash": str}],
    "cameras": [
        {
            "id": str,
            "purpose": str,
            "segments": [_SEGMENT],
            "gaps": [{"from_ns": int, "to_ns": int, "cause": str}],
            "missing": [{"segments": str, "why": str}],
            "clips": [
                {
                    **_FILE,
                    **{"boot": str, "clock": str, "start_mono_ns": int, "start_at_ns": int, "end_mono_ns": int},
                    "damaged": [str],
                }
            ],
            "marked": [{**_FILE, "text": str}],
        }
    ],
    "files": [_FILE],
    "signers": [{"as": str, "who": str, "key": str}],
}
SIGNATURE_SHAPE: dict[str, Any] = {"v": int, "manifest": str, "fields": dict, "signatures": [{"as": str, "sig": str}]}


def shape_faults(value: Any, shape: Any = None, at: str = "") -> Iterator[tuple[str, str]]:
    """(pointer, what is wrong) wherever a parsed manifest is not of that shape."""
    shape = SHAPE if shape is None else shape
    if isinstance(shape, dict):
        yield from _object_faults(value, shape, at)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield at, "no list"
            return
        for index, item in enumerate(value):
            yield from shape_faults(item, shape[0], f"{at}/{index}")
    elif type(value) is not shape:
        yield at, f"no {'text' if shape is str else 'number' if shape is int else 'object'}"
    elif shape is str and len(value) > TEXT_MAX and not at.startswith("/seals/"):
        yield at, f"more than {TEXT_MAX} characters"


def _object_faults(value: Any, shape: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield at, "no object"
        return
    for name in sorted(value.keys() - shape.keys()):
        yield f"{at}/{name}", "does not belong here"
    for name, inner in shape.items():
        if name not in value:
            yield f"{at}/{name}", "missing"
        else:
            yield from shape_faults(value[name], inner, f"{at}/{name}")


def leaves_of(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """(pointer, value as JSON) of every text, number and empty list or object, in the order they stand."""
    if isinstance(value, dict) and value:
        for name in sorted(value):
            yield from leaves_of(value[name], f"{at}/{name}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves_of(item, f"{at}/{index}")
    else:
        yield at, canonical({"": value})


def field_hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Pointer -> the short hash of what stands there."""
    return {at: hashlib.sha256(text.encode()).hexdigest()[:FIELD_HEX] for at, text in leaves_of(dict(manifest))}


def to_be_signed(manifest_digest: str, fields: Mapping[str, str], signer: Mapping[str, str]) -> dict[str, Any]:
    """What one signer signs under EXPORT: the manifest, its fields, and who signs as what with which key."""
    about = {name: signer[name] for name in ("as", "who", "key")}
    return {"v": VERSION, "manifest": manifest_digest, "fields": dict(fields), **about}


def as_text(fields: Mapping[str, Any]) -> bytes:
    """A manifest or signature as its file has it: canonical JSON, and a line break."""
    return canonical(fields).encode() + b"\n"


def parsed(text: bytes) -> dict[str, Any] | None:
    """What such a file says; None if it is none."""
    return None if len(text) > MANIFEST_BYTES_MAX else fields_of(text)


def segment_file(camera: str, path: str) -> str:
    """Where a segment of this path under the footage folder stands in a package."""
    return f"footage/{camera}/{path.rpartition('/')[2]}"


def is_name(name: str) -> bool:
    """Whether a file of a package can be called that: such a name leads nowhere else."""
    if name in (MANIFEST, SIGNATURE, COVER, SUMS):
        return True
    return bool(_SEGMENT_FILE.fullmatch(name) or _CLIP_FILE.fullmatch(name))


def listed(manifest: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(pointer, entry with name or file, bytes, sha256) of every file that a manifest lists, in order."""
    for number, camera in enumerate(manifest["cameras"]):
        for index, segment in enumerate(camera["segments"]):
            yield f"/cameras/{number}/segments/{index}", {**segment, "name": segment["file"]}
        for kind in ("clips", "marked"):
            for index, entry in enumerate(camera[kind]):
                yield f"/cameras/{number}/{kind}/{index}", entry
    for index, entry in enumerate(manifest["files"]):
        yield f"/files/{index}", entry


def leaf_of(camera: str, segment: Mapping[str, Any]) -> SegmentLeaf:
    """What was sealed of a segment, as the manifest tells it."""
    return SegmentLeaf._make(camera if name == "camera" else segment[name] for name in SegmentLeaf._fields)


def holes(segments: list[dict[str, Any]], from_ns: int, to_ns: int, least_ns: int) -> list[tuple[int, int]]:
    """Stretches of from..to of at least `least_ns` that none of these segments covers, by corrected UTC."""
    spans = sorted((s["start_at_ns"] + s["correction_ns"], s["end_at_ns"] + s["correction_ns"]) for s in segments)
    found, at = [], from_ns
    for start, end in [*spans, (to_ns, to_ns)]:
        if min(start, to_ns) - at >= least_ns:
            found.append((at, min(start, to_ns)))
        at = max(at, end)
    return found
