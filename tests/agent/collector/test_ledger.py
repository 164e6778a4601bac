"""Rows into a real store: once each, whatever the order; nothing acknowledged that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sp_collect import BOARD, SITE, Link, chain, new_epoch, wire_row
from sp_postgres import Postgres

from agent.collector import books as books_module
from agent.collector.batch import Batch, Sent
from agent.collector.books import Boards, StrangerError
from agent.collector.ledger import Ledger, Outcome
from agent.collector.report import report
from agent.collector.sqlite_store import SqliteStore
from agent.collector.store import DatabaseError, Store
from agent.collector.stores import Where
from agent.core.chain import canonical_data, canonical_row, first_hash, next_hash
from agent.core.wire import Ack, Presence


class Desk:
    """A store with its ledger, as the collector has it."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.store: Store = where.open()
        self.boards = Boards(self.store)
        self.ledger = Ledger(self.store, self.boards)
        self.batch = Batch()

    def reopen(self) -> None:
        self.store.close()
        self.__init__(self.where)  # type: ignore[misc]

    @property
    def sent(self) -> Sent:
        return self.batch.of(SITE, BOARD)

    def take(self, epoch: str, links: list[Link]) -> None:
        self.sent.rows.extend(wire_row(epoch, link) for link in links)

    def forget(self) -> None:
        """What a kill -9 leaves: the last commit."""
        self.store.rollback()
        self.boards.forget()
        self.batch = Batch()

    def commit(self) -> Outcome:
        batch, self.batch = self.batch, Batch()
        self.store.begin()
        outcome = self.ledger.store(batch)
        self.store.commit()
        return outcome

    def saved(self, epoch: str, links: list[Link]) -> Outcome:
        self.take(epoch, links)
        return self.commit()

    def ack(self, epoch: str) -> Ack:
        """What the board would be told now."""
        self.store.begin()
        board = self.boards.board(SITE, BOARD)
        ack = self.boards.ack(self.boards.books([(board, epoch)])[board, epoch], 1)
        self.store.rollback()
        self.boards.forget()
        return ack

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        return self.store.execute(f'select {columns} from "row" order by epoch, seq')

    def epoch(self, epoch: str) -> dict[str, Any]:
        found = report(self.where)
        return next(e for board in found["boards"] for e in board["epochs"] if e["epoch"] == epoch)


@pytest.fixture
def desk(where: Where) -> Iterator[Desk]:
    made = Desk(where)
    yield made
    made.store.close()


EPOCH = new_epoch()


def covered(ack: Ack, links: list[Link]) -> set[int]:
    """Which of the rows the ack speaks of as stored."""
    there = set()
    for link in links:
        mark = ack.lanes[link.row.lane]
        if link.row.seq <= mark.upto or any(x <= link.row.seq <= y for x, y in mark.ranges):
            there.add(link.row.seq)
    return there


def test_rows_are_stored_once_and_acknowledged(desk: Desk) -> None:
    links = chain(30, EPOCH)
    assert desk.saved(EPOCH, links).stored == 30
    again = desk.saved(EPOCH, links[10:])
    assert (again.stored, again.doubles) == (0, 20)
    ack = desk.ack(EPOCH)
    assert (ack.lanes["alarm"].upto, ack.lanes["alarm"].hash) == (30, links[29].row.hash.hex())
    assert (ack.lanes["status"].upto, ack.lanes["status"].hash) == (29, links[28].row.hash.hex())
    assert len(desk.rows("seq")) == 30
    found = desk.epoch(EPOCH)
    assert (found["rows"], found["doubles"], found["missing"]) == (30, 20, [])
    assert found["chain"] == {
        "upto": 30, "hash": links[29].row.hash.hex(), "holes": 0, "broken_at": 0, "whole": True,
    }  # fmt: skip


def test_row_is_stored_byte_for_byte_as_it_was_hashed(desk: Desk) -> None:
    (link,) = chain(1, EPOCH)
    desk.saved(EPOCH, [link])
    ((text, hash_, prev),) = desk.rows("text, hash, prev_hash")
    assert text.encode() == canonical_row(link.row)
    assert next_hash(prev, text.encode()) == hash_ == link.row.hash


def test_hole_holds_the_mark_back_until_it_is_filled(desk: Desk) -> None:
    links = chain(30, EPOCH)
    desk.saved(EPOCH, links[:10] + links[20:])
    ack = desk.ack(EPOCH)
    assert (ack.lanes["status"].upto, ack.lanes["status"].ranges) == (9, [(21, 29)])
    assert (ack.lanes["alarm"].upto, ack.lanes["alarm"].ranges) == (10, [(25, 30)])
    found = desk.epoch(EPOCH)
    assert found["missing"] == [[11, 20]]
    assert found["lanes"]["status"]["missing"] == [[10, 19]]
    assert (found["chain"]["upto"], found["chain"]["whole"]) == (10, False)
    desk.saved(EPOCH, links[10:20])
    assert covered(desk.ack(EPOCH), links) == set(range(1, 31))
    assert desk.ack(EPOCH).lanes["status"].ranges == []
    assert desk.epoch(EPOCH)["chain"]["whole"]


