"""The state of a board, gathered for `standpipe status`: what processes say of themselves, and what the journal says.

Everything here is plain data, for `--json` and for the table alike. What cannot be known is None, never guessed.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from msgspec import UNSET

from agent.cli.commands.alarm import as_dict
from agent.config import SiteConfig, check
from agent.config.model import Point
from agent.core.wire import LANES
from agent.journal import Journal, JournalError
from agent.journal.projections import clock_anchors, corrected_ns, open_alarms, point_levels
from agent.runtime import status
from agent.runtime.clock import mono_ns
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
        return dict.fromkeys(
            ("points", "analogs", "pumps", "starts", "walk_test", "relays", "armed", "permits", "cameras", "uplink")
        )
    panel = _alive(told, "panel")
    levels = point_levels(journal) if journal else {}
    return {
        "points": [_point(point, levels.get(point.id), panel) for point in config.point],
        "analogs": [{"id": a.id, "name": a.name, **(panel.get("analogs", {}).get(a.id) or {})} for a in config.analog],
        "pumps": [pump(p.id, panel) for p in config.pump],
        "walk_test": _walk_test(panel.get("walk_test")),
        "starts": [{"id": id_, **told} for id_, told in panel.get("starts", {}).items()],
        "armed": sorted(door for door, armed in panel.get("armed", {}).items() if armed),
        "permits": [_permit(id_, told) for id_, told in sorted(panel.get("permits", {}).items())],
        "relays": [{"id": r.id, "energised": _relay(r.id, panel, journal)} for r in config.relay],
        "cameras": [{"id": c.id, **_camera(c.id, told, journal)} for c in config.camera],
        "uplink": _uplink(config, told, journal),
    }


def _point(point: Point, recorded: bool | None, panel: dict[str, Any]) -> dict[str, Any]:
    """As the panel sees it now, else as last recorded. active: away from rest (door open, button pressed)."""
    seen = panel.get("points", {}).get(point.id, {})
    closed = seen.get("closed", recorded)
    active = None if closed is None else closed != (point.contact == "normally-closed")
    chattering = bool(seen.get("chattering"))
    known = {"id": point.id, "name": point.name, "kind": point.kind}
    return {**known, "closed": closed, "active": active, "chattering": chattering, "fault": seen.get("fault", "")}


def _permit(id_: str, told: dict[str, Any]) -> dict[str, Any]:
    """One that stands, as the panel says. kind: visit / impairment / drill; left_s: until it ends by itself."""
    left_s = _left_s(told)
    return {"id": id_, "kind": told["kind"].partition(".")[0], "of": told["of"], "who": told["who"], "left_s": left_s}


def _walk_test(told: dict[str, Any] | None) -> dict[str, Any] | None:
    return told and {"by": told["by"], "left_s": _left_s(told)}


def pump(id_: str, panel: dict[str, Any]) -> dict[str, Any]:
    """As the panel says. test_left_s: until its test window ends, None while none is open."""
    told = panel.get("pumps", {}).get(id_) or {}
    window = told.get("window")
    return {
        "id": id_,
        "state": told.get("state"),
        "selector": told.get("selector"),
        "test_left_s": None if window is None else _left_s(window),
    }


def _left_s(told: dict[str, Any]) -> int:
    return int(max(0, told["end_mono_ns"] - mono_ns()) // 10**9)


def _alive(told: Told, process: str) -> dict[str, Any]:
    """What a process says of itself, if it still runs."""
    one = told.get(process, {})
    return one if one.get("alive") else {}


def _relay(id_: str, panel: dict[str, Any], journal: Journal | None) -> bool | None:
    if id_ in panel.get("relays", {}):
        return bool(panel["relays"][id_]["energised"])
    row = journal.last("relay.driven", source=id_) if journal and panel else None
    return bool(row.values()["energised"]) if row else None


def _camera(id_: str, told: Told, journal: Journal | None) -> dict[str, Any]:
    """state: recording / connecting / lost / stopped, as the recorder says; since when, by the journal; and why."""
    mine = _alive(told, f"recorder@{id_}")
    kinds = ("camera.lost", "camera.restored", "footage.stopped", "footage.resumed")
    row = journal.last(*kinds, source=id_) if journal and mine else None
    return {
        "state": mine.get("state", "connecting") if mine else "stopped",
        "since_ns": row.at_ns if row else None,
        "reason": mine.get("reason", ""),
        "faults": mine.get("faults") or [],
        "fps": mine.get("fps"),
        "kbit_s": mine.get("kbit_s"),
        "about": mine.get("about", ""),
    }


def _uplink(config: SiteConfig, told: Told, journal: Journal | None) -> dict[str, Any] | None:
    """None if there is no [uplink]. lanes: rows not yet stored at the far end, and how long the oldest has waited."""
    if config.uplink is UNSET:
        return None
    mine = _alive(told, "uplink")
    queue = mine.get("queue") or {}
    last = told.get("uplink", {}).get("cursors") or {}
    lanes = {lane: queue.get(lane) or _queue(lane, last.get(lane), journal) for lane in LANES}
    return {
        "state": mine.get("state", "starting") if mine else "dead",
        "broker": config.uplink.broker,
        "reason": mine.get("reason") or mine.get("last_refusal") or mine.get("trouble") or "",
        "lanes": lanes,
        "files": mine.get("files"),
    }


def _queue(lane: str, mark: int | None, journal: Journal | None) -> dict[str, Any] | None:
    """What waits while the uplink is not there to say it: rows past the mark that it told last."""
    if mark is None or journal is None or mark > journal.head()[0]:
        return None
    rows, _ = journal.count(lane=lane, after=mark)
    oldest = journal.read(mark, lane=lane, limit=1)
    waited_s = (time.time_ns() - corrected_ns(oldest[0], clock_anchors(journal))) // 10**9 if oldest else 0
    return {"rows": rows, "oldest_s": max(0, waited_s)}
