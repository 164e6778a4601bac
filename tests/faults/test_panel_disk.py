"""The journal's disk is full, frozen or gone; a contact chatters. The relays must not know."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_site import SITE, Site, until

from agent.core.chain import canonical_row, first_hash, next_hash

pytestmark = pytest.mark.timeout(240)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else f"{' '.join(command)}: {done.stderr.strip()}"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a tmpfs of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    failed = _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    if failed:
        pytest.skip(f"cannot mount a tmpfs here ({failed})")
    try:
        yield folder
    finally:
        assert _run("umount", "-l", str(folder)) == ""


@pytest.fixture
def freezable(tmp_path: Path) -> Iterator[Path]:
    """A folder on an ext4 of its own, on a loop device: it can be frozen as a dying disk freezes."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4") or not shutil.which("fsfreeze"):
        pytest.skip("needs root, mkfs.ext4 and fsfreeze")
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as made:
        made.truncate(32 << 20)
    failed = _run("mkfs.ext4", "-q", "-F", str(image)) or _run("mount", "-o", "loop", str(image), str(folder))
    if failed:
        pytest.skip(f"cannot mount a loop device here ({failed})")
    try:
        yield folder
    finally:
        _run("fsfreeze", "-u", str(folder))
        assert _run("umount", "-l", str(folder)) == ""


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as full:
        for size in (65_536, 4096):
            try:
                while True:
                    full.write(bytes(size))
            except OSError:
                continue
    return ballast


def siren_works(site: Site) -> None:
    """An alarm, acknowledged by the button, and all is quiet again."""
    site.driver.contact("flood", True)
    site.driver.wait_relay("siren", True)
    site.driver.pulse("noted", 50)  # let go, and settled, before it is pressed again
    site.driver.wait_relay("siren", False)
    site.driver.contact("flood", False)
    site.driver.wait_relay("lamp", False)  # of the time before: it has a second to go out meanwhile
    site.driver.contact("gate", False)
    site.driver.wait_relay("lamp", True)  # what changed before the gate has settled before it
    site.driver.contact("gate", True)


def chain_is_whole(site: Site) -> None:
    hash_ = first_hash(site.journal.epoch)
    for row in site.rows():
        hash_ = next_hash(hash_, canonical_row(row))
        assert row.hash == hash_, f"row {row.seq}"


def test_full_disk(small: Path, tmp_path: Path) -> None:
    with Site(tmp_path / "s", data=small / "data") as site:
        site.start_board()
        site.start_panel()
        head = site.head()
        ballast = fill(small)
        site.driver.contact("door", False)
        until(lambda: "disk full" in str(site.status().get("journal", "")), "the status file says so")
        site.driver.wait_relay("fault", False)
        assert "trouble.raised:panel:journal" in site.status()["alarms"]
        siren_works(site)
        siren_works(site)
        assert site.rows(after=head) == []
        ballast.unlink()
        site.driver.wait_relay("fault", True)
        site.wait_row("alarm.restored", "trouble.raised:panel:journal")
        raised = site.wait_row("trouble.raised", "panel").values()
        assert raised["what"] == "journal"
        assert "disk full" in str(raised["detail"])
        assert len(site.rows("alarm.raised", source="point.changed:flood")) == 2
        assert site.rows("journal.rows_lost") == []
        until(lambda: site.status().get("journal") == "ok", "and that it is over")
        chain_is_whole(site)


@pytest.mark.long
def test_so_full_that_rows_are_lost(small: Path, tmp_path: Path) -> None:
    """More changes than the ring holds: the rest is counted, and the count is recorded. Alarms had room kept."""
    changes = 225
    with Site(tmp_path / "s", SITE.replace("settle_ms = 30", "settle_ms = 10"), data=small / "data") as site:
        site.start_board()
        site.start_panel()
        ballast = fill(small)
        site.driver.contact("running", True)
        until(lambda: "disk full" in str(site.status().get("journal", "")), "the status file says so")
        for number in range(changes):
            site.driver.contact("door", bool(number % 2))
            at = site.driver.contact("demand", not number % 2)
            until(lambda a=at: site.clock.stamp().mono_ns > a + 15_000_000, "both have settled")
        siren_works(site)
        assert site.status()["queue"] <= 1024
        ballast.unlink()
        lost = site.wait_row("journal.rows_lost").values()
        site.wait_row("alarm.raised", "journal.rows_lost:panel")
        assert site.rows("alarm.raised", source="point.changed:flood")
        contacts = sum(len(site.rows("point.changed", source=one)) for one in ("door", "demand"))
        assert contacts < 2 * changes, "the ring was full"
        assert 2 * (2 * changes - contacts) <= int(str(lost["rows"])) <= 2 * (2 * changes - contacts) + 4
        chain_is_whole(site)


