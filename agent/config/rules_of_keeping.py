"""What is kept and held: no class below the law's floor, holds on events and cameras that there are."""

from __future__ import annotations

import fnmatch

from agent.config.convert import Report, Table
from agent.config.looking import ids_of, tell_unknown
from agent.core.events import KINDS
from agent.core.spans import HARD_FLOOR_DAYS, least_days, span

DAY_H = 24
CLASSES = ("rows", "registers", "audit", "clips")


def classes(site: Table, report: Report) -> None:
    """No class of records is kept for less than the law asks."""
    retention = site.get("retention")
    for name in CLASSES if retention else ():
        keep = retention.get(name)
        if isinstance(keep, str) and least_days(span(keep)) < HARD_FLOOR_DAYS:
            report.error(retention, name, "hard-floor")


def backup(site: Table, report: Report) -> None:
    """What is kept elsewhere is as of yesterday at the latest."""
    table = site.get("backup")
    every_h = table.get("every_h") if table else None
    if isinstance(every_h, int) and every_h > DAY_H:
        report.warn(table, "every_h", "backup-rare")


def holds(site: Table, report: Report) -> None:
    """What is held by rule: events that there are, of cameras that there are."""
    table = site.get("holds")
    if not table:
        return
    for index, pattern in enumerate(table.get("on") or [], start=1):
        if pattern is not None and not fnmatch.filter(KINDS, pattern):
            near = report.words.nearest(pattern, KINDS)
            report.error(table, f"on[{index}]", "unknown-event", nearest=near)
    cameras = ids_of(site, "camera")
    for index, id_ in enumerate(table.get("cameras") or [], start=1):
        if id_ is not None and id_ not in cameras:
            tell_unknown(report, table, f"cameras[{index}]", "camera", id_, cameras)
