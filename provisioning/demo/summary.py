"""The table at the end, and what is missing. Pure: it is handed what both ends have."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from demo.far_end import FarEnd
from demo.near_end import NearEnd, percentile
from demo.words import Words

FOOTAGE_SLACK_S = 6.0  # one kill -9: a restart, a new connection up to its first keyframe, one fragment


@dataclass(frozen=True)
class Ran:
    """One program's cost. deaths: how it died unasked."""

    name: str
    rss_mib: float
    cpu_s: float
    lives: int
    deaths: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class Footage:
    """Seconds of video kept, seconds of the time it should cover, seconds that the journal says are not there."""

    kept_s: float
    spanned_s: float
    told_s: float

    @property
    def lost_s(self) -> float:
        return max(0.0, self.spanned_s - self.kept_s)


@dataclass(frozen=True)
class Figures:
    """All that is judged."""

    near: NearEnd
    far: FarEnd
    footage: Footage
    latencies_ms: Sequence[float]
    settle_ms: int
    walk_edges: int
    ran: Sequence[Ran]


def table(f: Figures, words: Words) -> list[tuple[str, str]]:
    """(what, value) lines."""
    written, missing = len(f.near.rows), len(missing_rows(f))
    lines = [
        (
            words("sum.rows"),
            words("sum.rows.v", written=written, delivered=written - missing, missing=missing, double=f.far.double),
        ),
        (words("sum.chain"), _chain(f, words)),
        (words("sum.clips"), words("sum.clips.v", **clip_counts(f))),
        (
            words("sum.footage"),
            words(
                "sum.footage.v",
                kept=f"{f.footage.kept_s:.1f}",
                lost=f"{f.footage.lost_s:.1f}",
                told=f"{f.footage.told_s:.1f}",
                gaps=len(f.near.of("footage.gap")),
            ),
        ),
        (words("sum.latency"), _latency(f, words)),
    ]
    return lines + [(one.name, _cost(one, words)) for one in f.ran]


def _chain(f: Figures, words: Words) -> str:
    if f.far.broken:
        return words("sum.chain.bad", why=f.far.broken)
    head = f.far.hashes[max(f.far.hashes)].hex()[:16] if f.far.hashes else "-"
    return words("sum.chain.v", rows=len(f.far.hashes), head=head)


def _latency(f: Figures, words: Words) -> str:
    p50, p99 = (f"{percentile(f.latencies_ms, share):.1f}" for share in (0.5, 0.99))
    return words("sum.latency.v", p50=p50, p99=p99, settle=f.settle_ms, count=len(f.latencies_ms))


def _cost(one: Ran, words: Words) -> str:
    lives = words("sum.lives", lives=one.lives) if one.lives > 1 else ""
    return words("sum.process.v", rss=f"{one.rss_mib:5.1f}", cpu=f"{one.cpu_s:5.1f}", lives=lives)


def missing_rows(f: Figures) -> list[int]:
    """Rows of the board that the far end does not have, or has with another hash."""
    return [row.seq for row in f.near.rows if f.far.hashes.get(row.seq) != row.hash]


def clip_counts(f: Figures) -> dict[str, int]:
    """wanted, sent, equal (hash of the row, of the transfer and of the file at the far end), failed."""
    wanted = sum(len(_cameras(row.values()["cameras"])) for row in f.near.of("clip.requested"))
    sent = set(f.far.files.values())
    ready = [str(row.values()["sha256"]) for row in f.near.of("clip.ready")]
    return {
        "wanted": wanted,
        "sent": sum(hash_ in sent for hash_ in ready),
        "equal": sum(hash_ in sent and hash_ in f.far.on_disk for hash_ in ready),
        "failed": len(f.near.of("clip.failed")),
    }


def _cameras(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def faults(f: Figures, words: Words) -> list[str]:
    """Everything that is not as it must be, in words. Empty: the demonstration has passed."""
    return [*_row_faults(f, words), *_clip_faults(f, words), *_site_faults(f, words)]


def _row_faults(f: Figures, words: Words) -> list[str]:
    found = []
    if missing := missing_rows(f):
        found.append(words("bad.rows", which=", ".join(map(str, missing[:10])) + (" ..." if missing[10:] else "")))
    if f.far.double:
        found.append(words("bad.double", double=f.far.double))
    if f.far.broken or not f.far.hashes:
        found.append(words("bad.chain", why=f.far.broken or "-"))
    return found


def _clip_faults(f: Figures, words: Words) -> list[str]:
    counts = clip_counts(f)
    if counts["wanted"] and counts["equal"] == counts["wanted"]:
        return []
    return [words("bad.clips", which=words("sum.clips.v", **counts))]


def _site_faults(f: Figures, words: Words) -> list[str]:
    found = []
    unexplained = f.footage.lost_s - f.footage.told_s
    if unexplained > FOOTAGE_SLACK_S or not f.footage.kept_s:
        found.append(words("bad.footage", why=f"{unexplained:.1f} s"))
    changes = len(f.near.of("point.changed", "cabinet-door"))
    if changes != f.walk_edges or len(f.latencies_ms) != f.walk_edges:
        which = f"{f.walk_edges} edges -> {changes} point.changed, {len(f.latencies_ms)} relay"
        found.append(words("bad.expected", which=which))
    for one in f.ran:
        found += [words("bad.death", name=one.name, how=how, said=one.said) for how in one.deaths]
    return found


def width(text: str) -> int:
    """Columns on a terminal; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def aligned(lines: Sequence[tuple[str, str]]) -> list[str]:
    """The table's lines with its first column at one width."""
    widest = max(width(name) for name, _ in lines)
    return [f"  {name}{' ' * (widest - width(name))}  {value}" for name, value in lines]
