"""python -m agent.jobs as its timer starts it: one pass, an injected clock, a line for what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from sp_jobs import DAY_NS, NS, JobSite

from agent.footage.volume import Volume
from agent.jobs import disk
from agent.journal.prune import prune
from agent.runtime.clock import SystemClock


@pytest.fixture
def site(tmp_path: Path) -> JobSite:
    """Footage by the real clock of this boot, and a policy."""
    made = JobSite(tmp_path)
    made.now = SystemClock().stamp()
    made.append()
    made.record("gate", 40)
    made.policy()
    return made


def jobs(site: JobSite, job: str, *more: str) -> subprocess.CompletedProcess[str]:
    where = ["--site", site.paths.site, "--data", site.paths.data, "--run", site.paths.run]
    command = [sys.executable, "-m", "agent.jobs", job, *map(str, where), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("years", [1, -1])
def test_a_pass_under_a_clock_that_stepped_deletes_nothing(site: JobSite, years: int) -> None:
    offset = site.paths.run / "offset"
    offset.write_text(str(years * 365 * DAY_NS))
    done = jobs(site, "retention", "--clock-offset", str(offset))
    assert done.returncode == 0, done.stderr
    assert len(site.files()) == 160
    assert "the clock" in site.troubles()["retention stopped"]
    offset.write_text(str(5 * NS))
    assert jobs(site, "retention", "--clock-offset", str(offset)).returncode == 0
    assert len(site.files()) == 100
    assert site.troubles() == {}


def test_holds_alone_delete_nothing(site: JobSite) -> None:
    assert jobs(site, "holds").returncode == 0
    assert len(site.files()) == 160


def test_the_wrong_disk_is_said_in_a_line(site: JobSite) -> None:
    assert jobs(site, "holds").returncode == 0
    assert jobs(site, "retention").returncode == 0
    (site.paths.footage / ".standpipe-volume").unlink()
    done = jobs(site, "retention")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "is the disk mounted" in done.stderr


def test_another_disk_is_a_row_once(site: JobSite) -> None:
    marker = site.paths.footage / ".standpipe-volume"
    Volume(site.paths.footage, site.paths.data, 0).adopt()
    for _ in range(2):
        assert jobs(site, "seal").returncode == 0
    (first,) = (row.values() for row in site.rows("footage.disk"))
    assert (first["volume"], first["by"]) == (marker.read_text().strip(), "")
    marker.write_text("another\n")
    for _ in range(2):
        jobs(site, "seal")
    (_, second) = (row.values() for row in site.rows("footage.disk"))
    assert (second["volume"], second["before"]) == ("another", first["volume"])
    marker.unlink()
    assert jobs(site, "seal").returncode == 0, "a disk that is gone is the recorders' to tell"
    assert len(site.rows("footage.disk")) == 2


def test_the_disk_is_known_by_its_newest_row_when_all_of_them_are_pruned(site: JobSite) -> None:
    Volume(site.paths.footage, site.paths.data, 0).adopt()
    for marker in ("", "another\n"):
        if marker:
            (site.paths.footage / ".standpipe-volume").write_text(marker)
        with site.desk() as desk:
            disk.look(desk)
    kept = site.rows("footage.disk")
    assert len(kept) == 2
    with site.desk() as desk:
        head = desk.journal.head()[0]
        prune(desk.journal, head, cursors={}, verified_upto=head, floor_seq=head + 1, keep=kept)
        disk.look(desk)
    assert site.rows("footage.disk") == []
