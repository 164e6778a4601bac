"""Handing out footage: under a grant, on record first, whole, and playable by anybody."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from sp_export import ExportSite, judged, manifest_of, unpacked
from sp_footage import BOOT, fragments, stamp, write_segment
from sp_recorder import card_numbers

from agent.core.events import ClockSet
from agent.core.package import COVER, MANIFEST, SUMS
from agent.footage.export import ExportError
from agent.footage.viewing import ViewingRefused
from hw.cameras.card import dots


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ExportSite]:
    made = ExportSite(tmp_path)
    yield made
    made.close()


def test_what_is_handed_out_is_proven_and_on_record(site: ExportSite, tmp_path: Path) -> None:
    made = site.make()
    verdict = judged(made.path, site.signer)
    assert verdict.good, verdict.faults
    assert (verdict.segments, verdict.proven, made.unproven) == (6, 6, [])
    (told,) = site.rows("export.made")
    folder = unpacked(made.path, tmp_path / "plain")
    assert told["digest"] == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert told["segments"] == {"gate": "7-8", "yard": "1-4"}
    about = {"receiver": "公安分局", "basis": "治安管理处罚法", "by": "wang", "signed": True, "request": "g-1"}
    assert {name: told[name] for name in about} == about
    assert (told["files"], told["bytes"]) == (12, made.path.stat().st_size)
    assert [row["use"] for row in site.rows("viewing.opened")] == ["export", "export"]
    assert len(site.rows("viewing.ended")) == 2
    assert sorted(path.name for path in site.paths.run.iterdir()) == ["bell", "evidence.zip"]


def test_clips_play_and_show_just_the_time(site: ExportSite, tmp_path: Path) -> None:
    folder = unpacked(site.make().path, tmp_path / "plain")
    assert card_numbers(folder / "clips/yard.mp4") == list(range(10, 75))
    assert card_numbers(folder / "clips/gate.mp4") == list(range(100, 140))
    for path in folder.rglob("*.mp4"):
        said = subprocess.run(["ffprobe", "-v", "error", path], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")


def test_sums_are_those_of_any_tool_and_the_cover_says_it_all(site: ExportSite, tmp_path: Path) -> None:
    folder = unpacked(site.make(compared="time.gov.cn by phone", ahead_ms=-1500).path, tmp_path / "plain")
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", SUMS], cwd=folder, check=True)
    text = (folder / COVER).read_text()
    for wanted in (
        "公安分局",
        "李某 110101",
        "公证字 17 号",
        "治安管理处罚法",
        "who opened the valve",
        "clips/yard.mp4",
    ):
        assert wanted in text
    assert "-1.500 s (time.gov.cn by phone)" in text
    assert "2026-11-18 19:08:21 +0800" in text, "the site's own time"
    assert site.signer.public_text in text


def test_nothing_of_what_people_wrote_is_markup(site: ExportSite, tmp_path: Path) -> None:
    folder = unpacked(site.make(basis="<script>alert(1)</script>&").path, tmp_path / "plain")
    text = (folder / COVER).read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


# --- who may have what ---


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"viewer": "li"}, "wang"),
        ({"to_ns": 1_795_000_300_000_000_000}, "covers"),
        ({"grant": "g-9"}, "g-9"),
    ],
)
def test_without_its_grant_nothing_is_handed_out(site: ExportSite, changes: dict[str, object], why: str) -> None:
    site.granted(100, 110, copies=True, cameras=("yard", "gate"))
    with pytest.raises(ViewingRefused, match=why):
        site.make(**{"grant": "g-1", **changes})
    assert site.rows("export.made") == []
    assert len(site.rows("viewing.refused")) == 1
    assert not list(site.paths.run.glob("*evidence*"))


def test_a_grant_to_look_is_none_to_take_away(site: ExportSite) -> None:
    grant = site.granted(100, 110, cameras=("yard", "gate"))
    with pytest.raises(ViewingRefused, match="no copies"):
        site.make(grant=grant)


def test_what_is_there_already_is_not_overwritten(site: ExportSite) -> None:
    (site.paths.run / "evidence.zip").write_text("mine")
    with pytest.raises(ExportError, match="ever overwritten"):
        site.make()
    assert (site.paths.run / "evidence.zip").read_text() == "mine"


def test_no_footage_and_footage_that_is_still_being_recorded_are_said(site: ExportSite) -> None:
    grant = site.granted(100, 500, copies=True, cameras=("yard", "gate"))
    with pytest.raises(ExportError, match="no footage of that time"):
        site.make(grant=grant, from_ns=site.at(300), to_ns=site.at(400))
    write_segment(site.paths.footage, 9, fragments(10, start=stamp(110)), index=site.index, close=False)
    with pytest.raises(ExportError, match="still being recorded"):
        site.make(grant=grant, to_ns=site.at(112))
    assert site.rows("export.made") == []


def test_a_full_disk_is_said_before_anything_is_copied(site: ExportSite, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(site.paths.run)
    small = os.statvfs_result((found.f_bsize, found.f_frsize, found.f_blocks, 100, 100, *found[5:]))
    monkeypatch.setattr("os.statvfs", lambda _: small)
    with pytest.raises(ExportError, match="MiB are needed"):
        site.make()
    assert site.rows("export.made") == []


def test_one_that_fails_half_way_leaves_nothing_behind(site: ExportSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "evidence")

    monkeypatch.setattr("agent.footage.packing.Package.text", fail)
    with pytest.raises(Exception, match="disk full"):
        site.make()
    assert [path.name for path in site.paths.run.iterdir()] == ["bell"]
    assert site.rows("export.made") == []
    assert len(site.rows("viewing.ended")) == 2


def test_what_a_kill_left_behind_is_in_nobodys_way(site: ExportSite) -> None:
    (site.paths.run / ".evidence.zip.part").write_bytes(b"half")
    (site.paths.run / ".evidence.zip.part.d").mkdir()
    (site.paths.run / ".evidence.zip.part.d/yard.mp4").write_bytes(b"half")
    assert judged(site.make().path, site.signer).good
    assert sorted(path.name for path in site.paths.run.iterdir()) == ["bell", "evidence.zip"]


def test_a_package_of_many_gigabytes_is_one_all_the_same(site: ExportSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit from which on a zip is written otherwise brought down to where a test can reach it."""
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 20_000)
    monkeypatch.setattr("agent.footage.packing.LARGE_BYTES", 10_000)
    made = site.make()
    assert b"PK\x06\x06" in made.path.read_bytes()
    assert judged(made.path, site.signer).good


