"""A new site file that comes as a signed command: how it travels, what it may not do, and what a cut-off one left.

Rules of this file:
- the whole file travels in the command, compressed, so that the signature covers every byte of it;
- a file that would keep the next one from coming is refused: another site or board, no uplink, no right for the key
  that signed it;
- killed anywhere, what stands on the disk and what the journal says decide together, by one table (`after_a_cut`).
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from agent.core.people import Key, Role

TEXT_BYTES_MAX = 128 * 1024
PACKED_MAX = 14_000  # with its envelope it must stay below COMMAND_BYTES_MAX
REASON_MAX = 4000
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")


def pack(text: bytes) -> str:
    """The file as a command carries it. ValueError if it is too large."""
    packed = base64.b64encode(zlib.compress(text, 9)).decode()
    if len(text) > TEXT_BYTES_MAX or len(packed) > PACKED_MAX:
        raise ValueError(f"{len(text)} bytes, {len(packed)} packed: a command carries {PACKED_MAX}")
    return packed


def is_packed(value: object) -> bool:
    """Whether it has the form of a packed file; what is in it is looked at by whoever unpacks it."""
    return isinstance(value, str) and 0 < len(value) <= PACKED_MAX and bool(_BASE64.match(value))


def unpack(packed: str) -> bytes:
    """The file's bytes, however it was packed never more than TEXT_BYTES_MAX. ValueError if it is none."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(base64.b64decode(packed, validate=True), TEXT_BYTES_MAX)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"not a packed file: {error}") from error
    if not reader.eof or reader.unused_data:
        raise ValueError(f"not a packed file, or more than {TEXT_BYTES_MAX} bytes")
    return text


# --- what it may not do ---


class Stands(NamedTuple):
    """What a site file says about being reached. keys: of people, by id; remote: it has an uplink."""

    site: str
    board: str
    keys: Mapping[str, Key]
    remote: bool


def locks_out(now: Stands, then: Stands, signer: str, roles: frozenset[Role]) -> list[str]:
    """Why this file must not come from afar; empty if it may. roles: those that may send one."""
    found = []
    if (now.site, now.board) != (then.site, then.board):
        found.append(f"it is for {then.site}/{then.board}, and this board is {now.site}/{now.board}")
    if not then.remote:
        found.append("it has no [uplink]: no command would ever come again")
    key = then.keys.get(signer)
    if key is None or key.role not in roles:
        found.append("the key that signed it could not send the next one: take it out with another key")
    return found


def reason_of(problems: list[str]) -> str:
    """All that is wrong in one text, bounded; how many more there are, if it is cut."""
    text = "; ".join(problems)
    if len(text) <= REASON_MAX:
        return text
    kept = text[:REASON_MAX].rsplit("; ", 1)[0]
    return f"{kept}; and {len(problems) - kept.count('; ') - 1} more"


# --- what a cut-off one left ---


class Trial(NamedTuple):
    """What is being tried, as noted beside the site file. request: its row in the journal of `epoch`."""

    command: str
    op: str
    by: str
    epoch: str
    request: int
    old_sha256: str
    new_sha256: str

    def text(self) -> bytes:
        return json.dumps(self._asdict(), sort_keys=True).encode()


def parse_trial(text: bytes) -> Trial | None:
    """The note, None if it is none."""
    try:
        fields = json.loads(text)
        trial = Trial(**fields)
    except (ValueError, TypeError):
        return None
    kinds = (str, str, str, str, int, str, str)
    return trial if all(type(value) is kind for value, kind in zip(trial, kinds, strict=True)) else None


class Cut(Enum):
    """What is to be done about a trial that was cut off."""

    FORGET = "the new file was good and its result is written: only the note is left"
    ROLL_BACK = "the new file stands and nothing says that it is good: the old one again"
    SAY = "the old file stands: say so"
    LEAVE = "somebody has put another file there meanwhile: leave it and say so"


def after_a_cut(trial: Trial, sha256: str, *, done: bool) -> Cut:
    """sha256: of the file that stands; done: the journal says that the command was done."""
    if done:
        return Cut.FORGET
    table = {trial.new_sha256: Cut.ROLL_BACK, trial.old_sha256: Cut.SAY}
    return table.get(sha256, Cut.LEAVE)
