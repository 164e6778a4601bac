"""Judging an export package by what it says of itself, the hashes of its files, and the board's key. Pure.

Rules of this file:
- everything that is wrong is named: where it stands, and what is wrong with it; one fault hides no other;
- the signature shows that nothing was changed since the export; the seals show that nothing was before: each segment's
  leaf leads to a root that was journaled soon after its hour, and none of the sealed numbers in between is left out;
- what a package itself owns up to (a gap, a segment without a seal) is no fault. It is told as a note.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agent.core.chain import next_hash, row_from_canonical
from agent.core.merkle import root_of, segment_leaf
from agent.core.numbers import read_ranges
from agent.core.package import (
    CAMERAS_MAX,
    EXPORT,
    FORMAT,
    HEX64,
    MANIFEST,
    SEALS_MAX,
    SEGMENTS_MAX,
    SIGNATURE,
    SIGNATURE_SHAPE,
    VERSION,
    field_hashes,
    holes,
    is_name,
    leaf_of,
    listed,
    parsed,
    shape_faults,
    to_be_signed,
)
from agent.core.people import public_of
from agent.core.sealing import hour_of
from agent.core.signed import Verify, fits

HOLE_NS = 1_000_000_000  # what is shorter is jitter between two segments
OVERLAP_NS = 1_500_000_000
FIELDS_NAMED_MAX = 200
SIGNERS_MAX = 8
SEALS_TEXT_MAX = 32 * 1024 * 1024


class Fault(NamedTuple):
    """Something is wrong. where: a file, or manifest.json#POINTER; what: a word of TOLD; more: figures and names."""

    where: str
    what: str
    more: str = ""


class Present(NamedTuple):
    """A file as it is in the package."""

    bytes: int
    sha256: str