# --- footage that is not as it should be ---


def test_rot_is_owned_up_to_and_proves_nothing(site: ExportSite) -> None:
    (path,) = site.paths.footage.glob("yard/*/00000002-*")
    data = path.read_bytes()
    path.write_bytes(data[:9000] + bytes([data[9000] ^ 1]) + data[9001:])
    made = site.make()
    assert [text.partition(": ")[2] for text in made.unproven] == ["its file is not what was recorded any more"]
    verdict = judged(made.path, site.signer)
    assert verdict.good, verdict.faults
    assert (verdict.segments, verdict.proven) == (6, 5)
    assert {"unproven", "damaged"} <= {note.what for note in verdict.notes}


def test_a_file_that_is_gone_is_owned_up_to(site: ExportSite) -> None:
    (path,) = site.paths.footage.glob("yard/*/00000002-*")
    path.unlink()
    made = site.make()
    verdict = judged(made.path, site.signer)
    assert verdict.good, verdict.faults
    assert ("yard", "left-out", "2: its file is gone") in verdict.notes
    assert [gap["cause"] for gap in made.manifest["cameras"][0]["gaps"]] == ["nothing is recorded"]


def test_a_clock_that_was_set_later_is_told_and_the_seal_holds(tmp_path: Path) -> None:
    site = ExportSite(tmp_path)
    boot = "22222222-2222-3333-4444-555555555555"
    for n in range(2):
        start = stamp(50 + 2 * n, boot=boot, at_offset_s=-1_700_000_000, clock="unset")
        write_segment(site.paths.footage, 20 + n, fragments(20, first=20 * n, start=start), index=site.index)
    now = site.at(500)
    site.note(ClockSet(source="clock", boot=boot, mono_ns=50 * 10**9, at_ns=now, by="person"))
    grant = site.granted(490, 520, copies=True, cameras=("yard",))
    made = site.make(grant=grant, cameras=("yard",), from_ns=site.at(500), to_ns=site.at(504))
    verdict = judged(made.path, site.signer)
    assert verdict.good, verdict.faults
    (camera,) = made.manifest["cameras"]
    assert verdict.proven == len(camera["segments"]) == 2
    assert {segment["clock"] for segment in camera["segments"]} == {"unset"}
    assert {segment["correction_ns"] for segment in camera["segments"]} != {0}
    assert camera["segments"][0]["start_at_ns"] + camera["segments"][0]["correction_ns"] == now
    assert camera["gaps"] == []
    site.close()


def test_footage_of_two_boots_makes_two_clips(site: ExportSite, tmp_path: Path) -> None:
    start = stamp(5, boot="33333333-2222-3333-4444-555555555555", at_offset_s=104)
    write_segment(site.paths.footage, 30, fragments(20, first=500, start=start), index=site.index)
    made = site.make(
        grant=site.granted(100, 112, copies=True, cameras=("yard",)), cameras=("yard",), to_ns=site.at(110.5)
    )
    assert judged(made.path, site.signer).good
    folder = unpacked(made.path, tmp_path / "plain")
    assert card_numbers(folder / "clips/yard-2.mp4") == list(range(500, 515))
    assert [clip["boot"] == BOOT for clip in manifest_of(folder)["cameras"][0]["clips"]] == [True, False]


# --- the watermark ---


def test_a_copy_with_a_watermark_shows_it_and_leaves_the_rest_as_it_is(site: ExportSite, tmp_path: Path) -> None:
    told: list[str] = []
    made = site.make(exporter=site.exporter(dots=dots, told=told.append), watermark="POLICE 17", cameras=("yard",))
    folder = unpacked(made.path, tmp_path / "plain")
    assert judged(made.path, site.signer).good
    assert made.marking_s > 0
    assert "marked/yard.mp4" in told
    plain, marked = (_middle(folder / kind / "yard.mp4") for kind in ("clips", "marked"))
    assert len(marked) == len(plain) == 65
    whites = [sum(value > 220 for value in line) for line in marked]
    assert min(whites) > 20 > max(sum(value > 220 for value in line) for line in plain)
    (copy,) = manifest_of(folder)["cameras"][0]["marked"]
    assert copy["text"] == "POLICE 17"


def _middle(path: Path) -> list[bytes]:
    """Of each picture the line through its middle."""
    lines = []
    with av.open(str(path)) as opened:
        for frame in opened.decode(opened.streams.video[0]):
            plane = frame.planes[0]
            start = plane.line_size * (frame.height // 2)
            lines.append(bytes(memoryview(plane)[start : start + frame.width]))
    return lines
