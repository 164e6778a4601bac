"""Packages as somebody hands them in: whole, edited, resigned, hostile. Real footage, real keys, real zips."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sp_export import ExportSite, judged, manifest_of, rewritten, unpacked

from agent.core.merkle import SegmentLeaf
from agent.core.package import MANIFEST, SIGNATURE
from agent.core.verdict import Verdict
from agent.footage import boxes
from agent.footage.boxes import BoxError, Sample, box, full
from agent.footage.movie import Chunk
from agent.footage.movie import head as movie_head
from agent.footage.reading import read_segment
from agent.footage.tables import Placed, movie_samples
from agent.runtime.keys import Signer, new_signer


class Ready:
    """One package for all tests here, zipped and as a folder; tests take copies."""

    def __init__(self, folder: Path) -> None:
        site = ExportSite(folder / "site")
        self.zip = shutil.copy(site.make(watermark="", cameras=("yard", "gate")).path, folder / "evidence.zip")
        self.other = shutil.copy(site.make("other.zip", from_ns=site.at(102.5)).path, folder / "other.zip")
        self.key, self.wang = site.signer, site.wang
        site.close()
        self.folder = unpacked(self.zip, folder / "plain")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    base = tmp_path_factory.mktemp("package")
    (base / "site").mkdir()
    return Ready(base)


@pytest.fixture
def folder(ready: Ready, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready.folder, tmp_path / "package"))


def wheres(verdict: Verdict) -> set[str]:
    return {fault.where for fault in verdict.faults}


def whats(verdict: Verdict) -> set[str]:
    return {fault.what for fault in verdict.faults}


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_zip_and_folder_are_good(ready: Ready) -> None:
    for package in (ready.zip, ready.folder):
        verdict = judged(Path(package), ready.key)
        assert verdict.good, verdict.faults
        assert (verdict.segments, verdict.proven, verdict.key) == (6, 6, ready.key.public_text)


def test_without_a_key_it_is_of_one_piece_and_with_another_it_is_not_ours(ready: Ready) -> None:
    alone = judged(Path(ready.zip))
    assert alone.good
    assert not alone.key_given
    assert whats(judged(Path(ready.zip), new_signer())) == {"other-key"}
    assert judged(Path(ready.zip), new_signer(), ready.key).good, "a board whose key was changed has two"


# --- what anybody can do to it ---


def test_every_file_that_is_changed_dropped_or_renamed_is_named(ready: Ready, folder: Path) -> None:
    names = files(folder)
    assert len(names) == 12
    for name in names:
        path = folder / name
        data = path.read_bytes()
        for at in (0, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert name in {where.split("#")[0] for where in wheres(judged(folder, ready.key))}, (name, at)
        path.write_bytes(data + b"\0")
        assert name in {where.split("#")[0] for where in wheres(judged(folder, ready.key))}, name
        path.unlink()
        assert name in wheres(judged(folder, ready.key)), name
        if name == MANIFEST:  # without it nothing says what belongs here
            path.write_bytes(data)
            continue
        other = folder / "clips/nobody.mp4"
        other.write_bytes(data)
        assert {name, "clips/nobody.mp4"} <= wheres(judged(folder, ready.key)), name
        other.unlink()
        path.write_bytes(data)
    assert judged(folder, ready.key).good


def test_any_two_files_that_change_places_are_named(ready: Ready, folder: Path) -> None:
    for one, other in itertools.combinations([name for name in files(folder) if "/" in name], 2):
        _swap(folder / one, folder / other)
        verdict = judged(folder, ready.key)
        assert {one, other} <= wheres(verdict)
        assert whats(verdict) == {"swapped"}
        _swap(folder / one, folder / other)


def _swap(one: Path, other: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


@pytest.mark.parametrize(
    "name", ["virus.exe", "footage/extra.mp4", "clips/deep/er/file", "footage/yard/00000099-20261118T000000Z.mp4"]
)
def test_a_file_too_many_is_named(ready: Ready, folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    assert any(name.startswith(where) for where in wheres(judged(folder, ready.key)))


def test_what_is_no_plain_file_is_named_and_not_read(ready: Ready, folder: Path) -> None:
    (folder / "clips/yard.mp4").unlink()
    (folder / "clips/yard.mp4").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    found = {(fault.where, fault.what) for fault in judged(folder, ready.key).faults}
    assert {("clips/yard.mp4", "no-file"), ("pipe", "no-file")} <= found


# --- what only who has the board's key can do: the seals are in the way ---


def resigned(ready: Ready, folder: Path, change: Callable[[dict[str, Any]], object]) -> Verdict:
    rewritten(folder, change, board=ready.key, person=ready.wang)
    verdict = judged(folder, ready.key)
    assert "forged" not in whats(verdict), "the signatures are right"
    return verdict


def test_signing_it_anew_is_possible(ready: Ready, folder: Path) -> None:
    assert resigned(ready, folder, lambda told: told.update(basis="another")).good


@pytest.mark.parametrize("field", [name for name in SegmentLeaf._fields if name != "camera"])
def test_nothing_about_a_segment_can_be_another_under_its_seal(ready: Ready, folder: Path, field: str) -> None:
    for number in range(4):
        package = Path(shutil.copytree(folder, folder.with_name(f"p{number}")))

        def change(told: dict[str, Any], number: int = number) -> None:
            segment = told["cameras"][0]["segments"][number]
            segment[field] = segment[field] + 1 if isinstance(segment[field], int) else "00" + segment[field][2:]

        if field in ("bytes", "sha256"):
            name = manifest_of(package)["cameras"][0]["segments"][number]["file"]
            with (package / name).open("ab") as file:
                file.write(b"\0")
        assert whats(resigned(ready, package, change)) & {"not-sealed", "name"}


def test_another_segment_in_its_place_is_named(ready: Ready, folder: Path) -> None:
    paths = [folder / one["file"] for one in manifest_of(folder)["cameras"][0]["segments"]]
    _swap(paths[0], paths[1])
    assert "not-sealed" in whats(resigned(ready, folder, lambda told: None))


@pytest.mark.parametrize("number", range(4))
def test_a_segment_that_was_left_out_is_named(ready: Ready, folder: Path, number: int) -> None:
    """From between others: by the seals. At the ends: by the gap that it leaves."""

    def drop(told: dict[str, Any]) -> None:
        gone = told["cameras"][0]["segments"].pop(number)
        (folder / gone["file"]).unlink()

    verdict = resigned(ready, folder, drop)
    assert "untold-gap" in whats(verdict)
    assert ("dropped" in whats(verdict)) == (0 < number < 3)
    if "dropped" in whats(verdict):
        assert f"{number + 1}-{number + 1}" in {fault.more for fault in verdict.faults}


def test_what_is_left_out_and_owned_up_to_is_a_note(ready: Ready, folder: Path) -> None:
    def own_up(told: dict[str, Any]) -> None:
        camera = told["cameras"][0]
        gone = camera["segments"].pop(1)
        (folder / gone["file"]).unlink()
        for clip in camera["clips"]:
            (folder / clip["name"]).unlink()
        camera["clips"] = []
        camera["missing"].append({"segments": "2", "why": "its file is gone"})
        camera["gaps"].append({"from_ns": gone["start_at_ns"], "to_ns": gone["end_at_ns"], "cause": "x"})

    verdict = resigned(ready, folder, own_up)
    assert verdict.good, verdict.faults
    assert {"left-out", "gap"} <= {note.what for note in verdict.notes}


def test_segments_in_another_order_are_named(ready: Ready, folder: Path) -> None:
    verdict = resigned(ready, folder, lambda told: told["cameras"][0]["segments"].reverse())
    assert "order" in whats(verdict)


def test_a_seal_of_another_camera_hour_or_row_is_named(ready: Ready, folder: Path) -> None:
    def other(told: dict[str, Any]) -> None:
        for segment in told["cameras"][0]["segments"]:
            segment["seal"] = 2

    assert "not-sealed" in whats(resigned(ready, folder, other))
    fresh = Path(shutil.copytree(ready.folder, folder.with_name("fresh")))

    def forge(told: dict[str, Any]) -> None:
        told["seals"][0]["text"] = told["seals"][0]["text"].replace('"leaves":3', '"leaves":4')

    assert "seal" in whats(resigned(ready, fresh, forge))


def test_a_clip_of_another_time_is_named(ready: Ready, folder: Path) -> None:
    other = unpacked(Path(ready.other), folder.with_name("other"))
    shutil.copy(other / "clips/yard.mp4", folder / "clips/yard.mp4")
    verdict = resigned(ready, folder, lambda told: None)
    assert wheres(verdict) == {"clips/yard.mp4"}


def test_a_clip_from_which_pictures_were_cut_or_that_runs_slower_is_named(ready: Ready, folder: Path) -> None:
    clip = folder / "clips/yard.mp4"
    whole = clip.read_bytes()
    stts = whole.index(b"stts") + 12
    slower = whole[: stts + 4] + struct.pack(">I", 18_000) + whole[stts + 8 :]
    clip.write_bytes(slower)
    assert {f.what for f in resigned(ready, folder, lambda told: None).faults} == {"time"}
    media = whole.index(b"mdat") + 200
    clip.write_bytes(whole[:media] + bytes([whole[media] ^ 255]) + whole[media + 1 :])
    assert {f.what for f in resigned(ready, folder, lambda told: None).faults} == {"not-those"}
    clip.write_bytes(b"\0\0\0\x20ftypisom" + bytes(200))
    assert {f.what for f in resigned(ready, folder, lambda told: None).faults} == {"no-clip"}


def test_a_clip_that_says_another_beginning_or_end_is_named(ready: Ready, folder: Path) -> None:
    for field in ("start_mono_ns", "end_mono_ns"):
        package = Path(shutil.copytree(folder, folder.with_name(field)))

        def shift(told: dict[str, Any], field: str = field) -> None:
            told["cameras"][0]["clips"][0][field] += 500_000_000

        assert whats(resigned(ready, package, shift)) & {"time", "not-those"}


def test_an_unsealed_segment_whose_times_are_not_its_own_is_named(ready: Ready, folder: Path) -> None:
    def unseal(told: dict[str, Any]) -> None:
        segment = told["cameras"][0]["segments"][3]
        segment.update(seal=-1, unproven="lost", start_at_ns=segment["start_at_ns"] - 60_000_000_000)

    verdict = resigned(ready, folder, unseal)
    assert "tells-other" in whats(verdict)
    assert "unproven" in {note.what for note in verdict.notes}


# --- zips ---


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rezipped(path: Path, contents: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as made:
        for name, data in contents.items():
            made.writestr(name, data)
    return path


def test_packed_again_as_it_is_it_is_good_and_squeezed_it_asks_to_be_unpacked(ready: Ready, tmp_path: Path) -> None:
    contents = members(Path(ready.zip))
    assert judged(rezipped(tmp_path / "again.zip", contents), ready.key).good
    squeezed = judged(rezipped(tmp_path / "small.zip", contents, zipfile.ZIP_DEFLATED), ready.key)
    assert "packed" in whats(squeezed)


def test_a_bomb_is_not_lit(ready: Ready, tmp_path: Path) -> None:
    contents = {**members(Path(ready.zip)), "clips/yard.mp4": bytes(200_000_000)}
    bomb = rezipped(tmp_path / "bomb.zip", contents, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 2_000_000
    assert ("clips/yard.mp4", "packed") in {(f.where, f.what) for f in judged(bomb, ready.key).faults}


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "clips/../../escaped", "c:\\escaped", "a" * 60_000])
def test_a_name_that_leads_out_is_named_and_nothing_is_written(ready: Ready, tmp_path: Path, name: str) -> None:
    package = rezipped(tmp_path / "out.zip", {**members(Path(ready.zip)), name: b"x"})
    before = set(tmp_path.rglob("*"))
    verdict = judged(package, ready.key)
    assert {fault.what for fault in verdict.faults} == {"extra"}
    assert max(len(fault.where) for fault in verdict.faults) < 300
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_named(ready: Ready, tmp_path: Path) -> None:
    package = Path(shutil.copy(ready.zip, tmp_path / "twice.zip"))
    with zipfile.ZipFile(package, "a") as opened:
        opened.writestr("clips/yard.mp4", b"another")
    assert ("clips/yard.mp4", "twice") in {(f.where, f.what) for f in judged(package, ready.key).faults}


def hostile(whole: bytes) -> Iterator[bytes]:
    """Zips that lie."""
    end = whole.rindex(b"PK\x05\x06")
    yield b""
    yield b"PK\x05\x06" + bytes(18)
    yield whole[: len(whole) // 2]
    yield whole[:end] + b"PK\x05\x06" + b"\xff" * 18
    for offset in (12, 16):  # size and place of the directory
        yield whole[: end + offset] + struct.pack("<I", 0x7FFFFFFF) + whole[end + offset + 4 :]
    directory = whole.index(b"PK\x01\x02")
    for offset in (20, 24, 42):  # sizes of a member, and its place
        yield whole[: directory + offset] + struct.pack("<I", 0x7FFFFFFF) + whole[directory + offset + 4 :]
    second = whole.index(b"PK\x01\x02", directory + 4)
    yield whole[: second + 42] + struct.pack("<I", 0) + whole[second + 46 :]  # two members in one place


def test_zips_that_lie_are_told_in_a_line(ready: Ready, tmp_path: Path) -> None:
    package = tmp_path / "lies.zip"
    for number, data in enumerate(hostile(Path(ready.zip).read_bytes())):
        package.write_bytes(data)
        verdict = judged(package, ready.key)
        assert verdict.faults, number
        assert all("\n" not in fault.more for fault in verdict.faults)


@pytest.mark.timeout(900)
def test_flipped_anywhere_it_is_named_or_the_contents_are_whole(ready: Ready, tmp_path: Path, rounds: Any) -> None:
    """Whatever bit: never an error, and good only where the bit is none of the contents (a date of the zip)."""
    whole, package, draw = Path(ready.zip).read_bytes(), tmp_path / "flipped.zip", random.Random(7)
    contents = members(Path(ready.zip))
    for _ in range(rounds(60, 3000)):
        at = draw.randrange(len(whole))
        package.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :])
        if judged(package, ready.key).good:
            with zipfile.ZipFile(package) as opened:
                assert {name: opened.read(name) for name in opened.namelist()} == contents


@pytest.mark.timeout(900)
def test_segments_and_clips_that_are_no_films_are_told_in_a_line(ready: Ready, folder: Path, rounds: Any) -> None:
    """Signed by whoever made them: sizes and counts in them are believed as far as there are bytes."""
    draw, key = random.Random(11), new_signer()
    names = [name for name in files(folder) if name.startswith(("footage/yard", "clips/yard"))]
    for number in range(rounds(25, 1500)):
        name = names[number % len(names)]
        data = bytearray((ready.folder / name).read_bytes())
        at = draw.randrange(0, min(len(data), 3000) - 8)
        data[at : at + 4] = draw.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", draw.randbytes(4)])
        (folder / name).write_bytes(data)
        verdict = _by(key, folder)
        assert all("\n" not in fault.more for fault in (*verdict.faults, *verdict.notes))
        (folder / name).write_bytes((ready.folder / name).read_bytes())


def _by(key: Signer, folder: Path) -> Verdict:
    def own(told: dict[str, Any]) -> None:
        for signer in told["signers"]:
            signer["key"] = key.public_text

    rewritten(folder, own, board=key, person=key)
    return judged(folder)


def test_numbers_without_bounds_cost_nothing(ready: Ready, folder: Path) -> None:
    def swell(told: dict[str, Any]) -> None:
        told["cameras"][0]["segments"][3]["seq"] = 2**63 - 1
        told["cameras"][0]["missing"] = [{"segments": "1-9223372036854775807", "why": "x"}]
        told["asked"].update(from_ns=-(2**63) + 1, to_ns=2**63 - 1)
        told["seals"] = told["seals"] * 100

    assert not resigned(ready, folder, swell).good


def test_a_manifest_of_gigabytes_is_not_read(ready: Ready, folder: Path) -> None:
    with (folder / MANIFEST).open("r+b") as file:
        file.truncate(3 << 30)
    (folder / SIGNATURE).write_bytes(json.dumps({"x": "y" * 100}).encode())
    verdict = judged(folder, ready.key)
    assert (MANIFEST, "unreadable") in {(fault.where, fault.what) for fault in verdict.faults}


# --- clips and zips that are made with more care ---


def remade(folder: Path, name: str, change: Callable[[list[Placed]], list[Placed]]) -> None:
    """The clip once more, out of other samples, by the very code that makes clips."""
    path = folder / name
    data = path.read_bytes()
    samples, formats = movie_samples(lambda at, count: data[at : at + count], len(data))
    found = change(list(samples))
    first = next(iter(sorted((folder / "footage" / path.stem).iterdir())))
    chunk = Chunk([Sample(one.size, one.duration, one.offset, one.sync) for one in found], 0)
    head = movie_head(read_segment(first).init, [formats], [chunk], b"")
    path.write_bytes(head + b"".join(data[one.at : one.at + one.size] for one in found))


def test_a_clip_made_of_the_same_pictures_is_good(ready: Ready, folder: Path) -> None:
    remade(folder, "clips/gate.mp4", lambda samples: samples)
    assert resigned(ready, folder, lambda told: None).good


def test_a_picture_that_stands_longer_and_the_next_shorter_is_named(ready: Ready, folder: Path) -> None:
    def shifted(samples: list[Placed]) -> list[Placed]:
        samples[14] = samples[14]._replace(duration=samples[14].duration + 3000)
        samples[15] = samples[15]._replace(duration=samples[15].duration - 3000)
        return samples

    remade(folder, "clips/gate.mp4", shifted)
    verdict = resigned(ready, folder, lambda told: None)
    assert verdict.faults == [("clips/gate.mp4", "time", "picture 15")]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda samples: [*samples, samples[-1]], "not-those"),  # the last one twice, past the end of the footage
        (lambda samples: samples[:12] + samples[13:], "not-those"),
        (lambda samples: [*samples[:12], samples[13], samples[12], *samples[14:]], "not-those"),
        (lambda samples: samples[:-3], "time"),
    ],
)
def test_pictures_more_fewer_or_in_another_order_are_named(
    ready: Ready, folder: Path, change: Callable[[list[Placed]], list[Placed]], what: str
) -> None:
    remade(folder, "clips/gate.mp4", change)
    verdict = resigned(ready, folder, lambda told: None)
    assert [(fault.where, fault.what) for fault in verdict.faults] == [("clips/gate.mp4", what)]


def test_a_fragment_that_claims_billions_of_pictures_is_none() -> None:
    tfhd, trun = full(b"tfhd", 0, 0, struct.pack(">I", 1)), full(b"trun", 0, 0, struct.pack(">I", 0xFFFFFFFF))
    with pytest.raises(BoxError, match="more pictures"):
        boxes.samples(box(b"moof", box(b"traf", tfhd, trun)))


def test_members_that_lie_within_each_other_are_not_read_again_and_again(ready: Ready, tmp_path: Path) -> None:
    """Stored members cannot be larger than the zip, unless they share its bytes."""
    inner = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 100, 100, 14, 0) + b"clips/yard.mp4"
    package = rezipped(tmp_path / "nested.zip", {"clips/gate.mp4": inner + bytes(100)})
    whole = package.read_bytes()
    directory, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    entry = whole[directory:end]
    second = entry[:20] + struct.pack("<II", 100, 100) + entry[28:42] + struct.pack("<I", whole.index(inner))
    second += b"clips/yard.mp4"
    told = struct.pack("<HHIIH", 2, 2, end - directory + len(second), directory, 0)
    package.write_bytes(whole[:end] + second + whole[end : end + 8] + told)
    assert ("clips/yard.mp4", "no-zip") in {(fault.where, fault.what) for fault in judged(package, ready.key).faults}
