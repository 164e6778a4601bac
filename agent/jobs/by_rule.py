"""Holds by rule: around every event that [holds] names, whatever else follows from it."""

from __future__ import annotations

import contextlib

from agent.core.chain import Row, Stamp
from agent.core.events import HoldRequested
from agent.core.incidents import Rule, kinds, to_hold, window
from agent.jobs.desk import SOURCE, Desk
from agent.journal import Cursor
from agent.journal.holds import holds

BY, LANE = "rule", "holds"
PAGE = 1000


def place(desk: Desk, now: Stamp) -> int:
    """Ask for the holds that are due, up to the newest row; how many. Killed half-way, it asks for none twice."""
    told = desk.site.holds
    rule = Rule(tuple(told.on), told.before_s, told.after_s)
    cameras = list(told.cameras) or [camera.id for camera in desk.site.camera]
    named = kinds(rule)
    placed = 0
    with contextlib.closing(Cursor(desk.paths.cursor(SOURCE))) as cursor:
        mark = cursor.get(desk.journal.epoch, LANE)
        head = desk.journal.head()[0]
        first = mark == 0
        while named and cameras and (rows := desk.journal.read(mark, kinds=named, limit=PAGE)):
            ours = [one for one in holds(desk.journal).values() if one.owner == BY]
            standing = [(one.reason.partition(":")[2], one.window) for one in ours]
            for row in to_hold(rows, rule, standing, now, first=first):
                desk.journal.append(_request(desk, row, rule, cameras))
                placed += 1
            mark = rows[-1].seq
            cursor.set(desk.journal.epoch, LANE, mark)
        cursor.set(desk.journal.epoch, LANE, max(mark, head))
    return placed


def _request(desk: Desk, row: Row, rule: Rule, cameras: list[str]) -> HoldRequested:
    wanted = window(row, rule)
    return HoldRequested(
        source=SOURCE,
        hold=f"auto-{desk.journal.epoch[:8]}-{row.seq}",
        cameras=cameras,
        from_ns=wanted.start.at_ns,
        to_ns=wanted.end.at_ns,
        reason=f"{row.kind}:{row.source}",
        by=BY,
        boot=wanted.start.boot,
        from_mono_ns=wanted.start.mono_ns if wanted.start.boot else 0,
        to_mono_ns=wanted.end.mono_ns if wanted.start.boot else 0,
    )