@dataclass
class Verdict:
    """What came of it. notes: true, and worth knowing. manifest: if it could be read; proven: segments under a seal."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    manifest: dict[str, Any] | None = None
    key_given: bool = False
    key: str = ""
    segments: int = 0
    proven: int = 0

    @property
    def good(self) -> bool:
        return not self.faults


def judge(
    manifest: bytes | None,
    signature: bytes | None,
    present: Mapping[str, Present],
    keys: Sequence[bytes],
    verify: Verify,
) -> Verdict:
    """`present`: every file there is, by name. `keys`: public keys of the board that are believed; none: that of the
    package itself, which proves only that it is of one piece."""
    verdict = Verdict(key_given=bool(keys))
    faults = verdict.faults
    told = None if manifest is None else parsed(manifest)
    signed = None if signature is None else parsed(signature)
    faults += _about_file(MANIFEST, manifest, told) + _about_file(SIGNATURE, signature, signed)
    if signed is not None:
        faults += [Fault(f"{SIGNATURE}#{at}", "shape", why) for at, why in shape_faults(signed, SIGNATURE_SHAPE)]
    whole = signed is not None and not any(fault.where.startswith(SIGNATURE) for fault in faults)
    if told is None or manifest is None:
        return verdict
    if whole and signed is not None:
        faults += _changed(manifest, told, signed)
    wrong = [Fault(f"{MANIFEST}#{at}", "shape", why) for at, why in shape_faults(told)] or list(_sizes(told))
    faults += wrong
    if wrong:
        return verdict
    verdict.manifest = told
    if whole and signed is not None:
        faults += _signatures(told, signed, keys, verify)
    verdict.key = next((one["key"] for one in told["signers"] if one["as"] == "board"), "")
    faults += _files(told, present)
    seals = _seals(told, verdict)
    for number in range(len(told["cameras"])):
        _camera(told, number, seals, verdict)
    return verdict


def _about_file(name: str, text: bytes | None, told: dict[str, Any] | None) -> list[Fault]:
    if text is None:
        return [Fault(name, "missing")]
    return [Fault(name, "unreadable")] if told is None else []


def _sizes(told: dict[str, Any]) -> Iterator[Fault]:
    if (told["format"], told["v"]) != (FORMAT, VERSION):
        yield Fault(f"{MANIFEST}#/v", "version", f"{told['format']} {told['v']}")
    if len(told["cameras"]) > CAMERAS_MAX or sum(len(c["segments"]) for c in told["cameras"]) > SEGMENTS_MAX:
        yield Fault(f"{MANIFEST}#/cameras", "shape", f"more than {CAMERAS_MAX} cameras or {SEGMENTS_MAX} segments")
    if len(told["seals"]) > SEALS_MAX or sum(len(seal["text"]) for seal in told["seals"]) > SEALS_TEXT_MAX:
        yield Fault(f"{MANIFEST}#/seals", "shape", f"more than {SEALS_MAX} seals")
    if len(told["signers"]) > SIGNERS_MAX:
        yield Fault(f"{MANIFEST}#/signers", "shape", f"more than {SIGNERS_MAX} signers")


# --- signatures ---


def _changed(manifest: bytes, told: dict[str, Any], signed: dict[str, Any]) -> list[Fault]:
    """What of the manifest is not as it was signed, field by field."""
    if hashlib.sha256(manifest).hexdigest() == signed["manifest"]:
        return []
    then, now = signed["fields"], field_hashes(told)
    found = [Fault(f"{MANIFEST}#{at}", "field-changed") for at in now if at in then and then[at] != now[at]]
    found += [Fault(f"{MANIFEST}#{at}", "field-added") for at in now if at not in then]
    found += [Fault(f"{MANIFEST}#{at}", "field-gone") for at in then if at not in now]
    rest = len(found) - FIELDS_NAMED_MAX
    more = [Fault(MANIFEST, "more-fields", str(rest))] if rest > 0 else []
    return [*(found[:FIELDS_NAMED_MAX] or [Fault(MANIFEST, "rewritten")]), *more]


def _signatures(told: dict[str, Any], signed: dict[str, Any], keys: Sequence[bytes], verify: Verify) -> Iterator[Fault]:
    """Each signer that the manifest names has signed, in that order, and the board with a key that is believed."""
    signers, given = told["signers"], signed["signatures"]
    if [one["as"] for one in signers] != [one["as"] for one in given] or not any(s["as"] == "board" for s in signers):
        yield Fault(SIGNATURE, "signers", f"{[s['as'] for s in signers]} / {[s['as'] for s in given]}")
        return
    for signer, one in zip(signers, given, strict=True):
        who = f"{signer['as']} {signer['who']}"
        try:
            public = public_of(signer["key"])
        except ValueError as error:
            yield Fault(f"{MANIFEST}#/signers", "no-key", f"{who}: {error}")
            continue
        what = to_be_signed(signed["manifest"], signed["fields"], signer)
        if signed["v"] != VERSION or not fits(public, one["sig"], EXPORT, what, verify):
            yield Fault(SIGNATURE, "forged", who)
        if signer["as"] == "board" and keys and public not in keys:
            yield Fault(SIGNATURE, "other-key", f"{who}: {signer['key']}")


# --- files ---


def _files(told: dict[str, Any], present: Mapping[str, Present]) -> Iterator[Fault]:
    """Every file is there, once, as listed, and none besides."""
    seen: dict[str, str] = {MANIFEST: "", SIGNATURE: ""}
    wanted = {entry["sha256"]: entry["name"] for _, entry in listed(told)}
    for at, entry in listed(told):
        name = entry["name"]
        if not is_name(name) or name in seen:
            yield Fault(f"{MANIFEST}#{at}", "name", name)
            continue
        seen[name] = entry["sha256"]
        found = present.get(name)
        if found is None:
            yield Fault(name, "missing")
        elif found.sha256 != entry["sha256"]:
            swapped = wanted.get(found.sha256)
            yield Fault(name, "swapped" if swapped else "changed", swapped or "")
        elif found.bytes != entry["bytes"]:
            yield Fault(f"{MANIFEST}#{at}/bytes", "wrong", f"{entry['bytes']} / {found.bytes}")
    for name in sorted(present.keys() - seen.keys()):
        yield Fault(
            name, "renamed" if present[name].sha256 in wanted else "extra", wanted.get(present[name].sha256, "")
        )


# --- seals ---


class _Sealed(NamedTuple):
    """A seal's row of the journal, read."""

    camera: str
    hour_ns: int
    numbers: list[tuple[int, int]]
    leaves: int
    root: str


def _seals(told: dict[str, Any], verdict: Verdict) -> dict[int, _Sealed]:
    """The seals whose rows hold together, by their number in the manifest."""
    found = {}
    for number, seal in enumerate(told["seals"]):
        row = _sealed(seal)
        if row is None:
            verdict.faults.append(Fault(f"{MANIFEST}#/seals/{number}", "seal", f"row {seal['row']}"))
        else:
            found[number] = row
    chain = told["chain"]
    if not HEX64.match(chain["hash"]):
        verdict.faults.append(Fault(f"{MANIFEST}#/chain/hash", "wrong", chain["hash"]))
    behind = [s["row"] for s in told["seals"] if s["epoch"] == chain["epoch"] and s["row"] > chain["seq"]]
    if behind:
        verdict.faults.append(Fault(f"{MANIFEST}#/chain/seq", "wrong", f"{chain['seq']} < {max(behind)}"))
    return found


