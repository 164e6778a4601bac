"""Holds: by rule or by hand, found in the footage, copied with their hashes, released only with a second signature."""

import json
import shutil

import pytest
from sp_jobs import DAY_NS, HOUR_NS, NS, JobSite

from agent.core.chain import Stamp
from agent.core.events import ClipRequested, HoldRequested, HoldReviewed
from agent.footage.holds import Store
from agent.jobs import holds as job
from agent.journal import Journal
from agent.journal.facts import facts_in_force
from agent.journal.holds import holds
from agent.journal.prune import prune


@pytest.fixture
def site(tmp_path):
    made = JobSite(tmp_path)
    made.append()
    return made


def by_hand(site, first, last, hold="h-1"):
    told = {"hold": hold, "cameras": [first.camera], "reason": "theft", "by": "anna"}
    site.append(HoldRequested(source="cli", from_ns=first.start_at_ns, to_ns=last.end_at_ns, **told))


def by_rule(site, cameras, at_ns, *, hold=True, clip="c-1"):
    mono = site.now.mono_ns - (site.now.at_ns - at_ns)
    told = {"clip": clip, "cameras": cameras, "at_ns": at_ns, "at_mono_ns": mono, "boot": site.now.boot}
    site.append(
        ClipRequested(source="panel", before_s=15, after_s=45, hold=hold, cause="pump.fail_to_start:pump-1", **told)
    )


def standing(site):
    with site.desk() as desk:
        return holds(desk.journal)


def tend(site):
    with site.desk() as desk:
        job.run(desk)


def test_a_hold_by_hand_is_found_copied_and_kept_past_its_time(site):
    rows = site.record("gate", 40)
    site.policy()
    by_hand(site, rows[4], rows[6])
    site.run()
    hold = standing(site)["h-1"]
    assert hold.segments == {"gate": "5-7"}
    assert hold.copied
    manifest = json.loads((site.paths.data / "holds/h-1/manifest.json").read_text())
    assert [one["sha256"] for one in manifest["files"]] == [row.sha256.hex() for row in rows[4:7]]
    assert (manifest["owner"], manifest["reason"]) == ("anna", "theft")
    assert Store(site.paths.data / "holds", 0).check("h-1") == []
    assert {int(p.name[:8]) for p in site.files()} == {5, 6, 7, *range(61, 161)}
    assert site.rows("retention.ran")[-1].values()["held"] == 3


def test_a_rule_holds_what_its_clip_shows_whatever_the_clock_does(site):
    rows = site.record("gate", 20)
    by_rule(site, ["gate", "yard"], rows[9].start_at_ns + 30 * NS)
    by_rule(site, ["gate"], rows[20].start_at_ns, hold=False, clip="c-2")
    site.now = site.now._replace(at_ns=site.now.at_ns - 365 * DAY_NS)
    tend(site)
    assert {name: hold.segments for name, hold in standing(site).items()} == {"c-1": {"gate": "10"}}
    assert standing(site)["c-1"].owner == "rule"
    assert len(site.rows("hold.placed")) == 1
    tend(site)
    assert len(site.rows("hold.placed")) == len(site.rows("hold.copied")) == 1


def test_what_is_asked_for_holds_before_its_footage_is_found(site, monkeypatch):
    rows = site.record("gate", 40)
    site.policy()
    by_hand(site, rows[2], rows[3])
    monkeypatch.setattr("agent.jobs.holds.find", lambda *_: None)
    site.run()
    assert {3, 4} <= {int(p.name[:8]) for p in site.files()}
    assert len(site.rows("footage.deleted")) > 10


def test_a_hold_waits_for_the_end_of_its_footage(site):
    site.record("gate", 20)
    by_rule(site, ["gate"], site.now.at_ns)
    tend(site)
    assert not standing(site)["c-1"].placed
    site.now = site.now._replace(at_ns=site.now.at_ns + HOUR_NS, mono_ns=site.now.mono_ns + HOUR_NS)
    tend(site)
    assert standing(site)["c-1"].placed


def test_footage_that_rotted_is_not_copied_for_good_and_told(site):
    rows = site.record("gate", 20)
    by_hand(site, rows[4], rows[6])
    bad = site.paths.footage / rows[5].path
    bad.write_bytes(b"rot" + bad.read_bytes()[3:])
    tend(site)
    assert not standing(site)["h-1"].copied
    assert "its hash differs" in site.troubles()["hold copy h-1"]
    bad.write_bytes(b"gate 000006\n" * 100)
    tend(site)
    assert standing(site)["h-1"].copied
    assert site.troubles() == {}


