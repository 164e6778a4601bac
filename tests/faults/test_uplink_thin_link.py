"""64 kbit/s: an alarm gets through within seconds while a clip and a backlog want the line for minutes."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_far import Far
from sp_thin_link import ThinLink
from sp_uplink import UplinkSite, alarm_row, status_row, until

from agent.core.events import ClipReady

BYTES_S = 8000
ALARM_S = 5.0


@pytest.mark.timeout(400)
def test_alarms_do_not_wait_behind_clips_and_backlog(tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    """600 ms round trip, a clip of 50 MB, 3,000 rows: every alarm, the first too, is at the far end within 5 s."""
    with (
        Broker(tmp_path / "broker") as broker,
        ThinLink(broker.port, BYTES_S, 0.3) as line,
        Far(tmp_path / "far", broker.url),
        Acker(broker.port, answer=False) as watch,
        UplinkSite(tmp_path / "site", f"mqtt://127.0.0.1:{line.port}") as site,
    ):
        blob = random.Random(1).randbytes(50_000_000)
        site.paths.clips.mkdir(parents=True)
        (site.paths.clips / "c.mp4").write_bytes(blob)
        sha256 = hashlib.sha256(blob).hexdigest()
        about = {"path": "clips/c.mp4", "bytes": len(blob), "sha256": sha256, "from_ns": 0, "to_ns": 1, "short_ms": 0}
        site.append([*(status_row(n) for n in range(3000)), ClipReady(source="cam", clip="c", **about)])
        site.start()
        until(
            lambda: site.status().get("files", {}).get("left_bytes", len(blob)) < len(blob),
            "the clip is on its way",
            120,
        )
        waits = []
        for number in range(rounds(3, 20)):
            end = time.monotonic() + 1
            until(lambda e=end: time.monotonic() > e, "the line is busy meanwhile")
            site.append([alarm_row(number)])
            seq, start = site.journal.head()[0], time.monotonic()
            until(lambda s=seq: s in watch.of_epoch(site.journal.epoch), "the alarm arrives", 60)
            waits.append(time.monotonic() - start)
        assert site.status()["files"]["state"] == "sending", "the clip was still on its way"
        assert len(site.rows("link.up")) == 1
        print("alarm delays, s:", [round(w, 1) for w in waits])
        assert max(waits) <= ALARM_S, waits