def _sealed(seal: dict[str, Any]) -> _Sealed | None:
    """None if what is told of the row does not fit together."""
    try:
        row = row_from_canonical(seal["text"], bytes.fromhex(seal["hash"]))
        chained = next_hash(bytes.fromhex(seal["prev"]), seal["text"].encode()) == row.hash
        said: Any = row.values()
        read = _Sealed(row.source, said["hour_ns"], read_ranges(said["segments"]), said["leaves"], said["root"])
        count = sum(last - first + 1 for first, last in read.numbers)
        good = chained and row.seq == seal["row"] and row.kind == "footage.sealed" and len(seal["prev"]) == 64
        return read if good and count == read.leaves and HEX64.match(read.root) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _camera(told: dict[str, Any], number: int, seals: dict[int, _Sealed], verdict: Verdict) -> None:
    camera = told["cameras"][number]
    at = f"{MANIFEST}#/cameras/{number}"
    if camera["id"] not in told["asked"]["cameras"] or [c["id"] for c in told["cameras"]].count(camera["id"]) > 1:
        verdict.faults.append(Fault(f"{at}/id", "wrong", camera["id"]))
    for index, segment in enumerate(camera["segments"]):
        verdict.segments += 1
        where = f"{at}/segments/{index}"
        if not segment["file"].startswith(f"footage/{camera['id']}/{segment['seq']:08d}-"):
            verdict.faults.append(Fault(f"{where}/file", "name", segment["file"]))
        if segment["seal"] == -1:
            verdict.notes.append(Fault(segment["file"], "unproven", segment["unproven"]))
        elif _under_seal(camera["id"], segment, seals.get(segment["seal"])):
            verdict.proven += 1
        else:
            verdict.faults.append(Fault(segment["file"], "not-sealed", f"segment {segment['seq']} of {camera['id']}"))
    verdict.faults += _order(at, camera["segments"])
    verdict.faults += _left_out(camera, [seal for seal in seals.values() if seal.camera == camera["id"]])
    verdict.faults += _gaps(told, at, camera)
    verdict.notes += [Fault(camera["id"], "left-out", f"{one['segments']}: {one['why']}") for one in camera["missing"]]
    verdict.notes += [Fault(camera["id"], "gap", f"{g['from_ns']}-{g['to_ns']} {g['cause']}") for g in camera["gaps"]]


def _under_seal(camera: str, segment: dict[str, Any], seal: _Sealed | None) -> bool:
    """Whether the segment's leaf, at its place, leads to the root in that row, which is about this camera and hour."""
    if seal is None or seal.camera != camera or hour_of(segment["start_at_ns"]) != seal.hour_ns:
        return False
    seq = segment["seq"]
    below = sum(max(0, min(last, seq - 1) - first + 1) for first, last in seal.numbers)
    among = any(first <= seq <= last for first, last in seal.numbers)
    if not among or below != segment["place"] or not all(HEX64.match(step) for step in segment["path"]):
        return False
    steps = [bytes.fromhex(step) for step in segment["path"]]
    found = root_of(segment_leaf(leaf_of(camera, segment)), segment["place"], seal.leaves, steps)
    return found is not None and found.hex() == seal.root


def _order(at: str, segments: list[dict[str, Any]]) -> Iterator[Fault]:
    """Numbers rise; times do within a boot; nothing ends before it begins."""
    for index, segment in enumerate(segments):
        before = segments[index - 1] if index else None
        where = f"{at}/segments/{index}"
        if segment["end_mono_ns"] < segment["start_mono_ns"] or segment["end_at_ns"] < segment["start_at_ns"]:
            yield Fault(f"{where}/end_at_ns", "time", f"segment {segment['seq']}")
        if before is None:
            continue
        if segment["seq"] <= before["seq"]:
            yield Fault(f"{where}/seq", "order", f"{before['seq']}, {segment['seq']}")
        elif segment["boot"] == before["boot"] and segment["start_mono_ns"] + OVERLAP_NS < before["end_mono_ns"]:
            yield Fault(f"{where}/start_mono_ns", "time", f"segment {segment['seq']}")


def _left_out(camera: dict[str, Any], seals: list[_Sealed]) -> Iterator[Fault]:
    """Numbers between the first and the last that a seal knows, and that are neither here nor owned up to."""
    try:
        told = [span for one in camera["missing"] for span in read_ranges(one["segments"])]
    except ValueError:
        yield Fault(camera["id"], "shape", "missing")
        return
    here = [(segment["seq"], segment["seq"]) for segment in camera["segments"]]
    spans = sorted([*told, *here])
    between = [(a[1] + 1, b[0] - 1) for a, b in itertools.pairwise(spans) if b[0] - a[1] > 1]
    for seal in seals:
        for first, last in seal.numbers:
            for low, high in between:
                if max(first, low) <= min(last, high):
                    yield Fault(f"footage/{camera['id']}", "dropped", f"{max(first, low)}-{min(last, high)}")


def _gaps(told: dict[str, Any], at: str, camera: dict[str, Any]) -> Iterator[Fault]:
    """The gaps that are told are those that there are."""
    asked = told["asked"]
    found = holes(camera["segments"], asked["from_ns"], asked["to_ns"], HOLE_NS)
    said = [(gap["from_ns"], gap["to_ns"]) for gap in camera["gaps"]]
    for gap in sorted(set(found) - set(said)):
        yield Fault(f"{at}/gaps", "untold-gap", f"{gap[0]}-{gap[1]}")
    for gap in sorted(set(said) - set(found)):
        yield Fault(f"{at}/gaps", "no-gap", f"{gap[0]}-{gap[1]}")
