"""Files onto a real disk: what was answered is there after a kill, and only the very file is ever delivered."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sp_collect import BOARD, SITE, wait_until
from sp_front import Front
from sp_postgres import Postgres
from sp_weed import BUCKET, KEY, SECRET, Weed

from agent.collector import files as files_module
from agent.collector import folder as folder_module
from agent.collector.books import Boards
from agent.collector.files import Files
from agent.collector.folder import FolderShelf
from agent.collector.report import report
from agent.collector.s3 import S3Shelf, in_order
from agent.collector.stores import Where
from agent.core.filewire import Info, init_payload
from agent.core.transfer import (
    PAUSE,
    RESEND,
    RESTART,
    STORED,
    Response,
    TransferError,
    chunk_step,
    fin_step,
    parse_response,
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


DATA = random.Random(7).randbytes(10_000)
INFO = Info("clip.mp4", len(DATA), sha(DATA), {"event": "e-12"})
FID = "f-1"


class Desk:
    """A store with its files, as the collector has them."""

    def __init__(self, where: Where, folder: Path) -> None:
        self.where = where
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.store = self.where.open()
        self.boards = Boards(self.store)
        self.shelf = self.where.shelf(self.store)
        self.files = Files(self.store, self.shelf, self.boards)

    def close(self) -> None:
        self.files.close()
        self.store.close()

    def kill(self) -> None:
        """What a kill -9 leaves: bytes written, and the last commit."""
        self.close()
        self.open()

    def tell(self, step: str, payload: bytes = b"", fid: str = FID) -> None:
        self.files.take(SITE, BOARD, f"standpipe/{SITE}/{BOARD}/file/{fid}/{step}", payload)

    def settle(self) -> list[Response]:
        replies = self.files.settle()
        wait_until(lambda: not self.files.staging or replies.extend(self.files.settle()), "what was told is staged")
        return [parse_response(reply.payload) for reply in replies]

    def send(self, step: str, payload: bytes = b"") -> Response | None:
        self.tell(step, payload)
        answers = self.settle()
        assert len(answers) <= 1
        return answers[0] if answers else None

    def chunk(self, start: int, stop: int) -> Response | None:
        return self.send(chunk_step(start, sha(DATA[start:stop])), DATA[start:stop])

    def finish(self) -> Response:
        """fin, and its answer when the hash has been checked."""
        answer = self.send(fin_step(INFO.size, INFO.sha256))
        if answer is not None:
            return answer
        return self.answered()[0]

    def answered(self) -> list[Response]:
        answers: list[Response] = []
        wait_until(lambda: answers.extend(self.settle()) or answers, "the hash is checked")
        return answers

    def has(self, name: str = "clip.mp4") -> bytes | None:
        """The bytes of the whole file, None while it is not in its place."""
        if isinstance(self.shelf, FolderShelf):
            path = self.path.with_name(name)
            return path.read_bytes() if path.exists() else None
        bucket, client = self.shelf._bucket, self.shelf._client
        key = f"{bucket.prefix}{SITE}/{BOARD}/{FID}/{name}"
        if key not in [one.object_name for one in client.list_objects(bucket.name, key)]:
            return None
        return bytes(client.get_object(bucket.name, key).read())

    def spool(self) -> list[str]:
        """Objects on the way: none in a folder."""
        if isinstance(self.shelf, FolderShelf):
            return []
        bucket = self.shelf._bucket
        found = self.shelf._client.list_objects(bucket.name, f"{bucket.prefix}spool/", recursive=True)
        return [str(one.object_name) for one in found]

    @property
    def path(self) -> Path:
        return self.folder / "files" / SITE / BOARD / FID / "clip.mp4"


@pytest.fixture
def anywhere(files_where: Where, tmp_path: Path) -> Iterator[Desk]:
    """Over both kinds of shelf."""
    made = Desk(files_where, tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Over a folder: what only a disk can do."""
    made = Desk(Where(str(tmp_path / "store")), tmp_path / "store")
    yield made
    made.close()


def code(answer: Response | None) -> int:
    assert answer is not None
    return answer.code


