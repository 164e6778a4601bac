"""Ed25519 keys in files: those of people, with a passphrase, and the board's own. The only place of cryptography.

The package is loaded at the first use: it costs a process 8 MiB that one without signed commands need not pay.
A person's key file says in plain lines whose it is; below that is a PKCS#8 PEM, encrypted under the passphrase
stretched by scrypt (the PEM's own PBKDF2 has 2048 rounds, which a thief with a graphics card walks through).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.core.people import key_id, key_text, public_of
from agent.core.signed import to_sign

if TYPE_CHECKING:
    import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE_LEAST = 8
FILE_BYTES_MAX = 16 * 1024
MESSAGE_BYTES_MAX = 1024 * 1024
APART_S = 20.0
_STRETCH = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024, "dklen": 32}


class KeysError(Exception):
    """A key file cannot be read, written or opened; the text says which and what to do."""


@dataclass(frozen=True)
class About:
    """What a key file says in plain: whose it is and its public key."""

    person: str
    public: bytes


class Signer:
    """A private key, opened. Never printed, never stored but by write_key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self.key_id = key_id(self.public)
        self.public_text = key_text(self.public)

    def sign(self, purpose: str, fields: Mapping[str, Any]) -> str:
        """The signature of the fields for that purpose (core/signed.py), 128 hex digits."""
        return self.sign_bytes(to_sign(purpose, fields))

    def sign_bytes(self, message: bytes) -> str:
        """The signature of a message made by to_sign, 128 hex digits."""
        return self._private.sign(message).hex()

    def raw(self) -> bytes:
        """The private key itself, for who writes it down."""
        return self._private.private_bytes_raw()


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether that public key's owner signed the message. Never raises."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class BoardSigner:
    """The board's own key, used in a process apart: who signs seldom stays 8 MiB smaller. KeysError as board_key."""

    def __init__(self, data: Path) -> None:
        self._data = data
        _apart(["sign", str(data)], b"", "makes the board's key")
        self.public_text = board_public(data)

    def sign(self, purpose: str, fields: Mapping[str, Any]) -> str:
        """As Signer.sign. KeysError if the process cannot be had, or the key is gone."""
        return _apart(["sign", str(self._data)], to_sign(purpose, fields), "signs").decode("ascii").strip()


def verify_apart(public: bytes, signature: bytes, message: bytes) -> bool:
    """As verify, in a process of its own that ends at once: whoever asks seldom stays 8 MiB smaller.

    Raises KeysError if that process cannot be had.
    """
    return _apart(["verify"], public + signature + message, "verifies signatures") == b"1"


