"""What every job needs: the site, its journal, its index, the time, and what people have signed."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.config import SiteConfig, here_of
from agent.core.chain import Row, Stamp
from agent.core.commands import Now
from agent.core.events import Signal, TroubleCleared, TroubleRaised
from agent.core.retention import OFF_NS, clock_refusal
from agent.footage.index import MediaIndex
from agent.footage.volume import MIB, Volume
from agent.journal import Journal
from agent.journal.approvals import Approval, approved
from agent.journal.files import make
from agent.journal.projections import every, told_time
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

SOURCE = "jobs"
NS = 1_000_000_000


class Desk:
    """A context manager: opens journal and index. JournalError, FootageError if they cannot be used."""

    def __init__(self, paths: Paths, site: SiteConfig, stamp: Callable[[], Stamp]) -> None:
        self.paths = paths
        self.site = site
        self.zone = _zone(site.site.timezone)
        self.volume = Volume(paths.footage, paths.data, site.retention.reserve_mb * MIB)
        self._stamp = stamp
        self.journal = Journal.open(paths.journal, paths.bell, stamp)
        self.index = MediaIndex(paths.media)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.index.close()
        self.journal.close()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One pass at a time, whoever started it: waits for another to end."""
        path = self.paths.run / "jobs.lock"
        make(path)
        with path.open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def holds_path(self) -> Path:
        return Path(self.site.holds.path) if self.site.holds.path else self.paths.data / "holds"

    def now(self) -> Stamp:
        """Now; a clock that somebody told the time in this boot counts as one that is kept by nothing."""
        told = told_time(self.journal, self._stamp())
        return told._replace(clock="rtc") if told.clock == "told" else told

    def age_ns(self, row: Row) -> int:
        """How old a row is; more than anything where that cannot be told."""
        now = self.now()
        if row.boot == now.boot:
            return now.mono_ns - row.mono_ns
        return now.at_ns - row.at_ns if "unset" not in (now.clock, row.clock) and now.at_ns >= row.at_ns else 2**62

    def clock_refusal(self, now: Stamp) -> str:
        """Why ages cannot be told now, "" if they can."""
        carried = every(self.journal, "retention.ran")
        before = self.journal.last("retention.ran") or next(carried, None) or self._first_row()
        said = self.journal.last("clock.set")
        told_ns = None
        if said is not None and (before is None or said.seq > before.seq):
            values: Any = said.values()
            if values["by"] == "person" and values["boot"] == now.boot:
                told_ns = values["at_ns"] + now.mono_ns - values["mono_ns"]
        stamp = None if before is None else Stamp(before.at_ns, before.boot, before.mono_ns, before.clock)
        return clock_refusal(now, stamp, told_ns)

    def _first_row(self) -> Row | None:
        """The oldest row whose time could be trusted; of a journal's first thousand."""
        return next((row for row in self.journal.read(limit=1000) if row.clock in OFF_NS), None)

    # --- what people signed ---

    def approved(self, what: str, now: Stamp) -> list[Approval]:
        """What was asked for, approved by a second person, and stands now, oldest first."""
        return approved(self.journal, what, here_of(self.site, verify), Now(now.at_ns // NS, now.clock, now.boot))

    def answered(self, *kinds: str) -> set[str]:
        """Requests that rows of these kinds name: dealt with."""
        return {str(row.values()["request"]) for row in every(self.journal, *kinds)}

    # --- troubles ---

    def troubles(self) -> dict[str, str]:
        """what -> detail of the troubles that jobs raised and that stand."""
        found: dict[str, str] = {}
        for row in every(self.journal, "trouble.raised", "trouble.cleared", source=SOURCE):
            values = row.values()
            if row.kind == "trouble.raised":
                found[str(values["what"])] = str(values["detail"])
            else:
                found.pop(str(values["what"]), None)
        return found

    def tell(self, family: str, present: dict[str, str]) -> None:
        """Raise the troubles (what -> detail) that are present, clear those whose name begins so and that are not."""
        standing = self.troubles()
        for what, detail in present.items():
            if what not in standing:
                self.journal.append(TroubleRaised(source=SOURCE, signal=Signal.TROUBLE, what=what, detail=detail))
        for what in [what for what in standing if what.startswith(family) and what not in present]:
            self.journal.append(TroubleCleared(source=SOURCE, signal=Signal.TROUBLE, what=what, detail="over"))


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