Scenario = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["", "", "commit", "commit", "kill", "reopen"])))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Scenario)
def test_any_order_with_kills_in_between(desk: Desk, steps: list[tuple[int, str]]) -> None:
    desk.forget()
    _walk(desk, steps)


def _walk(desk: Desk, steps: list[tuple[int, str]]) -> None:
    epoch = new_epoch()
    links = chain(36, epoch)
    committed: set[int] = set()
    waiting: set[int] = set()
    for pick, then in steps:
        group = links[3 * pick : 3 * pick + 3]
        desk.take(epoch, group)
        waiting |= {link.row.seq for link in group}
        if then == "kill":
            desk.forget()
            waiting = set()
        elif then:
            desk.commit()
            committed, waiting = committed | waiting, set()
            if then == "reopen":
                desk.reopen()
            assert covered(desk.ack(epoch), links) == committed
    desk.forget()
    desk.saved(epoch, links)
    assert covered(desk.ack(epoch), links) == set(range(1, 37))
    found = desk.epoch(epoch)
    assert (found["chain"]["whole"], found["rows"], found["first"], found["last"]) == (True, 36, 1, 36)


# --- what must never become a fact ---


def test_tampered_row_is_refused_and_its_neighbours_are_stored(desk: Desk) -> None:
    links = chain(5, EPOCH)
    row = links[2].row
    links[2] = Link(row._replace(data=canonical_data({"closed": False})), links[2].prev_hash)
    outcome = desk.saved(EPOCH, links)
    assert outcome.stored == 4
    assert outcome.refused == [(f"{SITE}/{BOARD}", "row 3 does not have the hash it came with")]
    assert report(desk.where)["totals"]["refused"] == 1
    assert desk.epoch(EPOCH)["missing"] == [[3, 3]]
    assert desk.ack(EPOCH).lanes["status"].upto == 2


def test_row_on_another_boards_topic_is_refused(desk: Desk) -> None:
    (link,) = chain(1, EPOCH)
    desk.sent.rows.append(wire_row(EPOCH, link, board="other"))
    outcome = desk.commit()
    assert outcome.stored == 0
    assert "on the topic of" in outcome.refused[0][1]


def test_same_number_with_another_hash_is_a_conflict(desk: Desk) -> None:
    ours, theirs = chain(10, EPOCH), chain(10, EPOCH, salt="!")
    desk.saved(EPOCH, ours)
    outcome = desk.saved(EPOCH, theirs[5:7])
    assert (outcome.stored, outcome.doubles, sum(outcome.conflicts.values())) == (0, 0, 2)
    assert desk.rows("seq, hash")[5:7] == [(6, ours[5].row.hash), (7, ours[6].row.hash)]
    aside = dict(desk.store.execute("select seq, text from conflict"))
    assert aside == {link.row.seq: canonical_row(link.row).decode() for link in theirs[5:7]}
    for _ in range(2):
        ack = desk.ack(EPOCH)
        assert ack.conflicts == [(6, ours[5].row.hash.hex()), (7, ours[6].row.hash.hex())]
        assert covered(ack, ours) == set(range(1, 11)) - {6, 7}
        assert (ack.lanes["status"].upto, ack.lanes["status"].hash) == (4, ours[3].row.hash.hex())
        assert ack.lanes["status"].ranges == [(8, 9)]
        assert ack.lanes["alarm"].upto == 10
        desk.reopen()
    assert [one["seq"] for one in desk.epoch(EPOCH)["conflicts"]] == [6, 7]


@pytest.mark.parametrize("seq", [1, 4, 5, 9, 10])
def test_ends_of_an_ack_around_a_conflict_are_rows_of_the_lane(desk: Desk, seq: int) -> None:
    ours, theirs = chain(20, EPOCH), chain(20, EPOCH, salt="!")
    desk.saved(EPOCH, ours[:10] + ours[15:])
    desk.saved(EPOCH, [theirs[seq - 1]])
    ack = desk.ack(EPOCH)
    assert covered(ack, ours) == {*range(1, 11), *range(16, 21)} - {seq}
    by_seq = {link.row.seq: link.row for link in ours}
    for lane, mark in ack.lanes.items():
        assert mark.hash == (by_seq[mark.upto].hash if mark.upto else first_hash(EPOCH)).hex()
        assert all(by_seq[last].lane == lane for _, last in mark.ranges)


