"""Handing out footage: an export package (core/package.py says what one is), made under a grant and recorded first.

Order of things: the grant is judged and each camera's viewing is a row -> hours that run are sealed as far as they have
come -> files are copied and hashed, clips are cut -> manifest, signatures -> the row export.made -> the package gets
its name. Killed anywhere, there is a row too many rather than a package without one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agent.core.chain import Stamp, row_from_canonical
from agent.core.events import ExportMade, FootageDeleted
from agent.core.numbers import read_ranges, written
from agent.core.package import (
    COVER,
    EXPORT,
    FORMAT,
    MANIFEST,
    SEGMENTS_MAX,
    SIGNATURE,
    SUMS,
    VERSION,
    as_text,
    field_hashes,
    holes,
    segment_file,
    to_be_signed,
)
from agent.core.verdict import HOLE_NS
from agent.core.viewing import Use, Wanted
from agent.footage.cover import cover
from agent.footage.cut import NoFootage
from agent.footage.errors import FootageError, explain
from agent.footage.index import Segment
from agent.footage.packing import Package, Told, number_of, segment_entry, sums, why_not
from agent.footage.seal import Sealer
from agent.footage.viewing import Screen, Viewing, open_for_viewing
from agent.footage.watermark import Dots, mark
from agent.journal.files import sync_folder
from agent.journal.projections import every


class ExportError(FootageError):
    """There is nothing to export, or no place for it."""


class Signs(Protocol):
    """A key that is open (runtime/keys.py)."""

    @property
    def public_text(self) -> str: ...

    def sign(self, purpose: str, fields: dict[str, Any], /) -> str: ...


@dataclass(frozen=True)
class Receiver:
    """Who gets it. persons: each with the number of a card or badge; letter: number of the authority's letter."""

    name: str
    persons: tuple[str, ...] = ()
    letter: str = ""


@dataclass(frozen=True)
class Order:
    """What is exported for whom. viewer: whose grant it is; by, at: the account at the board, and from where;
    ahead_ms: by how much the board's clock was ahead of `compared` when somebody looked, "" if nobody did."""

    grant: str
    viewer: str
    cameras: tuple[str, ...]
    from_ns: int
    to_ns: int
    receiver: Receiver
    basis: str
    by: str
    at: str
    compared: str = ""
    ahead_ms: int = 0
    watermark: str = ""


@dataclass(frozen=True)
class Board:
    """Who makes it. purposes: what each camera is there for; reserve_bytes: what must stay free where footage lies."""

    site: str
    board: str
    timezone: str
    purposes: dict[str, str]
    signer: Signs
    program: str
    reserve_bytes: int = 0


@dataclass
class Made:
    """A package that was made. unproven: segments without a seal, and why; marking_s: what the watermark took."""

    path: Path
    export: str
    manifest: dict[str, Any]
    files: int = 0
    bytes: int = 0
    segments: int = 0
    unproven: list[str] = field(default_factory=list)
    marking_s: float = 0.0