def test_a_store_that_is_full_is_told_and_the_footage_stays(site):
    rows = site.record("gate", 40)
    text = site.paths.site.read_text() + "\n[holds]\nquota_mb = 16\n"
    site.paths.site.write_text(text)
    (site.paths.data / "holds").mkdir()
    (site.paths.data / "holds/other").write_bytes(b"0" * (16 * 2**20 - 2000))
    site.policy()
    by_hand(site, rows[4], rows[6])
    site.run()
    assert "quota_mb" in site.troubles()["hold copy h-1"]
    assert {5, 6, 7} <= {int(p.name[:8]) for p in site.files()}


def test_a_copy_on_a_second_path_survives_the_first(site, tmp_path):
    rows = site.record("gate", 20)
    site.paths.site.write_text(site.paths.site.read_text() + f'\n[holds]\npath = "{tmp_path}/usb"\n')
    by_hand(site, rows[4], rows[6])
    tend(site)
    for path in site.files():
        path.write_bytes(b"")
    store = Store(tmp_path / "usb", 0)
    assert store.check("h-1") == []
    (copy,) = (tmp_path / "usb/h-1/gate").glob("00000005-*")
    copy.write_bytes(b"edited")
    assert store.check("h-1") == [f"{copy}: not what was copied"]


def test_a_full_disk_that_may_overwrite_leaves_what_is_held_and_its_copy(site, tmp_path, monkeypatch):
    """All past fifteen days goes but that; the copies lie on the second path, with the hashes of the originals."""
    rows = site.record("gate", 40)
    site.paths.site.write_text(site.paths.site.read_text() + f'\n[holds]\npath = "{tmp_path}/usb"\n')
    by_hand(site, rows[4], rows[6])
    site.policy("yes")
    monkeypatch.setattr("agent.footage.volume.Volume.free_bytes", lambda self: 0)
    for _ in range(2):
        site.run()
    assert {int(path.name[:8]) for path in site.files()} == {5, 6, 7, *range(101, 161)}
    assert site.rows("retention.breach"), "and that is owned up to"
    entries = json.loads((tmp_path / "usb/h-1/manifest.json").read_text())["files"]
    assert [one["sha256"] for one in entries] == [row.sha256.hex() for row in rows[4:7]]
    assert Store(tmp_path / "usb", 0).check("h-1") == []


def spoiled(site):
    """The second of three copies of hold h-1 on a path of their own, changed after they were made."""
    rows = site.record("gate", 20)
    usb = site.paths.data.parent / "usb"
    site.paths.site.write_text(site.paths.site.read_text() + f'\n[holds]\npath = "{usb}"\n')
    by_hand(site, rows[4], rows[6])
    tend(site)
    (copy,) = (usb / "h-1/gate").glob("00000006-*")
    copy.write_bytes(b"edited")
    return copy, rows[5]


def later(site, days):
    site.now = site.now._replace(at_ns=site.now.at_ns + days * DAY_NS, mono_ns=site.now.mono_ns + days * DAY_NS)


def test_copies_are_read_again_as_often_as_footage_and_made_anew_where_they_are_not_right(site):
    copy, row = spoiled(site)
    for days in (1, 28):
        later(site, days)
        tend(site)
    assert site.rows("hold.checked") == [], "thirty days have not gone by"
    later(site, 1)
    tend(site)
    (told,) = site.rows("hold.checked")
    assert (told.values()["files"], told.values()["wrong"]) == (3, [f"{copy}: not what was copied"])
    assert site.troubles() == {"hold damaged h-1": f"{copy}: not what was copied"}
    tend(site)
    assert site.troubles() == {}
    assert copy.read_bytes() == (site.paths.footage / row.path).read_bytes()
    (aside,) = copy.parent.glob("*.bad")
    assert aside.read_bytes() == b"edited", "what somebody has made of it is kept"
    later(site, 31)
    tend(site)
    assert [row.values()["wrong"] for row in site.rows("hold.checked")[1:]] == [[]]
    assert standing(site)["h-1"].copied


