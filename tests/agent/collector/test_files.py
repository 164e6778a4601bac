"""Files onto a real disk: what was answered is there after a kill, and only the very file is ever delivered."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sp_collect import BOARD, SITE, wait_until

from agent.collector import files as files_module
from agent.collector.books import Boards
from agent.collector.files import Files, Reply
from agent.collector.report import report
from agent.collector.store import Store
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.store = Store(self.folder)
        self.boards = Boards(self.store.db)
        self.files = Files(self.store.db, self.store.files, self.boards)
        self.store.on_rollback(self.boards.forget)
        self.store.on_rollback(self.files.forget)

    def kill(self) -> None:
        """What a kill -9 leaves: bytes written, and the last commit."""
        self.store.rollback()
        self.files.close()
        self.store.close()
        self.open()

    def send(self, step: str, payload: bytes = b"", *, commit: bool = True) -> Response | None:
        self.store.begin()
        board = self.boards.board(SITE, BOARD)
        reply = self.files.take(board, f"standpipe/{SITE}/{BOARD}/file/{FID}/{step}", payload)
        if commit:
            self.commit()
        return reply and self.read(reply)

    def read(self, reply: Reply) -> Response:
        return parse_response(reply.payload)

    def commit(self) -> None:
        self.files.settle()
        self.store.commit()

    def chunk(self, start: int, stop: int, *, commit: bool = True) -> Response | None:
        return self.send(chunk_step(start, sha(DATA[start:stop])), DATA[start:stop], commit=commit)

    def finish(self) -> Response:
        """fin, and its answer when the hash has been checked."""
        answer = self.send(fin_step(INFO.size, INFO.sha256))
        if answer is not None:
            return answer
        replies: list[Reply] = []

        def over() -> bool:
            self.store.begin()
            replies.extend(self.files.finished())
            self.commit()
            return bool(replies)

        wait_until(over, "the hash is checked")
        return self.read(replies[0])

    @property
    def path(self) -> Path:
        return self.folder / "files" / SITE / BOARD / FID / "clip.mp4"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "store")
    yield made
    made.files.close()
    made.store.close()


def code(answer: Response | None) -> int:
    assert answer is not None
    return answer.code


def test_file_is_put_together_and_reported(desk: Desk) -> None:
    assert desk.send("init", init_payload(INFO)).missing == [(0, 10_000)]
    desk.chunk(4000, 10_000)
    assert desk.send("stat").missing == [(0, 4000)]
    assert report(desk.folder)["boards"][0]["files"][0]["have_bytes"] == 6000
    desk.chunk(0, 4000)
    assert not desk.path.exists()
    assert code(desk.finish()) == STORED
    assert desk.path.read_bytes() == DATA
    (file,) = report(desk.folder)["boards"][0]["files"]
    assert (file["state"], file["sha256"], file["user_data"]) == ("complete", sha(DATA), {"event": "e-12"})
    assert (desk.folder / file["path"]).read_bytes() == DATA
    assert [p.name for p in desk.path.parent.iterdir()] == ["clip.mp4"]


def test_every_step_can_be_repeated(desk: Desk) -> None:
    for _ in range(3):
        assert code(desk.send("init", init_payload(INFO))) == STORED
        assert code(desk.chunk(0, 10_000)) == STORED
    for _ in range(3):
        assert code(desk.finish()) == STORED
        desk.kill()
    assert code(desk.send("init", init_payload(INFO))) == STORED
    assert desk.send("stat").missing == []
    assert code(desk.send("abort")) == STORED
    assert desk.path.read_bytes() == DATA


def test_kill_keeps_what_was_committed_and_asks_for_the_rest(desk: Desk) -> None:
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 3000)
    desk.chunk(3000, 6000, commit=False)  # written, never committed, never answered
    desk.kill()
    assert desk.send("stat").missing == [(3000, 10_000)]
    desk.chunk(3000, 10_000)
    assert code(desk.finish()) == STORED
    assert desk.path.read_bytes() == DATA


def test_kill_between_rename_and_commit(desk: Desk) -> None:
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 10_000)
    assert desk.send(fin_step(INFO.size, INFO.sha256)) is None
    wait_until(desk.path.exists, "the file lies in its place")
    desk.kill()
    assert report(desk.folder)["totals"]["files_partial"] == 1
    assert desk.send("stat").missing == []
    assert code(desk.finish()) == STORED
    assert desk.path.read_bytes() == DATA


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


def test_wrong_whole_is_never_put_in_its_place(desk: Desk) -> None:
    desk.send("init", init_payload(INFO))
    desk.send("0", b"x" * 10_000)  # no hash of its own
    assert code(desk.finish()) == RESEND
    assert not desk.path.exists()
    assert desk.send("stat").missing == [(0, 10_000)]
    desk.kill()
    assert desk.send("stat").missing == [(0, 10_000)]
    desk.chunk(0, 10_000)
    assert code(desk.finish()) == STORED
    assert desk.path.read_bytes() == DATA


def test_wiped_store_knows_nothing(desk: Desk) -> None:
    for step in ("stat", fin_step(5, "ab" * 32), chunk_step(0, sha(b"abc"))):
        assert code(desk.send(step, b"abc")) == RESTART


def test_abort_frees_the_room(desk: Desk) -> None:
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 5000)
    assert code(desk.send("abort")) == STORED
    assert not desk.path.with_name(".part").exists()
    assert code(desk.send("stat")) == RESTART
    desk.kill()
    assert code(desk.send("stat")) == RESTART


def test_while_the_hash_is_checked_fin_waits_and_abort_is_put_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(part: Path, final: Path, sha256: str) -> bool:
        time.sleep(0.2)
        return placed(part, final, sha256)

    placed = files_module._place
    monkeypatch.setattr(files_module, "_place", slow)
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 10_000)
    assert desk.send(fin_step(INFO.size, INFO.sha256)) is None
    assert desk.files.busy
    assert desk.send(fin_step(INFO.size, INFO.sha256)) is None
    assert code(desk.send("abort")) == PAUSE
    assert code(desk.chunk(0, 100)) == STORED
    assert code(desk.finish()) == STORED
    assert not desk.files.busy


def test_disk_that_refuses_pauses_the_sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send("init", init_payload(INFO))
    desk.chunk(0, 1000)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(files_module.os, "pwrite", full)
        assert code(desk.chunk(1000, 2000)) == PAUSE
    assert desk.send("stat").missing == [(1000, 10_000)]
    desk.chunk(1000, 10_000)
    assert code(desk.finish()) == STORED


def test_bytes_that_cannot_be_synced_are_not_written_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    desk.send("init", init_payload(INFO))
    with monkeypatch.context() as patched:
        patched.setattr(files_module.os, "fdatasync", broken)
        desk.chunk(0, 1000, commit=False)
        with pytest.raises(OSError, match="Input/output"):
            desk.commit()
    desk.store.rollback()
    assert desk.send("stat").missing == [(0, 10_000)]


def test_no_room_for_a_new_file_pauses_the_sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "PARTS_MAX", 0)
    assert code(desk.send("init", init_payload(INFO))) == PAUSE
    monkeypatch.undo()
    monkeypatch.setattr(files_module, "FREE_BYTES_MIN", 1 << 62)
    assert code(desk.send("init", init_payload(INFO))) == PAUSE
    assert code(desk.send("stat")) == RESTART


@pytest.mark.parametrize("fid", ["..", ".", "a/b", "", "-x", "x" * 65, "é"])
def test_ids_that_are_paths_are_refused(desk: Desk, fid: str) -> None:
    desk.store.begin()
    board = desk.boards.board(SITE, BOARD)
    with pytest.raises(TransferError):
        desk.files.take(board, f"standpipe/{SITE}/{BOARD}/file/{fid}/init", init_payload(INFO))


def test_empty_file(desk: Desk) -> None:
    info = Info("empty.txt", 0, sha(b""))
    desk.send("init", init_payload(info))
    assert desk.send("stat").missing == []
    assert desk.send(fin_step(0, sha(b""))) is None
    wait_until(desk.path.with_name("empty.txt").exists, "the empty file lies in its place")
