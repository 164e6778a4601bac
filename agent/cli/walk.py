"""A walk test as the journal tells it: what was tripped, heard and seen since it began, and the record of it.

The record is plain data, canonical JSON (core/signed.py): what is signed, and what the sheet is printed from. Times are
UTC in ns, null for what did not happen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from agent.cli.terminal import thousandths
from agent.config import SiteConfig
from agent.config.model import Analog, Point
from agent.core.chain import Row
from agent.core.signed import WALK_TEST, to_sign
from agent.journal import Journal
from agent.journal.projections import clock_anchors, corrected_ns, every
from agent.panel.plan import signal_of
from agent.runtime import status
from agent.runtime.clock import boot_id, mono_ns
from agent.runtime.paths import Paths
from hw.ports import channel_of, line_name

TRUST = ("unset", "rtc", "told", "synced")  # of clocks, the least first
PARTS = (("points", "tripped_ns"), ("values", "moved_ns"), ("relays", "heard_ns"), ("cameras", "shown_ns"))
KINDS = ("point.changed", "relay.tested", "relay.heard", "walk_test.value", "camera.seen", "snapshot.ready",
         "pump.start_ended")  # fmt: skip


class Walk:
    """The last walk test of a journal. began: its row; ended: the row of its end, None while it goes on."""

    def __init__(self, journal: Journal, began: Row) -> None:
        self.began = began
        over = journal.last("walk_test.ended")
        self.ended = over if over is not None and over.seq > began.seq else None
        recorded = journal.last("walk_test.recorded")
        self.recorded = recorded if recorded is not None and recorded.seq > began.seq else None
        self._anchors = clock_anchors(journal)
        self._rows = list(every(journal, *KINDS, after=began.seq))
        if self.ended is not None:
            self._rows = [row for row in self._rows if row.seq < self.ended.seq]
        self.head = self.ended.seq if self.ended is not None else journal.head()[0]

    @classmethod
    def last(cls, journal: Journal) -> Walk | None:
        """The newest one, None if there never was any."""
        began = journal.last("walk_test.started")
        return cls(journal, began) if began is not None else None

    @property
    def by(self) -> str:
        return str(self.began.values()["by"])

    @property
    def going(self) -> bool:
        """Whether it goes on; one of before this boot does not, even if the panel could not say so."""
        return self.ended is None and self.began.boot == boot_id() and self.left_s > 0

    @property
    def left_s(self) -> int:
        """Seconds until it ends by itself."""
        return max(0, int(str(self.began.values()["for_s"])) - (mono_ns() - self.began.mono_ns) // 10**9)

    def at_ns(self, row: Row | None) -> int | None:
        """UTC of a row, by its boot's anchor."""
        return None if row is None else corrected_ns(row, self._anchors)

    def record(self, config: SiteConfig, paths: Paths, epoch: str, head_hash: str, technician: str) -> dict[str, Any]:
        """Everything, as it is signed."""
        clocks = [row.clock for row in (self.began, *self._rows, *([self.ended] if self.ended else []))]
        points = [self._point(point) for point in config.point]
        values = [self._value(one) for one in config.analog]
        starts = {str(pump.start_relay): pump.id for pump in config.pump}
        relays = [self._relay(relay, starts.get(relay.id, "")) for relay in config.relay]
        cameras = [self._camera(camera.id, camera.purpose, paths) for camera in config.camera]
        parts = {"points": points, "values": values, "relays": relays, "cameras": cameras}
        return {
            "v": 2,
            "site": config.site.id,
            "board": config.site.board,
            "epoch": epoch,
            "from_seq": self.began.seq,
            "to_seq": self.head,
            "head": head_hash,
            "began_ns": self.at_ns(self.began),
            "ended_ns": self.at_ns(self.ended),
            "clock": min(clocks, key=TRUST.index),
            "technician": technician,
            **parts,
            "left": left(parts),
        }

    def _first(self, kind: str, source: str, wanted: Callable[[dict[str, Any]], bool], after: int = 0) -> Row | None:
        return next(
            (r for r in self._rows if r.kind == kind and r.source == source and r.seq > after and wanted(r.values())),
            None,
        )

    def _point(self, point: Point) -> dict[str, Any]:
        """Tripped is its first change, back is the next one to where it came from."""
        tripped = self._first("point.changed", point.id, lambda _: True)
        back = None
        if tripped is not None:
            closed = bool(tripped.values()["closed"])
            back = self._first("point.changed", point.id, lambda v: bool(v["closed"]) != closed, tripped.seq)
        return {
            "id": point.id,
            "name": point.name,
            "kind": str(point.kind),
            "pin": str(point.pin),
            "line": line_name(point.pin),
            "contact": point.contact,
            "bias": "supervised-loop" if channel_of(point.pin) else point.bias,
            "class": str(signal_of(point)),
            "tripped_ns": self.at_ns(tripped),
            "returned_ns": self.at_ns(back),
        }

    def _last(self, kind: str, source: str) -> dict[str, Any] | None:
        found = [row.values() for row in self._rows if row.kind == kind and row.source == source]
        return found[-1] if found else None

    def _value(self, one: Analog) -> dict[str, Any]:
        """Tried is having moved; how far it went is as last said."""
        moved = self._first("walk_test.value", one.id, lambda v: bool(v["moved"]))
        last = self._last("walk_test.value", one.id) or {"least_milli": None, "most_milli": None, "fault": ""}
        return {
            "id": one.id,
            "name": one.name,
            "pin": str(one.pin),
            "unit": one.unit,
            "zero_milli": one.zero_milli,
            "full_milli": one.full_milli,
            "least_milli": last["least_milli"],
            "most_milli": last["most_milli"],
            "fault": last["fault"],
            "moved_ns": self.at_ns(moved),
        }

    def _relay(self, relay: Any, starts: str) -> dict[str, Any]:
        """starts: the pump that it starts, "" for none: that one is tried by a signed start, and heard by the pump."""
        kind, source = ("pump.start_ended", starts) if starts else ("relay.tested", relay.id)
        tests = [row for row in self._rows if row.kind == kind and row.source == source]
        tested = tests[-1] if tests else None
        said = [row for row in self._rows if row.kind == "relay.heard" and row.source == relay.id]
        heard = tested if starts else said[-1] if said and said[-1].values()["heard"] else None
        return {
            "id": relay.id,
            "pin": str(relay.pin),
            "line": line_name(relay.pin),
            "active": relay.active,
            "rest": relay.rest,
            "tested_ns": self.at_ns(tested),
            "ok": bool(tested is not None and tested.values()["ok"]),
            "readback": str(tested.values()["readback"]) if tested is not None else "",
            "heard_ns": self.at_ns(heard) if tested is not None and tested.values()["ok"] else None,
        }

    def _camera(self, camera: str, purpose: str, paths: Paths) -> dict[str, Any]:
        """A picture that came during the test, by what the recorder says of its last one, or a snapshot that was taken;
        and who saw it. Shown is what somebody saw, else what came; nothing if somebody says no.
        """
        told = status.read_all(paths).get(f"recorder@{camera}", {})
        age_ms = told.get("last_packet_age_ms")
        seen_mono = None
        if told.get("alive") and told.get("state") == "recording" and age_ms is not None:
            seen_mono = int(told["mono_ns"]) - int(age_ms) * 1_000_000
        during = seen_mono is not None and self.began.boot == boot_id() and seen_mono > self.began.mono_ns
        began_ns = self.at_ns(self.began)
        picture_ns = began_ns + seen_mono - self.began.mono_ns if during and began_ns and seen_mono else None
        taken = self._last("snapshot.ready", camera)
        if taken is not None:
            picture_ns = picture_ns or int(taken["at_ns"])
        looks = [row for row in self._rows if row.kind == "camera.seen" and row.source == camera]
        seen = looks[-1] if looks and looks[-1].values()["seen"] else None
        seen_ns, denied = self.at_ns(seen), bool(looks) and seen is None
        return {
            "id": camera,
            "purpose": purpose,
            "picture_ns": picture_ns,
            "picture": "" if taken is None else taken["path"],
            "sha256": "" if taken is None else taken["sha256"],
            "seen_ns": seen_ns,
            "seen_by": str(seen.values()["by"]) if seen is not None else "",
            "shown_ns": None if denied else seen_ns or picture_ns,
        }


def left(parts: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Names of what was not tripped, moved, heard or seen; a point that is not back counts too."""
    missing = [one["id"] for part, tried in PARTS for one in parts[part] if one[tried] is None]
    return missing + [p["id"] for p in parts["points"] if p["tripped_ns"] is not None and p["returned_ns"] is None]


def tried(record: dict[str, Any]) -> int:
    """How much there is to try, less what is left."""
    return sum(len(record[part]) for part, _ in PARTS) - len(record["left"])


def digest(record: dict[str, Any]) -> str:
    """SHA-256 of exactly what is signed."""
    return hashlib.sha256(to_sign(WALK_TEST, record)).hexdigest()


def names(ids: Sequence[str], most: int = 12) -> str:
    """A list for a line."""
    return " ".join(ids[:most]) + (" ..." if len(ids) > most else "")


def went(value: dict[str, Any]) -> str:
    """From the least to the most that a value has been, "" if it never was anything."""
    if value["least_milli"] is None:
        return ""
    return f"{thousandths(value['least_milli'])} .. {thousandths(value['most_milli'])} {value['unit']}".strip()