def _apart(arguments: list[str], given: bytes, does: str) -> bytes:
    """What this module says in a process of its own. KeysError with its last words if it fails."""
    import subprocess

    command = [sys.executable, "-m", "agent.runtime.keys", *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=APART_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise KeysError(f"the process that {does}: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise KeysError(f"the process that {does} ended with {done.returncode}: {said[:200]}")
    return done.stdout


def _main(arguments: list[str]) -> int:
    """For another process. `verify`: public key, signature and message on stdin, 1 or 0 on stdout. `sign DATA`: what
    is on stdin, with the board's key, which is made if there is none; the signature as hex."""
    given = sys.stdin.buffer.read(MESSAGE_BYTES_MAX)
    if arguments == ["verify"]:
        sys.stdout.write("1" if verify(given[:32], given[32:96], given[96:]) else "0")
        return 0
    try:
        sys.stdout.write(board_key(Path(arguments[1])).sign_bytes(given))
    except KeysError as error:
        sys.stderr.write(str(error))
        return 1
    return 0


def new_signer() -> Signer:
    """A new key, from the kernel's randomness."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(Ed25519PrivateKey.generate())


# --- a person's key file ---


def write_key(path: Path, signer: Signer, person: str, passphrase: str) -> None:
    """A new file, mode 0600. KeysError if there is one already, or the passphrase is too short."""
    import secrets

    from cryptography.hazmat.primitives import serialization

    if len(passphrase) < PASSPHRASE_LEAST:
        raise KeysError(f"the passphrase must have at least {PASSPHRASE_LEAST} characters")
    salt = secrets.token_hex(16)
    pem = signer._private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(_stretched(passphrase, salt)),
    )
    head = f"# standpipe key\n# person: {person}\n# public: {signer.public_text}\n# scrypt: {salt}\n"
    _write_new(path, head.encode() + pem)


def about(path: Path) -> About:
    """Whose key that is; needs no passphrase, and proves nothing before the key is opened. KeysError."""
    said = _said(_read(path))
    try:
        return About(said["person"], public_of(said["public"]))
    except (KeyError, ValueError):
        raise KeysError(f"{path}: this is no key file of standpipe (standpipe keys new makes one)") from None


def open_key(path: Path, passphrase: str) -> Signer:
    """The key in a person's file. KeysError if it is none, is not closed to others, or the passphrase is wrong."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    known, text = about(path), _read(path)
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o077:
            raise KeysError(f"{path}: other users can read it: chmod 600 {path}")
    pem = text[text.find("-----BEGIN") :].encode()
    try:
        private = serialization.load_pem_private_key(pem, _stretched(passphrase, _said(text).get("scrypt", "")))
    except (ValueError, TypeError):
        raise KeysError(f"{path}: wrong passphrase, or the file is damaged") from None
    if not isinstance(private, Ed25519PrivateKey) or Signer(private).public != known.public:
        raise KeysError(f"{path}: the key inside is not the one that its heading names")
    return Signer(private)


def _stretched(passphrase: str, salt: str) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt.encode(), **_STRETCH).hex().encode()


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:FILE_BYTES_MAX].decode("ascii", errors="replace")
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from error


def _said(text: str) -> dict[str, str]:
    """The `# name: value` lines above the PEM."""
    lines = [line[2:].partition(": ") for line in text.splitlines() if line.startswith("# ")]
    return {name: value.strip() for name, _, value in lines}


def _write_new(path: Path, text: bytes) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from error
    try:
        os.write(file, text)
        os.fsync(file)
    finally:
        os.close(file)


# --- the board's own key ---

BOARD_KEY, BOARD_PUBLIC = "board.key", "board.pub"


def board_key(data: Path) -> Signer:
    """The board's key in the data folder (0600, of the user who made it), made if there is none. KeysError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = data / BOARD_KEY
    if not path.exists():
        _make_board_key(data, path)
    try:
        raw = bytes.fromhex(path.read_text(encoding="ascii").strip())
        signer = Signer(Ed25519PrivateKey.from_private_bytes(raw))
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from error
    except ValueError:
        raise KeysError(f"{path}: damaged; moved away, a new key is made, which collectors report") from None
    _publish(data, signer)
    return signer


def board_public(data: Path) -> str:
    """The board's public key as text, "" if it has none yet."""
    try:
        text = (data / BOARD_PUBLIC).read_text(encoding="ascii").strip()
        return key_text(public_of(text))
    except (OSError, ValueError):
        return ""


def _make_board_key(data: Path, path: Path) -> None:
    """Complete under another name first, then linked: two that make it at once end with the same one."""
    import secrets

    part = path.with_name(f".{BOARD_KEY}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        data.mkdir(parents=True, exist_ok=True)
        _write_new(part, new_signer().raw().hex().encode() + b"\n")
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
        _sync_folder(data)
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from error


def _publish(data: Path, signer: Signer) -> None:
    """The public half for everybody: who owns the private one is the only user that can read that."""
    if board_public(data) == signer.public_text:
        return
    part = data / f".{BOARD_PUBLIC}.{os.getpid()}"
    try:
        part.write_text(signer.public_text + "\n", encoding="ascii")
        part.replace(data / BOARD_PUBLIC)
    except OSError as error:
        raise KeysError(f"{data / BOARD_PUBLIC}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


# --- certificates ---


def certificate_ends(path: str) -> datetime.datetime | None:
    """When a PEM certificate expires (UTC), None if the file cannot be read as one."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(Path(path).read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
