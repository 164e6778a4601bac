"""Archived and destroyed by rule: what is past its ceiling goes, what is held stays, a disk ends with a certificate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sp_cli import Said
from sp_jobs import DAY_NS, NS, JobSite
from sp_people import Person

from agent.cli.__main__ import main
from agent.core.events import FootageDisk, HoldRequested
from agent.footage.volume import MARKER
from agent.runtime.clock import SystemClock
from agent.runtime.keys import write_key

Standpipe = Callable[..., Said]
ABOUT = ("--disk", "WD-<1>", "--held", "yard, March to June", "--method", "overwritten", "--document", "2026-31")


@pytest.fixture
def site(tmp_path: Path) -> JobSite:
    made = JobSite(tmp_path)
    made.now = SystemClock().stamp()._replace(clock="synced")
    made.record("gate", 40)
    made.append()
    return made


@pytest.fixture
def standpipe(site: JobSite, capsys: pytest.CaptureFixture[str]) -> Standpipe:
    def run(*arguments: str) -> Said:
        capsys.readouterr()
        paths = site.paths
        code = main([*arguments, "--site", str(paths.site), "--data", str(paths.data), "--run", str(paths.run)])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def key_of(site: JobSite, person: Person) -> list[str]:
    key, phrase = site.paths.run / f"{person.id}.key", site.paths.run / "pass"
    if not key.exists():
        write_key(key, person.signer, person.id, "correct horse")
    phrase.write_text("correct horse\n")
    return ["--key", str(key), "--passphrase-file", str(phrase)]


def ago(site: JobSite, days: float) -> list[str]:
    at = datetime.fromtimestamp(site.now.at_ns / NS - days * 86400, UTC)
    return ["--last-used", at.isoformat(timespec="seconds")]


def asked(site: JobSite, standpipe: Standpipe, *more: str) -> Said:
    return standpipe("retention", "retire", *ABOUT, *more, *key_of(site, site.anna), "--reason", "bad sectors")


def test_past_the_ceiling_it_goes_but_what_is_held_and_a_disk_gets_its_certificate(
    site: JobSite, standpipe: Standpipe, tmp_path: Path
) -> None:
    rows = site.record("gate", 1, first=900)
    held = site.record("gate", 1, first=1000)
    ends = {"from_ns": rows[0].start_at_ns, "to_ns": held[-1].end_at_ns}
    site.append(HoldRequested(source="cli", hold="h-1", cameras=["gate"], reason="x", by="anna", **ends))
    site.policy()
    site.run()
    assert {int(path.name[:8]) for path in site.files()} >= {900, 901, 1000, 1001}
    assert sum(int(str(row.values()["files"])) for row in site.rows("footage.deleted")) == 60
    request = asked(site, standpipe, *ago(site, 120)).out.split(":")[0]
    paper = tmp_path / "paper.html"
    early = standpipe("retention", "certificate", request, "--out", str(paper))
    assert (early.code, "nobody has signed" in early.err, paper.exists()) == (1, True, False)
    assert standpipe("approve", request, *key_of(site, site.anna), "--yes").code == 1, "who asks may not approve"
    shown = standpipe("approve", request, *key_of(site, site.chen), "--yes")
    for word in ("destruction of a disk", "WD-<1>", "yard, March to June", "overwritten", "2026-31", "bad sectors"):
        assert word in shown.out, f"who signs must see {word}"
    device = tmp_path / "sdx"
    device.write_bytes(bytes(4096 * 2000) + b"left" + bytes(4096 * 4 - 4))
    device.write_bytes(b"\x01" + device.read_bytes()[1:])
    out = ["--out", str(paper), "--device", str(device)]
    full = standpipe("retention", "certificate", request, *out)
    assert (full.code, "not empty at byte 0" in full.err, site.rows("deletion.certified")) == (2, True, [])
    device.write_bytes(bytes(4096 * 2000))
    assert standpipe("retention", "certificate", request, *out).code == 0
    (row,) = site.rows("deletion.certified")
    said = row.values()
    assert (row.source, said["requester"], said["approver"], said["key"]) == (
        "WD-<1>", "anna", "chen", site.chen.signer.key_id,
    )  # fmt: skip
    assert "256 blocks" in str(said["looked"])
    text = paper.read_text()
    for word in ("Certificate of destruction", "WD-&lt;1&gt;", "chen", "2026-31", row.hash.hex(), "256 blocks"):
        assert word in text
    assert standpipe("retention", "certificate", request, "--out", str(paper)).code == 0
    assert (len(site.rows("deletion.certified")), paper.read_text() == text) == (1, True), "the same paper again"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "--last-used"),
        (14.9, "15 full days"),
        (60, "3 months"),
        ("in use", "replaced first"),
        ("replaced", "3 months"),
    ],
)
def test_a_disk_that_may_have_what_must_be_kept_is_not_destroyed(
    site: JobSite, standpipe: Standpipe, more: object, says: str
) -> None:
    """However old a person says that it is, the disk in use or replaced of late speaks for itself."""
    options = ago(site, more) if isinstance(more, float | int) else []
    if more == "in use":
        (site.paths.footage / MARKER).write_text("u-1\n")
        options = ["--volume", "u-1", *ago(site, 200)]
    if more == "replaced":
        right = site.now
        site.now = right._replace(at_ns=right.at_ns - 50 * DAY_NS, boot="an earlier one")
        site.append(FootageDisk(source="footage", volume="u-1", before="u-0", device="sdb", model="", serial=""))
        site.now = right
        options = ["--volume", "u-0", *ago(site, 200)]
    said = asked(site, standpipe, *options)
    assert (said.code, says in said.err, said.err.count("\n")) == (1, True, 1)
    assert site.rows("approval.requested") == []


def test_what_was_signed_is_judged_again_when_it_is_done(site: JobSite, standpipe: Standpipe, tmp_path: Path) -> None:
    request = asked(site, standpipe, *ago(site, 120)).out.split(":")[0]
    standpipe("approve", request, *key_of(site, site.chen), "--yes")
    ends = {"from_ns": site.now.at_ns - 2 * DAY_NS, "to_ns": site.now.at_ns}
    site.append(HoldRequested(source="cli", hold="h-1", cameras=["gate"], reason="x", by="anna", **ends))
    text = site.paths.site.read_text()
    site.paths.site.write_text(text.replace("[site]\n", '[site]\nlanguage = "zh-CN"\n', 1))
    said = standpipe("retention", "certificate", request, "--out", str(tmp_path / "x.html"))
    assert (said.code, "留存 h-1 尚无副本" in said.err) == (1, True)
    assert site.rows("deletion.certified") == []


def test_nobody_asks_for_it_without_a_key(site: JobSite, standpipe: Standpipe) -> None:
    said = standpipe("retention", "retire", *ABOUT, *ago(site, 120), "--by", "anna", "--reason", "x")
    assert (said.code, "name your key" in said.err) == (2, True)
