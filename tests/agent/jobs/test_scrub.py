"""The scrub, on real files, index and journal: rot is found, told once, and a pass goes on where the last one was."""

from __future__ import annotations

import contextlib
import fcntl

import pytest
from sp_footage import fragments, stamp, write_segment
from sp_jobs import DAY_NS, JobSite

from agent.footage.errors import FootageError
from agent.footage.index import MediaIndex
from agent.footage.keeping import Deletion, Keeping
from agent.footage.seal import Sealer
from agent.jobs import scrub
from agent.jobs.scrub import Pass

FAST = 10**12


@pytest.fixture
def site(tmp_path):
    made = JobSite(tmp_path)
    made.append()
    return made


def read_again(site, **wanted):
    with site.desk() as desk:
        return scrub.scrub(desk, Pass(bytes_per_s=FAST, **wanted))


def told(site):
    """(camera, segment, reason) of every row."""
    rows = [(row.source, row.values()) for row in site.rows("footage.rot")]
    return [(camera, said["segment"], said["reason"]) for camera, said in rows]


def standing(site):
    with site.desk() as desk:
        return {one.camera: one for one in scrub.rounds(desk)}


def flip(path, at=100):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_sound_footage_is_read_whole_and_nothing_is_told(site):
    rows = [*site.record("gate", 3), *site.record("yard", 3)]
    report = read_again(site)
    assert (report.files, report.bytes) == (len(rows), sum(row.bytes for row in rows))
    assert report.through
    assert told(site) == []
    assert site.troubles() == {}
    assert read_again(site).files == 0, "until the next round is due"
    assert {one.camera: (one.done, one.files) for one in standing(site).values()} == {
        "gate": (12, 12),
        "yard": (12, 12),
    }


def test_every_kind_of_rot_is_told_once_with_a_trouble_that_stands(site):
    rows = site.record("gate", 3)
    paths = [site.paths.footage / row.path for row in rows]
    flip(paths[1])
    paths[3].write_bytes(paths[3].read_bytes()[:-7])
    paths[5].unlink()
    paths[7].unlink()
    paths[7].mkdir()
    paths[9].write_bytes(paths[9].read_bytes() + b"more")
    for _ in range(2):
        read_again(site, anew=True)
        assert told(site) == [
            ("gate", 2, "changed"),
            ("gate", 4, "cut short"),
            ("gate", 6, "missing"),
            ("gate", 8, "unreadable: Is a directory"),
            ("gate", 10, "changed"),
        ]
        assert len(site.rows("trouble.raised")) == 1
        assert "5 segments of gate" in site.troubles()["footage rot gate"]
    (first, *_) = site.rows("footage.rot")
    said = first.values()
    assert (first.signal, first.lane) == ("trouble", "alarm")
    assert (said["from_ns"], said["to_ns"], said["path"]) == (rows[1].start_at_ns, rows[1].end_at_ns, rows[1].path)
    assert said["expected"] == rows[1].sha256.hex() != said["found"]
    assert standing(site)["gate"].rotten == [2, 4, 6, 8, 10]


def test_the_trouble_is_over_when_what_rotted_has_gone(site):
    rows = site.record("gate", 1)
    flip(site.paths.footage / rows[0].path)
    read_again(site)
    assert site.troubles()
    with site.desk() as desk:
        keeping = Keeping(desk.index)
        keeping.mark(Deletion("d-1", "gate", {}), [1])
        keeping.forget(Deletion("d-1", "gate", {}), [1])
    read_again(site)
    assert site.troubles() == {}


def test_a_pass_that_is_over_goes_on_where_it_was(site, monkeypatch):
    rows = site.record("gate", 3)
    seen = []

    def stop_after_five(row, _report):
        seen.append(row.seq)
        if len(seen) % 5 == 0:
            raise KeyboardInterrupt  # as a kill: nothing is said any more

    monkeypatch.setattr(scrub, "KEEP_EVERY_S", 0.0)
    for _ in range(10):
        with contextlib.suppress(KeyboardInterrupt):
            read_again(site, told=stop_after_five)
    assert sorted(set(seen)) == [row.seq for row in rows]
    assert len(seen) <= len(rows) + 3, "one at most is read again for each kill"
    assert standing(site)["gate"].ended_ns is not None


