"""media.db made, or brought from an earlier version to this one. The caller holds its lock exclusively."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

SCHEMA = Path(__file__).with_name("schema.sql")
VERSION = "4"

# Version 1 spelt every camera, boot and path out in each row and each index: 330 MB where this takes 200.
_FROM_1 = """
    alter table segment rename to old;
    drop index segment_by_time;
    drop index gap_by_camera;
    alter table gap rename to old_gap;
    drop table meta;
"""
_INTO_2 = """
    insert into camera (name) select distinct camera from old;
    insert into boot (name) select distinct boot from old;
    insert into segment
      select camera.id, old.seq, old.path, old.state, boot.id, old.clock, old.start_mono_ns, old.start_at_ns,
             old.end_mono_ns, old.end_at_ns, old.frames, old.bytes, old.sha256, null
      from old join camera on camera.name = old.camera join boot on boot.name = old.boot order by old.camera, old.seq;
    insert into gap select * from old_gap;
    update segment set path = null where path = (
      select camera.name || strftime('/%Y%m%d/', start_at_ns / 1000000000, 'unixepoch') || printf('%08d', seq)
        || strftime('-%Y%m%dT%H%M%SZ.mp4', start_at_ns / 1000000000, 'unixepoch')
      from camera where camera.id = segment.camera);
    drop table old;
    drop table old_gap;
"""
# Version 2 knew nothing of seals.
_FROM_2 = """
    alter table segment add column seal integer references seal;
    drop view if exists footage;
"""
_INTO_3 = {"segment_unsealed", "seal", "seal_by_hour", "leaf", "scrub", "footage"}
_INTO_4 = {"thumbnail", "thumbnail_by_time", "thumbnail_goes"}
_ADDED = {"2": (_FROM_2, _INTO_3 | _INTO_4), "3": ("", _INTO_4)}  # version found -> what goes first, what is new
_NAME = re.compile(r"create (?:table|index|view|trigger) (\w+)")


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """All or nothing, in one transaction; sqlite3.Error when the disk refuses."""
    noted = f"insert or replace into meta values ('version', '{VERSION}');"
    if not db.execute("select count(*) from sqlite_schema").fetchone()[0]:
        _at_once(db, f"{SCHEMA.read_text()}; {noted}")
        return
    found = db.execute("select value from meta where key = 'version'").fetchone()
    if found == ("1",):
        _at_once(db, f"{_FROM_1} {SCHEMA.read_text()}; {noted} {_INTO_2}")
    elif found is not None and found[0] in _ADDED:
        first, added = _ADDED[found[0]]
        new = "".join(text for name, text in _statements() if name in added)
        _at_once(db, f"{first} {new} {noted}")


def _statements() -> Iterator[tuple[str, str]]:
    """(name of what it makes, statement) for each of the schema."""
    text = ""
    for line in SCHEMA.read_text().splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            made = _NAME.search(text)
            if made is not None:
                yield made[1], text
            text = ""


def _at_once(db: sqlite3.Connection, script: str) -> None:
    try:
        db.executescript(f"begin immediate; {script}; commit;")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
