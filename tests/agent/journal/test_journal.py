"""Appending, reading, chaining; several writers; files, modes, corruption, full disks, epochs, pruning."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.chain import Stamp, canonical_row, first_hash, next_hash
from agent.core.events import (
    AlarmAcknowledged,
    AlarmRaised,
    AlarmReset,
    ClipReady,
    ClipRequested,
    ClockSet,
    DoorOpened,
    PointChanged,
    Signal,
)
from agent.journal import Cursor, Journal, JournalError, JournalMoved
from agent.journal.check import check_chain
from agent.journal.projections import clock_anchors, corrected_ns, open_alarms, pending_clips, undelivered_clips
from agent.journal.prune import prune
from agent.journal.restart import restart_epoch

CHANGE = PointChanged(source="door-1", closed=True, edge_mono_ns=1, decided_mono_ns=2)
ALARM = AlarmRaised(source="pump.fail_to_start:pump-1", on="pump.fail_to_start", of="pump-1", signal=Signal.ALARM)


def test_first_row_names_the_epoch_and_follows_from_it(journal: Journal) -> None:
    (row,) = journal.read()
    assert (row.seq, row.kind, row.lane_prev) == (1, "journal.opened", 0)
    assert row.values()["epoch"] == journal.epoch
    assert row.hash == hashlib.sha256(hashlib.sha256(journal.epoch.encode()).digest() + canonical_row(row)).digest()


def test_rows_come_back_as_appended_chained_and_laned(journal: Journal) -> None:
    written = journal.append(CHANGE, ALARM, CHANGE)
    assert [r.lane for r in written] == ["status", "alarm", "status"]
    assert [(r.seq, r.lane_prev) for r in written] == [(2, 0), (3, 1), (4, 2)]
    assert journal.read(1) == written
    for before, row in zip([*journal.read(limit=1), *written], written, strict=False):
        assert row.hash == next_hash(before.hash, canonical_row(row))
    assert journal.head() == (4, written[-1].hash)


def test_canonical_row_is_a_json_array_in_column_order(journal: Journal) -> None:
    (row,) = journal.append(DoorOpened(source="泵房门", signal=Signal.SUPERVISORY))
    array = json.loads(canonical_row(row))
    assert array[0] == row.seq
    assert array[7:] == ["door.opened", "泵房门", "supervisory", {"found": False}]


def test_a_float_never_gets_into_a_row(journal: Journal) -> None:
    with pytest.raises(ValueError, match="float"):
        journal.append(DoorOpened(source="d", found=0.5))  # type: ignore[arg-type]
    assert journal.head()[0] == 1


def test_reading_by_lane_kind_and_source(journal: Journal) -> None:
    journal.append(CHANGE, ALARM, PointChanged(source="door-2", closed=False, edge_mono_ns=1, decided_mono_ns=2))
    assert [r.seq for r in journal.read(lane="status")] == [2, 4]
    assert [r.seq for r in journal.read(lane="alarm")] == [1, 3]
    assert [r.seq for r in journal.read(kinds=["point.changed"], source="door-2")] == [4]
    assert [r.seq for r in journal.read(limit=2)] == [1, 2]
    assert [(r.seq, h) for r, h in journal.read_chained(0, "alarm", 9)] == [
        (1, first_hash(journal.epoch)),
        (3, journal.row(2).hash),  # type: ignore[union-attr]
    ]


def test_a_row_is_never_changed_and_goes_only_below_a_checkpoint(journal: Journal, tmp_path: Path) -> None:
    journal.append(CHANGE)
    raw = sqlite3.connect(tmp_path / "journal.db")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        raw.execute("update row set source = 'x' where seq = 2")
    with pytest.raises(sqlite3.IntegrityError, match="below a checkpoint"):
        raw.execute("delete from row where seq = 2")
    with pytest.raises(sqlite3.IntegrityError, match="epoch"):
        raw.execute("update meta set value = 'x'")
    raw.close()


def test_readers_never_create_and_never_write(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal here"):
        Journal.open_to_read(tmp_path / "elsewhere.db")
    assert not (tmp_path / "elsewhere.db").exists()
    reader = Journal.open_to_read(tmp_path / "journal.db")
    with pytest.raises(JournalError, match="opened to read"):
        reader.append(CHANGE)
    journal.append(CHANGE)
    assert [r.seq for r in reader.read(1)] == [2]
    reader.close()


# --- several processes ---

_WRITER = """
import sys, time
from pathlib import Path
from agent.core.chain import Stamp
from agent.core.events import PointChanged
from agent.journal import Journal
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
stamp = lambda: Stamp(time.time_ns(), "b", time.monotonic_ns(), "rtc")
journal = Journal.open(folder / "journal.db", folder / "run" / "bell", stamp)
for i in range(count):
    row, = journal.append(PointChanged(source=name, closed=True, edge_mono_ns=i, decided_mono_ns=i))
    print(row.seq, flush=True)
