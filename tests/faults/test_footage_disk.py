"""The disk of the footage is pulled out: an alarm within seconds; by the safety office's consent, a row and no more."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sp_people import Person
from sp_site import Site, until

from agent.config import load
from agent.core.events import ImpairmentStarted
from agent.core.permits import DISK, signed_fields
from agent.core.signed import PERMIT

TEXT = """
[site]
id = "plant"
board = "pump-house"

[[point]]
id = "flood"
pin = "GPIO24"
settle_ms = 30

[[relay]]
id = "siren"
pin = "GPIO23"

[[camera]]
id = "yard"
source = "testcard:320x180/10"
[camera.health]
watch = false

[[rule]]
on = ["footage.stopped"]
drive = ["siren"]
until = "acknowledged"

[retention]
reserve_mb = 16
"""
ALARM_S = 5
NS = 1_000_000_000


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no loop device here: {' '.join(command)}: {done.stderr.strip()}")


@contextlib.contextmanager
def loop_disk(image: Path, folder: Path) -> Iterator[Path]:
    """A file as a disk of its own, mounted at `folder`; needs root."""
    folder.mkdir(parents=True)
    image.write_bytes(b"")
    with image.open("r+b") as file:
        file.truncate(96 << 20)
    _run("mkfs.ext4", "-q", "-F", str(image))
    _run("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        while subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False).returncode == 0:
            pass


def pull(folder: Path) -> None:
    """As when a person takes it out: open files stay with who has them, nothing new is found there."""
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    saf = Person("saf", "safety-office", "plant", "pump-house")
    with Site(tmp_path / "site", TEXT + saf.section) as made, loop_disk(tmp_path / "disk.img", made.paths.footage):
        made.start_board()
        made.start_panel()
        made.start("recorder", "--camera", "yard")
        until(lambda: made.status("recorder@yard").get("state") == "recording", "it records")
        until(lambda: list(made.paths.footage.glob("yard/*/*.mp4")), "footage")
        made.saf = saf  # type: ignore[attr-defined]
        yield made


def consented(site: Site) -> None:
    """The safety office signs that the disk may go for ten minutes, as `standpipe impairment start` writes it."""
    saf: Person = site.saf  # type: ignore[attr-defined]
    about = {"of": [DISK], "reason": "larger disk", "measures": "guard at the door", "for_s": 600}
    permit = ImpairmentStarted(source="impairment-1", by="saf", key=saf.key.id, **about)  # type: ignore[arg-type]
    here = load(site.paths.site).site
    site.append(replace(permit, sig=saf.signer.sign(PERMIT, signed_fields(here.id, here.board, permit))))
    until(lambda: site.status().get("permits"), "the panel has heard of it")


def test_a_disk_that_is_pulled_is_an_alarm_within_five_seconds(site: Site) -> None:
    pulled_ns = site.clock.stamp().mono_ns
    pull(site.paths.footage)
    stopped = site.wait_row("footage.stopped", "yard")
    assert str(stopped.values()["reason"]).startswith("wrong volume: ")
    raised = site.wait_row("alarm.raised", "footage.stopped:yard")
    driven = site.wait_row("relay.driven", "siren")
    assert raised.mono_ns - pulled_ns <= ALARM_S * NS
    assert driven.values()["energised"]
    assert list(site.paths.footage.glob("yard/*/*.mp4")) == [], "and what is under the mount is not filled"


def test_a_disk_that_is_pulled_by_consent_is_a_row_and_no_alarm(site: Site) -> None:
    consented(site)
    pull(site.paths.footage)
    stopped = site.wait_row("footage.stopped", "yard")
    site.request("acknowledge")  # the panel reads row by row: when it answers, it has heard of the disk
    site.wait_row("panel.refused", after=stopped.seq)
    assert site.rows("alarm.raised") == []
    assert site.rows("relay.driven", source="siren") == []