def test_a_pass_has_its_time_and_says_that_it_is_not_through(site):
    site.record("gate", 3)
    report = read_again(site, limit_s=0.0)
    assert (report.files, report.through) == (0, False)
    assert standing(site)["gate"].ended_ns is None
    assert read_again(site).through


def test_a_round_begins_anew_when_it_is_due_or_asked_for(site):
    site.record("gate", 1)
    assert read_again(site).files == 4
    site.now = site.now._replace(at_ns=site.now.at_ns + 29 * DAY_NS)
    assert read_again(site).files == 0
    assert read_again(site, anew=True, cameras=("gate",)).files == 4
    site.now = site.now._replace(at_ns=site.now.at_ns + 30 * DAY_NS)
    assert read_again(site).files == 4
    assert read_again(site, anew=True, cameras=("yard",)).files == 0


def test_it_reads_no_faster_than_it_may(site, monkeypatch):
    rows = site.record("gate", 3)
    waited = []
    monkeypatch.setattr(scrub.time, "sleep", waited.append)
    with site.desk() as desk:
        scrub.scrub(desk, Pass(bytes_per_s=1000))
    assert waited
    assert max(waited) == pytest.approx(sum(row.bytes for row in rows) / 1000, rel=0.2)


def test_a_failing_disk_ends_the_pass(site, monkeypatch):
    monkeypatch.setattr(scrub, "ROT_MAX", 3)
    for row in site.record("gate", 3):
        (site.paths.footage / row.path).unlink()
    assert len(read_again(site).rotten) == 3
    assert "is the disk failing" in site.troubles()["footage rot, many"]


def test_the_wrong_disk_is_not_rot(site):
    site.record("gate", 1)
    read_again(site)
    for path in site.paths.footage.iterdir():
        path.rename(path.with_name(path.name + "-away"))
    with pytest.raises(FootageError, match="marker"):
        read_again(site, anew=True)
    assert told(site) == []


def test_what_retention_takes_away_meanwhile_is_no_rot(site):
    rows = site.record("gate", 1)

    def take(row, _report):
        if row.seq == 2:
            with site.desk() as desk:
                keeping = Keeping(desk.index)
                keeping.mark(Deletion("d-1", "gate", {}), [3])
                (site.paths.footage / rows[2].path).unlink()

    read_again(site, told=take)
    assert told(site) == []


def test_two_do_not_run_at_once(site):
    site.record("gate", 1)
    read_again(site)
    with (site.paths.run / "scrub.lock").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FootageError, match="another scrub"):
            read_again(site)


# --- real segments, whose index was lost ---


def lost(site):
    """Four real segments, sealed; then an index without their hashes."""
    index = MediaIndex(site.paths.media)
    paths = [
        write_segment(site.paths.footage, n + 1, fragments(20, first=20 * n, start=stamp(100 + 2 * n)), index=index)
        for n in range(4)
    ]
    rows = index.segments("yard")
    with site.desk() as desk:
        Sealer(desk.paths.footage, index, desk.journal).seal_now(rows)
    index.close()
    for path in site.paths.data.glob("media.db*"):
        path.unlink()
    index = MediaIndex(site.paths.media)
    index.add([row._replace(sha256=None) for row in rows])
    index.close()
    with site.desk() as desk:
        Sealer(desk.paths.footage, desk.index, desk.journal).run(desk.now())
    return rows, paths


def test_hashes_that_the_index_lost_come_back(site):
    rows, _ = lost(site)
    assert read_again(site).filled == 4
    index = MediaIndex(site.paths.media)
    assert index.segments("yard") == rows
    index.close()
    assert told(site) == []


def test_rot_of_a_file_without_a_hash_is_found_by_its_own(site):
    _, paths = lost(site)
    flip(paths[2], 5000)
    report = read_again(site)
    assert told(site) == [("yard", 3, "changed")]
    assert report.rotten[0].damaged_ms == 1000, "the other second of it holds"


def test_a_file_that_was_forged_whole_is_found_by_the_seal(site):
    """Its own end box agrees with it: another film under the same number."""
    _, paths = lost(site)
    paths[3].unlink()
    forged = write_segment(site.paths.footage, 4, fragments(20, first=900, start=stamp(106)))
    assert forged == paths[3]
    read_again(site)
    ((camera, segment, reason),) = told(site)
    assert (camera, segment) == ("yard", 4)
    assert "not what was sealed" in reason
