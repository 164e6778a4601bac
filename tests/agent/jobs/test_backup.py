"""Backups that are read back, and rows of the journal that go once they are in one: real files, injected clock."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sp_jobs import DAY_NS, HOUR_NS, BackupSite, forge

from agent.core import records
from agent.core.chain import Row
from agent.core.events import (
    AlarmRaised,
    ApprovalRequested,
    BackupVerified,
    ClipReady,
    DoorOpened,
    HoldRequested,
    LinkUp,
    PumpStarted,
    Signal,
    VisitClosed,
)
from agent.core.statements import Request
from agent.footage.index import MediaIndex
from agent.jobs import backup
from agent.journal import Cursor, Journal
from agent.journal.check import check_chain
from agent.journal.holds import holds
from agent.journal.projections import approvals, every, open_alarms

KEPT = ("pump.started", "visit.closed", "approval.requested", "statement.signed")


class Site(BackupSite):
    """And what readers see of it."""

    def copies(self) -> list[Path]:
        return sorted(self.disk.iterdir())

    def first_seq(self) -> int:
        return self.rows()[0].seq

    def all_of(self, *kinds: str) -> list[tuple[str, str, str, int]]:
        """What readers see of these kinds: carried or not, each once."""
        journal = Journal.open_to_read(self.paths.journal)
        try:
            return [(row.kind, row.source, row.data, row.at_ns) for row in every(journal, *kinds)]
        finally:
            journal.close()

    def proven(self) -> None:
        journal = Journal.open_to_read(self.paths.journal)
        report = check_chain(journal)
        journal.close()
        assert report.bad_seq is None, report


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(records, "LEAST", 10)
    made = Site(tmp_path)
    made.note(250)
    return made


def verified(site: Site) -> list[Row]:
    return site.rows("backup.verified")


# --- backups ---


def test_a_backup_is_read_back_and_can_be_restored(site: Site, tmp_path: Path) -> None:
    site.record("gate", 2)
    site.note(1, *(LinkUp(source="uplink", broker="b") for _ in range(20)))
    site.back_up()
    (row,), (copy,) = verified(site), site.copies()
    values = row.values()
    assert (values["path"], values["files"], values["apart"]) == (str(copy), 3, False)
    restored = tmp_path / "restored"
    shutil.copytree(copy, restored)
    journal = Journal.open_to_read(restored / "journal.db")
    assert journal.head() == (values["upto"], bytes.fromhex(str(values["hash"])))
    assert check_chain(journal).bad_seq is None
    journal.close()
    index = MediaIndex(restored / "media.db", create=False)
    assert len(index.segments("gate")) == 8
    index.close()
    assert (restored / "site.toml").read_text() == site.paths.site.read_text()


def test_one_a_day_and_the_oldest_goes(site: Site) -> None:
    for hours in (0, 1, 20, 3, 24, 24):
        site.later(hours)
        site.back_up()
    assert len(verified(site)) == 4, "at 0, 24, 48 and 72 hours"
    assert [str(row.values()["path"]) for row in verified(site)][-2:] == [str(path) for path in site.copies()]


def test_hourly_looks_never_let_it_be_older_than_a_day(site: Site) -> None:
    site.back_up()
    for _ in range(60):
        site.later(62 / 60)  # what a pass takes comes on top of the hour
        before = site.now.at_ns
        site.back_up()
        ages = [before - row.at_ns for row in verified(site)]
        assert min(age for age in ages if age >= 0) <= DAY_NS
    made = [row.at_ns for row in verified(site)]
    assert all(22 * HOUR_NS <= later - earlier <= DAY_NS for earlier, later in itertools.pairwise(made))
    assert len(made) >= 3
    assert site.troubles() == {}


def test_a_copy_that_is_not_whole_is_no_backup(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.note(1, *(LinkUp(source="uplink", broker="b") for _ in range(20)))
    real = backup.copy_database

    def rotten(source: Path, target: Path) -> int:
        size = real(source, target)
        if target.name == "journal.db":
            forge(target, "update row set at_ns = at_ns + 1 where seq = 7")
        return size

    monkeypatch.setattr(backup, "copy_database", rotten)
    site.back_up()
    assert "row 7 of the copy" in site.troubles()["backup failed"]
    assert "backup late" in site.troubles()
    assert verified(site) == []
    monkeypatch.undo()
    site.back_up()
    assert site.troubles() == {}
    assert [path.suffix for path in site.copies()] == [""], "what was half-made is gone"


def test_a_disk_that_is_not_there_or_a_copy_that_vanished_is_told(site: Site) -> None:
    site.back_up()
    shutil.rmtree(site.copies()[0])
    site.disk.rmdir()
    site.back_up()
    assert "is the disk of the backups mounted" in site.troubles()["backup failed"]
    assert "there is none" in site.troubles()["backup late"]
    site.disk.mkdir()
    site.back_up()
    assert site.troubles() == {}


def test_a_disk_of_backups_that_is_not_mounted_is_not_taken_for_the_folder_under_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(backup, "_copied", apart(backup._copied))
        site.back_up()
    for copy in site.copies():
        shutil.rmtree(copy)
    site.later(24)
    site.back_up()
    assert "is it mounted" in site.troubles()["backup failed"]
    assert site.copies() == []


def apart(copied: Callable[..., BackupVerified]) -> Callable[..., BackupVerified]:
    """As if the copy lay on another disk."""
    return lambda *about: replace(copied(*about), apart=True)


def test_a_backup_that_is_late_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.back_up()
    monkeypatch.setattr(backup, "_back_up", lambda *_: None)
    site.later(24)
    site.back_up()
    assert site.troubles() == {}
    site.later(0.02)
    site.back_up()
    assert "the last one is of row" in site.troubles()["backup late"]


def test_a_full_disk_is_not_filled(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "MIB", 2**50)
    site.back_up()
    assert "a backup needs" in site.troubles()["backup failed"]
    assert site.copies() == []


# --- rows that go ---


def old_rows(site: Site) -> None:
    """Fifty ordinary rows of 200 days ago, what binds or is a register among them, and ten of yesterday."""
    site.note(201, HoldRequested(source="cli", hold="h-1", cameras=["gate"], from_ns=1, to_ns=2, reason="x", by="anna"))
    site.note(
        200,
        AlarmRaised(source="a-1", signal=Signal.ALARM, on="smoke.detected", of="p"),
        PumpStarted(source="pump-1", cause="demand"),
    )
    site.note(200, *(LinkUp(source="uplink", broker="b") for _ in range(50)), VisitClosed(source="v-1", by="anna"))
    site.note(1, *(LinkUp(source="uplink", broker="b") for _ in range(10)))


def seen(site: Site) -> tuple[object, ...]:
    """What must be the same before and after."""
    journal = Journal.open_to_read(site.paths.journal)
    found = (set(open_alarms(journal)), set(holds(journal)), set(approvals(journal)))
    journal.close()
    return found


def test_rows_past_their_time_go_and_nothing_that_binds_or_is_kept_longer(site: Site) -> None:
    old_rows(site)
    policy = site.policy()
    before, kept = seen(site), site.all_of(*KEPT)
    site.back_up()
    (told,) = site.rows("journal.pruned")
    values = told.values()
    assert (values["authority"], values["approver"], values["backup"]) == (policy, "chen", str(site.copies()[0]))
    assert values["upto"] == site.first_seq() - 1
    assert len(site.all_of("link.up")) == 10
    assert (seen(site), site.all_of(*KEPT)) == (before, kept), "with the times they had"
    site.proven()
    site.later(24)
    site.back_up()
    assert len(site.rows("journal.pruned")) == 1, "not worth it again"
    site.proven()


def test_registers_go_when_their_own_time_is_over(site: Site) -> None:
    old_rows(site)
    site.policy()
    site.back_up()
    site.note(0, *(LinkUp(source="uplink", broker="b") for _ in range(60)))
    site.now = site.now._replace(at_ns=site.now.at_ns + 1830 * DAY_NS, mono_ns=site.now.mono_ns + 1830 * DAY_NS)
    site.sign(site.ask("policy", SCOPE), "policy", SCOPE, iat=site.now.at_ns // 10**9)
    site.back_up()
    (told,) = site.rows("journal.pruned")  # the first is past its time, too
    assert told.values()["upto"] == site.first_seq() - 1
    assert site.all_of("visit.closed") == []
    assert len(site.all_of("pump.started")) == 1, "what a pump did last"
    assert seen(site)[0] == {"a-1"}, "an alarm that nobody has reset"
    site.proven()


SCOPE = {"about": "retention", "overwrite": "no"}


def test_what_was_revoked_since_stays_revoked(site: Site) -> None:
    """The approval is carried past its refusal, and is older all the same."""
    asked = Request("r-1", "policy", "anna", SCOPE)
    site.note(
        200,
        ApprovalRequested(source="cli", request="r-1", what="policy", scope=SCOPE, by="anna", reason=""),
        site.chen.states(asked, exp=site.now.at_ns // 10**9 + 86400).event(),
        *(LinkUp(source="uplink", broker="b") for _ in range(30)),
    )
    site.note(1, site.chen.states(asked, verdict="refuse").event())
    site.policy("yes")
    for _ in range(2):
        with site.desk() as desk:
            assert [one.scope["overwrite"] for one in desk.approved("policy", desk.now())] == ["yes"]
        site.back_up()
    assert site.first_seq() > 30


@pytest.mark.parametrize("lacks", ["policy", "backup", "clock"])
def test_nothing_goes_without(site: Site, lacks: str) -> None:
    old_rows(site)
    if lacks != "policy":
        site.policy()
    if lacks == "backup":
        site.paths.site.write_text(site.paths.site.read_text().replace(f'path = "{site.disk}"', 'path = ""'))
    if lacks == "clock":
        site.now = site.now._replace(at_ns=site.now.at_ns - DAY_NS)
    site.back_up()
    assert site.first_seq() == 1
    assert site.rows("journal.pruned") == []


def test_what_a_backup_lacks_stays(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.note(200, *(LinkUp(source="uplink", broker="b") for _ in range(30)))
    site.back_up()
    site.note(200, *(LinkUp(source="uplink", broker="b") for _ in range(30)))
    site.policy()
    site.back_up()
    assert site.first_seq() == int(str(verified(site)[0].values()["upto"])) + 1
    assert len(site.all_of("link.up")) == 30


def test_a_reader_is_never_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LEAST", 10)
    site = Site(tmp_path, '\n[uplink]\nbroker = "mqtt://127.0.0.1:1"\n')
    site.note(250)
    old_rows(site)
    site.policy()
    site.back_up()
    assert site.first_seq() == 1, "it has read nothing yet"
    journal = Journal.open_to_read(site.paths.journal)
    cursor = Cursor(site.paths.cursor("uplink"))
    cursor.set(journal.epoch, "alarm", 40)
    cursor.set(journal.epoch, "status", 30)
    cursor.close()
    journal.close()
    site.back_up()
    assert site.first_seq() == 30, "the row that its mark stands on is there, by which it knows the journal"


def test_killed_before_the_rows_went_they_are_gone_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    old_rows(site)
    site.policy()
    before, kept = seen(site), site.all_of(*KEPT)
    monkeypatch.setattr("agent.journal.prune._delete", lambda *_: iter(()))
    site.back_up()
    assert site.first_seq() == 1
    assert (seen(site), site.all_of(*KEPT)) == (before, kept), "nothing is seen twice"
    monkeypatch.undo()
    site.back_up()
    assert site.first_seq() > 50
    assert (seen(site), site.all_of(*KEPT)) == (before, kept)
    site.proven()


def test_the_row_of_a_clip_that_lies_there_stays(site: Site) -> None:
    told = {"bytes": 1, "sha256": "ab" * 32, "from_ns": 1, "to_ns": 2, "short_ms": 0}
    for clip in ("here", "gone"):
        site.note(200, ClipReady(source="gate", clip=clip, path=f"clips/{clip}.mp4", **told))
    site.note(200, *(DoorOpened(source="door") for _ in range(30)))
    site.paths.clips.mkdir()
    (site.paths.clips / "here.mp4").write_bytes(b"x")
    site.policy()
    site.back_up()
    assert site.first_seq() > 30
    assert ["here" in data for _, _, data, _ in site.all_of("clip.ready")] == [True]
