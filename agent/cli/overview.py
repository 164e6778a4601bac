"""The state of a board, gathered for `standpipe status`: what processes say of themselves, and what the journal says.

Everything here is plain data, for `--json` and for the table alike. What cannot be known is None, never guessed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from msgspec import UNSET

from agent.cli.commands.alarm import as_dict
from agent.config import SiteConfig, check
from agent.journal import Journal, JournalError
from agent.journal.projections import clock_anchors, corrected_ns, open_alarms, point_levels
from agent.runtime import status
from agent.runtime.paths import Paths

STUCK_S = 30  # a process writes its status every few seconds
Told = dict[str, dict[str, Any]]


def gather(paths: Paths) -> dict[str, Any]:
    """Everything at once. Never fails for a part that is missing: that part says so."""
    checked = check(paths.site)
    told = status.read_all(paths)
    found: dict[str, Any] = {
        "site": _site(paths, checked.config, len(checked.problems)),
        "processes": _processes(checked.config, told),
        "disk": _disk(paths.data),
        "journal": None,
        "alarms": None,
    }
    with contextlib.ExitStack() as stack:
        journal = None
        with contextlib.suppress(JournalError):  # said as `journal: null`
            journal = Journal.open_to_read(paths.journal)
            stack.callback(journal.close)
        if journal is not None:
            found["journal"] = _journal(journal)
            anchors = clock_anchors(journal)
            alarms = sorted(open_alarms(journal).items(), key=lambda item: item[1].raised.seq)
            found["alarms"] = [as_dict(id_, alarm, anchors) for id_, alarm in alarms]
        found |= _things(checked.config, told, journal)
    return found


def _site(paths: Paths, config: SiteConfig | None, problems: int) -> dict[str, Any]:
    known = {"id": config.site.id, "board": config.site.board} if config else {"id": None, "board": None}
    return {**known, "file": str(paths.site), "problems": problems}


def _journal(journal: Journal) -> dict[str, Any]:
    seq, hash_ = journal.head()
    newest = journal.row(seq)
    clock = newest.clock if newest else None
    return {"epoch": journal.epoch, "head_seq": seq, "head_hash": hash_.hex(), "clock": clock}


def _disk(data: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError):  # no data folder yet
        found = os.statvfs(data)
        return {
            "path": str(data),
            "free_bytes": found.f_bavail * found.f_frsize,
            "total_bytes": found.f_blocks * found.f_frsize,
        }
    return None


def expected(config: SiteConfig | None) -> list[str]:
    """Processes that a site of this config runs."""
    if config is None:
        return []
    uplink = [] if config.uplink is UNSET else ["uplink"]
    return ["panel", *(f"recorder@{camera.id}" for camera in config.camera), *uplink]


def _processes(config: SiteConfig | None, told: Told) -> list[dict[str, Any]]:
    names = expected(config)
    found = []
    for name in [*names, *(other for other in told if other not in names)]:
        one = told.get(name)
        alive = bool(one and one["alive"])
        state = "dead" if not alive else "stuck" if one and one["age_s"] > STUCK_S else "runs"
        pid, age_s = (one["pid"], round(one["age_s"], 1)) if one and alive else (None, None)
        found.append({"process": name, "state": state, "pid": pid, "age_s": age_s})
    return found


# --- points, relays, cameras, uplink ---


def _things(config: SiteConfig | None, told: Told, journal: Journal | None) -> dict[str, Any]:
    if config is None:
        return {"points": None, "relays": None, "cameras": None, "uplink": None}
    levels = point_levels(journal) if journal else {}
    panel = _alive(told, "panel")
    levels |= panel.get("points", {})
    return {
        "points": [{"id": p.id, "name": p.name, "kind": p.kind, "closed": levels.get(p.id)} for p in config.point],
        "relays": [{"id": r.id, "energised": _relay(r.id, panel, journal)} for r in config.relay],
        "cameras": [{"id": c.id, **_camera(c.id, told, journal)} for c in config.camera],
        "uplink": _uplink(config, told, journal),
    }


def _alive(told: Told, process: str) -> dict[str, Any]:
    """What a process says of itself, if it still runs."""
    one = told.get(process, {})
    return one if one.get("alive") else {}


def _relay(id_: str, panel: dict[str, Any], journal: Journal | None) -> bool | None:
    if id_ in panel.get("relays", {}):
        return bool(panel["relays"][id_])
    row = journal.last("relay.driven", source=id_) if journal and panel else None
    return bool(row.values()["energised"]) if row else None


def _camera(id_: str, told: Told, journal: Journal | None) -> dict[str, Any]:
    """state: recording / lost / stopped; since when, and why."""
    kinds = ("camera.lost", "camera.restored", "footage.stopped", "footage.resumed")
    row = journal.last(*kinds, source=id_) if journal else None
    bad = {"camera.lost": "lost", "footage.stopped": "stopped"}.get(row.kind) if row else None
    if not _alive(told, f"recorder@{id_}"):
        return {"state": "stopped", "since_ns": None, "reason": ""}
    if row and bad:
        return {"state": bad, "since_ns": row.at_ns, "reason": str(row.values().get("reason", ""))}
    return {"state": "recording", "since_ns": row.at_ns if row else None, "reason": ""}


def _uplink(config: SiteConfig, told: Told, journal: Journal | None) -> dict[str, Any] | None:
    """None if there is no [uplink]. lanes: rows not yet stored at the far end, and since when the oldest waits."""
    if config.uplink is UNSET:
        return None
    mine = _alive(told, "uplink")
    row = journal.last("link.up", "link.down", source="uplink") if journal else None
    connected = bool(mine) and bool(mine.get("connected", row is not None and row.kind == "link.up"))
    reason = str(row.values().get("reason", "")) if row and not connected and row.kind == "link.down" else ""
    state = "connected" if connected else "disconnected"
    lanes = {lane: _queue(lane, told.get("uplink", {}), journal) for lane in ("alarm", "status")}
    return {"state": state, "broker": config.uplink.broker, "reason": reason, "lanes": lanes}


def _queue(lane: str, mine: dict[str, Any], journal: Journal | None) -> dict[str, Any] | None:
    """Rows of a lane past what the far end has acknowledged, from the mark that the uplink tells of itself."""
    mark = mine.get("acked", {}).get(lane)
    if mark is None or journal is None or mine.get("epoch", journal.epoch) != journal.epoch:
        return None
    rows, _ = journal.count(lane=lane, after=mark)
    oldest = journal.read(mark, lane=lane, limit=1)
    return {"rows": rows, "oldest_ns": corrected_ns(oldest[0], clock_anchors(journal)) if oldest else None}
