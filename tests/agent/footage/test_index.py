"""media.db: several writers, a corrupt file moved aside, the WAL kept small, found from another user's process."""

import fcntl
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sp_footage import BOOT, stamp

from agent.footage import index as index_module
from agent.footage.errors import FootageError
from agent.footage.index import Gap, MediaIndex, Segment, _corrupt, segment_path
from agent.footage.migrate import SCHEMA


def segment(seq, *, camera="yard", start=0.0, length=60.0, boot=BOOT, state="closed", at_offset_s=0.0):
    a, b = stamp(start, boot=boot, at_offset_s=at_offset_s), stamp(start + length, boot=boot, at_offset_s=at_offset_s)
    began = (a.boot, a.clock, a.mono_ns, a.at_ns)
    row = Segment(camera, seq, f"{camera}/{seq}", state, *began)
    return row if state == "open" else row._replace(end_mono_ns=b.mono_ns, end_at_ns=b.at_ns, frames=1, bytes=1)


def test_a_segments_life(index):
    index.begin(segment(1, state="open"))
    assert index.last("yard") is None
    assert [s.state for s in index.segments("yard", state="open")] == ["open"]
    index.finish(segment(1))
    assert index.last("yard").end_mono_ns == stamp(60).mono_ns
    index.drop("yard", 1)
    assert index.segments() == []


def test_the_newest_is_the_one_with_the_highest_number_whatever_the_clock_says(index):
    index.add([segment(1), segment(2, start=60, at_offset_s=-400 * 86400)])
    assert index.last("yard").seq == 2


def test_around_goes_by_monotonic_time_within_a_boot_and_by_utc_across(index):
    index.add([segment(n, start=60 * n, at_offset_s=-(10**6)) for n in range(1, 6)])
    index.add([segment(9, boot="other", start=5, at_offset_s=300)])
    index.begin(segment(10, state="open", start=400))
    found = index.around("yard", BOOT, stamp(170), stamp(250))
    assert [s.seq for s in found] == [2, 3, 4]
    assert [s.seq for s in index.around("yard", BOOT, stamp(310), stamp(320))] == [5, 9]
    assert [s.seq for s in index.around("yard", BOOT, stamp(410), stamp(420))] == [10]
    assert [s.seq for s in index.around("gate", BOOT, stamp(170), stamp(250))] == []


def test_gaps_come_back_in_order(index):
    gaps = [Gap("yard", BOOT, 1, 2, BOOT, 3, 4, 2, cause) for cause in ("camera lost", "disk full")]
    for gap in gaps:
        index.add_gap(gap)
    assert index.gaps("yard") == gaps
    assert index.gaps("gate") == []


WRITER = """
import sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from test_index import segment
from agent.footage.index import MediaIndex
index = MediaIndex(Path(sys.argv[1]))
for n in range(1, 61):
    index.begin(segment(n, camera=sys.argv[2], state="open"))
    index.finish(segment(n, camera=sys.argv[2]))
index.close()
"""