class Exporter:
    """Makes packages of one board's footage. FootageError (ViewingRefused, ExportError) where it cannot."""

    def __init__(
        self,
        screen: Screen,
        board: Board,
        person: tuple[str, Signs] | None = None,
        dots: Dots | None = None,
        told: Told = lambda name: None,
    ) -> None:
        """person: who makes it, if they sign; dots: draws letters, for a watermark."""
        self._screen = screen
        self._board = board
        self._person = person
        self._dots = dots
        self._told = told
        self._sealer = Sealer(screen.footage, screen.index, screen.journal)

    def make(self, order: Order, out: Path) -> Made:
        """The package `out`, which must not be there yet."""
        if out.exists():
            raise ExportError(f"{out}: there is such a file already, and no package is ever overwritten")
        with contextlib.ExitStack() as stack:
            viewings = {}
            for camera in order.cameras:
                wanted = Wanted(camera, order.from_ns, order.to_ns, order.viewer, Use.EXPORT, order.by, order.at)
                viewings[camera] = stack.enter_context(open_for_viewing(order.grant, wanted, self._screen))
            rows = {camera: self._rows(viewing) for camera, viewing in viewings.items()}
            self._room(out, sum(row.bytes or 0 for found in rows.values() for row in found))
            self._sealer.seal_now(row for found in rows.values() for row in found)
            part = out.with_name(f".{out.name}.part")
            scratch = Path(f"{part}.d")
            stack.callback(_clear, part, scratch)
            _clear(part, scratch)  # of one that was killed
            try:
                scratch.mkdir(parents=True)
                return self._write(order, out, part, scratch, viewings, rows)
            except OSError as error:
                raise explain(error.filename or out, error) from error

    def _rows(self, viewing: Viewing) -> list[Segment]:
        """The viewing's segments as they were recorded, with the times that were sealed."""
        camera = viewing.wanted.camera
        found = [self._screen.index.segment(camera, one.seq) for one in viewing.segments]
        rows = [row for row in found if row is not None]
        if any(row.state == "open" for row in rows):
            raise ExportError(f"{camera}: the last of that time is still being recorded: again in two minutes")
        if not rows:
            raise ExportError(f"{camera}: no footage of that time: standpipe footage list --camera {camera}")
        if len(rows) > SEGMENTS_MAX:
            raise ExportError(f"{camera}: more than {SEGMENTS_MAX} segments: export less at once")
        return rows

    def _room(self, out: Path, footage_bytes: int) -> None:
        """Originals and clips must fit, and recording must not stop for it."""
        wanted = 2 * footage_bytes + footage_bytes // 4 + (8 << 20)
        out.parent.mkdir(parents=True, exist_ok=True)
        found = os.statvfs(out.parent)
        free = found.f_bavail * found.f_frsize
        if out.parent.stat().st_dev == self._screen.footage.stat().st_dev:
            wanted += self._board.reserve_bytes
        if free < wanted:
            raise ExportError(f"{out.parent}: {wanted >> 20} MiB are needed, {free >> 20} MiB are free: another --out")

    # --- writing ---

    def _write(
        self, order: Order, out: Path, part: Path, scratch: Path, viewings: dict[str, Viewing],
        rows: dict[str, list[Segment]],
    ) -> Made:  # fmt: skip
        now = self._screen.stamp()
        export = f"x-{time.strftime('%Y%m%d', time.gmtime(now.at_ns // 1_000_000_000))}-{os.urandom(4).hex()}"
        made = Made(out, export, self._heading(order, now, export, next(iter(viewings.values()))))
        with part.open("xb") as file:
            with Package(file, now, self._told) as package:
                seals: dict[tuple[str, int], int] = {}
                for camera, viewing in viewings.items():
                    told = self._camera(order, camera, viewing, rows[camera], seals, package, made, scratch)
                    made.manifest["cameras"].append(told)
                package.text(COVER, cover(made.manifest).encode())
                package.text(SUMS, sums(package.entries))
                made.manifest["files"] = [package.entries[name] for name in (COVER, SUMS)]
                manifest = as_text(made.manifest)
                package.text(MANIFEST, manifest)
                package.text(SIGNATURE, self._signed(made.manifest, manifest))
            file.flush()
            os.fsync(file.fileno())
        made.files, made.bytes = len(package.entries), part.stat().st_size
        self._record(order, made, rows, manifest)
        part.rename(out)
        sync_folder(out.parent)
        return made

    def _heading(self, order: Order, now: Stamp, export: str, viewing: Viewing) -> dict[str, Any]:
        """The manifest without its cameras and files."""
        seq, head = self._screen.journal.head()
        board, receiver = self._board, order.receiver
        signers = [{"as": "board", "who": f"{board.site}/{board.board}", "key": board.signer.public_text}]
        if self._person is not None:
            signers.append({"as": "person", "who": self._person[0], "key": self._person[1].public_text})
        return {
            "format": FORMAT,
            "v": VERSION,
            "export": export,
            "made": {"at_ns": now.at_ns, "clock": now.clock, "by": order.viewer, "program": board.program},
            "site": {"id": board.site, "board": board.board, "timezone": board.timezone},
            "asked": {"cameras": list(order.cameras), "from_ns": order.from_ns, "to_ns": order.to_ns},
            "receiver": {"name": receiver.name, "persons": list(receiver.persons), "letter": receiver.letter},
            "basis": order.basis,
            "purpose": viewing.grant.purpose,
            "grant": order.grant,
            "clock": {"state": now.clock, "compared": order.compared, "ahead_ms": order.ahead_ms},
            "chain": {"epoch": self._screen.journal.epoch, "seq": seq, "hash": head.hex()},
            "seals": [],
            "cameras": [],
            "files": [],
            "signers": signers,
        }

    def _camera(
        self, order: Order, camera: str, viewing: Viewing, rows: list[Segment], seals: dict[tuple[str, int], int],
        package: Package, made: Made, scratch: Path,
    ) -> dict[str, Any]:  # fmt: skip
        proofs = self._sealer.proofs(rows)
        ahead = {one.seq: one.start_at_ns for one in viewing.segments}
        segments, gone = [], []
        for row, (_, path) in zip(rows, viewing.files(), strict=True):
            try:
                entry = package.file(segment_file(camera, row.path), path)
            except FileNotFoundError:
                gone.append(row.seq)
                continue
            proof = proofs.get(row.seq)
            why = why_not(row, entry, proof)
            segments.append(segment_entry(row, entry, ahead[row.seq] - row.start_at_ns, None if why else proof, why))
            segments[-1]["seal"] = -1 if why or proof is None else number_of(proof, seals, made.manifest["seals"])
            made.unproven += [f"{entry['name']}: {why}"] if why else []
        made.segments += len(segments)
        clips, marked = self._clips(camera, viewing, package, order, made, scratch)
        found = holes(segments, order.from_ns, order.to_ns, HOLE_NS)
        return {
            "id": camera,
            "purpose": self._board.purposes.get(camera, ""),
            "segments": segments,
            "gaps": [{"from_ns": a, "to_ns": b, "cause": self._cause(camera, a, b)} for a, b in found],
            "missing": self._missing(camera, segments, gone, seals, made.manifest["seals"]),
            "clips": clips,
            "marked": marked,
        }

    def _clips(
        self, camera: str, viewing: Viewing, package: Package, order: Order, made: Made, scratch: Path
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What was asked for as MP4s that play anywhere, and those once more with the watermark."""
        clips, marked = [], []
        try:
            cuts = viewing.cut(scratch / f"{camera}.mp4", {"export": made.export})
        except NoFootage:
            return [], []
        for one in cuts:
            entry = package.file(f"clips/{one.path.name}", one.path)
            began = (one.start.boot, one.start.clock, one.start.mono_ns, one.start.at_ns, one.end.mono_ns)
            names = ("boot", "clock", "start_mono_ns", "start_at_ns", "end_mono_ns")
            clips.append({**entry, **dict(zip(names, began, strict=True)), "damaged": one.damaged})
            if order.watermark and self._dots is not None:
                self._told(f"marked/{one.path.name}")
                copy = scratch / f"marked-{one.path.name}"
                made.marking_s += mark(one.path, copy, order.watermark, self._dots)
                entry = package.file(f"marked/{one.path.name}", copy)
                marked.append({**entry, "text": order.watermark})
                copy.unlink()
            one.path.unlink()
        return clips, marked

    def _cause(self, camera: str, from_ns: int, to_ns: int) -> str:
        told = {
            gap.cause
            for gap in self._screen.index.gaps(camera)
            if gap.from_at_ns < to_ns + HOLE_NS and gap.to_at_ns > from_ns - HOLE_NS
        }
        return ", ".join(sorted(told))[:200] or "nothing is recorded"

    def _missing(
        self, camera: str, segments: list[dict[str, Any]], gone: list[int], seals: dict[tuple[str, int], int],
        told: list[dict[str, Any]],
    ) -> list[dict[str, str]]:  # fmt: skip
        """Numbers between the first and the last that are sealed and not in the package, and why not."""
        here = {segment["seq"] for segment in segments}
        if not here:
            return [{"segments": written(gone), "why": "its file is gone"}] if gone else []
        why: dict[int, str] = {}
        for span in self._sealed(camera, seals, told):
            for seq in range(max(span[0], min(here)), min(span[1], max(here)) + 1):
                if seq not in here:
                    why[seq] = "its file is gone" if seq in gone else self._why_gone(camera, seq)
        grouped: dict[str, list[int]] = {}
        for seq, reason in why.items():
            grouped.setdefault(reason, []).append(seq)
        return [{"segments": written(seqs), "why": reason} for reason, seqs in grouped.items()]

    def _sealed(
        self, camera: str, seals: dict[tuple[str, int], int], told: list[dict[str, Any]]
    ) -> Iterator[tuple[int, int]]:
        for number in seals.values():
            row = row_from_canonical(told[number]["text"], bytes.fromhex(told[number]["hash"]))
            if row.source == camera:
                yield from read_ranges(str(row.values()["segments"]))

    def _why_gone(self, camera: str, seq: int) -> str:
        row = self._screen.index.segment(camera, seq)
        if row is not None:
            return "another time by the board's clock" if row.state != "deleting" else "being deleted"
        for deleted in every(self._screen.journal, FootageDeleted.KIND, source=camera):
            if any(a <= seq <= b for a, b in read_ranges(str(deleted.values()["segments"]))):
                return f"deleted: row {deleted.seq} of the journal"
        return "not there any more"

    # --- signing and recording ---

    def _signed(self, told: dict[str, Any], manifest: bytes) -> bytes:
        digest, fields = hashlib.sha256(manifest).hexdigest(), field_hashes(told)
        keys = {"board": self._board.signer}
        if self._person is not None:
            keys["person"] = self._person[1]
        signatures = [
            {"as": one["as"], "sig": keys[one["as"]].sign(EXPORT, to_be_signed(digest, fields, one))}
            for one in told["signers"]
        ]
        return as_text({"v": VERSION, "manifest": digest, "fields": fields, "signatures": signatures})

    def _record(self, order: Order, made: Made, rows: dict[str, list[Segment]], manifest: bytes) -> None:
        here = {one["id"]: [s["seq"] for s in one["segments"]] for one in made.manifest["cameras"]}
        self._screen.journal.append(
            ExportMade(
                source=made.export,
                export=made.export,
                cameras=list(rows),
                from_ns=order.from_ns,
                to_ns=order.to_ns,
                segments={camera: written(seqs) for camera, seqs in here.items()},
                files=made.files,
                bytes=made.bytes,
                receiver=order.receiver.name,
                basis=order.basis,
                purpose=made.manifest["purpose"],
                by=order.viewer,
                signed=self._person is not None,
                watermark=order.watermark,
                request=order.grant,
                digest=hashlib.sha256(manifest).hexdigest(),
            )
        )


def _clear(part: Path, scratch: Path) -> None:
    part.unlink(missing_ok=True)
    shutil.rmtree(scratch, ignore_errors=True)
