"""The site as it is just now, for `watch`: folded from the journal's rows as they come, and from the panel's status.

A settled change is a row within milliseconds; the status file is rewritten every two seconds. So levels and relays are
the journal's, and what has no row of its own (a pump's state, chattering, the walk test) is the panel's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from agent.cli.overview import pump
from agent.config import SiteConfig
from agent.core.chain import Row
from agent.journal import Journal
from agent.journal.projections import clock_anchors, corrected_ns, open_alarms
from agent.runtime import status
from agent.runtime.clock import mono_ns
from agent.runtime.paths import Paths

LEVELS = ("point.changed", "point.found")
VALUES = ("analog.value", "analog.low", "analog.high", "analog.normal", "analog.fault", "analog.fault_cleared")
DULL = ("relay.driven", "process.started", "clip.", "link.", "journal.", "clock.", "segment.")


class Live:
    """One site. `look` reads what is new; then `values` has everything as plain data."""

    def __init__(self, config: SiteConfig, paths: Paths, journal: Journal) -> None:
        self._config = config
        self._paths = paths
        self._journal = journal
        self._at: dict[tuple[str, str], Row] = {}  # (what, id) -> the row that says how it stands
        self._anchors = clock_anchors(journal)
        self._alarms = 0
        self.last: Row | None = None
        self._mark = journal.head()[0]
        for point in config.point:
            self._fold(row for row in [journal.last(*LEVELS, source=point.id)] if row)
        for one in config.analog:
            self._fold(row for row in [journal.last(*VALUES, source=one.id)] if row)
        for relay in config.relay:
            self._fold(row for row in [journal.last("relay.driven", source=relay.id)] if row)
        self._fold(journal.read(max(0, self._mark - 50)))
        self._alarms = len(open_alarms(journal))

    def look(self) -> None:
        """Read what is new."""
        self._journal.check_moved()
        while rows := self._journal.read(self._mark):
            self._fold(rows)
            self._mark = rows[-1].seq
            if any(row.kind.startswith(("alarm.", "carried")) for row in rows):
                self._alarms = len(open_alarms(self._journal))
            if any(row.kind == "clock.set" for row in rows):
                self._anchors = clock_anchors(self._journal)

    def _fold(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.kind in LEVELS:
                self._at["point", row.source] = row
            elif row.kind in VALUES:
                self._at["value", row.source] = row
            elif row.kind == "relay.driven":
                self._at["relay", row.source] = row
            if not row.kind.startswith(DULL):
                self.last = row

    def values(self) -> dict[str, Any]:
        """Points, values, relays and pumps; when each changed last (UTC ns, None if that is not on record)."""
        panel = status.read_all(self._paths).get("panel", {})
        panel = panel if panel.get("alive") else {}
        walk = panel.get("walk_test")
        return {
            "site": f"{self._config.site.id}/{self._config.site.board}",
            "at_ns": time.time_ns(),
            "panel": bool(panel),
            "walk_test": walk and {"by": walk["by"], "left_s": max(0, walk["end_mono_ns"] - mono_ns()) // 10**9},
            "open_alarms": self._alarms,
            "points": [self._point(point, panel) for point in self._config.point],
            "values": [self._value(one.id, one.unit, panel) for one in self._config.analog],
            "relays": [self._relay(relay, panel) for relay in self._config.relay],
            "pumps": [pump(one.id, panel) for one in self._config.pump],
            "last": self.last and {"seq": self.last.seq, "kind": self.last.kind, "source": self.last.source},
        }

    def _point(self, point: Any, panel: dict[str, Any]) -> dict[str, Any]:
        row = self._at.get(("point", point.id))
        closed = None if row is None else bool(row.values()["closed"])
        return {
            "id": point.id,
            "kind": str(point.kind),
            "closed": closed,
            "active": None if closed is None else closed != (point.contact == "normally-closed"),
            "chattering": bool(panel.get("points", {}).get(point.id, {}).get("chattering")),
            "fault": panel.get("points", {}).get(point.id, {}).get("fault") or "",
            "since_ns": self._since(row),
        }

    def _value(self, id_: str, unit: str, panel: dict[str, Any]) -> dict[str, Any]:
        """As the panel measures it (thousandths, every two seconds), else as last recorded."""
        row = self._at.get(("value", id_))
        recorded = row.values().get("value_milli") if row is not None else None
        told = panel.get("analogs", {}).get(id_, {})
        return {
            "id": id_,
            "unit": unit,
            "milli": told.get("milli", recorded),
            "limit": told.get("limit", ""),
            "fault": told.get("fault", ""),
            "since_ns": self._since(row),
        }

    def _relay(self, relay: Any, panel: dict[str, Any]) -> dict[str, Any]:
        row = self._at.get(("relay", relay.id))
        told = panel.get("relays", {}).get(relay.id, {}).get("energised")
        values = row.values() if row is not None else {}
        return {
            "id": relay.id,
            "energised": values.get("energised", told),
            "reason": values.get("reason", ""),
            "since_ns": self._since(row),
        }

    def _since(self, row: Row | None) -> int | None:
        return None if row is None else corrected_ns(row, self._anchors)