def test_chain_that_goes_on_from_another_row_is_broken_there(desk: Desk) -> None:
    ours = chain(10, EPOCH)
    desk.saved(EPOCH, ours)
    other = chain(10, EPOCH, salt="!")
    tail = [link for link in chain(20, EPOCH, salt="!") if link.row.seq > 10]
    desk.saved(EPOCH, tail)
    found = desk.epoch(EPOCH)
    assert (found["chain"]["upto"], found["chain"]["broken_at"], found["chain"]["whole"]) == (10, 11, False)
    assert found["conflicts"][0]["theirs"] == other[9].row.hash.hex()
    assert desk.ack(EPOCH).conflicts == [(10, ours[9].row.hash.hex())]


def test_row_that_cannot_be_in_its_lane_is_not_stored(desk: Desk) -> None:
    links = chain(10, EPOCH)
    desk.saved(EPOCH, links)
    row = links[0].row._replace(seq=11, lane_prev=3)
    liar = Link(row._replace(hash=next_hash(links[-1].row.hash, canonical_row(row))), links[-1].row.hash)
    outcome = desk.saved(EPOCH, [liar])
    assert (outcome.stored, len(outcome.refused)) == (0, 1)
    assert desk.epoch(EPOCH)["last"] == 10


def with_gap(links: list[Link]) -> tuple[list[Link], Link]:
    """Rows up to 30 without those of the status lane from 11 to 19, and row 31 which says so."""
    row = links[30].row
    told = {"of_lane": "status", "from_seq": 10, "to_seq": 19, "rows": 8, "bytes": 1000, "reason": "room"}
    row = row._replace(kind="gap", data=canonical_data(told))
    row = row._replace(hash=next_hash(links[30].prev_hash, canonical_row(row)))
    rest = [link for link in links[:30] if not (11 <= link.row.seq <= 19 and link.row.lane == "status")]
    return rest, Link(row, links[30].prev_hash)


def test_gap_row_lets_mark_and_chain_go_on(desk: Desk) -> None:
    rest, gap = with_gap(chain(40, EPOCH))
    desk.saved(EPOCH, rest)
    assert desk.ack(EPOCH).lanes["status"].upto == 9
    assert desk.epoch(EPOCH)["chain"]["upto"] == 10
    desk.saved(EPOCH, [gap])
    for _ in range(2):
        assert desk.ack(EPOCH).lanes["status"].upto == 31
        chain_found = desk.epoch(EPOCH)["chain"]
        assert (chain_found["upto"], chain_found["holes"], chain_found["whole"]) == (31, 2, False)
        assert desk.epoch(EPOCH)["given_up"] == [["status", 10, 19]]
        desk.reopen()


def test_gap_row_that_came_first_is_remembered(desk: Desk) -> None:
    rest, gap = with_gap(chain(40, EPOCH))
    desk.saved(EPOCH, [gap])
    desk.reopen()
    assert desk.ack(EPOCH).lanes["status"].upto == 0
    desk.saved(EPOCH, rest)
    assert desk.ack(EPOCH).lanes["status"].upto == 31


@pytest.mark.parametrize(
    "told",
    [{}, {"of_lane": "x", "from_seq": 1, "to_seq": 2}, {"of_lane": "status", "from_seq": "1", "to_seq": 2}]
    + [{"of_lane": "status", "from_seq": first, "to_seq": last} for first, last in ((0, 2), (3, 2), (1, 99))],
)
def test_gap_row_that_makes_no_sense_is_a_row_like_any_other(desk: Desk, told: dict[str, object]) -> None:
    (first,) = chain(1, EPOCH)
    row = first.row._replace(kind="gap", data=canonical_data(told))
    gap = Link(row._replace(hash=next_hash(first.prev_hash, canonical_row(row))), first.prev_hash)
    assert desk.saved(EPOCH, [gap]).stored == 1
    assert desk.epoch(EPOCH)["given_up"] == []


# --- boards and epochs ---


def test_birth_of_an_unknown_epoch_is_answered_with_nothing(desk: Desk) -> None:
    desk.sent.presences.append(Presence("online", EPOCH, 40, "ab" * 32, "rtc", 5, "0.1.0", "boot"))
    ((_, told),) = desk.commit().acks
    assert told.at_ns > 0
    ack = desk.ack(EPOCH)
    assert {(mark.upto, mark.hash) for mark in ack.lanes.values()} == {(0, first_hash(EPOCH).hex())}
    desk.sent.presences.append(Presence("offline", EPOCH))
    assert desk.commit().acks == []
    (board,) = report(desk.where)["boards"]
    assert (board["state"], board["head_seq"]) == ("offline", 40)


def test_epochs_are_kept_apart(desk: Desk) -> None:
    other = new_epoch()
    desk.saved(EPOCH, chain(5, EPOCH))
    desk.saved(other, chain(7, other))
    assert (desk.ack(EPOCH).lanes["alarm"].upto, desk.ack(other).lanes["status"].upto) == (5, 7)


