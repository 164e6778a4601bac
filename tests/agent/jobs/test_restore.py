"""The restore test of backups, and backups and pruning killed at any moment: real files, real kill -9."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_jobs import BackupSite, forge

from agent.core import records
from agent.core.events import AlarmRaised, HoldRequested, LinkUp, PumpStarted, Signal, VisitClosed
from agent.jobs import backup
from agent.jobs.restore import FOLDER
from agent.journal import Cursor, Journal
from agent.journal.backup import verify_journal
from agent.journal.check import check_chain
from agent.journal.holds import holds
from agent.journal.projections import every, open_alarms

UPLINK = '\n[uplink]\nbroker = "mqtt://127.0.0.1:1"\n'


class Site(BackupSite):
    """And what stands open."""

    def troubles(self) -> list[str]:
        with self.desk() as desk:
            return list(desk.troubles())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.note(1, AlarmRaised(source="a-1", signal=Signal.ALARM, on="smoke.detected", of="p"))
    return made


def test_a_backup_is_restored_once_a_month_and_what_it_lacks_is_told(site: Site) -> None:
    site.record("gate", 1)
    site.paths.secrets.write_text("")
    site.paths.secrets.chmod(0o600)
    for hours in (0, 24, 28 * 24, 3 * 24):
        site.later(hours)
        site.back_up()
    first, second = site.rows("backup.restore_tested")
    values, verified = first.values(), site.rows("backup.verified")[0].values()
    assert (values["path"], values["upto"], values["cameras"]) == (verified["path"], verified["upto"], 1)
    assert int(str(values["facts"])) >= 1, "the alarm that is latched"
    assert values["lacks"] == ["secrets.toml"]
    assert second.values()["path"] == site.rows("backup.verified")[-1].values()["path"], "of the newest one"
    assert not (site.paths.data / FOLDER).exists()


def spoil_chain(copy: Path) -> None:
    forge(copy / "journal.db", "update row set data = '{}' where seq = 2")


def cut_rows(copy: Path) -> None:
    forge(copy / "journal.db", "delete from row where seq = (select max(seq) from row)")


def spoil_index(copy: Path) -> None:
    with (copy / "media.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)


def spoil_site(copy: Path) -> None:
    (copy / "site.toml").write_text("[site\n")


@pytest.mark.parametrize("spoil", [spoil_chain, cut_rows, spoil_index, spoil_site])
def test_a_backup_that_cannot_be_restored_is_told(site: Site, spoil: Callable[[Path], None]) -> None:
    site.record("gate", 1)
    site.back_up()
    site.later(31 * 24)
    real = backup._back_up
    with pytest.MonkeyPatch.context() as patch:

        def rotten(desk: object, folder: Path) -> None:
            real(desk, folder)  # type: ignore[arg-type]
            spoil(max(folder.iterdir()))

        patch.setattr(backup, "_back_up", rotten)
        site.back_up()
    assert site.troubles() == ["backup restore failed"]
    assert len(site.rows("backup.restore_tested")) == 1
    site.later(25)
    site.back_up()
    assert site.troubles() == [], "the next backup can be restored"
    assert len(site.rows("backup.restore_tested")) == 2


def test_what_binds_and_what_is_kept_come_back_in_their_order(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LEAST", 10)
    made = Site(site.disk.parent / "other")
    made.note(250)
    for _ in range(3):
        made.note(200, VisitClosed(source="v-1", by="anna"))
        made.note(
            200, PumpStarted(source="p", cause="demand"), *(LinkUp(source="uplink", broker="b") for _ in range(20))
        )
    made.policy()
    before = in_force(made)
    made.back_up()
    assert sound(made) > 40
    assert in_force(made) == before


def test_a_deletion_that_was_cut_short_is_no_broken_chain(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LEAST", 10)
    made = Site(site.disk.parent / "other")
    made.note(250)
    made.note(200, *(LinkUp(source="uplink", broker="b") for _ in range(40)))
    made.policy()
    with monkeypatch.context() as patch:
        patch.setattr("agent.journal.prune._delete", lambda journal, upto: iter([journal.delete_below(upto, 15)]))
        made.back_up()
    assert made.rows()[0].seq == 16, "killed after the first of three"
    assert sound(made) > 40
    made.back_up()
    assert made.rows()[0].seq == sound(made) > 40


def test_a_copy_whose_removal_was_cut_short_does_not_stay(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        site.back_up()
        site.later(24)
    with monkeypatch.context() as patch:

        def killed(path: Path) -> None:
            (path / "journal.db").unlink()
            raise KeyboardInterrupt

        patch.setattr("agent.jobs.backup.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            site.back_up()
    assert len(list(site.disk.iterdir())) == 3
    site.later(24)
    site.back_up()
    assert len(list(site.disk.iterdir())) == 2


# --- killed ---


def in_a_child(work: Callable[[], None], kill_after_s: float) -> bool:
    """Whether it came to its end before it was killed."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    time.sleep(kill_after_s)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return os.WIFEXITED(status)