def test_file_is_put_together_and_reported(anywhere: Desk) -> None:
    desk = anywhere
    assert desk.send("init", init_payload(INFO)).missing == [(0, 10_000)]
    desk.chunk(4000, 10_000)
    assert desk.send("stat").missing == [(0, 4000)]
    assert report(desk.where)["boards"][0]["files"][0]["have_bytes"] == 6000
    desk.chunk(0, 4000)
    assert desk.has() is None
    assert code(desk.finish()) == STORED
    assert desk.has() == DATA
    (file,) = report(desk.where)["boards"][0]["files"]
    assert (file["state"], file["sha256"], file["user_data"]) == ("complete", sha(DATA), {"event": "e-12"})
    assert file["path"].endswith(f"{SITE}/{BOARD}/{FID}/clip.mp4")
    assert desk.store.execute("select count(*) from piece") == [(0,)]
    if isinstance(desk.shelf, FolderShelf):
        assert (desk.folder / file["path"]).read_bytes() == DATA
        assert [p.name for p in desk.path.parent.iterdir()] == ["clip.mp4"]


def test_every_step_can_be_repeated(anywhere: Desk) -> None:
    desk = anywhere
    for _ in range(3):
        assert code(desk.send("init", init_payload(INFO))) == STORED
        assert code(desk.chunk(0, 10_000)) == STORED
    for _ in range(3):
        assert code(desk.finish()) == STORED
        desk.kill()
    assert code(desk.send("init", init_payload(INFO))) == STORED
    assert desk.send("stat").missing == []
    assert code(desk.send("abort")) == STORED
    assert desk.has() == DATA


def test_steps_of_one_commit_are_applied_in_order(anywhere: Desk) -> None:
    desk = anywhere
    desk.tell("init", init_payload(INFO))
    for start in range(0, 10_000, 1000):
        desk.tell(chunk_step(start, sha(DATA[start : start + 1000])), DATA[start : start + 1000])
    desk.tell("stat")
    desk.tell(fin_step(INFO.size, INFO.sha256))
    desk.tell(fin_step(INFO.size, INFO.sha256))
    answers = desk.settle()
    assert [answer.code for answer in answers] == [STORED] * 12
    assert answers[-1].missing == []
    assert [code(answer) for answer in desk.answered()] == [STORED]
    assert desk.has() == DATA


def test_kill_keeps_what_was_committed_and_asks_for_the_rest(anywhere: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = anywhere
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 3000)
    with monkeypatch.context() as patched:  # written, never committed, never answered
        patched.setattr(desk.store, "commit", desk.store.rollback)
        desk.chunk(3000, 6000)
    desk.kill()
    assert desk.send("stat").missing == [(3000, 10_000)]
    desk.chunk(3000, 10_000)
    assert code(desk.finish()) == STORED
    assert desk.has() == DATA


def test_kill_between_the_whole_and_the_commit(anywhere: Desk) -> None:
    desk = anywhere
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 10_000)
    assert desk.send(fin_step(INFO.size, INFO.sha256)) is None
    wait_until(lambda: desk.has() is not None, "the file lies in its place")
    desk.kill()
    assert report(desk.where)["totals"]["files_partial"] == 1
    assert desk.send("stat").missing == []
    assert code(desk.finish()) == STORED
    assert desk.has() == DATA


def test_chunks_of_one_file_go_to_two_collectors(files_where: Where, postgres: Postgres, tmp_path: Path) -> None:
    if not files_where.files.startswith("s3:"):  # a folder that two collectors on one machine share
        files_where = Where(postgres.fresh(), str(tmp_path / "store" / "files"))
    one, other = Desk(files_where, tmp_path / "store"), Desk(files_where, tmp_path / "store")
    try:
        one.send("init", init_payload(INFO))
        for number, start in enumerate(range(0, 10_000, 1000)):
            assert code((other if number % 2 else one).chunk(start, start + 1000)) == STORED
        assert other.send("stat").missing == []
        assert one.send(fin_step(INFO.size, INFO.sha256)) is None
        assert code(other.finish()) == STORED  # both check it: the board asked twice
        assert code(one.answered()[0]) == STORED
        assert one.has() == DATA
        assert other.send("stat").missing == []
    finally:
        one.close()
        other.close()


def test_a_file_that_another_collector_puts_in_its_place_meanwhile_is_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two over one folder check the same file: the part is gone from under the second one's hands."""

    def other_is_quicker(file: BinaryIO, method: str) -> Any:
        part = desk.path.with_name(".part")
        if part.exists():
            part.rename(desk.path)
        return digest(file, method)

    digest = hashlib.file_digest
    monkeypatch.setattr(folder_module.hashlib, "file_digest", other_is_quicker)
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 10_000)
    assert code(desk.finish()) == STORED
    assert desk.has() == DATA


