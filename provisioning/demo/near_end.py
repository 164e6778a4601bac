"""What the board itself has: its journal, clips, footage, and the relay times that the simulated board saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av

from agent.core.chain import Row
from agent.journal import Journal

PAGE = 1000


@dataclass
class NearEnd:
    """The board's own journal, whole, and the clips it cut (clip id -> file)."""

    epoch: str
    rows: list[Row] = field(default_factory=list)

    def of(self, kind: str, source: str = "") -> list[Row]:
        """Rows of one kind, and source if one is named."""
        return [row for row in self.rows if row.kind == kind and source in ("", row.source)]


def examine(journal_path: Path) -> NearEnd:
    """Read the journal. JournalError if there is none."""
    journal = Journal.open_to_read(journal_path)
    try:
        found = NearEnd(journal.epoch)
        while page := journal.read(len(found.rows), limit=PAGE):
            found.rows += page
        return found
    finally:
        journal.close()


def told_lost_s(near: NearEnd) -> float:
    """Seconds without a picture that the journal tells of: the camera's absences."""
    return sum(int(str(row.values()["lost_ms"])) for row in near.of("camera.restored")) / 1000


def footage_s(folder: Path) -> float:
    """Seconds of video in all segments, as a player would find them; a file that cannot be opened counts as nothing."""
    return sum(_seconds(path) for path in folder.rglob("*.mp4"))


def _seconds(path: Path) -> float:
    """From the first packet's time to the end of the last one."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            packets = [p for p in container.demux(stream) if p.pts is not None]
            if not packets or stream.time_base is None:
                return 0.0
            ticks = max(p.pts + (p.duration or 0) for p in packets) - min(p.pts for p in packets)
            return float(ticks * stream.time_base)
    except (av.FFmpegError, IndexError):
        return 0.0


def latencies_ms(edges_ns: Sequence[int], changes_ns: Sequence[int], settle_ms: int) -> list[float]:
    """For each edge the next change of the relay, less the settle time. An edge without one is left out."""
    found: list[float] = []
    ends = [*edges_ns[1:], 1 << 63]
    changes = sorted(changes_ns)
    for edge, end in zip(edges_ns, ends, strict=True):
        change = next((c for c in changes if edge < c < end), None)
        if change is not None:
            found.append((change - edge) / 1e6 - settle_ms)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed (nearest rank); 0.0 of nothing."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0
