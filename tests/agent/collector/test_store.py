"""The store's folder: one collector at a time, errors in one line with the next step, reading while it is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from sp_collect import BOARD, SITE, Link, chain, new_epoch, wire_row
from sp_postgres import Postgres

from agent.collector.batch import Batch
from agent.collector.books import Boards
from agent.collector.ledger import Ledger, Outcome
from agent.collector.postgres_store import PostgresStore
from agent.collector.report import in_words, report
from agent.collector.sqlite_store import NAME
from agent.collector.sqlite_store import SqliteStore as Store
from agent.collector.store import DatabaseError, StoreError
from agent.collector.stores import Where
from agent.core.wire import Presence

EPOCH = new_epoch()


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


def test_store_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """Version 1 kept no stretches beyond a hole: they are made from its rows, once."""
    links = chain(40, EPOCH)
    store = Store(tmp_path)
    saved = stored(store, links[:10] + links[20:])
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        db.executescript("alter table lane drop column beyond; drop table piece; update meta set value = '1'")
    with pytest.raises(StoreError, match="start the collector once"):
        report(tmp_path)
    store = Store(tmp_path)
    (taken_over,) = stored(store, []).acks
    assert taken_over[1].lanes == saved.acks[0][1].lanes
    assert taken_over[1].lanes["status"].ranges == [(21, 39)]
    stored(store, links)
    store.close()
    assert report(tmp_path)["totals"]["chains_whole"]


def stored(store: Store, links: list[Link]) -> Outcome:
    batch = Batch()
    batch.of(SITE, BOARD).rows.extend(wire_row(EPOCH, link) for link in links)
    batch.of(SITE, BOARD).presences.append(Presence("online", EPOCH))
    store.begin()
    outcome = Ledger(store, Boards(store)).store(batch)
    store.commit()
    return outcome


def test_store_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.execute("update meta set value = '3' where key = 'version'")
    store.close()
    with pytest.raises(StoreError, match="version 3"):
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
    assert store.execute("pragma journal_mode") == [("wal",)]
    assert store.execute("pragma synchronous") == [(2,)]
    store.close()


def test_rows_of_a_store_are_never_cut_short_by_a_schema_slip(tmp_path: Path) -> None:
    """strict tables: a text where a number belongs is an error, not a silent conversion."""
    store = Store(tmp_path)
    with pytest.raises(DatabaseError):
        store.execute("insert into board (site, board, head_seq) values ('a', 'b', 'many')")
    store.close()


# --- PostgreSQL ---


def test_both_kinds_have_the_same_tables(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.fresh()
    ours, theirs = Store(tmp_path), PostgresStore(url)
    ask = "select table_name, column_name from information_schema.columns where table_schema = current_schema()"
    there = {(table, column) for table, column in theirs.execute(ask)}
    names = [name for (name,) in ours.execute("select name from sqlite_master where type = 'table'")]
    here = {(name, column[1]) for name in names for column in ours.execute(f"pragma table_info('{name}')")}
    assert here == there
    ours.close()
    theirs.close()


def test_several_collectors_make_the_tables_once_and_share_them(postgres: Postgres) -> None:
    url = postgres.fresh()
    stores: list[PostgresStore] = []
    threads = [Thread(target=lambda: stores.append(PostgresStore(url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(stores) == 6
    for store in stores:
        assert store.execute("show synchronous_commit") == [("on",)]
        store.close()


def test_server_that_is_not_there_or_of_another_version_is_one_line(postgres: Postgres, tmp_path: Path) -> None:
    nowhere = Where("postgresql://nobody:hunter22@127.0.0.1:1/none", str(tmp_path))
    for attempt in (nowhere.open, nowhere.open_to_read):
        with pytest.raises(StoreError, match="--store") as caught:
            attempt()
        assert "hunter22" not in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="--files"):
        Where(postgres.url()).open()
    url = postgres.fresh()
    store = PostgresStore(url)
    store.execute("update meta set value = '9' where key = 'version'")
    store.close()
    with pytest.raises(StoreError, match="version 9"):
        PostgresStore(url)


def test_connection_that_is_lost_within_a_transaction_loses_all_of_it(postgres: Postgres) -> None:
    url = postgres.fresh()
    store, other = PostgresStore(url), PostgresStore(url)
    store.begin()
    store.execute("insert into board (site, board) values ('a', 'b')")
    ((pid,),) = store.execute("select pg_backend_pid()")
    other.execute("select pg_terminate_backend(?)", (pid,))
    for _ in range(2):  # never on a new connection, outside of the transaction
        with pytest.raises(DatabaseError):
            store.execute("insert into board (site, board) values ('a', 'c')")
    with pytest.raises(DatabaseError):
        store.commit()
    store.rollback()
    store.begin()
    assert store.execute("select count(*) from board") == [(0,)]
    store.close()
    other.close()


def test_one_board_is_worked_on_by_one_collector_at_a_time(postgres: Postgres) -> None:
    url = postgres.fresh()
    one, other = PostgresStore(url), PostgresStore(url)
    for store in (one, other):
        store.begin()
    one.lock("board", [7, 3])
    other.lock("board", [4])
    other.lock("file", [7])
    other.execute("set local lock_timeout = 50")
    with pytest.raises(DatabaseError, match="lock timeout"):
        other.lock("board", [3])
    one.close()
    other.close()
