"""Key files: closed by their passphrase and to other users; the board's key is made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.core.people import key_id, key_text, keyring, public_of
from agent.core.signed import COMMAND, HEAD, canonical, fields_of, fits
from agent.runtime.keys import (
    BoardSigner,
    KeysError,
    about,
    board_key,
    board_public,
    new_signer,
    open_key,
    verify,
    verify_apart,
    write_key,
)

GOOD = "correct horse"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "anna.key"
    write_key(path, new_signer(), "anna", GOOD)
    return path


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    signer = new_signer()
    write_key(tmp_path / "k", signer, "anna", GOOD)
    again = open_key(tmp_path / "k", GOOD)
    assert again.raw() == signer.raw()
    assert about(tmp_path / "k").person == "anna"
    assert about(tmp_path / "k").public == signer.public
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert signer.raw().hex() not in (tmp_path / "k").read_text()


def test_a_wrong_passphrase_opens_nothing(file: Path) -> None:
    for wrong in ("", "correct horsf", GOOD + " "):
        with pytest.raises(KeysError, match="wrong passphrase"):
            open_key(file, wrong)


def test_the_passphrase_is_stretched_by_scrypt(file: Path) -> None:
    """The PEM alone, tried with the plain passphrase as a thief would, does not open."""
    from cryptography.hazmat.primitives import serialization

    text = file.read_bytes()
    with pytest.raises(ValueError, match=r".+"):
        serialization.load_pem_private_key(text[text.index(b"-----BEGIN") :], GOOD.encode())


def test_a_short_passphrase_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="at least 8"):
        write_key(tmp_path / "k", new_signer(), "anna", "1234567")
    assert not (tmp_path / "k").exists()


def test_no_key_is_overwritten(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(KeysError, match="File exists"):
        write_key(file, new_signer(), "anna", GOOD)
    assert file.read_bytes() == before


def test_a_key_that_others_can_read_is_refused(file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(KeysError, match="chmod 600"):
        open_key(file, GOOD)


def test_a_heading_with_another_key_is_seen(file: Path) -> None:
    other = new_signer().public_text
    lines = [f"# public: {other}" if line.startswith("# public") else line for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines))
    with pytest.raises(KeysError, match="not the one"):
        open_key(file, GOOD)


@pytest.mark.parametrize("text", ["", "# person: anna\n", "\x00\xff", "-----BEGIN PRIVATE KEY-----\n"])
def test_what_is_no_key_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text)
    with pytest.raises(KeysError, match="no key file"):
        about(tmp_path / "k")


# --- the board's own ---


def test_the_boards_key_is_made_once_and_closed(tmp_path: Path) -> None:
    assert board_public(tmp_path / "data") == ""
    first = board_key(tmp_path / "data")
    assert board_key(tmp_path / "data").public == first.public
    assert board_public(tmp_path / "data") == first.public_text
    assert (tmp_path / "data/board.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["board.key", "board.pub"]


def test_two_that_make_it_at_once_end_with_the_same(tmp_path: Path) -> None:
    make = (
        "import sys; from pathlib import Path; from agent.runtime.keys import board_key\n"
        "print(board_key(Path(sys.argv[1])).public_text)"
    )
    command = [sys.executable, "-c", make, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_the_board_signs_in_a_process_apart_as_it_would_itself(tmp_path: Path) -> None:
    signer = BoardSigner(tmp_path / "data")
    own = board_key(tmp_path / "data")
    assert signer.public_text == own.public_text == board_public(tmp_path / "data")
    assert signer.sign(HEAD, {"a": 1}) == own.sign(HEAD, {"a": 1})
    code = "import sys; from agent.runtime.keys import BoardSigner, verify_apart\n"
    code += "from pathlib import Path; BoardSigner(Path(sys.argv[1])).sign('x', {}); verify_apart(b'', b'', b'')\n"
    code += "print(any(name.startswith('cryptography') for name in sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False\n"


def test_a_board_key_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "board.key").write_text("not a key")
    with pytest.raises(KeysError, match=r"board\.key: damaged"):
        BoardSigner(tmp_path)


def test_a_damaged_board_key_is_told_and_left(tmp_path: Path) -> None:
    (tmp_path / "board.key").write_text("nonsense")
    with pytest.raises(KeysError, match="damaged"):
        board_key(tmp_path)
    assert (tmp_path / "board.key").read_text() == "nonsense"


# --- keys as text, signatures ---


def test_a_public_key_as_text() -> None:
    signer = new_signer()
    assert public_of(signer.public_text) == signer.public
    assert keyring([("anna", "operator", [signer.public_text])])[key_id(signer.public)].person == "anna"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ed25519:",
        "rsa:" + "A" * 43 + "=",
        "ed25519:" + "A" * 42 + "==",
        "ed25519:" + "é" * 43 + "=",
        key_text(b"\x07" * 31),
        key_text(b"\x07" * 33),
        key_text(b"\x07" * 32)[:-2] + "d=",  # bits beyond the 32 bytes
        key_text(bytes(32)),
        key_text(b"\x01" + bytes(31)),
        key_text(b"\x01" + bytes(30) + b"\x80"),
        key_text(b"\xec" + b"\xff" * 30 + b"\x7f"),
        key_text(b"\xee" + b"\xff" * 30 + b"\x7f"),
        key_text(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        public_of(text)


def test_why_weak_keys_are_refused() -> None:
    """With the all-zero key one made-up signature fits about every fourth text: no secret is needed."""
    forged = b"\x01" + bytes(31) + bytes(32)  # R the neutral point, S = 0
    fitting = [n for n in range(64) if verify(bytes(32), forged, str(n).encode())]
    assert 0 < len(fitting) < 64


def test_a_signature_fits_its_purpose_its_fields_and_its_key() -> None:
    signer, other = new_signer(), new_signer()
    sig = signer.sign(HEAD, {"a": 1})
    assert fits(signer.public, sig, HEAD, {"a": 1}, verify)
    assert not fits(signer.public, sig, COMMAND, {"a": 1}, verify)
    assert not fits(signer.public, sig, HEAD, {"a": 2}, verify)
    assert not fits(other.public, sig, HEAD, {"a": 1}, verify)
    assert not fits(signer.public, sig.upper(), HEAD, {"a": 1}, verify)
    assert not verify(b"short", b"", b"")


def test_verified_apart_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    signer, fields = new_signer(), {"a": "ü" * 8000}
    sig = signer.sign(COMMAND, fields)
    assert fits(signer.public, sig, COMMAND, fields, verify_apart)
    assert not fits(new_signer().public, sig, COMMAND, fields, verify_apart)
    assert not verify_apart(b"short", b"", b"")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(KeysError, match="process that verifies"):
        verify_apart(signer.public, bytes.fromhex(sig), b"")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(KeysError, match="ended with 1"):
        verify_apart(signer.public, bytes.fromhex(sig), b"")


def test_what_is_signed_is_canonical() -> None:
    assert canonical({"b": "ü", "a": [1, True, None]}) == '{"a":[1,true,null],"b":"ü"}'
    assert fields_of(b'{"a": 1, "a": 2}') is None
    assert fields_of(b'{"a": 1.5}') is None
    assert fields_of(b'{"a": NaN}') is None
    assert fields_of(str(2**63).encode()) is None
    assert fields_of(f'{{"n": {-(2**63 - 1)}}}') == {"n": -(2**63 - 1)}
