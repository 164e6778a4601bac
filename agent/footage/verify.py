"""Verifying an export package: a zip, or the folder it was unpacked to. Needs the package and the board's public key.

Rules of this file:
- a package may come from anybody: nothing of it is unpacked but one segment at a time, into a file of ours that is
  gone at once, and everything that is read is bounded by what is really there;
- core/verdict.py judges what the manifest says. Here its words are compared with the files themselves: each segment
  tells its own camera, number and times, and every picture of a clip must be the one that stands in the segments.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.core.clips import CONTIGUOUS_NS
from agent.core.package import MANIFEST, MANIFEST_BYTES_MAX, SIGNATURE
from agent.core.signed import Verify
from agent.core.verdict import Fault, Present, Verdict, judge
from agent.footage.boxes import BoxError, samples
from agent.footage.errors import FootageError
from agent.footage.layout import TICKS_PER_S
from agent.footage.movie import sample_entries
from agent.footage.opened import Member, open_package
from agent.footage.reading import Found, piece_holds, read_segment
from agent.footage.tables import Placed, movie_samples

SEGMENT_BYTES_MAX = 4 * 1024 * 1024 * 1024
MOOF_BYTES_MAX = 16 * 1024 * 1024
SLACK_NS = 1_000_000
_CHUNK = 1 << 20

Progress = Callable[[int, int], object]  # (bytes read, of so many)


def verify_package(
    path: Path, keys: Sequence[bytes], verify: Verify, progress: Progress = lambda done, total: None
) -> Verdict:
    """What is wrong with the package, and what it proves. OSError if there is none, or it may not be read."""
    members, faults = open_package(path)
    texts = {}
    for name in (MANIFEST, SIGNATURE):
        one = members.get(name)
        texts[name] = None if one is None else one.read(0, MANIFEST_BYTES_MAX + 1)
    small = {name: one for name, one in members.items() if name not in texts or one.size <= MANIFEST_BYTES_MAX}
    present = {}
    for name, found, crc in _hashed(small, progress):
        present[name] = found
        if members[name].crc not in (None, crc):
            faults.append(Fault(name, "no-zip"))
    verdict = judge(texts[MANIFEST], texts[SIGNATURE], present, keys, verify)
    verdict.faults[:0] = faults
    if verdict.manifest is not None:
        bad = {fault.where for fault in verdict.faults}
        sound = {name: member for name, member in members.items() if name not in bad}
        for camera in verdict.manifest["cameras"]:
            verdict.faults += _contents(camera, sound, verdict)
    return verdict


def _hashed(members: dict[str, Member], progress: Progress) -> Iterator[tuple[str, Present, int]]:
    """(name, size and SHA-256, CRC-32) of each."""
    total, done = sum(one.size for one in members.values()), 0
    for name, member in members.items():
        digest, size, crc = hashlib.sha256(), 0, 0
        for chunk in member.chunks():
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            progress(done + size, total)
        done += size
        yield name, Present(size, digest.hexdigest()), crc


# --- what the files say themselves ---


class _Picture(NamedTuple):
    """A picture of a segment: when it was taken (monotonic), and where its bytes are."""

    mono_ns: int
    member: Member
    at: int
    size: int
    duration: int
    offset: int
    sync: bool
    follows: bool  # the one before, without a hole


def _contents(camera: dict[str, Any], members: dict[str, Member], verdict: Verdict) -> Iterator[Fault]:
    """Segments that tell something else about themselves than the manifest, and clips that are not out of them."""
    whole = all(segment["file"] in members for segment in camera["segments"])
    clips = [_Clip(clip, members[clip["name"]]) for clip in camera["clips"] if whole and clip["name"] in members]
    for segment in camera["segments"]:
        member = members.get(segment["file"])
        if member is None:
            continue
        try:
            with _as_file(member) as path:
                found = read_segment(path)
                broken = _broken(path, found)
            if broken:
                verdict.notes.append(Fault(segment["file"], "damaged", broken))
            yield from _telling(camera["id"], segment, found, whole=not broken or segment["seal"] >= 0)
            mine = [clip for clip in clips if clip.boot == segment["boot"]]
            for clip in mine:
                clip.formats.add(sample_entries(found.init))
            for picture in _pictures(member, found) if mine else ():
                for clip in mine:
                    clip.see(picture)
        except (FootageError, BoxError, struct.error, ValueError) as error:
            verdict.notes.append(Fault(segment["file"], "damaged", _plain(error)))
    for clip in clips:
        yield from clip.ended()
        verdict.notes += [Fault(clip.name, "damaged", one) for one in clip.damaged]


def _plain(error: Exception) -> str:
    """Without the name of the file of ours that it was read from."""
    return str(error).partition(": ")[2] or str(error)


@contextlib.contextmanager
def _as_file(member: Member) -> Iterator[Path]:
    """A segment as a file of its own: where it lies, or copied out of the zip for as long as it is looked at."""
    if member.size > SEGMENT_BYTES_MAX:
        raise ValueError("larger than any segment")
    if member.at == 0:
        yield member.path
        return
    with tempfile.NamedTemporaryFile(prefix="standpipe-verify-") as file:
        for chunk in member.chunks():
            file.write(chunk)
        file.flush()
        yield Path(file.name)


def _broken(path: Path, found: Found) -> str:
    """Where a segment does not hold by its own check sums, "" if it does."""
    with path.open("rb", buffering=0) as file:
        bad = [str(piece.at) for piece in found.pieces if not piece_holds(file.fileno(), piece)]
    if bad:
        return f"at byte {', '.join(bad[:5])}"
    return "" if found.ending is not None else "without its end"


def _telling(camera: str, segment: dict[str, Any], found: Found, *, whole: bool) -> Iterator[Fault]:
    """What the file says of itself against what the manifest says of it; its end only if it is whole."""
    if not found.pieces:
        yield Fault(segment["file"], "empty")
        return
    first, last = found.pieces[0].start, found.pieces[-1].end
    said = {
        "camera": found.camera,
        "seq": found.seq,
        "boot": found.boot,
        "clock": first.clock,
        "start_mono_ns": first.mono_ns,
        "start_at_ns": first.at_ns,
        "end_mono_ns": last.mono_ns,
        "end_at_ns": last.at_ns,
        "frames": sum(piece.frames for piece in found.pieces),
    }
    for name, value in said.items() if whole else list(said.items())[:6]:
        told = camera if name == "camera" else segment[name]
        if told != value:
            yield Fault(segment["file"], "tells-other", f"{name}: {value}, not {told}")


def _pictures(member: Member, found: Found) -> Iterator[_Picture]:
    end_ns = None
    for piece in found.pieces:
        if piece.moof_bytes > MOOF_BYTES_MAX:
            raise BoxError("tables of more than 16 MiB in a fragment")
        at, ticks = piece.at + piece.moof_bytes + 8, 0
        follows = end_ns is None or piece.start.mono_ns - end_ns <= CONTIGUOUS_NS
        for one in samples(member.read(piece.at, piece.moof_bytes)):
            mono_ns = piece.start.mono_ns + ticks * 1_000_000_000 // TICKS_PER_S
            yield _Picture(mono_ns, member, at, one.size, one.duration, one.offset, one.sync, follows)
            at, ticks, follows = at + one.size, ticks + one.duration, True
        end_ns = piece.end.mono_ns


class _Clip:
    """A clip that is compared with the pictures of the segments, as they are seen one after another."""

    def __init__(self, told: dict[str, Any], member: Member) -> None:
        self.name, self.boot, self.damaged = told["name"], told["boot"], told["damaged"]
        self.formats: set[bytes] = set()
        self._told = told
        self._member = member
        self._faults: list[Fault] = []
        self._before: tuple[int, Placed, _Picture] | None = None
        self._number = 0
        self._entries = b""
        self._next: Placed | None = None
        try:
            self._left, self._entries = movie_samples(member.read, member.size)
            self._next = next(self._left, None)
        except (BoxError, struct.error) as error:
            self._over(Fault(self.name, "no-clip", str(error)))

    def see(self, picture: _Picture) -> None:
        """The next picture of the segments."""
        if self._before is None and picture.mono_ns < self._told["start_mono_ns"]:
            return
        self._stood(picture)
        if self._next is None:
            return
        if self._before is None and picture.mono_ns - self._told["start_mono_ns"] > SLACK_NS:
            self._over(Fault(self.name, "time", "its beginning"))
        elif _same(self._next, picture, self._member):
            self._number += 1
            self._before = (self._number, self._next, picture)
            self._take()
        elif not self.damaged:
            self._over(Fault(self.name, "not-those", f"picture {self._number + 1}"))

    def _take(self) -> None:
        try:
            self._next = next(self._left, None)
        except (BoxError, struct.error) as error:
            self._over(Fault(self.name, "no-clip", str(error)))

    def _stood(self, after: _Picture | None) -> None:
        """The picture before stands as long in the clip as it did, or until the hole after it is over."""
        if self._before is None or self._faults or self._next is None:
            return
        number, clip, original = self._before
        hole = after is None or not after.follows or after.member is not original.member or bool(self.damaged)
        if clip.duration != original.duration and not (hole and clip.duration > original.duration):
            self._over(Fault(self.name, "time", f"picture {number}"))

    def _over(self, fault: Fault) -> None:
        self._faults.append(fault)
        self._next = None

    def ended(self) -> Iterator[Fault]:
        """What was wrong with it."""
        if self._faults:
            yield from self._faults
        elif self._before is None or self._next is not None:
            yield Fault(self.name, "not-those", f"picture {self._number + 1}")
        elif not _made_of(self._entries, self.formats):
            yield Fault(self.name, "other-format")
        else:
            _, clip, original = self._before
            end_ns = original.mono_ns + clip.duration * 1_000_000_000 // TICKS_PER_S
            if clip.duration != original.duration or abs(end_ns - self._told["end_mono_ns"]) > SLACK_NS:
                yield Fault(self.name, "time", "its end")


def _made_of(entries: bytes, formats: set[bytes]) -> bool:
    """Whether the clip's picture formats are those of the segments, one after another."""
    left = entries
    while left:
        fitting = next((one for one in formats if one and left.startswith(one)), None)
        if fitting is None:
            return False
        left = left[len(fitting) :]
    return True


def _same(picture: Placed, original: _Picture, member: Member) -> bool:
    about = (picture.size, picture.offset, picture.sync)
    if about != (original.size, original.offset, original.sync):
        return False
    for at in range(0, picture.size, _CHUNK):
        count = min(_CHUNK, picture.size - at)
        if member.read(picture.at + at, count) != original.member.read(original.at + at, count):
            return False
    return True
