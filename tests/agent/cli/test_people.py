"""The commands of people: keys, approve, and command against a real broker, uplink and panel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sp_broker import Broker
from sp_cli import SITE as CLI_SITE
from sp_cli import Board, Said
from sp_ports import free_port
from sp_site import SITE, Site, until

from agent.config import check
from agent.core.events import ApprovalRequested
from agent.core.statements import parse
from agent.runtime.keys import board_public

Run = Callable[..., Said]
PASSPHRASE = "correct horse battery"


@pytest.fixture
def passphrase(tmp_path: Path) -> list[str]:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return ["--passphrase-file", str(path)]


def new_key(standpipe: Run, file: Path, person: str, role: str, passphrase: list[str]) -> str:
    """Make a key; returns the section that the command printed."""
    said = standpipe("keys", "new", str(file), "--person", person, "--role", role, *passphrase)
    assert said.code == 0, said.err
    return said.out[said.out.index("[[person]]") :]


# --- keys ---


def test_the_printed_section_is_what_site_toml_takes(
    standpipe: Run, board: Board, tmp_path: Path, passphrase: list[str]
) -> None:
    section = new_key(standpipe, tmp_path / "anna.key", "anna", "supervisor", passphrase)
    board.paths.site.write_text(CLI_SITE + section)
    assert check(board.paths.site).problems == []
    shown = standpipe("keys", "show")
    assert "anna" in shown.out
    assert "supervisor" in shown.out
    key = standpipe("keys", "show", str(tmp_path / "anna.key")).out.split()
    assert key[1] in section


def test_rotation_gives_two_lines_for_site_toml(
    standpipe: Run, board: Board, tmp_path: Path, passphrase: list[str]
) -> None:
    section = new_key(standpipe, tmp_path / "anna.key", "anna", "operator", passphrase)
    said = standpipe("keys", "rotate", str(tmp_path / "anna.key"), str(tmp_path / "next.key"), *passphrase)
    lines = said.out[said.out.index("key = ") :]
    board.paths.site.write_text(CLI_SITE + section.partition("key = ")[0] + lines)
    checked = check(board.paths.site)
    assert checked.problems == []
    assert checked.config is not None
    assert checked.config.person[0].old_key in section
    assert standpipe("keys", "show").out.count("anna") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["new", "{k}"], "no key is ever overwritten"),
        (["new", "{t}/Anna Li.key"], "cannot be a person's id"),
        (["new", "{t}/nowhere/a.key"], "No such file"),
        (["show", "{t}/site.toml"], "no key file"),
        (["rotate", "{t}/none", "{t}/b"], "No such file"),
    ],
)
def test_mistakes_are_one_line(
    standpipe: Run, tmp_path: Path, passphrase: list[str], arguments: list[str], says: str
) -> None:
    new_key(standpipe, tmp_path / "k.key", "anna", "operator", passphrase)
    told = [one.format(k=tmp_path / "k.key", t=tmp_path) for one in arguments]
    said = standpipe("keys", *told, *([] if "show" in told else passphrase))
    assert said.code in (1, 2)
    assert says in said.err
    assert said.err.count("\n") == 1


def test_without_a_terminal_the_passphrase_must_be_named(standpipe: Run, tmp_path: Path) -> None:
    said = standpipe("keys", "new", str(tmp_path / "a.key"))
    assert (said.code, "--passphrase-file" in said.err) == (2, True)


def test_the_board_shows_its_public_key(standpipe: Run, board: Board) -> None:
    first = standpipe("keys", "board")
    assert first.out.strip() == board_public(board.paths.data)
    (board.paths.data / "board.key").unlink()
    assert standpipe("keys", "board").out == first.out, "who may not read the private half still sees the public one"


# --- approve ---


def asked(board: Board, by: str = "anna") -> None:
    scope = {"camera": "yard", "from": "2026-11-01", "to": "2026-11-02"}
    board.note(ApprovalRequested(source="footage", request="r-1", what="policy", scope=scope, by=by, reason="privacy"))


def test_a_second_person_signs_and_the_first_may_not(
    standpipe: Run, board: Board, tmp_path: Path, passphrase: list[str]
) -> None:
    people = "".join(
        new_key(standpipe, tmp_path / f"{name}.key", name, "supervisor", passphrase) for name in ("anna", "chen")
    )
    board.paths.site.write_text(CLI_SITE + people)
    asked(board)
    listed = standpipe("approve")
    assert all(word in listed.out for word in ("r-1", "policy", "anna (unsigned)", "camera=yard", "privacy"))
    own = standpipe("approve", "r-1", "--key", str(tmp_path / "anna.key"), "--yes", *passphrase)
    assert (own.code, "second person" in own.err) == (1, True)
    done = standpipe("approve", "r-1", "--key", str(tmp_path / "chen.key"), "--yes", *passphrase)
    assert done.code == 0, done.err
    journal = board.journal()
    rows = journal.read(kinds=["statement.signed"])
    journal.close()
    assert len(rows) == 1
    statement = parse(str(rows[0].values()["statement"]))
    assert statement is not None
    assert (statement.by, statement.verdict, statement.scope["camera"]) == ("chen", "approve", "yard")
    assert "nothing waits" in standpipe("approve").out


def test_a_stranger_and_an_unknown_request(standpipe: Run, board: Board, tmp_path: Path, passphrase: list[str]) -> None:
    new_key(standpipe, tmp_path / "eve.key", "eve", "supervisor", passphrase)
    asked(board)
    eve = standpipe("approve", "r-1", "--key", str(tmp_path / "eve.key"), "--yes", *passphrase)
    assert (eve.code, "not known here" in eve.err) == (1, True)
    none = standpipe("approve", "r-9", "--key", str(tmp_path / "eve.key"), "--yes", *passphrase)
    assert (none.code, "no request r-9" in none.err) == (2, True)
    assert json.loads(standpipe("approve", "--json").out)[0]["request"] == "r-1"


# --- command ---


def test_a_command_from_the_terminal_to_the_siren_and_back(
    standpipe: Run, tmp_path: Path, passphrase: list[str]
) -> None:
    person = new_key(standpipe, tmp_path / "anna.key", "anna", "operator", passphrase)
    new_key(standpipe, tmp_path / "eve.key", "anna", "operator", passphrase)
    with Broker(tmp_path / "broker") as broker:
        text = SITE + "\n" + person + f'\n[uplink]\nbroker = "{broker.url}"\n'
        with Site(tmp_path / "site", text) as site:
            site.start_board()
            site.start_panel()
            site.start("uplink")
            site.wait_row("link.up")
            site.driver.contact("flood", True)
            site.driver.wait_relay("siren", True)
            to = ["--broker", broker.url, "--site-id", "plant", "--board", "pump-house", *passphrase]
            key = ["--key", str(tmp_path / "anna.key")]
            until(lambda: standpipe("command", *to, *key, "silence", "none").code == 1, "the board is there")
            said = standpipe("command", *to, *key, "silence", "point.changed:flood", folders=False)
            assert (said.code, said.err) == (0, "")
            assert said.out.splitlines()[-1] == "done: silence"
            site.driver.wait_relay("siren", False)
            no = standpipe("command", *to, "--key", str(tmp_path / "eve.key"), "silence", "*")
            assert (no.code, "refused (unknown-key)" in no.out) == (1, True)
            told = standpipe("command", *to, *key, "reset", "*", "--json")
            assert (told.code, json.loads(told.out)["told"][-1]["code"]) == (1, "not-allowed")
            clip = standpipe("command", *to, *key, "clip", "pump-room", "--at", "2026-11-01 12:00", "--hold")
            assert clip.code == 0, clip.out
            assert site.rows("clip.requested")[-1].values()["hold"] is True
            site.stop("uplink")
            away = standpipe("command", *to, *key, "silence", "*")
            assert (away.code, "is offline: nothing was sent" in away.err) == (1, True)
            other = [*to[:3], "elsewhere", *to[4:]]
            assert "knows of no board elsewhere/pump-house" in standpipe("command", *other, *key, "silence", "*").err


def test_no_broker_is_told_in_one_line(standpipe: Run, tmp_path: Path, passphrase: list[str]) -> None:
    new_key(standpipe, tmp_path / "anna.key", "anna", "operator", passphrase)
    to = ["--broker", f"mqtt://127.0.0.1:{free_port()}", "--site-id", "a", "--board", "b"]
    said = standpipe("command", *to, "silence", "*", "--key", str(tmp_path / "anna.key"), *passphrase)
    assert (said.code, said.err.count("\n"), "unreachable" in said.err) == (1, 1, True)
