"""Clips to the real collector: whole, resumed after a restart of either side, and kept here."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_broker import Broker
from sp_emqx import Emqx
from sp_far import Far
from sp_stub_broker import Stub
from sp_uplink import SOON, UplinkSite, until

from agent.core.events import ClipReady
from agent.core.filewire import response_payload


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


def add_clip(site: UplinkSite, clip: str, size: int, *, camera: str = "cam") -> Path:
    """A clip of `size` bytes on disk, and its row."""
    folder = site.paths.clips
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{camera}-{clip}.mp4"
    blob = random.Random(clip).randbytes(size)
    path.write_bytes(blob)
    ready = ClipReady(
        source=camera,
        clip=clip,
        path=str(path.relative_to(site.paths.data)),
        bytes=size,
        sha256=hashlib.sha256(blob).hexdigest(),
        from_ns=0,
        to_ns=1,
        short_ms=0,
    )
    site.append([ready])
    return path


def arrived(far: Far, path: Path) -> bool:
    """The file lies at the far end, whole and equal."""
    for file in far.files():
        if file["name"] == path.name and file["state"] == "complete":
            return (far.folder / file["path"]).read_bytes() == path.read_bytes()
    return False


def test_clips_arrive_equal_are_kept_here_and_written_down(tmp_path: Path, broker: Broker) -> None:
    with Far(tmp_path / "far", broker.url) as far, UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        paths = [add_clip(site, "one", 700_001), add_clip(site, "two", 1), add_clip(site, "one", 70_000, camera="yard")]
        site.start()
        until(lambda: len(site.rows("clip.delivered")) == 3, "delivered")
        rows = site.rows("clip.delivered")
        assert {(r.source, r.values()["clip"]) for r in rows} == {("cam", "one"), ("cam", "two"), ("yard", "one")}
        assert all(arrived(far, path) for path in paths)
        assert all(path.exists() for path in paths)
        site.stop()
        site.start()
        until(lambda: (site.status().get("files") or {}).get("pending") == 0, "nothing is sent again")
        assert len(site.rows("clip.delivered")) == 3


def test_a_clip_is_resumed_after_a_restart_of_the_uplink_and_of_the_collector(tmp_path: Path, broker: Broker) -> None:
    with Far(tmp_path / "far", broker.url) as far, UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        path = add_clip(site, "big", 30_000_000)

        def have() -> int:
            return sum(int(file["have_bytes"]) for file in far.files())

        site.start()
        until(lambda: have() > 1_000_000, "under way")
        site.kill()
        first = have()
        assert 0 < first < 30_000_000
        site.start()
        until(lambda: have() > first + 1_000_000, "it goes on")
        far.kill()
        second = have()
        assert first < second < 30_000_000, "nothing of it was thrown away"
        far.start()
        until(lambda: site.rows("clip.delivered"), "delivered", 60)
        assert arrived(far, path)
        assert len(site.rows("clip.delivered")) == 1


def test_a_clip_that_is_gone_or_changed_is_said_and_does_not_stop_the_others(tmp_path: Path, broker: Broker) -> None:
    with Far(tmp_path / "far", broker.url) as far, UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        add_clip(site, "gone", 5000).unlink()
        add_clip(site, "short", 5000).write_bytes(b"x")
        add_clip(site, "rotten", 5000).write_bytes(b"y" * 5000)
        good = add_clip(site, "good", 5000)
        site.start()
        until(lambda: arrived(far, good), "the good one arrives")
        until(lambda: len(site.rows("link.refused")) == 3, "the others are told")
        told = " ".join(str(row.values()["what"]) for row in site.rows("link.refused"))
        assert all(name in told for name in ("gone", "short", "rotten"))
        rows = until(lambda: site.rows("clip.delivered"), "and is written down")
        assert [row.values()["clip"] for row in rows] == ["good"]


@pytest.mark.long
def test_stored_at_the_broker_is_not_stored_at_the_far_end(tmp_path: Path) -> None:
    """Everything is confirmed by the broker and nobody answers: asked again after a while, and nothing is delivered."""
    with Stub() as stub, UplinkSite(tmp_path / "site", stub.url, hurry=SOON) as site:
        add_clip(site, "one", 100_000)
        site.start()
        until(lambda: [p for p in stub.published if p.topic.endswith("/stat")], "asked")
        until(lambda: len([p for p in stub.published if p.topic.endswith("/stat")]) == 2, "asked again")
        assert not [p for p in stub.published if "/file/" in p.topic and not p.topic.endswith("/stat")]
        assert site.rows("clip.delivered") == []


def test_a_refused_clip_is_a_row_and_is_kept(tmp_path: Path) -> None:
    """The far end answers 0x83 to the first question."""
    with Stub() as stub, UplinkSite(tmp_path / "site", stub.url, hurry=SOON) as site:

        def policy(topic: str, payload: bytes) -> int:
            if "/file/" in topic:
                answers.append(response_payload(topic, 0x83, "not wanted"))
            return 0

        answers: list[bytes] = []
        stub.policy = policy
        path = add_clip(site, "one", 100_000)
        site.start()
        until(lambda: answers, "asked")
        stub.send("standpipe/plant/pump/file-response", answers[0])
        row = until(lambda: site.rows("link.refused"), "the refusal is a row")[0]
        assert "not wanted" in str(row.values()["reason"])
        assert path.exists()
        assert site.rows("clip.delivered") == []


def test_an_emqx_broker_stores_a_clip_itself(tmp_path: Path) -> None:
    """By configuration: its own topics, its own answers, and never `stat`, which it does not know."""
    with Emqx() as emqx, UplinkSite(tmp_path / "site", emqx.url, 'file_prefix = "$file-async"\n', hurry=SOON) as site:
        path = add_clip(site, "one", 300_001)
        site.start()
        until(lambda: site.rows("clip.delivered"), "delivered")
        assert emqx.exported == {path.name: path.read_bytes()}
        assert "stat" not in emqx.steps
        assert emqx.steps[0] == "init"


def test_a_clip_starts_again_when_an_emqx_broker_has_forgotten_it(tmp_path: Path) -> None:
    """Its segments are deleted after a time to live: 0x10 means all of it once more."""
    with Emqx() as emqx, UplinkSite(tmp_path / "site", emqx.url, 'file_prefix = "$file-async"\n', hurry=SOON) as site:
        path = add_clip(site, "one", 200_000)
        emqx.forget_after = 5
        site.start()
        until(lambda: site.rows("clip.delivered"), "delivered")
        assert emqx.exported == {path.name: path.read_bytes()}
        assert emqx.steps.count("init") == 2


def test_a_clip_starts_again_when_the_collector_has_forgotten_everything(tmp_path: Path, broker: Broker) -> None:
    """Killed in the middle, its store deleted, another one begun: the clip arrives there whole."""
    with Far(tmp_path / "far", broker.url) as far, UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        path = add_clip(site, "big", 20_000_000)
        site.start()
        until(lambda: sum(int(file["have_bytes"]) for file in far.files()) > 500_000, "under way")
        far.kill()
        shutil.rmtree(far.folder)
        assert site.rows("clip.delivered") == []
        far.start()
        until(lambda: site.rows("clip.delivered"), "delivered", 60)
        assert arrived(far, path)
