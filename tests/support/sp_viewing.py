"""Footage that plays, people with keys, and grants on it, for tests of whatever shows or hands out footage."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

from sp_footage import AT_NS, NS, fragments, stamp, write_segment
from sp_people import Person

from agent.config import here_of, load
from agent.core.chain import Stamp
from agent.core.events import ApprovalRequested, Event
from agent.core.viewing import Grant, Use, Wanted, Why, scope_of
from agent.footage.index import MediaIndex
from agent.footage.layout import Fragment
from agent.footage.viewing import Screen
from agent.journal import Journal
from agent.journal.approvals import request_of
from agent.journal.projections import approvals
from agent.runtime.keys import verify
from agent.runtime.paths import Paths

SITE = """
[site]
id = "plant"
board = "pump-house"

[[camera]]
id = "yard"
source = "testcard:"

[viewing]
granted_by = ["manager", "supervisor"]
"""


@functools.cache
def _parts(n: int) -> list[Fragment]:
    return fragments(20, first=20 * n, start=stamp(100 + 2 * n))


class ViewingSite:
    """A board whose camera `yard` recorded segments of 2 s from second 100 of a boot on; now is second 1000."""

    def __init__(self, folder: Path, segments: int = 3, text: str = SITE) -> None:
        self.paths = Paths(folder / "site.toml", folder / "data", folder / "run")
        self.paths.footage.mkdir(parents=True)
        self.paths.run.mkdir()
        self.anna, self.chen, self.li = (
            Person("anna", "operator"),
            Person("chen", "supervisor"),
            Person("li", "manager"),
        )
        self.paths.site.write_text(text + self.anna.section + self.chen.section + self.li.section)
        self.now: Stamp = stamp(1000)
        self.index = MediaIndex(self.paths.media)
        for n in range(segments):
            write_segment(self.paths.footage, n + 1, _parts(n), index=self.index)
        self.journal = Journal.open(self.paths.journal, self.paths.bell, lambda: self.now)

    def close(self) -> None:
        self.index.close()
        self.journal.close()

    @property
    def screen(self) -> Screen:
        here = here_of(load(self.paths.site), verify)
        return Screen(self.journal, self.index, self.paths.footage, here, lambda: self.now)

    def at(self, seconds: float) -> int:
        """UTC of a moment of the boot."""
        return AT_NS + int(seconds * NS)

    def ask(
        self, start_s: float, end_s: float, *, by: Person | None = None, **changes: object
    ) -> tuple[str, dict[str, str]]:
        """Somebody asks to view; the request's number and its scope."""
        who = by or self.anna
        about = {"viewer": "wang", "why": Why.INCIDENT, "purpose": "who opened the valve", "cameras": ("yard",)}
        made = Grant(id="g-1", from_ns=self.at(start_s), to_ns=self.at(end_s), **{**about, **changes})  # type: ignore[arg-type]
        scope = scope_of(made)
        asked = who.asks(made.id, "footage.view", scope, "asked for")
        told = {"request": asked.id, "what": asked.kind, "by": who.id, "reason": asked.reason, "key": asked.key}
        self.journal.append(ApprovalRequested(source="cli", scope=scope, sig=asked.sig, **told))
        return made.id, scope

    def sign(self, request: str, scope: dict[str, str], *, person: Person | None = None, **changes: object) -> None:
        """A verdict on it, for an hour from now, written down whether or not it stands."""
        iat = self.now.at_ns // NS
        fields = {"scope": scope, "iat": iat, "exp": iat + 3600, **changes}
        asked = request_of(approvals(self.journal)[request])
        self.journal.append((person or self.chen).states(asked, **fields).event())

    def granted(self, start_s: float, end_s: float, **changes: object) -> str:
        """A grant that stands; its number."""
        request, scope = self.ask(start_s, end_s, **changes)  # type: ignore[arg-type]
        self.sign(request, scope)
        return request

    def wanted(self, start_s: float, end_s: float, **changes: object) -> Wanted:
        about = {"camera": "yard", "viewer": "wang", "use": Use.PLAY, "by": "root", "at": "tty1"}
        return Wanted(from_ns=self.at(start_s), to_ns=self.at(end_s), **{**about, **changes})  # type: ignore[arg-type]

    def rows(self, *kinds: str) -> list[dict[str, object]]:
        return [row.values() for row in self.journal.read(kinds=kinds)]

    def note(self, *events: Event) -> None:
        self.journal.append(*events)


@contextlib.contextmanager
def viewing_site(folder: Path, **options: object) -> Iterator[ViewingSite]:
    """Closed in the end."""
    site = ViewingSite(folder, **options)  # type: ignore[arg-type]
    try:
        yield site
    finally:
        site.close()
