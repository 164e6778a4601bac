"""What an event holds by itself, and clips that go once nobody needs them: on real files, each a row."""

from __future__ import annotations

from pathlib import Path

import pytest
from sp_jobs import DAY_NS, HOUR_NS, NS, SITE, JobSite

from agent.core.chain import Stamp
from agent.core.events import (
    ClipDelivered,
    ClipGivenUp,
    ClipReady,
    ClipRequested,
    Event,
    IncidentClosed,
    IncidentDeclared,
    PumpDemand,
    PumpFailToStart,
    SnapshotDelivered,
    SnapshotReady,
)
from agent.jobs import by_rule, holds
from agent.journal import Journal
from agent.journal.holds import holds as standing_holds

UPLINK = '\n[uplink]\nbroker = "mqtt://127.0.0.1:1"\n'


def note(site: JobSite, ago_ns: int, *events: Event) -> None:
    """Rows of so long ago, in this boot."""
    at = site.now._replace(at_ns=site.now.at_ns - ago_ns, mono_ns=site.now.mono_ns - ago_ns)
    journal = Journal.open(site.paths.journal, site.paths.bell, lambda: at)
    journal.append(*events)
    journal.close()


@pytest.fixture
def site(tmp_path: Path) -> JobSite:
    made = JobSite(tmp_path)
    made.append()
    return made


# --- holds by rule ---


def tend(site: JobSite) -> None:
    with site.desk() as desk:
        holds.run(desk)


def test_a_demand_holds_the_footage_of_every_camera_around_it(site: JobSite) -> None:
    gate, yard = site.record("gate", 1), site.record("yard", 1)
    note(site, 7 * HOUR_NS, PumpDemand(source="pump-1"))  # within a minute that was recorded
    note(site, 7 * HOUR_NS - 20 * NS, PumpFailToStart(source="pump-1", limit_s=30))
    for _ in range(2):
        tend(site)
    (asked,) = site.rows("hold.requested")
    assert (asked.values()["by"], asked.values()["reason"]) == ("rule", "pump.demand:pump-1")
    (placed,) = site.rows("hold.placed")
    expected = {row.camera: str(row.seq) for row in (gate[2], yard[2])}
    assert placed.values()["segments"] == expected
    assert len(site.rows("hold.copied")) == 1


def test_killed_before_its_mark_it_asks_for_nothing_twice(site: JobSite) -> None:
    note(site, HOUR_NS, PumpDemand(source="pump-1"))
    tend(site)
    for path in site.paths.data.glob("cursor-jobs.db*"):
        path.unlink()
    tend(site)
    assert len(site.rows("hold.requested")) == 1


def test_the_site_says_what_is_held_and_of_what(tmp_path: Path) -> None:
    site = JobSite(tmp_path, SITE + '\n[holds]\non = ["pump.fail_*"]\ncameras = ["yard"]\n')
    note(site, HOUR_NS, PumpDemand(source="pump-1"))
    note(site, HOUR_NS, PumpFailToStart(source="pump-1", limit_s=30))
    tend(site)
    (asked,) = site.rows("hold.requested")
    assert (asked.values()["cameras"], asked.values()["reason"]) == (["yard"], "pump.fail_to_start:pump-1")


def test_a_clock_that_is_set_later_does_not_move_what_is_held(site: JobSite) -> None:
    site.record("gate", 1)
    note(site, 7 * HOUR_NS, PumpDemand(source="pump-1"))
    with site.desk() as desk:
        by_rule.place(desk, desk.now())
        (hold,) = standing_holds(desk.journal).values()
    assert (hold.window.start.boot, hold.window.end.mono_ns) == (
        site.now.boot,
        site.now.mono_ns - 7 * HOUR_NS + 300 * NS,
    )
    site.now = site.now._replace(at_ns=site.now.at_ns + 400 * DAY_NS)
    tend(site)
    assert site.rows("hold.placed")[0].values()["segments"] == {"gate": "3"}


def test_an_incident_that_a_person_declared_is_held_whole_and_a_drill_of_one_is_not(site: JobSite) -> None:
    rows = site.record("gate", 1, burst=20)  # twenty minutes each 6 h
    first, last = (rows[40].start_at_ns, rows[59].end_at_ns)
    began_ago_ns = site.now.at_ns - first - 60 * NS
    declared_ago_ns, closed_ago_ns = began_ago_ns - 600 * NS, site.now.at_ns - last
    about = {"what": "fire", "reason": "boiler room", "by": "anna"}
    note(site, began_ago_ns, IncidentDeclared(source="drill-1", since_ms=0, drill=True, **about))  # type: ignore[arg-type]
    note(site, declared_ago_ns, IncidentDeclared(source="i-1", since_ms=600_000, **about))  # type: ignore[arg-type]
    lasted_ms = (began_ago_ns - closed_ago_ns) // 1_000_000
    note(site, closed_ago_ns, IncidentClosed(source="i-1", outcome="out; 119 at 14:02", since_ms=lasted_ms, by="anna"))
    tend(site)
    assert [row.values()["reason"] for row in site.rows("hold.requested")] == [
        "incident.declared:i-1",
        "incident.closed:i-1",
    ]
    whole = site.rows("hold.placed")[-1].values()["segments"]
    assert whole == {"gate": f"{rows[40].seq}-{rows[59].seq}"}, "all of it, from when it began"
    assert len(site.rows("hold.copied")) == 2


