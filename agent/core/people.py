"""People who may sign, what their roles are, and how an Ed25519 public key is written.

Rules of this file:
- a key is written "ed25519:" and 44 characters of base64; its id is the first 16 hex digits of its SHA-256;
- a key that would take anybody's signature for its own (a point of small order, such as all zeros) is no key.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

KEY_BYTES = 32
_SCHEME = "ed25519:"
_FIELD = 2**255 - 19
# The y of the eight points of small order (RFC 7748, section 7); with either sign of x.
_WEAK = {
    0,
    1,
    _FIELD - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
}


class Role(StrEnum):
    """What a person is to the site. What a role may sign is said in commands.py and statements.py."""

    OPERATOR = "operator"  # duty officer
    SHIFT_LEADER = "shift-leader"
    SUPERVISOR = "supervisor"  # the leader in charge
    MANAGER = "manager"  # general manager
    SAFETY_OFFICER = "safety-officer"
    SAFETY_OFFICE = "safety-office"
    TECHNICIAN = "technician"  # administers the system
    IT_ADMIN = "it-admin"  # administers computers: disks
    ELECTRICIAN = "electrician"
    AUDITOR = "auditor"


class Key(NamedTuple):
    """A public key that is known here, and whose it is. id: see key_id."""

    id: str
    person: str
    role: Role
    public: bytes


def key_text(public: bytes) -> str:
    """A public key as it is written down."""
    return _SCHEME + base64.b64encode(public).decode()


def public_of(text: str) -> bytes:
    """The 32 bytes of a public key from its text. Raises ValueError with what is wrong."""
    if not text.startswith(_SCHEME):
        raise ValueError(f'a public key begins with "{_SCHEME}"')
    try:
        public = base64.b64decode(text.removeprefix(_SCHEME), validate=True)
    except ValueError:
        raise ValueError("not base64") from None
    if len(public) != KEY_BYTES or key_text(public) != text:
        raise ValueError(f"not {KEY_BYTES} bytes of base64, or cut off")
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y in _WEAK or y >= _FIELD:
        raise ValueError("this is no key at all: anybody's signature would fit it")
    return public


def key_id(public: bytes) -> str:
    """A short name of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def keyring(people: Iterable[tuple[str, str, Iterable[str]]]) -> dict[str, Key]:
    """id -> key, of (person, role, texts of their keys). ValueError for a text that is no key or an unknown role."""
    found = {}
    for person, role, texts in people:
        for text in texts:
            public = public_of(text)
            found[key_id(public)] = Key(key_id(public), person, Role(role), public)
    return found