def test_several_processes_write_at_once_and_nothing_is_lost(tmp_path, index):
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "support")]
    command = [sys.executable, "-c", WRITER, str(tmp_path / "media.db")]
    writers = [subprocess.Popen([*command, f"cam-{n}", *folders]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(index.segments()) == 180


def test_the_wal_is_kept_small(tmp_path, index, monkeypatch):
    monkeypatch.setattr("agent.footage.index.WAL_BYTES_MAX", 100_000)
    for n in range(1, 200):
        index.finish(segment(n))
    assert (tmp_path / "media.db-wal").stat().st_size < 200_000


def test_a_second_user_of_the_group_may_write_it(tmp_path, index):
    index.finish(segment(1))
    for name in ("media.db", "media.lock"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o660


@pytest.mark.parametrize("damage", ["garbage", "a page in the middle"])
def test_a_corrupt_file_is_moved_aside_once_and_all_go_on_with_a_new_one(tmp_path, damage):
    path = tmp_path / "media.db"
    first = MediaIndex(path)
    first.add([segment(n) for n in range(1, 400)])
    first.close()
    with path.open("r+b") as file:
        file.seek(0 if damage == "garbage" else 4096)
        file.write(b"\xff" * 12288)
    one, other = MediaIndex(path), MediaIndex(path)
    with pytest.raises(FootageError, match="moved aside") as caught:
        one.check("yard")
    assert caught.value.reason == "corrupt"
    moved = one.moved.moved_to
    assert moved.exists()
    one.finish(segment(1))
    before = other.identity
    assert [s.seq for s in other.segments()] == [1]
    assert other.identity not in (None, before)
    assert len(list(tmp_path.glob("media.db.moved-*"))) == 1
    one.close()
    other.close()


def test_of_a_large_file_what_recording_needs_is_looked_at_and_the_rest_when_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "SMALL_BYTES", 0)
    monkeypatch.setattr(index_module, "DAY_ROWS", 20)
    path = tmp_path / "media.db"
    first = MediaIndex(path)
    first.add([segment(n, start=60.0 * n) for n in range(1, 3000)])
    first.close()
    one = MediaIndex(path)
    one.check("yard")
    one.close()
    page = path.read_bytes().index(b"yard/1000") // 4096  # rows that nobody needs in order to record
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xff" * 4096)
    one = MediaIndex(path)
    one.check("yard")
    assert one.last("yard").seq == 2999
    with pytest.raises(FootageError, match="moved aside") as caught:
        one.segments("yard")
    assert caught.value.reason == "corrupt"
    one.close()


def test_who_comes_second_does_not_move_the_new_one_aside(tmp_path):
    """Both found the file corrupt; while one waits for the lock the other has already made a new one."""
    path = tmp_path / "media.db"
    one, other = MediaIndex(path), MediaIndex(path)
    other.finish(segment(1))
    take = other._take

    def take_late(kind, timeout_s):
        if other._db is None:  # a reader's lock becomes a writer's: in between it is nobody's
            fcntl.flock(other._lock, fcntl.LOCK_UN)
            path.rename(tmp_path / "media.db.moved-1")
            one.finish(segment(2))
        take(kind, timeout_s)

    other._take = take_late
    with pytest.raises(FootageError, match="corrupt"), other.reading():
        raise _corrupt("made up")
    other._take = take
    assert other.moved is None
    assert [s.seq for s in one.segments()] == [2]
    one.close()
    other.close()


def test_an_open_index_follows_when_the_file_is_moved_under_it(tmp_path, index):
    index.finish(segment(1))
    (tmp_path / "media.db").rename(tmp_path / "elsewhere.db")
    index.finish(segment(2))
    assert [s.seq for s in index.segments()] == [2]


def test_a_reader_never_makes_one(tmp_path):
    with pytest.raises(FootageError, match="no footage index here"):
        MediaIndex(tmp_path / "none.db", create=False)
    assert not (tmp_path / "none.db").exists()


V1 = """
create table meta (key text primary key, value text not null) strict, without rowid;
insert into meta values ('version', '1');
create table segment (camera text not null, seq integer not null, path text not null unique, state text not null,
  boot text not null, clock text not null, start_mono_ns integer not null, start_at_ns integer not null,
  end_mono_ns integer, end_at_ns integer, frames integer, bytes integer, sha256 blob,
  primary key (camera, seq)) strict, without rowid;
create index segment_by_time on segment (camera, boot, start_mono_ns);
create table gap (id integer primary key, camera text not null, from_boot text not null, from_mono_ns integer not null,
  from_at_ns integer not null, to_boot text not null, to_mono_ns integer not null, to_at_ns integer not null,
  length_ns integer not null, cause text not null) strict;
create index gap_by_camera on gap (camera, id);
"""


def test_an_index_of_the_first_version_is_taken_over_whole(tmp_path):
    regular = segment(3, camera="gate")
    regular = regular._replace(path=segment_path("gate", 3, "20261118T110640Z"), sha256=b"\1" * 32)
    rows = [regular, segment(1), segment(2, start=60, boot="other"), segment(3, start=90, state="open")]
    gap = Gap("yard", BOOT, 1, 2, BOOT, 3, 4, 2, "camera lost")
    old = sqlite3.connect(tmp_path / "media.db")
    old.executescript(V1)
    old.executemany(f"insert into segment values ({', '.join('?' * 13)})", rows)
    old.execute(f"insert into gap ({', '.join(gap._fields)}) values ({', '.join('?' * 9)})", gap)
    old.commit()
    old.close()
    index = MediaIndex(tmp_path / "media.db", create=False)
    assert index.segments() == rows
    assert index.gaps() == [gap]
    assert index.last_seq("yard") == 3
    index.close()
    db = sqlite3.connect(tmp_path / "media.db")
    assert db.execute("select path from segment where seq = 3 and sha256 is not null").fetchone() == (None,)
    assert db.execute("select files, bytes from camera where name = 'yard'").fetchone() == (3, 2)
    db.close()


def test_a_number_that_was_given_is_never_given_again(index):
    index.add([segment(n) for n in range(1, 4)])
    index.drop("yard", 3)
    index.drop("yard", 2)
    assert index.last_seq("yard") == 3
    assert index.last_seq("gate") == 0


def test_every_column_is_explained_in_the_schema():
    text = SCHEMA.read_text()
    db = sqlite3.connect(":memory:")
    db.executescript(text)
    for table in ("segment", "gap", "camera", "boot", "deletion"):
        for _, column, *_ in db.execute(f"pragma table_info({table})"):
            (line,) = [
                line for line in text.split(f"create table {table} ")[1].splitlines() if line.split()[:1] == [column]
            ][:1]
            assert "--" in line, f"{table}.{column} has no comment"
    db.close()


NO_THUMBNAILS = "drop trigger thumbnail_goes; drop table thumbnail;"
NO_SEALS = """drop view footage; drop index segment_unsealed; drop table leaf; drop table scrub; drop table seal;
              alter table segment drop column seal;"""


@pytest.mark.parametrize(("version", "undo"), [("2", NO_THUMBNAILS + NO_SEALS), ("3", NO_THUMBNAILS)])
def test_an_index_of_a_later_version_gets_what_is_new_and_is_then_like_a_new_one(tmp_path, index, version, undo):
    index.add([segment(1), segment(2, state="open", start=70)])
    before = index.segments()
    index.close()
    db = sqlite3.connect(tmp_path / "media.db")
    layout = "select type, name from sqlite_schema where name not like 'sqlite%' order by name"
    wanted = db.execute(layout).fetchall(), db.execute("select * from pragma_table_info('segment')").fetchall()
    db.executescript(f"{undo} update meta set value = '{version}' where key = 'version'")
    db.close()
    again = MediaIndex(tmp_path / "media.db", create=False)
    assert again.segments() == before
    again.finish(segment(3))
    again.close()
    db = sqlite3.connect(tmp_path / "media.db")
    found = db.execute(layout).fetchall(), db.execute("select * from pragma_table_info('segment')").fetchall()
    assert found == wanted
    assert db.execute("select value from meta where key = 'version'").fetchone() == ("4",)
    db.close()