def test_copies_that_are_gone_are_made_anew_but_not_where_their_disk_should_be(site, monkeypatch):
    copy, _ = spoiled(site)
    usb = copy.parents[2]
    shutil.rmtree(usb / "h-1")
    tend(site)
    assert "is its disk mounted?" in site.troubles()["hold copy h-1"]
    assert list(usb.iterdir()) == [], "the disk of the data is not filled in its place"
    usb.rmdir()
    tend(site)
    assert not usb.exists()
    site.paths.site.write_text(site.paths.site.read_text().replace(f'path = "{usb}"', ""))
    rows = site.record("gate", 1, first=500)
    by_hand(site, rows[0], rows[1], hold="h-2")
    tend(site)
    shutil.rmtree(site.paths.data / "holds/h-2")
    tend(site)
    assert Store(site.paths.data / "holds", 0).check("h-2") == []
    assert site.troubles() == {}


def test_an_id_that_would_lead_elsewhere_is_no_folder(site, tmp_path):
    rows = site.record("gate", 20)
    by_hand(site, rows[4], rows[6], hold="../../../escaped")
    tend(site)
    assert "no id of a hold" in site.troubles()["hold copy ../../../escaped"]
    assert list(tmp_path.rglob("*escaped*")) == []


@pytest.mark.parametrize("copies", ["keep", "delete"])
def test_only_a_second_persons_signature_ends_a_hold(site, copies):
    rows = site.record("gate", 40)
    site.policy()
    by_hand(site, rows[4], rows[6])
    site.run()
    scope = {"hold": "h-1", "copies": copies}
    request = site.ask("hold.release", scope)
    site.sign(request, "hold.release", scope, person=site.anna, by="anna")
    site.run()
    assert "h-1" in standing(site)
    site.sign(request, "hold.release", scope)
    site.run()
    assert standing(site) == {}
    (told,) = site.rows("hold.released")
    assert (told.values()["requester"], told.values()["approver"]) == ("anna", "chen")
    assert (site.paths.data / "holds/h-1").exists() is (copies == "keep")
    assert told.values()["files"] == (3 if copies == "delete" else 0)
    assert len(site.files()) == 100, "what it kept expires now"
    site.run()
    assert len(site.rows("hold.released")) == 1


def test_a_release_of_no_hold_is_refused_once(site):
    request = site.approved("hold.release", {"hold": "h-9", "copies": "keep"})
    for _ in range(2):
        tend(site)
    (told,) = site.rows("deletion.refused")
    assert told.values()["request"] == request


def test_somebody_must_look_at_a_hold_again(site):
    rows = site.record("gate", 20)
    by_hand(site, rows[4], rows[6])
    tend(site)
    site.now = site.now._replace(at_ns=site.now.at_ns + 91 * DAY_NS, mono_ns=site.now.mono_ns + 91 * DAY_NS)
    tend(site)
    assert site.troubles() == {"hold review h-1": "theft"}
    site.append(HoldReviewed(source="h-1", by="chen", review_ns=site.now.at_ns + DAY_NS, note="trial"))
    tend(site)
    assert site.troubles() == {}


def test_holds_outlive_the_rows_that_made_them(site):
    rows = site.record("gate", 20)
    by_hand(site, rows[4], rows[6])
    by_hand(site, rows[8], rows[9], hold="h-2")
    by_rule(site, ["yard"], site.now.at_ns)
    tend(site)
    site.approved("hold.release", {"hold": "h-2", "copies": "keep"})
    site.run()
    before = standing(site)
    journal = Journal.open(site.paths.journal, site.paths.bell, lambda: site.now)
    head = journal.head()[0]
    assert {row.seq for row in facts_in_force(journal, head)} >= {site.rows("retention.ran")[-1].seq}
    prune(journal, head, cursors={}, verified_upto=head, floor_seq=head + 1)
    journal.close()
    site.now = site.now._replace(at_ns=site.now.at_ns + 365 * DAY_NS)
    with site.desk() as desk:
        assert "jumped" in desk.clock_refusal(site.now)
    after = standing(site)
    assert set(after) == set(before) == {"h-1", "c-1"}
    assert [after[name].segments for name in after] == [before[name].segments for name in after]
    assert after["h-1"].copied
    assert after["h-1"].review_ns == before["h-1"].review_ns
    assert isinstance(after["c-1"].window.start, Stamp)