@pytest.mark.parametrize("left", [0, 2000])
def test_bytes_the_disk_lost_are_asked_for_again(desk: Desk, left: int) -> None:
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 5000)
    os.truncate(desk.path.with_name(".part"), left)
    desk.kill()
    assert desk.send("stat").missing == [(0, 10_000)]
    desk.path.with_name(".part").unlink()
    desk.kill()
    assert desk.send("stat").missing == [(0, 10_000)]


def test_wrong_whole_is_never_put_in_its_place(anywhere: Desk) -> None:
    desk = anywhere
    desk.send("init", init_payload(INFO))
    desk.send("0", b"x" * 10_000)  # no hash of its own
    assert code(desk.finish()) == RESEND
    assert desk.has() is None
    assert desk.send("stat").missing == [(0, 10_000)]
    desk.kill()
    assert desk.send("stat").missing == [(0, 10_000)]
    desk.chunk(0, 10_000)
    assert code(desk.finish()) == STORED
    assert desk.has() == DATA


def test_wiped_store_knows_nothing(anywhere: Desk) -> None:
    for step in ("stat", fin_step(5, "ab" * 32), chunk_step(0, sha(b"abc"))):
        assert code(anywhere.send(step, b"abc")) == RESTART


def test_abort_frees_the_room(anywhere: Desk) -> None:
    desk = anywhere
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 5000)
    assert code(desk.send("abort")) == STORED
    assert not desk.path.with_name(".part").exists()
    assert code(desk.send("stat")) == RESTART
    assert desk.spool() == []
    desk.kill()
    assert code(desk.send("stat")) == RESTART


def test_while_the_hash_is_checked_fin_waits_and_abort_is_put_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = threading.Event()

    def slow(part: Path, final: Path, sha256: str) -> bool:
        checked.wait(30)
        return placed(part, final, sha256)

    placed = folder_module._place
    monkeypatch.setattr(folder_module, "_place", slow)
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 10_000)
    assert desk.send(fin_step(INFO.size, INFO.sha256)) is None
    assert desk.files.busy
    assert desk.send(fin_step(INFO.size, INFO.sha256)) is None
    assert code(desk.send("abort")) == PAUSE
    assert code(desk.chunk(0, 100)) == STORED
    checked.set()
    assert code(desk.finish()) == STORED
    assert not desk.files.busy


def test_disk_that_refuses_pauses_the_sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 1000)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(folder_module.os, "pwrite", full)
        assert code(desk.chunk(1000, 2000)) == PAUSE
    assert desk.send("stat").missing == [(1000, 10_000)]
    desk.chunk(1000, 10_000)
    assert code(desk.finish()) == STORED


def test_bytes_that_cannot_be_synced_are_not_written_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    desk.send("init", init_payload(INFO))
    with monkeypatch.context() as patched:
        patched.setattr(folder_module.os, "fdatasync", broken)
        assert code(desk.chunk(0, 1000)) == PAUSE
    assert desk.send("stat").missing == [(0, 10_000)]


def test_object_store_that_is_gone_pauses_the_sender_and_no_one_else(
    postgres: Postgres, weed: Weed, tmp_path: Path
) -> None:
    front = Front(int(weed.endpoint.rpartition(":")[2]))
    url = postgres.fresh()
    bucket = f"s3://{BUCKET}/{url.rpartition('%3D')[2]}?endpoint=http://127.0.0.1:{front.port}"
    desk = Desk(Where(url, bucket, keys=(KEY, SECRET)), tmp_path)
    try:
        desk.send("init", init_payload(INFO))
        desk.chunk(0, 1000)
        front.shut = True
        assert code(desk.chunk(1000, 2000)) == PAUSE
        assert code(desk.chunk(1000, 2000)) == PAUSE, "and for a while it is not even asked"
        assert desk.send("stat").missing == [(1000, 10_000)], "what is known is still told"
        front.shut = False
        assert isinstance(desk.shelf, S3Shelf)
        desk.shelf._rest_until_s = 0.0
        desk.chunk(1000, 10_000)
        assert code(desk.finish()) == STORED
        assert desk.has() == DATA
    finally:
        desk.close()
        front.close()


