"""media.db made, or brought from an earlier version to this one. The caller holds its lock exclusively."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = Path(__file__).with_name("schema.sql")
VERSION = "2"

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
             old.end_mono_ns, old.end_at_ns, old.frames, old.bytes, old.sha256
      from old join camera on camera.name = old.camera join boot on boot.name = old.boot order by old.camera, old.seq;
    insert into gap select * from old_gap;
    update segment set path = null where path = (
      select camera.name || strftime('/%Y%m%d/', start_at_ns / 1000000000, 'unixepoch') || printf('%08d', seq)
        || strftime('-%Y%m%dT%H%M%SZ.mp4', start_at_ns / 1000000000, 'unixepoch')
      from camera where camera.id = segment.camera);
    drop table old;
    drop table old_gap;
"""


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """All or nothing, in one transaction; sqlite3.Error when the disk refuses."""
    insert = f"insert into meta values ('version', '{VERSION}');"
    if not db.execute("select count(*) from sqlite_schema").fetchone()[0]:
        _at_once(db, f"{SCHEMA.read_text()}; {insert}")
    elif db.execute("select value from meta where key = 'version'").fetchone() == ("1",):
        _at_once(db, f"{_FROM_1} {SCHEMA.read_text()}; {insert} {_INTO_2}")


def _at_once(db: sqlite3.Connection, script: str) -> None:
    try:
        db.executescript(f"begin immediate; {script}; commit;")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