@pytest.mark.parametrize(
    ("site", "board"), [("", "b"), ("..", "b"), ("A", "b"), ("a", "b/c"), ("x" * 41, "b"), ("é", "b")]
)
def test_names_that_are_no_boards(desk: Desk, site: str, board: str) -> None:
    desk.store.begin()
    with pytest.raises(StrangerError):
        desk.boards.board(site, board)
    assert desk.boards.known(site, board) is None


def test_epochs_of_a_board_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books_module, "EPOCHS_MAX", 2)
    epochs = [new_epoch() for _ in range(3)]
    outcomes = [desk.saved(epoch, chain(2, epoch)) for epoch in epochs]
    assert [outcome.stored for outcome in outcomes] == [2, 2, 0]
    assert "more than are kept" in outcomes[2].refused[0][1]
    assert desk.saved(epochs[0], chain(3, epochs[0])).stored == 1


def test_boards_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.store, "boards_max", 1)
    desk.saved(EPOCH, chain(1, EPOCH))
    desk.batch.of(SITE, "one-more").presences.append(Presence("online", EPOCH))
    assert desk.commit().refused == [(f"{SITE}/one-more", "more than 1 boards")]


def test_same_row_twice_in_one_commit_is_a_double_and_another_one_a_conflict(desk: Desk) -> None:
    ours, theirs = chain(10, EPOCH), chain(10, EPOCH, salt="!")
    outcome = desk.saved(EPOCH, [*ours, ours[4], *ours[6:8], theirs[2]])
    assert (outcome.stored, outcome.doubles, sum(outcome.conflicts.values())) == (10, 3, 1)
    assert [one["seq"] for one in desk.epoch(EPOCH)["conflicts"]] == [3]


def test_rows_old_and_new_in_one_commit(desk: Desk) -> None:
    links = chain(1200, EPOCH)
    desk.saved(EPOCH, links[:1000:2])
    outcome = desk.saved(EPOCH, links)
    assert (outcome.stored, outcome.doubles) == (700, 500)
    assert desk.epoch(EPOCH)["chain"]["whole"]


def test_many_boards_in_one_commit(desk: Desk) -> None:
    epochs = {f"board-{number}": new_epoch() for number in range(30)}
    for name, epoch in epochs.items():
        rows = [wire_row(epoch, link, board=name) for link in chain(7, epoch)]
        desk.batch.of(SITE, name).rows.extend(rows)
        desk.batch.of(SITE, name).presences.append(Presence("online", epoch, 7))
    outcome = desk.commit()
    assert outcome.stored == 210
    assert {(board.board, ack.epoch, ack.lanes["status"].upto) for board, ack in outcome.acks} == {
        (name, epoch, 7) for name, epoch in epochs.items()
    }
    totals = report(desk.where)["totals"]
    assert (totals["boards"], totals["rows"], totals["chains_whole"]) == (30, 210, True)
    assert len(report(desk.where, f"{SITE}/board-3")["boards"]) == 1


def test_full_disk_forgets_what_was_not_committed(tmp_path: Path) -> None:
    desk = Desk(Where(str(tmp_path)))
    assert isinstance(desk.store, SqliteStore)
    links = chain(2000, EPOCH)
    desk.saved(EPOCH, links[:100])
    ((pages,),) = desk.store.execute("pragma page_count")
    desk.store.execute(f"pragma max_page_count={pages + 5}")
    with pytest.raises(DatabaseError, match="full"):
        desk.saved(EPOCH, links[100:])
    desk.forget()
    assert covered(desk.ack(EPOCH), links) == set(range(1, 101))
    desk.store.execute("pragma max_page_count=1000000")
    desk.saved(EPOCH, links[50:])
    assert covered(desk.ack(EPOCH), links) == set(range(1, 2001))
    assert desk.epoch(EPOCH)["doubles"] == 50
    desk.store.close()


def test_two_collectors_at_one_board_at_the_same_time(postgres: Postgres, tmp_path: Path) -> None:
    """Rows dealt out by turns, commits at the same moments: no mark is lost over the other's."""
    where = Where(postgres.fresh(), str(tmp_path))
    links, failed = chain(600, EPOCH), list[BaseException]()

    def work(part: int) -> None:
        desk = Desk(where)
        try:
            for first in range(3 * part, 600, 6):
                desk.saved(EPOCH, links[first : first + 3])
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            desk.store.close()

    threads = [Thread(target=work, args=(part,)) for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    ((told,),) = [board["epochs"] for board in report(where)["boards"]]
    assert (told["rows"], told["missing"], told["chain"]["upto"], told["chain"]["whole"]) == (600, [], 600, True)
    assert [lane["upto"] for lane in told["lanes"].values()] == [600, 599]