def in_force(site: Site) -> tuple[object, ...]:
    journal = Journal.open_to_read(site.paths.journal)
    kept = [(row.kind, row.source, row.data, row.at_ns) for row in every(journal, "pump.started", "visit.closed")]
    found = (set(open_alarms(journal)), set(holds(journal)), kept)
    journal.close()
    return found


def sound(site: Site) -> int:
    """The journal is proven, and each backup that a row names is whole; the journal's first row."""
    journal = Journal.open_to_read(site.paths.journal)
    report = check_chain(journal)
    named = [row.values() for row in journal.read(kinds=("backup.verified",), limit=10_000)]
    journal.close()
    assert report.bad_seq is None, report
    for values in named:
        path = Path(str(values["path"])) / "journal.db"
        if path.exists():
            found = verify_journal(path)
            assert (found.head_seq, found.head_hash.hex()) == (values["upto"], values["hash"])
    return report.first_seq


def old_rows(site: Site, number: int) -> None:
    """What may go, and in between what binds or is kept for longer."""
    held = HoldRequested(source="cli", hold=f"h-{number}", cameras=["gate"], from_ns=1, to_ns=2, reason="x", by="anna")
    site.note(200, held, *(LinkUp(source="uplink", broker="b") for _ in range(60)))
    site.note(200, PumpStarted(source="p", cause="demand"), VisitClosed(source="v-1", by="anna"))


@pytest.mark.timeout(900)
def test_killed_at_any_moment_of_a_backup_and_of_pruning_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: Callable[[int, int], int]
) -> None:
    """The uplink is at work meanwhile: its mark goes on, and no row past it goes."""
    monkeypatch.setattr(records, "LEAST", 10)
    count = rounds(12, 100)
    site, dice = Site(tmp_path, "every_h = 1\nrestore_test_days = 1\n" + UPLINK), random.Random(11)
    site.note(250)
    for number in range(count):
        old_rows(site, number)
    site.policy()
    before, acknowledged, killed, firsts, times = in_force(site), 0, 0, {1}, [0.3]
    for _ in range(count):
        began = time.monotonic()
        if in_a_child(site.back_up, dice.uniform(0, 1.1 * max(times[-5:]))):
            times.append(time.monotonic() - began)
        else:
            killed += 1
        assert in_force(site) == before
        firsts.add(sound(site))
        assert max(firsts) <= max(1, acknowledged), "a row that the centre has not acknowledged is gone"
        acknowledged = acknowledge(site, dice)
        site.later(dice.choice((0, 1, 1)))
    site.later(1)
    site.back_up()
    assert (in_force(site), site.troubles()) == (before, [])
    assert 1 < sound(site) <= acknowledged
    assert (killed >= count // 4, len(firsts) >= 3) == (True, True), "at too few moments to prove anything"
    assert not list(site.disk.glob("*.part"))
    assert not (site.paths.data / FOLDER).exists()
    assert len(list(site.disk.iterdir())) == 2


def acknowledge(site: Site, dice: random.Random) -> int:
    """The centre acknowledges some more; the row up to which it has all."""
    with contextlib.closing(Journal.open_to_read(site.paths.journal)) as journal:
        head = journal.head()[0]
        with contextlib.closing(Cursor(site.paths.cursor("uplink"))) as cursor:
            least = min(cursor.get(journal.epoch, lane) for lane in ("alarm", "status"))
            upto = min(head, least + dice.randint(0, 130))
            for lane in ("alarm", "status"):
                cursor.set(journal.epoch, lane, max(upto, cursor.get(journal.epoch, lane)))
    return upto