# --- clips ---


def cut(site: JobSite, clip: str, ago_days: float, *, hold: bool = False) -> Path:
    """A clip that was cut so long ago; its file."""
    ago_ns = int(ago_days * DAY_NS)
    at = Stamp(site.now.at_ns - ago_ns, site.now.boot, site.now.mono_ns - ago_ns, "synced")
    path = site.paths.clips / f"{clip}-gate.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"film" * 100)
    request = ClipRequested(
        source="panel", clip=clip, cameras=["gate"], at_ns=at.at_ns, at_mono_ns=at.mono_ns, boot=at.boot,
        before_s=15, after_s=45, hold=hold, cause="x",
    )  # fmt: skip
    told = {"clip": clip, "path": f"clips/{path.name}", "bytes": 400, "sha256": "ab" * 32}
    note(site, ago_ns, request, ClipReady(source="gate", from_ns=1, to_ns=2, short_ms=0, **told))
    return path


def test_without_an_uplink_clips_go_by_their_time_and_a_policy(site: JobSite) -> None:
    old, young = cut(site, "c-1", 40), cut(site, "c-2", 20)
    site.run()
    assert old.exists(), "no policy"
    policy = site.policy()
    site.run()
    assert (old.exists(), young.exists()) == (False, True)
    (told,) = site.rows("clip.deleted")
    values = told.values()
    assert (told.source, values["clip"], values["bytes"], values["sha256"]) == ("gate", "c-1", 400, "ab" * 32)
    assert (values["authority"], values["approver"], values["why"]) == (policy, "chen", "nobody asks for it")
    site.run()
    assert len(site.rows("clip.deleted")) == 1


def test_with_an_uplink_a_clip_waits_until_it_was_delivered_or_given_up(tmp_path: Path) -> None:
    site = JobSite(tmp_path, SITE + UPLINK)
    site.append()
    files = {name: cut(site, name, 40) for name in ("c-1", "c-2", "c-3")}
    site.append(ClipDelivered(source="gate", clip="c-1", file="f", sha256="ab" * 32))
    site.append(ClipGivenUp(source="gate", clip="c-2", bytes=400, reason="too many"))
    site.policy()
    site.run()
    assert {name: path.exists() for name, path in files.items()} == {"c-1": False, "c-2": False, "c-3": True}
    assert [row.values()["why"] for row in site.rows("clip.deleted")] == ["delivered", "given up"]


def test_a_clip_on_hold_stays(site: JobSite) -> None:
    path = cut(site, "c-1", 40, hold=True)
    site.policy()
    site.run()
    assert path.exists()


def test_no_clip_goes_within_fifteen_days_or_by_a_clock_that_stepped(tmp_path: Path) -> None:
    site = JobSite(tmp_path, SITE.replace("[retention]", '[retention]\nclips = "15 days"'))
    site.append()
    young, old = cut(site, "c-1", 14.96), cut(site, "c-2", 15.1)
    site.policy()
    site.run()
    assert (young.exists(), old.exists()) == (True, False)
    site.now = site.now._replace(at_ns=site.now.at_ns + 5 * DAY_NS)
    site.run()
    assert young.exists()


def test_killed_between_row_and_file_it_is_completed(site: JobSite, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cut(site, "c-1", 40)
    site.policy()
    monkeypatch.setattr("agent.jobs.clips._unlink", lambda *_: None)
    site.run()
    assert path.exists()
    monkeypatch.undo()
    site.run()
    assert not path.exists()
    assert len(site.rows("clip.deleted")) == 1


def test_a_clip_that_was_cut_again_is_another(site: JobSite) -> None:
    cut(site, "c-1", 60)
    site.policy()
    site.run()
    again = cut(site, "c-1", 1)
    site.run()
    assert again.exists()


def picture(site: JobSite, snapshot: str, ago_days: float) -> Path:
    """A single picture that was taken so long ago; its file."""
    path = site.paths.clips / f"{snapshot}-gate.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"jpeg")
    told = {"snapshot": snapshot, "path": f"clips/{path.name}", "bytes": 4, "sha256": "cd" * 32, "cause": "person:li"}
    note(site, int(ago_days * DAY_NS), SnapshotReady(source="gate", at_ns=17, **told))  # type: ignore[arg-type]
    return path


def test_single_pictures_go_as_clips_do(tmp_path: Path) -> None:
    site = JobSite(tmp_path, SITE + UPLINK)
    site.append()
    site.policy()
    old, waits, young = (picture(site, f"s-{n}", days) for n, days in enumerate((40, 40, 10)))
    site.append(SnapshotDelivered(source="gate", snapshot="s-0", file="f", sha256="cd" * 32))
    site.append(SnapshotDelivered(source="gate", snapshot="s-2", file="f", sha256="cd" * 32))
    site.run()
    assert [path.exists() for path in (old, waits, young)] == [False, True, True]
    (told,) = (row.values() for row in site.rows("clip.deleted"))
    about = {"clip": "s-0", "path": "clips/s-0-gate.jpg", "from_ns": 17, "to_ns": 17, "why": "delivered"}
    assert {name: told[name] for name in about} == about
