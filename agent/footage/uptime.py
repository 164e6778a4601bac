"""How much of a stretch of time a camera of this board was recorded, by its index; core/availability.py measures."""

from __future__ import annotations

from pathlib import Path

from agent.core.availability import Availability, Start, Stretch, measure
from agent.core.chain import Stamp
from agent.core.clips import CONTIGUOUS_NS
from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex, Segment
from agent.footage.query import Between, Footage, corrected

NOW = "not recorded now"
LATE_NS = 10_000_000_000  # the newest footage may be this old: a second of it is gathered before it is written


def availability(
    camera: str, between: Between, now: Stamp, index: MediaIndex, footage: Footage, folder: Path
) -> Availability:
    """Of that time, up to now. `footage` asks `index`; folder: the files, for where the open one ends. FootageError."""
    to_ns = min(between.to_ns, now.at_ns)
    rows = sorted(footage.every_segment(camera, between), key=lambda one: one.seq)
    before = index.neighbour(camera, rows[0].seq) if rows else index.begun_before(camera, between.from_ns)
    last = rows[-1] if rows else before
    after = index.neighbour(camera, last.seq, later=True) if last is not None else None
    found = [corrected(one, footage.anchors) for one in (before, *rows, after) if one is not None]
    stretches = [_stretch(one, footage, folder) for one in found]
    causes: dict[Start, str] = {}
    if stretches and after is None:
        _up_to_now(stretches, causes, now)
    if len(stretches) > 1:
        wide = Between(min(between.from_ns, stretches[0].from_at_ns), max(to_ns, stretches[-1].to_at_ns) + 1)
        causes |= _causes(camera, wide, footage)
    return measure(stretches, causes, between.from_ns, to_ns, CONTIGUOUS_NS)


def _stretch(one: Segment, footage: Footage, folder: Path) -> Stretch:
    """A segment; of one that is being written, as far as its file goes."""
    end_mono, end_at = one.end_mono_ns, one.end_at_ns
    if end_mono is None or end_at is None:
        try:
            length = sum(part.to_ns - part.from_ns for part in footage.fragments(folder, one))
        except FootageError:
            length = 0
        end_mono, end_at = one.start_mono_ns + length, one.start_at_ns + length
    return Stretch(one.seq, one.boot, one.start_mono_ns, end_mono, one.start_at_ns, end_at)


def _up_to_now(stretches: list[Stretch], causes: dict[Start, str], now: Stamp) -> None:
    """Nothing has come since the newest footage: the hole ends now. What is still gathered is no hole."""
    last = stretches[-1]
    since = now.mono_ns - last.to_mono_ns if now.boot == last.boot else now.at_ns - last.to_at_ns
    if since > LATE_NS:
        stretches.append(Stretch(last.seq + 1, now.boot, now.mono_ns, now.mono_ns, now.at_ns, now.at_ns))
        causes[(now.boot, now.mono_ns)] = NOW
    elif since > 0:
        stretches[-1] = last._replace(to_mono_ns=last.to_mono_ns + since, to_at_ns=last.to_at_ns + since)


def _causes(camera: str, between: Between, footage: Footage) -> dict[Start, str]:
    """Why nothing was recorded before the footage that begins there, in short."""
    found: dict[Start, str] = {}
    page = footage.gaps(camera, between, limit=1000)
    while True:
        found |= {(gap.to_boot, gap.to_mono_ns): gap.cause.partition(": ")[0] for gap in page.items}
        if page.next is None:
            return found
        page = footage.gaps(camera, between, after=page.next, limit=1000)
