"""The store's folder: one collector at a time, errors in one line with the next step, reading while it is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agent.collector.report import in_words, report
from agent.collector.store import NAME, Store, StoreError


def test_two_collectors_do_not_share_a_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    with pytest.raises(StoreError, match="another collector"):
        Store(tmp_path / "s")
    store.close()
    Store(tmp_path / "s").close()


def test_damaged_store_is_named_and_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="move the folder away"):
        Store(tmp_path)
    assert (tmp_path / NAME).read_bytes().startswith(b"no database")
    with pytest.raises(StoreError, match="move the folder away"):
        Store(tmp_path)  # the lock was given back


def test_store_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.db.execute("update meta set value = '2' where key = 'version'")
    store.close()
    with pytest.raises(StoreError, match="version 2"):
        Store(tmp_path)


def test_folder_that_cannot_be_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="--store"):
        Store(tmp_path / "file" / "store")


def test_report_needs_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="--store"):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_report_of_a_store_in_use_and_of_one_left(tmp_path: Path) -> None:
    folder = tmp_path / "50% done? #1"
    store = Store(folder)
    assert report(folder)["totals"]["rows"] == 0
    store.close()
    assert in_words(report(folder)) == "nothing has been stored yet"


def test_durability_is_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert store.db.execute("pragma synchronous").fetchone() == (2,)
    store.close()


def test_rows_of_a_store_are_never_cut_short_by_a_schema_slip(tmp_path: Path) -> None:
    """strict tables: a text where a number belongs is an error, not a silent conversion."""
    store = Store(tmp_path)
    with pytest.raises(sqlite3.IntegrityError):
        store.db.execute("insert into board (site, board, head_seq) values ('a', 'b', 'many')")
    store.close()