def test_object_store_that_hangs_holds_nobody_up(postgres: Postgres, weed: Weed, tmp_path: Path) -> None:
    front = Front(int(weed.endpoint.rpartition(":")[2]))
    url = postgres.fresh()
    bucket = f"s3://{BUCKET}/{url.rpartition('%3D')[2]}?endpoint=http://127.0.0.1:{front.port}"
    desk = Desk(Where(url, bucket, keys=(KEY, SECRET)), tmp_path)
    try:
        desk.send("init", init_payload(INFO))
        front.hang()
        desk.tell(chunk_step(0, sha(DATA)), DATA)
        for _ in range(3):
            assert desk.files.settle() == [], "it does not wait"
            assert desk.files.staging
            assert not desk.store.in_transaction
        desk.tell("stat")
        assert desk.files.settle() == [], "in the order they came"
        front.go_on()
        assert [code(answer) for answer in desk.answered()] == [STORED]
        assert desk.settle()[0].missing == []
    finally:
        desk.close()
        front.close()


def test_chunks_that_are_here_already_leave_nothing_in_the_spool(
    postgres: Postgres, weed: Weed, tmp_path: Path
) -> None:
    url = postgres.fresh()
    desk = Desk(Where(url, weed.url(url.rpartition("%3D")[2]), keys=(KEY, SECRET)), tmp_path)
    try:
        desk.send("init", init_payload(INFO))
        desk.chunk(0, 4000)
        (first,) = desk.spool()
        for _ in range(3):
            assert code(desk.chunk(0, 4000)) == STORED
        desk.send("stat")
        assert desk.spool() == [first]
    finally:
        desk.close()


def test_spool_that_was_emptied_is_asked_for_again(postgres: Postgres, weed: Weed, tmp_path: Path) -> None:
    url = postgres.fresh()
    desk = Desk(Where(url, weed.url(url.rpartition("%3D")[2]), keys=(KEY, SECRET)), tmp_path)
    try:
        desk.send("init", init_payload(INFO))
        desk.chunk(0, 10_000)
        for name in desk.spool():
            weed.client.remove_object(BUCKET, name)
        assert code(desk.finish()) == RESEND
        assert desk.send("stat").missing == [(0, 10_000)]
        desk.chunk(0, 10_000)
        assert code(desk.finish()) == STORED
        desk.send("stat")  # what is not needed any more goes with the next commit
        assert desk.spool() == []
    finally:
        desk.close()


def test_pieces_in_order() -> None:
    assert in_order(0, []) == []
    assert in_order(10, [(0, 5, "a", 100), (5, 10, "b", 7)]) == [(0, 5, "a", 100), (5, 10, "b", 7)]
    assert in_order(10, [(4, 10, "b", 0), (0, 6, "a", 3), (1, 3, "c", 0)]) == [(0, 6, "a", 3), (6, 10, "b", 2)]
    assert in_order(10, [(0, 20, "a", 1)]) == [(0, 10, "a", 1)]
    assert in_order(10, [(0, 4, "a", 0), (5, 10, "b", 0)]) is None
    assert in_order(10, [(0, 9, "a", 0)]) is None


def test_no_room_for_a_new_file_pauses_the_sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "PARTS_MAX", 0)
    assert code(desk.send("init", init_payload(INFO))) == PAUSE
    monkeypatch.undo()
    monkeypatch.setattr(folder_module, "FREE_BYTES_MIN", 1 << 62)
    assert code(desk.send("init", init_payload(INFO))) == PAUSE
    assert code(desk.send("stat")) == RESTART


@pytest.mark.parametrize("fid", ["..", ".", "a/b", "", "-x", "x" * 65, "é"])
def test_ids_that_are_paths_are_refused(desk: Desk, fid: str) -> None:
    with pytest.raises(TransferError):
        desk.tell("init", init_payload(INFO), fid)


def test_empty_file(anywhere: Desk) -> None:
    desk = anywhere
    info = Info("empty.txt", 0, sha(b""))
    desk.send("init", init_payload(info))
    assert desk.send("stat").missing == []
    assert desk.send(fin_step(0, sha(b""))) is None
    assert code(desk.answered()[0]) == STORED
    assert desk.has("empty.txt") == b""
