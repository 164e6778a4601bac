"""Weeks offline: budgets of bytes hold, what is given up is told and skipped, and the rest arrives whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_broker import Broker
from sp_far import Far
from sp_ports import free_port
from sp_uplink import SOON, UplinkSite, alarm_row, status_row, until

from agent.core.events import ClipReady, ClipRequested

SMALL = "status_mb = 1\nalarm_mb = 1\nfiles_mb = 1\n"


@pytest.fixture
def away(tmp_path: Path) -> Iterator[UplinkSite]:
    with UplinkSite(tmp_path / "site", f"mqtt://127.0.0.1:{free_port()}", SMALL, hurry=SOON) as site:
        yield site


def clip(site: UplinkSite, name: str, size: int, *, held: bool = False) -> None:
    site.paths.clips.mkdir(parents=True, exist_ok=True)
    path = site.paths.clips / f"{name}.mp4"
    path.write_bytes(name[-1].encode() * size)
    where = {"path": f"clips/{name}.mp4", "bytes": size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    asked = ClipRequested(
        source="rule", clip=name, cameras=["cam"], at_ns=1, at_mono_ns=1, boot="b", before_s=1, after_s=1, hold=held,
        cause="door.opened:door",
    )  # fmt: skip
    site.append([asked, ClipReady(source="cam", clip=name, **where, from_ns=0, to_ns=1, short_ms=0)])


def test_status_rows_beyond_their_budget_are_given_up_told_and_the_rest_is_proven(
    tmp_path: Path, away: UplinkSite
) -> None:
    """Budget, give-up and count hold over a restart; afterwards a collector misses nothing that was not told."""
    away.append(status_row(n) for n in range(5000))
    away.append([alarm_row(1)])
    away.start()
    gap = until(lambda: away.rows("gap"), "the oldest are given up")[0].values()
    assert gap["of_lane"] == "status"
    assert gap["from_seq"] == 1 or away.journal.row(1).lane == "alarm"  # type: ignore[union-attr]
    assert 1000 < int(str(gap["rows"])) < 4000
    until(lambda: away.status()["queue"]["status"]["bytes"] <= 1_000_000, "the count follows")
    rows = away.status()["queue"]["status"]["rows"]
    away.kill()
    away.start()
    until(lambda: away.status().get("pid") == away.process.pid and away.status().get("queue"), "counted again")  # type: ignore[union-attr]
    assert away.status()["queue"]["status"]["rows"] <= rows + 10
    assert len(away.rows("gap")) == 1, "and nothing more is given up"
    assert away.journal.count()[0] == away.journal.head()[0], "nothing is deleted"
    port = int(away.paths.site.read_text().split("127.0.0.1:")[1].split('"')[0])
    with Broker(tmp_path / "broker", port=port) as broker, Far(tmp_path / "far", broker.url) as far:
        until(lambda: far.epoch(away.journal.epoch).get("given_up"), "the gap row itself arrives")
        until(lambda: all(lane["rows"] == 0 for lane in away.status()["queue"].values()), "all else is delivered", 60)
        found = far.epoch(away.journal.epoch)
        assert found["missing"] == []
        assert found["given_up"] == [["status", gap["from_seq"], gap["to_seq"]]]
        assert found["rows"] == away.journal.head()[0] - int(str(gap["rows"]))


def test_clips_beyond_their_budget_are_given_up_held_ones_last_and_the_files_stay(away: UplinkSite) -> None:
    clip(away, "a", 400_000, held=True)
    clip(away, "b", 400_000)
    clip(away, "c", 400_000)
    away.start()
    until(lambda: away.rows("clip.given_up"), "one is given up")
    until(lambda: away.status().get("files", {}).get("pending") == 2, "two wait")
    assert [row.values()["clip"] for row in away.rows("clip.given_up")] == ["b"]
    assert sorted(path.name for path in away.paths.clips.iterdir()) == ["a.mp4", "b.mp4", "c.mp4"]
    assert away.status()["files"]["pending_bytes"] == 800_000


def test_on_a_metered_link_only_clips_that_a_person_asked_for_go(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "broker") as broker,
        Far(tmp_path / "far", broker.url),
        UplinkSite(tmp_path / "site", broker.url, "metered = true\n", hurry=SOON) as site,
    ):
        clip(site, "rule", 10_000)
        clip(site, "more", 10_000)
        person = ClipRequested(
            source="cli", clip="person", cameras=["cam"], at_ns=1, at_mono_ns=1, boot="b", before_s=1, after_s=1,
            hold=False, cause="command:anna",
        )  # fmt: skip
        site.append([person])
        (site.paths.clips / "person.mp4").write_bytes(b"p" * 10_000)
        sha256 = hashlib.sha256(b"p" * 10_000).hexdigest()
        about = {"path": "clips/person.mp4", "bytes": 10_000, "sha256": sha256}
        site.append([ClipReady(source="cam", clip="person", **about, from_ns=0, to_ns=1, short_ms=0)])
        site.start()
        until(lambda: site.rows("clip.delivered"), "the one that was asked for is delivered")
        until(lambda: site.status()["files"] == {**site.status()["files"], "state": "idle", "pending": 2}, "two wait")
        assert [row.values()["clip"] for row in site.rows("clip.delivered")] == ["person"]