"""


def _writer(folder: Path, name: str, count: int, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], **more)  # type: ignore[call-overload,no-any-return]


def test_several_processes_write_one_chain(journal: Journal, tmp_path: Path) -> None:
    writers = [_writer(tmp_path, f"point-{i}", 150) for i in range(3)]
    acknowledged = {int(line) for writer in writers for line in writer.communicate()[0].split()}
    assert len(acknowledged) == 450
    report = check_chain(journal)
    assert (report.bad_seq, report.rows) == (None, 451)
    for i in range(3):
        rows = journal.read(source=f"point-{i}", limit=1000)
        assert [r.values()["edge_mono_ns"] for r in rows] == list(range(150))


def test_kill_9_loses_no_acknowledged_row(journal: Journal, tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    for turn in range(rounds(5, 50)):
        writer = _writer(tmp_path, f"writer-{turn}", 100_000)
        assert writer.stdout is not None
        seen = [int(writer.stdout.readline()) for _ in range(10 + turn)]
        writer.kill()
        seen += [int(line) for line in writer.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
        assert journal.row(seen[-1]) is not None
        assert len(seen) == len(set(seen))
    assert check_chain(journal).bad_seq is None


def test_another_user_of_the_group_may_write(tmp_path: Path, clock: Callable[[], Stamp]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, user=60002, group=60002, cwd="/")
    except OSError:
        pytest.skip("the Python of these tests is closed to other users")
    folder = Path("/tmp") / f"standpipe-journal-{os.getpid()}"
    folder.mkdir()
    try:
        os.chown(folder, 0, 60001)
        folder.chmod(0o2770)
        os.umask(0o022)
        for user in (60002, 60003):
            one = _writer(folder, f"user-{user}", 3, user=user, group=user, extra_groups=[60001])
            one.communicate()
            assert one.returncode == 0
        mode = stat.S_IMODE((folder / "journal.db").stat().st_mode)
        assert mode == 0o660
        outsider = _writer(folder, "outsider", 1, user=60004, group=60004, extra_groups=[], stderr=subprocess.PIPE)
        assert "Permission denied" in outsider.communicate()[1]
    finally:
        subprocess.run(["rm", "-r", str(folder)], check=True)


# --- corrupt, moved, full ---


def _corrupt(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\x00garbage" * 64)


def test_a_corrupt_file_is_moved_aside_and_a_new_epoch_says_so(
    tmp_path: Path, open_journal: Callable[[], Journal]
) -> None:
    old = open_journal()
    old.append(CHANGE)
    epoch = old.epoch
    old.close()
    _corrupt(tmp_path / "journal.db")
    before = (tmp_path / "journal.db").read_bytes()
    new = open_journal()
    (row,) = new.read()
    assert new.epoch != epoch
    assert (row.kind, row.signal, row.values()["reason"]) == ("journal.opened", "trouble", "corrupt")
    assert (tmp_path / str(row.values()["moved_to"])).read_bytes() == before


def test_a_file_that_is_no_database_is_kept_too(tmp_path: Path, open_journal: Callable[[], Journal]) -> None:
    (tmp_path / "journal.db").write_text("not a database at all, but somebody's notes" * 50)
    assert open_journal().read()[0].values()["reason"] == "corrupt"
    assert len(list(tmp_path.glob("journal.db.moved-*"))) == 1


def test_who_has_it_open_while_it_moves_is_told(
    open_journal: Callable[[], Journal], clock: Callable[[], Stamp]
) -> None:
    one, two = open_journal(), open_journal()
    one.append(CHANGE)
    with pytest.raises(JournalMoved):
        one.condemn(clock())
    with pytest.raises(JournalMoved):
        two.append(CHANGE)
    with pytest.raises(JournalMoved):
        two.check_moved()
    three = open_journal()
    assert three.epoch != one.epoch
    assert check_chain(three).bad_seq is None


def test_corruption_met_while_appending_moves_the_file(tmp_path: Path, open_journal: Callable[[], Journal]) -> None:
    one = open_journal()
    one.append(*[CHANGE] * 2000)
    one.close()
    raw = sqlite3.connect(tmp_path / "journal.db")
    (page,) = raw.execute("select rootpage from sqlite_master where name = 'row_alarm'").fetchone()
    raw.close()
    with (tmp_path / "journal.db").open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)  # an index that opening does not look at
    two = open_journal()
    with pytest.raises(JournalMoved):
        two.append(CHANGE)
    three = open_journal()
    three.append(CHANGE)
    assert three.epoch != one.epoch
    assert three.read(limit=1)[0].values()["reason"] == "corrupt"


def _append_for_ever(journal: Journal) -> None:
    while True:
        journal.append(*[CHANGE] * 20)


def test_a_full_disk_is_one_clear_error_and_passes(tmp_path: Path, clock: Callable[[], Stamp]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], check=True)
    try:
        journal = Journal.open(disk / "journal.db", tmp_path / "bell", clock)
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 300_000)
        with pytest.raises(JournalError, match="disk full"):
            _append_for_ever(journal)
        ballast.unlink()
        journal.append(CHANGE)
        assert check_chain(journal).bad_seq is None
        journal.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_wal_stays_bounded(tmp_path: Path, journal: Journal) -> None:
    for _ in range(200):
        journal.append(*[CHANGE] * 100)
    assert (tmp_path / "journal.db-wal").stat().st_size < 8 * 1024 * 1024


# --- check ---


def test_check_names_the_first_row_that_was_changed(journal: Journal, tmp_path: Path) -> None:
    journal.append(*[CHANGE] * 10)
    raw = sqlite3.connect(tmp_path / "journal.db")
    raw.execute("drop trigger row_is_a_fact")
    raw.execute("update row set data = replace(data, 'true', 'false') where seq = 6")
    raw.commit()
    assert check_chain(journal).bad_seq == 6
    raw.execute("drop trigger row_stays")
    raw.execute("delete from row where seq = 4")
    raw.commit()
    report = check_chain(journal)
    assert (report.bad_seq, report.reason) == (5, "row 4 is missing")
    raw.close()


# --- projections ---


def _request(clip: str) -> ClipRequested:
    return ClipRequested(
        source="panel", clip=clip, cameras=["cam-1", "cam-2"], at_ns=1, at_mono_ns=1, boot="b",
        before_s=5, after_s=5, hold=False, cause="test",
    )  # fmt: skip


def _ready(clip: str, camera: str) -> ClipReady:
    return ClipReady(
        source=camera, clip=clip, path="x", bytes=1, sha256="0", from_ns=1, to_ns=2, short_ms=0
    )  # fmt: skip


def test_open_alarms_follow_their_rows(journal: Journal) -> None:
    journal.append(ALARM, AlarmAcknowledged(source=ALARM.source, by="li"))
    (alarm,) = open_alarms(journal).values()
    assert (alarm.acknowledged, alarm.silenced) == (True, False)
    journal.append(ALARM)
    assert not open_alarms(journal)[ALARM.source].acknowledged
    journal.append(AlarmReset(source=ALARM.source, by="li"))
    assert open_alarms(journal) == {}


def test_clips_are_pending_until_answered_and_undelivered_until_confirmed(journal: Journal) -> None:
    journal.append(_request("c-1"), _request("c-2"), _ready("c-1", "cam-1"))
    assert [r.values()["clip"] for r in pending_clips(journal, "cam-1")] == ["c-2"]
    assert [r.values()["clip"] for r in pending_clips(journal, "cam-2")] == ["c-1", "c-2"]
    assert [r.values()["clip"] for r in undelivered_clips(journal)] == ["c-1"]


def test_times_written_before_the_clock_was_set_are_shown_corrected(journal: Journal, clock) -> None:  # type: ignore[no-untyped-def]
    clock.clock = "unset"
    clock.at_ns = 0
    (early,) = journal.append(CHANGE)
    stamp = clock()
    journal.append(ClockSet(source="clock", boot=stamp.boot, mono_ns=stamp.mono_ns, at_ns=10**18, by="ntp"))
    assert corrected_ns(early, clock_anchors(journal)) == 10**18 - (stamp.mono_ns - early.mono_ns)


# --- pruning and new epochs ---


def test_prune_goes_below_a_checkpoint_and_carries_what_is_in_force(journal: Journal) -> None:
    journal.append(CHANGE, ALARM, *[CHANGE] * 20, _request("c-1"), AlarmAcknowledged(source=ALARM.source, by="li"))
    head = journal.head()[0]
    before = open_alarms(journal)
    gone = prune(journal, head - 1, cursors={"uplink": head}, verified_upto=head, floor_seq=head + 1)
    assert gone == head - 1
    assert journal.read(limit=1)[0].seq == head
    after = open_alarms(journal)
    assert after.keys() == before.keys()
    assert after[ALARM.source].acknowledged
    assert [r.values()["clip"] for r in pending_clips(journal, "cam-1")] == ["c-1"]
    assert check_chain(journal).bad_seq is None


@pytest.mark.parametrize("mark", ["cursor", "backup", "floor"])
def test_prune_passes_no_reader_no_backup_no_floor(journal: Journal, mark: str) -> None:
    journal.append(*[CHANGE] * 10)
    marks = {"cursor": 11, "backup": 11, "floor": 12} | {mark: 5}
    with pytest.raises(JournalError):
        prune(journal, 8, cursors={"uplink": marks["cursor"]}, verified_upto=marks["backup"], floor_seq=marks["floor"])
    assert len(journal.read()) == 11


def test_a_restored_copy_starts_a_new_epoch_and_loses_nothing(
    journal: Journal, tmp_path: Path, open_journal: Callable[[], Journal], clock: Callable[[], Stamp]
) -> None:
    journal.append(ALARM, CHANGE)
    journal.append(DoorOpened(source="d-9"))
    epoch = restart_epoch(tmp_path / "journal.db", clock, keep_after=3)
    with pytest.raises(JournalMoved):
        journal.append(CHANGE)
    new = open_journal()
    assert new.epoch == epoch != journal.epoch
    first = new.read(limit=1)[0].values()
    assert (first["reason"], first["before"]) == ("restored", journal.epoch)
    assert list(open_alarms(new)) == [ALARM.source]
    assert [r.source for r in new.read(kinds=["door.opened"])] == ["d-9"]
    assert check_chain(new).bad_seq is None


@pytest.mark.parametrize("step", ["hardlink_to", "replace", "unlink"])
def test_a_restart_cut_off_anywhere_leaves_the_old_journal_or_the_new(
    tmp_path: Path,
    journal: Journal,
    open_journal: Callable[[], Journal],
    clock: Callable[[], Stamp],
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal.append(ALARM, CHANGE)

    def cut(self: Path, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"agent.journal.files.Path.{step}", cut)
        patch.setattr("agent.journal.files.remove", lambda path: None)  # not the clearing up before, the one after
        with pytest.raises(KeyboardInterrupt):
            restart_epoch(tmp_path / "journal.db", clock, keep_after=1)
    new = open_journal()
    assert (new.epoch == journal.epoch) is (step != "unlink")
    assert list(open_alarms(new)) == [ALARM.source]
    new.append(CHANGE)
    assert check_chain(new).bad_seq is None
    assert restart_epoch(tmp_path / "journal.db", clock, keep_after=1) != new.epoch


# --- cursor ---


def test_cursor_keeps_marks_by_epoch_and_lane_and_survives_its_own_corruption(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "cursor-x.db")
    cursor.set("e", "alarm", 7)
    assert (cursor.get("e", "alarm"), cursor.get("e", "status"), cursor.get("f", "alarm")) == (7, 0, 0)
    cursor.close()
    assert Cursor(tmp_path / "cursor-x.db").get("e", "alarm") == 7
    _corrupt(tmp_path / "cursor-x.db")
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"cursor-x.db{suffix}").unlink(missing_ok=True)
    assert Cursor(tmp_path / "cursor-x.db").get("e", "alarm") == 0
