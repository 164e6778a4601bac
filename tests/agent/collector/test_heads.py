"""Signed heads: the first key is believed, another one is a conflict until a person trusts it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sp_broker import Broker
from sp_collect import Collect, wait_until
from sp_site import SITE, Site, until

from agent.collector import heads
from agent.collector.books import Board, Boards
from agent.collector.report import report
from agent.collector.sqlite_store import SqliteStore
from agent.collector.store import Store, StoreError
from agent.collector.stores import Where
from agent.core.signed import HEAD
from agent.core.wire import Presence, Topics, head_fields, parse_presence, presence_payload
from agent.runtime.keys import Signer, board_public, new_signer

EPOCH = "da803908-e540-459b-be66-6b2eaf0c977c"
TOPICS = Topics("plant", "pump-house")


def signed(signer: Signer, topics: Topics = TOPICS, **changes: object) -> Presence:
    made = Presence("online", EPOCH, 7, "ab" * 32, "synced", 1, "0.1", "b-1", signer.public_text)
    made = replace(made, **changes)  # type: ignore[arg-type]
    return replace(made, sig=signer.sign(HEAD, head_fields(made, topics)))


@pytest.fixture
def store(where: Where) -> Iterator[Store]:
    store = where.open()
    yield store
    store.close()


@pytest.fixture
def board(store: Store) -> Board:
    store.begin()
    return Boards(store).board("plant", "pump-house")


def state(store: Store, board: Board) -> tuple[str, str]:
    found = heads.report_of(store, board.id)
    return (found["state"], found["public"]) if found else ("", "")


def test_a_presence_carries_its_signature_over_the_wire() -> None:
    presence = signed(new_signer())
    assert parse_presence(presence_payload(presence)) == presence
    bare = Presence("online", EPOCH)
    assert b'"sig"' not in presence_payload(bare)
    assert parse_presence(presence_payload(bare)) == bare


def test_the_first_key_is_believed_and_stays(store: Store, board: Board) -> None:
    ours, other = new_signer(), new_signer()
    assert heads.look(store, board, Presence("online", EPOCH)) == "", "a board that never signed"
    assert state(store, board) == ("", "")
    assert heads.look(store, board, signed(ours)) == ""
    assert state(store, board) == ("signed", ours.public_text)
    assert "another key" in heads.look(store, board, signed(other))
    assert state(store, board) == ("other-key", ours.public_text)
    assert heads.look(store, board, signed(ours, head_seq=9)) == "", "back again"
    assert heads.report_of(store, board.id)["head_seq"] == 9


@pytest.mark.parametrize(
    "change", [{"head_seq": 8}, {"head_hash": "cd" * 32}, {"at_ns": 2}, {"boot": "b-2"}, {"sig": "0" * 128}]
)
def test_a_changed_presence_is_seen(store: Store, board: Board, change: dict[str, object]) -> None:
    ours = new_signer()
    heads.look(store, board, signed(ours))
    forged = replace(signed(ours), **change)  # type: ignore[arg-type]
    assert "does not fit" in heads.look(store, board, forged)
    assert heads.report_of(store, board.id)["head_seq"] == 7, "the head last proven stays"


def test_a_signature_of_another_board_does_not_serve(store: Store, board: Board) -> None:
    assert "does not fit" in heads.look(store, board, signed(new_signer(), Topics("plant", "gate")))


def test_no_signature_any_more_is_a_conflict(store: Store, board: Board) -> None:
    ours = new_signer()
    heads.look(store, board, signed(ours))
    assert "not signed any more" in heads.look(store, board, replace(signed(ours), key="", sig=""))
    assert heads.wrong(heads.report_of(store, board.id))


def test_a_person_trusts_the_new_key(where: Where, store: Store, board: Board) -> None:
    ours, other = new_signer(), new_signer()
    heads.look(store, board, signed(ours))
    heads.look(store, board, signed(other))
    store.commit()
    assert heads.trust(where, "plant/pump-house") == other.public_text
    store.begin()
    assert heads.look(store, board, signed(other)) == ""
    store.commit()
    with pytest.raises(StoreError, match="no other key"):
        heads.trust(where, "plant/pump-house")


def test_a_store_from_before_gets_its_table(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "far").close()
    with closing(sqlite3.connect(tmp_path / "far/collector.db")) as db:
        db.execute("drop table board_key")
    SqliteStore(tmp_path / "far").close()
    with closing(sqlite3.connect(tmp_path / "far/collector.db")) as db:
        assert db.execute("select count(*) from board_key").fetchone() == (0,)


def test_a_real_board_is_believed_and_its_new_key_is_told(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "broker") as broker,
        Collect(broker.url, tmp_path / "far"),
        Site(tmp_path / "site", SITE + f'\n[uplink]\nbroker = "{broker.url}"\n') as site,
    ):
        site.start("uplink")
        site.wait_row("link.up")

        def key() -> dict[str, object]:
            boards = report(tmp_path / "far")["boards"]
            return dict(boards[0]["key"]) if boards else {}

        wait_until(lambda: key().get("head") == "matches", "the head is signed and is the row held")
        assert key()["public"] == board_public(site.paths.data)
        site.stop("uplink")
        (site.paths.data / "board.key").unlink()
        site.start("uplink")
        until(lambda: key().get("state") == "other-key", "another key is told")
        assert report(tmp_path / "far")["totals"]["key_conflicts"] == 1
