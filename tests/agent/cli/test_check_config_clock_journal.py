"""The small commands: check, config schema, clock set, journal check."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_cli import Board, Said

from agent.config.schema import schema
from agent.core.events import DoorOpened
from agent.runtime.clock import boot_id
from agent.runtime.keys import new_signer, write_key

Standpipe = Callable[..., Said]


def test_check_of_a_good_file(board: Board, standpipe: Standpipe) -> None:
    said = standpipe("check")
    assert said.code == 0
    assert said.out == (
        f"{board.paths.site}: good (points 1, pumps 0, relays 1, cameras 1, rules 1, uplink to mqtt://127.0.0.1:1)\n"
    )


def test_check_names_line_key_value_and_what_is_allowed(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text(board.paths.site.read_text().replace("held_open_s = 120", "held_open_s = 1"))
    said = standpipe("check")
    assert said.code == 1
    assert said.out.splitlines() == [
        f'{board.paths.site}:11: error: point[1] "gate".held_open_s = 1: a whole number is needed from 5 to 86400',
        "1 to correct, 0 to look at",
    ]


def test_check_takes_another_file_and_json(board: Board, standpipe: Standpipe) -> None:
    other = board.paths.site.with_name("other.toml")
    other.write_text("[site]\nid = 3\nboard = 'b'\n")
    said = standpipe("check", str(other), "--json")
    assert said.code == 1
    found = json.loads(said.out)
    assert found["good"] is False
    assert [(one["level"], one["line"], one["key"], one["value"]) for one in found["found"]] == [
        ("error", 2, "site.id", "3")
    ]


def test_check_in_chinese(board: Board, standpipe: Standpipe) -> None:
    board.paths.site.write_text('[site]\nlanguage = "zh-CN"\nid = "a"\nboard = "b"\nx = 1\n')
    assert "错误: site.x = 1: 未知的键" in standpipe("check").out


@pytest.mark.parametrize(
    ("content", "mode", "code", "words"),
    [
        ('[yard]\nuser = "u"\npassword = "hunter2"\n', 0o600, 0, "good"),
        ('[yard]\nuser = "u"\npassword = "hunter2"\n', 0o644, 1, "other users can read it"),
        ('[yrad]\nuser = "u"\npassword = "hunter2"\n', 0o600, 0, 'did you mean "yard"?'),
        ('[yard]\nuser = "u"\npasword = "hunter2"\n', 0o600, 1, "[yard] must have user"),
        ("[yard\n", 0o600, 1, "secrets.toml: error:"),
    ],
)
def test_check_looks_at_the_secrets_too(
    board: Board, standpipe: Standpipe, content: str, mode: int, code: int, words: str
) -> None:
    board.paths.secrets.write_text(content)
    board.paths.secrets.chmod(mode)
    said = standpipe("check")
    assert said.code == code
    assert words in said.out
    assert "hunter2" not in said.out + said.err


def test_check_misses_certificates(board: Board, standpipe: Standpipe) -> None:
    with board.paths.site.open("a") as file:
        file.write('ca = "ca.pem"\n')
    said = standpipe("check")
    assert (said.code, "uplink.ca: there is no file ca.pem" in said.out) == (0, True)
    board.paths.site.with_name("ca.pem").write_text("")
    assert "ca.pem" not in standpipe("check").out


def test_config_schema_is_json(standpipe: Standpipe) -> None:
    assert json.loads(standpipe("config", "schema", folders=False).out) == schema()


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("2026-11-22 14:30", 1_795_329_000),
        ("2026-11-22T14:30:05+00:00", 1_795_357_805),
        ("2026-11-22 06:30:00Z", 1_795_329_000),
    ],
)
def test_clock_set_anchors_this_boot(board: Board, standpipe: Standpipe, text: str, at_s: int) -> None:
    board.note()
    before = time.monotonic_ns()
    assert standpipe("clock", "set", text).code == 0
    journal = board.journal()
    row = journal.last("clock.set")
    journal.close()
    assert row
    values = row.values()
    assert (values["at_ns"], values["boot"], values["by"]) == (at_s * 10**9, boot_id(), "person")
    assert before <= int(str(values["mono_ns"])) <= time.monotonic_ns()


def test_clock_set_now_takes_the_systems_clock(board: Board, standpipe: Standpipe) -> None:
    board.note()
    before = time.time_ns()
    assert standpipe("clock", "set", "--now").code == 0
    journal = board.journal()
    row = journal.last("clock.set")
    journal.close()
    assert row
    assert before <= int(str(row.values()["at_ns"])) <= time.time_ns()


@pytest.mark.parametrize("text", ["tomorrow", "1970-01-02 00:00", "2026-13-01 00:00", "14:30"])
def test_clock_set_refuses_what_is_no_time(board: Board, standpipe: Standpipe, text: str) -> None:
    board.note()
    said = standpipe("clock", "set", text)
    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    journal = board.journal()
    assert journal.last("clock.set") is None
    journal.close()


def test_journal_check_of_a_whole_chain(board: Board, standpipe: Standpipe) -> None:
    board.note(*[DoorOpened(source="gate") for _ in range(50)])
    said = standpipe("journal", "check")
    assert said.code == 0
    assert "51 rows, 1 to 51, chain whole" in said.out


def test_journal_check_names_the_first_bad_row(board: Board, standpipe: Standpipe) -> None:
    board.note(*[DoorOpened(source="gate") for _ in range(50)])
    with contextlib.closing(sqlite3.connect(board.paths.journal, isolation_level=None)) as db:
        for (name,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            db.execute(f"drop trigger {name}")
        db.execute("update row set source = 'gote' where seq in (20, 30)")
    said = standpipe("journal", "check")
    assert said.code == 1
    assert f"{board.paths.journal}: row 20: " in said.out
    report = json.loads(standpipe("journal", "check", "--json").out)
    assert (report["rows"], report["bad_seq"]) == (19, 20)


KEY_OF_TLS = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"


def copies(board: Board, section: str = "backup") -> Path:
    """The site's folder of copies, as site.toml names it."""
    folder = board.paths.site.parent / "disk"
    (folder / "a-copy").mkdir(parents=True, exist_ok=True)
    board.paths.site.write_text(board.paths.site.read_text() + f'\n[{section}]\npath = "{folder}"\n')
    return folder


