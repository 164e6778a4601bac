"""A picture of each camera each day, asked for once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sp_jobs import DAY_NS, HOUR_NS, SITE, JobSite

from agent.jobs import holds as job
from agent.jobs.daily import due

TIMES = {"yard": "08:00", "gate": "12:30", "hall": "12:30"}


@pytest.mark.parametrize(
    ("at", "last", "wanted"),
    [
        ("07:59", "", {}),
        ("08:00", "", {"daily-20261123-0800": ["yard"]}),
        ("23:00", "", {"daily-20261123-0800": ["yard"], "daily-20261123-1230": ["gate", "hall"]}),
        ("23:00", "daily-20261123-0800", {"daily-20261123-1230": ["gate", "hall"]}),
        ("23:00", "daily-20261123-1230", {}),
        ("08:00", "daily-20261122-1230", {"daily-20261123-0800": ["yard"]}),
        ("23:00", "daily-20261201-0800", {}),
    ],
)
def test_what_is_due(at: str, last: str, wanted: dict[str, list[str]]) -> None:
    assert due(TIMES, datetime.fromisoformat(f"2026-11-23T{at}"), last) == wanted


def test_it_is_asked_for_once_a_day_by_the_pass_over_holds(tmp_path: Path) -> None:
    at = "00:00"
    site = JobSite(
        tmp_path, SITE.replace('keep = "3 months"\n', f'keep = "3 months"\nhealth = {{ picture_at = "{at}" }}\n')
    )
    site.append()
    for hours in (0, 0, 24, 0, 24):
        site.now = site.now._replace(at_ns=site.now.at_ns + hours * HOUR_NS, mono_ns=site.now.mono_ns + hours * HOUR_NS)
        with site.desk() as desk:
            job.run(desk)
    rows = site.rows("snapshot.requested")
    assert len(rows) == 3
    assert {(str(row.values()["cause"]), tuple(row.values()["cameras"])) for row in rows} == {("daily", ("yard",))}  # type: ignore[arg-type]


@pytest.mark.parametrize("lacks", ["clock", "key"])
def test_nothing_is_asked_for_without_a_time(tmp_path: Path, lacks: str) -> None:
    wish = 'keep = "3 months"\nhealth = { picture_at = "00:00" }\n' if lacks == "clock" else 'keep = "3 months"\n'
    site = JobSite(tmp_path, SITE.replace('keep = "3 months"\n', wish))
    site.append()
    site.now = site.now._replace(clock="unset", at_ns=DAY_NS) if lacks == "clock" else site.now
    with site.desk() as desk:
        job.run(desk)
    assert site.rows("snapshot.requested") == []
