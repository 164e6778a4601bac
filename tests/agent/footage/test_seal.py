"""Sealing, on real journal and index: every segment once, whatever dies, comes late, goes or is lost."""

from __future__ import annotations

import hashlib

import pytest
from sp_jobs import DAY_NS, HOUR_NS, NS, JobSite

from agent.core.chain import canonical_row, next_hash
from agent.core.merkle import root, root_of
from agent.core.numbers import read_numbers
from agent.core.sealing import hour_of
from agent.footage.index import MediaIndex, Segment
from agent.footage.keeping import Keeping
from agent.footage.layout import Ending, end_box
from agent.footage.seal import Sealer, leaf_of
from agent.jobs import seal as seal_job


@pytest.fixture
def site(tmp_path):
    made = JobSite(tmp_path)
    made.now = made.now._replace(at_ns=hour_of(made.now.at_ns) + HOUR_NS // 2)  # so that minutes share an hour
    made.append()
    return made


def seal(site):
    with site.desk() as desk:
        return seal_job.run(desk)


def sealed(site):
    """(camera, segment) for all that the journal's rows seal, one entry for each time."""
    return [(row.source, n) for row in site.rows("footage.sealed") for n in read_numbers(row.values()["segments"])]


def proven(site, rows):
    """seq -> whether the segment's own leaf leads to the root that the journal has."""
    with site.desk() as desk:
        found = Sealer(desk.paths.footage, desk.index, desk.journal).proofs(rows)
    roots = {row.seq: row.values()["root"] for row in site.rows("footage.sealed")}
    by_seq = {row.seq: row for row in rows}
    return {
        seq: root_of(leaf_of(by_seq[seq]), proof.place, proof.seal.leaves, proof.steps).hex() == roots[proof.seal.row]
        for seq, proof in found.items()
    }


def whole(site, rows):
    """Each file gets an end box, as real ones have, by which it vouches for itself."""
    made = []
    for row in rows:
        path = site.paths.footage / row.path
        body = path.read_bytes()
        body += end_box(Ending(1, 1, 0, row.end_mono_ns, row.end_at_ns, hashlib.sha256(body).digest()))
        path.write_bytes(body)
        made.append(row._replace(bytes=len(body), sha256=hashlib.sha256(body).digest()))
    index = MediaIndex(site.paths.media)
    for row in made:
        index.finish(row)
    index.close()
    return made


def lose_the_index(site, rows):
    """As recovery makes it anew from the files: whole rows, without hashes."""
    for path in site.paths.data.glob("media.db*"):
        path.unlink()
    index = MediaIndex(site.paths.media)
    index.add([row._replace(sha256=None) for row in rows])
    index.close()


def test_each_hour_gets_a_row_whose_root_every_segment_leads_to(site):
    rows = [*site.record("yard", 0.25, per_day=24, burst=7), *site.record("gate", 0.25, per_day=24)]
    made = seal(site)
    told = site.rows("footage.sealed")
    assert len(told) == made >= 12
    assert sorted(sealed(site)) == sorted((row.camera, row.seq) for row in rows)
    for camera in ("yard", "gate"):
        mine = [row for row in rows if row.camera == camera]
        assert proven(site, mine) == {row.seq: True for row in mine}
    for row in told:
        said = row.values()
        of = [one for one in rows if one.camera == row.source and one.seq in read_numbers(said["segments"])]
        assert {one.start_at_ns // HOUR_NS * HOUR_NS for one in of} == {said["hour_ns"]}
        assert (said["leaves"], said["part"], said["before"]) == (len(of), 1, "")
        assert said["root"] == root([leaf_of(one) for one in of]).hex()
    assert seal(site) == 0, "nothing is sealed twice"


def test_the_index_has_the_row_itself_for_when_the_journal_is_gone(site):
    rows = site.record("gate", 1)
    seal(site)
    with site.desk() as desk:
        found = Sealer(desk.paths.footage, desk.index, desk.journal).proofs(rows)
        epoch = desk.journal.epoch
    for proof in found.values():
        (row,) = [one for one in site.rows("footage.sealed") if one.seq == proof.seal.row]
        assert proof.seal.text == canonical_row(row).decode()
        assert next_hash(proof.seal.prev, proof.seal.text.encode()) == proof.seal.hash == row.hash
        assert proof.seal.epoch == epoch


def test_the_hour_that_runs_is_not_sealed_unless_somebody_gets_it(site):
    site.now = site.now._replace(at_ns=site.now.at_ns // HOUR_NS * HOUR_NS + 1800 * NS)
    start, end = 600, 540  # s ago
    row = site.record("yard", 1, per_day=1)[0]
    shift = HOUR_NS - end * NS
    row = row._replace(
        seq=2,
        path=row.path.replace("00000001", "00000002"),
        start_mono_ns=row.start_mono_ns + shift,
        start_at_ns=row.start_at_ns + shift,
        end_mono_ns=row.end_mono_ns + shift,
        end_at_ns=row.end_at_ns + shift,
    )
    index = MediaIndex(site.paths.media)
    index.add([row])
    index.close()
    seal(site)
    assert ("yard", 2) not in sealed(site)
    with site.desk() as desk:
        Sealer(desk.paths.footage, desk.index, desk.journal).seal_now([row])
    assert ("yard", 2) in sealed(site)
    later = row._replace(seq=3, start_at_ns=row.start_at_ns + start * NS // 10)
    index = MediaIndex(site.paths.media)
    index.add([later])
    index.close()
    site.now = site.now._replace(at_ns=site.now.at_ns + HOUR_NS, mono_ns=site.now.mono_ns + HOUR_NS)
    seal(site)
    *_, first, second = site.rows("footage.sealed")
    assert second.values()["part"] == 2
    assert second.values()["segments"] == "3"
    assert second.values()["before"].endswith(f"-{first.seq}")
    assert len(sealed(site)) == len(set(sealed(site)))


def test_what_comes_late_gets_a_part_of_its_own_that_names_the_first(site):
    rows = site.record("gate", 1, per_day=2, burst=5)
    index = MediaIndex(site.paths.media)
    index.drop("gate", 3)
    index.close()
    seal(site)
    index = MediaIndex(site.paths.media)
    index.add([rows[2]])
    index.close()
    seal(site)
    *_, first, late = [row for row in site.rows("footage.sealed") if row.values()["hour_ns"] == hour(rows[2])]
    assert (late.values()["segments"], late.values()["part"]) == ("3", 2)
    assert late.values()["before"].endswith(f"-{first.seq}")
    assert proven(site, rows) == {row.seq: True for row in rows}


def hour(row: Segment) -> int:
    return row.start_at_ns // HOUR_NS * HOUR_NS


def test_a_pass_that_died_after_its_row_is_not_repeated(site, monkeypatch):
    rows = site.record("gate", 2)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("agent.footage.seal._take", die)
        with pytest.raises(KeyboardInterrupt):
            seal(site)
    assert len(sealed(site)) == len(rows)
    assert seal(site) == 0
    assert sorted(n for _, n in sealed(site)) == [row.seq for row in rows]
    assert proven(site, rows) == {row.seq: True for row in rows}


def test_an_index_made_anew_learns_what_was_sealed_and_hashes_come_from_the_files(site):
    rows = whole(site, site.record("gate", 2, burst=3))
    seal(site)
    lose_the_index(site, rows[:-1])
    assert seal(site) == 0
    index = MediaIndex(site.paths.media)
    index.add([rows[-1]._replace(sha256=None)])  # found a little later
    index.close()
    assert seal(site) == 0
    assert proven(site, rows) == {row.seq: True for row in rows}


def test_a_file_that_was_changed_while_the_index_was_lost_is_found_out(site):
    rows = whole(site, site.record("gate", 1, per_day=1, burst=4))
    seal(site)
    (site.paths.footage / rows[1].path).write_bytes(b"something else")
    lose_the_index(site, rows)
    seal(site)
    assert proven(site, rows) == {}
    index = MediaIndex(site.paths.media)
    assert [row.sha256 is None for row in index.segments()] == [False, True, False, False], "it vouches for nothing"
    index.close()
    whole(site, [rows[1]])
    with site.desk() as desk:
        seal_of = Sealer(desk.paths.footage, desk.index, desk.journal).differs("gate", rows[0].seq)
    assert seal_of is not None
    assert seal_of.row == site.rows("footage.sealed")[0].seq


def test_rows_without_a_hash_are_hashed_before_they_are_sealed(site):
    rows = whole(site, site.record("gate", 1))
    lose_the_index(site, rows)
    (site.paths.footage / rows[0].path).unlink()
    seal(site)
    assert sorted(n for _, n in sealed(site)) == [row.seq for row in rows[1:]], "what is gone cannot be sealed"
    assert proven(site, rows[1:]) == {row.seq: True for row in rows[1:]}
    index = MediaIndex(site.paths.media)
    assert [row.sha256 for row in index.segments("gate")][1:] == [row.sha256 for row in rows[1:]]
    index.close()


def test_a_pass_reads_no_more_than_its_share_of_files_without_a_hash(site, monkeypatch):
    rows = whole(site, site.record("gate", 3))
    lose_the_index(site, rows)
    monkeypatch.setattr("agent.footage.seal.READ_A_PASS", 1000)
    monkeypatch.setattr("agent.footage.seal.ROWS_AT_ONCE", 2)
    assert [seal(site) for _ in range(7)] == [2] * 6 + [0]


@pytest.mark.parametrize("kept", [0, 2, 4])
def test_leaves_outlive_their_rows_while_a_sibling_stands(site, kept):
    rows = site.record("gate", 1, per_day=1, burst=5)
    seal(site)
    with site.desk() as desk:
        keeping = Keeping(desk.index)
        for row in rows:
            if row.seq != rows[kept].seq:
                forget(keeping, row)
        with desk.index.reading() as db:
            assert db.execute("select count(*) from leaf").fetchone() == (4,)
    assert proven(site, [rows[kept]]) == {rows[kept].seq: True}
    with site.desk() as desk:
        forget(Keeping(desk.index), rows[kept])
        with desk.index.reading() as db:
            assert db.execute("select (select count(*) from leaf), (select count(*) from seal)").fetchone() == (0, 0)
    lose_the_index(site, [rows[0]])
    assert seal(site) == 0, "the journal knows still"


def test_a_late_one_of_an_hour_that_is_gone_names_its_row_all_the_same(site):
    rows = site.record("gate", 1, per_day=1, burst=2)
    index = MediaIndex(site.paths.media)
    index.drop("gate", 2)
    index.close()
    seal(site)
    with site.desk() as desk:
        forget(Keeping(desk.index), rows[0])
        desk.index.add([rows[1]])
    seal(site)
    first, late = site.rows("footage.sealed")
    assert (late.values()["part"], late.values()["segments"]) == (2, "2")
    assert late.values()["before"].endswith(f"-{first.seq}")


def forget(keeping, row):
    """As retention does it, one segment alone."""
    from agent.footage.keeping import Deletion

    deletion = Deletion(f"d-{row.seq}", row.camera, {})
    keeping.mark(deletion, [row.seq])
    keeping.forget(deletion, [row.seq])


def test_retention_seals_before_it_deletes(site):
    site.record("gate", 40)
    site.policy()
    site.run()
    gone = [n for row in site.rows("footage.deleted") for n in read_numbers(row.values()["segments"])]
    assert len(gone) == 60
    assert set(gone) <= {n for _, n in sealed(site)}
    first_gone = site.rows("footage.deleted")[0].seq
    assert all(row.seq < first_gone for row in site.rows("footage.sealed"))
    assert DAY_NS