@pytest.mark.parametrize("section", ["backup", "holds"])
@pytest.mark.parametrize(
    ("name", "text", "mode", "open_"),
    [
        ("board.key", "ab" * 32 + "\n", 0o600, True),
        ("other", "cd" * 32 + "\n", 0o600, True),
        ("tls.pem", KEY_OF_TLS, 0o600, True),
        ("secrets.toml", '[yard]\nuser = "u"\npassword = "hunter2"\n', 0o600, True),
        ("anna.key", "", 0o644, False),
    ],
)
def test_check_finds_keys_where_copies_leave_the_board(
    board: Board, standpipe: Standpipe, section: str, name: str, text: str, mode: int, open_: bool
) -> None:
    file = copies(board, section) / "a-copy" / name
    if text:
        file.write_text(text)
    else:
        write_key(file, new_signer(), "anna", "correct horse")
    file.chmod(mode)
    said = standpipe("check")
    (line,) = (line for line in said.out.splitlines() if str(file) in line)
    assert (said.code, "a key or passwords lie open" in line) == (0, open_)
    assert ("mode 644" in line) is not open_
    assert "hunter2" not in said.out
    board.paths.site.write_text(board.paths.site.read_text().replace("[site]\n", '[site]\nlanguage = "zh-CN"\n', 1))
    assert ("以明文存放" in standpipe("check").out) is open_
    file.unlink()
    assert str(file) not in standpipe("check").out


def test_a_closed_key_and_a_copy_of_the_site_file_are_none_of_that(board: Board, standpipe: Standpipe) -> None:
    folder = copies(board)
    write_key(folder / "anna.key", new_signer(), "anna", "correct horse")
    (folder / "a-copy" / "site.toml").write_bytes(board.paths.site.read_bytes())
    (folder / "a-copy" / "journal.db").write_bytes(b"\xff" * 100_000)
    out = standpipe("check").out
    assert str(folder / "a-copy") not in out
    assert "anna.key" not in out


def test_check_says_that_copies_lie_beside_their_originals(board: Board, standpipe: Standpipe) -> None:
    folder = copies(board)
    out = standpipe("check").out
    assert f"{folder}: warning: the copies lie on the disk of the data itself" in out
    assert f"{board.paths.data}: warning: copies of held footage lie on the disk of the data" in out
    shutil.rmtree(folder)
    assert "is the disk of the copies mounted" not in standpipe("check").out, "the file of another machine"
    board.note(DoorOpened(source="gate"))
    assert "is the disk of the copies mounted" in standpipe("check").out


def test_a_key_of_the_uplink_is_not_for_everybody(board: Board, standpipe: Standpipe) -> None:
    key = board.paths.site.parent / "board.pem"
    key.write_text(KEY_OF_TLS)
    text = board.paths.site.read_text()
    board.paths.site.write_text(text.replace("[uplink]\n", f'[uplink]\nkey = "{key}"\ncert = "{key}"\n'))
    for mode, told in ((0o644, True), (0o640, False)):
        key.chmod(mode)
        assert ("anybody on this machine can read this key" in standpipe("check").out) is told


def test_a_backup_less_often_than_each_day_is_something_to_look_at(board: Board, standpipe: Standpipe) -> None:
    copies(board)
    text = board.paths.site.read_text()
    for hours, told in ((25, True), (24, False), (6, False)):
        board.paths.site.write_text(f"{text}every_h = {hours}\n")
        assert ("every 24 hours" in standpipe("check").out) is told
