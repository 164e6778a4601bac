"""The pass over footage, on real files, journal and index: only what is signed for, whole after any kill."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sp_jobs
from sp_jobs import DAY_NS, HOUR_NS, NS, JobSite

from agent.core.events import ClockSet, HoldRequested
from agent.core.numbers import read_numbers
from agent.footage.delete import Deleter
from agent.footage.errors import FootageError
from agent.footage.keeping import Keeping
from agent.jobs import retention

YEAR_NS = 365 * DAY_NS


@pytest.fixture
def site(tmp_path):
    made = JobSite(tmp_path)
    made.append()
    return made


def full(monkeypatch, free):
    monkeypatch.setattr("agent.footage.volume.Volume.free_bytes", lambda self: free)


def iso(ns):
    return datetime.fromtimestamp(ns / NS, UTC).isoformat(timespec="seconds")


def listed(row):
    return read_numbers(row.values()["segments"])


# --- expiry ---


def test_nothing_expires_without_a_policy_and_that_is_told_once(site):
    site.record("gate", 40)
    before = site.files()
    for _ in range(2):
        assert "standing policy" in site.run().plan.refused
    assert site.files() == before
    assert len(site.rows("trouble.raised")) == 1
    assert "policy" in site.troubles()["retention stopped"]


def test_what_is_older_than_it_may_be_goes_and_the_record_adds_up(site):
    rows = site.record("gate", 40)
    policy = site.policy()
    before = {path: path.stat().st_size for path in site.files()}
    site.run()
    gone = set(before) - set(site.files())
    told = site.rows("footage.deleted")
    assert {site.paths.footage / row.path for row in rows if row.end_at_ns <= site.now.at_ns - 25 * DAY_NS} == gone
    assert sum(row.values()["files"] for row in told) == len(gone) == 60
    assert sum(row.values()["bytes"] for row in told) == sum(before[path] for path in gone)
    for row in told:
        said = row.values()
        assert (said["why"], said["authority"], said["approver"]) == ("ceiling", policy, "chen")
        assert [said[name] for name in ("retention_checked", "holds_checked", "verified")] == [True] * 3
        assert said["to_ns"] - said["from_ns"] <= HOUR_NS
    assert sorted(n for row in told for n in listed(row)) == list(range(1, 61))
    assert site.troubles() == {}
    site.run()
    assert site.rows("footage.deleted") == told


def test_between_floor_and_ceiling_footage_stays_while_there_is_room(site, monkeypatch):
    site.record("gate", 24)
    site.policy()
    site.run()
    assert len(site.files()) == 96
    full(monkeypatch, 0)
    site.run()
    left = {int(path.name[:8]) for path in site.files()}
    assert left == set(range(17, 97))
    assert {row.values()["why"] for row in site.rows("footage.deleted")} == {"room"}


def test_a_full_disk_keeps_floors_unless_the_policy_allows_and_then_owns_up(site, monkeypatch):
    site.record("gate", 18)
    site.record("yard", 18)
    site.policy()
    full(monkeypatch, 18 * 2**20 - 3000)
    before = site.files()
    site.run()
    assert site.files() == before
    site.sign(
        site.ask("policy", {"about": "retention", "overwrite": "yes"}),
        "policy",
        {"about": "retention", "overwrite": "yes"},
    )
    site.run()
    breach = [row.values() for row in site.rows("retention.breach")]
    assert sum(one["files"] for one in breach) == 3  # of 1200 bytes
    assert {row.source for row in site.rows("retention.breach")} == {"gate"}, "the least important gives way"
    assert breach[0]["floor"] == "20 days"
    assert {int(p.name[:8]) for p in site.files("gate")} == set(range(4, 73))
    full(monkeypatch, 0)
    site.run()
    assert {p.name[:8] for p in site.files("yard")} == {f"{n:08d}" for n in range(13, 73)}, "15 days stand"


def test_a_policy_that_was_withdrawn_or_signed_by_the_wrong_one_is_none(site):
    site.record("gate", 40)
    scope = {"about": "retention", "overwrite": "no"}
    request = site.ask("policy", scope)
    site.sign(request, "policy", scope, person=site.anna)
    assert site.run().policy is None
    site.sign(request, "policy", scope, by="anna")
    assert site.run().policy is None
    site.sign(request, "policy", {**scope, "overwrite": "yes"})
    assert site.run().policy is None
    site.sign(request, "policy", scope)
    site.sign(request, "policy", scope, verdict="refuse")
    assert site.run().policy is None
    assert len(site.files()) == 160


def test_an_expired_policy_is_none(site):
    site.record("gate", 40)
    site.policy()
    site.now = site.now._replace(at_ns=site.now.at_ns + 31 * DAY_NS, mono_ns=site.now.mono_ns + 31 * DAY_NS)
    assert site.run().policy is None


# --- on request ---


def scope_of(first, last, camera="yard"):
    return {"camera": camera, "from": iso(first.start_at_ns - NS), "to": iso(last.end_at_ns + 2 * NS)}


def test_a_request_deletes_exactly_its_scope_with_hashes_and_names(site):
    rows = site.record("yard", 40)
    request = site.approved("footage.delete", scope_of(rows[8], rows[11]))
    site.run()
    told = site.rows("footage.deleted")
    assert sorted(n for row in told for n in listed(row)) == [9, 10, 11, 12]
    assert [h for row in told for h in row.values()["hashes"]] == [row.sha256.hex() for row in rows[8:12]]
    assert {(r.values()["requester"], r.values()["approver"], r.values()["why"]) for r in told} == {
        ("anna", "chen", "asked")
    }
    (done,) = site.rows("deletion.done")
    assert done.values() == {**done.values(), "request": request, "files": 4}
    assert len(site.files()) == 156
    site.record("yard", 1, first=500)
    site.run()
    assert len(site.files()) == 160, "an approval is used once"


def test_without_approval_nothing_is_deleted(site):
    rows = site.record("yard", 40)
    scope = scope_of(rows[0], rows[3])
    request = site.ask("footage.delete", scope)
    site.run()
    site.sign(request, "footage.delete", scope, person=site.anna, by="anna")
    site.run()
    assert len(site.files()) == 160
    assert site.rows("footage.deleted") == []


def test_young_footage_and_held_footage_are_refused_with_an_approval_too(site):
    rows = site.record("yard", 40, per_day=24)
    young = next(r for r in rows if site.now.at_ns - r.end_at_ns < 15 * DAY_NS)
    first = site.approved("footage.delete", {**scope_of(young, young), "from": iso(rows[0].start_at_ns)})
    site.append(
        HoldRequested(
            source="cli",
            hold="h-1",
            cameras=["yard"],
            from_ns=rows[5].start_at_ns,
            to_ns=rows[6].end_at_ns,
            reason="x",
            by="anna",
        )
    )
    second = site.approved("footage.delete", scope_of(rows[6], rows[7]))
    for _ in range(2):
        site.run()
    refused = {row.values()["request"]: row.values()["reason"] for row in site.rows("deletion.refused")}
    assert "15 full days" in refused[first]
    assert "h-1" in refused[second]
    assert len(site.rows("deletion.refused")) == 2
    assert len(site.files()) == len(rows)


def test_a_hold_that_comes_while_footage_expires_ends_the_pass(site):
    rows = site.record("gate", 40)
    site.policy()
    asked_for = HoldRequested(
        source="cli",
        hold="h-1",
        cameras=["gate"],
        from_ns=rows[50].start_at_ns,
        to_ns=rows[50].end_at_ns,
        reason="x",
        by="anna",
    )
    steps = []

    def step(name):
        steps.append(name)
        if steps.count("forget") == 10:
            site.append(asked_for)
            steps.clear()

    with site.desk() as desk:
        retention.run(desk, step)
    assert len(site.files()) == 150
    site.run()
    assert {int(path.name[:8]) for path in site.files()} == {51, *range(61, 161)}


# --- kills ---


def killed_at(site, step):
    script = Path(sp_jobs.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(site.paths.data.parent), str(step)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def test_a_pass_killed_before_any_step_is_completed_once_by_the_next(tmp_path):
    """Two batches of two segments: mark, two unlinks, sync, record, forget, each."""
    for step in range(13):
        (tmp_path / str(step)).mkdir()
        site = JobSite(tmp_path / str(step))
        site.record("gate", 27, per_day=1, burst=2)
        site.policy()
        before = len(site.files())
        assert killed_at(site, step) is (step < 12)
        site.run()
        told = site.rows("footage.deleted")
        numbers = sorted(n for row in told for n in listed(row))
        assert numbers == list(range(1, before - len(site.files()) + 1)), f"killed at step {step}"
        assert len(numbers) == sum(row.values()["files"] for row in told) == 4
        with site.desk() as desk:
            assert [row.seq for row in desk.index.segments("gate")] == list(range(5, 55))
            assert Keeping(desk.index).deletions() == []
            assert desk.index.segments("gate", state="deleting") == []


def test_a_request_killed_between_two_hours_is_completed(tmp_path):
    for step in (0, 3, 5, 6, 8, 11):
        (tmp_path / str(step)).mkdir()
        site = JobSite(tmp_path / str(step))
        rows = site.record("yard", 40)
        site.approved("footage.delete", scope_of(rows[0], rows[2]))
        assert killed_at(site, step)
        site.run()
        (done,) = site.rows("deletion.done")
        assert done.values()["files"] == 3
        assert len(site.files()) == 157
        assert sorted(n for row in site.rows("footage.deleted") for n in listed(row)) == [1, 2, 3]


def test_a_file_that_is_already_gone_does_not_stop_the_pass(site):
    site.record("gate", 40)
    site.policy()
    site.files()[0].unlink()
    site.run()
    assert len(site.files()) == 100


def test_the_wrong_disk_is_left_alone(site):
    site.record("gate", 40)
    site.policy()
    site.run()
    site.record("gate", 1, first=900)
    (site.paths.footage / ".standpipe-volume").write_text("another")
    with pytest.raises(FootageError, match="another disk"):
        site.run()
    with site.desk() as desk, pytest.raises(FootageError):
        retention.outlook(desk)


# --- clocks ---


@pytest.mark.parametrize("years", [1, -1])
def test_after_a_step_of_a_year_nothing_goes_until_a_person_says_it_is_right(site, years):
    site.record("gate", 24)
    site.policy()
    site.run()
    before = site.files()
    right = site.now
    site.now = right._replace(at_ns=right.at_ns + years * YEAR_NS, mono_ns=right.mono_ns + HOUR_NS)
    for _ in range(2):
        assert "clock" in site.run().plan.refused
    assert site.files() == before
    assert "the clock" in site.troubles()["retention stopped"]
    site.now = right._replace(at_ns=right.at_ns + 2 * DAY_NS, mono_ns=right.mono_ns + 2 * DAY_NS)
    assert site.run().plan.refused == ""
    assert len(site.files()) == len(before) - 4, "two days on, one day is past 25 days"
    assert site.troubles() == {}


def test_a_step_that_a_person_confirms_is_believed(site):
    site.record("gate", 24)
    site.run()
    site.now = site.now._replace(at_ns=site.now.at_ns + 3 * HOUR_NS)
    assert "clock" in site.run().plan.refused
    site.append(
        ClockSet(source="clock", boot=site.now.boot, mono_ns=site.now.mono_ns, at_ns=site.now.at_ns, by="collector")
    )
    assert "clock" in site.run().plan.refused
    site.append(
        ClockSet(source="clock", boot=site.now.boot, mono_ns=site.now.mono_ns, at_ns=site.now.at_ns, by="person")
    )
    site.now = site.now._replace(at_ns=site.now.at_ns + HOUR_NS, mono_ns=site.now.mono_ns + HOUR_NS)
    assert "clock" not in site.run().plan.refused
    site.now = site.now._replace(at_ns=site.now.at_ns + HOUR_NS, mono_ns=site.now.mono_ns + HOUR_NS)
    assert "clock" not in site.run().plan.refused


def test_footage_recorded_with_a_clock_a_year_behind_is_not_taken_for_old(site):
    site.record("gate", 24, shift_ns=-YEAR_NS)
    site.policy()
    site.run()
    assert len(site.files()) == 96


def test_on_a_board_without_a_clock_nothing_goes(site):
    site.record("gate", 40)
    site.policy()
    site.now = site.now._replace(clock="unset", at_ns=0)
    assert "clock is not set" in site.run().plan.refused
    assert len(site.files()) == 160


# --- ahead ---


def test_too_little_room_is_told_well_before_and_cleared(site, monkeypatch):
    rows = site.record("yard", 10)
    day = 4 * rows[0].bytes
    reserve = 16 * 2**20
    full(monkeypatch, reserve + 57 * day)
    site.run()
    assert site.troubles() == {"retention risk yard": site.troubles()["retention risk yard"]}
    assert "67 days of the 92" in site.troubles()["retention risk yard"]
    full(monkeypatch, reserve + 100 * day)
    site.run()
    assert site.troubles() == {}


def test_a_disk_that_is_too_small_is_told_seven_days_before_anything_is_lost(site, monkeypatch):
    """Day by day up to a disk that is full after twenty: what was said first, and when it would have stopped."""
    site.policy()
    site.now = site.now._replace(mono_ns=DAY_NS)
    reserve, told, used = 16 * 2**20, None, 0
    room = 20 * len(b"yard 000000\n") * 100
    for day in range(100):
        site.now = site.now._replace(at_ns=site.now.at_ns + DAY_NS, mono_ns=site.now.mono_ns + DAY_NS)
        used += sum(row.bytes for row in site.record("yard", 1, per_day=1, first=day + 1))
        full(monkeypatch, reserve + room - used)
        with site.desk() as desk:
            seen = retention.outlook(desk)
        told = day if told is None and "yard" in seen.risks else told
        assert seen.plan.batches == [], "nothing younger than three months goes"
        if used >= room:
            break
    assert told is not None
    assert day - told >= 7
    assert seen.risks["yard"][1] in (90, 91, 92)


def test_held_footage_is_no_room_for_what_is_to_come(site, monkeypatch):
    """Gate has 20 days beside 30 held ones past their time, yard 10: 30 are to be shared."""
    rows = site.record("gate", 60, per_day=2)
    site.record("yard", 10, per_day=2)
    ends = {"from_ns": rows[0].start_at_ns, "to_ns": rows[59].end_at_ns}
    site.append(HoldRequested(source="cli", hold="h-1", cameras=["gate"], reason="x", by="anna", **ends))
    site.policy()
    full(monkeypatch, 16 * 2**20)
    for _ in range(2):
        seen = site.run()
    assert seen.plan.held_bytes == 60 * rows[0].bytes
    assert seen.risks == {"gate": (15, 20), "yard": (15, 92)}


def test_a_clock_that_was_ahead_for_an_hour_does_not_hide_what_a_day_takes(site):
    site.record("yard", 10)
    with site.desk() as desk:
        (before,) = Keeping(desk.index).amounts()
    site.record("yard", 0.25, first=100, shift_ns=YEAR_NS)
    site.now = site.now._replace(at_ns=site.now.at_ns + HOUR_NS, mono_ns=site.now.mono_ns + HOUR_NS)
    site.record("yard", 0.25, first=200)
    with site.desk() as desk:
        (after,) = Keeping(desk.index).amounts()
    assert after.day_bytes >= before.day_bytes > 0


def test_a_policy_that_ends_soon_is_told_and_another_clears_it(site):
    site.record("gate", 20)
    request, scope = site.policy(), {"about": "retention", "overwrite": "no"}
    site.run()
    assert site.troubles() == {}, "thirty days are left"
    site.now = site.now._replace(at_ns=site.now.at_ns + 17 * DAY_NS, mono_ns=site.now.mono_ns + 17 * DAY_NS)
    site.run()
    assert f"{request} ends in 13 days" in site.troubles()["retention policy"]
    site.sign(request, "policy", scope)
    site.run()
    assert site.troubles() == {}


def test_without_a_policy_a_disk_that_fills_is_told_before_anything_is_due(site, monkeypatch):
    rows = site.record("gate", 10)
    day = 4 * rows[0].bytes
    full(monkeypatch, 16 * 2**20 + 15 * day)
    site.run()
    assert "retention policy" not in site.troubles()
    full(monkeypatch, 16 * 2**20 + 13 * day)
    site.run()
    assert "the disk is full in 13 days" in site.troubles()["retention policy"]
    site.policy()
    site.run()
    assert "retention policy" not in site.troubles()


def test_a_camera_that_left_the_site_file_keeps_the_longest_floor(site):
    site.record("old-cam", 40)
    with site.desk() as desk:
        rule, floor = retention.rules(desk, ["old-cam"])["old-cam"]
    assert (floor, rule.priority, rule.ceiling) == ("3 months", 1, None)


def test_what_is_marked_in_between_is_refused_not_half_done(site):
    """Another pass, or a recorder that salvages: the index says no, and nothing has happened."""
    rows = site.record("gate", 40)
    site.policy()
    with site.desk() as desk:
        seen = retention.outlook(desk)
        desk.index.begin(rows[0]._replace(seq=9999, path="gate/x", state="open"))
        batch = seen.plan.batches[0]._replace(seqs=(1, 9999))
        with pytest.raises(ValueError, match="may not be deleted"):
            Deleter(site.paths.footage, desk.index, desk.journal).delete(batch, retention.Order())
        assert desk.index.segments("gate", state="deleting") == []
    assert len(site.files()) == 160