def test_frozen_disk(freezable: Path, tmp_path: Path) -> None:
    with Site(tmp_path / "s", data=freezable / "data") as site:
        site.start_board()
        site.start_panel()
        assert _run("fsfreeze", "-f", str(freezable)) == ""
        try:
            siren_works(site)
            until(lambda: "no answer from the disk" in str(site.status().get("journal", "")), "the status file says so")
            site.driver.wait_relay("fault", False)
            siren_works(site)
            assert site.processes["panel"].poll() is None
        finally:
            assert _run("fsfreeze", "-u", str(freezable)) == ""
        site.driver.wait_relay("fault", True)
        site.wait_row("alarm.restored", "trouble.raised:panel:journal")
        assert len(site.rows("alarm.raised", source="point.changed:flood")) == 2
        chain_is_whole(site)


@pytest.mark.long
def test_a_disk_frozen_for_a_minute_delays_no_relay(freezable: Path, tmp_path: Path) -> None:
    """Alarms sound all the while; what their rows say afterwards of each drive is as prompt as before."""
    with Site(tmp_path / "s", data=freezable / "data") as site:
        site.start_board()
        site.start_panel()
        siren_works(site)
        before = site.head()
        assert _run("fsfreeze", "-f", str(freezable)) == ""
        end, alarms = time.monotonic() + 60, 0
        try:
            while time.monotonic() < end:
                siren_works(site)
                alarms += 1
                time.sleep(2)  # its own pace: the ring holds 1024 rows, an alarm makes twenty
            until(lambda: "no answer from the disk" in str(site.status().get("journal", "")), "the disk is stuck")
        finally:
            assert _run("fsfreeze", "-u", str(freezable)) == ""
        until(lambda: len(site.rows("alarm.raised", source="point.changed:flood", after=before)) == alarms, "all rows")
        frozen, prompt = drives_ms(site, after=before), drives_ms(site, until_=before)
        assert len(frozen) >= 2 * alarms
        assert max(frozen) < 10 * max(max(prompt), 20), (alarms, sorted(frozen)[-5:], prompt)
        assert site.rows("journal.rows_lost") == []
        chain_is_whole(site)


def drives_ms(site: Site, *, after: int = 0, until_: int = 2**62) -> list[float]:
    """From the end of settling to the relay, of each drive that a contact led to."""
    rows = [row.values() for row in site.rows("relay.driven", after=after) if row.seq <= until_]
    return [
        (int(str(row["written_mono_ns"])) - int(str(row["settled_mono_ns"]))) / 1e6
        for row in rows
        if row["settled_mono_ns"] is not None
    ]


def test_the_journal_is_moved_away_while_an_alarm_stands(tmp_path: Path) -> None:
    """A new epoch learns what is still in force."""
    with Site(tmp_path / "s") as site:
        site.start_board()
        site.start_panel()
        site.driver.contact("flood", True)
        site.wait_row("alarm.raised", "point.changed:flood")
        site.request("silence")
        site.wait_row("alarm.silenced", "point.changed:flood")
        site.journal.close()
        site._journal = None
        for path in site.paths.data.glob("journal.db*"):
            path.rename(path.with_name(path.name.replace("journal", "moved")))
        until(site.paths.journal.exists, "a new journal")
        site.wait_row("alarm.raised", "point.changed:flood")
        site.wait_row("alarm.silenced", "point.changed:flood")
        assert {row.source for row in site.rows("point.found")} >= {"flood", "door", "running"}
        site.driver.contact("flood", False)
        site.wait_row("alarm.restored", "point.changed:flood")
        chain_is_whole(site)


def test_run_folder_that_cannot_hold_the_ring(tmp_path: Path) -> None:
    """No room in /run: the panel works without memory, and says so."""
    with Site(tmp_path / "s") as site:
        site.start_board()
        site.paths.ring.parent.mkdir()
        site.paths.ring.mkdir()
        site.start_panel()
        site.wait_row("alarm.raised", "trouble.raised:panel:run")
        siren_works(site)


def test_chatter_at_1_khz_on_one_contact(tmp_path: Path) -> None:
    """It is masked and said once; another contact is as prompt as ever; the journal stays small."""
    with Site(tmp_path / "s") as site:
        site.start_board()
        site.start_panel()
        head = site.head()
        site.driver.chatter("gate", 1000, 2.0)
        row = site.wait_row("point.chattering", "gate")
        assert row.signal == "trouble"
        assert int(str(row.values()["edges_per_s"])) > 500
        site.driver.wait_relay("fault", False)
        until(lambda: not site.driver.lines()["GPIO18"]["watched"], "its edges are masked")
        late = []
        while site.driver.pending():
            edge = site.driver.contact("door", site.driver.lines()["GPIO17"]["level"] != 0)
            row = site.wait_row("point.changed", "door", after=site.head())
            late.append(int(str(row.values()["decided_mono_ns"])) - edge)
        assert sorted(late)[len(late) // 2] < 200_000_000
        assert int(str(site.wait_row("point.steady", "gate").values()["edges_masked"])) >= 0
        site.wait_row("alarm.restored", "point.chattering:gate")
        assert len(site.rows(source="gate", after=head)) < 20
        site.driver.wait_relay("fault", True)
        site.driver.contact("gate", False)
        site.wait_row("door.opened", "gate")
