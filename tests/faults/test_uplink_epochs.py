"""A new journal, and a restored one, while the collector holds marks of the old: old marks never swallow new alarms."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_far import Far
from sp_uplink import SOON, UplinkSite, alarm_row, status_row, until

from agent.core.wire import Ack, LaneAck


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def far(tmp_path: Path, broker: Broker) -> Iterator[Far]:
    with Far(tmp_path / "far", broker.url) as far:
        yield far


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[UplinkSite]:
    with UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        yield site


def journal_files(site: UplinkSite) -> list[Path]:
    return [path for path in site.paths.data.glob("journal.db*") if "journal.db" in path.name]


def delivered(site: UplinkSite, far: Far) -> bool:
    return far.has(site.journal.epoch, site.journal.head()[0])


def keep(site: UplinkSite, copy: Path) -> None:
    """A backup of the journal as it is now."""
    site.close_journal()
    shutil.copy(site.paths.journal, copy)


def restore(site: UplinkSite, copy: Path) -> None:
    """The backup in the journal's place, everything of ours being stopped."""
    site.close_journal()
    for path in site.paths.data.glob("journal.db*"):
        path.unlink()
    shutil.copy(copy, site.paths.journal)


def sources(far: Far) -> set[str]:
    """Doors whose opening the collector has, whatever the epoch."""
    import sqlite3

    with sqlite3.connect(f"file:{far.folder}/collector.db?mode=ro", uri=True) as db:
        return {row[0] for row in db.execute("select source from row where kind = 'door.opened'")}


def test_a_new_journal_starts_over_whatever_the_collector_holds(site: UplinkSite, far: Far) -> None:
    site.append(status_row(n) for n in range(500))
    site.start()
    until(lambda: delivered(site, far), "delivered")
    old = site.journal.epoch
    site.stop()
    site.close_journal()
    for path in site.paths.data.glob("journal.db*"):
        path.unlink()
    site.append([alarm_row(n) for n in range(20)])
    assert site.journal.epoch != old
    site.start()
    until(lambda: delivered(site, far), "the new journal too, from its first row")
    assert {f"door-{n}" for n in range(20)} <= sources(far)
    assert far.epoch(old)["chain"]["whole"]
    assert not far.epoch(site.journal.epoch)["conflicts"]


@pytest.mark.parametrize("new_rows", [5, 400], ids=["behind the mark", "grown past the mark"])
def test_a_restored_journal_begins_a_new_epoch_and_loses_no_alarm(
    site: UplinkSite, far: Far, tmp_path: Path, new_rows: int
) -> None:
    """Backup at 100 rows, 200 more delivered, then the backup is put back and alarms go on."""
    site.append(status_row(n) for n in range(100))
    copy = tmp_path / "backup.db"
    keep(site, copy)
    site.append([status_row(n) for n in range(200)])
    site.start()
    until(lambda: delivered(site, far), "delivered")
    old = site.journal.epoch
    site.stop()
    restore(site, copy)
    site.append([alarm_row(n) for n in range(new_rows)])
    assert site.journal.epoch == old
    site.start()

    def moved_on() -> bool:
        site.close_journal()
        return site.journal.epoch != old

    until(moved_on, "a new epoch")
    until(lambda: delivered(site, far), "all of it arrives", 60)
    assert {f"door-{n}" for n in range(new_rows)} <= sources(far)
    opened = site.rows("journal.opened")[0]
    assert (opened.values()["reason"], opened.values()["before"]) == ("restored", old)
    assert opened.signal == "trouble"
    assert any(row.values()["epoch"] == old for row in site.rows("link.conflict")), "the conflict is a row"


def test_marks_of_another_epoch_move_nothing(broker: Broker, site: UplinkSite) -> None:
    """Ranges carry no hash: only their epoch says that they are not about these rows."""
    with Acker(broker.port, answer=False) as far:
        site.append([alarm_row(n) for n in range(50)])
        site.start()
        until(lambda: far.presence, "born")
        other = "01234567-89ab-cdef-0123-456789abcdef"
        far.acknowledge(other, lambda ack: Ack(other, {"alarm": LaneAck(0, "", [(1, 51)])}, ack.at_ns))
        until(lambda: site.status().get("other_epoch_acks"), "it is counted")
        assert set(site.status()["cursors"].values()) == {0}
        far.answer = True
        far.acknowledge(site.journal.epoch)
        until(lambda: min(site.status()["cursors"].values()) > 50, "our own move them")


def test_a_far_end_that_lies_makes_one_new_epoch_and_no_more(broker: Broker, site: UplinkSite) -> None:
    """Whoever may publish acks cannot have the journal moved aside again and again, nor rows taken as delivered."""

    def lie(ack: Ack) -> Ack:
        return Ack(ack.epoch, {"status": LaneAck(3, "ab" * 32), "alarm": LaneAck(10**9, "cd" * 32)}, ack.at_ns)

    def epoch() -> str:
        site.close_journal()
        return site.journal.epoch

    with Acker(broker.port, answer=False) as far:
        site.append([status_row(n) for n in range(50)])
        first = site.journal.epoch
        site.start()
        until(lambda: far.presence, "born")
        far.acknowledge(first, lie)
        second = until(lambda: epoch() != first and epoch(), "a new epoch")
        until(lambda: far.presence[-1].epoch == second, "born again")
        for _ in range(3):
            far.acknowledge(second, lie)
        until(lambda: [r for r in site.rows("link.conflict") if r.values()["epoch"] == second], "the lie is a row")
        until(lambda: set(site.status()["cursors"].values()) == {0}, "and nothing counts as delivered")
        assert epoch() == second
        far.acknowledge(second)
        far.answer = True
        until(lambda: set(far.of_epoch(second)) >= set(range(1, site.journal.head()[0] + 1)), "the truth still works")
